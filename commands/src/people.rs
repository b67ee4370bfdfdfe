//! Who is meant by a mention.

use crate::grammar::Call;
use slice_core::{
    ids::{Identity, MemberId, UserId},
    refusal::Refusal,
    role::Standing,
};

fn identity(call: &Call<'_>, user: UserId) -> Identity {
    Identity {
        workspace: call.caller().identity.workspace.clone(),
        user,
    }
}

/// The member behind a mention, who may have a budget: a full member of the caller's workspace, as
/// the platform says right now. She becomes a member of the org with this.
pub async fn full_member(call: &Call<'_>, user: UserId) -> Result<MemberId, Refusal> {
    let who = identity(call, user);
    let platform = call
        .desk()
        .platform(who.workspace.platform)
        .ok_or(Refusal::Unavailable)?;
    let standing = platform.standing(&who).await.map_err(|why| {
        Refusal::sentence(format!(
            "Slice could not check who that is ({why}). Nothing was changed. Try again in a minute."
        ))
    })?;
    let why = match standing {
        Standing::Admin | Standing::Full => {
            return call.desk().store.member(call.caller().org, &who).await;
        }
        Standing::Guest => "That person is a guest here, and guests can't have a budget.",
        Standing::Bot => "That is a bot, and bots can't have a budget.",
        Standing::Stranger => {
            "That person is not of this workspace, and only its own people can have a budget."
        }
        Standing::Gone => "That person is not active in this workspace (any more).",
    };
    Err(Refusal::sentence(format!("{why} Nothing was changed.")))
}

/// The member behind a mention, if Slice knows her; whoever has left is still known.
pub async fn known_member(call: &Call<'_>, user: UserId) -> Result<MemberId, Refusal> {
    let who = identity(call, user);
    let (store, org) = (&call.desk().store, call.caller().org);
    let members: Vec<_> = store.members(org).await?.iter().map(|row| row.id).collect();
    let known = store.users(org, who.workspace.platform, &members).await?;
    let found = known.into_iter().find(|(_, identity)| *identity == who);
    found.map(|(member, _)| member).ok_or_else(|| {
        Refusal::sentence("Slice has never had anything to do with that person. Nothing was found.")
    })
}
