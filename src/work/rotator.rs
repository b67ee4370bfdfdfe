//! Puts another key in the place of one: made so that it cannot spend, armed when the old one is stopped
//! or lowered.

use super::{
    changer::{drop_change, is_final, lost},
    claim::{Job, Provider, Stop, backoff, pause},
    issuer::seal_of,
    stopping::{charge, lower_and_read, stop_and_read},
};
use slice_core::{
    books::{Books, Entry},
    grant::{Grant, Key, KeyState, State, label},
    life::Life,
    money::Money,
    pauses,
    ports::{Issued, KeyRef, Order, ServiceError},
    refusal::Refusal,
    rotations::{self, Rotation},
    steps,
};
use std::time::Duration;
use tracing::{error, info};

/// Brings a rotation one step forward.
pub(super) async fn rotate(job: Job<'_>, books: &Books, grant: &Grant) -> Result<(), Stop> {
    let rotation = Rotation::of(grant).ok_or(Refusal::LostLease)?;
    let provider = job.provider(books, &grant.service)?;
    match rotation.new {
        None => make(job, &provider, books, grant).await,
        Some(new) => match new.state {
            // Whoever wrote this intent never came back: the provider may have heard of it.
            KeyState::Intended => clear(job, &provider, grant, new).await,
            KeyState::Minted => swap(job, &provider, grant, new).await,
            KeyState::Armed => finish(job, &provider, grant, new).await,
            KeyState::Enabling | KeyState::Disabled | KeyState::Gone => {
                Err(Refusal::LostLease.into())
            }
        },
    }
}

async fn make(
    job: Job<'_>,
    provider: &Provider<'_>,
    books: &Books,
    grant: &Grant,
) -> Result<(), Stop> {
    let rotation = Rotation::of(grant).ok_or(Refusal::LostLease)?;
    let dead_man = provider.capabilities().dead_man;
    let until = provider.until(rotation.ends_at);
    job.in_time()?;
    let attempt = job
        .record(|books| rotations::intend(books, dead_man.map(|_| until)))
        .await?;
    let order = Order {
        label: label(grant.id, attempt),
        cap: grant.cap,
        life: Life::at_least(rotation.ends_at - job.desk.clock.now()),
        dead_man: until,
        terms: grant.terms.clone(),
        options: books.org.options_of(&grant.service).to_owned(),
    };
    match provider.issue(&order).await {
        Ok(issued) => keep(job, provider, grant, (attempt, issued)).await,
        // Nothing exists there.
        Err(Stop::Service(why @ (ServiceError::Rejected(_) | ServiceError::Later { .. }))) => {
            if is_final(job, grant, &why) {
                return drop_change(job, grant, &why).await;
            }
            let again = pause(&why, tried_for(job, grant));
            again_after(job, attempt, again).await
        }
        Err(Stop::OutOfTime) => again_after(job, attempt, Duration::ZERO).await,
        Err(stop) => Err(stop),
    }
}

fn tried_for(job: Job<'_>, grant: &Grant) -> Duration {
    let begun_at = grant.change.map(|change| change.begun_at);
    begun_at.map_or(Duration::ZERO, |at| job.desk.clock.now() - at)
}

/// The attempt does not exist; another one comes later.
async fn again_after(job: Job<'_>, attempt: i64, again: Duration) -> Result<(), Stop> {
    let gone = |books: &Books| {
        Ok(Entry {
            look_again: Some(again),
            releases: true,
            ..steps::gone(books, attempt)?
        })
    };
    Ok(job.write(gone).await?)
}

/// Seals the secret and records it, or takes the key back: a key without its secret is worthless.
async fn keep(
    job: Job<'_>,
    provider: &Provider<'_>,
    grant: &Grant,
    (attempt, issued): (i64, Issued),
) -> Result<(), Stop> {
    let (books, _) = job.read().await?;
    let Issued {
        provider_id,
        secret,
        facts,
    } = issued;
    let id = provider_id.as_str();
    let Ok(seal) = seal_of(job, &books, (grant.id, attempt), &secret) else {
        provider.take_back(id).await?;
        return again_after(job, attempt, backoff(tried_for(job, grant))).await;
    };
    match job
        .write(|books| steps::minted(books, attempt, (id, facts), seal))
        .await
    {
        Ok(()) => Ok(job.put_back(Duration::ZERO).await?),
        // It may be recorded, and then the key is needed: the next claim sees.
        Err(Refusal::Unsure) => Err(Refusal::Unsure.into()),
        Err(why) => {
            if let Err(still) = provider.take_back(id).await {
                let number = grant.number;
                error!(
                    grant.id = %grant.id,
                    "Grant {number} has a new key at its provider that could not be recorded nor \
                     deleted: {still} It cannot spend, and is looked for by its label."
                );
            }
            Err(why.into())
        }
    }
}

/// An order that was never answered: what carries its label is worthless, and deleted. Whoever saw it
/// fail has waited already, so that each try is one of those after which owners may have to hear of it.
async fn clear(
    job: Job<'_>,
    provider: &Provider<'_>,
    grant: &Grant,
    new: &Key,
) -> Result<(), Stop> {
    provider.never_was(grant, new, None).await?;
    again_after(job, new.attempt, Duration::ZERO).await
}

