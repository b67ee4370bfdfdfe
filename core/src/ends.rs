//! What happens to grants by the clock alone: requests lapse, keys expire, and their members are
//! reminded before it.

use crate::{
    books::{Books, Entry, Message, To},
    event::Event,
    extensions,
    grant::{End, Grant, Pause, State},
    leaving,
    money::Money,
    page::{Audience, Button, Page, Text},
    ports::Adjusts,
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
    /// Its provider refuses what would let a grant go on beyond its end.
    NotReplaced,
    /// Its provider refuses what a month of the grant begins with.
    NotRenewed,
}

impl Notice {
    pub const ALL: [Self; 6] = [
        Self::EndsInADay,
        Self::EndsInAnHour,
        Self::Unrevealed,
        Self::Idle,
        Self::NotReplaced,
        Self::NotRenewed,
    ];
    /// Said anew of another end.
    pub const OF_ITS_END: [Self; 3] = [Self::EndsInADay, Self::EndsInAnHour, Self::NotReplaced];

    /// The word in the books.
    pub fn word(self) -> &'static str {
        match self {
            Self::EndsInADay => "ends_in_a_day",
            Self::EndsInAnHour => "ends_in_an_hour",
            Self::Unrevealed => "unrevealed",
            Self::Idle => "idle",
            Self::NotReplaced => "not_replaced",
            Self::NotRenewed => "not_renewed",
        }
    }

    /// What a person reads in the trail.
    pub fn said(self) -> &'static str {
        match self {
            Self::EndsInADay => "ends within a day",
            Self::EndsInAnHour => "ends within an hour",
            Self::Unrevealed => "is not revealed yet",
            Self::Idle => "has not been used for two weeks",
            Self::NotReplaced => "cannot go on beyond its end yet",
            Self::NotRenewed => "has not got the money of its month yet",
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
        _ if grant.revoke_at.is_some() => None,
        State::Active => due_for_key(grant, now),
        State::Suspended(Pause::Capped | Pause::NoRoom) => due_for_end(grant, now),
        _ => None,
    }
}

fn due_for_end(grant: &Grant, now: Time) -> Option<Due> {
    let armed_at = grant.armed_at?;
    // Whose key lives no longer than the notice would be early was told the end when she got it.
    let ends_within = |span: Duration| {
        grant
            .ends_at
            .is_some_and(|end| end <= now + span && armed_at + span < end)
    };
    let is_last = ends_within(HOUR);
    first(
        grant,
        [
            (Notice::EndsInAnHour, is_last),
            (Notice::EndsInADay, ends_within(DAY) && !is_last),
        ],
    )
}

/// The first that is due and was not said yet.
fn first(grant: &Grant, notices: [(Notice, bool); 2]) -> Option<Due> {
    notices
        .into_iter()
        .find(|(notice, is_due)| *is_due && !grant.noticed.contains(notice))
        .map(|(notice, _)| Due::Tell(notice))
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
    let is_idle = unused_since(grant, armed_at) + IDLE <= now
        && grant.usage() < grant.cap
        && grant.ends_at.is_some_and(|end| now + DAY < end);
    let reminds = waits && armed_at + (reveal_by - armed_at) / 6 * 5 <= now;
    let others = [(Notice::Unrevealed, reminds), (Notice::Idle, is_idle)];
    due_for_end(grant, now).or_else(|| first(grant, others))
}

fn unused_since(grant: &Grant, armed_at: Time) -> Time {
    grant.used_at.unwrap_or(armed_at).max(armed_at)
}

/// The claimed grant's time has come: what is due is recorded and told. `None`: nothing is due. Its
/// service adjusts that.
pub fn come(books: &Books, adjusts: Adjusts) -> Result<Option<Entry>, Refusal> {
    let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
    let mut entry = match due(grant, books.now) {
        None => return Ok(None),
        Some(Due::Lapse) => lapsed(grant),
        Some(Due::Expire) => ending(books, grant, End::Expired),
        Some(Due::Unclaimed) => ending(books, grant, End::Unclaimed),
        Some(Due::Tell(notice)) => reminded(books, grant, notice, adjusts),
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

fn reminded(books: &Books, grant: &Grant, notice: Notice, adjusts: Adjusts) -> Entry {
    let page = match notice {
        Notice::Unrevealed => unrevealed(grant),
        Notice::Idle => idle(grant, books.now),
        _ => ends_soon(books, grant, adjusts),
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

fn ends_soon(books: &Books, grant: &Grant, adjusts: Adjusts) -> Page {
    let mut text = Text::new(format!("Your {} ends ", sentences::key(grant)));
    if let Some(end) = grant.ends_at {
        text = text.time(end);
    }
    let why = match grant.state {
        State::Suspended(Pause::NoRoom) => " It stands still: your budget has no room for it.",
        State::Suspended(_) => " It stands still at its cap.",
        _ if grant.noticed.contains(&Notice::NotReplaced) => {
            " Its provider refuses what would let it go on; Slice tries again until then."
        }
        _ => "",
    };
    let used = format!(".{why} It has used {} of {}.", grant.usage(), grant.cap);
    let mut buttons = extensions::offered(books, grant, adjusts);
    buttons.push(sentences::give_back(grant));
    Page::say(text.and(used)).buttons(buttons)
}

fn unrevealed(grant: &Grant) -> Page {
    let key = sentences::key(grant);
    let mine = Audience::Member(grant.member);
    let reveal = Button::new("Reveal key", format!("reveal {}", grant.number), mine);
    let buttons = vec![reveal.primary(), sentences::give_back(grant)];
    let usual = grant.armed_at.map(|armed_at| armed_at + UNREVEALED_LIFE);
    let reveal_by = grant.reveal_by.or(usual).unwrap_or_default();
    let is_another = grant.began_at < grant.armed_at;
    let text = if is_another {
        Text::new(format!("Your new {key} waits to be revealed. "))
            .join(unclaimed(grant, reveal_by))
    } else {
        Text::new(format!("Your {key} waits to be revealed. It is revoked "))
            .time(reveal_by)
            .and(" if nobody does, and the money goes back to your budget.")
    };
    Page::say(text).buttons(buttons)
}

/// What becomes of a grant whose new key nobody reveals.
pub(crate) fn unclaimed(grant: &Grant, reveal_by: Time) -> Text {
    Text::new("If nobody reveals it by ")
        .time(reveal_by)
        .and(format!(
            ", grant {} ends then, with every key that it has, and the money goes back to your budget.",
            grant.number
        ))
}

fn idle(grant: &Grant, now: Time) -> Page {
    let key = sentences::key(grant);
    let held: Money = grant.committed();
    let since = grant.armed_at.map(|armed_at| unused_since(grant, armed_at));
    let days = since.map_or(IDLE, |since| now - since).as_secs() / (24 * 3600);
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
