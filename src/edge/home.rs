//! Home tabs: shown when they are opened, and anew when something happened that concerns their person.

use super::{Edge, people::People};
use slice_core::{
    books::Scope,
    desk::Desk,
    event::Actor,
    home::{Home, Published},
    ids::{Identity, MemberId, OrgId},
    page::Page,
    ports::PlatformError,
    refusal::Refusal,
    role::Role,
};
use std::time::Duration;
use tracing::{info, warn};

/// How long a tab belongs to who publishes it.
const LEASE: Duration = Duration::from_mins(1);
/// After an answer that was none.
const PAUSE: Duration = Duration::from_secs(30);

impl Edge {
    /// Guests and others who may never speak get no tab.
    pub(super) async fn home_opened(&self, who: &Identity) {
        let opened = async {
            let org = self.org(&who.workspace).await?;
            self.people.role(&self.desk, org, who, Role::Anyone).await?;
            self.desk.store.want_home(who, true).await
        };
        if let Err(refusal) = opened.await {
            info!(?refusal, "Left a home tab empty");
        }
        (self.wake)();
    }
}

/// Publishes one tab that is due. Gives whether there was one.
pub async fn step(desk: &Desk) -> Result<bool, Refusal> {
    let Some(home) = desk.store.claim_home(LEASE).await? else {
        return Ok(false);
    };
    let how = match publish(desk, &home).await {
        Ok(how) => how,
        Err(refusal) => {
            warn!(?refusal, "Could not make a home tab; it is tried again");
            Published::Later(PAUSE)
        }
    };
    desk.store.home_published(&home, how).await?;
    Ok(true)
}

async fn publish(desk: &Desk, home: &Home) -> Result<Published, Refusal> {
    let who = &home.who;
    let Some(platform) = desk.platform(who.workspace.platform) else {
        return Ok(Published::Never);
    };
    // An owner's tab shows what only owners may see, so her role is asked live each time.
    let people = People::default();
    let looked = people.look_up(desk, home.org, who, Role::Owner);
    let (page, to_owner) = match looked.await {
        Ok((member, role)) => (
            made(desk, home.org, (member, role)).await?,
            role == Role::Owner,
        ),
        Err(refusal @ Refusal::NoAccess { .. }) => (refusal.page(), false),
        Err(refusal) => return Err(refusal),
    };
    let names = desk.known(home.org, &who.workspace, &page).await?;
    Ok(match platform.publish_home(who, &page, &names).await {
        Ok(()) => Published::Fresh { to_owner },
        Err(PlatformError::Later(after)) => Published::Later(after.max(PAUSE)),
        // Published again, it shows the same.
        Err(PlatformError::Unknown(_)) => Published::Later(PAUSE),
        Err(PlatformError::Refused(why)) => {
            warn!("Left a home tab as it is: {why}");
            Published::Never
        }
    })
}

async fn made(desk: &Desk, org: OrgId, (member, role): (MemberId, Role)) -> Result<Page, Refusal> {
    let scope = Scope::new(org, Actor::Slice).member(member);
    let scope = if role == Role::Owner {
        scope.everyone()
    } else {
        scope
    };
    let books = desk.store.books(scope).await?;
    let member = books.member.as_ref().ok_or(Refusal::Unavailable)?;
    let mut page = slice_commands::home::page(&books, member, role);
    desk.offer(org, &mut page).await?;
    Ok(page)
}
