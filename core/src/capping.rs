//! Stopping short of a cap that no provider enforces: what is read may be minutes old, so a key stands
//! still before its cap is reached.

use crate::{
    books::{Books, Entry, Message, To},
    event::Event,
    grant::{End, Grant, KeyState, Pause, State},
    ids::GrantId,
    metering::EVERY,
    money::Money,
    page::{Audience, Button, Page, Text},
};
use std::time::Duration;

/// What a grant has spent with this reading.
fn used(grant: &Grant, read: &Entry) -> Money {
    let readings = read.events.iter().flat_map(|event| match event {
        Event::UsageRead { readings, .. } => readings.as_slice(),
        _ => &[],
    });
    let new = readings.filter(|reading| reading.grant == grant.id);
    grant.usage() + new.map(|reading| reading.delta).sum()
}

fn moved(grant: &Grant, to: State) -> Event {
    Event::GrantMoved {
        grant: grant.id,
        from: grant.state,
        to,
        by: None,
        why: None,
    }
}

fn running(books: &Books, id: GrantId) -> Option<&Grant> {
    let grant = books.live.iter().find(|grant| grant.id == id);
    grant.filter(|grant| is_running(grant))
}

/// Suspends the grants of which, with this reading, no more than their margin is left.
pub fn stops(books: &Books, read: &Entry, margins: &[(GrantId, Money)]) -> Entry {
    let mut entry = Entry::default();
    for (id, margin) in margins {
        let Some(grant) = running(books, *id) else {
            continue;
        };
        let used = used(grant, read);
        if used + *margin < grant.cap {
            continue;
        }
        let capped = State::Suspended(Pause::Capped);
        entry.events.push(moved(grant, capped));
        let page = said(grant, used, *margin);
        entry = entry.say(Message::new(To::Member(grant.member), page));
    }
    entry
}

/// Ends the grants that would be above their cap before they are read again, although each was to keep it
/// by ending in time: they cost more than was agreed on. With each comes how long its whole cap lasts.
pub fn dearer(books: &Books, read: &Entry, spans: &[(GrantId, Duration)]) -> Entry {
    let mut entry = Entry::default();
    for (id, lasts) in spans {
        let Some(grant) = running(books, *id) else {
            continue;
        };
        let used = used(grant, read);
        let ends_at = grant.ends_at.unwrap_or(books.now + EVERY);
        let next = EVERY.min(ends_at - books.now);
        // As dear as agreed on, or as it was on the average since it was ordered.
        let since = grant.key().and_then(|key| key.intended_at);
        let so_far = since.map_or(*lasts, |since| books.now - since).max(EVERY);
        let soon = part(grant.cap, next, *lasts).max(part(used, next, so_far));
        if used + soon < grant.cap {
            continue;
        }
        let ending = State::Revoking(End::Expired);
        entry.events.push(moved(grant, ending));
        let (number, service, cap) = (grant.number, &grant.service, grant.cap);
        let text = Text::new(format!(
            "Your {service} key (grant {number}) was ended: it has spent {used} of {cap}, sooner than at the \
             price that was agreed on. What it cost is charged, and the rest comes back into your budget."
        ));
        entry = entry.say(Message::new(To::Member(grant.member), Page::say(text)));
    }
    entry
}

/// What a span costs where the whole lasts so long, rounded up.
fn part(whole: Money, span: Duration, lasts: Duration) -> Money {
    let micros = |span: Duration| i128::try_from(span.as_micros()).unwrap_or(i128::MAX);
    let fine = i128::from(whole.micros()).saturating_mul(micros(span));
    let lasts = micros(lasts).max(1);
    let part = fine / lasts + i128::from(fine % lasts > 0);
    Money::from_micros(i64::try_from(part).unwrap_or(i64::MAX))
}

/// A key that is being enabled is looked at again when that is done.
fn is_running(grant: &Grant) -> bool {
    let armed = grant.keys.iter().any(|key| key.state == KeyState::Armed);
    grant.state == State::Active && armed
}

fn said(grant: &Grant, used: Money, margin: Money) -> Page {
    let (number, service, cap) = (grant.number, &grant.service, grant.cap);
    let text = Text::new(format!(
        "Your {service} key (grant {number}) was stopped: it has spent {used} of {cap}, and the last \
         {margin} are kept for what cannot be seen yet. What you stored is untouched, and goes on being \
         charged. To get the rest back into your budget, give the key back."
    ));
    let mine = Audience::Member(grant.member);
    let back = Button::new("I'm done: give it back", format!("revoke {number}"), mine);
    Page::say(text).buttons(vec![back, Button::new("See your keys", "keys", mine)])
}
