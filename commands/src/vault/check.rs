//! `vault check`: asks each provider whether its master key is still good.

use super::sentence;
use crate::grammar::{Call, Command};
use slice_core::{
    books::{Books, Master},
    grant::Grant,
    money::Money,
    page::{Block, Button, Page, Text},
    ports::{Health, ServiceError},
    refusal::Refusal,
    reply::Reply,
    role::Role,
};

pub const COMMAND: Command = Command {
    examples: &["vault check"],
    ..Command::plain(
        "vault check",
        "Ask the providers whether the master keys are good, and what is left",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let books = call.desk().store.books(call.look().live()).await?;
    if books.org.masters.is_empty() {
        let add = Button::new("Deposit a master key", "vault add", call.mine()).primary();
        let page = Page::say("The vault is empty, so there is nothing to check.");
        return Ok(page.buttons(vec![add]).into());
    }
    let checks = books
        .org
        .masters
        .iter()
        .map(|master| check(&call, &books, master));
    let fields = futures::future::join_all(checks).await;
    Ok(Page::titled("Vault, checked now")
        .with(Block::Fields(fields))
        .into())
}

async fn check(call: &Call<'_>, books: &Books, master: &Master) -> (String, Text) {
    let name = master.service.to_string();
    let Some(adapter) = call.desk().services.find(&master.service) else {
        return (name, Text::new("This Slice no longer knows the service."));
    };
    let Ok(secret) = call.desk().master_secret(books, master) else {
        let why = "Its seal does not open with this vault key; whoever runs Slice should look.";
        return (name, Text::new(why));
    };
    let grants = books
        .live
        .iter()
        .filter(|grant| grant.service == master.service);
    let committed = grants.map(Grant::committed).sum();
    let text = match adapter.check(&secret).await {
        Ok(health) => good(&health, committed),
        Err(ServiceError::Later { why, .. } | ServiceError::Unknown(why)) => Text::new(format!(
            "Could not be asked: {} Nothing is known to be wrong.",
            sentence(&why)
        )),
        Err(why) => Text::default()
            .bold("Refused")
            .and(format!(
                ": {} Put another in its place with ",
                sentence(&why.to_string())
            ))
            .say(format!("vault rotate {name}"))
            .and("."),
    };
    (name, text)
}

fn good(health: &Health, committed: Money) -> Text {
    let Some(balance) = health.balance else {
        return Text::new("Good. Its account does not say what is left.");
    };
    if committed <= balance {
        return Text::new(format!(
            "Good. {balance} left, of which {committed} is committed."
        ));
    }
    Text::new("Good, but its account has only ").bold(balance).and(format!(
        " left, and keys that run now may spend {committed}. Add money at the provider, or keys stop \
         before their caps."
    ))
}
