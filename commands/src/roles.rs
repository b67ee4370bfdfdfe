//! Roles: which group of people is what.

pub mod bind;
pub mod list;
pub mod unbind;

use crate::{args::GroupMention, grammar::Call, param::Param};
use slice_core::role::{Group, Role};

const GROUP: Param<GroupMention> = Param::group("group", "A channel, user group or role");

fn role(word: &str) -> Role {
    if word == Role::Owner.word() {
        Role::Owner
    } else {
        Role::User
    }
}

/// The group of the caller's workspace that a mention names.
fn group(call: &Call<'_>, mention: GroupMention) -> Group {
    let workspace = call.caller().identity.workspace.clone();
    Group {
        workspace,
        kind: mention.kind,
        id: mention.id,
    }
}
