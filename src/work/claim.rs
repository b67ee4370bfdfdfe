//! A worker's claim on a grant: what it may still do with it, and how it gives it back.

use slice_core::{
    books::{Books, Entry, GrantRef, Scope},
    desk::Desk,
    event::Actor,
    grant::{Grant, Key, labels},
    ids::{GrantId, ServiceName},
    leftover::Left,
    money::Money,
    ports::{
        Bounds, Capabilities, ClaimedGrant, Found, Issued, KeyRef, Listed, Meter, Order,
        ServiceAdapter, ServiceError, Share, Work,
    },
    readings::{self, Read},
    refusal::Refusal,
    secret::Secret,
    sentences::KeyFacts,
    steps::BACKOFF_MAX,
    time::Time,
    vault::SealOwner,
};
use std::time::Duration;
use tracing::warn;

/// How long a grant belongs to the worker that claimed it: several calls, and the books between.
const LEASE: Duration = Duration::from_mins(3);
/// The longest that one change at a provider takes: two requests of 20 s, and some air. With less
/// of the lease left, none is begun.
const CALL: Duration = Duration::from_secs(45);
/// The shortest pause between two tries.
const BACKOFF_MIN: Duration = Duration::from_secs(1);
/// After the books could not be asked.
const BOOKS_PAUSE: Duration = Duration::from_secs(5);
/// Before trying again what an owner or operator has to mend first.
const REMEDY_PAUSE: Duration = Duration::from_mins(1);
/// An order that got lost on its way may arrive this late. Only then does "nothing carries the
/// label" mean that nothing will.
pub(super) const SETTLES: Duration = Duration::from_secs(30);

/// Why a worker stops short of its end.
#[derive(Debug)]
pub(super) enum Stop {
    Service(ServiceError),
    Refused(Refusal),
    /// Not enough of the lease is left for another change at the provider.
    OutOfTime,
    Wait(Duration),
}

impl From<Refusal> for Stop {
    fn from(why: Refusal) -> Self {
        Self::Refused(why)
    }
}

impl From<ServiceError> for Stop {
    fn from(why: ServiceError) -> Self {
        Self::Service(why)
    }
}

/// One claimed grant, and the worker's time with it.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub desk: &'a Desk,
    claim: ClaimedGrant,
    deadline: Time,
}

