//! `settle`: an owner says what an ended grant really spent.

use crate::{
    grammar::{Call, Command},
    param::Param,
};
use slice_core::{
    books::{Books, GrantRef},
    money::Money,
    page::{Page, Text},
    refusal::Refusal,
    reply::Reply,
    requests,
    role::Role,
};

const GRANT: Param<i64> = Param::grant("grant", "The grant's number");
const AMOUNT: Param<Money> = Param::money_or_zero(
    "amount",
    "What it really spent in all, in US dollars; may be 0",
);

pub const COMMAND: Command = Command {
    params: &[GRANT.shape(), AMOUNT.shape()],
    examples: &["settle 3 12.40", "settle 3 0"],
    ..Command::plain(
        "settle",
        "Correct what an ended grant is charged, where its provider lost it",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let (number, to) = (GRANT.need(&call)?, AMOUNT.need(&call)?);
    let decide = |books: &Books| {
        let (entry, from) = requests::settle(books, number, to)?;
        Ok((
            entry,
            (from, books.grant.as_ref().map(|grant| grant.member)),
        ))
    };
    let scope = call.scope().grant(GrantRef::Number(number));
    let (from, member) = call.desk().record(scope, decide).await?;
    let mut text = Text::new(format!("Grant {number}"));
    if let Some(member) = member {
        text = text.and(" of ").member(member);
    }
    let text = text.and(format!(
        " is charged {to} now, not {from}; the difference counts in this month. Its member has been \
         told."
    ));
    Ok(Page::say(text).into())
}
