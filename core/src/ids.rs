//! Names of things: our own ids are random UUIDs, other people's ids are their text, unread.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! our_id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// An id made of 16 random bytes (version 4).
            pub fn from_random(bytes: [u8; 16]) -> Self {
                Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )* };
}

our_id! {
    /// A team: one vault, one set of budgets, one audit trail.
    OrgId,
    /// A person of an org.
    MemberId,
    /// A slice of a member's budget.
    GrantId,
    /// A button's or a form's row.
    ActionId,
    /// Something to be said in chat.
    MessageId,
    /// Free text kept beside the audit trail, where it can be erased.
    TextId,
}

macro_rules! their_id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )* };
}

their_id! {
    /// A Slack team or a Discord guild, as the platform names it.
    WorkspaceId,
    /// A person, as the platform names her; unique within a workspace.
    UserId,
    /// A channel, as the platform names it.
    ChannelId,
    /// A service that sub-keys are made at, such as the registry lists it.
    ServiceName,
}

/// A chat platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlatformName {
    Slack,
    Discord,
}

impl PlatformName {
    pub const ALL: [Self; 2] = [Self::Slack, Self::Discord];

    /// The word in tables and logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Discord => "discord",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|platform| platform.word() == word)
    }
}

/// One workspace on one platform.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Workspace {
    pub platform: PlatformName,
    pub id: WorkspaceId,
}

/// A person as a platform knows her: never an e-mail address, never a display name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    pub workspace: Workspace,
    pub user: UserId,
}

/// A channel of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    pub workspace: Workspace,
    pub channel: ChannelId,
}
