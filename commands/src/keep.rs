//! `keep`: lets a leaver's key go on for a while.

use crate::{
    grammar::{Call, Command},
    param::Param,
};
use slice_core::{
    books::{Books, GrantRef},
    leaving,
    page::{Page, Text},
    refusal::Refusal,
    reply::Reply,
    role::Role,
};

const GRANT: Param<i64> = Param::grant("grant", "The grant's number");

pub const COMMAND: Command = Command {
    params: &[GRANT.shape()],
    examples: &["keep 3"],
    ..Command::plain(
        "keep",
        "Let the key of somebody who has left go on for 7 days",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let number = GRANT.need(&call)?;
    let decide = |books: &Books| leaving::keep(books, number);
    let scope = call.scope().grant(GrantRef::Number(number));
    let (member, until) = call.desk().record(scope, decide).await?;
    let text = Text::new(format!("Grant {number} of "))
        .member(member)
        .and(" goes on until ")
        .time(until)
        .and(", and is revoked then. Whoever left still knows its secret: ")
        .code(format!("transfer {number} @somebody"))
        .and(" gives what is left to somebody else under a new one.");
    Ok(Page::say(text).into())
}
