//! `keys`: one's grants, with what each has spent and what can be done with it.

use crate::grammar::{Call, Command};
use slice_core::{
    desk::Desk,
    drift::Drift,
    grant::{Grant, KeyState, State},
    ids::{MemberId, OrgId, ServiceName},
    page::{Audience, Block, Button, Page, Text},
    ports::ServiceError,
    refusal::{Refusal, shorten},
    reply::Reply,
    role::Role,
    time::Time,
};

/// Grants that can still do something are shown up to this number, ended ones up to the other.
const LIVE_MAX: usize = 12;
const ENDED_MAX: usize = 5;
const READ_MAX: i64 = 200;

pub const COMMAND: Command = Command {
    examples: &["keys"],
    ..Command::plain(
        "keys",
        "Your grants: spent, cap, end, and what you can do",
        Role::User,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let (org, me) = (call.caller().org, call.caller().member);
    let unread = call.desk().read_usage(org, Some(me)).await?;
    let books = call.desk().store.books(call.look().member(me)).await?;
    let mut live = books.member.map(|member| member.grants).unwrap_or_default();
    live.sort_by_key(|grant| std::cmp::Reverse(grant.number));
    let mut ended = call.desk().store.grants(org, me, READ_MAX).await?;
    ended.retain(|grant| matches!(grant.state, State::Ended(_)));
    if live.is_empty() && ended.is_empty() {
        let text = "You have no grants yet. Take a key with `/slice provision`.";
        let button = Button::new("Provision a key", "provision", call.mine()).primary();
        return Ok(Page::say(text).buttons(vec![button]).into());
    }
    let mut page = Page::titled("Your keys");
    if live.is_empty() {
        page = page.text("None of your grants holds money or waits for an owner.");
    }
    for grant in live.iter().take(LIVE_MAX) {
        page = card(page, grant, books.now, call.mine());
    }
    if LIVE_MAX < live.len() {
        page = page.text(Text::new(format!("… and {} more.", live.len() - LIVE_MAX)));
    }
    for said in hardness(&live, call.desk()) {
        page = page.note(said);
    }
    if !ended.is_empty() {
        let lines = ended.iter().take(ENDED_MAX).map(past);
        page = page.note(Text::new(format!(
            "Ended: {}",
            lines.collect::<Vec<_>>().join("; ")
        )));
    }
    Ok(with_doubt(page, &unread, call.desk()).into())
}

/// What the caps of the services are worth, each once, as soon as one of them is not simply hard.
fn hardness(live: &[Grant], desk: &Desk) -> Vec<Text> {
    let mut services: Vec<_> = live.iter().map(|grant| &grant.service).collect();
    services.sort();
    services.dedup();
    let adapters = services
        .into_iter()
        .filter_map(|name| desk.services.find(name));
    let adapters: Vec<_> = adapters.collect();
    if adapters
        .iter()
        .all(|one| one.capabilities().hardness.is_hard())
    {
        return vec![];
    }
    let said = adapters.into_iter().map(|one| {
        let worth = one.capabilities().hardness.said();
        Text::new(format!("Caps of {}: {worth}.", one.name()))
    });
    said.collect()
}

/// A grant as its member reads it: its bar, how it is, and what she can do.
pub fn card(page: Page, grant: &Grant, now: Time, mine: Audience) -> Page {
    page.with(bar(grant))
        .text(state(grant, now))
        .buttons(buttons(mine, grant))
}

fn bar(grant: &Grant) -> Block {
    let mut label = Text::default()
        .bold(format!("Grant {}", grant.number))
        .and(format!(" · {}", grant.service));
    if let Some(name) = &grant.name {
        label = label.and(" · ").and(shorten(name));
    }
    Block::Bar {
        label,
        used: grant.usage(),
        committed: grant.committed(),
        whole: grant.cap,
    }
}

fn state(grant: &Grant, now: Time) -> Text {
    let used_up = grant.state == State::Active && grant.cap <= grant.usage();
    let said = if used_up {
        "used up"
    } else {
        grant.state.said()
    };
    let drift = grant.key().and_then(|key| key.drift);
    let text = match drift.filter(|_| grant.state == State::Active) {
        Some(drift) => Text::new(format!(
            "Somebody changed this key at its provider: it {}. For Slice it is {said}",
            drift.said()
        )),
        None => Text::new(capital(said)),
    };
    match (grant.state, grant.ends_at) {
        (State::Active | State::Suspended(_), Some(ends_at)) => {
            let text = match grant.monthly {
                Some(amount) => text.and(format!(", {amount} each month")),
                None => text,
            };
            let ends = if ends_at <= now {
                ", was due to end "
            } else {
                ", ends "
            };
            let seen = if grant.is_adopted() {
                "; it was adopted, so Slice does not have its secret"
            } else if grant.revealed_at.is_none() {
                "; its key was not revealed yet"
            } else {
                ""
            };
            text.and(ends).time(ends_at).and(format!("{seen}."))
        }
        (State::AwaitingOwner, _) => {
            text.and(format!(", for {}; it holds no money yet.", grant.life))
        }
        _ => text.and(", ").and(format!("for {}.", grant.life)),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), letters.as_str())
}

