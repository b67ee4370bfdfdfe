//! Stopping a key: disabled at its provider and read, and what owners hear where that fails.

use super::claim::{Job, Provider, SETTLES, Stop, log_failure, pause};
use slice_core::{
    books::Books,
    grant::{Grant, Key, KeyState},
    leftover,
    money::Money,
    ports::{KeyRef, Meter, ServiceError},
    readings::{self, Read},
    refusal::Refusal,
    steps::{self, BACKOFF_MAX},
    time::Time,
};
use std::time::Duration;

/// Owners hear of a key that cannot be stopped for so long…
const ALERT_AFTER: Duration = Duration::from_hours(1);
/// … and then as often.
const ALERT_EVERY: Duration = Duration::from_hours(24);

/// That it stands still and what it has spent are recorded together: a key that goes missing
/// between the two still counts as spent up to its cap.
pub(super) async fn stop_and_read(
    job: Job<'_>,
    provider: &Provider<'_>,
    grant: &Grant,
    (key, id): (&Key, &str),
) -> Result<(), Stop> {
    let attempt = key.attempt;
    let was_stopped = key.state == KeyState::Disabled;
    let meter = match KeyRef::new(grant, key) {
        // What costs money until it ends may not have ended.
        Some(known) if was_stopped && provider.capabilities().inert => {
            provider.last_usage(&known).await?
        }
        Some(known) => provider.stop(&known).await?,
        None => None,
    };
    let Some(Meter { usage, cursor, .. }) = meter else {
        let listed = provider.find(&key.label).await?;
        if listed.iter().any(|found| found.provider_id == id) {
            let why = "The provider lists the key, and does not know it.".to_owned();
            return Err(Stop::Service(ServiceError::Unknown(why)));
        }
        // Should the provider be wrong about that, it is true from here on: a key that the books
        // call gone must not spend.
        provider.delete(id).await?;
        let left = match provider.left(grant, key).await {
            // A master key of another account knows nothing of what stays. Any other no is one for now.
            Err(Stop::Service(ServiceError::Rejected(_)))
                if !provider.is_of_account(grant, key).await? =>
            {
                None
            }
            known => known?,
        };
        let lost = |books: &Books| {
            let entry = steps::assumed_spent(books, attempt)?;
            Ok(leftover::beside(
                entry,
                books,
                (grant, attempt),
                left.as_ref(),
            ))
        };
        return Ok(job.write(lost).await?);
    };
    if was_stopped && usage <= key.usage {
        return Ok(());
    }
    still_settles(job, grant, key)?;
    let read = Read {
        grant: grant.id,
        attempt,
        usage,
        cursor,
    };
    job.write(|books| {
        let mut entry = readings::usage_read(books, &[read]);
        if !was_stopped {
            entry.events.extend(steps::disabled(books, attempt)?.events);
        }
        Ok(entry)
    })
    .await?;
    Ok(())
}

/// Lets a key spend no more than `cap` in all, and charges what it spent before its provider heard so:
/// only what is left after that may go back.
pub(super) async fn lower_and_read(
    job: Job<'_>,
    provider: &Provider<'_>,
    grant: &Grant,
    (key, cap, ends_at): (&Key, Money, Time),
) -> Result<(), Stop> {
    provider.allow(grant, key, (cap, ends_at)).await?;
    if key.armed_cap <= cap {
        return Ok(());
    }
    let known = KeyRef::new(grant, key).ok_or(Refusal::LostLease)?;
    let meter = provider.usage(&known).await?;
    charge(job, grant, key, meter.ok_or(ServiceError::Gone)?).await
}

pub(super) async fn charge(
    job: Job<'_>,
    grant: &Grant,
    key: &Key,
    Meter { usage, cursor, .. }: Meter,
) -> Result<(), Stop> {
    let read = Read {
        grant: grant.id,
        attempt: key.attempt,
        usage,
        cursor,
    };
    Ok(job
        .write(|books| Ok(readings::usage_read(books, &[read])))
        .await?)
}

/// An order to let the key spend again may have been under way when its grant was moved on. Until it
/// can no longer arrive, "disabled" is not believed.
fn still_settles(job: Job<'_>, grant: &Grant, key: &Key) -> Result<(), Stop> {
    if key.state != KeyState::Enabling {
        return Ok(());
    }
    match SETTLES.checked_sub(job.desk.clock.now() - grant.moved_at) {
        Some(left) if !left.is_zero() => Err(Stop::Wait(left)),
        _ => Ok(()),
    }
}

/// There is no last try: the money stays held, and owners hear of it.
pub(super) async fn fail(job: Job<'_>, grant: &Grant, why: &ServiceError) -> Result<(), Stop> {
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
pub(super) fn next_try(pause: Duration, failing_for: Duration) -> (Duration, bool) {
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
    use crate::work::claim;
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
