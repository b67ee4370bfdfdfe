//! `rotate`: a new secret for a grant, with what is left of its cap.

use crate::{
    cap,
    grammar::{Call, Command},
    param::Param,
};
use slice_core::{
    books::{Books, GrantRef},
    life::Life,
    page::{Page, Text},
    refusal::Refusal,
    reply::Reply,
    role::Role,
    rotations::{self, Wanted},
};

const GRANT: Param<i64> = Param::grant("grant", "The grant's number");
const OVERLAP: Param<Life> = Param::life(
    "overlap",
    "How long the old key goes on beside it: 1h to 24h",
)
.named("overlap")
.optional();

pub const COMMAND: Command = Command {
    params: &[GRANT.shape(), OVERLAP.shape()],
    examples: &["rotate 3", "rotate 3 overlap 12h"],
    ..Command::plain(
        "rotate",
        "A new key for a grant of yours, with what is left of its cap",
        Role::User,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let (number, overlap) = (GRANT.need(&call)?, OVERLAP.get(&call));
    cap::read_first(&call, number).await?;
    let decide = |books: &Books| {
        let wanted = Wanted {
            number,
            overlap,
            service: cap::service(&call, books, number)?,
            by_owner: call.is_owner(),
        };
        rotations::rotate(books, &wanted)
    };
    let scope = call.scope().grant(GrantRef::Number(number));
    call.desk().record(scope, decide).await?;
    let old = match overlap {
        None => "The old one stops when the new one is ready".to_owned(),
        Some(overlap) => format!(
            "The old one works for {overlap} beside it, and may spend a tenth of what is left"
        ),
    };
    let text = format!(
        "A new key of grant {number} is being made. {old}; a DM says so, with a button that reveals the \
         new one once."
    );
    Ok(Page::say(Text::new(text)).into())
}
