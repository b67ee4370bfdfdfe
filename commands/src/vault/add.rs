//! `vault add`: deposits the first master key of a service.

use super::{KEY, SERVICE, announcement, balance, check, key_form, seal};
use crate::{
    announce,
    grammar::{Call, Command, View},
};
use slice_core::{
    books::{Books, Master},
    page::{Button, Page, Text},
    refusal::Refusal,
    reply::{Form, Reply},
    role::Role,
};

pub const COMMAND: Command = Command {
    params: &[SERVICE.shape(), KEY.shape()],
    examples: &["vault add {service}"],
    view: View::Form,
    form: Some(|call| Box::pin(make_form(call))),
    ..Command::plain(
        "vault add",
        "Deposit a master key, through a form",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

fn there_is_one(call: &Call<'_>, master: &Master) -> Refusal {
    let Master {
        service,
        version,
        last4,
        ..
    } = master;
    Refusal::offering(
        format!(
            "There is a master key for {service} already (version {version}, ends in {last4}). \
             Nothing was changed. To put another in its place, rotate it."
        ),
        Button::new("Rotate it", format!("vault rotate {service}"), call.mine()),
    )
}

async fn make_form(call: Call<'_>) -> Result<Form, Refusal> {
    let books = call.desk().store.books(call.look()).await?;
    if let Some(service) = SERVICE.get(&call) {
        super::adapter(&call, &service)?;
        if let Some(master) = books.org.master(&service) {
            return Err(there_is_one(&call, master));
        }
        return key_form(&call, "Deposit a master key", "vault add", vec![service]);
    }
    let mut offered = call.desk().services.names();
    offered.retain(|service| books.org.master(service).is_none());
    if offered.is_empty() {
        return Err(Refusal::offering(
            "The vault has a master key for every service there is. Nothing was changed. To \
                   put another in one's place, rotate it.",
            Button::new("See the vault", "vault list", call.mine()),
        ));
    }
    key_form(&call, "Deposit a master key", "vault add", offered)
}

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let service = SERVICE.need(&call)?;
    let before = call.desk().store.books(call.look()).await?;
    if let Some(master) = before.org.master(&service) {
        return Err(there_is_one(&call, master));
    }
    let health = check(&call, &service).await?;
    let news = announcement(&call, "deposited a master key for", &service);
    let decide = |books: &Books| {
        if let Some(master) = books.org.master(&service) {
            return Err(there_is_one(&call, master));
        }
        let entry = seal(&call, books, &service)?;
        Ok((entry.say_all(announce::to_owners(&books.org, &news)), ()))
    };
    call.desk().record(call.scope(), decide).await?;
    let (next, button) = if super::adapter(&call, &service)?.capabilities().has_options {
        let line = format!("vault options {service}");
        let next = "Nobody can take anything of it before you choose what members may take.";
        (next, Button::new("Choose it", line, call.mine()).primary())
    } else {
        let allocate = Button::new("Allocate a budget", "allocate", call.mine());
        ("People with a budget can take keys now.", allocate)
    };
    let text = Text::new(format!(
        "The master key for {service} was checked and sealed.{} {next}",
        balance(&health)
    ));
    let page = Page::say(text).buttons(vec![button]);
    Ok(page
        .note("If the key also lies in a file or a chat, delete it there.")
        .into())
}
