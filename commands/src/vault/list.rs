//! `vault list`: which master keys there are, and which there could be.

use super::facts;
use crate::grammar::{Call, Command};
use slice_core::{
    grant::Grant,
    leftover,
    page::{Block, Button, Page, Text},
    ports::ServiceAdapter,
    refusal::Refusal,
    reply::Reply,
    role::Role,
};

pub const COMMAND: Command = Command {
    examples: &["vault list"],
    ..Command::plain(
        "vault list",
        "The master keys in the vault",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

/// More of them are counted.
const SHOWN: usize = 5;

/// What stays of an ended grant, and what it costs.
fn left_behind(page: Page, grant: &Grant) -> Page {
    let lines = leftover::of(grant).filter_map(|key| Some((key.left.as_ref()?, key.discarded_at)));
    lines.fold(page, |page, ((what, monthly), discarded_at)| {
        let (number, member) = (grant.number, grant.member);
        let text = Text::new(format!("Left behind by grant {number} of "))
            .member(member)
            .and(format!(": {what}, about {monthly} a month. "));
        if let Some(at) = discarded_at {
            let text = text.and("It is being deleted since ").time(at).and("; ");
            let text = text.say(format!("vault take {number}"));
            return page.text(text.and(" stops that."));
        }
        page.text(
            text.say(format!("vault take {number}"))
                .and(" or ")
                .say(format!("vault delete {number}"))
                .and("."),
        )
    })
}

/// What owners let members take of a service, in a line.
fn may_take(adapter: &dyn ServiceAdapter, options: &str) -> Text {
    let service = adapter.name();
    if options.is_empty() {
        return Text::new(format!(
            "Nobody can take anything of {service} before an owner chooses what."
        ));
    }
    let chosen = adapter.wants(options).into_iter();
    let chosen: Vec<_> = chosen
        .map(|(name, said)| format!("{name}: {said}"))
        .collect();
    Text::new(format!(
        "What members may take of {service}: {}.",
        chosen.join("; ")
    ))
}

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let books = call.desk().store.books(call.look().live()).await?;
    let now = call.desk().clock.now();
    let masters = &books.org.masters;
    let mut page = Page::titled("Vault");
    if masters.is_empty() {
        page = page
            .text("The vault is empty. Deposit a master key, and people can take keys from it.");
    } else {
        let field = |master: &slice_core::books::Master| {
            let days = (now - master.added_at).as_secs() / 86_400;
            let age = if days == 1 {
                "1 day".into()
            } else {
                format!("{days} days")
            };
            (
                master.service.to_string(),
                facts(master).and(format!(" ({age} old)")),
            )
        };
        page = page.with(Block::Fields(masters.iter().map(field).collect()));
    }
    let mut choose = vec![];
    for master in masters {
        let adapter = call.desk().services.find(&master.service);
        let Some(adapter) = adapter.filter(|adapter| adapter.capabilities().has_options) else {
            continue;
        };
        let service = &master.service;
        page = page.text(may_take(adapter, books.org.options_of(service)));
        let line = format!("vault options {service}");
        choose.push(Button::new(
            format!("Choose for {service}"),
            line,
            call.mine(),
        ));
    }
    for grant in books.left.iter().take(SHOWN) {
        page = left_behind(page, grant);
    }
    if let Some(more) = books.left.len().checked_sub(SHOWN + 1) {
        page = page.text(Text::new(format!("… and of {} more grants.", more + 1)));
    }
    let missing = call.desk().services.names().into_iter();
    let missing = missing.filter(|service| books.org.master(service).is_none());
    let add = |service: slice_core::ids::ServiceName| {
        Button::new(
            format!("Add {service}"),
            format!("vault add {service}"),
            call.mine(),
        )
    };
    let mut buttons: Vec<_> = missing.map(add).take(5 - choose.len().min(3)).collect();
    buttons.extend(choose.into_iter().take(3));
    if !masters.is_empty() {
        buttons.push(Button::new("Check them now", "vault check", call.mine()));
        page = page.note(Text::new(
            "Fingerprints of earlier keys stand in the audit trail.",
        ));
    }
    Ok(page.buttons(buttons).into())
}
