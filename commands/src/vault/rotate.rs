//! `vault rotate`: puts another master key in the place of one.

use super::{
    KEY, SERVICE, adapter, announcement, balance, check, credential, is_stranger, key_form, seal,
};
use crate::{
    announce,
    args::Flag,
    grammar::{Call, Command, View},
    param::Param,
};
use slice_core::{
    books::Books,
    ids::ServiceName,
    page::{Audience, Button, Page, Text},
    refusal::Refusal,
    reply::{Form, Reply},
    role::Role,
};

const ANYWAY: Param<Flag> =
    Param::flag("anyway", "Even where the new key is of another account").hidden();

pub const COMMAND: Command = Command {
    params: &[SERVICE.shape(), KEY.shape(), ANYWAY.shape()],
    examples: &["vault rotate {service}"],
    view: View::Form,
    form: Some(|call| Box::pin(make_form(call))),
    ..Command::plain(
        "vault rotate",
        "Put another master key in the place of one, through a form",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

fn there_is_none(call: &Call<'_>, service: &ServiceName) -> Refusal {
    Refusal::offering(
        format!("There is no master key for {service} to rotate. Nothing was changed."),
        Button::new("Deposit one", format!("vault add {service}"), call.mine()),
    )
}

async fn make_form(call: Call<'_>) -> Result<Form, Refusal> {
    let line = if ANYWAY.is_given(&call) {
        "vault rotate anyway"
    } else {
        "vault rotate"
    };
    let books = call.desk().store.books(call.look()).await?;
    if let Some(service) = SERVICE.get(&call) {
        adapter(&call, &service)?;
        if books.org.master(&service).is_none() {
            return Err(there_is_none(&call, &service));
        }
        return key_form(&call, "Rotate a master key", line, vec![service]);
    }
    let offered: Vec<_> = books
        .org
        .masters
        .iter()
        .map(|master| master.service.clone())
        .collect();
    if offered.is_empty() {
        return Err(Refusal::offering(
            "The vault is empty, so there is nothing to rotate. Nothing was changed.",
            Button::new("Deposit a master key", "vault add", call.mine()),
        ));
    }
    key_form(&call, "Rotate a master key", line, offered)
}

/// It would leave keys that spend and that nobody can end.
fn of_another_account(service: &ServiceName) -> Refusal {
    let line = format!("vault rotate {service} anyway");
    Refusal::offering(
        format!(
            "That master key for {service} knows nothing of the keys that there are, or of what ended ones \
             left, so it is of another account. Nothing was changed. With it, Slice could neither end nor \
             read them: end the grants first, and take over or delete what they leave, or put a key of the \
             same account in. If the old account is lost, replace it anyway: what those keys had left then \
             counts as spent when their grants end."
        ),
        Button::new("Replace it anyway…", line, Audience::Owners),
    )
}

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let service = SERVICE.need(&call)?;
    let before = call.desk().store.books(call.look().live()).await?;
    let old = before
        .org
        .master(&service)
        .ok_or_else(|| there_is_none(&call, &service))?;
    let was = old.version;
    let given = credential(&call, &service)?;
    if old.fingerprint == given.fingerprint() {
        return Err(Refusal::sentence(format!(
            "That is the master key for {service} which is in the vault already. Nothing was changed."
        )));
    }
    let health = check(&call, &service).await?;
    let stranger = is_stranger(adapter(&call, &service)?, &before, &given).await;
    if stranger && !ANYWAY.is_given(&call) {
        return Err(of_another_account(&service));
    }
    let news = announcement(&call, "replaced the master key for", &service);
    let decide = |books: &Books| {
        match books.org.master(&service) {
            None => return Err(there_is_none(&call, &service)),
            Some(master) if master.version != was => {
                return Err(Refusal::sentence(
                    "Another owner rotated it just now. Nothing was changed by you.",
                ));
            }
            Some(_) => {}
        }
        let entry = seal(&call, books, &service)?;
        Ok((entry.say_all(announce::to_owners(&books.org, &news)), ()))
    };
    call.desk().record(call.scope(), decide).await?;
    let text = Text::new(format!(
        "The master key for {service} was checked and replaced.{}",
        balance(&health)
    ));
    let keys = if stranger {
        "It does not know the keys that run now, so it seems to be of another account: Slice can no \
         longer end or read those. End them at the provider; what they had left counts as spent when \
         their grants end, and `settle` corrects that."
    } else {
        "Keys that run now go on, and Slice ends and reads them with the new one as long as it is of \
         the same account. Delete the old master key at the provider once this works."
    };
    Ok(Page::say(text).text(keys).into())
}
