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
    ports::ServiceAdapter,
};
use std::time::Duration;

/// What a round of reading has to keep, because no provider does.
#[derive(Default)]
pub struct Watch {
    margins: Vec<(GrantId, Margin)>,
    /// How long whole caps last that are kept by an end in time.
    spans: Vec<(GrantId, Duration)>,
    leans: Vec<Lean>,
}

struct Margin {
    /// So much has to be left of the cap.
    kept: Money,
    /// What becomes of what the key made.
    stays: Option<&'static str>,
}

/// A grant that adds to what another one is charged for.
struct Lean {
    grant: GrantId,
    on: GrantId,
    margin: Money,
}

/// A grant that goes no further, and what its member is told.
struct Stop<'a> {
    grant: &'a Grant,
    to: State,
    said: Page,
}

impl Watch {
    /// A grant whose key was read.
    pub fn keeps(&mut self, grant: &Grant, adapter: &dyn ServiceAdapter) {
        let (kept, stays) = (
            adapter.capabilities().margin(),
            adapter.capabilities().stays,
        );
        self.margin(grant.id, kept, stays);
        let lasts = adapter.lasts(grant.cap, &grant.terms);
        self.spans.extend(lasts.map(|lasts| (grant.id, lasts)));
    }

    /// Of a grant's cap so much has to be left; `stays`: what becomes of what its key made.
    pub fn margin(&mut self, grant: GrantId, kept: Money, stays: Option<&'static str>) {
        if !kept.is_zero() {
            self.margins.push((grant, Margin { kept, stays }));
        }
    }

    /// A service that is read, or was to be: whether what leans still has something to lean on, the books
    /// know.
    pub fn leans(&mut self, books: &Books, adapter: &dyn ServiceAdapter) {
        let grants = books.live.iter();
        let hers = grants.filter(|grant| grant.service == *adapter.name());
        self.leans.extend(hers.filter_map(|grant| {
            let share = adapter.shares(&grant.terms).filter(|share| share.adds)?;
            Some(Lean {
                grant: grant.id,
                on: share.grant,
                margin: adapter.capabilities().margin(),
            })
        }));
    }

    /// What follows from a reading: each grant moves once, and to its end rather than to a stop.
    pub fn entry(&self, books: &Books, read: &Entry) -> Entry {
        let mut moved = vec![];
        let mut entry = Entry::default();
        let stops = leaning(books, read, &self.leans)
            .chain(capped(books, read, &self.margins))
            .chain(dearer(books, read, &self.spans));
        for Stop { grant, to, said } in stops {
            if moved.contains(&grant.id) {
                continue;
            }
            moved.push(grant.id);
            let event = Event::GrantMoved {
                grant: grant.id,
                from: grant.state,
                to,
                by: None,
                why: None,
            };
            let told = Message::new(To::Member(grant.member), said);
            entry = entry.and(event).say(told);
        }
        entry
    }
}

/// What a grant has spent with this reading.
fn used(grant: &Grant, read: &Entry) -> Money {
    let readings = read.events.iter().flat_map(|event| match event {
        Event::UsageRead { readings, .. } => readings.as_slice(),
        _ => &[],
    });
    let new = readings.filter(|reading| reading.grant == grant.id);
    grant.usage() + new.map(|reading| reading.delta).sum()
}

fn live(books: &Books, id: GrantId) -> Option<&Grant> {
    books.live.iter().find(|grant| grant.id == id)
}

fn running(books: &Books, id: GrantId) -> Option<&Grant> {
    live(books, id).filter(|grant| is_running(grant))
}

fn stands(grant: &Grant) -> bool {
    matches!(grant.state, State::Active | State::Suspended(_))
}

/// Whether others may add to what a grant is charged for that has spent so much: beyond its cap nothing
/// would stop them.
pub fn bears(grant: &Grant, used: Money, margin: Money) -> bool {
    stands(grant) && used + margin < grant.cap
}

/// Ends the grants that add to what one is charged for that bears no more.
fn leaning<'a>(
    books: &'a Books,
    read: &'a Entry,
    leans: &'a [Lean],
) -> impl Iterator<Item = Stop<'a>> {
    leans.iter().filter_map(move |lean| {
        let grant = live(books, lean.grant).filter(|grant| stands(grant))?;
        let other = live(books, lean.on).filter(|other| stands(other));
        let why = match other {
            None => "another grant, which has ended".into(),
            Some(other) if bears(other, used(other, read), lean.margin) => return None,
            Some(other) => format!("grant {}, which is at its cap", other.number),
        };
        let (number, service) = (grant.number, &grant.service);
        let text = Text::new(format!(
            "Your {service} key (grant {number}) was ended, because what it leaves there is charged to {why}. \
             What it cost is charged, and the rest comes back into your budget."
        ));
        Some(Stop {
            grant,
            to: State::Revoking(End::Revoked),
            said: Page::say(text),
        })
    })
}

/// Suspends the grants of which, with this reading, no more than their margin is left.
fn capped<'a>(
    books: &'a Books,
    read: &'a Entry,
    margins: &'a [(GrantId, Margin)],
) -> impl Iterator<Item = Stop<'a>> {
    margins.iter().filter_map(move |(id, margin)| {
        let grant = running(books, *id)?;
        let used = used(grant, read);
        (grant.cap <= used + margin.kept).then(|| Stop {
            grant,
            to: State::Suspended(Pause::Capped),
            said: said(grant, used, margin),
        })
    })
}

/// Ends the grants that would be above their cap before they are read again, although each was to keep it
/// by ending in time: they cost more than was agreed on. With each comes how long its whole cap lasts.
fn dearer<'a>(
    books: &'a Books,
    read: &'a Entry,
    spans: &'a [(GrantId, Duration)],
) -> impl Iterator<Item = Stop<'a>> {
    spans.iter().filter_map(move |(id, lasts)| {
        let grant = running(books, *id)?;
        let used = used(grant, read);
        let ends_at = grant.ends_at.unwrap_or(books.now + EVERY);
        let next = EVERY.min(ends_at - books.now);
        // As dear as agreed on, or as it was on the average since it was ordered.
        let since = grant.key().and_then(|key| key.intended_at);
        let so_far = since.map_or(*lasts, |since| books.now - since).max(EVERY);
        let soon = part(grant.cap, next, *lasts).max(part(used, next, so_far));
        if used + soon < grant.cap {
            return None;
        }
        let (number, service, cap) = (grant.number, &grant.service, grant.cap);
        let text = Text::new(format!(
            "Your {service} key (grant {number}) was ended: it has spent {used} of {cap}, sooner than at the \
             price that was agreed on. What it cost is charged, and the rest comes back into your budget."
        ));
        Some(Stop {
            grant,
            to: State::Revoking(End::Revoked),
            said: Page::say(text),
        })
    })
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

fn said(grant: &Grant, used: Money, Margin { kept, stays }: &Margin) -> Page {
    let (number, service, cap) = (grant.number, &grant.service, grant.cap);
    let stays = stays.map_or_else(String::new, |stays| format!(" {stays}"));
    let text = Text::new(format!(
        "Your {service} key (grant {number}) was stopped: it has spent {used} of {cap}, and the last \
         {kept} are kept for what cannot be seen yet.{stays} To get the rest back into your budget, give \
         the key back."
    ));
    let mine = Audience::Member(grant.member);
    let back = Button::new("I'm done: give it back", format!("revoke {number}"), mine);
    Page::say(text).buttons(vec![back, Button::new("See your keys", "keys", mine)])
}
