//! Does the calendar's jobs when they are due, once for each instant.

use slice_core::{
    books::{Books, Entry, Scope},
    calendar::{Firing, Job},
    desk::Desk,
    digest,
    event::Actor,
    months,
    refusal::Refusal,
};
use std::time::Duration;
use tracing::{info, warn};

/// How long a job belongs to the worker that claimed it: some readings at providers, and the books.
const LEASE: Duration = Duration::from_mins(5);
/// For telling what the month before came to.
const TURN_DAYS: u64 = 40;

/// Does one job. Gives whether there was one.
pub async fn step(desk: &Desk) -> Result<bool, Refusal> {
    let Some(firing) = desk.store.claim_job(LEASE).await? else {
        return Ok(false);
    };
    let Firing { org, job, due } = firing;
    // So that what is told is true now. A provider that does not answer is told of by itself.
    let unread = desk.read_usage(org, None).await?;
    if !unread.is_empty() {
        warn!(%org, "Not every provider answered before the {}", job.said());
    }
    let scope = Scope::new(org, Actor::Slice).everyone().live();
    let (days, decide): (_, fn(&Books, &Firing) -> Entry) = match job {
        Job::Turn => (TURN_DAYS, months::turned),
        Job::Digest => (digest::DAYS, digest::due),
    };
    let decide = |books: &Books| {
        firing.has_come(books)?;
        Ok((decide(books, &firing), ()))
    };
    match desk.record(scope.days(days), decide).await {
        Ok(()) => info!(%org, "Did the {} of {}", job.said(), due.rfc3339()),
        // Another worker did it, or the clock went back: to before it was done, or to the day before it is.
        Err(Refusal::Repeated) => desk.store.skip_job(firing).await?,
        Err(why) => return Err(why),
    }
    Ok(true)
}
