//! Makes keys: intent first, then something that cannot spend, then its cap.

use super::claim::{self, Job, Provider, Stop, log_failure, pause};
use slice_core::{
    books::Books,
    desk::Desk,
    grant::{End, Grant, Key, KeyState, State, label},
    ids::GrantId,
    leftover,
    money::Money,
    ports::{Bounds, Issued, KeyRef, Order, ServiceError, Work},
    refusal::Refusal,
    secret::Secret,
    sentences::KeyFacts,
    steps,
    time::Time,
    vault::{BadSeal, Seal, SealOwner},
};
use std::time::Duration;
use tracing::{error, info, warn};

/// Before a vault that does not seal is tried again.
const VAULT_PAUSE: Duration = Duration::from_mins(1);

/// The longest pause between two questions whether a new key is good.
const ASKS_EVERY: Duration = Duration::from_secs(10);

/// Brings one grant forward. Gives whether there was one.
pub async fn step(desk: &Desk) -> Result<bool, Refusal> {
    claim::run(desk, Work::Issue, issue).await
}

async fn issue(job: Job<'_>) -> Result<(), Stop> {
    let (books, grant) = job.read().await?;
    if !matches!(grant.state, State::Reserved | State::Issuing) {
        return Err(Refusal::LostLease.into());
    }
    match grant.key() {
        None => make(job, &books, &grant).await,
        Some(key) => match key.state {
            KeyState::Gone => make(job, &books, &grant).await,
            // Whoever wrote this intent never came back: the provider may have heard of it.
            KeyState::Intended => doubt(job, &grant, "the order was never answered.").await,
            KeyState::Minted | KeyState::Armed | KeyState::Enabling | KeyState::Disabled => {
                arm(job, &books, &grant, key).await
            }
        },
    }
}

async fn make(job: Job<'_>, books: &Books, grant: &Grant) -> Result<(), Stop> {
    let provider = match job.provider(books, &grant.service) {
        Ok(provider) => provider,
        Err(why) => return not_yet(job, grant, why).await,
    };
    job.in_time()?;
    let margin = provider.capabilities().dead_man;
    let rest = grant.rest();
    let end = match lives_until(&provider, (grant, rest), job.desk.clock.now()) {
        Ok(end) => end,
        Err(why) => return give_up(job, grant, End::Rejected, &why).await,
    };
    let dead_man = margin.map(|_| end);
    let (attempt, grant) = job
        .record(|books| {
            let (entry, attempt) = steps::intend(books, dead_man)?;
            let grant = books.grant.clone().ok_or(Refusal::LostLease)?;
            Ok((entry, (attempt, grant)))
        })
        .await?;
    // Whoever wants it deleted after this sees that somebody is about to use it.
    if let Some(share) = provider.shares(&grant) {
        let lender = job.other(share.grant).await?;
        if let Some(lender) = lender.filter(leftover::is_going) {
            let number = lender.number;
            let why = format!(
                "What stays of grant {number} is being deleted at its provider, because an owner wants it so."
            );
            return give_up(job, &grant, End::Rejected, &why).await;
        }
    }
    let life = grant.life;
    let order = Order {
        label: label(grant.id, attempt),
        cap: rest,
        life,
        dead_man: end,
        terms: grant.terms.clone(),
        options: books.org.options_of(&grant.service).to_owned(),
    };
    match provider.issue(&order).await {
        Ok(issued) => {
            if !keep(job, &provider, &grant, (attempt, issued)).await? {
                return Ok(());
            }
        }
        Err(Stop::Service(ServiceError::Rejected(why))) => {
            return give_up(job, &grant, End::Rejected, &why).await;
        }
        Err(Stop::Service(why @ ServiceError::Later { .. })) => {
            return not_yet(job, &grant, why).await;
        }
        Err(Stop::Service(why)) => return doubt(job, &grant, &why.to_string()).await,
        // It was never sent, so nothing is in doubt.
        Err(Stop::OutOfTime) => {
            return Ok(job
                .write(|books| steps::try_later(books, Duration::ZERO))
                .await?);
        }
        Err(stop) => return Err(stop),
    }
    let (books, grant) = job.read().await?;
    match grant.key().filter(|key| key.state == KeyState::Minted) {
        Some(key) => arm(job, &books, &grant, key).await,
        None => Err(Refusal::LostLease.into()),
    }
}

