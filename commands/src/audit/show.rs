//! `audit show`: what happened, newest first.

use crate::{
    args::Flag,
    grammar::{Call, Command},
    param::Param,
    people,
};
use slice_core::{
    ids::{ServiceName, UserId},
    inbound::mention,
    life::Life,
    page::{Button, Page, Text},
    ports::AuditQuery,
    refusal::Refusal,
    reply::Reply,
    role::Role,
    trail,
};

const PER_PAGE: usize = 10;

const WHO: Param<UserId> =
    Param::member("who", "What this person did, or what is about her").optional();
const SERVICE: Param<ServiceName> = Param::service("service", "What is about it").optional();
const LAST: Param<Life> = Param::life("span", "How far back: 12h, 30d")
    .named("last")
    .optional();
const METERING: Param<Flag> = Param::flag("metering", "Show the readings of spending as well");
const BEFORE: Param<i64> = Param::event("event", "Only what came before it")
    .named("before")
    .optional()
    .hidden();

pub const COMMAND: Command = Command {
    params: &[
        WHO.shape(),
        SERVICE.shape(),
        LAST.shape(),
        METERING.shape(),
        BEFORE.shape(),
    ],
    examples: &["audit show", "audit show <@U0123ABCD> {service} last 30d"],
    ..Command::plain(
        "audit show",
        "What happened, newest first",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let member = match WHO.get(&call) {
        Some(user) => Some(people::known_member(&call, user).await?),
        None => None,
    };
    let now = call.desk().clock.now();
    let query = AuditQuery {
        member,
        service: SERVICE.get(&call),
        since: LAST.get(&call).map(|life| now - life.duration()),
        before: BEFORE.get(&call),
        metering: METERING.is_given(&call),
        limit: i64::try_from(PER_PAGE + 1).unwrap_or(i64::MAX),
    };
    let rows = call.desk().store.audit(call.caller().org, &query).await?;
    if rows.is_empty() {
        return Ok(Page::say("Nothing (else) happened.").into());
    }
    let mut page = Page::titled("Audit trail");
    for row in rows.iter().take(PER_PAGE) {
        let text = Text::new(format!("#{} ", row.seq)).time(row.at).and(" · ");
        page = page.text(text.join(trail::sentence(row)));
    }
    let mut buttons = vec![];
    if let Some(last) = rows.get(PER_PAGE - 1).filter(|_| PER_PAGE < rows.len()) {
        buttons.push(Button::new("Older", older(&call, last.seq), call.mine()));
    }
    buttons.push(Button::new("Export all of it", "audit export", call.mine()));
    Ok(page.buttons(buttons).into())
}

/// The same question, for what came before.
fn older(call: &Call<'_>, before: i64) -> String {
    let mut line = "audit show".to_owned();
    if let Some(user) = WHO.get(call) {
        line = format!("{line} {}", mention(&user));
    }
    if let Some(service) = SERVICE.get(call) {
        line = format!("{line} {service}");
    }
    if let Some(life) = LAST.get(call) {
        line = format!("{line} last {life}");
    }
    if METERING.is_given(call) {
        line = format!("{line} metering");
    }
    format!("{line} before {before}")
}
