//! Grants that go on from month to month: judged anew at each turn, by us and never by the provider.

use crate::{
    books::{Books, Entry, Message, To},
    event::Event,
    grant::{Grant, KeyState, Pause, State},
    life::Life,
    money::Money,
    page::{Audience, Button, Page, Text},
    refusal::Refusal,
    requests::Request,
    rotations,
};
use std::time::Duration;

/// A key is replaced so long before its end.
pub const REPLACE_BEFORE: Duration = Duration::from_hours(48);

/// What the clock or the budget has for the claimed grant. `None`: nothing now.
pub fn come(books: &Books) -> Result<Option<Entry>, Refusal> {
    let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
    let Some(amount) = grant.monthly.filter(|_| !grant.topped_up) else {
        return Ok(None);
    };
    let is_busy = grant.keys.iter().any(|key| key.state == KeyState::Enabling);
    if grant.change.is_some() || is_busy {
        return Ok(None);
    }
    let turned = grant.renew_at.is_some_and(|at| at <= books.now);
    let entry = match grant.state {
        State::Active if turned && has_room(books, grant, amount) => renewed(books, grant, amount),
        State::Active if turned => no_room(grant, amount),
        State::Active => return Ok(replaced(books, grant)),
        // What was stopped at its cap waits for its month to turn.
        State::Suspended(Pause::Capped) if !turned => return Ok(None),
        State::Suspended(Pause::NoRoom | Pause::Capped)
            if !grant.can_spend() && has_room(books, grant, amount) =>
        {
            resumed(books, grant, amount)
        }
        _ => return Ok(None),
    };
    Ok(Some(Entry {
        releases: true,
        ..entry
    }))
}

/// What the grant holds already counts towards what it begins the month with.
fn has_room(books: &Books, grant: &Grant, amount: Money) -> bool {
    let balance = books.member.as_ref().map(|member| member.budget.balance());
    balance.is_some_and(|balance| amount <= balance + grant.committed())
}

fn new_month(books: &Books, grant: &Grant) -> Event {
    Event::GrantRenewed {
        grant: grant.id,
        month: books.month,
        due: books.org.turns_at,
    }
}

fn renewed(books: &Books, grant: &Grant, amount: Money) -> Entry {
    let (id, from, to) = (grant.id, grant.cap, grant.usage() + amount);
    let mut entry = Entry::event(new_month(books, grant));
    if from != to {
        entry = entry.and(Event::CapChanging {
            grant: id,
            from,
            to,
        });
    }
    entry.say(told(books, grant, amount))
}

fn resumed(books: &Books, grant: &Grant, amount: Money) -> Entry {
    let (id, from, to) = (grant.id, grant.cap, grant.usage() + amount);
    let mut entry = Entry::event(new_month(books, grant));
    if from != to {
        entry = entry.and(Event::CapChanged {
            grant: id,
            from,
            to,
        });
    }
    entry = entry.and(Event::GrantMoved {
        grant: id,
        from: grant.state,
        to: State::Active,
        by: None,
        why: None,
    });
    let key = grant.key().filter(|key| key.state == KeyState::Disabled);
    if let Some(key) = key {
        entry = entry.and(Event::KeyEnabling {
            grant: id,
            attempt: key.attempt,
            cap: grant.cap_within(to, key),
        });
    }
    entry.say(told(books, grant, amount))
}

fn told(books: &Books, grant: &Grant, amount: Money) -> Message {
    let text = Text::new(format!(
        "Your {} key (grant {}) has {amount} for {}, until ",
        grant.service,
        grant.number,
        books.month.name()
    ));
    let text = text.time(books.org.turns_at).and(". Then it begins anew.");
    let back = Button::new(
        "I'm done: give it back",
        format!("revoke {}", grant.number),
        Audience::Member(grant.member),
    )
    .danger(format!(
        "End grant {} now and get the unspent rest back?",
        grant.number
    ));
    Message::new(
        To::Member(grant.member),
        Page::say(text).buttons(vec![back]),
    )
}

fn no_room(grant: &Grant, amount: Money) -> Entry {
    let text = format!(
        "Your budget has no room for the {amount} with which grant {} ({}) begins the month, so its key \
         stands still. It goes on by itself as soon as there is room: give another key back, or ask an \
         owner for more with `/slice budget` in hand.",
        grant.number, grant.service
    );
    Entry::event(Event::GrantMoved {
        grant: grant.id,
        from: grant.state,
        to: State::Suspended(Pause::NoRoom),
        by: None,
        why: None,
    })
    .say(Message::new(
        To::Member(grant.member),
        Page::say(text.as_str()),
    ))
}

/// The provider's own date comes: another key, beside which the old one goes on for a day.
fn replaced(books: &Books, grant: &Grant) -> Option<Entry> {
    let ends_at = grant.ends_at?;
    if books.now + REPLACE_BEFORE < ends_at || grant.armed_at? + REPLACE_BEFORE >= ends_at {
        return None;
    }
    let until = books.now + books.org.settings.longest_life.duration();
    let begun = rotations::begin(grant, Some(Life::from_days(1)), Some(until)).ok()?;
    let text = Text::new(format!(
        "Grant {} ({}) goes on, but no key lives longer than its provider was told. A new one is being \
         made; reveal it within a day, because the old one stops then.",
        grant.number, grant.service
    ));
    let mut entry =
        Entry::event(begun).say(Message::new(To::Member(grant.member), Page::say(text)));
    entry.releases = true;
    Some(entry)
}

/// A top-up is for one month, so nothing can be topped up that begins each month anew.
pub(crate) fn short(books: &Books, request: &Request, by: Money) -> Refusal {
    let free = books.member.as_ref().map(|member| member.budget.free());
    let free = free.unwrap_or_default();
    let text = Text::new(format!(
        "{by} short: {free} is free until "
    ))
    .time(books.org.turns_at)
    .and(", and a key for each month has to fit without a top-up. Nothing was reserved. An owner can give \
          you a larger monthly budget.");
    let line = format!("provision {} {} monthly", request.service, free.decimal());
    let rest = Button::new(
        format!("Provision {free} each month"),
        line,
        Audience::Member(request.member),
    );
    let next = if free.is_zero() { vec![] } else { vec![rest] };
    Refusal::Sentence { text, next }
}
