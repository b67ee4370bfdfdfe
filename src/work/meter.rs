//! Reads what keys have spent, a master key at a time.

use slice_core::{desk::Desk, refusal::Refusal};
use std::time::Duration;
use tracing::warn;

/// How long a round may take before another worker begins it anew: all pages of a long list.
const LEASE: Duration = Duration::from_mins(5);

/// Does one round. Gives whether one was due.
pub async fn step(desk: &Desk) -> Result<bool, Refusal> {
    let Some(metering) = desk.store.claim_meter(LEASE).await? else {
        return Ok(false);
    };
    let outcome = desk.meter(&metering).await?;
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
