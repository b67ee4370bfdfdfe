//! `extend`: lets a grant live on, from now.

use crate::{
    args::Flag,
    cap::{self, DENIED},
    grammar::{Call, Command},
    param::Param,
};
use slice_core::{
    books::{Books, GrantRef},
    changes::Wish,
    extensions::{self, Progress, Wanted},
    life::Life,
    page::{Page, Text},
    refusal::Refusal,
    reply::Reply,
    role::Role,
};

const GRANT: Param<i64> = Param::grant("grant", "The grant's number");
const LIFE: Param<Life> = Param::life("life", "How long it lives from now: 12h, 7d, 2w");
/// Whoever says it knows that it takes another key.
const ROTATING: Param<Flag> = Param::flag("rotating", "Take another key for it").hidden();

pub const COMMAND: Command = Command {
    params: &[
        GRANT.shape(),
        LIFE.shape(),
        ROTATING.shape(),
        DENIED.shape(),
    ],
    examples: &["extend 3 7d", "extend 3 12h"],
    ..Command::plain(
        "extend",
        "Let a grant of yours live on (owners: anybody's)",
        Role::User,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let (number, life) = (GRANT.need(&call)?, LIFE.need(&call)?);
    if DENIED.is_given(&call) {
        return cap::deny(&call, number, Wish::Life(life)).await;
    }
    let with_new_key = ROTATING.is_given(&call);
    if with_new_key {
        cap::read_first(&call, number).await?;
    }
    let decide = |books: &Books| {
        let wanted = Wanted {
            number,
            life,
            service: cap::service(&call, books, number)?,
            by_owner: call.is_owner(),
            with_new_key,
        };
        extensions::extend(books, &wanted)
    };
    let scope = call.scope().grant(GrantRef::Number(number));
    let extended = call.desk().record(scope, decide).await?;
    let text = Text::new(format!("Grant {number} lives until ")).time(extended.to);
    let text = match extended.progress {
        Progress::Done => text.and(" now. Its key stays the same."),
        Progress::Begun => text.and(" as soon as its provider has confirmed that. Its key stays the same."),
        Progress::Rotating => text.and(
            " with another key, which is being made. A DM brings it with a button that reveals it once; the \
             old one stops then.",
        ),
        Progress::Asked => Text::new(format!(
            "An owner approved the life of grant {number}, so the owners were asked for {life} more. \
             Nothing was changed; a DM says what they decide."
        )),
    };
    Ok(Page::say(text).into())
}
