//! `vault delete`: deletes what stays of an ended grant at its provider, for good.

use crate::{
    args::Flag,
    grammar::{Call, Command},
    param::Param,
};
use slice_core::{
    books::{Books, GrantRef},
    event::LeftoverEnd,
    leftover,
    page::{Button, Page, Text},
    ports::KeyRef,
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
    let scope = call.look().grant(GrantRef::Number(number));
    let books = call.desk().store.books(scope).await?;
    let (grant, key) = leftover::one(&books, number)?;
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
    let unable =
        |why: String| Refusal::sentence(format!("{why} It may not all be deleted; try again."));
    let adapter = call.desk().services.find(&grant.service);
    let master = books.org.master(&grant.service);
    let (Some(adapter), Some(master)) = (adapter, master) else {
        return Err(Refusal::sentence(format!(
            "There is no master key for {} to delete it with. Nothing was changed.",
            grant.service
        )));
    };
    let secret = call.desk().master_secret(&books, master);
    let secret = secret.map_err(|_| unable("The master key in the vault does not open.".into()))?;
    let known = KeyRef::new(grant, key).ok_or_else(|| unable("The key has no id.".into()))?;
    // Not with the scope of the click: whoever is told to try again may click again.
    let decide = |books: &Books| Ok((leftover::discarded(books, number)?, ()));
    let scope = call.look().grant(GrantRef::Number(number));
    call.desk().record(scope, decide).await?;
    let done = adapter.discard(&secret, &known).await;
    done.map_err(|why| unable(why.to_string()))?;
    let decide = |books: &Books| Ok((leftover::closed(books, number, LeftoverEnd::Deleted)?, ()));
    let scope = call.scope().grant(GrantRef::Number(number));
    call.desk().record(scope, decide).await?;
    let text = format!("Deleted for good: {what}. Its member is charged no more.");
    Ok(Page::say(Text::new(text)).into())
}
