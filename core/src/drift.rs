//! Keys that somebody changed at their provider behind Slice's back.

use crate::{
    books::{Books, Entry, Message, To},
    event::Event,
    grant::{Grant, Key, KeyState, State},
    ids::GrantId,
    money::Money,
    page::{Audience, Button, Page, Text},
    ports::{Ceiling, Meter, ServiceError},
    sentences::{asked, own},
    time::Time,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// So long after its grant was moved, a key that stands still is believed to do so at its provider too.
const SETTLED: Duration = Duration::from_mins(1);

/// How a key at its provider differs from what Slice made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drift {
    Gone,
    Disabled,
    /// It was to stand still, and may spend again, up to this in all.
    Enabled(Money),
    /// It may spend up to this in all.
    Cap(Money),
    Uncapped,
    /// Its limit begins anew from time to time.
    Renewed,
    /// Its limit leaves out a part of what it spends.
    Partial,
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
            Self::Enabled(cap) => {
                format!("is enabled there again, and counts as able to spend {cap} in all")
            }
            Self::Cap(cap) => format!("may spend up to {cap} there"),
            Self::Uncapped => "has no cap there".into(),
            Self::Renewed => {
                "has a limit there that begins anew from time to time, and no cap on what it spends in all"
                    .into()
            }
            Self::Partial => {
                "has a limit there that leaves out what it spends over provider keys of the account's own \
                 (BYOK)"
                    .into()
            }
        }
    }

    /// A ceiling that is no cap on all that a key spends.
    pub fn of_ceiling(ceiling: Ceiling) -> Option<Self> {
        match ceiling {
            Ceiling::Open => Some(Self::Uncapped),
            Ceiling::Renewed => Some(Self::Renewed),
            Ceiling::Partial => Some(Self::Partial),
            Ceiling::At(_) | Ceiling::Unsaid => None,
        }
    }

    /// What an answer about a key that was to stand still says. Where its provider does not say what it
    /// may spend, that is what its grant leaves to it.
    fn of_still(grant: &Grant, key: &Key, answer: &Result<Meter, ServiceError>) -> Option<Self> {
        let meter = answer.as_ref().ok().filter(|meter| !meter.is_disabled)?;
        Some(Self::Enabled(match meter.ceiling {
            Ceiling::At(cap) => cap.max(key.armed_cap),
            Ceiling::Open | Ceiling::Renewed | Ceiling::Partial | Ceiling::Unsaid => {
                grant.cap_of(key).max(key.armed_cap)
            }
        }))
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
            Ceiling::At(cap) if cap != key.armed_cap => Some(Self::Cap(cap)),
            ceiling => Self::of_ceiling(ceiling),
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
    state: KeyState,
    armed_cap: Money,
}

impl Look {
    /// `None` where the answer says nothing, or nothing new about a key that stands still.
    pub fn new(grant: &Grant, key: &Key, answer: &Result<Meter, ServiceError>) -> Option<Self> {
        let says = matches!(answer, Ok(_) | Err(ServiceError::Gone));
        let drift = match (grant.state, key.state) {
            (State::Active, KeyState::Armed) if says && grant.change.is_none() => {
                Drift::of(key, answer)
            }
            (State::Suspended(_), KeyState::Disabled) => Some(Drift::of_still(grant, key, answer)?),
            _ => return None,
        };
        Some(Self {
            grant: grant.id,
            attempt: key.attempt,
            drift,
            moved_at: grant.moved_at,
            state: key.state,
            armed_cap: key.armed_cap,
        })
    }

    /// The grant and its new drift, if this look changes what the books say.
    fn news<'a>(&self, books: &'a Books) -> Option<&'a Grant> {
        let grant = books.live.iter().find(|grant| grant.id == self.grant)?;
        let key = grant.keys.iter().find(|key| key.attempt == self.attempt)?;
        let same = grant.moved_at == self.moved_at
            && key.state == self.state
            && key.armed_cap == self.armed_cap
            && (grant.change.is_none() || self.is_still());
        // A provider may show for a moment what was before.
        let settled = !self.is_still() || SETTLED <= books.now - grant.moved_at;
        (same && settled && key.drift != self.drift).then_some(grant)
    }

    fn is_still(&self) -> bool {
        self.state == KeyState::Disabled
    }
}

/// What looks found out: each change is recorded and told once, to the owners and to the member. A key
/// that was to stand still is stopped again, and its member, who may have left, has nothing to do.
pub fn seen(books: &Books, looks: &[Look]) -> Entry {
    let mut entry = Entry::default();
    for look in looks {
        let Some(grant) = look.news(books) else {
            continue;
        };
        let (attempt, drift) = (look.attempt, look.drift);
        let page = to_owners(grant, drift);
        let member = (!look.is_still())
            .then(|| Message::new(To::Member(grant.member), to_member(grant, drift)));
        let owners = books.org.owners_at().into_iter();
        entry = entry
            .and(Event::DriftSeen {
                grant: grant.id,
                attempt,
                drift,
            })
            .say_all(owners.map(|to| Message::new(to, page.clone())))
            .say_all(member);
    }
    entry
}

fn to_owners(grant: &Grant, drift: Option<Drift>) -> Page {
    let Some(drift) = drift else {
        return Page::say(asked(grant).and(": its key is as Slice made it again."));
    };
    let revoke = Button::new(
        "Revoke",
        format!("revoke {}", grant.number),
        Audience::Owners,
    )
    .danger(format!("End grant {} now?", grant.number));
    let remedy = match drift {
        Drift::Gone => {
            "Revoke the grant; its unread rest then counts as spent, which you can correct."
        }
        Drift::Disabled => "Enable it at the provider, or revoke the grant.",
        Drift::Enabled(_) => "Slice stops it again now; if that goes on, revoke the grant.",
        Drift::Cap(_) | Drift::Uncapped => {
            "Set its cap right at the provider, or revoke the grant."
        }
        Drift::Renewed => "Take the reset off its limit at the provider, or revoke the grant.",
        Drift::Partial => "Let its limit include that at the provider, or revoke the grant.",
    };
    let still = match grant.state {
        State::Suspended(_) => format!(" is {}", grant.state.said()),
        _ => String::new(),
    };
    let text = asked(grant).and(format!(
        "{still}: somebody changed its key at the provider: it {}. {} {remedy}",
        drift.said(),
        costs(drift, grant)
    ));
    Page::say(text).buttons(vec![revoke])
}

fn to_member(grant: &Grant, drift: Option<Drift>) -> Page {
    Page::say(match drift {
        Some(drift) => Text::new(format!(
            "Somebody changed the key of your {} at its provider: it {}. {} The owners know.",
            own(grant),
            drift.said(),
            costs(drift, grant)
        )),
        None => Text::new(format!(
            "The key of your {} is as Slice made it again.",
            own(grant)
        )),
    })
}

fn costs(drift: Drift, grant: &Grant) -> String {
    let rest = (grant.cap - grant.usage()).or_zero();
    match drift {
        Drift::Gone => format!("Until its grant ends, {rest} of the budget stays held for it."),
        Drift::Disabled => {
            format!("It can't be used, and {rest} of the budget stays held for it.")
        }
        Drift::Enabled(_) | Drift::Cap(_) | Drift::Uncapped | Drift::Renewed | Drift::Partial => {
            "What it spends is charged as it is.".into()
        }
    }
}
