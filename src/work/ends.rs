//! Lets requests lapse and keys expire when their time has come, and reminds their members before.

use super::claim::{self, Job, Stop};
use slice_core::{desk::Desk, ends, ports::Work, refusal::Refusal};
use std::time::Duration;
use tracing::info;

/// Before a grant for which nothing was due is looked at again.
const AGAIN: Duration = Duration::from_mins(10);

/// Does what is due for one grant. Gives whether there was one.
pub async fn step(desk: &Desk) -> Result<bool, Refusal> {
    claim::run(desk, Work::Time, come).await
}

async fn come(job: Job<'_>) -> Result<(), Stop> {
    let (_, grant) = job.read().await?;
    let adjusts = job.desk.services.adjusts(&grant.service);
    let came = job
        .record(|books| {
            let entry = ends::come(books, adjusts)?;
            let came = entry.is_some();
            Ok((entry.unwrap_or_default(), came))
        })
        .await?;
    if !came {
        return Err(Stop::Wait(AGAIN));
    }
    info!(grant.id = %grant.id, "The time of grant {} had come: it was {}", grant.number, grant.state);
    Ok(())
}
