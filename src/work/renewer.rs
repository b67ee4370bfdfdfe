//! Begins each month anew for grants that go on from month to month.

use super::claim::{self, Job, Stop};
use slice_core::{desk::Desk, ports::Work, refusal::Refusal, renewals};
use std::time::Duration;
use tracing::info;

/// Before a grant for which there was no room is looked at again, if nobody gives it some.
const AGAIN: Duration = Duration::from_mins(10);

/// Renews one grant. Gives whether there was one.
pub async fn step(desk: &Desk) -> Result<bool, Refusal> {
    claim::run(desk, Work::Renew, come).await
}

async fn come(job: Job<'_>) -> Result<(), Stop> {
    let (_, grant) = job.read().await?;
    let adjusts = job.desk.services.adjusts(&grant.service);
    let came = job
        .record(|books| {
            let entry = renewals::come(books, adjusts)?;
            let came = entry.is_some();
            Ok((entry.unwrap_or_default(), came))
        })
        .await?;
    if !came {
        return Err(Stop::Wait(AGAIN));
    }
    info!(grant.id = %grant.id, "The month of grant {} began anew: it was {}", grant.number, grant.state);
    Ok(())
}
