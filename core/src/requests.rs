//! What people decide: each function is the pure part of one transaction.

use crate::{
    books::{Books, Entry, Message, To},
    budget::{Ask, Budget, Verdict},
    event::Event,
    grant::{End, Grant, KeyState, State},
    ids::{GrantId, MemberId, ServiceName, TextId},
    leaving,
    life::Life,
    money::Money,
    page::Page,
    refusal::Refusal,
    renewals, sentences,
    service::Facts,
    settings::REQUEST_LIFE,
};

/// A member's request for a grant.
#[derive(Clone, Debug)]
pub struct Request {
    pub member: MemberId,
    pub service: ServiceName,
    pub ask: Ask,
    /// What the member wants of the service beside cap and life, as the service takes it.
    pub terms: Option<String>,
    /// The same for owners to read.
    pub wants: Facts,
    /// What owners should know before they approve it: a sentence.
    pub caution: Option<&'static str>,
    pub name: Option<String>,
    pub reason: Option<String>,
    /// The member knows that it is more than her budget, and asks owners for the whole.
    pub asks_for_whole: bool,
    /// It begins each month with this cap.
    pub monthly: bool,
    /// The other member for whom something was made that it uses as well: then an owner decides.
    pub lender: Option<MemberId>,
}

impl Request {
    /// How long it lives, for people.
    pub(crate) fn life(&self) -> String {
        if self.monthly {
            "from month to month, until it is given back".to_owned()
        } else {
            self.ask.life.to_string()
        }
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    pub number: i64,
    pub state: State,
    /// Free before it.
    pub free: Money,
}

/// Opens a grant: reserved at once, or as a request to the owners.
pub fn open(books: &Books, request: &Request) -> Result<(Entry, Opened), Refusal> {
    let member = books.member.as_ref().ok_or(Refusal::NoAllocation)?;
    if member.allocation.is_none() {
        return Err(Refusal::NoAllocation);
    }
    if books.org.master(&request.service).is_none() {
        let known = books
            .org
            .masters
            .iter()
            .map(|master| master.service.clone())
            .collect();
        return Err(Refusal::NoMaster {
            service: request.service.clone(),
            known,
        });
    }
    let cap = request.ask.cap;
    let state = judged(books, request, &member.budget)?;
    let number = books.org.next_grant;
    let grant = GrantId::from_random(books.fresh[0]);
    let mut entry = Entry::default();
    let mut text = |which: usize, text: &Option<String>| {
        text.as_ref().map(|text| {
            let id = TextId::from_random(books.fresh[which]);
            entry.texts.push((id, member.id, text.clone()));
            id
        })
    };
    let (name, reason) = (text(1, &request.name), text(2, &request.reason));
    let terms = text(3, &request.terms);
    let entry = entry.and(Event::GrantOpened {
        grant,
        number,
        member: member.id,
        service: request.service.clone(),
        cap,
        life: request.ask.life,
        state,
        name,
        reason,
        terms,
        monthly: request.monthly,
    });
    let opened = Opened {
        number,
        state,
        free: member.budget.free(),
    };
    if state == State::Reserved {
        return Ok((entry, opened));
    }
    let top_up = member.budget.top_up_for(cap);
    let page = sentences::request(number, member.id, request, top_up);
    let topic = owners_topic(grant);
    let ask = books.org.owners_at().into_iter();
    Ok((
        entry.say_all(ask.map(|to| Message::new(to, page.clone()).topic(topic.clone()))),
        opened,
    ))
}

/// Where a grant that is asked for begins.
fn judged(books: &Books, request: &Request, budget: &Budget) -> Result<State, Refusal> {
    Ok(match budget.judge(&books.org.settings, &request.ask) {
        Verdict::Reserve if request.lender.is_none() => State::Reserved,
        Verdict::Reserve | Verdict::AskOwner => State::AwaitingOwner,
        Verdict::Short { by } if request.monthly => {
            return Err(renewals::short(books, request, by));
        }
        Verdict::Short { .. } if request.asks_for_whole => State::AwaitingOwner,
        Verdict::Short { by } => return Err(short(books, request, by)),
        Verdict::TooSmall { least } => {
            return Err(Refusal::TooSmall {
                least,
                service: request.service.clone(),
            });
        }
        Verdict::TooLong { longest } => return Err(Refusal::TooLong { longest }),
    })
}

fn short(books: &Books, request: &Request, by: Money) -> Refusal {
    let budget = books
        .member
        .as_ref()
        .map(|member| member.budget)
        .unwrap_or_default();
    let rest_ask = Ask {
        cap: budget.free(),
        ..request.ask
    };
    let rest = match budget.judge(&books.org.settings, &rest_ask) {
        Verdict::Reserve | Verdict::AskOwner => Some(budget.free()),
        _ => None,
    };
    Refusal::Short {
        service: request.service.clone(),
        cap: request.ask.cap,
        by,
        rest,
        member: request.member,
        turns_at: books.org.turns_at,
        line: sentences::tail(request),
    }
}

/// The owners' messages about a grant.
pub fn owners_topic(grant: GrantId) -> String {
    format!("request/{grant}/owners")
}

/// The member's messages about a grant.
pub fn member_topic(grant: GrantId) -> String {
    format!("request/{grant}/member")
}

fn grant(books: &Books, number: i64) -> Result<&Grant, Refusal> {
    books.grant.as_ref().ok_or(Refusal::NoSuchGrant { number })
}

fn decided(grant: &Grant) -> Option<(MemberId, crate::time::Time)> {
    grant.decided_by.zip(grant.decided_at)
}

pub(crate) fn wrong(grant: &Grant, cannot: &'static str) -> Refusal {
    Refusal::WrongState {
        number: grant.number,
        state: grant.state,
        decided: decided(grant),
        cannot,
    }
}

/// Edits the owners' messages about a grant, wherever they stand and whoever reads them.
pub fn edit_owners(grant: &Grant, page: Page) -> Message {
    let topic = owners_topic(grant.id);
    Message::new(To::OwnersChannel, page).topic(topic).edit()
}

/// What an owner says yes to.
#[derive(Clone, Copy, Debug)]
pub struct Approval {
    pub number: i64,
    /// Less than was asked for, if said.
    pub cap: Option<Money>,
    pub life: Option<Life>,
    pub service_min: Money,
    /// What the owner was told that it adds to the month.
    pub adding: Money,
}

impl Approval {
    /// The same approval as a command line, adding so much.
    fn line(&self, adding: Money) -> String {
        let cap = self
            .cap
            .map_or_else(String::new, |cap| format!(" {}", cap.decimal()));
        let life = self
            .life
            .map_or_else(String::new, |life| format!(" for {life}"));
        format!(
            "approve {}{cap}{life} adding {}",
            self.number,
            adding.up_to_cents().decimal()
        )
    }
}

/// What an approval came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approved {
    pub cap: Money,
    pub top_up: Money,
    pub member: MemberId,
}

