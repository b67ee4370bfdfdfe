//! What workers find out: each function is the pure part of one transaction of a worker.

use crate::{
    books::{Books, Entry, Message, To},
    event::{Event, Reading},
    grant::{End, Grant, Key, KeyState, State, label},
    ids::{GrantId, TextId},
    money::Money,
    month::Month,
    refusal::Refusal,
    requests::{edit_owners, member_topic},
    sentences,
    service::Facts,
    settings::Delivery,
    time::Time,
    vault::{Seal, SealOwner},
};
use std::time::Duration;

/// A provider that refuses for so long is given up on, as long as nothing exists there.
pub const GIVE_UP_AFTER: Duration = Duration::from_mins(15);
/// What was running when a key was stopped may be billed so much later: the key is read once more
/// before it is deleted.
pub const LATE_BILLING: Duration = Duration::from_mins(5);
/// Retries at a provider double up to this.
pub const BACKOFF_MAX: Duration = Duration::from_mins(10);
/// The secret's view is open for so long before it counts as shown.
pub const REVEAL_LEASE: Duration = Duration::from_mins(1);
/// What lasts no longer than this is of no use to anybody.
pub const SHORTEST: Duration = Duration::from_mins(15);

/// Why money that lasts so short is not taken; `rest` is what an earlier attempt left of it.
pub fn too_short(cap: Money, rest: Money, lasts: Duration) -> String {
    let (minutes, least) = (lasts.as_secs() / 60, SHORTEST.as_secs() / 60);
    let most =
        format!("lasts {minutes} min, and {least} min is the least that anything is made for.");
    if rest == cap {
        return format!("At that price {cap} {most}");
    }
    let gone = cap - rest;
    format!(
        "What was made first cost {gone} until it was found and ended. At that price the {rest} left of {cap} \
         {most}"
    )
}

/// Why there is no other attempt: those before it cost everything.
pub fn used_up(grant: &Grant) -> String {
    let (cap, used) = (grant.cap, grant.usage());
    format!(
        "What was made first cost {used} until it was found and ended: nothing is left of {cap}."
    )
}

fn claimed(books: &Books) -> Result<&Grant, Refusal> {
    books.grant.as_ref().ok_or(Refusal::LostLease)
}

fn moved(grant: &Grant, to: State) -> Result<Event, Refusal> {
    if grant.state.may_become(to) {
        Ok(Event::GrantMoved {
            grant: grant.id,
            from: grant.state,
            to,
            by: None,
            why: None,
        })
    } else {
        Err(Refusal::LostLease)
    }
}

/// Before the provider hears of it: the attempt and its label. Gives the label.
pub fn intend(books: &Books, dead_man: Option<Time>) -> Result<(Entry, i64), Refusal> {
    let grant = claimed(books)?;
    let attempt = grant.keys.last().map_or(1, |key| key.attempt + 1);
    let intended = Event::KeyIntended {
        grant: grant.id,
        attempt,
        label: label(grant.id, attempt),
        dead_man,
    };
    let entry = match grant.state {
        State::Issuing => Entry::default(),
        _ => Entry::event(moved(grant, State::Issuing)?),
    };
    Ok((entry.and(intended), attempt))
}

/// The provider made it, and it cannot spend; its secret is sealed.
pub fn minted(
    books: &Books,
    attempt: i64,
    (provider_id, facts): (&str, Facts),
    seal: Seal,
) -> Result<Entry, Refusal> {
    let grant = claimed(books)?;
    let owner = SealOwner::Key {
        org: books.org.id,
        grant: grant.id,
        attempt,
    };
    let provider_id = provider_id.to_owned();
    Ok(Entry::event(Event::KeyMinted {
        grant: grant.id,
        attempt,
        provider_id,
        facts,
    })
    .seal(owner, seal))
}

