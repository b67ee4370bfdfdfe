//! What a seal is and which row owns it; the cipher itself is behind [`crate::ports::Vault`].

use crate::ids::{GrantId, OrgId, ServiceName, Workspace};
use serde::{Deserialize, Serialize};
use std::fmt;

/// AES-256-GCM ciphertext in base64 (nonce, then ciphertext and tag), with the id of the key that
/// sealed it in front: `<key id>:<base64>`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seal(String);

impl Seal {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(…)")
    }
}

/// The row and column that a seal belongs to. It opens nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealOwner {
    Master {
        org: OrgId,
        service: ServiceName,
        version: i64,
    },
    Key {
        org: OrgId,
        grant: GrantId,
        attempt: i64,
    },
    /// The token with which Slice speaks in a workspace.
    Token {
        org: OrgId,
        workspace: Workspace,
        version: i64,
    },
}

impl SealOwner {
    pub fn org(&self) -> OrgId {
        match self {
            Self::Master { org, .. } | Self::Key { org, .. } | Self::Token { org, .. } => *org,
        }
    }

    /// The associated data: org, table, row and column.
    pub fn words(&self) -> String {
        match self {
            Self::Master {
                org,
                service,
                version,
            } => {
                format!("{org}/masters/{service}/{version}/seal")
            }
            Self::Key {
                org,
                grant,
                attempt,
            } => format!("{org}/keys/{grant}/{attempt}/seal"),
            Self::Token {
                org,
                workspace,
                version,
            } => {
                let (platform, id) = (workspace.platform.word(), &workspace.id);
                format!("{org}/installations/{platform}/{id}/{version}/seal")
            }
        }
    }
}

/// An org's data key, itself sealed under the vault key.
#[derive(Clone, Debug)]
pub struct WrappedKey {
    pub org: OrgId,
    pub seal: Seal,
}

/// The seal does not open: another key, another row, or altered bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSeal;

impl fmt::Display for BadSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a seal does not open with this vault key")
    }
}
