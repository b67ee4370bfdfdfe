//! Ends grants: stop the key, read what it spent, settle, and give the rest back.

use super::claim::{self, Job, Provider, Stop, log_failure, pause};
use slice_core::{
    desk::Desk,
    grant::{Grant, Key, KeyState, State},
    ports::{ServiceError, Work},
    refusal::Refusal,
    steps::{self, BACKOFF_MAX, Read},
};
use std::time::Duration;
use tracing::info;

/// Owners hear of a grant that cannot be ended for so long…
const ALERT_AFTER: Duration = Duration::from_hours(1);
/// … and then as often.
const ALERT_EVERY: Duration = Duration::from_hours(24);

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
        .keys
        .iter()
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
            never_was(job, provider, grant, key).await?;
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

/// An attempt that the books know by its label alone.
async fn never_was(
    job: Job<'_>,
    provider: &Provider<'_>,
    grant: &Grant,
    key: &Key,
) -> Result<(), Stop> {
    if provider.clear(grant, key, None).await? == 0 {
        provider.believes(grant)?;
    }
    Ok(job.write(|books| steps::gone(books, key.attempt)).await?)
}

/// That it stands still and what it has spent are recorded together: a key that goes missing
/// between the two still counts as spent up to its cap.
async fn stop_and_read(
    job: Job<'_>,
    provider: &Provider<'_>,
    grant: &Grant,
    (key, id): (&Key, &str),
) -> Result<(), Stop> {
    let attempt = key.attempt;
    let was_stopped = key.state == KeyState::Disabled;
    let known = if was_stopped {
        Some(())
    } else {
        provider.disable(id).await?
    };
    let usage = match known {
        Some(()) => provider.usage(id).await?,
        None => None,
    };
    let Some(usage) = usage else {
        let listed = provider.find(&key.label).await?;
        if listed.iter().any(|found| found.provider_id == id) {
            let why = "The provider lists the key, and does not know it.".to_owned();
            return Err(Stop::Service(ServiceError::Unknown(why)));
        }
        // Should the provider be wrong about that, it is true from here on: a key that the books
        // call gone must not spend.
        provider.delete(id).await?;
        return Ok(job
            .write(|books| steps::assumed_spent(books, attempt))
            .await?);
    };
    if was_stopped && usage <= key.usage {
        return Ok(());
    }
    let read = Read {
        grant: grant.id,
        attempt,
        usage,
    };
    job.write(|books| {
        let mut entry = steps::usage_read(books, &[read]);
        if !was_stopped {
            entry.events.extend(steps::disabled(books, attempt)?.events);
        }
        Ok(entry)
    })
    .await?;
    Ok(())
}

/// There is no last try: the money stays held, and owners hear of it.
async fn fail(job: Job<'_>, grant: &Grant, why: &ServiceError) -> Result<(), Stop> {
    let failing_for = job.desk.clock.now() - grant.moved_at;
    let (again, alerts) = next_try(pause(why, failing_for), failing_for);
    log_failure(grant, why, again);
    if !alerts {
        return Err(Stop::Wait(again));
    }
    let said = why.to_string();
    Ok(job.write(|books| steps::stuck(books, &said, again)).await?)
}

/// When to try again, and whether owners hear of this failure: of just one in the ten minutes that
/// follow each instant when an alert is due. So the books need not remember alerts, and one is
/// missed only by a Slice that was down through those minutes.
fn next_try(pause: Duration, failing_for: Duration) -> (Duration, bool) {
    let Some(late) = failing_for.checked_sub(ALERT_AFTER) else {
        return (pause.min(ALERT_AFTER.saturating_sub(failing_for)), false);
    };
    let since_due = Duration::from_secs(late.as_secs() % ALERT_EVERY.as_secs());
    let alerts = since_due < BACKOFF_MAX;
    let pause = if alerts { BACKOFF_MAX } else { pause };
    (pause.min(ALERT_EVERY.saturating_sub(since_due)), alerts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the provider asks for, one alert falls due after an hour, and one each day.
        #[test]
        fn owners_hear_once_an_hour_has_passed_and_then_daily(seconds in 1u64..=600) {
            let asked = Duration::from_secs(seconds);
            let mut at = Duration::ZERO;
            let mut alerts = vec![];
            while at < Duration::from_hours(24 * 4) {
                let pause = claim::backoff(at).max(asked).min(BACKOFF_MAX);
                let (again, alert) = next_try(pause, at);
                prop_assert!(!again.is_zero());
                if alert {
                    alerts.push(at);
                }
                at += again;
            }
            let due: Vec<_> = (0..4).map(|day| ALERT_AFTER + ALERT_EVERY * day).collect();
            prop_assert_eq!(alerts, due);
        }
    }
}
