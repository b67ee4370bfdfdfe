//! `link me`: joins a person's two identities to one member.

use super::{CODE, make, redeem};
use crate::grammar::{Call, Command};
use slice_core::{linking::Joins, refusal::Refusal, reply::Reply, role::Role};

pub const COMMAND: Command = Command {
    params: &[CODE.shape()],
    examples: &["link me", "link me 7K3M-QX2P-9WRT-4HJD"],
    ..Command::plain(
        "link me",
        "Join your second identity: link me here, link me with the code there",
        Role::Anyone,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    match CODE.get(&call) {
        Some(code) => redeem(&call, Joins::Identity, &code).await,
        None => make(&call, Joins::Identity).await,
    }
}
