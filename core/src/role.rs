//! Who may do what: roles, bindings, and how a role follows from what a platform says.

use crate::ids::{ChannelId, Workspace};
use serde::{Deserialize, Serialize};

/// What a person may do in an org. A higher role may all that a lower one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A full member of a workspace without any role: may ask what she could do.
    Anyone,
    User,
    Owner,
}

impl Role {
    pub fn word(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::User => "user",
            Self::Owner => "owner",
        }
    }
}

/// What kind of group a binding names on its platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupKind {
    Channel,
    UserGroup,
    DiscordRole,
}

impl GroupKind {
    pub const ALL: [Self; 3] = [Self::Channel, Self::UserGroup, Self::DiscordRole];

    pub fn word(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::UserGroup => "user_group",
            Self::DiscordRole => "discord_role",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// A group of people on a platform.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Group {
    pub workspace: Workspace,
    pub kind: GroupKind,
    /// The platform's id of the channel, user group or role.
    pub id: ChannelId,
}

/// "Who is in this group has this role."
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Binding {
    pub group: Group,
    pub role: Role,
}

/// What a platform says of a person, live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A workspace admin, owner, guild owner or Administrator.
    Admin,
    Full,
    /// Single- and multi-channel guests.
    Guest,
    Bot,
    /// From another workspace, through a shared channel.
    Stranger,
    /// Deactivated, removed, or unknown to the platform.
    Gone,
}

impl Standing {
    /// Why such a person has no role at all; `None` for full members.
    pub fn why_never(self) -> Option<&'static str> {
        match self {
            Self::Admin | Self::Full => None,
            Self::Guest => Some("Guests can't use Slice."),
            Self::Bot => Some("Bots can't use Slice."),
            Self::Stranger => Some("Only people of this workspace can use Slice."),
            Self::Gone => Some("Your account is no longer active in this workspace."),
        }
    }
}

/// The facts from which a role follows.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact that a rule names"
)]
pub struct Facts {
    pub standing: Standing,
    /// Roles of the bound groups that the person is in.
    pub bound: Vec<Role>,
    /// The org has an owner binding.
    pub has_owner_binding: bool,
    /// The org has a user binding.
    pub has_user_binding: bool,
    /// The person's workspace is the org's first.
    pub first_workspace: bool,
    /// The person has an allocation.
    pub has_allocation: bool,
}

/// The role that follows from the facts. Admins own only an org's first workspace, and only until
/// its first owner binding.
pub fn resolve(facts: &Facts) -> Result<Role, &'static str> {
    if let Some(why) = facts.standing.why_never() {
        return Err(why);
    }
    let by_admin =
        facts.standing == Standing::Admin && facts.first_workspace && !facts.has_owner_binding;
    if by_admin || facts.bound.contains(&Role::Owner) {
        return Ok(Role::Owner);
    }
    if facts.bound.contains(&Role::User) || (!facts.has_user_binding && facts.has_allocation) {
        return Ok(Role::User);
    }
    Ok(Role::Anyone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            standing: Standing::Full,
            bound: vec![],
            has_owner_binding: false,
            has_user_binding: false,
            first_workspace: true,
            has_allocation: false,
        }
    }

    #[test]
    fn admins_own_only_until_the_first_owner_binding() {
        let admin = Facts {
            standing: Standing::Admin,
            ..facts()
        };
        assert_eq!(resolve(&admin), Ok(Role::Owner));
        let bound = Facts {
            has_owner_binding: true,
            ..admin.clone()
        };
        assert_eq!(resolve(&bound), Ok(Role::Anyone));
        let second = Facts {
            first_workspace: false,
            ..admin
        };
        assert_eq!(resolve(&second), Ok(Role::Anyone));
    }

    #[test]
    fn guests_bots_and_strangers_never() {
        for standing in [
            Standing::Guest,
            Standing::Bot,
            Standing::Stranger,
            Standing::Gone,
        ] {
            let bound = Facts {
                standing,
                bound: vec![Role::Owner],
                ..facts()
            };
            assert!(resolve(&bound).is_err(), "{standing:?}");
        }
    }

    #[test]
    fn an_allocation_makes_a_user_until_users_are_bound() {
        let allocated = Facts {
            has_allocation: true,
            ..facts()
        };
        assert_eq!(resolve(&allocated), Ok(Role::User));
        let bound = Facts {
            has_user_binding: true,
            ..allocated
        };
        assert_eq!(resolve(&bound), Ok(Role::Anyone));
    }
}
