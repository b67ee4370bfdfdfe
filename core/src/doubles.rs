//! A second one of what was ordered once, found beside a grant's key with its label. Of what cannot be made
//! inert it costs money from its first second: its grant pays for it, and it is ended at once. A double is
//! kept as a key before the first attempt, so that what it cost stays beside what the other one costs.

use crate::{
    books::{Books, Entry, Message, To},
    event::Event,
    grant::{Grant, Key, KeyState, State, label},
    ids::ServiceName,
    page::{Page, Text},
    ports::Listed,
    sentences::{asked, own},
    steps::{self, Read},
};

impl Key {
    pub fn is_double(&self) -> bool {
        self.attempt < 1
    }
}

/// Whether a listed key is a double of one of the grant's. What is still being made is looked for by its label.
fn is_beside(grant: &Grant, listed: &Listed) -> bool {
    let is_made = !matches!(grant.state, State::Issuing | State::InDoubt);
    let is_it = |key: &Key| key.provider_id.as_deref() == Some(listed.provider_id.as_str());
    let is_original = |key: &Key| {
        let stands = key.provider_id.is_some() && key.state != KeyState::Gone;
        stands && key.label == listed.label
    };
    let keys = &grant.keys;
    is_made && keys.iter().any(is_original) && !keys.iter().any(is_it)
}

/// Whether a listed key is a double of one of these books.
pub fn is_double(books: &Books, service: &ServiceName, listed: &Listed) -> bool {
    let mut grants = books.live.iter().filter(|grant| grant.service == *service);
    grants.any(|grant| is_beside(grant, listed))
}

/// Each double is recorded before it is ended, and told of once.
pub fn found(books: &Books, service: &ServiceName, listed: &[Listed]) -> Entry {
    let mut entry = Entry::default();
    for grant in books.live.iter().filter(|grant| grant.service == *service) {
        let first = grant.keys.first().map_or(1, |key| key.attempt.min(1));
        let doubles = listed.iter().filter(|one| is_beside(grant, one));
        for (place, double) in (1..).zip(doubles) {
            let attempt = first - place;
            let event = Event::DoubleFound {
                grant: grant.id,
                attempt,
                label: label(grant.id, attempt),
                provider_id: double.provider_id.clone(),
                facts: double.facts.clone(),
            };
            let (told, own) = (to_owners(grant), to_member(grant));
            let owners = books.org.owners_at().into_iter();
            entry = entry
                .and(event)
                .say_all(owners.map(|to| Message::new(to, told.clone())))
                .say(Message::new(To::Member(grant.member), own));
        }
    }
    entry
}

const WHAT: &str = "a second one with the same label was found at its provider: it was made twice, or somebody \
    copied it there. Slice ends the second one now; what that cost is charged to the grant.";

fn to_owners(grant: &Grant) -> Page {
    Page::say(asked(grant).and(format!(": {WHAT}")))
}

fn to_member(grant: &Grant) -> Page {
    Page::say(Text::new(format!(
        "Your {}: {WHAT} Yours goes on.",
        own(grant)
    )))
}

/// It has ended, and this is what it cost.
pub fn ended(books: &Books, read: &Read) -> Entry {
    let entry = steps::usage_read(books, std::slice::from_ref(read));
    let Some(grant) = books.grant.as_ref() else {
        return entry;
    };
    let cost = read.usage.up_to_cents();
    let text = format!(
        "The second one of your {} has ended. It cost {cost}, which is charged to the grant.",
        own(grant)
    );
    entry.say(Message::new(
        To::Member(grant.member),
        Page::say(Text::new(text)),
    ))
}