/// The provider confirmed the cap: the member is told.
pub fn armed(books: &Books, attempt: i64, facts: &sentences::KeyFacts) -> Result<Entry, Refusal> {
    let grant = claimed(books)?;
    let ends_at = ends_at(books, grant, facts.ends_by);
    let armed = Event::KeyArmed {
        grant: grant.id,
        attempt,
        cap: grant.cap_of(key(grant, attempt)?),
        ends_at,
        reveal_by: facts.reveal_within.map(|span| books.now + span),
    };
    let delivery = books.org.settings.delivery;
    let page = sentences::key_ready(grant, ends_at, facts, delivery);
    let mut told = Message::new(To::Member(grant.member), page).topic(key_topic(grant.id));
    told.reveals = (delivery == Delivery::Dm).then_some(grant.id);
    let mut entry = Entry::event(armed)
        .and(moved(grant, State::Active)?)
        .say(told);
    entry.releases = true;
    if grant.decided_by.is_some() {
        entry = entry.say(edit_owners(grant, sentences::approved_and_made(grant)));
    }
    Ok(entry)
}

/// The member's messages about a key.
pub fn key_topic(grant: GrantId) -> String {
    format!("key/{grant}")
}

/// The grant whose key a topic is about, if it is about one.
pub fn grant_of_key_topic(topic: &str) -> Option<GrantId> {
    topic.strip_prefix("key/")?.parse().ok()
}

/// The member could not be told that her key is ready.
pub fn untold(books: &Books, why: &str) -> Entry {
    let Some(grant) = books
        .grant
        .as_ref()
        .filter(|grant| grant.state.holds_money())
    else {
        return Entry::default();
    };
    let page = sentences::untold(grant, why);
    let owners = books.org.owners_at().into_iter();
    Entry::default().say_all(owners.map(|to| Message::new(to, page.clone())))
}

/// A key lives from its arming; one that needed a top-up ends with the month that was topped up, and
/// one whose money lasts no longer than `ends_by` ends then.
pub fn ends_at(books: &Books, grant: &Grant, ends_by: Option<Time>) -> Time {
    let by_life = books.now + grant.life.duration();
    let sooner = [month_is_over_at(books, grant), ends_by].into_iter();
    sooner.flatten().fold(by_life, Time::min)
}

/// When the month ends whose top-up the grant needed; `None`: it needed none.
pub fn month_is_over_at(books: &Books, grant: &Grant) -> Option<Time> {
    let decided = grant.decided_at.filter(|_| grant.topped_up)?;
    Some(Month::of(decided, books.org.zone).end(books.org.zone))
}

/// The provider refused, or was not to be had for too long: nothing exists there, so the money is
/// released and the member told.
pub fn gave_up(books: &Books, end: End, why: &str) -> Result<Entry, Refusal> {
    let grant = claimed(books)?;
    let why_id = TextId::from_random(books.fresh[0]);
    let to = State::Ended(end);
    if !grant.state.may_become(to) {
        return Err(Refusal::LostLease);
    }
    let event = Event::GrantMoved {
        grant: grant.id,
        from: grant.state,
        to,
        by: None,
        why: Some(why_id),
    };
    let mut entry = gone_keys(grant, Entry::event(event)).text(why_id, grant.member, why);
    entry.releases = true;
    let page = sentences::gave_up(grant, why);
    let told = Message::new(To::Member(grant.member), page.clone()).topic(member_topic(grant.id));
    let decided = grant.decided_by.map(|_| edit_owners(grant, page));
    Ok(entry.say(told).say_all(decided))
}

/// Attempts that never came to exist.
fn gone_keys(grant: &Grant, entry: Entry) -> Entry {
    let never = grant
        .keys
        .iter()
        .filter(|key| key.state == KeyState::Intended);
    never.fold(entry, |entry, key| {
        entry.and(Event::KeyGone {
            grant: grant.id,
            attempt: key.attempt,
        })
    })
}

/// Nothing exists at the provider; the next try comes later.
pub fn try_later(books: &Books, after: Duration) -> Result<Entry, Refusal> {
    let grant = claimed(books)?;
    let mut entry = gone_keys(grant, Entry::default());
    if grant.state != State::Reserved {
        entry = entry.and(moved(grant, State::Reserved)?);
    }
    entry.look_again = Some(after);
    entry.releases = true;
    Ok(entry)
}

