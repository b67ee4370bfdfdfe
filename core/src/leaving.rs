//! Members who leave: their keys stand still, owners decide, and after a while the keys end.

use crate::{
    books::{Books, Entry, Member, Message, To},
    event::Event,
    grant::{End, Grant, Pause, State},
    ids::{GrantId, MemberId, TextId},
    life::Life,
    money::Money,
    page::{Audience, Button, Page, Text},
    pauses,
    refusal::Refusal,
    time::Time,
};
use std::time::Duration;

/// Whoever holds a live key is looked up this often, whatever her platform tells by itself.
pub const CHECK_EVERY: Duration = Duration::from_mins(10);
/// So long a leaver's key waits for an owner's decision, or runs on after [Keep 7 days].
pub const GRACE: Duration = Duration::from_hours(24 * 7);
/// More grants than this do not fit into one message with buttons.
const SHOWN: usize = 8;

/// The owners' message about one leaving.
fn topic(member: MemberId, left_at: Time) -> String {
    format!("leaver/{member}/{}", left_at.micros())
}

fn to_owners(books: &Books, page: &Page) -> impl Iterator<Item = Message> {
    let owners = books.org.owners_at().into_iter();
    owners.map(move |to| Message::new(to, page.clone()))
}

/// No identity of the books' member has a role: her keys are suspended, those apart that an owner
/// keeps. Said again, it suspends what has become active since.
pub fn left(books: &Books) -> Entry {
    let Some(member) = &books.member else {
        return Entry::default();
    };
    let waiting = |grant: &Grant| grant.revoke_at.is_none();
    let mut entry = pauses::suspend(member, Pause::Leaver, waiting);
    let stopped: Vec<_> = entry.events.iter().filter_map(Event::grant).collect();
    if member.left_at.is_none() {
        entry
            .events
            .insert(0, Event::MemberLeft { member: member.id });
    }
    if stopped.is_empty() {
        return entry;
    }
    let (left_at, until) = (member.left_at.unwrap_or(books.now), books.now + GRACE);
    let fate = |grant: &Grant| stopped.contains(&grant.id).then_some(Fate::Waits(until));
    let page = page(member, fate);
    let topic = topic(member.id, left_at);
    entry.say_all(to_owners(books, &page).map(|message| message.topic(topic.clone())))
}

/// The books' member has a role (again): her suspended keys go on, as far as her budget allows.
pub fn back(books: &Books) -> Entry {
    let Some(member) = &books.member else {
        return Entry::default();
    };
    let still = State::Suspended(Pause::Leaver);
    let waits = member.grants.iter().any(|grant| grant.state == still);
    let mut entry = Entry::default();
    if member.left_at.is_some() {
        entry = entry.and(Event::MemberBack { member: member.id });
    }
    if !waits {
        return entry;
    }
    let who = Text::default().member(member.id).and(" is back");
    let (text, own) = match pauses::resume(books, Pause::Leaver) {
        Ok(resumed) => {
            entry.events.extend(resumed.events);
            (
                who.and(", and the keys that were suspended go on."),
                Text::new("Welcome back: your keys that were suspended go on."),
            )
        }
        // It was said when she came back. Each later look tries again, silently.
        Err(_) if member.left_at.is_none() => return entry,
        Err(_) => {
            let why = format!("they hold {} more than the budget", member.budget.excess());
            let mend =
                format!(". The keys stay suspended: {why}. They go on once that is mended with ");
            (
                who.and(mend)
                    .say("allocate")
                    .and(" or ")
                    .say("topup")
                    .and("."),
                Text::new(format!(
                    "Welcome back. Your keys stay suspended, because {why}. Ask an owner."
                )),
            )
        }
    };
    let page = Page::say(text);
    let messages: Vec<_> = match member.left_at.map(|left_at| topic(member.id, left_at)) {
        Some(topic) => to_owners(books, &page)
            .map(|message| message.topic(topic.clone()).edit())
            .collect(),
        None => to_owners(books, &page).collect(),
    };
    let told = Message::new(To::Member(member.id), Page::say(own));
    entry.say_all(messages).say(told)
}

