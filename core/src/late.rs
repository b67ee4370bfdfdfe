//! Spending that is read only after the month in which it was, or may have been, spent.

use crate::{
    books::{Books, Message, To},
    event::Event,
    grant::{Grant, Key},
    ids::MemberId,
    metering::{BEFORE_TURN, EVERY},
    money::Money,
    page::{Page, Text},
    readings,
    time::Time,
};
use std::collections::BTreeMap;

/// Spending from before the month's turn that is charged only after it counts in the new month, and its
/// member is told so, whoever asked for the reading. What is charged is read, so that it is told once.
pub fn told(books: &Books, events: &[Event]) -> Vec<Message> {
    let start = books.month.start(books.org.zone);
    let mut late: BTreeMap<MemberId, Money> = BTreeMap::new();
    for event in events {
        let Event::UsageRead { readings, .. } = event else {
            continue;
        };
        for reading in readings {
            if readings::read_key(books, (reading.grant, reading.attempt))
                .is_some_and(|(grant, key)| is_late(books, (grant, key), start))
            {
                let sum = late.entry(reading.member).or_default();
                *sum = *sum + reading.delta;
            }
        }
    }
    let (month, before) = (books.month.name(), books.month.before().name());
    let messages = late.into_iter().map(|(member, sum)| {
        let text = format!(
            "Your keys spent {sum} that was read only now, after the turn of the month: it counts in \
             {month}, although some of it may be {before}'s."
        );
        Message::new(To::Member(member), Page::say(Text::new(text)))
    });
    messages.collect()
}

/// Whether a key could spend before the month began, and was last read too long before that.
fn is_late(books: &Books, (grant, key): (&Grant, &Key), start: Time) -> bool {
    let is_newest = grant.key().is_some_and(|last| last.attempt == key.attempt);
    let began = if is_newest {
        grant.armed_at
    } else {
        key.intended_at
    };
    let read_at = last_read(books, grant, key);
    began.is_some_and(|at| at < start) && read_at.is_some_and(|at| at + BEFORE_TURN + EVERY < start)
}

fn last_read(books: &Books, grant: &Grant, key: &Key) -> Option<Time> {
    let master = books.org.master(&grant.service)?;
    let round = master.read_at.unwrap_or(master.added_at);
    Some(match key.unread {
        Some(unread) => key.read_at.unwrap_or(unread.since),
        None => key.read_at.map_or(round, |at| at.max(round)),
    })
}
