//! Keys that owners want deleted: the wish, and what becomes of it.

use super::{Stray, named, waits};
use crate::{
    books::{Books, Entry, Message},
    event::Event,
    money::Money,
    page::{Page, Text},
    refusal::Refusal,
};
use std::time::Duration;

/// Owners hear of a key that its provider does not delete for so long.
const STUCK_AFTER: Duration = Duration::from_hours(1);

/// One that is still there.
pub struct Left {
    /// Its number.
    pub stray: i64,
    pub why: String,
    /// It can spend no more.
    pub is_stopped: bool,
}

/// An owner wants it deleted: recorded before its provider hears of it.
pub fn discard(books: &Books, name: &str) -> Result<(Entry, Stray), Refusal> {
    let stray = named(books, name)?;
    waits(stray)?;
    let event = Event::StrayDiscarded {
        stray: stray.number,
        service: stray.service.clone(),
    };
    let mut text = stray.named().and(" is being deleted");
    if let Some(by) = books.actor.member() {
        text = text.and(", as ").member(by).and(" wants it");
    }
    let entry = Entry::event(event).say_all(stray.edited(books, text.and(".")));
    Ok((entry, stray.clone()))
}

/// Keys whose provider does not delete them, and why: owners hear of each once, after a while.
pub fn stuck(books: &Books, left: &[Left]) -> Entry {
    let mut entry = Entry::default();
    for left in left {
        let stray = books.strays.iter().find(|stray| stray.number == left.stray);
        let Some((stray, since)) = stray.and_then(|stray| Some((stray, stray.discarded_at?)))
        else {
            continue;
        };
        if stray.stuck_at.is_some() || books.now - since < STUCK_AFTER {
            continue;
        }
        let text = stray
            .named()
            .and(" was to be deleted ")
            .time(since)
            .and(", and its provider does not do it: ")
            .join(Text::from(left.why.as_str()))
            .and(if left.is_stopped {
                " It can spend no more."
            } else {
                " Whoever has its secret may still spend with it, which is charged to nobody's budget."
            })
            .and(
                " Slice goes on trying, and the message about the key says when it is gone; you can also \
                 delete it at the provider yourself.",
            );
        let (page, owners) = (Page::say(text), books.org.owners_at().into_iter());
        entry = entry
            .and(Event::StrayStuck {
                stray: left.stray,
                service: stray.service.clone(),
            })
            .say_all(owners.map(|to| Message::new(to, page.clone())));
    }
    entry
}

/// Keys that are not at their provider any more, each with what it had spent where that is known.
pub fn gone(books: &Books, gone: &[(i64, Option<Money>)]) -> Entry {
    let mut entry = Entry::default();
    for (number, usage) in gone {
        let Some(stray) = books.strays.iter().find(|stray| stray.number == *number) else {
            continue;
        };
        let text = match (stray.discarded_at, usage) {
            (Some(_), Some(usage)) => stray.named().and(format!(
                " is deleted. It had spent {usage}, which is charged to nobody."
            )),
            (Some(_), None) => stray.named().and(" is deleted."),
            (None, _) => stray
                .named()
                .and(" is not there any more: somebody deleted it at the provider."),
        };
        let stray_gone = Event::StrayGone {
            stray: *number,
            service: stray.service.clone(),
            usage: *usage,
        };
        entry = entry.and(stray_gone).say_all(stray.edited(books, text));
    }
    entry
}