/// What the owners' message says of one grant.
enum Fate {
    /// It stands still, and is revoked then.
    Waits(Time),
    /// An owner let it go on until then.
    Kept(Time),
    Transferred {
        to: MemberId,
        by: Option<MemberId>,
    },
    Ends {
        by: Option<MemberId>,
    },
}

fn fate_in_books(grant: &Grant) -> Option<Fate> {
    match (grant.state, grant.revoke_at) {
        (State::Suspended(Pause::Leaver), Some(until)) => Some(Fate::Waits(until)),
        (State::Active, Some(until)) => Some(Fate::Kept(until)),
        (State::Revoking(_), Some(_)) => Some(Fate::Ends { by: None }),
        _ => None,
    }
}

fn page(member: &Member, fate: impl Fn(&Grant) -> Option<Fate>) -> Page {
    let told: Vec<_> = member
        .grants
        .iter()
        .filter_map(|grant| Some((grant, fate(grant).or_else(|| fate_in_books(grant))?)))
        .collect();
    let text = Text::default().member(member.id).and(
        " has left: nothing gives that person a role any more. The keys below can spend nothing \
         until you decide, unless it says so; their money stays held.",
    );
    let mut page = Page::say(text);
    for (grant, fate) in told.iter().take(SHOWN) {
        page = page.text(line(grant, fate)).buttons(buttons(grant, fate));
    }
    if SHOWN < told.len() {
        let more = told.len() - SHOWN;
        page = page.note(Text::new(format!(
            "… and {more} more, which are revoked in time as well."
        )));
    }
    page
}

fn line(grant: &Grant, fate: &Fate) -> Text {
    let rest = (grant.cap - grant.usage()).or_zero();
    let text = Text::default()
        .bold(format!("Grant {}", grant.number))
        .and(format!(
            ": {} of {}, {} spent, {rest} left",
            grant.cap,
            grant.service,
            grant.usage()
        ));
    let by = |text: Text, by: Option<MemberId>| match by {
        Some(by) => text.and(" by ").member(by),
        None => text,
    };
    match fate {
        Fate::Waits(until) => text
            .and(". Suspended; it is revoked on ")
            .time(*until)
            .and("."),
        Fate::Kept(until) => text
            .and(". It goes on until ")
            .time(*until)
            .and(", and whoever left still knows its secret."),
        Fate::Transferred { to, by: who } => {
            by(text.and(". What was left was given to ").member(*to), *who).and(", with a new key.")
        }
        Fate::Ends { by: who } => by(text.and(". Its end was asked for"), *who).and("."),
    }
}

fn buttons(grant: &Grant, fate: &Fate) -> Vec<Button> {
    let number = grant.number;
    let button =
        |label: &str, word: &str| Button::new(label, format!("{word} {number}"), Audience::Owners);
    let revoke = button("Revoke", "revoke").danger(format!(
        "End grant {number} now and get the unspent rest back?"
    ));
    match fate {
        Fate::Waits(_) => vec![
            revoke,
            button("Keep 7 days", "keep"),
            button("Transfer to…", "transfer"),
        ],
        Fate::Kept(_) => vec![revoke, button("Transfer to…", "transfer")],
        Fate::Transferred { .. } | Fate::Ends { .. } => vec![],
    }
}

/// Edits the owners' message about the leaver whose grant this is; nothing, if nobody left.
fn edited(books: &Books, grant: &Grant, fate: impl Fn() -> Fate) -> Vec<Message> {
    let Some(member) = &books.member else {
        return vec![];
    };
    let Some(left_at) = member.left_at else {
        return vec![];
    };
    let page = page(member, |one| (one.id == grant.id).then(&fate));
    let topic = topic(member.id, left_at);
    to_owners(books, &page)
        .map(|message| message.topic(topic.clone()).edit())
        .collect()
}