fn past(grant: &Grant) -> String {
    let (number, service, usage) = (grant.number, &grant.service, grant.usage());
    format!(
        "grant {number} of {service} ({}, {usage} spent)",
        grant.state.said()
    )
}

fn buttons(mine: Audience, grant: &Grant) -> Vec<Button> {
    let number = grant.number;
    let has_seal = grant.key().is_some_and(|key| key.seal.is_some());
    let is_gone = grant
        .key()
        .is_some_and(|key| key.drift == Some(Drift::Gone));
    let reveal = Button::new("Reveal key", format!("reveal {number}"), mine).primary();
    let back = Button::new("I'm done: give it back", format!("revoke {number}"), mine).danger(
        format!("End grant {number} now and get the unspent rest back?"),
    );
    let withdraw = Button::new("Withdraw", format!("withdraw {number}"), mine);
    match grant.state {
        State::AwaitingOwner | State::Reserved => vec![withdraw],
        State::Active if grant.revealed_at.is_none() && has_seal && !is_gone => vec![reveal, back],
        State::Active if grant.change.is_none() && !is_gone => {
            let mut buttons = living_on(mine, grant);
            buttons.push(back);
            buttons
        }
        State::Active | State::Suspended(_) | State::Issuing | State::InDoubt => vec![back],
        State::Revoking(_) | State::Ended(_) => vec![],
    }
}

/// The buttons that extend and rotate. A service that can do neither says so, and offers a new grant.
fn living_on(mine: Audience, grant: &Grant) -> Vec<Button> {
    let number = grant.number;
    let mut buttons = vec![];
    if !grant.topped_up && grant.monthly.is_none() {
        let line = format!("extend {number} 7d");
        buttons.push(Button::new("Extend 7 d", line, mine));
    }
    let question = format!(
        "Make a new key for grant {number}, with what is left of its cap? The old one stops then."
    );
    let rotate = Button::new("Rotate", format!("rotate {number}"), mine);
    buttons.push(rotate.danger(question));
    buttons
}

/// Says so where a provider did not answer: what is shown is then the last reading.
pub fn with_doubt(page: Page, unread: &[(ServiceName, ServiceError)], desk: &Desk) -> Page {
    if unread.is_empty() {
        return page;
    }
    let names = unread.iter().map(|(service, _)| title(desk, service));
    let names: Vec<_> = names.collect();
    let whys = unread.iter().map(|(_, why)| why.to_string());
    let whys: Vec<_> = whys.collect();
    page.note(
        Text::new(format!(
            "{} could not be read, so its spending is as of the last reading. ",
            names.join(" and ")
        ))
        .join(Text::from(whys.join(" ").as_str())),
    )
}

/// What people call a service.
pub fn title(desk: &Desk, service: &ServiceName) -> String {
    desk.services.find(service).map_or_else(
        || service.to_string(),
        |adapter| adapter.capabilities().title.to_owned(),
    )
}

/// Grants of a service that hold money, or whose key still stands at the provider: all of an org's.
pub async fn holding(
    desk: &Desk,
    org: OrgId,
    service: &ServiceName,
) -> Result<Vec<(MemberId, Grant)>, Refusal> {
    let mut found = vec![];
    for row in desk.store.members(org).await? {
        for grant in desk.store.grants(org, row.id, READ_MAX).await? {
            let stands = |state: KeyState| state != KeyState::Gone;
            let open = grant.state.holds_money() || grant.keys.iter().any(|key| stands(key.state));
            if grant.service == *service && open {
                found.push((row.id, grant));
            }
        }
    }
    Ok(found)
}
