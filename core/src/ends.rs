//! What happens to grants by the clock alone: requests lapse, keys expire, and their members are
//! reminded before it.

use crate::{
    books::{Books, Entry, Message, To},
    event::Event,
    grant::{End, Grant, State},
    leaving,
    money::Money,
    page::{Audience, Button, Page, Text},
    refusal::Refusal,
    requests::{edit_owners, member_topic},
    sentences,
    settings::REQUEST_LIFE,
    steps::key_topic,
    time::Time,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A key that nobody has revealed for so long is revoked, where its service wants nothing else. Its member
/// is reminded when five sixths of that are over.
pub const UNREVEALED_LIFE: Duration = Duration::from_hours(24);
/// A key that spent nothing for so long may hold money that its member wants back.
pub const IDLE: Duration = Duration::from_hours(24 * 14);
pub const DAY: Duration = Duration::from_hours(24);
pub const HOUR: Duration = Duration::from_hours(1);

/// What a member is reminded of, once each while her key is the same and ends at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    EndsInADay,
    EndsInAnHour,
    Unrevealed,
    Idle,
}

impl Notice {
    pub const ALL: [Self; 4] = [
        Self::EndsInADay,
        Self::EndsInAnHour,
        Self::Unrevealed,
        Self::Idle,
    ];

    /// The word in the books.
    pub fn word(self) -> &'static str {
        match self {
            Self::EndsInADay => "ends_in_a_day",
            Self::EndsInAnHour => "ends_in_an_hour",
            Self::Unrevealed => "unrevealed",
            Self::Idle => "idle",
        }
    }

    /// What a person reads in the trail.
    pub fn said(self) -> &'static str {
        match self {
            Self::EndsInADay => "ends within a day",
            Self::EndsInAnHour => "ends within an hour",
            Self::Unrevealed => "is not revealed yet",
            Self::Idle => "has not been used for two weeks",
        }
    }
}

/// What is due for a grant at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Lapse,
    Expire,
    /// Never revealed.
    Unclaimed,
    Tell(Notice),
}

/// What is due for a grant: the gravest first, so that nobody is reminded of what is over.
pub fn due(grant: &Grant, now: Time) -> Option<Due> {
    match grant.state {
        State::AwaitingOwner => (grant.opened_at + REQUEST_LIFE <= now).then_some(Due::Lapse),
        State::Active | State::Suspended(_) if grant.ends_at.is_some_and(|end| end <= now) => {
            Some(Due::Expire)
        }
        // Whose member has left is the owners' to decide about.
        State::Active if grant.revoke_at.is_none() => due_for_key(grant, now),
        _ => None,
    }
}

fn due_for_key(grant: &Grant, now: Time) -> Option<Due> {
    let armed_at = grant.armed_at?;
    let reveal_by = grant.reveal_by.unwrap_or(armed_at + UNREVEALED_LIFE);
    let waits = grant.revealed_at.is_none()
        && grant.revealing_until.is_none()
        && grant.key().is_some_and(|key| key.seal.is_some());
    if waits && reveal_by <= now {
        return Some(Due::Unclaimed);
    }
    // Whose key lives no longer than the notice would be early was told the end when she got it.
    let ends_within = |span: Duration| {
        grant
            .ends_at
            .is_some_and(|end| end <= now + span && armed_at + span < end)
    };
    let unused_since = grant.used_at.unwrap_or(armed_at).max(armed_at);
    let is_idle = unused_since + IDLE <= now
        && grant.usage() < grant.cap
        && grant.ends_at.is_some_and(|end| now + DAY < end);
    let notices = [
        (Notice::EndsInAnHour, ends_within(HOUR)),
        (Notice::EndsInADay, ends_within(DAY) && !ends_within(HOUR)),
        (
            Notice::Unrevealed,
            waits && armed_at + (reveal_by - armed_at) / 6 * 5 <= now,
        ),
        (Notice::Idle, is_idle),
    ];
    notices
        .into_iter()
        .find(|(notice, is_due)| *is_due && !grant.noticed.contains(notice))
        .map(|(notice, _)| Due::Tell(notice))
}

