//! Keys that somebody changed at their provider behind Slice's back.

use crate::{
    books::{Books, Entry, Message, To},
    event::Event,
    grant::{Grant, Key, KeyState, State},
    ids::GrantId,
    money::Money,
    ports::{Ceiling, Meter, ServiceError},
    sentences,
    time::Time,
};
use serde::{Deserialize, Serialize};

/// How a key at its provider differs from what Slice made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drift {
    Gone,
    Disabled,
    /// It may spend up to this in all.
    Cap(Money),
    Uncapped,
}

impl Drift {
    /// The second half of a sentence about a key: "its key …".
    pub fn said(self) -> String {
        match self {
            Self::Gone => {
                "is not known there to the master key any more (deleted, or of another account)"
                    .into()
            }
            Self::Disabled => "is disabled there".into(),
            Self::Cap(cap) => format!("may spend up to {cap} there"),
            Self::Uncapped => "has no cap there".into(),
        }
    }

    /// What a provider's answer about a key says beside what the books say of it.
    fn of(key: &Key, answer: &Result<Meter, ServiceError>) -> Option<Self> {
        let meter = match answer {
            Ok(meter) => meter,
            Err(ServiceError::Gone) => return Some(Self::Gone),
            Err(_) => return None,
        };
        match meter.ceiling {
            _ if meter.is_disabled => Some(Self::Disabled),
            Ceiling::Open => Some(Self::Uncapped),
            Ceiling::At(cap) if cap != key.armed_cap => Some(Self::Cap(cap)),
            Ceiling::At(_) | Ceiling::Unsaid => None,
        }
    }
}

/// A look at one key at its provider.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    grant: GrantId,
    attempt: i64,
    drift: Option<Drift>,
    /// The grant's and the key's when the provider was asked: if they changed since, the look says
    /// nothing.
    moved_at: Time,
    armed_cap: Money,
}

impl Look {
    /// `None` where the answer says nothing, or nobody should be able to use the key now.
    pub fn new(grant: &Grant, key: &Key, answer: &Result<Meter, ServiceError>) -> Option<Self> {
        let says = matches!(answer, Ok(_) | Err(ServiceError::Gone));
        let in_use =
            grant.state == State::Active && key.state == KeyState::Armed && grant.change.is_none();
        (says && in_use).then(|| Self {
            grant: grant.id,
            attempt: key.attempt,
            drift: Drift::of(key, answer),
            moved_at: grant.moved_at,
            armed_cap: key.armed_cap,
        })
    }

    /// The grant and its new drift, if this look changes what the books say.
    fn news<'a>(&self, books: &'a Books) -> Option<&'a Grant> {
        let grant = books.live.iter().find(|grant| grant.id == self.grant)?;
        let key = grant.keys.iter().find(|key| key.attempt == self.attempt)?;
        let same = grant.moved_at == self.moved_at
            && key.state == KeyState::Armed
            && key.armed_cap == self.armed_cap
            && grant.change.is_none();
        (same && key.drift != self.drift).then_some(grant)
    }
}

/// What looks found out: each change is recorded and told once, to the owners and to the member.
pub fn seen(books: &Books, looks: &[Look]) -> Entry {
    let mut entry = Entry::default();
    for look in looks {
        let Some(grant) = look.news(books) else {
            continue;
        };
        let (attempt, drift) = (look.attempt, look.drift);
        let to_owners = sentences::drifted(grant, drift);
        let to_member = sentences::drifted_to_member(grant, drift);
        let owners = books.org.owners_at().into_iter();
        entry = entry
            .and(Event::DriftSeen {
                grant: grant.id,
                attempt,
                drift,
            })
            .say_all(owners.map(|to| Message::new(to, to_owners.clone())))
            .say(Message::new(To::Member(grant.member), to_member));
    }
    entry
}
