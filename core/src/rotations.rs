//! Another key for a grant, with what is left of its cap. What both keys may spend together is never
//! more than that: the old one is stopped, or lowered, before the new one can spend.

use crate::{
    books::{Books, Entry, Message, To},
    changes::{self, What, is_free, theirs},
    ends,
    event::Event,
    grant::{Grant, Key, KeyState, State, label},
    ids::MemberId,
    life::Life,
    money::Money,
    page::{Audience, Button, Page, Text},
    ports::Capabilities,
    refusal::Refusal,
    renewals, requests, sentences,
    settings::Delivery,
    steps,
    time::Time,
};

/// The longest that an old key goes on beside the new one.
pub const OVERLAP_MAX: Life = Life::from_days(1);
/// During an overlap the old key may spend this part of what is left.
const SHARE: i64 = 10;

/// Another key for a grant.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub number: i64,
    pub overlap: Option<Life>,
    pub service: &'a Capabilities,
    /// Whoever acts is an owner.
    pub by_owner: bool,
}

/// Begins a rotation. Gives the grant's member.
pub fn rotate(books: &Books, wanted: &Wanted<'_>) -> Result<(Entry, MemberId), Refusal> {
    let grant = theirs(books, wanted.number, wanted.by_owner)?;
    if grant.state != State::Active {
        return Err(requests::wrong(grant, "rotated"));
    }
    if !wanted.service.adjusts.secret {
        return Err(fixed(books, grant, wanted.service));
    }
    if wanted.overlap.is_some_and(|overlap| OVERLAP_MAX < overlap) {
        return Err(Refusal::sentence(format!(
            "Two keys of one grant can work side by side for {} hours at most. Nothing was changed.",
            OVERLAP_MAX.hours()
        )));
    }
    let begun = begin(grant, wanted.overlap, renewals::next_end(books, grant))?;
    let text = format!("The key of your grant {} is being replaced.", grant.number);
    let told = changes::tell(books, grant, text.as_str());
    Ok((Entry::event(begun).say_all(told), grant.member))
}

/// A service whose keys stay as they are: a new grant is what there is.
pub(crate) fn fixed(books: &Books, grant: &Grant, service: &Capabilities) -> Refusal {
    let rest = (grant.cap - grant.usage()).or_zero().up_to_cents();
    let who = books.actor.member().unwrap_or(grant.member);
    let line = format!("provision {} {}", grant.service, rest.decimal());
    let another = Button::new(format!("Provision {rest}"), line, Audience::Member(who));
    Refusal::offering(
        format!(
            "{} can't put anything in the place of what grant {} has. Nothing was changed. Take a new \
             grant, and give this one back when you are done with it.",
            service.title, grant.number
        ),
        another,
    )
}

/// The event with which a rotation begins: the grant's one key is in somebody's hands, and something
/// is left for another one.
pub(crate) fn begin(
    grant: &Grant,
    overlap: Option<Life>,
    ends_at: Option<Time>,
) -> Result<Event, Refusal> {
    is_free(grant)?;
    let number = grant.number;
    let armed = grant.key().filter(|key| key.state == KeyState::Armed);
    let old = armed.ok_or(Refusal::LostLease)?.attempt;
    if grant.revealed_at.is_none() {
        return Err(Refusal::sentence(format!(
            "Nobody has seen the key of grant {number} yet, so it needs no other. Nothing was changed. \
             It is shown with `/slice reveal {number}`."
        )));
    }
    // One that begins each month anew has more to come.
    if grant.cap <= grant.usage() && grant.monthly.is_none() {
        return Err(Refusal::sentence(format!(
            "Grant {number} has spent all of its {}, so nothing is left for another key. Nothing was \
             changed. Raise it first: `/slice cap {number} <amount>`.",
            grant.cap
        )));
    }
    Ok(Event::RotationBegun {
        grant: grant.id,
        old,
        overlap,
        ends_at,
    })
}

/// A rotation that is under way.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a> {
    pub old: &'a Key,
    /// The attempt that takes its place, if there is one already.
    pub new: Option<&'a Key>,
    pub overlap: Option<Life>,
    /// When the grant ends after it.
    pub ends_at: Time,
}

impl<'a> Rotation<'a> {
    pub fn of(grant: &'a Grant) -> Option<Self> {
        let What::Rotation {
            old,
            overlap,
            ends_at,
        } = grant.change?.what
        else {
            return None;
        };
        let mut keys = grant.keys.iter();
        let newer = |key: &&Key| old < key.attempt && key.state != KeyState::Gone;
        Some(Self {
            new: grant.keys.iter().rfind(newer),
            old: keys.find(|key| key.attempt == old)?,
            overlap,
            ends_at: ends_at.or(grant.ends_at)?,
        })
    }

