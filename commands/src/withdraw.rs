//! `withdraw`: takes a request back before its key is made.

use crate::{
    grammar::{Call, Command},
    param::Param,
};
use slice_core::{
    books::{Books, GrantRef},
    page::{Page, Text},
    refusal::Refusal,
    reply::Reply,
    requests,
    role::Role,
};

const GRANT: Param<i64> = Param::grant("grant", "The grant's number");

pub const COMMAND: Command = Command {
    params: &[GRANT.shape()],
    examples: &["withdraw 3"],
    // `revoke` does the same to a request; Discord has room for 25 names.
    hidden: true,
    ..Command::plain(
        "withdraw",
        "Take a request of yours back",
        Role::User,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let number = GRANT.need(&call)?;
    let scope = call.scope().grant(GrantRef::Number(number));
    let decide = |books: &Books| Ok((requests::withdraw(books, number)?, ()));
    call.desk().record(scope, decide).await?;
    let text = format!("Grant {number} was withdrawn. It holds none of your budget.");
    Ok(Page::say(Text::new(text)).into())
}
