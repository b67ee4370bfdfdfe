//! What stays at a provider when a key has gone, and goes on costing money: it is charged to its
//! member's month as spending that nothing was committed for, until an owner takes it over or deletes
//! it. That is the one exception to the promise that nothing is spent above the budget.

use crate::{
    books::{Books, Entry, Message, To},
    event::{Event, LeftoverEnd},
    grant::{Grant, Key, State},
    ids::{GrantId, ServiceName},
    money::Money,
    page::{Audience, Button, Page, Text},
    ports::ServiceAdapter,
    readings::{self, Read},
    refusal::Refusal,
};

/// What stays, as its provider shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// What it is and how much: “10.00 GiB in the bucket x”.
    pub what: String,
    pub monthly: Money,
    /// What the key has cost in all, with this.
    pub usage: Money,
    pub cursor: Option<String>,
}

/// A look at something that stays. `None`: nothing is there any more.
#[derive(Clone, Debug)]
pub struct Look {
    pub grant: GrantId,
    pub attempt: i64,
    /// What the key had cost when the look began.
    pub before: Money,
    pub left: Option<Left>,
}

/// The grant's keys behind which something stays.
pub fn of(grant: &Grant) -> impl Iterator<Item = &Key> {
    grant.keys.iter().filter(|key| key.left.is_some())
}

/// A key is gone by this entry. What stays of it, its member and the owners hear of, and of what it costs.
pub fn beside(
    mut entry: Entry,
    books: &Books,
    (grant, attempt): (&Grant, i64),
    left: Option<&Left>,
) -> Entry {
    let Some(left) = left else {
        return entry;
    };
    let found = found(books, grant, attempt, left);
    entry.events.extend(found.events);
    entry.say_all(found.messages)
}

fn found(books: &Books, grant: &Grant, attempt: i64, left: &Left) -> Entry {
    let event = Event::DataLeft {
        grant: grant.id,
        attempt,
        what: left.what.clone(),
        monthly: left.monthly,
    };
    let told = |whose: Text| {
        let (what, monthly, number) = (&left.what, left.monthly, grant.number);
        Page::say(whose.and(format!(
            "{what} stays after grant {number} has ended, and costs about {monthly} a month. That goes on being \
             charged to the budget, above it too if need be, until an owner takes it over or deletes it."
        )))
    };
    let owners = books.org.owners_at().into_iter();
    let page = told(Text::new("Of ").member(grant.member).and(": ")).buttons(buttons(grant));
    Entry::event(event)
        .say(Message::new(
            To::Member(grant.member),
            told(Text::default()),
        ))
        .say_all(owners.map(|to| Message::new(to, page.clone())))
}

/// What owners can do about it.
pub fn buttons(grant: &Grant) -> Vec<Button> {
    let number = grant.number;
    let take = Button::new(
        "Take it over",
        format!("vault take {number}"),
        Audience::Owners,
    );
    let delete = Button::new(
        "Delete it…",
        format!("vault delete {number}"),
        Audience::Owners,
    );
    vec![take, delete]
}

/// Charges what stays, and notes where it has changed or is gone.
pub fn seen(books: &Books, looks: &[Look]) -> Entry {
    let reads: Vec<Read> = looks.iter().filter_map(|look| look.read(books)).collect();
    let mut entry = readings::usage_read(books, &reads);
    let mut closed = vec![];
    for look in looks {
        let grant = books.left.iter().find(|grant| grant.id == look.grant);
        let key = grant.and_then(|grant| of(grant).find(|key| key.attempt == look.attempt));
        let Some(before) = key.and_then(|key| key.left.as_ref()) else {
            continue;
        };
        let (id, attempt) = (look.grant, look.attempt);
        match &look.left {
            None => {
                let is_wanted = key.is_some_and(|key| key.discarded_at.is_some());
                let how = if is_wanted {
                    LeftoverEnd::Deleted
                } else {
                    LeftoverEnd::Gone
                };
                let told = grant.map(|grant| told_closed(grant, &before.0, how));
                entry = entry
                    .and(Event::LeftoverClosed {
                        grant: id,
                        attempt,
                        how,
                        by: None,
                    })
                    .say_all(told);
                closed.extend(grant.filter(|_| is_wanted).map(|grant| (grant, &before.0)));
            }
            Some(left)
                if left.what != before.0
                    || left.monthly.up_to_cents() != before.1.up_to_cents() =>
            {
                entry.events.push(Event::DataLeft {
                    grant: id,
                    attempt,
                    what: left.what.clone(),
                    monthly: left.monthly,
                });
            }
            Some(_) => {}
        }
    }
    let owners = books.org.owners_at();
    let deleted = closed.into_iter().flat_map(|(grant, what)| {
        let text = format!("Deleted for good: {what} (grant {}).", grant.number);
        let page = Page::say(Text::new(text));
        let to = owners.iter();
        to.map(|to| Message::new(*to, page.clone()))
            .collect::<Vec<_>>()
    });
    entry.say_all(deleted)
}