/// The old key is stopped or lowered, and only then can the new one spend.
async fn swap(job: Job<'_>, provider: &Provider<'_>, grant: &Grant, new: &Key) -> Result<(), Stop> {
    let (attempt, Some(id)) = (new.attempt, new.provider_id.as_deref()) else {
        return Err(Refusal::LostLease.into());
    };
    match yield_place(job, provider, grant).await {
        Err(Stop::Service(why)) if is_final(job, grant, &why) => {
            provider.delete(id).await?;
            return drop_change(job, grant, &why).await;
        }
        other => other?,
    }
    let (_, grant) = job.read().await?;
    if grant.state != State::Active {
        // The old key was gone, and the grant ends with it.
        return Ok(());
    }
    let new = grant.keys.iter().find(|key| key.attempt == attempt);
    let new = new.ok_or(Refusal::LostLease)?;
    let ends_at = Rotation::of(&grant).ok_or(Refusal::LostLease)?.ends_at;
    let cap = grant.cap_of(new);
    if cap == Money::ZERO && grant.monthly.is_none() {
        // The old key had the last of it.
        return Ok(job.write(pauses::lost).await?);
    }
    match provider.allow(&grant, new, (cap, ends_at)).await {
        Ok(()) => {}
        // It was made a moment ago. A provider can be late to know its own keys, so the deletion makes
        // it true.
        Err(Stop::Service(ServiceError::Gone)) => {
            provider.delete(id).await?;
            return again_after(job, attempt, backoff(tried_for(job, &grant))).await;
        }
        // Nobody has seen its secret; once it is deleted, the old one may go on.
        Err(Stop::Service(why)) if is_final(job, &grant, &why) => {
            provider.delete(id).await?;
            return drop_change(job, &grant, &why).await;
        }
        Err(stop) => return Err(stop),
    }
    let facts = provider.facts(&grant, new);
    job.write(|books| rotations::armed(books, (attempt, cap), &facts))
        .await?;
    let number = grant.number;
    info!(grant.id = %grant.id, "Armed key {attempt} of grant {number} in the place of the old one: {cap}");
    Ok(())
}

/// Stops the old key and reads it, or leaves it a part of what is left.
async fn yield_place(job: Job<'_>, provider: &Provider<'_>, grant: &Grant) -> Result<(), Stop> {
    let rotation = Rotation::of(grant).ok_or(Refusal::LostLease)?;
    let old = rotation.old;
    let Some(id) = old
        .provider_id
        .as_deref()
        .filter(|_| old.state != KeyState::Gone)
    else {
        return Ok(());
    };
    if rotation.overlap.is_none() || old.state != KeyState::Armed {
        return stop_and_read(job, provider, grant, (old, id)).await;
    }
    let known = KeyRef::new(grant, old).ok_or(Refusal::LostLease)?;
    let Some(meter) = provider.usage(&known).await? else {
        return lost(job, provider, grant, (old, id)).await;
    };
    charge(job, grant, old, meter).await?;
    let (_, grant) = job.read().await?;
    let rotation = Rotation::of(&grant).ok_or(Refusal::LostLease)?;
    let cap = rotation.lowered(&grant);
    let ends_at = grant.ends_at.ok_or(Refusal::LostLease)?;
    lower_and_read(job, provider, &grant, (rotation.old, cap, ends_at)).await?;
    Ok(job.write(|books| rotations::lowered(books, cap)).await?)
}

/// The overlap is over: the old key is stopped, and the new one has what it did not spend.
async fn finish(
    job: Job<'_>,
    provider: &Provider<'_>,
    grant: &Grant,
    new: &Key,
) -> Result<(), Stop> {
    let (attempt, Some(id)) = (new.attempt, new.provider_id.as_deref()) else {
        return Err(Refusal::LostLease.into());
    };
    let old = Rotation::of(grant).ok_or(Refusal::LostLease)?.old;
    if let Some(old_id) = old.provider_id.as_deref()
        && old.state != KeyState::Gone
    {
        stop_and_read(job, provider, grant, (old, old_id)).await?;
    }
    let (_, grant) = job.read().await?;
    let new = grant.keys.iter().find(|key| key.attempt == attempt);
    let new = new.ok_or(Refusal::LostLease)?;
    let cap = grant.cap_of(new);
    let ends_at = grant.ends_at.ok_or(Refusal::LostLease)?;
    match lower_and_read(job, provider, &grant, (new, cap, ends_at)).await {
        Ok(()) => {}
        Err(Stop::Service(ServiceError::Gone)) => {
            return lost(job, provider, &grant, (new, id)).await;
        }
        Err(stop) => return Err(stop),
    }
    job.write(|books| rotations::finished(books, (attempt, cap)))
        .await?;
    info!(grant.id = %grant.id, "The new key of grant {} has all of the rest", grant.number);
    Ok(())
}