/// A request is open, not too old, and not the owner's own.
fn may_decide(books: &Books, grant: &Grant, by: MemberId) -> Result<(), Refusal> {
    if grant.state != State::AwaitingOwner {
        return Err(wrong(grant, "approved"));
    }
    if REQUEST_LIFE < books.now - grant.opened_at {
        return Err(Refusal::sentence(format!(
            "The request for grant {} is older than {} hours. Nothing was changed. Ask its member \
             to provision again.",
            grant.number,
            REQUEST_LIFE.as_secs() / 3600
        )));
    }
    let sole = books
        .org
        .settings
        .sole_owner_from
        .is_some_and(|from| from <= books.now);
    if by == grant.member && !sole {
        return Err(Refusal::SelfApproval {
            number: grant.number,
        });
    }
    Ok(())
}

/// The cap and life that an approval comes to: no more than was asked for, and what the org allows.
fn within_limits(
    books: &Books,
    grant: &Grant,
    approval: &Approval,
) -> Result<(Money, Life), Refusal> {
    let (cap, life) = (
        approval.cap.unwrap_or(grant.cap),
        approval.life.unwrap_or(grant.life),
    );
    if grant.cap < cap {
        return Err(Refusal::MoreThanAsked {
            number: grant.number,
            asked: grant.cap,
        });
    }
    let longest = books.org.settings.longest_life;
    if longest < life {
        return Err(Refusal::TooLong { longest });
    }
    let least = books.org.settings.smallest_cap.max(approval.service_min);
    if cap < least {
        let service = grant.service.clone();
        return Err(Refusal::TooSmall { least, service });
    }
    Ok((cap, life))
}

/// An owner's yes, or yes to less. Where the budget is short it is a top-up in the same transaction.
pub fn approve(books: &Books, approval: &Approval) -> Result<(Entry, Approved), Refusal> {
    let grant = grant(books, approval.number)?;
    let member = books.member.as_ref().ok_or(Refusal::NoSuchGrant {
        number: approval.number,
    })?;
    let by = books.actor.member().ok_or(Refusal::NotForYou)?;
    may_decide(books, grant, by)?;
    if member.left_at.is_some() {
        return Err(Refusal::sentence(format!(
            "The member of grant {} has left, so there is nobody to have its key. Nothing was \
             changed. Deny it, or wait until that person is back.",
            grant.number
        )));
    }
    let (cap, life) = within_limits(books, grant, approval)?;
    let top_up = member.budget.top_up_for(cap);
    if approval.adding < top_up {
        return Err(Refusal::AddsMore {
            number: approval.number,
            member: grant.member,
            top_up,
            line: approval.line(top_up),
        });
    }
    let mut entry = Entry::default();
    if !top_up.is_zero() {
        let (member, grant, month) = (grant.member, Some(grant.id), books.month);
        entry = entry.and(Event::ToppedUp {
            member,
            month,
            amount: top_up,
            grant,
        });
    }
    let topped_up = !top_up.is_zero();
    let (id, asked) = (grant.id, grant.cap);
    let entry = entry.and(Event::GrantApproved {
        grant: id,
        by,
        asked,
        cap,
        life,
        topped_up,
    });
    let approved = Approved {
        cap,
        top_up,
        member: grant.member,
    };
    let page = sentences::approved(grant, by, &approved, life);
    let told = sentences::approved_to_member(grant, by, &approved);
    let told = Message::new(To::Member(grant.member), told).topic(member_topic(grant.id));
    Ok((entry.say(edit_owners(grant, page)).say(told), approved))
}