/// Until when a new key lives that may spend no more than `rest`: what earlier attempts cost is gone. The
/// error is why none is made.
fn lives_until(
    provider: &Provider<'_>,
    (grant, rest): (&Grant, Money),
    now: Time,
) -> Result<Time, String> {
    let margin = provider.capabilities().dead_man.unwrap_or_default();
    let by_life = now + grant.life.duration() + margin;
    match provider.lasts(grant, rest) {
        _ if rest.is_zero() => Err(steps::used_up(grant)),
        Some(span) if span < steps::SHORTEST => Err(steps::too_short(grant.cap, rest, span)),
        Some(span) => Ok(by_life.min(now + span)),
        None => Ok(by_life),
    }
}

/// Seals the secret and records it, or takes the key back: a key without its secret is worthless.
/// Gives whether it was kept.
async fn keep(
    job: Job<'_>,
    provider: &Provider<'_>,
    grant: &Grant,
    (attempt, issued): (i64, Issued),
) -> Result<bool, Stop> {
    let (books, _) = job.read().await?;
    let Issued {
        provider_id,
        secret,
        facts,
    } = issued;
    let Ok(seal) = seal_of(job, &books, (grant.id, attempt), &secret) else {
        let why = "Slice's vault could not seal the new key.".to_owned();
        if provider.take_back(&provider_id).await.is_err() {
            doubt(job, grant, &why).await?;
        } else {
            not_yet(
                job,
                grant,
                ServiceError::Later {
                    after: VAULT_PAUSE,
                    why,
                },
            )
            .await?;
        }
        return Ok(false);
    };
    drop(secret);
    let id = provider_id.as_str();
    match job
        .write(|books| steps::minted(books, attempt, (id, facts), seal))
        .await
    {
        Ok(()) => Ok(true),
        // It may be recorded, and then the key is needed: the next claim sees.
        Err(Refusal::Unsure) => Err(Refusal::Unsure.into()),
        // What may have spent already is found by its label, read and ended, by whoever took over.
        Err(why) if !provider.capabilities().inert => Err(why.into()),
        Err(why) => {
            if let Err(still) = provider.take_back(id).await {
                let (grant, number) = (grant.id, grant.number);
                error!(
                    grant.id = %grant,
                    "Grant {number} has a key at its provider that could not be recorded nor \
                     deleted: {still} It cannot spend, and is looked for by its label."
                );
            }
            Err(why.into())
        }
    }
}

/// A key's secret, sealed to its row.
pub(super) fn seal_of(
    job: Job<'_>,
    books: &Books,
    (grant, attempt): (GrantId, i64),
    secret: &Secret,
) -> Result<Seal, BadSeal> {
    let org = books.org.id;
    let owner = SealOwner::Key {
        org,
        grant,
        attempt,
    };
    job.desk.vault.seal(&books.org.data_key, &owner, secret)
}

async fn arm(job: Job<'_>, books: &Books, grant: &Grant, key: &Key) -> Result<(), Stop> {
    let provider = job.provider(books, &grant.service)?;
    let Some(id) = key.provider_id.as_deref() else {
        return doubt(job, grant, "the key has no id.").await;
    };
    let attempt = key.attempt;
    if steps::month_is_over_at(books, grant).is_some_and(|over| over <= books.now) {
        let why = "The month whose top-up it needed is over.";
        unmake(&provider, grant, (key, id)).await?;
        job.write(|books| steps::unmade(books, attempt, End::Failed, why))
            .await?;
        log_given_up(grant, why);
        return Ok(());
    }
    let known = KeyRef::new(grant, key).ok_or(Refusal::LostLease)?;
    let bounds = Bounds {
        cap: grant.cap_of(key),
        until: provider.until(steps::ends_at(books, grant, provider.ends_by(grant, key))),
    };
    let why = match provider.arm(&known, bounds).await {
        Ok(()) => return hand_over(job, &provider, (books, grant), key).await,
        Err(Stop::Service(ServiceError::Gone)) => {
            return lost(job, &provider, grant, (key, id)).await;
        }
        Err(Stop::Service(why)) => why,
        Err(stop) => return Err(stop),
    };
    let now = job.desk.clock.now();
    let end = match &why {
        ServiceError::Rejected(_) => End::Rejected,
        _ if steps::is_too_late(grant, now) => End::Failed,
        _ => {
            let again = pause(&why, now - steps::tried_since(grant));
            log_failure(grant, &why, again);
            return Err(Stop::Wait(again));
        }
    };
    let said = why.to_string();
    // Nobody has seen its secret; once it is deleted, the money can go back. What cannot spend may
    // be deleted later, by the sweeper: a dead master key must not hold a member's money.
    match unmake(&provider, grant, (key, id)).await {
        Ok(()) => {}
        Err(Stop::Service(_)) if provider.capabilities().inert => {
            return give_up(job, grant, end, &said).await;
        }
        Err(stop) => return Err(stop),
    }
    job.write(|books| steps::unmade(books, attempt, end, &said))
        .await?;
    log_given_up(grant, &said);
    Ok(())
}

