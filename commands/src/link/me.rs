//! `link me`: joins a person's two identities to one member.

use super::{CODE, make, redeem};
use crate::grammar::{Call, Command};
use slice_core::{
    books::Scope,
    event::Actor,
    linking::{self, Joins, OpenCode},
    page::{Audience, Button, Page, Text},
    refusal::Refusal,
    reply::Reply,
    role::Role,
};

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

/// Whoever said a code sees who made it, and says once more that she means it: the other one will be
/// what she is, and a code can be slipped to anybody. Only this button asks its maker.
pub(super) async fn show(call: &Call<'_>, found: &OpenCode) -> Result<Reply, Refusal> {
    let (desk, caller) = (call.desk(), call.caller());
    let scope = Scope::new(found.org, Actor::Slice).links();
    let books = desk.store.books(scope).await?;
    let made_by = linking::made_by(&books, found.seq, (caller.org, caller.member))?;
    let text = Text::new("That code was made by ").member(made_by).and(
        ". Go on only if that is you: both identities become one member then, with one budget, the \
         same keys, and what either of them may do.",
    );
    let line = format!("said me {}", found.seq);
    let button = Button::new("Yes, that is me", line, Audience::Member(caller.member));
    let note = "Somebody else gave you the code? Then leave it, and tell your owners. Nothing was \
                changed.";
    Ok(Page::say(text).buttons(vec![button]).note(note).into())
}