/// Since when workers have tried to make the grant's key. One whose provider could never be asked
/// counts from when it was reserved.
pub fn tried_since(grant: &Grant) -> Time {
    grant.first_tried_at.unwrap_or(grant.moved_at)
}

/// Whether the first try is so long ago that a refusing provider is given up on.
pub fn is_too_late(grant: &Grant, now: Time) -> bool {
    GIVE_UP_AFTER <= now - tried_since(grant)
}

/// What was made could not be armed and is deleted again: the money is released.
pub fn unmade(books: &Books, attempt: i64, end: End, why: &str) -> Result<Entry, Refusal> {
    let mut entry = gave_up(books, end, why)?;
    entry.events.extend(gone(books, attempt)?.events);
    Ok(entry)
}

/// A grant cannot be ended at its provider for too long: owners hear of it, and its money stays
/// held.
pub fn stuck(books: &Books, why: &str, again: Duration) -> Result<Entry, Refusal> {
    let grant = claimed(books)?;
    let page = sentences::stuck(grant, why);
    let owners = books.org.owners_at().into_iter();
    let mut entry = Entry::default().say_all(owners.map(|to| Message::new(to, page.clone())));
    entry.look_again = Some(again);
    entry.releases = true;
    Ok(entry)
}

/// Something may exist: the reconciler looks for it by its label.
pub fn in_doubt(books: &Books) -> Result<Entry, Refusal> {
    let grant = claimed(books)?;
    let mut entry = Entry::event(moved(grant, State::InDoubt)?);
    entry.releases = true;
    Ok(entry)
}

/// The doubt is over: what the label names is known or gone, and the issuer goes on from there.
pub fn doubt_resolved(books: &Books) -> Result<Entry, Refusal> {
    let grant = claimed(books)?;
    let lost = grant.key().filter(|key| key.state == KeyState::Intended);
    let gone = lost.map(|key| Event::KeyGone {
        grant: grant.id,
        attempt: key.attempt,
    });
    let to = if lost.is_some() {
        State::Reserved
    } else {
        State::Issuing
    };
    let mut entry = Entry::event(moved(grant, to)?);
    entry.events.extend(gone);
    entry.releases = true;
    Ok(entry)
}

/// The key can spend no more.
pub fn disabled(books: &Books, attempt: i64) -> Result<Entry, Refusal> {
    let grant = claimed(books)?;
    Ok(Entry::event(Event::KeyDisabled {
        grant: grant.id,
        attempt,
    }))
}

/// A key that does not exist (any more).
pub fn gone(books: &Books, attempt: i64) -> Result<Entry, Refusal> {
    let grant = claimed(books)?;
    Ok(Entry::event(Event::KeyGone {
        grant: grant.id,
        attempt,
    }))
}

/// The provider does not know an armed key: its rest counts as spent, and owners can correct it. Of the
/// key that a grant goes on with, that is all of the grant that is not another key's: its provider may
/// have taken a raise that it never confirmed.
pub fn assumed_spent(books: &Books, attempt: i64) -> Result<Entry, Refusal> {
    let grant = claimed(books)?;
    let key = key(grant, attempt)?;
    let mut entry = Entry::default();
    let goes_on = grant.key().is_some_and(|last| last.attempt == attempt);
    let may_spend = if key.state.spends() && goes_on {
        key.armed_cap.max(grant.cap_of(key))
    } else {
        key.armed_cap
    };
    let usage = key.usage.max(may_spend);
    let delta = usage - key.usage;
    if !delta.is_zero() {
        let reading = Reading {
            grant: grant.id,
            attempt,
            member: grant.member,
            usage,
            delta,
            cursor: None,
        };
        entry = entry.and(Event::SpendAssumed {
            month: books.month,
            reading,
        });
        let page = sentences::assumed(grant, delta);
        let own = sentences::assumed_to_member(grant, delta);
        let owners = books
            .org
            .owners_at()
            .into_iter()
            .map(|to| Message::new(to, page.clone()));
        entry = entry
            .say_all(owners)
            .say(Message::new(To::Member(grant.member), own));
    }
    Ok(entry.and(Event::KeyGone {
        grant: grant.id,
        attempt,
    }))
}