/// Once its provider takes the key, and also where that takes too long: it is paid for, and good sooner or
/// later. Nothing is recorded meanwhile: whoever claims it next arms it anew, until the end that it has then,
/// and asks again.
async fn hand_over(
    job: Job<'_>,
    provider: &Provider<'_>,
    (books, grant): (&Books, &Grant),
    key: &Key,
) -> Result<(), Stop> {
    let mut is_late = false;
    if let Some(within) = provider.capabilities().good_within
        && let Err(why) = provider.try_out(books, grant, key).await
    {
        let (now, begun) = (
            job.desk.clock.now(),
            key.intended_at.unwrap_or(grant.moved_at),
        );
        if (begun..begun + within).contains(&now) {
            let (age, left) = (now - begun, begun + within - now);
            return Err(Stop::Wait(claim::backoff(age).min(ASKS_EVERY).min(left)));
        }
        let number = grant.number;
        warn!(grant.id = %grant.id, "The key of grant {number} is handed over untried: {why}");
        is_late = true;
    }
    let facts = KeyFacts {
        is_late,
        ..provider.facts(grant, key)
    };
    job.write(|books| steps::armed(books, key.attempt, &facts))
        .await?;
    let (number, cap, service) = (grant.number, grant.cap_of(key), &grant.service);
    info!(grant.id = %grant.id, "Armed grant {number}: {cap} of {service}");
    Ok(())
}

/// Deletes a key that nobody has seen. What could spend already is stopped, read and charged first, and what
/// was made beside it likewise.
async fn unmake(
    provider: &Provider<'_>,
    grant: &Grant,
    (key, id): (&Key, &str),
) -> Result<(), Stop> {
    if !provider.capabilities().inert {
        let known = KeyRef::new(grant, key).ok_or(Refusal::LostLease)?;
        let spent = provider.stop(&known).await?.map(|meter| meter.usage);
        let spent = spent.unwrap_or_default();
        provider.charge(grant, key, spent).await?;
        provider.clear(grant, key, (Some(id), spent)).await?;
    }
    provider.delete(id).await
}

/// The provider does not know the key between its making and its arming: another attempt, if it is
/// not too late for that. A provider can be late to know its own keys, so the deletion makes it true.
async fn lost(
    job: Job<'_>,
    provider: &Provider<'_>,
    grant: &Grant,
    (key, id): (&Key, &str),
) -> Result<(), Stop> {
    let attempt = key.attempt;
    unmake(provider, grant, (key, id)).await?;
    let now = job.desk.clock.now();
    let why = "The provider lost the new key.";
    if steps::is_too_late(grant, now) {
        job.write(|books| steps::unmade(books, attempt, End::Failed, why))
            .await?;
        log_given_up(grant, why);
        return Ok(());
    }
    let again = claim::backoff(now - steps::tried_since(grant));
    job.write(|books| {
        let mut entry = steps::gone(books, attempt)?;
        entry.look_again = Some(again);
        entry.releases = true;
        Ok(entry)
    })
    .await?;
    log_failure(grant, &ServiceError::Gone, again);
    Ok(())
}

/// Nothing exists at the provider. Whether there is a next try is decided by the books, which know
/// of the first one.
async fn not_yet(job: Job<'_>, grant: &Grant, error: ServiceError) -> Result<(), Stop> {
    let why = error.to_string();
    let again = job
        .record(|books| {
            let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
            if steps::is_too_late(grant, books.now) {
                return Ok((steps::gave_up(books, End::Failed, &why)?, None));
            }
            let again = pause(&error, books.now - steps::tried_since(grant));
            Ok((steps::try_later(books, again)?, Some(again)))
        })
        .await?;
    match again {
        Some(again) => log_failure(grant, &error, again),
        None => log_given_up(grant, &why),
    }
    Ok(())
}

async fn give_up(job: Job<'_>, grant: &Grant, end: End, why: &str) -> Result<(), Stop> {
    job.write(|books| steps::gave_up(books, end, why)).await?;
    log_given_up(grant, why);
    Ok(())
}

async fn doubt(job: Job<'_>, grant: &Grant, why: &str) -> Result<(), Stop> {
    job.write(steps::in_doubt).await?;
    let number = grant.number;
    warn!(grant.id = %grant.id, "Grant {number} is in doubt: {why}");
    Ok(())
}

fn log_given_up(grant: &Grant, why: &str) {
    let (number, service) = (grant.number, &grant.service);
    warn!(grant.id = %grant.id, "Gave up on grant {number} at {service}: {why}");
}
