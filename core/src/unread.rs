//! Keys that cannot be read although their provider shows its list. Each is left alone for longer each
//! time, and keeps no other key waiting; owners hear of it once, and once more when it is over.

use crate::{
    books::{Books, Entry, Message},
    event::Event,
    grant::{Grant, Key},
    ids::{GrantId, ServiceName},
    metering::{AGAIN_MAX, SILENT_AFTER, again},
    page::{Page, Text},
    ports::ServiceError,
    time::Time,
};
use std::time::Duration;

/// So many grants are named in one message.
const NAMED: usize = 8;

/// Since when a key cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread {
    pub since: Time,
    /// Before this its provider is not asked for it again.
    pub again_at: Time,
    /// Owners know.
    pub is_told: bool,
}

impl Unread {
    /// What is planned later than ever was planned before a clock went back.
    pub fn is_spared(self, now: Time) -> bool {
        now < self.again_at && self.again_at <= now + AGAIN_MAX
    }
}

/// A try to read a key that failed.
#[derive(Clone, Debug)]
pub struct Failed {
    pub grant: GrantId,
    pub attempt: i64,
    pub why: ServiceError,
    /// The rest of it was read and charged.
    pub is_part: bool,
}

/// When a key is asked for again.
#[derive(Clone, Copy, Debug)]
pub struct Later {
    pub grant: GrantId,
    pub attempt: i64,
    pub at: Time,
}

/// How a round went with keys that had to be asked for by themselves.
#[derive(Debug, Default)]
pub struct Tries {
    pub failed: Vec<Failed>,
    /// Those that could not be read before, and now could.
    pub back: Vec<(GrantId, i64)>,
    /// Those for which no time was left.
    pub skipped: Vec<(GrantId, i64)>,
}

impl Tries {
    pub fn note(&mut self, grant: &Grant, key: &Key, failure: Option<ServiceError>) {
        let (grant, attempt) = (grant.id, key.attempt);
        match failure {
            Some(why) => self.failed.push(Failed {
                grant,
                attempt,
                why,
                is_part: false,
            }),
            None if key.unread.is_some() => self.back.push((grant, attempt)),
            None => {}
        }
    }

    /// What could be read of it is charged, and the rest could not be.
    pub fn note_part(&mut self, grant: &Grant, key: &Key, why: ServiceError) {
        self.failed.push(Failed {
            grant: grant.id,
            attempt: key.attempt,
            why,
            is_part: true,
        });
    }

    /// When each that was not read is asked for again: retries double, as those of a whole round do, and
    /// whoever found no time comes before them. What could be read in part is left alone for no round.
    pub fn later(&self, books: &Books, now: Time) -> Vec<Later> {
        let later = self.failed.iter().map(|failed| {
            let key = key(books, (failed.grant, failed.attempt));
            let since = key.and_then(|(_, key)| key.unread).map(|one| one.since);
            let pause = if failed.is_part {
                Duration::ZERO
            } else {
                again(since, &failed.why, now)
            };
            Later {
                grant: failed.grant,
                attempt: failed.attempt,
                at: now + pause,
            }
        });
        let skipped = self.skipped.iter().map(|(grant, attempt)| Later {
            grant: *grant,
            attempt: *attempt,
            at: now,
        });
        later.chain(skipped).collect()
    }

    /// What owners hear of a service's keys; `is_metered`: its caps are Slice's to keep.
    pub fn entry(&self, books: &Books, service: &ServiceName, is_metered: bool) -> Entry {
        let mut entry = Entry::default();
        let news = self.failed.iter().filter_map(|failed| {
            let (grant, key) = key(books, (failed.grant, failed.attempt))?;
            let since = key.unread.map_or(books.now, |unread| unread.since);
            let is_told = key.unread.is_some_and(|unread| unread.is_told);
            let is_news = !is_told && SILENT_AFTER <= books.now - since;
            is_news.then_some((grant, failed, since))
        });
        let news: Vec<_> = news.collect();
        for (_, failed, since) in &news {
            entry.events.push(Event::KeySilent {
                grant: failed.grant,
                attempt: failed.attempt,
                since: *since,
            });
        }
        let since = news.iter().map(|(_, _, since)| *since).min();
        if let Some((since, (_, first, _))) = since.zip(news.first()) {
            let grants = news.iter().map(|(grant, ..)| *grant);
            let is_part = news.iter().all(|(_, failed, _)| failed.is_part);
            let in_full = if is_part { " in full" } else { "" };
            let text = format!(" can't be read{in_full} since ");
            let text = spending(service, grants).and(text);
            let mut text = text.time(since).and(": ");
            text = text.join(Text::from(first.why.to_string().as_str()));
            text = text.and(" All other keys are read and charged as ever.");
            if is_metered {
                text = text.and(
                    " Until it can be read, Slice can't stop it short of its cap: if that is too long for \
                     you, revoke it.",
                );
            }
            let text = text.and(" Slice goes on trying, and says when it is over.");
            entry = to_owners(books, entry, text);
        }
        let back = self.back.iter().filter_map(|back| {
            let (grant, key) = key(books, *back)?;
            key.unread?.is_told.then_some((grant, back.1))
        });
        let back: Vec<_> = back.collect();
        for (grant, attempt) in &back {
            entry.events.push(Event::KeyReadable {
                grant: grant.id,
                attempt: *attempt,
            });
        }
        if !back.is_empty() {
            let text = spending(service, back.iter().map(|(grant, _)| *grant));
            let text = text.and(" can be read again. What was spent meanwhile is charged now.");
            entry = to_owners(books, entry, text);
        }
        entry
    }
}

fn key(books: &Books, (grant, attempt): (GrantId, i64)) -> Option<(&Grant, &Key)> {
    let mut grants = books.live.iter().chain(&books.left);
    let grant = grants.find(|one| one.id == grant)?;
    let key = grant.keys.iter().find(|key| key.attempt == attempt)?;
    Some((grant, key))
}

/// “The spending of grants 1 and 2 (s3)”.
fn spending<'a>(service: &ServiceName, grants: impl Iterator<Item = &'a Grant>) -> Text {
    let mut numbers: Vec<_> = grants.map(|grant| grant.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let more = numbers.len().saturating_sub(NAMED);
    let mut names: Vec<_> = numbers.iter().take(NAMED).map(i64::to_string).collect();
    if 0 < more {
        names.push(format!("{more} more"));
    }
    let last = names.pop().unwrap_or_default();
    let listed = if names.is_empty() {
        format!("grant {last}")
    } else {
        format!("grants {} and {last}", names.join(", "))
    };
    Text::new(format!("The spending of {listed} ({service})"))
}

fn to_owners(books: &Books, entry: Entry, text: Text) -> Entry {
    let (page, owners) = (Page::say(text), books.org.owners_at().into_iter());
    entry.say_all(owners.map(|to| Message::new(to, page.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_spared_for_no_longer_than_is_ever_planned() {
        let now = Time::from_micros(1_000_000_000_000);
        let unread = |at| Unread {
            since: now,
            again_at: at,
            is_told: false,
        };
        assert!(unread(now + Duration::from_mins(1)).is_spared(now));
        assert!(!unread(now).is_spared(now));
        let ahead = now + AGAIN_MAX + Duration::from_mins(1);
        assert!(!unread(ahead).is_spared(now), "the clock went back");
    }
}