impl Look {
    /// `None`: nothing is to be charged, or an owner corrected the sum meanwhile: the next look begins there.
    fn read(&self, books: &Books) -> Option<Read> {
        let left = self.left.as_ref()?;
        let (_, key) = readings::read_key(books, (self.grant, self.attempt))?;
        (self.before <= key.usage).then(|| Read {
            grant: self.grant,
            attempt: self.attempt,
            usage: left.usage,
            cursor: left.cursor.clone(),
        })
    }
}

/// The key of the books' grant behind which something stays.
pub fn one(books: &Books, number: i64) -> Result<(&Grant, &Key), Refusal> {
    let grant = books
        .grant
        .as_ref()
        .ok_or(Refusal::NoSuchGrant { number })?;
    let key = of(grant).next().ok_or_else(|| {
        Refusal::sentence(format!(
            "Nothing of grant {number} stays at its provider. Nothing was changed. `/slice vault list` \
             shows what does."
        ))
    })?;
    Ok((grant, key))
}

/// The same, where nobody has it deleted yet.
pub fn untouched(books: &Books, number: i64) -> Result<(&Grant, &Key), Refusal> {
    let (grant, key) = one(books, number)?;
    match key.discarded_at {
        None => Ok((grant, key)),
        Some(at) => Err(Refusal::sentence(format!(
            "What stays of grant {number} is being deleted at its provider since {}, because an owner wants \
             it so. Nothing was changed. To stop that, take over what is still there with `/slice vault take \
             {number}`.",
            at.short()
        ))),
    }
}

/// Whether what was made for a grant that is over is being deleted: nobody else is to begin to use it.
pub fn is_going(grant: &Grant) -> bool {
    let is_over = matches!(grant.state, State::Ended(_));
    is_over && of(grant).any(|key| key.discarded_at.is_some())
}

fn told_closed(grant: &Grant, what: &str, how: LeftoverEnd) -> Message {
    let said = match how {
        LeftoverEnd::TakenOver => "was taken over by an owner",
        LeftoverEnd::Deleted => "was deleted by an owner",
        LeftoverEnd::Gone => "is gone at its provider",
    };
    let number = grant.number;
    let text = format!("{what} {said} (grant {number}). It is charged to you no more.");
    Message::new(To::Member(grant.member), Page::say(Text::new(text)))
}

/// An owner wants it deleted: recorded before its provider hears of it; the meter's next round does it.
/// What somebody still uses stays.
pub fn discarded(
    books: &Books,
    number: i64,
    adapter: &dyn ServiceAdapter,
) -> Result<Entry, Refusal> {
    let (grant, key) = untouched(books, number)?;
    unused(books, grant, adapter)?;
    Ok(Entry::event(Event::LeftoverDiscarded {
        grant: grant.id,
        attempt: key.attempt,
    }))
}

/// No key of another grant uses what stays of this one.
pub fn unused(books: &Books, grant: &Grant, adapter: &dyn ServiceAdapter) -> Result<(), Refusal> {
    let leans = |one: &&Grant| {
        let share = adapter.shares(&one.terms);
        one.service == grant.service && share.is_some_and(|share| share.grant == grant.id)
    };
    let others = books.live.iter().filter(leans);
    let others: Vec<_> = others.map(|one| one.number.to_string()).collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(Refusal::sentence(format!(
        "What stays of grant {} is still used by other keys (grants: {}). Nothing was changed. End these first, \
         with `/slice revoke <grant>`.",
        grant.number,
        others.join(", ")
    )))
}

/// An owner took it over: it is charged no more, and nothing more of it is deleted.
pub fn taken(books: &Books, number: i64) -> Result<Entry, Refusal> {
    let (grant, key) = one(books, number)?;
    let what = key.left.as_ref().map_or("It", |(what, _)| what.as_str());
    let how = LeftoverEnd::TakenOver;
    let told = told_closed(grant, what, how);
    let event = Event::LeftoverClosed {
        grant: grant.id,
        attempt: key.attempt,
        how,
        by: books.actor.member(),
    };
    Ok(Entry::event(event).say(told))
}

/// What stays of a service, and what it costs in all a month.
pub fn monthly<'a>(left: impl IntoIterator<Item = &'a Grant>, service: &ServiceName) -> Money {
    let grants = left.into_iter().filter(|grant| grant.service == *service);
    let costs = grants.flat_map(of).filter_map(|key| key.left.as_ref());
    costs.map(|(_, monthly)| *monthly).sum()
}
