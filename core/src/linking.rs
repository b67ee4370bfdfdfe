//! Joining workspaces to an org, and a person's identities to one member: by codes that are said on
//! the other side, and a click by whoever made the code.

mod code;

pub use code::Code;

use crate::{
    books::{Books, Entry, Member, Message, Org, To},
    event::Event,
    ids::{Identity, MemberId, OrgId, PlatformName, Workspace},
    page::{Audience, Button, Page, Text},
    refusal::Refusal,
    time::Time,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A code that nobody redeemed for so long is worth nothing.
pub const CODE_LIFE: Duration = Duration::from_mins(10);
/// So long the click may come that answers a redeemed code.
pub const ASK_LIFE: Duration = Duration::from_hours(1);
/// So many codes and tries are allowed in the length of a code's life.
pub const AT_ONCE_MAX: usize = 5;

/// What a code joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Joins {
    /// A workspace to an org.
    Workspace,
    /// A second identity to a member.
    Identity,
}

impl Joins {
    pub const ALL: [Self; 2] = [Self::Workspace, Self::Identity];

    pub fn word(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Identity => "identity",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|link| link.word() == word)
    }
}

/// A code that nobody redeemed yet, of any org.
#[derive(Clone, Debug)]
pub struct OpenCode {
    pub org: OrgId,
    /// The number of the event that made it.
    pub seq: i64,
    pub link: Joins,
    pub member: MemberId,
    pub digest: String,
}

/// Who redeemed a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub org: OrgId,
    pub member: MemberId,
    pub identity: Identity,
}

/// A code of the org, as its books know it.
#[derive(Clone, Debug)]
pub struct CodeRow {
    pub seq: i64,
    pub link: Joins,
    /// Who made it.
    pub member: MemberId,
    pub made_at: Time,
    pub expires_at: Time,
    pub asked: Option<(Asked, Time)>,
    pub closed: bool,
}

/// What an org ever had, which would be lost if it joined another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Had {
    pub master: bool,
    pub grant: bool,
    pub allocation: bool,
}

/// What the rules of linking see.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// Codes of the last hours.
    pub codes: Vec<CodeRow>,
    /// Who tried to redeem one lately, and when.
    pub tries: Vec<(Joins, MemberId, Time)>,
    pub had: Had,
}

fn links(books: &Books) -> Result<&Links, Refusal> {
    books.links.as_ref().ok_or(Refusal::Unavailable)
}

/// The one answer to a wrong, old, used, foreign or stolen code: it does not tell which.
pub fn bad_code() -> Refusal {
    Refusal::sentence(format!(
        "That code doesn't work. A code is for one use within {} minutes, for one thing, and between \
         two different sides. Nothing was changed. Get a new one where you got it.",
        CODE_LIFE.as_secs() / 60
    ))
}

fn too_many(times: impl Iterator<Item = Time>, now: Time, what: &str) -> Result<(), Refusal> {
    let recent: Vec<_> = times.filter(|at| now - *at < CODE_LIFE).collect();
    let Some(oldest) = recent.iter().min().filter(|_| AT_ONCE_MAX <= recent.len()) else {
        return Ok(());
    };
    Err(Refusal::sentence(format!(
        "That is enough for now: {AT_ONCE_MAX} {what} are allowed within {} minutes. Nothing was \
         changed. Go on at {}.",
        CODE_LIFE.as_secs() / 60,
        (*oldest + CODE_LIFE).short()
    )))
}

/// Makes a code: the org's owners share their allowance, each member has one of her own.
pub fn make_code(books: &Books, link: Joins) -> Result<(Entry, (Code, Time)), Refusal> {
    let by = books.actor.member().ok_or(Refusal::NotForYou)?;
    let codes = links(books)?.codes.iter().filter(|code| code.link == link);
    let mine = codes.filter(|code| link == Joins::Workspace || code.member == by);
    too_many(mine.map(|code| code.made_at), books.now, "codes")?;
    let (code, expires_at) = (Code::from_random(books.fresh[0]), books.now + CODE_LIFE);
    let made = Event::LinkCodeMade {
        link,
        by,
        digest: code.digest(),
        expires_at,
    };
    Ok((Entry::event(made), (code, expires_at)))
}

/// A try to redeem a code, counted before anybody looks whether there is one.
pub fn try_code(books: &Books, link: Joins) -> Result<Entry, Refusal> {
    let by = books.actor.member().ok_or(Refusal::NotForYou)?;
    let links = links(books)?;
    if link == Joins::Workspace {
        may_join(&books.org, links.had)?;
    }
    let tries = links.tries.iter().filter(|(kind, ..)| *kind == link);
    let mine = tries.filter(|(_, member, _)| link == Joins::Workspace || *member == by);
    too_many(mine.map(|(.., at)| *at), books.now, "tries")?;
    Ok(Entry::event(Event::LinkTried { link, by }))
}