/// An owner's no.
pub fn deny(books: &Books, number: i64, reason: Option<&str>) -> Result<Entry, Refusal> {
    let grant = grant(books, number)?;
    let by = books.actor.member().ok_or(Refusal::NotForYou)?;
    if grant.state != State::AwaitingOwner {
        return Err(wrong(grant, "denied"));
    }
    let why = reason.map(|_| TextId::from_random(books.fresh[0]));
    let to = State::Ended(End::Denied);
    let moved = Event::GrantMoved {
        grant: grant.id,
        from: grant.state,
        to,
        by: Some(by),
        why,
    };
    let mut entry = Entry::event(moved);
    if let Some((id, reason)) = why.zip(reason) {
        entry = entry.text(id, grant.member, reason);
    }
    let page = sentences::denied(grant, by, reason);
    let told = sentences::denied_to_member(grant, by, reason);
    let told = Message::new(To::Member(grant.member), told).topic(member_topic(grant.id));
    Ok(entry.say(edit_owners(grant, page)).say(told))
}

/// A member takes her request back before anybody decided, or before the provider heard of it.
pub fn withdraw(books: &Books, number: i64) -> Result<Entry, Refusal> {
    let grant = own_grant(books, number)?;
    if !grant.state.may_become(State::Ended(End::Withdrawn)) {
        return Err(wrong(grant, "withdrawn"));
    }
    let to = State::Ended(End::Withdrawn);
    let by = books.actor.member();
    let moved = Event::GrantMoved {
        grant: grant.id,
        from: grant.state,
        to,
        by,
        why: None,
    };
    let page = sentences::withdrawn(grant);
    Ok(Entry::event(moved).say(edit_owners(grant, page)))
}

fn own_grant(books: &Books, number: i64) -> Result<&Grant, Refusal> {
    let grant = grant(books, number)?;
    if books.actor.member() == Some(grant.member) {
        Ok(grant)
    } else {
        Err(Refusal::NotYourGrant { number })
    }
}

/// Ends a grant: the member's own, or anybody's by an owner. A request that the provider never
/// heard of is withdrawn instead.
pub fn revoke(books: &Books, number: i64, by_owner: bool) -> Result<Entry, Refusal> {
    let grant = grant(books, number)?;
    let actor = books.actor.member();
    if actor != Some(grant.member) && !by_owner {
        return Err(Refusal::NotYourGrant { number });
    }
    let to = State::Revoking(End::Revoked);
    if !grant.state.may_become(to) {
        if actor == Some(grant.member) && grant.state.may_become(State::Ended(End::Withdrawn)) {
            return withdraw(books, number);
        }
        return Err(wrong(grant, "revoked"));
    }
    let moved = Event::GrantMoved {
        grant: grant.id,
        from: grant.state,
        to,
        by: actor,
        why: None,
    };
    let mut entry = Entry::event(moved).say_all(leaving::ending(books, grant));
    if let Some(owner) = actor.filter(|actor| *actor != grant.member) {
        let told = sentences::revoked_by_owner(grant, owner);
        entry = entry.say(Message::new(To::Member(grant.member), told));
    }
    Ok(entry)
}

/// An owner says what an ended grant really spent in all. Gives what was charged before.
pub fn settle(books: &Books, number: i64, to: Money) -> Result<(Entry, Money), Refusal> {
    let grant = grant(books, number)?;
    if !matches!(grant.state, State::Ended(_)) || grant.keys.is_empty() {
        return Err(wrong(
            grant,
            "settled: only a grant that ended after it had a key can be",
        ));
    }
    if grant.keys.iter().any(|key| key.state != KeyState::Gone) {
        return Err(Refusal::sentence(format!(
            "The key of grant {number} is still being deleted at its provider, and its last reading \
             may come yet. Nothing was changed. Try again in some minutes."
        )));
    }
    let from = grant.usage();
    if from == to {
        return Err(Refusal::sentence(format!(
            "Grant {number} is charged at {to} already. Nothing was changed."
        )));
    }
    let (month, member) = (books.month, grant.member);
    let event = Event::SpendCorrected {
        month,
        grant: grant.id,
        member,
        from,
        to,
    };
    let told = sentences::settled(grant, from, to, books.actor.member());
    Ok((
        Entry::event(event).say(Message::new(To::Member(member), told)),
        from,
    ))
}
