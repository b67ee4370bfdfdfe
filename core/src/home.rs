//! Home tabs: what a person sees of herself on a platform without asking, kept fresh by what happens.
//!
//! A tab that was opened once is wanted anew by every event that concerns its person, in the event's
//! own transaction; a worker publishes it then. Publishing twice shows the same, so nothing is lost
//! or doubled by a crash.

use crate::{
    event::Event,
    ids::{Identity, OrgId},
    refusal::Refusal,
};
use futures::future::BoxFuture;
use std::time::Duration;

/// A home tab that a worker has claimed.
#[derive(Clone, Debug)]
pub struct Home {
    pub org: OrgId,
    pub who: Identity,
    pub fence: i64,
    /// The wish that publishing it fulfils; later ones make it due again.
    pub wanted: i64,
}

/// How publishing went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It shows what there was to show, to an owner or not.
    Fresh { to_owner: bool },
    /// It is tried again after this.
    Later(Duration),
    /// It cannot be shown; the next time it is opened it is tried again.
    Never,
}

/// The home tabs in the books.
pub trait Homes: Send + Sync {
    /// The person opened her tab, or somebody who did so is to be looked at anew (`opened`: false).
    fn want_home<'a>(
        &'a self,
        who: &'a Identity,
        opened: bool,
    ) -> BoxFuture<'a, Result<(), Refusal>>;
    /// Claims one tab that is due, for the length of `lease`.
    fn claim_home(&self, lease: Duration) -> BoxFuture<'_, Result<Option<Home>, Refusal>>;
    fn home_published<'a>(
        &'a self,
        home: &'a Home,
        how: Published,
    ) -> BoxFuture<'a, Result<(), Refusal>>;
}

/// Whose tabs an event changes, beside the member's whom it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concerned {
    Nobody,
    Owners,
    Everybody,
}

/// Owners see requests and the vault; what changes every budget or role is everybody's.
pub fn concerned(event: &Event) -> Concerned {
    match event {
        Event::MonthOpened { .. }
        | Event::SettingChanged { .. }
        | Event::RoleBound { .. }
        | Event::RoleUnbound { .. } => Concerned::Everybody,
        Event::MasterAdded { .. }
        | Event::MasterRotated { .. }
        | Event::MasterRemoved { .. }
        | Event::ProviderSilent { .. }
        | Event::ProviderBack { .. }
        | Event::GrantOpened { .. }
        | Event::GrantApproved { .. }
        | Event::GrantMoved { .. } => Concerned::Owners,
        _ => Concerned::Nobody,
    }
}
