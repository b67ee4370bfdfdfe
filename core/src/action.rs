//! A button's or a form's row: a command line with its audience, single use, expiry.

use crate::{
    ids::{ActionId, MemberId, OrgId},
    page::Audience,
    time::Time,
};
use std::time::Duration;

/// A button that nobody clicked for so long says that it is too old. Longer than a request lives.
pub const ACTION_LIFE: Duration = Duration::from_hours(24 * 30);

/// What a click or a submission means.
#[derive(Clone, Debug)]
pub struct Action {
    pub id: ActionId,
    pub org: OrgId,
    /// The command line, without `/slice`.
    pub line: String,
    pub audience: Audience,
    pub expires_at: Time,
    /// Who consumed it, and when.
    pub used: Option<(Option<MemberId>, Time)>,
}
