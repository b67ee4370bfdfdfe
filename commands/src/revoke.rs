//! `revoke`: ends a grant and gives the unspent rest back.

use crate::{
    grammar::{Call, Command},
    param::Param,
};
use slice_core::{
    books::{Books, GrantRef},
    event::Event,
    grant::State,
    page::{Page, Text},
    refusal::Refusal,
    reply::Reply,
    requests,
    role::Role,
};

const GRANT: Param<i64> = Param::grant("grant", "The grant's number");

pub const COMMAND: Command = Command {
    params: &[GRANT.shape()],
    examples: &["revoke 3"],
    ..Command::plain(
        "revoke",
        "End a grant or request of yours (owners: anybody's) and get the unspent rest back",
        Role::User,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let number = GRANT.need(&call)?;
    let (me, by_owner) = (call.caller().member, call.is_owner());
    let decide = |books: &Books| {
        let entry = requests::revoke(books, number, by_owner)?;
        let ended = |event: &Event| {
            matches!(
                event,
                Event::GrantMoved {
                    to: State::Ended(_),
                    ..
                }
            )
        };
        let withdrawn = entry.events.iter().any(ended);
        let member = books.grant.as_ref().map(|grant| grant.member);
        Ok((entry, (withdrawn, member)))
    };
    let scope = call.scope().grant(GrantRef::Number(number));
    let (withdrawn, member) = call.desk().record(scope, decide).await?;
    if withdrawn {
        let text =
            format!("Grant {number} was withdrawn before its key was made. All of it is free.");
        return Ok(Page::say(Text::new(text)).into());
    }
    let others = member.filter(|member| *member != me);
    let mut text = Text::new(format!("Ending grant {number}"));
    if let Some(member) = others {
        text = text.and(" of ").member(member);
    }
    let (whose, who) = if others.is_some() {
        ("the", "Its member")
    } else {
        ("your", "You")
    };
    let text = text.and(format!(
        ": its key is disabled at the provider, read a last time, and the unspent rest goes back to \
         {whose} budget. {who} will get a DM when that is done."
    ));
    Ok(Page::say(text).into())
}
