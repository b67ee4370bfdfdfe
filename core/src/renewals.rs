//! Grants that go on from month to month: judged anew at each turn, by us and never by the provider.

use crate::{
    books::{Books, Entry, Message, To},
    changes::What,
    ends::Notice,
    event::Event,
    extensions,
    grant::{Grant, KeyState, Pause, State},
    life::Life,
    money::Money,
    page::{Audience, Button, Page, Text},
    ports::Adjusts,
    refusal::Refusal,
    requests::Request,
    rotations, sentences,
    time::Time,
};
use std::time::Duration;

/// A key is replaced, or its end moved, so long before it.
pub const REPLACE_BEFORE: Duration = Duration::from_hours(48);
/// What a provider has refused is tried again after this.
pub const REFUSED_PAUSE: Duration = Duration::from_hours(3);

/// What the clock or the budget has for the claimed grant, whose service adjusts that. `None`: nothing now.
pub fn come(books: &Books, adjusts: Adjusts) -> Result<Option<Entry>, Refusal> {
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
        State::Active => goes_on(books, grant, (amount, turned), adjusts),
        State::Suspended(pause @ (Pause::NoRoom | Pause::Capped)) if !grant.can_spend() => {
            // What was stopped at its cap waits for its month to turn.
            let is_time = turned || pause == Pause::NoRoom;
            if is_time && has_room(books, grant, amount) {
                Some(resumed(books, grant, amount))
            } else {
                stands_longer(books, grant, adjusts)
            }
        }
        _ => None,
    };
    Ok(entry.map(released))
}

fn released(entry: Entry) -> Entry {
    Entry {
        releases: true,
        ..entry
    }
}

fn goes_on(
    books: &Books,
    grant: &Grant,
    (amount, turned): (Money, bool),
    adjusts: Adjusts,
) -> Option<Entry> {
    let is_refused = |notice| grant.noticed.contains(&notice);
    let rests = |at: Time| books.now < at + REFUSED_PAUSE;
    let may_try = |notice| !is_refused(notice) || !grant.dropped_at.is_some_and(rests);
    let longer = if may_try(Notice::NotReplaced) {
        prolonged(books, grant, adjusts)
    } else {
        None
    };
    // A month whose money is refused does not keep the grant from living on.
    let waits = is_refused(Notice::NotRenewed) && longer.is_some();
    if !turned || !may_try(Notice::NotRenewed) || waits {
        longer
    } else if has_room(books, grant, amount) {
        Some(renewed(books, grant, amount))
    } else {
        Some(no_room(grant, amount))
    }
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

/// A cap that changes is told of once its provider has confirmed it.
fn renewed(books: &Books, grant: &Grant, amount: Money) -> Entry {
    let (from, to) = (grant.cap, grant.usage() + amount);
    let entry = Entry::event(new_month(books, grant));
    if from == to && !grant.noticed.contains(&Notice::NotRenewed) {
        return entry.say(told(books, grant, amount));
    }
    entry.and(Event::CapChanging {
        grant: grant.id,
        from,
        to,
        renews: true,
    })
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
    let back = sentences::give_back(grant);
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

/// The grant's end comes: its provider moves its own date, or another key takes the place of this one,
/// beside which the old one goes on for a day.
fn prolonged(books: &Books, grant: &Grant, adjusts: Adjusts) -> Option<Entry> {
    let (id, to) = (grant.id, next_end(books, grant)?);
    if adjusts.end {
        return Some(Entry::event(Event::ExtensionBegun { grant: id, to }));
    }
    if !adjusts.secret {
        return None;
    }
    let begun = rotations::begin(grant, Some(Life::from_days(1)), Some(to)).ok()?;
    let entry = Entry::event(begun);
    if grant.noticed.contains(&Notice::NotReplaced) {
        return Some(entry);
    }
    let text = Text::new(format!(
        "Grant {} ({}) goes on, but no key lives longer than its provider was told. A new one is being \
         made; reveal it within a day, or the grant ends then.",
        grant.number, grant.service
    ));
    Some(entry.say(Message::new(To::Member(grant.member), Page::say(text))))
}

/// What stands still has no date at its provider: that is given one when it goes on.
fn stands_longer(books: &Books, grant: &Grant, adjusts: Adjusts) -> Option<Entry> {
    let to = next_end(books, grant).filter(|_| adjusts.end)?;
    Some(extensions::moved(grant, (grant.ends_at?, to)))
}

/// When a grant that goes on from month to month ends next, if its end is near.
pub(crate) fn next_end(books: &Books, grant: &Grant) -> Option<Time> {
    let goes_on = grant.monthly.is_some() && grant.revealed_at.is_some();
    let ends_at = grant.ends_at.filter(|_| goes_on)?;
    let near = books.now + REPLACE_BEFORE;
    let next = books.now + books.org.settings.longest_life.duration();
    // What is near its end from its beginning, or would be again at once, would be prolonged for ever.
    let lived = grant.armed_at? + REPLACE_BEFORE < ends_at;
    (lived && ends_at <= near && near < next).then_some(next)
}

/// What a grant lacks where this was refused to it, if that was to keep it going.
fn lacks(grant: &Grant, what: What) -> Option<Notice> {
    grant.monthly?;
    match what {
        What::Cap { renews, .. } => renews.then_some(Notice::NotRenewed),
        What::Rotation { ends_at, .. } => ends_at.map(|_| Notice::NotReplaced),
        What::Extension { .. } => Some(Notice::NotReplaced),
    }
}

/// The provider refused what keeps a grant going: it is tried again, and its member hears of it once.
/// `None`: it was something else.
pub(crate) fn put_off(books: &Books, grant: &Grant, what: What, why: &str) -> Option<Entry> {
    let notice = lacks(grant, what)?;
    if grant.noticed.contains(&notice) {
        return Some(Entry::default());
    }
    let (number, service) = (grant.number, &grant.service);
    let hours = REFUSED_PAUSE.as_secs() / 3600;
    let refused = match (notice, what) {
        (Notice::NotRenewed, _) => format!(
            "Your {service} key (grant {number}) could not be given its {} for {}: ",
            grant.monthly.unwrap_or_default(),
            books.month.name()
        ),
        (_, What::Extension { .. }) => {
            format!("The end of your {service} key (grant {number}) could not be moved: ")
        }
        _ => format!("Your {service} key (grant {number}) could not be replaced: "),
    };
    let text = Text::new(refused).join(Text::from(why));
    let text = match (notice, grant.ends_at) {
        (Notice::NotReplaced, Some(end)) => text
            .and(format!(
                " Slice tries again every {hours} hours. If that goes on, grant {number} ends "
            ))
            .time(end)
            .and("."),
        _ => text.and(format!(
            " It keeps what is left of its cap. Slice tries again every {hours} hours, and says when that \
             is done."
        )),
    };
    let id = grant.id;
    let entry = Entry::event(Event::GrantNoticed { grant: id, notice });
    Some(entry.say(Message::new(To::Member(grant.member), Page::say(text))))
}

/// What is said of a month's cap when its provider has confirmed it. `None`: that month is over already,
/// and the next begins.
pub(crate) fn begun(books: &Books, grant: &Grant) -> Option<Message> {
    let lasts = grant.renew_at.is_none_or(|at| books.now < at);
    let amount = grant.monthly.filter(|_| lasts)?;
    Some(told(books, grant, amount))
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
