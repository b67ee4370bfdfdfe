//! A second one of what was ordered once, found beside a grant's key with its label, or after that has ended. Of what cannot be made
//! inert it costs money from its first second: its grant pays for it, and it is ended at once. A double is
//! kept as a key before the first attempt, so that what it cost stays beside what the other one costs.

use crate::{
    books::{Books, Entry, Message, To},
    event::Event,
    grant::{Grant, Key, State, label},
    ids::ServiceName,
    page::{Page, Text},
    ports::Listed,
    readings::{self, Read},
    sentences::{asked, own},
};

impl Key {
    pub fn is_double(&self) -> bool {
        self.attempt < 1
    }
}

/// Whether a listed key is a second one of what the grant's keys are, or were.
fn is_beside(grant: &Grant, listed: &Listed) -> bool {
    let keys = &grant.keys;
    let is_it = |key: &Key| key.provider_id.as_deref() == Some(listed.provider_id.as_str());
    let is_original = |key: &Key| key.provider_id.is_some() && key.label == listed.label;
    keys.iter().any(is_original) && !keys.iter().any(is_it)
}

/// Live grants of the service. What is still being made is looked for by its label.
fn made<'a>(books: &'a Books, service: &ServiceName) -> impl Iterator<Item = &'a Grant> {
    let is_made = |grant: &&Grant| !matches!(grant.state, State::Issuing | State::InDoubt);
    let of_service = books
        .live
        .iter()
        .filter(move |grant| grant.service == *service);
    of_service.filter(is_made)
}

/// Whether a listed key is a double of one of these books.
pub fn is_double(books: &Books, service: &ServiceName, listed: &Listed) -> bool {
    made(books, service).any(|grant| is_beside(grant, listed))
}

/// Each double of a live grant is recorded before it is ended, and told of once.
pub fn found(books: &Books, service: &ServiceName, listed: &[Listed]) -> Entry {
    let entry = Entry::default();
    made(books, service).fold(entry, |entry, grant| noted(entry, books, (grant, listed)))
}

/// Likewise of a grant that has ended: what was made twice, or late, costs money all the same.
pub fn found_after(books: &Books, listed: &[Listed]) -> Entry {
    let ended = books.grant.iter();
    let ended = ended.filter(|grant| matches!(grant.state, State::Ended(_)));
    ended.fold(Entry::default(), |entry, grant| {
        noted(entry, books, (grant, listed))
    })
}

fn noted(mut entry: Entry, books: &Books, (grant, listed): (&Grant, &[Listed])) -> Entry {
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
    entry
}

const WHAT: &str = "a second one with the same label was found at its provider: it was made twice, or somebody \
    copied it there. Slice ends the second one now; what that cost is charged to the grant.";

fn to_owners(grant: &Grant) -> Page {
    Page::say(asked(grant).and(format!(": {WHAT}")))
}

fn to_member(grant: &Grant) -> Page {
    let goes_on = match grant.state {
        State::Ended(_) => "",
        _ => " Yours goes on.",
    };
    Page::say(Text::new(format!("Your {}: {WHAT}{goes_on}", own(grant))))
}

/// It has ended, and this is what it cost.
pub fn ended(books: &Books, read: &Read) -> Entry {
    let entry = readings::usage_read(books, std::slice::from_ref(read));
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
