//! Reads what keys have spent, a master key at a time.

use futures::future::BoxFuture;
use slice_core::{desk::Desk, metering::ROUND_MAX, refusal::Refusal};
use std::time::Duration;
use tracing::warn;

/// A provider that does not answer keeps no other key of the round waiting for longer.
fn patience(most: Duration, work: BoxFuture<'_, ()>) -> BoxFuture<'_, ()> {
    Box::pin(async move {
        let _ = tokio::time::timeout(most, work).await;
    })
}

/// Does one round. Gives whether one was due.
pub async fn step(desk: &Desk) -> Result<bool, Refusal> {
    let Some(metering) = desk.store.claim_meter(ROUND_MAX).await? else {
        return Ok(false);
    };
    let outcome = desk.meter(&metering, patience).await?;
    if !outcome.is_read {
        let (org, service) = (metering.org, &metering.service);
        warn!(%org, "The keys of {service} could not be read; the next try is at {}", outcome.next.rfc3339());
    }
    for later in &outcome.later {
        let (org, service, grant) = (metering.org, &metering.service, later.grant);
        warn!(%org, %grant, "A key of {service} could not be read; the next try is at {}", later.at.rfc3339());
    }
    desk.store.metered(&metering, &outcome).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_takes_too_long_is_not_waited_for() {
        patience(Duration::ZERO, Box::pin(std::future::pending())).await;
        let mut is_done = false;
        patience(ROUND_MAX, Box::pin(async { is_done = true })).await;
        assert!(is_done);
    }
}
