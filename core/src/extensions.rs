//! Living on: a grant's end is moved, as far as its provider's own date lets it; beyond that it takes
//! another key.

use crate::{
    books::{Books, Entry, Message, To},
    changes::{self, What, Wish, approves, is_free, theirs},
    event::Event,
    grant::{Grant, KeyState, State},
    ids::MemberId,
    life::Life,
    page::{Audience, Button, Page, Text},
    ports::{Adjusts, Capabilities},
    refusal::Refusal,
    requests, rotations,
    time::Time,
};

/// What is offered before an end.
const OFFERED: Life = Life::from_days(7);

/// A longer life for a grant, from now.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub number: i64,
    pub life: Life,
    pub service: &'a Capabilities,
    /// Whoever acts is an owner.
    pub by_owner: bool,
    /// Whoever acts knows that it takes another key.
    pub with_new_key: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Done,
    /// The provider hears of it next.
    Begun,
    /// Another key is being made.
    Rotating,
    /// The owners were asked, and nothing was changed.
    Asked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extended {
    pub member: MemberId,
    pub to: Time,
    pub progress: Progress,
}

/// Moves a grant's end, or asks the owners to, where an owner approved its life.
pub fn extend(books: &Books, wanted: &Wanted<'_>) -> Result<(Entry, Extended), Refusal> {
    let grant = theirs(books, wanted.number, wanted.by_owner)?;
    let to = books.now + wanted.life.duration();
    let from = may_live(books, grant, to)?;
    is_free(grant)?;
    let extended = |progress| Extended {
        member: grant.member,
        to,
        progress,
    };
    let wish = Wish::Life(wanted.life);
    if grant.decided_by.is_some() && !approves(books, grant, wanted.by_owner) {
        return Ok((
            changes::asked(books, grant, wish),
            extended(Progress::Asked),
        ));
    }
    let (event, progress) = how(books, grant, wanted, (from, to))?;
    let decided = changes::decided(books, grant, wish, true);
    Ok((Entry::event(event).say_all(decided), extended(progress)))
}

fn how(
    books: &Books,
    grant: &Grant,
    wanted: &Wanted<'_>,
    (from, to): (Time, Time),
) -> Result<(Event, Progress), Refusal> {
    let id = grant.id;
    let key = grant.key().filter(|key| key.state == KeyState::Armed);
    let is_fixed = !wanted.service.adjusts.end;
    let dead_man = key.and_then(|key| key.dead_man).filter(|_| is_fixed);
    if dead_man.is_some_and(|end| to <= end) {
        let event = Event::GrantExtended {
            grant: id,
            from,
            to,
        };
        return Ok((event, Progress::Done));
    }
    if !is_fixed {
        return Ok((Event::ExtensionBegun { grant: id, to }, Progress::Begun));
    }
    if !wanted.service.adjusts.secret {
        return Err(rotations::fixed(books, grant, wanted.service));
    }
    let begun = rotations::begin(grant, None, Some(to))?;
    if wanted.with_new_key {
        return Ok((begun, Progress::Rotating));
    }
    let text = Text::new(format!(
        "The date at which {} ends this key by itself can't be moved, so living on until ",
        wanted.service.title
    ))
    .time(to)
    .and(
        " takes another key with what is left of the cap. Nothing was changed yet. The old key stops \
         when the new one is ready to be revealed.",
    );
    let who = books.actor.member().unwrap_or(grant.member);
    let line = format!("extend {} {} rotating", wanted.number, wanted.life);
    let yes = Button::new("Extend with a new key", line, Audience::Member(who)).primary();
    Err(Refusal::Sentence {
        text,
        next: vec![yes],
    })
}

/// The buttons that let a grant live on from now: what would be refused is not offered.
pub(crate) fn offered(books: &Books, grant: &Grant, adjusts: Adjusts) -> Vec<Button> {
    if !adjusts.end && !adjusts.secret {
        return vec![];
    }
    match may_live(books, grant, books.now + OFFERED.duration()) {
        Ok(_) => {
            let line = format!("extend {} {OFFERED}", grant.number);
            let yes = Button::new("Extend 7 d", line, Audience::Member(grant.member));
            vec![yes.primary()]
        }
        // What is left of the longest life, if that is it.
        Err(Refusal::Sentence { next, .. }) => next,
        Err(_) => vec![],
    }
}

/// Whether the grant may live until then. Gives when it ends now.
fn may_live(books: &Books, grant: &Grant, to: Time) -> Result<Time, Refusal> {
    let number = grant.number;
    let no = |text: Text| Refusal::Sentence { text, next: vec![] };
    if grant.state != State::Active {
        return Err(requests::wrong(grant, "extended"));
    }
    let from = grant.ends_at.ok_or(Refusal::LostLease)?;
    if grant.monthly.is_some() {
        return Err(Refusal::sentence(format!(
            "Grant {number} goes on from month to month until it is given back. Nothing was changed."
        )));
    }
    if grant.topped_up {
        let text = Text::new(format!(
            "Grant {number} needed a top-up, so it ends with its month, "
        ));
        return Err(no(text
            .time(from)
            .and(". Nothing was changed. Take a new one in the new month.")));
    }
    if to <= from {
        let text = Text::new(format!("Grant {number} lives until ")).time(from);
        return Err(no(text.and(" already. Nothing was changed.")));
    }
    let longest = books.org.settings.longest_life;
    let last = grant.began_at.or(grant.armed_at).unwrap_or(grant.opened_at) + longest.duration();
    if to <= last {
        return Ok(from);
    }
    let text = Text::new(format!(
        "A grant may live {longest} in all, which is until "
    ))
    .time(last)
    .and(format!(
        " for grant {number}. Nothing was changed. Owners can change that with "
    ))
    .say("settings longest-life")
    .and(".");
    let hours = (last - books.now).as_secs() / 3600;
    let who = books.actor.member().unwrap_or(grant.member);
    let most = Life::parse(&format!("{hours}h")).filter(|most| from < books.now + most.duration());
    let next = most.map(|most| {
        let line = format!("extend {number} {most}");
        Button::new(format!("Extend {most}"), line, Audience::Member(who))
    });
    Err(Refusal::Sentence {
        text,
        next: next.into_iter().collect(),
    })
}

/// The end that waits for the provider to move its own.
pub fn order(grant: &Grant) -> Option<Time> {
    match grant.change?.what {
        What::Extension { to } => Some(to),
        _ => None,
    }
}

/// The provider moved its date: ours follows.
pub fn confirmed(books: &Books) -> Result<Entry, Refusal> {
    let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
    let (to, from) = order(grant).zip(grant.ends_at).ok_or(Refusal::LostLease)?;
    Ok(moved(grant, (from, to)))
}

/// Its member is told.
pub(crate) fn moved(grant: &Grant, (from, to): (Time, Time)) -> Entry {
    let mut entry = Entry::event(Event::GrantExtended {
        grant: grant.id,
        from,
        to,
    });
    entry.releases = true;
    let text = Text::new(format!("Your grant {} lives until ", grant.number)).time(to);
    entry.say(Message::new(
        To::Member(grant.member),
        Page::say(text.and(" now.")),
    ))
}
