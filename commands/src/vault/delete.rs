//! `vault delete`: deletes what stays of an ended grant at its provider, for good.

use super::adapter;
use crate::{
    args::Flag,
    grammar::{Call, Command},
    param::Param,
};
use slice_core::{
    books::{Books, GrantRef},
    leftover,
    page::{Button, Page, Text},
    refusal::Refusal,
    reply::Reply,
    role::Role,
};

const GRANT: Param<i64> = Param::grant("grant", "The ended grant's number");
const ALL: Param<Flag> = Param::flag("all", "It was asked for twice").hidden();

pub const COMMAND: Command = Command {
    params: &[GRANT.shape(), ALL.shape()],
    examples: &["vault delete 3"],
    ..Command::plain(
        "vault delete",
        "Delete what stays of an ended grant at its provider, for good",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let number = GRANT.need(&call)?;
    let scope = call.look().live().grant(GrantRef::Number(number));
    let books = call.desk().store.books(scope).await?;
    let (grant, key) = leftover::untouched(&books, number)?;
    let adapter = adapter(&call, &grant.service)?;
    leftover::unused(&books, grant, adapter)?;
    let what = key.left.as_ref().map_or("", |(what, _)| what.as_str());
    if !ALL.is_given(&call) {
        let text = Text::new(format!(
            "Of grant {number} stays: {what}. Deleting it cannot be undone, and whoever put it there is not \
             asked. Nothing was changed."
        ));
        let question = format!("Delete {what} for good?");
        let all = Button::new(
            "Delete all of it",
            format!("vault delete {number} all"),
            call.mine(),
        );
        return Ok(Page::say(text).buttons(vec![all.danger(question)]).into());
    }
    let decide = |books: &Books| Ok((leftover::discarded(books, number, adapter)?, ()));
    let scope = call.scope().live().grant(GrantRef::Number(number));
    call.desk().record(scope, decide).await?;
    let text = format!(
        "{what} is being deleted for good. Owners are told when it is done, and its member is charged no more \
         then; should the provider not answer, Slice goes on trying."
    );
    Ok(Page::say(Text::new(text)).into())
}