/// What the owners' message says once somebody has asked for a leaver's grant to end.
pub fn ending(books: &Books, grant: &Grant) -> Vec<Message> {
    let by = books.actor.member();
    edited(books, grant, || Fate::Ends { by })
}

fn grant(books: &Books, number: i64) -> Result<(&Grant, &Member), Refusal> {
    let grant = books
        .grant
        .as_ref()
        .ok_or(Refusal::NoSuchGrant { number })?;
    let member = books.member.as_ref();
    Ok((grant, member.ok_or(Refusal::NoSuchGrant { number })?))
}

fn cannot(grant: &Grant, cannot: &'static str) -> Refusal {
    Refusal::WrongState {
        number: grant.number,
        state: grant.state,
        decided: None,
        cannot,
    }
}

/// An owner lets a leaver's key go on for a while. Gives until when.
pub fn keep(books: &Books, number: i64) -> Result<(Entry, (MemberId, Time)), Refusal> {
    let (grant, member) = grant(books, number)?;
    let by = books.actor.member().ok_or(Refusal::NotForYou)?;
    if member.left_at.is_none() {
        return Err(Refusal::sentence(format!(
            "The member of grant {number} has not left, so there is nothing to keep. Nothing was \
             changed."
        )));
    }
    let mut entry = match grant.state {
        State::Suspended(Pause::Leaver) => Entry {
            events: pauses::resume_one(books, grant)?,
            ..Entry::default()
        },
        State::Active if grant.revoke_at.is_some() => Entry::default(),
        _ => return Err(cannot(grant, "kept")),
    };
    // Its own life is not prolonged by it.
    let until = books.now + GRACE;
    let until = grant.ends_at.map_or(until, |end| end.min(until));
    entry = entry.and(Event::GrantKept {
        grant: grant.id,
        by,
        until,
    });
    let messages = edited(books, grant, || Fate::Kept(until));
    Ok((entry.say_all(messages), (grant.member, until)))
}

/// What becomes of a grant that is given to somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transferred {
    pub from: MemberId,
    pub number: i64,
    pub cap: Money,
    pub life: Life,
}

/// What is left of a grant becomes a new grant of the books' other member, with a secret of its
/// own; the old one ends. The new one must fit its member's budget as any grant must, and the old
/// one's money stays held until it is settled, so nothing is ever spendable twice.
pub fn transfer(
    books: &Books,
    number: i64,
    service_min: Money,
) -> Result<(Entry, Transferred), Refusal> {
    let (old, _) = grant(books, number)?;
    let by = books.actor.member().ok_or(Refusal::NotForYou)?;
    let to = books.other.as_ref().ok_or(Refusal::NoAllocation)?;
    if !matches!(old.state, State::Active | State::Suspended(_)) {
        return Err(cannot(old, "transferred"));
    }
    if to.id == old.member {
        return Err(Refusal::sentence(format!(
            "Grant {number} is that person's already. Nothing was changed."
        )));
    }
    let cap = (old.cap - old.usage()).or_zero();
    fits(books, old, (to, cap), service_min)?;
    let life = old
        .ends_at
        .map(|ends_at| ends_at - books.now)
        .filter(|left| !left.is_zero())
        .map_or(books.org.settings.default_life, Life::at_least);
    let new = GrantId::from_random(books.fresh[0]);
    let given = books.org.next_grant;
    let terms = Some(&old.terms).filter(|terms| !terms.is_empty());
    let mut entry = Entry::default();
    let mut copied = |which: usize, text: Option<&String>| {
        let id = TextId::from_random(books.fresh[which]);
        text.map(|text| {
            entry.texts.push((id, to.id, text.clone()));
            id
        })
    };
    let (name, terms) = (copied(1, old.name.as_ref()), copied(2, terms));
    let opened = Event::GrantOpened {
        grant: new,
        number: given,
        member: to.id,
        service: old.service.clone(),
        cap,
        life,
        state: State::Reserved,
        name,
        reason: None,
        terms,
        monthly: false,
    };
    let revoking = Event::GrantMoved {
        grant: old.id,
        from: old.state,
        to: State::Revoking(End::Revoked),
        by: Some(by),
        why: None,
    };
    let transferred = Event::GrantTransferred {
        grant: old.id,
        to: new,
        by,
    };
    let entry = entry.and(revoking).and(opened).and(transferred);
    let (taken, got) = told(old, (by, to.id), (given, cap, life));
    let messages = edited(books, old, || Fate::Transferred {
        to: to.id,
        by: Some(by),
    });
    let what = Transferred {
        from: old.member,
        number: given,
        cap,
        life,
    };
    Ok((entry.say_all(messages).say(taken).say(got), what))
}

