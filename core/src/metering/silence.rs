//! A provider that does not answer is told of once, and once more when it is back.

use super::{Metering, SILENT_AFTER};
use crate::{
    books::{Books, Entry, Message},
    event::Event,
    ids::ServiceName,
    page::{Page, Text},
    ports::ServiceError,
};

/// Said once: a provider that does not answer, or no longer takes the master key.
pub(super) fn is_silent(books: &Books, metering: &Metering, why: &ServiceError) -> Entry {
    let service = &metering.service;
    let Some(master) = books.org.master(service) else {
        return Entry::default();
    };
    let since = metering.failing_since.unwrap_or(books.now);
    if master.silent_since.is_some() || books.now - since < SILENT_AFTER {
        return Entry::default();
    }
    let read_at = master.read_at;
    let mut text = Text::new(format!("{service} can't be read since ")).time(since);
    text = text.and(": ").join(Text::from(why.to_string().as_str()));
    text = match read_at {
        Some(at) => text.and(" Spending that Slice shows is as of ").time(at),
        None => text.and(" Nothing has been read so far"),
    };
    let text = text.and(". Slice goes on trying, and says when it is back.");
    let (service, owners) = (service.clone(), books.org.owners_at().into_iter());
    let page = Page::say(text);
    Entry::event(Event::ProviderSilent { service, since })
        .say_all(owners.map(|to| Message::new(to, page.clone())))
}

pub(super) fn answers_again(books: &Books, service: &ServiceName) -> Entry {
    let Some(since) = books
        .org
        .master(service)
        .and_then(|master| master.silent_since)
    else {
        return Entry::default();
    };
    let text = Text::new(format!(
        "{service} can be read again. It could not be since "
    ))
    .time(since)
    .and(". What was spent meanwhile is charged now.");
    let owners = books.org.owners_at().into_iter();
    let page = Page::say(text);
    Entry::event(Event::ProviderBack {
        service: service.clone(),
    })
    .say_all(owners.map(|to| Message::new(to, page.clone())))
}
