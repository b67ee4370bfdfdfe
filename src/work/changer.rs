//! Changes keys that exist: what the books decided, the provider hears next, and confirms.

use super::{
    claim::{self, Job, Provider, SETTLES, Stop, log_failure, pause},
    rotator,
    stopping::{charge, lower_and_read, next_try},
};
use slice_core::{
    books::Books,
    caps,
    changes::{self, What},
    desk::Desk,
    extensions,
    grant::{Grant, Key, State},
    money::Money,
    pauses,
    ports::{Ceiling, KeyRef, ServiceError, Work},
    refusal::Refusal,
    steps::GIVE_UP_AFTER,
};
use std::time::Duration;
use tracing::{info, warn};

/// Brings the change of one grant's key forward. Gives whether there was one.
pub async fn step(desk: &Desk) -> Result<bool, Refusal> {
    claim::run(desk, Work::Change, change).await
}

async fn change(job: Job<'_>) -> Result<(), Stop> {
    let (books, grant) = job.read().await?;
    let change = grant.change.ok_or(Refusal::LostLease)?;
    if grant.state != State::Active || books.now < change.due_at {
        return Err(Refusal::LostLease.into());
    }
    let done = match change.what {
        What::Cap { .. } => cap(job, &books, &grant).await,
        What::Extension { .. } => extend(job, &books, &grant).await,
        What::Rotation { .. } => rotator::rotate(job, &books, &grant).await,
    };
    match done {
        Err(Stop::Service(why)) => failed(job, &grant, &why).await,
        other => other,
    }
}

async fn cap(job: Job<'_>, books: &Books, grant: &Grant) -> Result<(), Stop> {
    let (key, cap) = caps::order(grant).ok_or(Refusal::LostLease)?;
    let id = key.provider_id.as_deref().ok_or(Refusal::LostLease)?;
    let ends_at = grant.ends_at.ok_or(Refusal::LostLease)?;
    let provider = job.provider(books, &grant.service)?;
    match lower_and_read(job, &provider, grant, (key, cap, ends_at)).await {
        Ok(()) => confirm(job, grant, (key.attempt, cap)).await,
        Err(Stop::Service(ServiceError::Gone)) => lost(job, &provider, grant, (key, id)).await,
        Err(Stop::Service(why)) if is_final(job, grant, &why) => {
            // It says that nothing changed; an order before this one may have.
            let known = KeyRef::new(grant, key).ok_or(Refusal::LostLease)?;
            let meter = provider.usage(&known).await?;
            let ceiling = meter.as_ref().map(|meter| meter.ceiling);
            if let Some(meter) = meter.filter(|meter| meter.ceiling == Ceiling::At(cap)) {
                charge(job, grant, key, meter).await?;
                return confirm(job, grant, (key.attempt, cap)).await;
            }
            let is_as_before = [Some(Ceiling::At(key.armed_cap)), Some(Ceiling::Unsaid)];
            if is_as_before.contains(&ceiling) {
                return drop_change(job, grant, &why).await;
            }
            Err(why.into())
        }
        Err(stop) => Err(stop),
    }
}

async fn confirm(job: Job<'_>, grant: &Grant, (attempt, cap): (i64, Money)) -> Result<(), Stop> {
    job.write(|books| caps::confirmed(books, attempt, cap))
        .await?;
    info!(grant.id = %grant.id, "Changed what key {attempt} of grant {} may spend: {cap}", grant.number);
    Ok(())
}

async fn extend(job: Job<'_>, books: &Books, grant: &Grant) -> Result<(), Stop> {
    let to = extensions::order(grant).ok_or(Refusal::LostLease)?;
    let key = grant.key().ok_or(Refusal::LostLease)?;
    let id = key.provider_id.as_deref().ok_or(Refusal::LostLease)?;
    let provider = job.provider(books, &grant.service)?;
    match provider.allow(grant, key, (key.armed_cap, to)).await {
        Ok(()) => {}
        Err(Stop::Service(ServiceError::Gone)) => {
            return lost(job, &provider, grant, (key, id)).await;
        }
        // The provider's date may be later than ours by any span, so nothing hangs on a lost order.
        Err(Stop::Service(why)) if is_final(job, grant, &why) => {
            return drop_change(job, grant, &why).await;
        }
        Err(stop) => return Err(stop),
    }
    job.write(extensions::confirmed).await?;
    info!(grant.id = %grant.id, "Extended grant {} to {}", grant.number, to.rfc3339());
    Ok(())
}

/// The key is gone at its provider: its grant ends, and the ender finds out what became of it.
pub(super) async fn lost(
    job: Job<'_>,
    provider: &Provider<'_>,
    grant: &Grant,
    (key, id): (&Key, &str),
) -> Result<(), Stop> {
    let listed = provider.find(&key.label).await?;
    if listed.iter().any(|found| found.provider_id == id) {
        let why = "The provider lists the key, and does not know it.".to_owned();
        return Err(ServiceError::Unknown(why).into());
    }
    job.write(pauses::lost).await?;
    warn!(grant.id = %grant.id, "The key of grant {} is gone at its provider", grant.number);
    Ok(())
}

/// Whether a provider that says that nothing changed is believed, and not asked again.
pub(super) fn is_final(job: Job<'_>, grant: &Grant, why: &ServiceError) -> bool {
    let begun_at = grant
        .change
        .map(|change| change.begun_at.max(change.due_at));
    let tried_for = begun_at.map(|at| job.desk.clock.now() - at);
    match why {
        ServiceError::Rejected(_) => true,
        ServiceError::Later { .. } => tried_for.is_some_and(|span| GIVE_UP_AFTER <= span),
        ServiceError::Unknown(_) | ServiceError::Gone => false,
    }
}

pub(super) async fn drop_change(
    job: Job<'_>,
    grant: &Grant,
    why: &ServiceError,
) -> Result<(), Stop> {
    let said = why.to_string();
    job.write(|books| changes::dropped(books, &said)).await?;
    let number = grant.number;
    warn!(grant.id = %grant.id, "Left grant {number} as it was: {why}");
    Ok(())
}

/// It is tried again, for as long as it takes: whatever may be true at the provider stays committed.
/// An order that got lost has arrived or will not, before the next one is sent.
async fn failed(job: Job<'_>, grant: &Grant, why: &ServiceError) -> Result<(), Stop> {
    let begun_at = grant
        .change
        .map(|change| change.begun_at.max(change.due_at));
    let failing_for = begun_at.map_or(Duration::ZERO, |at| job.desk.clock.now() - at);
    let least = match why {
        ServiceError::Unknown(_) => SETTLES,
        _ => Duration::ZERO,
    };
    let (again, alerts) = next_try(pause(why, failing_for).max(least), failing_for);
    let again = again.max(least);
    log_failure(grant, why, again);
    if !alerts {
        return Err(Stop::Wait(again));
    }
    let said = why.to_string();
    Ok(job
        .write(|books| changes::stuck(books, &said, again))
        .await?)
}
