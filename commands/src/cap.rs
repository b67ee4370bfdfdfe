//! `cap`: raises or lowers what a grant may spend in all.

use crate::{
    args::Flag,
    grammar::{Call, Command},
    param::Param,
};
use slice_core::{
    books::{Books, GrantRef},
    caps::{self, Progress, Wanted},
    changes::{self, Wish},
    money::Money,
    page::{Page, Text},
    ports::Capabilities,
    refusal::Refusal,
    reply::Reply,
    role::Role,
};

const GRANT: Param<i64> = Param::grant("grant", "The grant's number");
const AMOUNT: Param<Money> = Param::money("amount", "The new cap in US dollars");
/// An owner says no to what a member asked for.
pub const DENIED: Param<Flag> = Param::flag("denied", "Say no to it").hidden();

pub const COMMAND: Command = Command {
    params: &[GRANT.shape(), AMOUNT.shape(), DENIED.shape()],
    examples: &["cap 3 30", "cap 3 12.50"],
    ..Command::plain(
        "cap",
        "Raise or lower the cap of a grant of yours (owners: anybody's)",
        Role::User,
        |call| Box::pin(run(call)),
    )
};

/// What the service of a grant in the books can do.
pub fn service<'a>(
    call: &Call<'a>,
    books: &Books,
    number: i64,
) -> Result<&'a Capabilities, Refusal> {
    let grant = books
        .grant
        .as_ref()
        .ok_or(Refusal::NoSuchGrant { number })?;
    let adapter = call.desk().services.find(&grant.service);
    adapter
        .map(slice_core::ports::ServiceAdapter::capabilities)
        .ok_or_else(|| Refusal::NoService {
            said: grant.service.to_string(),
            known: call.desk().services.names(),
        })
}

/// What was spent since the last reading counts, so it is read first.
pub async fn read_first(call: &Call<'_>, number: i64) -> Result<(), Refusal> {
    let (desk, look) = (call.desk(), call.look().grant(GrantRef::Number(number)));
    if let Some(grant) = desk.store.books(look).await?.grant {
        desk.read_usage(call.caller().org, Some(grant.member))
            .await?;
    }
    Ok(())
}

/// An owner's no to what a member asked for.
pub async fn deny(call: &Call<'_>, number: i64, wish: Wish) -> Result<Reply, Refusal> {
    if !call.is_owner() {
        return Err(Refusal::NotAllowed { needs: Role::Owner });
    }
    let scope = call.scope().grant(GrantRef::Number(number));
    let decide = |books: &Books| changes::deny(books, number, wish);
    let member = call.desk().record(scope, decide).await?;
    let text = Text::new("Denied; nothing was changed. ").member(member);
    Ok(Page::say(text.and(" has been told.")).into())
}

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let (number, to) = (GRANT.need(&call)?, AMOUNT.need(&call)?);
    if DENIED.is_given(&call) {
        return deny(&call, number, Wish::Cap(to)).await;
    }
    read_first(&call, number).await?;
    let decide = |books: &Books| {
        let wanted = Wanted {
            number,
            to,
            service: service(&call, books, number)?,
            by_owner: call.is_owner(),
        };
        caps::change(books, &wanted)
    };
    let scope = call.scope().grant(GrantRef::Number(number));
    let changed = call.desk().record(scope, decide).await?;
    let from = changed.from;
    let text = match changed.progress {
        Progress::Asked => Text::new(format!(
            "{to} is above the free hand of {}, so the owners were asked. The cap of grant {number} stays \
             {from} until one of them says yes.",
            changed.free_hand
        )),
        Progress::Done => Text::new(format!(
            "The cap of grant {number} is {to} now, not {from}. Its key stands still, so nothing had to be \
             told to its provider."
        )),
        Progress::Begun if from < to => Text::new(format!(
            "{} more is held for grant {number}, and its provider is being told. Its member gets a DM when \
             the key may spend up to {to} in all.",
            to - from
        )),
        Progress::Begun => Text::new(format!(
            "The provider is being told that grant {number} may spend up to {to} in all, not {from}. The \
             difference goes back to the budget when it has confirmed that; its member gets a DM then."
        )),
    };
    Ok(Page::say(text).into())
}