/// An org can join another one only while there is nothing in its books that could get lost.
fn may_join(org: &Org, had: Had) -> Result<(), Refusal> {
    let held: Vec<_> = [
        (had.master, "a master key"),
        (had.allocation, "a member's budget"),
        (had.grant, "a grant"),
    ]
    .into_iter()
    .filter_map(|(had, what)| had.then_some(what))
    .collect();
    if !held.is_empty() {
        return Err(Refusal::sentence(format!(
            "This workspace can't join another org: its own has (or had) {}, and books that were \
             begun are not thrown away. Nothing was changed. Do it the other way round: make a code \
             here with link, and say it in the workspace that has nothing yet.",
            held.join(", ")
        )));
    }
    if org.workspaces.len() != 1 {
        return Err(Refusal::sentence(
            "This workspace can't join another org, because another workspace was linked to it \
             before. Nothing was changed. Do it the other way round: make a code here with link, and \
             say it in the other one.",
        ));
    }
    Ok(())
}

fn open_code(books: &Books, seq: i64, link: Joins) -> Result<&CodeRow, Refusal> {
    let code = links(books)?.codes.iter().find(|code| code.seq == seq);
    code.filter(|code| {
        code.link == link && code.asked.is_none() && !code.closed && books.now < code.expires_at
    })
    .ok_or_else(bad_code)
}

fn topic(code: &CodeRow) -> String {
    format!("link/{}", code.seq)
}

/// What people call a platform.
pub fn title(platform: PlatformName) -> &'static str {
    match platform {
        PlatformName::Slack => "Slack",
        PlatformName::Discord => "Discord",
    }
}

/// A workspace in a sentence: platform, name if it is known, and id.
pub fn named(workspace: &Workspace, name: Option<&str>) -> Text {
    let text = Text::new(format!("the {} workspace ", title(workspace.platform)));
    match name {
        Some(name) => text
            .bold(crate::refusal::shorten(name))
            .and(" (")
            .code(&workspace.id)
            .and(")"),
        None => text.code(&workspace.id),
    }
}

/// The code of a second identity, for whoever said it: she sees who made it before anything is asked,
/// so that nobody joins somebody else by a code that was slipped to her.
pub fn made_by(
    books: &Books,
    seq: i64,
    (org, member): (OrgId, MemberId),
) -> Result<MemberId, Refusal> {
    let code = open_code(books, seq, Joins::Identity)?;
    if org != books.org.id || member == code.member {
        return Err(bad_code());
    }
    Ok(code.member)
}

/// Somebody redeemed one of the org's codes: whoever made it is asked.
pub fn ask(
    books: &Books,
    (seq, link): (i64, Joins),
    asked: &Asked,
    name: Option<&str>,
) -> Result<Entry, Refusal> {
    let code = open_code(books, seq, link)?;
    let same_org = asked.org == books.org.id;
    if same_org != (link == Joins::Identity) || asked.member == code.member {
        return Err(bad_code());
    }
    let event = Event::LinkAsked {
        code: seq,
        org: asked.org,
        member: asked.member,
        workspace: asked.identity.workspace.clone(),
    };
    let whence = named(&asked.identity.workspace, name);
    let text = match link {
        Joins::Workspace => Text::new("An owner of ").join(whence).and(
            " said your code. If you join it, its people can be given budgets of your org. "
                .to_owned()
                + "Its admins become no owners by that.",
        ),
        Joins::Identity => Text::new("Somebody said your code, and saw that it is yours: ")
            .code(&asked.identity.user)
            .and(" in ")
            .join(whence)
            .and(
                ". If that is you, both are one member from now on: one budget, the same keys, and \
                 what either may do. If not, say no.",
            ),
    };
    let mine = Audience::Member(code.member);
    let (word, label) = match link {
        Joins::Workspace => ("workspace", "Join"),
        Joins::Identity => ("me", "That is me"),
    };
    let page = Page::say(text)
        .buttons(vec![
            Button::new(label, format!("join {word} {seq}"), mine).primary(),
            Button::new("No", format!("join {word} {seq} no"), mine),
        ])
        .note(Text::new("Open until ").time(books.now + ASK_LIFE).and("."));
    let message = Message::new(To::Member(code.member), page).topic(topic(code));
    Ok(Entry::event(event).say(message).asked(seq, asked.clone()))
}

/// A code that waits for the answer of whoever made it, who is the one that acts.
fn waiting(books: &Books, seq: i64, link: Joins) -> Result<(&CodeRow, &Asked), Refusal> {
    let code = links(books)?.codes.iter().find(|code| code.seq == seq);
    let code = code.filter(|code| code.link == link && books.actor.member() == Some(code.member));
    let code = code.filter(|code| !code.closed);
    code.and_then(|code| Some((code, code.asked.as_ref()?)))
        .filter(|(_, (_, at))| books.now - *at < ASK_LIFE)
        .map(|(code, (asked, _))| (code, asked))
        .ok_or_else(|| {
            Refusal::sentence(
                "Nothing waits for that answer (any more). Nothing was changed. Begin anew with \
                 link.",
            )
        })
}

/// Who redeemed the code, for whoever made it.
pub fn asker(books: &Books, seq: i64, link: Joins) -> Result<Asked, Refusal> {
    waiting(books, seq, link).map(|(_, asked)| asked.clone())
}