/// The claimed grant's time has come: what is due is recorded and told. `None`: nothing is due.
pub fn come(books: &Books) -> Result<Option<Entry>, Refusal> {
    let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
    let mut entry = match due(grant, books.now) {
        None => return Ok(None),
        Some(Due::Lapse) => lapsed(grant),
        Some(Due::Expire) => ending(books, grant, End::Expired),
        Some(Due::Unclaimed) => ending(books, grant, End::Unclaimed),
        Some(Due::Tell(notice)) => reminded(grant, notice),
    };
    entry.releases = true;
    Ok(Some(entry))
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

fn lapsed(grant: &Grant) -> Entry {
    let own = Text::new(format!(
        "Nobody answered your request for grant {} ({} of {}) within {} hours, so it lapsed. Nothing was \
         taken from your budget.",
        grant.number,
        grant.cap,
        grant.service,
        REQUEST_LIFE.as_secs() / 3600
    ));
    let again = Button::new("Ask again", line(grant), Audience::Member(grant.member));
    let told = Message::new(
        To::Member(grant.member),
        Page::say(own).buttons(vec![again.primary()]),
    );
    let owners = Page::say(sentences::asked(grant).and(" lapsed: nobody answered it in time."));
    Entry::event(moved(grant, State::Ended(End::Lapsed)))
        .say(edit_owners(grant, owners))
        .say(told.topic(member_topic(grant.id)))
}

/// The command line that asks for the same again.
fn line(grant: &Grant) -> String {
    let mut line = format!(
        "provision {} {}{} for {}",
        grant.service,
        grant.cap.decimal(),
        sentences::wishes(&grant.terms),
        grant.life
    );
    for (word, text) in [("as", &grant.name), ("because", &grant.reason)] {
        if let Some(text) = text {
            line = format!("{line} {word} {}", sentences::quote(text));
        }
    }
    line
}

fn ending(books: &Books, grant: &Grant, end: End) -> Entry {
    Entry::event(moved(grant, State::Revoking(end))).say_all(leaving::ending(books, grant))
}

fn reminded(grant: &Grant, notice: Notice) -> Entry {
    let mine = Audience::Member(grant.member);
    let back = sentences::give_back(grant);
    let key = sentences::key(grant);
    let used = format!(" It has used {} of {}.", grant.usage(), grant.cap);
    let page = match notice {
        Notice::EndsInADay | Notice::EndsInAnHour => {
            let mut text = Text::new(format!("Your {key} ends "));
            if let Some(end) = grant.ends_at {
                text = text.time(end);
            }
            let extend = Button::new("Extend 7 d", format!("extend {} 7d", grant.number), mine);
            let mut buttons = vec![extend.primary(), back];
            if grant.topped_up || grant.monthly.is_some() {
                // It ends with the month that was topped up for it, or goes on by itself.
                buttons.remove(0);
            }
            Page::say(text.and(".").and(used)).buttons(buttons)
        }
        Notice::Unrevealed => {
            let reveal = Button::new("Reveal key", format!("reveal {}", grant.number), mine);
            let mut text = Text::new(format!("Your {key} waits to be revealed. It is revoked "));
            let usual = grant.armed_at.map(|armed_at| armed_at + UNREVEALED_LIFE);
            if let Some(reveal_by) = grant.reveal_by.or(usual) {
                text = text.time(reveal_by);
            }
            Page::say(text.and(" if nobody does, and the money goes back to your budget."))
                .buttons(vec![reveal.primary(), back])
        }
        Notice::Idle => idle(grant, &key),
    };
    let told = Message::new(To::Member(grant.member), page);
    let told = match notice {
        // Edited with the key's message, so that no [Reveal key] outlives the secret.
        Notice::Unrevealed => told.topic(key_topic(grant.id)),
        _ => told,
    };
    Entry::event(Event::GrantNoticed {
        grant: grant.id,
        notice,
    })
    .say(told)
}

fn idle(grant: &Grant, key: &str) -> Page {
    let held: Money = grant.committed();
    let days = IDLE.as_secs() / (24 * 3600);
    let label = format!("Release {held}");
    let release = Button::new(
        label,
        format!("revoke {}", grant.number),
        Audience::Member(grant.member),
    )
    .danger(format!(
        "End grant {} now and get {held} back?",
        grant.number
    ));
    Page::say(Text::new(format!(
        "Your {key} has spent nothing for {days} days, and holds {held} of your budget. If you still need it, \
         do nothing: this is said once."
    )))
    .buttons(vec![release])
}