fn key(grant: &Grant, attempt: i64) -> Result<&Key, Refusal> {
    grant
        .keys
        .iter()
        .find(|key| key.attempt == attempt)
        .ok_or(Refusal::LostLease)
}

/// All keys stand still and are read: the rest is released.
pub fn settled(books: &Books) -> Result<Entry, Refusal> {
    let grant = claimed(books)?;
    let State::Revoking(end) = grant.state else {
        return Err(Refusal::LostLease);
    };
    let mut entry = Entry::event(moved(grant, State::Ended(end))?);
    entry.releases = true;
    entry.look_again = Some(LATE_BILLING);
    let key = Message::new(To::Member(grant.member), sentences::key_is_over(grant));
    let told = Message::new(To::Member(grant.member), sentences::ended(grant, end));
    Ok(entry.say(key.topic(key_topic(grant.id)).edit()).say(told))
}

/// Why a secret is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reveal {
    /// The seal to open, for this view alone.
    Begun,
    /// Refused; the attempt is recorded, and the owners are told.
    Refused(Refusal),
}

/// A member asks for her secret: the view that shows it holds it for a minute.
pub fn reveal(books: &Books, number: i64) -> Result<(Entry, Reveal), Refusal> {
    let grant = books
        .grant
        .as_ref()
        .ok_or(Refusal::NoSuchGrant { number })?;
    if books.actor.member() != Some(grant.member) {
        return Err(Refusal::NotYourGrant { number });
    }
    let (state, decided) = (grant.state, None);
    if grant.state != State::Active {
        return Err(Refusal::WrongState {
            number,
            state,
            decided,
            cannot: "revealed",
        });
    }
    if grant.revealing_until.is_some() && grant.revealed_at.is_none() {
        return Err(Refusal::sentence(format!(
            "The key of grant {number} is being shown in a view right now. Nothing was changed. If that \
             view stays empty, press [Reveal key] again in a minute."
        )));
    }
    if grant.revealed_at.is_none() && grant.key().is_some_and(|key| key.seal.is_some()) {
        return Ok((
            Entry::event(Event::RevealBegun { grant: grant.id }),
            Reveal::Begun,
        ));
    }
    if grant.is_adopted() {
        return Err(Refusal::sentence(format!(
            "Grant {number} was adopted: its key was found at the provider, and Slice never had its secret. \
             Nothing was changed. Whoever has it can go on using it."
        )));
    }
    let page = sentences::second_reveal(grant, books.now);
    let owners = books
        .org
        .owners_at()
        .into_iter()
        .map(|to| Message::new(to, page.clone()));
    let entry = Entry::event(Event::RevealRefused { grant: grant.id }).say_all(owners);
    let at = grant.revealed_at;
    let refusal = Refusal::AlreadyRevealed {
        number,
        at,
        member: grant.member,
    };
    Ok((entry, Reveal::Refused(refusal)))
}

/// The platform showed the secret, or may have: the seal is erased.
pub fn revealed(books: &Books, certain: bool) -> Result<Entry, Refusal> {
    let grant = claimed(books)?;
    if grant.revealed_at.is_some() {
        return Err(Refusal::LostLease);
    }
    let entry = Entry::event(Event::Revealed {
        grant: grant.id,
        certain,
    });
    if grant.state != State::Active {
        // The key ended meanwhile, and its message says so already.
        return Ok(entry);
    }
    let page = sentences::key_revealed(grant, certain);
    let told = Message::new(To::Member(grant.member), page).topic(key_topic(grant.id));
    Ok(entry.say(told.edit()))
}

/// The platform certainly did not show it: it may be revealed again.
pub fn reveal_failed(books: &Books) -> Result<Entry, Refusal> {
    let grant = claimed(books)?;
    if grant.revealing_until.is_none() || grant.revealed_at.is_some() {
        return Err(Refusal::LostLease);
    }
    Ok(Entry::event(Event::RevealFailed { grant: grant.id }))
}
