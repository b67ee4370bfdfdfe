//! `vault take`: what stays of an ended grant is an owner's from now on, and charged to nobody's budget.

use crate::{
    grammar::{Call, Command},
    param::Param,
};
use slice_core::{
    books::{Books, GrantRef},
    leftover,
    page::{Page, Text},
    refusal::Refusal,
    reply::Reply,
    role::Role,
};

const GRANT: Param<i64> = Param::grant("grant", "The ended grant's number");

pub const COMMAND: Command = Command {
    params: &[GRANT.shape()],
    examples: &["vault take 3"],
    ..Command::plain(
        "vault take",
        "Take over what stays of an ended grant, so that its member is charged no more",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let number = GRANT.need(&call)?;
    let decide = |books: &Books| {
        let (_, key) = leftover::one(books, number)?;
        let what = key.left.as_ref().map(|(what, _)| what.clone());
        let entry = leftover::taken(books, number)?;
        Ok((entry, (what.unwrap_or_default(), key.discarded_at)))
    };
    let scope = call.scope().grant(GrantRef::Number(number));
    let (what, discarded_at) = call.desk().record(scope, decide).await?;
    let mut text = Text::new(format!(
        "You took over what stays of grant {number}: {what}. Its member is charged no more, and Slice \
         looks at it no more; its provider goes on charging you."
    ));
    if let Some(at) = discarded_at {
        text = text
            .and(" It was being deleted since ")
            .time(at)
            .and(
                ", and Slice begins nothing more of that: part of it may be gone already, or be going at this \
                 moment.",
            );
    }
    Ok(Page::say(text).into())
}
