//! What a reading at a provider does to the books.

use crate::{
    books::{Books, Entry, Message, To},
    event::{Event, Reading},
    grant::{Grant, Key},
    ids::GrantId,
    money::Money,
    sentences,
};

/// One key's usage as its provider says, before it is compared with the books.
#[derive(Clone, Debug)]
pub struct Read {
    pub grant: GrantId,
    pub attempt: i64,
    pub usage: Money,
    /// Where the next reading begins, for a service that adds up what it finds.
    pub cursor: Option<String>,
}

/// Usage as read at the providers: one event for all keys that changed. The scope shows all live
/// grants, so that two readers at once never charge the same spending twice. Readings that went
/// down are left alone, because money that was charged does not come back by itself.
pub fn usage_read(books: &Books, reads: &[Read]) -> Entry {
    let readings: Vec<_> = reads
        .iter()
        .filter_map(|read| reading(books, read))
        .collect();
    if readings.is_empty() {
        return Entry::default();
    }
    Entry::event(Event::UsageRead {
        month: books.month,
        readings,
    })
}

/// What was still running when a key was stopped, billed after its grant was settled.
pub fn billed_late(books: &Books, read: &Read) -> Entry {
    let entry = usage_read(books, std::slice::from_ref(read));
    let Some((grant, late)) = books.grant.as_ref().zip(reading(books, read)) else {
        return entry;
    };
    let told = sentences::billed_late(grant, late.delta);
    entry.say(Message::new(To::Member(grant.member), told))
}

/// The key that a reading is of, as the books show it before.
pub(crate) fn read_key(books: &Books, (grant, attempt): (GrantId, i64)) -> Option<(&Grant, &Key)> {
    let mut known = books.live.iter().chain(&books.left).chain(&books.grant);
    let grant = known.find(|known| known.id == grant)?;
    let key = grant.keys.iter().find(|key| key.attempt == attempt)?;
    Some((grant, key))
}

fn reading(books: &Books, read: &Read) -> Option<Reading> {
    let Read {
        grant,
        attempt,
        usage,
        ..
    } = *read;
    let (known, key) = read_key(books, (grant, attempt))?;
    let (delta, member) = ((usage - key.usage).or_zero(), known.member);
    (!delta.is_zero()).then_some(Reading {
        grant,
        attempt,
        member,
        usage,
        delta,
        cursor: read.cursor.clone(),
    })
}
