//! The answer to a redeemed code, by whoever made it: a button of its own.

use crate::{
    grammar::{Call, Command},
    param::Param,
};
use slice_core::{
    books::{Books, Scope},
    event::Actor,
    linking::{self, Joins},
    page::Page,
    refusal::Refusal,
    reply::Reply,
    role::Role,
};

const CODE: Param<i64> = Param::event("event", "The event that made the code");
const NO: Param<&'static str> = Param::choice("answer", "Not to join", &["no"]).optional();

pub const WORKSPACE: Command = Command {
    params: &[CODE.shape(), NO.shape()],
    examples: &["join workspace 12", "join workspace 12 no"],
    hidden: true,
    ..Command::plain(
        "join workspace",
        "Answer whoever said your code in another workspace",
        Role::Owner,
        |call| Box::pin(workspace(call)),
    )
};

pub const ME: Command = Command {
    params: &[CODE.shape(), NO.shape()],
    examples: &["join me 12", "join me 12 no"],
    hidden: true,
    ..Command::plain(
        "join me",
        "Answer whether it was you who said your code",
        Role::Anyone,
        |call| Box::pin(me(call)),
    )
};

pub const SAID: Command = Command {
    params: &[CODE.shape()],
    examples: &["said me 12"],
    hidden: true,
    ..Command::plain(
        "said me",
        "Go on with the code that you said",
        Role::Anyone,
        |call| Box::pin(said(call)),
    )
};

async fn refuse(call: &Call<'_>, seq: i64, joins: Joins) -> Result<Reply, Refusal> {
    let decide = |books: &Books| Ok((linking::refuse(books, seq, joins)?, ()));
    call.desk().record(call.scope().links(), decide).await?;
    Ok(Page::say("You said no. Nothing was joined, and the code is used up.").into())
}

async fn workspace(call: Call<'_>) -> Result<Reply, Refusal> {
    let (seq, desk) = (CODE.need(&call)?, call.desk());
    if NO.is_given(&call) {
        return refuse(&call, seq, Joins::Workspace).await;
    }
    let look = desk.store.books(call.look().links()).await?;
    let theirs = linking::asker(&look, seq, Joins::Workspace)?.org;
    let scopes = (
        call.scope().links(),
        Scope::new(theirs, Actor::Slice).links(),
    );
    let decide = |ours: &Books, theirs: &Books| linking::join_workspace(ours, theirs, seq);
    desk.store.record_both(scopes, Box::new(decide)).await?;
    let text = "Joined. Whoever said the code has been told, and so have your owners.";
    Ok(Page::say(text).into())
}

async fn said(call: Call<'_>) -> Result<Reply, Refusal> {
    // The number of a code is no code: only who said it was given the button.
    if call.caller().action.is_none() {
        return Err(linking::bad_code());
    }
    let seq = CODE.need(&call)?;
    super::ask(&call, (call.scope(), seq), Joins::Identity).await
}

async fn me(call: Call<'_>) -> Result<Reply, Refusal> {
    let (seq, desk) = (CODE.need(&call)?, call.desk());
    if NO.is_given(&call) {
        return refuse(&call, seq, Joins::Identity).await;
    }
    let look = desk.store.books(call.look().links()).await?;
    let other = linking::asker(&look, seq, Joins::Identity)?.member;
    let scope = call.scope().links().member(call.caller().member);
    let decide = |books: &Books| linking::join_members(books, seq);
    let joined = desk.record(scope.other(other), decide).await?;
    let text = format!(
        "Joined: you are one member now. {} is free this month. Your owners have been told.",
        joined.budget.free()
    );
    Ok(Page::say(text.as_str()).into())
}
