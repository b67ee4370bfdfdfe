//! The audit trail's chain: every event is bound to all before it by HMAC-SHA-256.

use crate::{
    event::{Actor, Event},
    ids::OrgId,
    time::Time,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What the first event of a chain stands on.
pub const GENESIS: &str = "";

/// One row of the trail, as it stands in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// 1, 2, 3 … without gaps.
    pub seq: i64,
    pub at: Time,
    /// The actor as JSON.
    pub actor: String,
    /// The event as JSON. These very bytes are bound, so no later version of Slice can unbind them.
    pub event: String,
    /// 64 hex digits.
    pub mac: String,
}

/// The MAC of an event that follows the head `before`: over the org, the number, the instant, the
/// actor, the event and `before`.
pub fn mac(key: &[u8; 32], org: OrgId, link: &Link, before: &str) -> String {
    let (org, seq, at) = (
        org.to_string(),
        link.seq.to_string(),
        link.at.micros().to_string(),
    );
    bind(key, &[&org, &seq, &at, &link.actor, &link.event, before])
}

/// The head of a chain that ends with event number `seq`, whose MAC is `mac`. It stands in no row of
/// the trail, and cannot be made without the key: a trail that was cut short has no head.
pub fn head(key: &[u8; 32], org: OrgId, seq: i64, mac: &str) -> String {
    bind(key, &["head", &org.to_string(), &seq.to_string(), mac])
}

/// HMAC-SHA-256 over parts, each with its length in front; 64 hex digits.
fn bind(key: &[u8; 32], parts: &[&str]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part.as_bytes());
    }
    hex::encode(mac.finalize().into_bytes())
}

/// How a chain can be broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Event `seq` was altered, or the one before it was.
    Altered { seq: i64 },
    /// The trail goes from one number to another that does not follow.
    Gap { after: i64, found: i64 },
    /// The org's own count and head name another last event.
    Head { counted: i64, found: i64 },
    /// A head that was published once is not among those that the trail ever had.
    Published,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Altered { seq } => write!(f, "event {seq} was altered after it was written"),
            Self::Gap { after, found } => {
                write!(f, "event {} is missing: {found} follows {after}", after + 1)
            }
            Self::Head { counted, found } => {
                write!(
                    f,
                    "the trail ends with event {found}, but {counted} were written"
                )
            }
            Self::Published => f.write_str(
                "it never had that head: it is another trail's, or events were removed since",
            ),
        }
    }
}

/// Walks a chain from its first event on, one link at a time.
pub struct Verifier<'a> {
    key: &'a [u8; 32],
    org: OrgId,
    seq: i64,
    head: String,
    /// A head that was published once, until the walk has come by it.
    published: Option<&'a str>,
}

impl<'a> Verifier<'a> {
    /// `published`: a head that the trail must have had at some time.
    pub fn new(key: &'a [u8; 32], org: OrgId, published: Option<&'a str>) -> Self {
        Self {
            key,
            org,
            seq: 0,
            head: GENESIS.to_owned(),
            published,
        }
    }

    pub fn step(&mut self, link: &Link) -> Result<(), Broken> {
        if link.seq != self.seq + 1 {
            return Err(Broken::Gap {
                after: self.seq,
                found: link.seq,
            });
        }
        if mac(self.key, self.org, link, &self.head) != link.mac {
            return Err(Broken::Altered { seq: link.seq });
        }
        self.seq = link.seq;
        self.head = head(self.key, self.org, link.seq, &link.mac);
        self.published = self.published.filter(|published| **published != self.head);
        Ok(())
    }

    /// Compares the end of the walk with what the org's row says; gives the number of events.
    pub fn finish(self, counted: i64, head: &str) -> Result<i64, Broken> {
        if self.seq != counted || self.head != head {
            return Err(Broken::Head {
                counted,
                found: self.seq,
            });
        }
        match self.published {
            Some(_) => Err(Broken::Published),
            None => Ok(counted),
        }
    }
}

