//! Suspends and resumes keys: what the books decided, the provider hears next.

use super::{
    claim::{self, Job, Provider, Stop},
    stopping::{fail, stop_and_read},
};
use slice_core::{
    desk::Desk,
    grant::{Grant, KeyState, State},
    pauses,
    ports::{Bounds, KeyRef, ServiceError, Work},
    refusal::Refusal,
};
use std::time::Duration;
use tracing::{info, warn};

/// Stops the key of one suspended grant. Gives whether there was one.
pub async fn suspend(desk: &Desk) -> Result<bool, Refusal> {
    claim::run(desk, Work::Suspend, stop).await
}

/// Lets the key of one resumed grant spend again. Gives whether there was one.
pub async fn resume(desk: &Desk) -> Result<bool, Refusal> {
    claim::run(desk, Work::Resume, enable).await
}

async fn stop(job: Job<'_>) -> Result<(), Stop> {
    let (_, grant) = job.read().await?;
    let State::Suspended(_) = grant.state else {
        return Err(Refusal::LostLease.into());
    };
    match stop_keys(job, &grant).await {
        Ok(()) => {}
        Err(Stop::Service(why)) => return fail(job, &grant, &why).await,
        Err(stop) => return Err(stop),
    }
    let (_, grant) = job.read().await?;
    if !can_pause(job, &grant) {
        job.write(pauses::lost).await?;
        info!(grant.id = %grant.id, "Grant {} ends, because its key cannot stand still", grant.number);
        return Ok(());
    }
    if grant.keys.iter().all(|key| key.state == KeyState::Gone) {
        job.write(pauses::lost).await?;
        warn!(grant.id = %grant.id, "The key of grant {} is gone at its provider", grant.number);
        return Ok(());
    }
    job.put_back(Duration::ZERO).await?;
    info!(grant.id = %grant.id, "Suspended the key of grant {}: {}", grant.number, grant.state);
    Ok(())
}

fn can_pause(job: Job<'_>, grant: &Grant) -> bool {
    let adapter = job.desk.services.find(&grant.service);
    adapter.is_none_or(|adapter| adapter.capabilities().adjusts.pause)
}

async fn stop_keys(job: Job<'_>, grant: &Grant) -> Result<(), Stop> {
    let (books, _) = job.read().await?;
    let provider = job.provider(&books, &grant.service)?;
    for key in grant.to_stop().filter(|key| key.state.spends()) {
        let id = key.provider_id.as_deref().ok_or(Refusal::LostLease)?;
        stop_and_read(job, &provider, grant, (key, id)).await?;
    }
    Ok(())
}

async fn enable(job: Job<'_>) -> Result<(), Stop> {
    let (_, grant) = job.read().await?;
    if grant.state != State::Active {
        return Err(Refusal::LostLease.into());
    }
    match enable_key(job, &grant).await {
        // The ender finds out what became of it, and tells.
        Err(Stop::Service(ServiceError::Gone)) => {
            job.write(pauses::lost).await?;
            warn!(grant.id = %grant.id, "The key of grant {} is gone at its provider", grant.number);
            Ok(())
        }
        Err(Stop::Service(why)) => fail(job, &grant, &why).await,
        other => other,
    }
}

async fn enable_key(job: Job<'_>, grant: &Grant) -> Result<(), Stop> {
    let (books, _) = job.read().await?;
    let key = grant
        .key()
        .filter(|key| key.state == KeyState::Enabling)
        .ok_or(Refusal::LostLease)?;
    let known = KeyRef::new(grant, key).ok_or(Refusal::LostLease)?;
    let provider = job.provider(&books, &grant.service)?;
    let bounds = Bounds {
        cap: key.armed_cap,
        until: provider.until(grant.ends_at.ok_or(Refusal::LostLease)?),
    };
    match let_spend(&provider, &known, bounds).await {
        // A provider can be late to know its own keys: one that it lists is there.
        Err(Stop::Service(ServiceError::Gone)) => {
            let listed = provider.find(&key.label).await?;
            let why = if listed
                .iter()
                .any(|found| found.provider_id == known.provider_id)
            {
                let why = "The provider lists the key, and does not know it.";
                ServiceError::Unknown(why.to_owned())
            } else {
                ServiceError::Gone
            };
            return Err(why.into());
        }
        other => other?,
    }
    let attempt = key.attempt;
    job.write(|books| pauses::enabled(books, attempt)).await?;
    info!(grant.id = %grant.id, "Enabled the key of grant {}", grant.number);
    Ok(())
}

async fn let_spend(provider: &Provider<'_>, key: &KeyRef, bounds: Bounds) -> Result<(), Stop> {
    provider.arm(key, bounds).await?;
    provider.enable(&key.provider_id).await
}
