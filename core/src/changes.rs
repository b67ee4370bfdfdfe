//! Changes of a key that exists. Like its making, each is recorded before the provider hears of it,
//! and stands until the provider has confirmed it: a grant has one at a time.

use crate::{
    books::{Books, Entry, Message, To},
    event::{Actor, Event},
    grant::{Grant, KeyState},
    ids::MemberId,
    life::Life,
    money::Money,
    page::{Audience, Button, Page, Text},
    refusal::Refusal,
    renewals,
    time::Time,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What is being changed about a grant's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub what: What,
    pub begun_at: Time,
    /// Before this there is nothing to do.
    pub due_at: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A raise is committed from its beginning, a lower one counts from its end.
    Cap {
        from: Money,
        to: Money,
        /// A month of the grant begins with it.
        renews: bool,
    },
    /// Another key takes the place of this attempt.
    Rotation {
        old: i64,
        /// For so long the old one goes on beside the new one.
        overlap: Option<Life>,
        /// The grant ends then, and no longer when it did.
        ends_at: Option<Time>,
    },
    /// The provider's own date is moved, and ours after it.
    Extension { to: Time },
}

/// What a member asks owners for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    Cap(Money),
    Life(Life),
}

/// The books' grant, if whoever acts may change it.
pub(crate) fn theirs(books: &Books, number: i64, by_owner: bool) -> Result<&Grant, Refusal> {
    let grant = books
        .grant
        .as_ref()
        .ok_or(Refusal::NoSuchGrant { number })?;
    if books.actor.member() == Some(grant.member) || by_owner {
        Ok(grant)
    } else {
        Err(Refusal::NotYourGrant { number })
    }
}

/// Whether the actor's word is an owner's about somebody else's grant, or a sole owner's.
pub(crate) fn approves(books: &Books, grant: &Grant, by_owner: bool) -> bool {
    let sole = books.org.settings.sole_owner_from;
    let is_sole = sole.is_some_and(|from| from <= books.now);
    by_owner && (books.actor.member() != Some(grant.member) || is_sole)
}

/// Nothing else is being changed about the grant's key, and it can be changed now.
pub(crate) fn is_free(grant: &Grant) -> Result<(), Refusal> {
    let text = match grant.change {
        Some(change) => now_changing(grant, &change),
        None if grant.keys.iter().any(|key| key.state == KeyState::Enabling) => Text::new(format!(
            "The key of grant {} is just being let spend again",
            grant.number
        )),
        None => return Ok(()),
    };
    Err(Refusal::Sentence {
        text: text.and(". Nothing was changed now. Try again when that is done."),
        next: vec![],
    })
}

fn now_changing(grant: &Grant, change: &Change) -> Text {
    let of = format!("of grant {}", grant.number);
    match change.what {
        What::Cap { from, to, .. } => {
            Text::new(format!("The cap {of} is being changed from {from} to {to}"))
        }
        What::Rotation {
            overlap: Some(_), ..
        } if grant
            .keys
            .iter()
            .filter(|key| key.state == KeyState::Armed)
            .count()
            > 1 =>
        {
            Text::new(format!("The old key {of} works beside the new one until "))
                .time(change.due_at)
        }
        What::Rotation { .. } => Text::new(format!("The key {of} is being replaced")),
        What::Extension { to } => Text::new(format!("The end {of} is being moved to ")).time(to),
    }
}

/// The messages of owners about one wish.
pub(crate) fn topic(grant: &Grant, wish: Wish) -> String {
    match wish {
        Wish::Cap(to) => format!("cap/{}/{}/owners", grant.id, to.micros()),
        Wish::Life(life) => format!("extension/{}/{life}/owners", grant.id),
    }
}

/// A member's wish, to the owners.
pub(crate) fn asked(books: &Books, grant: &Grant, wish: Wish) -> Entry {
    let page = wish_page(grant, wish);
    let owners = books.org.owners_at().into_iter();
    Entry::event(Event::ChangeAsked {
        grant: grant.id,
        wish,
    })
    .say_all(owners.map(|to| Message::new(to, page.clone()).topic(topic(grant, wish))))
}

/// What owners were asked is decided: what stands in chat says so, and the member hears of it.
pub(crate) fn decided(books: &Books, grant: &Grant, wish: Wish, yes: bool) -> Vec<Message> {
    let Some(by) = books.actor.member().filter(|by| *by != grant.member) else {
        return vec![];
    };
    let (verb, what) = (if yes { "approved" } else { "denied" }, wish.said(grant));
    let end = if yes { "." } else { " Nothing was changed." };
    let told = Text::default()
        .member(by)
        .and(format!(" {verb} {what} for your grant {}.", grant.number));
    let told = Message::new(
        To::Member(grant.member),
        Page::say(told.and(end.trim_start_matches('.'))),
    );
    let page = Text::default()
        .member(grant.member)
        .and(format!("'s grant {}: {what} was {verb} by ", grant.number));
    let page = Page::say(page.member(by).and("."));
    let owners = Message::new(To::OwnersChannel, page).topic(topic(grant, wish));
    vec![owners.edit(), told]
}

