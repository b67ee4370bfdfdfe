//! Raising and lowering a grant's cap. A raise commits the higher cap before the provider hears of it;
//! a lower one releases nothing before the provider has confirmed it.

use crate::{
    books::{Books, Entry, Message, To},
    changes::{self, What, Wish, approves, is_free, theirs},
    event::Event,
    grant::{Grant, Key, KeyState, Pause, State},
    ids::MemberId,
    money::Money,
    page::{Audience, Button, Page, Text},
    ports::Capabilities,
    refusal::Refusal,
    renewals, requests,
};

/// Another cap for a grant.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub number: i64,
    pub to: Money,
    pub service: &'a Capabilities,
    /// Whoever acts is an owner.
    pub by_owner: bool,
}

/// How far a change got in its first transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The provider hears of it next.
    Begun,
    /// Nothing of the grant can spend, so there is nothing to tell its provider.
    Done,
    /// The owners were asked, and nothing was changed.
    Asked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    pub from: Money,
    pub member: MemberId,
    pub progress: Progress,
    /// Above this, a cap is for owners to give.
    pub free_hand: Money,
}

/// Gives a grant another cap, or asks the owners for it. It is judged as a request is, whoever said
/// yes to the cap that stands.
pub fn change(books: &Books, wanted: &Wanted<'_>) -> Result<(Entry, Changed), Refusal> {
    let grant = theirs(books, wanted.number, wanted.by_owner)?;
    let (from, to) = (grant.cap, wanted.to);
    if !matches!(grant.state, State::Active | State::Suspended(_)) {
        return Err(requests::wrong(grant, "given another cap"));
    }
    if from == to {
        return Err(Refusal::sentence(format!(
            "The cap of grant {} is {to} already. Nothing was changed.",
            grant.number
        )));
    }
    if !wanted.service.adjusts.cap {
        return Err(fixed(books, grant, wanted));
    }
    is_free(grant)?;
    let changed = |progress| Changed {
        from,
        member: grant.member,
        progress,
        free_hand: books.org.settings.free_hand,
    };
    if to < from {
        may_be_lowered(grant, to)?;
    } else {
        may_be_raised(books, grant, wanted)?;
        if books.org.settings.free_hand < to && !approves(books, grant, wanted.by_owner) {
            let entry = changes::asked(books, grant, Wish::Cap(to));
            return Ok((entry, changed(Progress::Asked)));
        }
    }
    let (events, progress) = begin(grant, to)?;
    let mut entry = Entry {
        events,
        ..Entry::default()
    };
    if from < to {
        entry = entry.say_all(changes::decided(books, grant, Wish::Cap(to), true));
    }
    Ok((entry, changed(progress)))
}

fn fixed(books: &Books, grant: &Grant, wanted: &Wanted<'_>) -> Refusal {
    let (service, to) = (&grant.service, wanted.to.decimal());
    let who = books.actor.member().unwrap_or(grant.member);
    let another = Button::new(
        format!("Provision {}", wanted.to),
        format!("provision {service} {to}"),
        Audience::Member(who),
    );
    Refusal::offering(
        format!(
            "{} can't change the cap of what exists. Nothing was changed. Take a new grant with the cap \
             that you want, and give this one back when you are done with it.",
            wanted.service.title
        ),
        another,
    )
}

fn may_be_lowered(grant: &Grant, to: Money) -> Result<(), Refusal> {
    let used = grant.usage();
    if used <= to {
        return Ok(());
    }
    Err(Refusal::sentence(format!(
        "Grant {} has spent {used} already, and a cap can't be below that. Nothing was changed.",
        grant.number
    )))
}