/// The rest of a grant against the recipient's budget.
fn fits(
    books: &Books,
    old: &Grant,
    (to, cap): (&Member, Money),
    service_min: Money,
) -> Result<(), Refusal> {
    let service = old.service.clone();
    if to.allocation.is_none() || to.left_at.is_some() {
        return Err(Refusal::sentence(
            "That person has no budget that it could come from, or has left. Nothing was changed. \
             Allocate a budget first.",
        ));
    }
    if books.org.master(&service).is_none() {
        let known = books.org.masters.iter().map(|one| one.service.clone());
        let known = known.collect();
        return Err(Refusal::NoMaster { service, known });
    }
    let least = books.org.settings.smallest_cap.max(service_min);
    if cap < least {
        return Err(Refusal::sentence(format!(
            "Only {cap} is left of grant {}, and the smallest cap for {service} is {least}. Nothing \
             was changed. Revoke it instead.",
            old.number
        )));
    }
    let short = to.budget.top_up_for(cap);
    if short.is_zero() {
        return Ok(());
    }
    Err(Refusal::sentence(format!(
        "{short} short: {cap} is left of grant {}, and that person's budget has {} free until the \
         month ends ({}). Nothing was changed. Add to that person's month first, with topup.",
        old.number,
        to.budget.free(),
        books.org.turns_at.short()
    )))
}

fn told(
    old: &Grant,
    (by, to): (MemberId, MemberId),
    (given, cap, life): (i64, Money, Life),
) -> (Message, Message) {
    let taken = Text::default().member(by).and(format!(
        " gave what is left of your grant {} of {} to ",
        old.number, old.service
    ));
    let taken = taken.member(to).and("; your key is being ended.");
    let got = Text::default().member(by).and(format!(
        " gave you grant {given}: {cap} of {} for {life}, which is what was left of a grant of ",
        old.service
    ));
    let got = got
        .member(old.member)
        .and(". It comes out of your budget. Your own key is being made.");
    (
        Message::new(To::Member(old.member), Page::say(taken)),
        Message::new(To::Member(to), Page::say(got)),
    )
}

/// Nobody decided in time, or the time that an owner gave is over: the grant ends.
pub fn grace_over(books: &Books) -> Result<Entry, Refusal> {
    let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
    let to = State::Revoking(End::Revoked);
    let due = grant.revoke_at.is_some_and(|at| at <= books.now);
    if !due || !grant.state.may_become(to) {
        return Err(Refusal::LostLease);
    }
    let moved = Event::GrantMoved {
        grant: grant.id,
        from: grant.state,
        to,
        by: None,
        why: None,
    };
    let text = Text::new(format!("The time for grant {} of ", grant.number))
        .member(grant.member)
        .and(", who has left, is over: it is being revoked, and the rest goes back.");
    let page = Page::say(text);
    let messages: Vec<_> = to_owners(books, &page).collect();
    let mut entry = Entry::event(moved)
        .say_all(edited(books, grant, || Fate::Ends { by: None }))
        .say_all(messages);
    entry.releases = true;
    Ok(entry)
}
