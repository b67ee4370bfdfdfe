//! Brings the books and the providers together: doubts, leftovers, and views that never answered.

use super::claim::{self, Job, Provider, Stop};
use slice_core::{
    books::Books,
    desk::Desk,
    doubles,
    grant::{End, Grant, Key, KeyState, State},
    leftover,
    money::Money,
    ports::{KeyRef, Work},
    readings::{self, Read},
    refusal::Refusal,
    steps::{self, BACKOFF_MAX},
};
use std::time::Duration;
use tracing::{info, warn};

/// A provider that never answers clearly is given up on after so many attempts, and not before: the
/// time that it took may have been ours, if Slice was down.
const ATTEMPTS_MIN: i64 = 3;
const NO_ANSWER: &str = "The provider gave no clear answer for too long.";

/// Resolves one doubt. Gives whether there was one.
pub async fn resolve(desk: &Desk) -> Result<bool, Refusal> {
    claim::run(desk, Work::Reconcile, look).await
}

/// Deletes the keys of one ended grant. Gives whether there was one.
pub async fn sweep(desk: &Desk) -> Result<bool, Refusal> {
    claim::run(desk, Work::Sweep, tidy).await
}

/// Closes one view that showed a secret and never said how it went. Gives whether there was one.
pub async fn close_reveal(desk: &Desk) -> Result<bool, Refusal> {
    claim::run(desk, Work::CloseReveal, close).await
}

async fn look(job: Job<'_>) -> Result<(), Stop> {
    let (books, grant) = job.read().await?;
    if grant.state != State::InDoubt {
        return Err(Refusal::LostLease.into());
    }
    let Some(key) = grant.key() else {
        return resolved(job, &grant, true).await;
    };
    let provider = job.provider(&books, &grant.service)?;
    let kept = key
        .provider_id
        .as_deref()
        .filter(|_| key.state == KeyState::Minted);
    provider.never_was(&grant, key, kept).await?;
    resolved(job, &grant, provider.capabilities().inert).await
}

/// The issuer goes on, after a pause that grows, unless it has been trying for too long. Of what could
/// spend at once, no second one is made after that.
async fn resolved(job: Job<'_>, grant: &Grant, is_inert: bool) -> Result<(), Stop> {
    let given_up = job
        .record(|books| {
            let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
            let nothing = grant.key().filter(|key| key.state == KeyState::Intended);
            let enough = nothing.is_some_and(|key| ATTEMPTS_MIN <= key.attempt || !is_inert);
            if enough && steps::is_too_late(grant, books.now) {
                return Ok((steps::gave_up(books, End::Failed, NO_ANSWER)?, true));
            }
            let mut entry = steps::doubt_resolved(books)?;
            let tried_for = books.now - steps::tried_since(grant);
            entry.look_again = nothing.map(|_| claim::backoff(tried_for));
            Ok((entry, false))
        })
        .await?;
    let number = grant.number;
    if given_up {
        warn!(grant.id = %grant.id, "Gave up on grant {number}: {NO_ANSWER}");
    } else {
        info!(grant.id = %grant.id, "Grant {number} is in doubt no more");
    }
    Ok(())
}

/// What nobody will use again: all of what has ended, and what another key took the place of.
fn left_over(grant: &Grant) -> Vec<&Key> {
    let has_ended = matches!(grant.state, State::Ended(_));
    let last = grant.key().map_or(0, |key| key.attempt);
    let is_left_over = |key: &&Key| match key.state {
        KeyState::Gone => false,
        KeyState::Disabled => has_ended || key.attempt < last && grant.change.is_none(),
        _ => has_ended,
    };
    grant.keys.iter().filter(is_left_over).collect()
}

async fn tidy(job: Job<'_>) -> Result<(), Stop> {
    let (books, grant) = job.read().await?;
    let provider = job.provider(&books, &grant.service)?;
    let (has_ended, ended_at) = (matches!(grant.state, State::Ended(_)), grant.moved_at);
    let grant = if has_ended && !provider.capabilities().inert {
        look_beside(job, &provider, grant).await?
    } else {
        grant
    };
    let bills_late = provider.capabilities().bills_late.filter(|_| has_ended);
    let left = bills_late.unwrap_or_default();
    let left = left.saturating_sub(books.now - ended_at);
    // A double has cost money until now, and is ended first.
    let is_due = |key: &&Key| left.is_zero() || key.is_double();
    for key in left_over(&grant).into_iter().filter(is_due) {
        remove(job, &provider, &grant, key).await?;
        let (number, attempt) = (grant.number, key.attempt);
        info!(grant.id = %grant.id, "Deleted key {attempt} of grant {number}");
    }
    if left.is_zero() {
        return Ok(job.put_back(Duration::ZERO).await?);
    }
    Err(Stop::Wait(left.min(BACKOFF_MAX)))
}

/// What was made twice, or arrived late, costs money beside a grant that has ended as well. Gives the grant
/// with its doubles.
async fn look_beside(job: Job<'_>, provider: &Provider<'_>, grant: Grant) -> Result<Grant, Stop> {
    let listed = provider.list(&grant).await?;
    let found = job
        .record(|books| {
            let entry = doubles::found_after(books, &listed);
            let found = entry.events.len();
            Ok((entry, found))
        })
        .await?;
    if found == 0 {
        return Ok(grant);
    }
    warn!(grant.id = %grant.id, "Found {found} more of grant {}, which has ended", grant.number);
    Ok(job.read().await?.1)
}

/// A request that was running when the key was disabled may have been charged since, so it is read
/// once more before nobody can.
async fn remove(
    job: Job<'_>,
    provider: &Provider<'_>,
    grant: &Grant,
    key: &Key,
) -> Result<(), Stop> {
    let attempt = key.attempt;
    match key.provider_id.as_deref() {
        Some(id) => {
            let meter = match KeyRef::new(grant, key) {
                // What costs money until it ends may not have ended.
                Some(known) if !provider.capabilities().inert => provider.stop(&known).await?,
                Some(known) => provider.usage(&known).await?,
                None => None,
            };
            if let Some(meter) = meter.filter(|meter| key.usage < meter.usage) {
                let read = Read {
                    grant: grant.id,
                    attempt,
                    usage: meter.usage,
                    cursor: meter.cursor,
                };
                let charged = |books: &Books| {
                    Ok(if key.is_double() {
                        doubles::ended(books, &read)
                    } else {
                        readings::billed_late(books, &read)
                    })
                };
                job.write(charged).await?;
            }
            provider.delete(id).await?;
        }
        None => {
            provider.clear(grant, key, (None, Money::ZERO)).await?;
        }
    }
    let left = provider.left(grant, key).await?;
    job.write(|books| {
        let entry = steps::gone(books, attempt)?;
        Ok(leftover::beside(
            entry,
            books,
            (grant, attempt),
            left.as_ref(),
        ))
    })
    .await?;
    Ok(())
}

async fn close(job: Job<'_>) -> Result<(), Stop> {
    let grant = job.record(shown).await?;
    let number = grant.number;
    warn!(
        grant.id = %grant.id,
        "Nobody knows whether the key of grant {number} was seen; it counts as revealed"
    );
    Ok(())
}

fn shown(books: &Books) -> Result<(slice_core::books::Entry, Grant), Refusal> {
    let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
    let mut entry = steps::revealed(books, false)?;
    // What stands in chat about a key that is ending or has ended is newer than this.
    if grant.state != State::Active {
        entry.messages.clear();
    }
    entry.releases = true;
    Ok((entry, grant.clone()))
}