    /// What the old key may spend in all during the overlap: a part of what is left, and never more
    /// than before.
    pub fn lowered(&self, grant: &Grant) -> Money {
        let rest = (grant.cap - grant.usage()).or_zero();
        let part = Money::from_micros(rest.micros() / SHARE).up_to_cents();
        let spendable = self.old.usage + part.min(rest);
        spendable.min(self.old.armed_cap).or_zero()
    }
}

fn under_way(books: &Books) -> Result<(&Grant, Rotation<'_>), Refusal> {
    let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
    if grant.state != State::Active {
        return Err(Refusal::LostLease);
    }
    Ok((grant, Rotation::of(grant).ok_or(Refusal::LostLease)?))
}

/// Before the provider hears of the new key: its attempt and its label. Gives the attempt.
pub fn intend(books: &Books, dead_man: Option<Time>) -> Result<(Entry, i64), Refusal> {
    let (grant, rotation) = under_way(books)?;
    if rotation.new.is_some() {
        return Err(Refusal::LostLease);
    }
    let attempt = grant.keys.last().map_or(1, |key| key.attempt + 1);
    let intended = Event::KeyIntended {
        grant: grant.id,
        attempt,
        label: label(grant.id, attempt),
        dead_man,
    };
    Ok((Entry::event(intended), attempt))
}

/// The provider lets the old key spend no more than its part.
pub fn lowered(books: &Books, cap: Money) -> Result<Entry, Refusal> {
    let (grant, rotation) = under_way(books)?;
    Ok(Entry::event(Event::KeyCapped {
        grant: grant.id,
        attempt: rotation.old.attempt,
        cap,
    }))
}

/// The provider confirmed what the new key may spend: its member is told.
pub fn armed(
    books: &Books,
    (attempt, cap): (i64, Money),
    facts: &sentences::KeyFacts,
) -> Result<Entry, Refusal> {
    let (grant, rotation) = under_way(books)?;
    let (id, ends_at) = (grant.id, rotation.ends_at);
    let reveal_by = books.now + facts.reveal_within.unwrap_or(ends::UNREVEALED_LIFE);
    let mut entry = Entry::event(Event::KeyArmed {
        grant: id,
        attempt,
        cap,
        ends_at,
        reveal_by: facts.reveal_within.map(|span| books.now + span),
    });
    if let Some(from) = grant.ends_at.filter(|from| *from != ends_at) {
        entry = entry.and(Event::GrantExtended {
            grant: id,
            from,
            to: ends_at,
        });
    }
    let old = match rotation.overlap {
        None => {
            entry = entry.and(Event::RotationDone { grant: id, attempt });
            Text::new("It takes the place of the old key, which has stopped working")
        }
        Some(overlap) => {
            let until = books.now + overlap.duration();
            entry = entry.and(Event::OverlapBegun { grant: id, until });
            let part = (rotation.old.armed_cap - rotation.old.usage).or_zero();
            Text::new("The old key works beside it until ")
                .time(until)
                .and(format!(", and may spend up to {part} more"))
        }
    };
    let old = old.and(format!(". {cap} of the cap is this key's to spend."));
    let delivery = books.org.settings.delivery;
    let mut page = sentences::key_ready(grant, ends_at, facts, delivery).text(old);
    if delivery == Delivery::Reveal {
        page = page.text(ends::unclaimed(grant, reveal_by));
    }
    let mut told = Message::new(To::Member(grant.member), page).topic(steps::key_topic(id));
    told.reveals = (delivery == Delivery::Dm).then_some(id);
    let mut entry = entry.say(told);
    entry.releases = true;
    Ok(entry)
}

/// The overlap is over, and the new key has the whole rest.
pub fn finished(books: &Books, (attempt, cap): (i64, Money)) -> Result<Entry, Refusal> {
    let (grant, _) = under_way(books)?;
    let id = grant.id;
    let mut entry = Entry::event(Event::KeyCapped {
        grant: id,
        attempt,
        cap,
    })
    .and(Event::RotationDone { grant: id, attempt });
    entry.releases = true;
    let text = format!(
        "The old key of your grant {} has stopped working. The new one may spend what is left: {}.",
        grant.number,
        (grant.cap - grant.usage()).or_zero()
    );
    Ok(entry.say(Message::new(
        To::Member(grant.member),
        Page::say(text.as_str()),
    )))
}
