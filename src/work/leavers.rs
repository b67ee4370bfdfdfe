//! Finds out who has left, on every platform alike, and ends the keys that nobody decided about.

use super::claim::{self, Job, Stop};
use slice_core::{
    books::Scope,
    desk::Desk,
    event::Actor,
    leaving::{self, CHECK_EVERY},
    ports::{Check, Work},
    presence::Presence,
    refusal::Refusal,
};
use std::time::Duration;
use tracing::{info, warn};

/// How long one look may take before another worker begins it anew: a few questions.
const LEASE: Duration = Duration::from_mins(2);
/// After a platform did not answer.
const AGAIN: Duration = Duration::from_mins(1);

/// Looks up one holder of a live key. Gives whether one was due. Results are decided from what the
/// books say then, so that two looks at once do no more than one.
pub async fn look(desk: &Desk) -> Result<bool, Refusal> {
    let Some(check) = desk.store.claim_check(LEASE).await? else {
        return Ok(false);
    };
    let again = match desk.presence(check.org, check.member).await? {
        Presence::Unknown(why) => {
            let member = check.member;
            warn!(%member, "Could not find out whether member {member} is still there: {why}");
            AGAIN
        }
        presence => {
            record(desk, check, presence == Presence::Here).await?;
            CHECK_EVERY
        }
    };
    desk.store.checked(check, again).await?;
    Ok(true)
}

async fn record(desk: &Desk, check: Check, is_here: bool) -> Result<(), Refusal> {
    let decide = move |books: &slice_core::books::Books| {
        let entry = if is_here {
            leaving::back(books)
        } else {
            leaving::left(books)
        };
        let changed = !entry.events.is_empty();
        Ok((entry, changed))
    };
    let scope = Scope::new(check.org, Actor::Slice).member(check.member);
    // Nearly always nothing has changed, and then nothing is written.
    let (_, changes) = decide(&desk.store.books(scope.clone()).await?)?;
    if !changes {
        return Ok(());
    }
    if !is_here {
        // So that owners read what is left. Should the provider be away, it is the last reading.
        desk.read_usage(check.org, Some(check.member)).await?;
    }
    if desk.record(scope, decide).await? {
        let (member, what) = (check.member, if is_here { "is back" } else { "has left" });
        info!(%member, "Member {member} {what}");
    }
    Ok(())
}

/// Revokes one leaver's grant whose time is over. Gives whether there was one.
pub async fn release(desk: &Desk) -> Result<bool, Refusal> {
    claim::run(desk, Work::Release, revoke).await
}

async fn revoke(job: Job<'_>) -> Result<(), Stop> {
    let (_, grant) = job.read().await?;
    job.write(leaving::grace_over).await?;
    info!(grant.id = %grant.id, "Revoked grant {}, whose member has left", grant.number);
    Ok(())
}
