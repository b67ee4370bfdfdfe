//! Ends grants: stop the key, read what it spent, settle, and give the rest back.

use super::{
    claim::{self, Job, Provider, Stop},
    stopping::{fail, stop_and_read},
};
use slice_core::{
    desk::Desk,
    grant::{Grant, Key, KeyState, State},
    ports::Work,
    refusal::Refusal,
    steps,
};
use tracing::info;

/// Ends one grant. Gives whether there was one.
pub async fn step(desk: &Desk) -> Result<bool, Refusal> {
    claim::run(desk, Work::End, end).await
}

async fn end(job: Job<'_>) -> Result<(), Stop> {
    let (books, grant) = job.read().await?;
    let State::Revoking(_) = grant.state else {
        return Err(Refusal::LostLease.into());
    };
    let standing: Vec<_> = grant
        .to_stop()
        .filter(|key| key.state != KeyState::Gone)
        .collect();
    let stopped = match job.provider(&books, &grant.service) {
        _ if standing.is_empty() => Ok(()),
        Ok(provider) => stop_all(job, &provider, &grant, &standing).await,
        Err(why) => Err(why.into()),
    };
    match stopped {
        Ok(()) => {}
        Err(Stop::Service(why)) => return fail(job, &grant, &why).await,
        Err(stop) => return Err(stop),
    }
    job.write(steps::settled).await?;
    let number = grant.number;
    info!(grant.id = %grant.id, "Ended grant {number}");
    Ok(())
}

async fn stop_all(
    job: Job<'_>,
    provider: &Provider<'_>,
    grant: &Grant,
    keys: &[&Key],
) -> Result<(), Stop> {
    for key in keys {
        let Some(id) = key.provider_id.as_deref() else {
            provider.never_was(grant, key, None).await?;
            job.write(|books| steps::gone(books, key.attempt)).await?;
            continue;
        };
        if key.state == KeyState::Minted && provider.capabilities().inert {
            // Nobody has seen its secret, and it was worth nothing.
            provider.delete(id).await?;
            job.write(|books| steps::gone(books, key.attempt)).await?;
        } else {
            stop_and_read(job, provider, grant, (key, id)).await?;
        }
    }
    Ok(())
}
