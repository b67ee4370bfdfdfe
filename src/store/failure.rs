//! Why a transaction did not happen, from the inside: told to people as a refusal, logged once.

use slice_core::refusal::Refusal;
use std::fmt;

/// Everything that ends a transaction without a commit that is known to have worked.
#[derive(Debug)]
pub(super) enum Failure {
    /// The rules say no.
    Refused(Refusal),
    /// The database does; nothing was written.
    Database(sqlx::Error),
    /// The commit was sent and not confirmed.
    Commit(sqlx::Error),
    /// The rows or an entry contradict the rules: a bug, or somebody else's hand. Nothing was
    /// written.
    Wrong(String),
    /// The workspace was linked in the meantime.
    Linked,
}

pub(super) type Done<T> = Result<T, Failure>;

pub(super) fn wrong<T>(what: impl Into<String>) -> Done<T> {
    Err(Failure::Wrong(what.into()))
}

impl Failure {
    /// What the caller learns. The real error is logged here and nowhere else.
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            Self::Commit(_) => {
                tracing::error!(error = %self, "Lost a commit's answer: {self}");
                Refusal::Unsure
            }
            Self::Linked => Refusal::sentence(
                "That workspace is linked to an org already. Nothing was changed.",
            ),
            Self::Database(_) | Self::Wrong(_) => {
                tracing::error!(error = %self, "Recorded nothing: {self}");
                Refusal::Unavailable
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "{refusal:?}"),
            Self::Database(error) | Self::Commit(error) => error.fmt(f),
            Self::Wrong(what) => f.write_str(what),
            Self::Linked => f.write_str("the workspace is linked already"),
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<crate::vault::Sealed> for Failure {
    fn from(sealed: crate::vault::Sealed) -> Self {
        Self::Wrong(sealed.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        // Its text may quote what did not parse.
        Self::Wrong(format!(
            "a row holds JSON that does not parse, at column {}",
            error.column()
        ))
    }
}