/// Claims a grant that is due, lets `task` work on it, and gives it back where that stops short.
/// Gives whether there was one.
pub(super) async fn run<'a, F, Fut>(desk: &'a Desk, work: Work, task: F) -> Result<bool, Refusal>
where
    F: FnOnce(Job<'a>) -> Fut,
    Fut: Future<Output = Result<(), Stop>>,
{
    let deadline = desk.clock.now() + LEASE;
    let Some(claim) = desk.store.claim_grant(work, LEASE).await? else {
        return Ok(false);
    };
    let job = Job {
        desk,
        claim,
        deadline,
    };
    let done = match task(job).await {
        Ok(()) => Ok(()),
        Err(stop) => job.stopped(stop).await,
    };
    match done {
        Ok(()) | Err(Refusal::LostLease) => Ok(true),
        Err(why) => Err(why),
    }
}

impl<'a> Job<'a> {
    fn scope(self) -> Scope {
        let ClaimedGrant { org, grant, fence } = self.claim;
        Scope::new(org, Actor::Slice)
            .grant(GrantRef::Id(grant))
            .fenced(fence)
    }

    /// The books and the grant as they are now. It may have been moved on since it was claimed.
    pub async fn read(self) -> Result<(Books, Grant), Refusal> {
        let mut books = self.desk.store.books(self.scope()).await?;
        let grant = books.grant.take().ok_or(Refusal::LostLease)?;
        Ok((books, grant))
    }

    /// Another grant of the same org, as it is now.
    pub async fn other(self, grant: GrantId) -> Result<Option<Grant>, Refusal> {
        let scope = Scope::new(self.claim.org, Actor::Slice).grant(GrantRef::Id(grant));
        Ok(self.desk.store.books(scope).await?.grant)
    }

    /// Records a result: only while the claim stands.
    pub async fn record<T: Send>(
        self,
        decide: impl FnOnce(&Books) -> Result<(Entry, T), Refusal> + Send,
    ) -> Result<T, Refusal> {
        self.desk.record(self.scope(), decide).await
    }

    pub async fn write(
        self,
        decide: impl FnOnce(&Books) -> Result<Entry, Refusal> + Send,
    ) -> Result<(), Refusal> {
        self.record(|books| Ok((decide(books)?, ()))).await
    }

    pub async fn put_back(self, after: Duration) -> Result<(), Refusal> {
        self.desk.store.put_back(self.claim, after).await
    }

    /// Whether another change at the provider may begin.
    pub fn in_time(self) -> Result<(), Stop> {
        if self.desk.clock.now() + CALL <= self.deadline {
            Ok(())
        } else {
            Err(Stop::OutOfTime)
        }
    }

    /// The grant's service with the master key, opened for this job.
    pub fn provider(
        self,
        books: &Books,
        service: &ServiceName,
    ) -> Result<Provider<'a>, ServiceError> {
        let later = |why| ServiceError::Later {
            after: REMEDY_PAUSE,
            why,
        };
        let adapter = self.desk.services.find(service);
        let adapter = adapter
            .ok_or_else(|| later(format!("This Slice has no service {service} any more.")))?;
        let master = books.org.master(service).ok_or_else(|| {
            later(format!(
                "There is no master key for {service} in the vault any more. An owner can deposit \
                 one with `/slice vault add {service}`."
            ))
        })?;
        let master = self.desk.master_secret(books, master).map_err(|_| {
            later(format!(
                "The master key for {service} in the vault does not open. Whoever runs Slice \
                 should look at `slice check`."
            ))
        })?;
        Ok(Provider {
            job: self,
            adapter,
            master,
        })
    }

    async fn stopped(self, stop: Stop) -> Result<(), Refusal> {
        match stop {
            // A claim that was lost is given back too: its lease keeps others away, because a call
            // might have been under way. None is now.
            Stop::OutOfTime | Stop::Refused(Refusal::LostLease) => {
                self.put_back(Duration::ZERO).await
            }
            Stop::Refused(why) => {
                // As good as it can be done: else the lease runs out by itself.
                let _ = self.put_back(BOOKS_PAUSE).await;
                Err(why)
            }
            Stop::Wait(after) => self.put_back(after).await,
            Stop::Service(why) => {
                let (_, grant) = self.read().await?;
                let after = pause(&why, self.desk.clock.now() - grant.moved_at);
                log_failure(&grant, &why, after);
                self.put_back(after).await
            }
        }
    }
}

pub(super) fn log_failure(grant: &Grant, why: &ServiceError, again: Duration) {
    let (id, number, state) = (grant.id, grant.number, grant.state);
    let seconds = again.as_secs();
    warn!(grant.id = %id, "Grant {number} stays {state}: {why} The next try is in {seconds} s.");
}

/// How long to wait after a failure: as long as it has been failing already, so that the pauses
/// double, and no shorter than the provider asks for.
pub(super) fn pause(why: &ServiceError, failing_for: Duration) -> Duration {
    let asked = match why {
        ServiceError::Later { after, .. } => *after,
        _ => Duration::ZERO,
    };
    backoff(failing_for).max(asked.min(BACKOFF_MAX))
}

pub(super) fn backoff(failing_for: Duration) -> Duration {
    failing_for.clamp(BACKOFF_MIN, BACKOFF_MAX)
}

/// How long "nothing carries the label" is not yet believed. What cannot spend need not be waited
/// for; what can spend is held against the money until it would have ended by itself. A grant that goes
/// on as it is while another key is made for it came into its state long before that key's order.
fn disbelief(
    capabilities: &Capabilities,
    (grant, key): (&Grant, &Key),
    now: Time,
) -> Option<Duration> {
    let since = grant
        .moved_at
        .max(key.intended_at.unwrap_or(grant.moved_at));
    let left = match key.dead_man {
        _ if capabilities.inert => SETTLES.saturating_sub(now - since),
        Some(dead_man) => dead_man + SETTLES - now,
        None => BACKOFF_MAX,
    };
    (!left.is_zero()).then_some(left.min(BACKOFF_MAX))
}

/// A grant's service, asked with the org's master key. No change begins late in the lease.
pub(super) struct Provider<'a> {
    job: Job<'a>,
    adapter: &'a dyn ServiceAdapter,
    master: Secret,
}