/// Whoever made the code says no.
pub fn refuse(books: &Books, seq: i64, link: Joins) -> Result<Entry, Refusal> {
    let (code, _) = waiting(books, seq, link)?;
    let answered = Event::LinkAnswered {
        code: seq,
        joined: false,
    };
    let page = Page::say("You said no. Nothing was joined.");
    let edit = Message::new(To::Member(code.member), page);
    Ok(Entry::event(answered).say(edit.topic(topic(code)).edit()))
}

/// A workspace joins: its own org, which never held anything, closes, and the workspace is linked
/// to the other. The entries of the org that takes it in, and of the one that closes.
pub fn join_workspace(ours: &Books, theirs: &Books, seq: i64) -> Result<(Entry, Entry), Refusal> {
    let (code, asked) = waiting(ours, seq, Joins::Workspace)?;
    let workspace = &asked.identity.workspace;
    if theirs.org.id != asked.org || theirs.org.workspaces.first() != Some(workspace) {
        return Err(Refusal::sentence(
            "That workspace belongs to another org by now. Nothing was changed.",
        ));
    }
    may_join(&theirs.org, links(theirs)?.had).map_err(|_| {
        Refusal::sentence(
            "That workspace's own org has got a master key, a budget, a grant or another workspace \
             since the code was said, so it can't join any more. Nothing was changed.",
        )
    })?;
    let member = MemberId::from_random(ours.fresh[0]);
    let by = ours.actor.member().ok_or(Refusal::NotForYou)?;
    let said = Text::default()
        .member(by)
        .and(" joined ")
        .join(named(workspace, None))
        .and(
            " to this org. Its people can be given budgets. Nobody there is an owner by being an \
             admin: an owner who also has an account there says ",
        )
        .code("link me")
        .and(", and then binds a group there with ")
        .code("roles bind")
        .and(".");
    let page = Page::say(said);
    let welcome = Page::say(
        "This workspace is part of the other org now, as its owner agreed. Its members can be given \
         budgets by that org's owners.",
    );
    let edit = Message::new(To::Member(code.member), page.clone()).topic(topic(code));
    let taken_in = Entry::event(Event::WorkspaceLinked {
        workspace: workspace.clone(),
    })
    .and(Event::MemberJoined { member })
    .and(Event::LinkAnswered {
        code: seq,
        joined: true,
    })
    .known(member, asked.identity.clone())
    .say(edit.edit())
    .say_all(to_owners(&ours.org, &page))
    .say(Message::new(To::Member(member), welcome));
    let closed = Entry::event(Event::OrgClosed { into: ours.org.id });
    Ok((taken_in, closed))
}

/// The owners' channel, or each of them.
fn to_owners(org: &Org, page: &Page) -> Vec<Message> {
    let owners = org.owners_at().into_iter();
    owners.map(|to| Message::new(to, page.clone())).collect()
}

/// Two identities become one member: the books' member, who made the code, takes over what is the
/// other one's. The budget is the larger one; what was spent and held adds up. What does not fit is
/// an excess like any other: shown, and nobody's key ends by it.
pub fn join_members(books: &Books, seq: i64) -> Result<(Entry, Member), Refusal> {
    let (code, asked) = waiting(books, seq, Joins::Identity)?;
    let both = books.member.as_ref().zip(books.other.as_ref());
    let (member, alias) = both
        .filter(|(member, alias)| {
            member.id == code.member && alias.id == asked.member && member.id != alias.id
        })
        .ok_or_else(bad_code)?;
    let mut entry = Entry::event(Event::MembersJoined {
        member: member.id,
        alias: alias.id,
    });
    let mut joined = member.clone();
    joined.allocation = member.allocation.max(alias.allocation);
    if let Some(to) = joined
        .allocation
        .filter(|_| joined.allocation != member.allocation)
    {
        entry = entry.and(Event::AllocationSet {
            member: member.id,
            from: member.allocation,
            to,
        });
    }
    let (budget, more) = (&mut joined.budget, &alias.budget);
    budget.allocation = joined.allocation.unwrap_or_default();
    budget.topups = budget.topups + more.topups;
    budget.spent = budget.spent + more.spent;
    budget.committed = budget.committed + more.committed;
    entry = entry.and(Event::LinkAnswered {
        code: seq,
        joined: true,
    });
    let mut text = Text::default()
        .member(member.id)
        .and(" joined a second identity, ")
        .code(&asked.identity.user)
        .and(" in ")
        .join(named(&asked.identity.workspace, None))
        .and(format!(
            ": both are one member now. The budget is the larger of the two, {}; what was spent and \
             held adds up: {} is free",
            joined.budget.allocation,
            joined.budget.free()
        ));
    let excess = joined.budget.excess();
    if !excess.is_zero() {
        text = text.and(format!(", and {excess} is above the budget"));
    }
    if !excess.is_zero() && !joined.budget.committed.is_zero() {
        text = text.and(". Keys run on to their caps");
    }
    let page = Page::say(text.and("."));
    let edit = Message::new(To::Member(member.id), page.clone()).topic(topic(code));
    let entry = entry.say(edit.edit()).say_all(to_owners(&books.org, &page));
    Ok((entry, joined))
}