impl Wish {
    /// `a cap of $60.00 (now $20.00)`.
    fn said(self, grant: &Grant) -> String {
        match self {
            Self::Cap(to) => format!("a cap of {to} (now {})", grant.cap),
            Self::Life(life) => format!("{life} more, from now,"),
        }
    }

    /// The command line that fulfils it.
    fn line(self, number: i64) -> String {
        match self {
            Self::Cap(to) => format!("cap {number} {}", to.decimal()),
            Self::Life(life) => format!("extend {number} {life}"),
        }
    }
}

fn wish_page(grant: &Grant, wish: Wish) -> Page {
    let (what, line) = (wish.said(grant), wish.line(grant.number));
    let mut text = Text::default().member(grant.member).and(format!(
        " asks for {what} for grant {} ({}, {} spent)",
        grant.number,
        grant.service,
        grant.usage()
    ));
    if let Some(ends_at) = grant.ends_at {
        text = text.and(", which ends ").time(ends_at);
    }
    let why = match wish {
        Wish::Cap(_) => "It fits the budget, and is above what members may take without asking.",
        Wish::Life(_) => "An owner approved this grant's life, so an owner extends it.",
    };
    let yes = Button::new("Approve", line.clone(), Audience::Owners).primary();
    let no = Button::new("Deny", format!("{line} denied"), Audience::Owners);
    Page::say(text.and(".")).text(why).buttons(vec![yes, no])
}

/// An owner's no to a wish.
pub fn deny(books: &Books, number: i64, wish: Wish) -> Result<(Entry, MemberId), Refusal> {
    let grant = theirs(books, number, true)?;
    let event = Event::ChangeDenied {
        grant: grant.id,
        wish,
    };
    let entry = Entry::event(event).say_all(decided(books, grant, wish, false));
    Ok((entry, grant.member))
}

/// A change that its provider does not confirm for too long: owners hear of it.
pub fn stuck(books: &Books, why: &str, again: Duration) -> Result<Entry, Refusal> {
    let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
    let change = grant.change.ok_or(Refusal::LostLease)?;
    let text = now_changing(grant, &change)
        .and(" since ")
        .time(change.begun_at)
        .and(", and its provider does not confirm that: ")
        .join(Text::from(why));
    let page = Page::say(text).text(
        "Until it does, the larger of what the key may spend before and after it stays committed. \
         Slice keeps trying.",
    );
    let owners = books.org.owners_at().into_iter();
    let mut entry = Entry::default().say_all(owners.map(|to| Message::new(to, page.clone())));
    entry.look_again = Some(again);
    entry.releases = true;
    Ok(entry)
}

/// The provider refused, and nothing changed there: all is as it was before.
pub fn dropped(books: &Books, why: &str) -> Result<Entry, Refusal> {
    let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
    let change = grant.change.ok_or(Refusal::LostLease)?;
    let (id, mut cap, mut entry) = (grant.id, grant.cap, Entry::default());
    let what = match change.what {
        What::Cap { from, .. } => {
            cap = from;
            "Its cap stays as it was"
        }
        What::Extension { .. } => "Its end stays as it was",
        What::Rotation { old, .. } => {
            entry.events = undone(grant, old);
            "It keeps the key that it has"
        }
    };
    entry
        .events
        .insert(0, Event::ChangeDropped { grant: id, cap });
    entry.releases = true;
    if let Some(put_off) = renewals::put_off(books, grant, change.what, why) {
        entry.events.extend(put_off.events);
        return Ok(entry.say_all(put_off.messages));
    }
    let text = Text::new(format!(
        "The key of your grant {} could not be changed: ",
        grant.number
    ));
    let told = text.join(Text::from(why)).and(format!(" {what}."));
    Ok(entry.say(Message::new(To::Member(grant.member), Page::say(told))))
}

/// The new attempts of a rotation are gone, and the old one may spend as before.
fn undone(grant: &Grant, old: i64) -> Vec<Event> {
    let mut events = vec![];
    let new = grant.keys.iter().rfind(|key| old < key.attempt);
    // Its provider may have been told to stop or to lower it.
    let was_touched = new.is_some_and(|key| key.state == KeyState::Minted);
    for key in &grant.keys {
        if old < key.attempt && key.state != KeyState::Gone {
            events.push(Event::KeyGone {
                grant: grant.id,
                attempt: key.attempt,
            });
        }
    }
    if let Some(key) = grant.keys.iter().find(|key| key.attempt == old)
        && (was_touched || key.state == KeyState::Disabled)
        && key.state != KeyState::Gone
    {
        events.push(Event::KeyEnabling {
            grant: grant.id,
            attempt: old,
            cap: grant.cap_of(key),
        });
    }
    events
}

/// Tells the member what somebody else did to her grant.
pub(crate) fn tell(books: &Books, grant: &Grant, text: impl Into<Text>) -> Option<Message> {
    let by_other = match books.actor {
        Actor::Member(by) => by != grant.member,
        Actor::Slice | Actor::Operator => true,
    };
    by_other.then(|| Message::new(To::Member(grant.member), Page::say(text)))
}
