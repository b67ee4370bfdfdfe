//! `digest`: this week's digest, now.

use crate::grammar::{Call, Command};
use slice_core::{
    digest::{self, Names},
    refusal::Refusal,
    reply::Reply,
    role::Role,
};

pub const COMMAND: Command = Command {
    examples: &["digest"],
    ..Command::plain(
        "digest",
        "This week's digest, as of now and for you alone",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let unread = call.desk().read_usage(call.caller().org, None).await?;
    let scope = call.look().everyone().live().days(digest::DAYS);
    let books = call.desk().store.books(scope).await?;
    let page = digest::page(&books, Names::Shown);
    Ok(crate::keys::with_doubt(page, &unread, call.desk()).into())
}
