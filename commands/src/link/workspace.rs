//! `link`: joins another workspace to the org.

use super::{CODE, make, redeem};
use crate::grammar::{Call, Command};
use slice_core::{linking::Joins, refusal::Refusal, reply::Reply, role::Role};

pub const COMMAND: Command = Command {
    params: &[CODE.shape()],
    examples: &["link", "link 7K3M-QX2P-9WRT-4HJD"],
    short: Some("link"),
    ..Command::plain(
        "link workspace",
        "Join another workspace to your org: link here, link with the code there",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    match CODE.get(&call) {
        Some(code) => redeem(&call, Joins::Workspace, &code).await,
        None => make(&call, Joins::Workspace).await,
    }
}