impl Provider<'_> {
    pub fn capabilities(&self) -> &Capabilities {
        self.adapter.capabilities()
    }

    /// What the grant's key uses that was made for another grant.
    pub fn shares(&self, grant: &Grant) -> Option<Share> {
        self.adapter.shares(&grant.terms)
    }

    pub async fn issue(&self, order: &Order) -> Result<Issued, Stop> {
        self.job.in_time()?;
        Ok(self.adapter.issue(&self.master, order).await?)
    }

    /// What there is to say of a key that can be used now.
    pub fn facts(&self, grant: &Grant, key: &Key) -> KeyFacts {
        let capabilities = self.capabilities();
        KeyFacts {
            hardness: capabilities.hardness.said(),
            usage: self.adapter.usage(&key.facts),
            facts: key.facts.clone(),
            caution: capabilities.caution,
            ends_by: self.ends_by(grant, key),
            reveal_within: capabilities.reveal_within,
            is_late: false,
        }
    }

    /// When the provider ends by itself what the bot ends at that instant.
    pub fn until(&self, ends_at: Time) -> Time {
        ends_at + self.capabilities().dead_man.unwrap_or_default()
    }

    pub async fn arm(&self, key: &KeyRef, bounds: Bounds) -> Result<(), Stop> {
        self.job.in_time()?;
        Ok(self.adapter.arm(&self.master, key, bounds).await?)
    }

    /// Lets a key of the books spend up to `cap` in all, until its grant ends at that instant.
    pub async fn allow(
        &self,
        grant: &Grant,
        key: &Key,
        (cap, ends_at): (Money, Time),
    ) -> Result<(), Stop> {
        let known = KeyRef::new(grant, key).ok_or(Refusal::LostLease)?;
        let until = self.until(ends_at);
        self.arm(&known, Bounds { cap, until }).await
    }

    /// Whether the key is taken yet, or why not. Its seal is opened for this question alone; of one that does
    /// not open nobody knows.
    pub async fn try_out(&self, books: &Books, grant: &Grant, key: &Key) -> Result<(), String> {
        let owner = SealOwner::Key {
            org: books.org.id,
            grant: grant.id,
            attempt: key.attempt,
        };
        let vault = &self.job.desk.vault;
        let open = |seal| vault.open(&books.org.data_key, &owner, seal).ok();
        let secret = key.seal.as_ref().and_then(open);
        let known = secret.zip(KeyRef::new(grant, key));
        let (secret, known) = known.ok_or("Its seal does not open.")?;
        let taken = self.adapter.try_out(&secret, &known).await;
        taken.map_err(|why| why.to_string())
    }

    pub async fn delete(&self, id: &str) -> Result<(), Stop> {
        self.job.in_time()?;
        Ok(self.adapter.delete(&self.master, id).await?)
    }

    /// Deletes what this worker made and could not record: also when its time is over.
    pub async fn take_back(&self, id: &str) -> Result<(), ServiceError> {
        self.adapter.delete(&self.master, id).await
    }

    /// What stays of a key that was removed.
    pub async fn left(&self, grant: &Grant, key: &Key) -> Result<Option<Left>, Stop> {
        match KeyRef::new(grant, key) {
            Some(known) => Ok(self.adapter.left(&self.master, &known).await?),
            None => Ok(None),
        }
    }

    /// Whether the master key is of the account that the grant's key is in.
    pub async fn is_of_account(&self, grant: &Grant, key: &Key) -> Result<bool, Stop> {
        match KeyRef::new(grant, key) {
            Some(known) => Ok(self.adapter.knows(&self.master, &known).await?),
            None => Ok(false),
        }
    }

    /// Stops a key and reads it. `None`: the provider does not know it.
    pub async fn stop(&self, key: &KeyRef) -> Result<Option<Meter>, Stop> {
        self.job.in_time()?;
        match known(self.adapter.disable(&self.master, key).await)? {
            None => Ok(None),
            Some(Some(last)) => Ok(Some(whole(last)?)),
            Some(None) => {
                let is_stopped = true;
                let key = KeyRef {
                    is_stopped,
                    ..key.clone()
                };
                self.last_usage(&key).await
            }
        }
    }

    /// What a key has spent in all that stands still. Where that is billed late it is waited for, and
    /// nothing is wrong meanwhile.
    pub async fn last_usage(&self, key: &KeyRef) -> Result<Option<Meter>, Stop> {
        match self.usage(key).await {
            Err(Stop::Service(ServiceError::Later { after, .. })) if !self.capabilities().inert => {
                Err(Stop::Wait(after.max(REMEDY_PAUSE)))
            }
            other => other,
        }
    }

    /// How long so much of the grant's money lasts; `None`: that is up to whoever has its key.
    pub fn lasts(&self, grant: &Grant, money: Money) -> Option<Duration> {
        self.adapter.lasts(money, &grant.terms)
    }

    /// When a key has to end whose money lasts so long and no longer.
    pub fn ends_by(&self, grant: &Grant, key: &Key) -> Option<Time> {
        let margin = self.capabilities().dead_man.unwrap_or_default();
        self.lasts(grant, grant.cap)?;
        Some(key.dead_man? - margin)
    }

    pub async fn enable(&self, id: &str) -> Result<(), Stop> {
        self.job.in_time()?;
        Ok(self.adapter.enable(&self.master, id).await?)
    }

    /// What a key has spent in all. `None`: the provider does not know it.
    pub async fn usage(&self, key: &KeyRef) -> Result<Option<Meter>, Stop> {
        let read = known(self.adapter.read(&self.master, key).await)?;
        read.map(whole).transpose()
    }

    pub async fn find(&self, label: &str) -> Result<Vec<Found>, Stop> {
        Ok(self.adapter.find(&self.master, label).await?)
    }

    /// What carries a label of the grant's, as its provider lists it.
    pub async fn list(&self, grant: &Grant) -> Result<Vec<Listed>, Stop> {
        let labels = labels(grant.id);
        Ok(self.adapter.list(&self.master, &labels).await?)
    }

    /// Deletes what carries the key's label but `keep`, which has spent so much, and charges what it spent.
    /// Whether nothing there is the last word is for [`Self::believes`] to say. Gives how many there were.
    pub async fn clear(
        &self,
        grant: &Grant,
        key: &Key,
        (keep, kept): (Option<&str>, Money),
    ) -> Result<usize, Stop> {
        let mut found = self.find(&key.label).await?;
        found.retain(|found| keep != Some(found.provider_id.as_str()));
        let spent = found.iter().map(|found| found.usage).sum::<Money>();
        self.charge(grant, key, kept + spent).await?;
        if !self.capabilities().inert {
            let mut spent = kept;
            for found in &found {
                spent = spent + self.last_reading(grant, key, found).await?;
            }
            self.charge(grant, key, spent).await?;
        }
        for found in &found {
            self.delete(&found.provider_id).await?;
        }
        Ok(found.len())
    }

    /// Charges what a key has spent that nobody will read again.
    pub async fn charge(&self, grant: &Grant, key: &Key, spent: Money) -> Result<(), Stop> {
        if spent <= key.usage {
            return Ok(());
        }
        let read = Read {
            grant: grant.id,
            attempt: key.attempt,
            usage: spent,
            cursor: None,
        };
        let charged = |books: &Books| Ok(readings::usage_read(books, &[read]));
        Ok(self.job.write(charged).await?)
    }

    /// What could spend is stopped before it is read.
    async fn last_reading(&self, grant: &Grant, key: &Key, found: &Found) -> Result<Money, Stop> {
        let found_key = Key {
            provider_id: Some(found.provider_id.clone()),
            ..key.clone()
        };
        let read = match KeyRef::new(grant, &found_key) {
            Some(known) => self.stop(&known).await?,
            None => None,
        };
        Ok(read.map_or(found.usage, |meter| meter.usage))
    }

    /// Whether nothing is left to be looked for behind a key of which the books know the label alone:
    /// something was found and deleted, now or before, or nothing will ever come.
    pub async fn never_was(
        &self,
        grant: &Grant,
        key: &Key,
        keep: Option<&str>,
    ) -> Result<(), Stop> {
        let deleted = self.clear(grant, key, (keep, Money::ZERO)).await?;
        // What was charged was found once, by whoever did not live to say so.
        if deleted == 0 && keep.is_none() && key.usage.is_zero() {
            self.believes(grant, key)?;
        }
        Ok(())
    }

    /// That nothing carries a key's label is believed only after a while.
    pub fn believes(&self, grant: &Grant, key: &Key) -> Result<(), Stop> {
        let now = self.job.desk.clock.now();
        match disbelief(self.capabilities(), (grant, key), now) {
            Some(left) => Err(Stop::Wait(left)),
            None => Ok(()),
        }
    }
}

/// What comes of a key is decided by all that it spent.
fn whole(meter: Meter) -> Result<Meter, Stop> {
    match meter.missing {
        None => Ok(meter),
        Some(why) => Err(why.into()),
    }
}

fn known<T>(answer: Result<T, ServiceError>) -> Result<Option<T>, Stop> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(ServiceError::Gone) => Ok(None),
        Err(why) => Err(why.into()),
    }
}