/// The text of an actor and an event, as the chain binds them.
pub fn texts(actor: Actor, event: &Event) -> (String, String) {
    let actor = serde_json::to_string(&actor).expect("an actor is JSON");
    (
        actor,
        serde_json::to_string(event).expect("an event is JSON"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::Reading,
        ids::{GrantId, MemberId},
        money::Money,
        month::Month,
    };
    use chrono_tz::Tz;
    use proptest::prelude::*;

    const KEY: [u8; 32] = [7; 32];

    fn chain(org: OrgId, length: i64) -> Vec<Link> {
        let mut before = GENESIS.to_owned();
        let link = |seq| {
            let (actor, event) = texts(Actor::Slice, &Event::OrgOpened);
            let at = Time::from_micros(seq);
            let mut link = Link {
                seq,
                at,
                actor,
                event,
                mac: String::new(),
            };
            link.mac = mac(&KEY, org, &link, &before);
            before = head(&KEY, org, seq, &link.mac);
            link
        };
        (1..=length).map(link).collect()
    }

    fn head_of(org: OrgId, links: &[Link]) -> String {
        let last = links.last().expect("a link");
        head(&KEY, org, last.seq, &last.mac)
    }

    fn verify(org: OrgId, links: &[Link], counted: i64, head: &str) -> Result<i64, Broken> {
        let mut verifier = Verifier::new(&KEY, org, None);
        links.iter().try_for_each(|link| verifier.step(link))?;
        verifier.finish(counted, head)
    }

    /// A cursor may name an object of a member's. Trails of earlier versions hold some that name nothing.
    #[test]
    fn where_a_reading_ended_is_not_in_the_trail() {
        let reading = Reading {
            grant: GrantId::from_random([2; 16]),
            attempt: 1,
            member: MemberId::from_random([3; 16]),
            usage: Money::from_dollars(2),
            delta: Money::from_dollars(1),
            cursor: Some("holiday.jpg".into()),
        };
        let month = Month::of(Time::from_micros(0), Tz::UTC);
        let readings = vec![reading];
        let event = Event::UsageRead { month, readings };
        let (_, text) = texts(Actor::Slice, &event);
        assert!(!text.contains("holiday"), "{text}");
        let earlier = text.replace("\"attempt\":1", "\"attempt\":1,\"cursor\":\"holiday.jpg\"");
        assert_eq!(serde_json::from_str::<Event>(&earlier).ok(), Some(event));
    }

    proptest! {
        #[test]
        fn any_change_is_found(length in 2i64..12, at in 0usize..12, what in 0..5) {
            let org = OrgId::from_random([1; 16]);
            let mut links = chain(org, length);
            let head = head_of(org, &links);
            prop_assert_eq!(verify(org, &links, length, &head), Ok(length));
            let at = at % links.len();
            match what {
                0 => links[at].event.push(' '),
                1 => links[at].at = Time::from_micros(99),
                2 => links[at].actor = "\"operator\"".into(),
                3 => { links.remove(at); }
                _ => links.truncate(at),
            }
            prop_assert!(verify(org, &links, length, &head).is_err());
        }

        #[test]
        fn another_org_or_key_does_not_verify(length in 1i64..5) {
            let org = OrgId::from_random([1; 16]);
            let links = chain(org, length);
            let head = head_of(org, &links);
            prop_assert!(verify(OrgId::from_random([2; 16]), &links, length, &head).is_err());
        }

        /// Whoever cuts the trail and mends the org's row has no head to put there.
        #[test]
        fn a_cut_trail_has_no_head(length in 2i64..12, cut in 1i64..11) {
            let org = OrgId::from_random([1; 16]);
            let links = chain(org, length);
            let left = &links[..usize::try_from(cut.min(length - 1)).expect("a length")];
            let counted = left.last().expect("a link").seq;
            for forged in links.iter().map(|link| &link.mac) {
                prop_assert!(verify(org, left, counted, forged).is_err());
            }
        }

        #[test]
        fn a_published_head_must_have_been(length in 1i64..8, at in 1i64..8) {
            let org = OrgId::from_random([1; 16]);
            let links = chain(org, length);
            let ever = chain(org, at);
            let published = head_of(org, &ever);
            let mut verifier = Verifier::new(&KEY, org, Some(&published));
            links.iter().try_for_each(|link| verifier.step(link)).expect("a whole chain");
            let proven = verifier.finish(length, &head_of(org, &links));
            prop_assert_eq!(proven.is_ok(), at <= length);
        }
    }
}