fn may_be_raised(books: &Books, grant: &Grant, wanted: &Wanted<'_>) -> Result<(), Refusal> {
    let settings = &books.org.settings;
    let least = settings.smallest_cap.max(wanted.service.smallest_cap);
    if wanted.to < least {
        let service = grant.service.clone();
        return Err(Refusal::TooSmall { least, service });
    }
    let budget = books.member.as_ref().map(|member| member.budget);
    let budget = budget.ok_or(Refusal::NoAllocation)?;
    let short = budget.top_up_for(wanted.to - grant.cap);
    if short.is_zero() {
        return Ok(());
    }
    let (number, free) = (grant.number, budget.free());
    let text = Text::new(format!(
        "{short} short: raising grant {number} from {} to {} takes {} more, and {free} is free until ",
        grant.cap,
        wanted.to,
        wanted.to - grant.cap
    ))
    .time(books.org.turns_at)
    .and(". Nothing was changed. An owner can add to this month with ")
    .say("topup")
    .and(".");
    let most = grant.cap + free;
    let who = books.actor.member().unwrap_or(grant.member);
    let rest = Button::new(
        format!("Raise to {most}"),
        format!("cap {number} {}", most.decimal()),
        Audience::Member(who),
    );
    let next = if free.is_zero() { vec![] } else { vec![rest] };
    Err(Refusal::Sentence { text, next })
}

/// The first transaction of a change: what it commits, and whether the provider has to hear of it.
pub(crate) fn begin(grant: &Grant, to: Money) -> Result<(Vec<Event>, Progress), Refusal> {
    let (id, from) = (grant.id, grant.cap);
    let changing = Event::CapChanging {
        grant: id,
        from,
        to,
        renews: false,
    };
    let changed = Event::CapChanged {
        grant: id,
        from,
        to,
    };
    match grant.state {
        State::Active => Ok((vec![changing], Progress::Begun)),
        State::Suspended(Pause::Capped) if from < to && !grant.can_spend() => {
            let mut events = vec![changed];
            events.extend(armed_again(grant, to));
            Ok((events, Progress::Begun))
        }
        State::Suspended(_) if !grant.can_spend() => Ok((vec![changed], Progress::Done)),
        _ => Err(Refusal::sentence(format!(
            "The key of grant {} is just being stopped. Nothing was changed. Try again in a minute.",
            grant.number
        ))),
    }
}

/// What stood still at its cap goes on under a higher one.
fn armed_again(grant: &Grant, to: Money) -> Vec<Event> {
    let moved = Event::GrantMoved {
        grant: grant.id,
        from: grant.state,
        to: State::Active,
        by: None,
        why: None,
    };
    let key = grant.key().filter(|key| key.state == KeyState::Disabled);
    let enabling = key.map(|key| Event::KeyEnabling {
        grant: grant.id,
        attempt: key.attempt,
        cap: grant.cap_within(to, key),
    });
    std::iter::once(moved).chain(enabling).collect()
}

/// The cap change that waits for its provider: the key, and what it may spend in all.
pub fn order(grant: &Grant) -> Option<(&Key, Money)> {
    let What::Cap { to, .. } = grant.change?.what else {
        return None;
    };
    let key = grant.key().filter(|key| key.state == KeyState::Armed)?;
    Some((key, grant.cap_within(to, key)))
}

/// The provider confirmed it: a lower cap counts from here.
pub fn confirmed(books: &Books, attempt: i64, cap: Money) -> Result<Entry, Refusal> {
    let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
    let change = grant.change.ok_or(Refusal::LostLease)?;
    let What::Cap { from, to, renews } = change.what else {
        return Err(Refusal::LostLease);
    };
    let capped = Event::KeyCapped {
        grant: grant.id,
        attempt,
        cap,
    };
    let mut entry = Entry::event(capped).and(Event::CapChanged {
        grant: grant.id,
        from,
        to,
    });
    entry.releases = true;
    if let Some(begun) = renewals::begun(books, grant).filter(|_| renews) {
        return Ok(entry.say(begun));
    }
    let text = Text::new(format!(
        "The cap of your {} key (grant {}) is {to} now, not {from}. It has spent {}.",
        grant.service,
        grant.number,
        grant.usage()
    ));
    Ok(entry.say(Message::new(To::Member(grant.member), Page::say(text))))
}
