//! Reading what keys have spent: all of a master key's at once on the meter's round, or one member's
//! when somebody asks.

mod left;
mod pace;
mod silence;

use pace::AGAIN_MIN;
pub use pace::{AGAIN_MAX, again};

use crate::{
    books::{Books, Entry, Master, Scope},
    capping::Watch,
    desk::Desk,
    doubles,
    drift::{self, Look},
    event::Actor,
    grant::{Grant, Key, KeyState, LABEL_PREFIX},
    ids::{GrantId, MemberId, OrgId, ServiceName},
    leftover,
    ports::{Hardness, KeyRef, Listed, Meter, ServiceAdapter, ServiceError},
    readings::{self, Read},
    refusal::Refusal,
    secret::Secret,
    strays,
    time::Time,
    unread::{Later, Tries, Unread},
};
use futures::future::BoxFuture;
use pace::next_at;
use silence::{answers_again, is_silent};
use std::time::Duration;

/// Whoever holds live keys sees what they spent within this.
pub const EVERY: Duration = Duration::from_mins(5);
/// Where no key is live, the provider is asked whether it is there, and nothing else.
pub const IDLE_EVERY: Duration = Duration::from_hours(1);
/// The last reading of a month comes so long before its turn.
pub const BEFORE_TURN: Duration = Duration::from_mins(1);
/// A list that takes longer is none.
const LIST_MAX: Duration = Duration::from_mins(2);
/// A key that takes longer to be read by itself could not be read.
const READ_MAX: Duration = Duration::from_mins(1);
/// No other key is begun to be read by itself when it took so long in a round.
const ALONE_MAX: Duration = Duration::from_mins(2);
/// A round takes no longer than this: another worker may begin it anew then.
pub const ROUND_MAX: Duration = Duration::from_mins(5);
/// A provider that has not answered for so long is told of.
pub const SILENT_AFTER: Duration = Duration::from_mins(5);

/// A master key whose round is due.
#[derive(Clone, Debug)]
pub struct Metering {
    pub org: OrgId,
    pub service: ServiceName,
    pub fence: i64,
    /// When its keys were last read.
    pub read_at: Option<Time>,
    /// Since when its rounds fail.
    pub failing_since: Option<Time>,
    /// Whether a key of it may spend.
    pub has_keys: bool,
}

/// Waits for some work for so long and no longer: the core has no clock that could wake it.
pub type Patience = for<'a> fn(Duration, BoxFuture<'a, ()>) -> BoxFuture<'a, ()>;

/// How a round went, and when the next one is due.
#[derive(Debug)]
pub struct Outcome {
    pub is_read: bool,
    pub next: Time,
    /// Keys that could not be read by themselves, although the round went on.
    pub later: Vec<Later>,
    /// Those that could not be read before, and now could.
    pub back: Vec<(GrantId, i64)>,
}

/// What a round of reading found.
#[derive(Default)]
struct Round {
    reads: Vec<Read>,
    looks: Vec<Look>,
    watch: Watch,
    /// What stays of keys that have gone.
    left: Vec<leftover::Look>,
    /// Of what owners want deleted, something stays.
    is_deleting: bool,
    tries: Tries,
    /// How long an answer is waited for. `None`: a person wants to know, so that also what is left alone
    /// for a while is asked for, as long as it takes.
    patience: Option<Patience>,
}

impl Round {
    fn is_empty(&self) -> bool {
        self.reads.is_empty() && self.looks.is_empty() && self.left.is_empty()
    }

    fn note(&mut self, grant: &Grant, key: &Key, answer: &Result<Meter, ServiceError>) {
        self.looks.extend(Look::new(grant, key, answer));
        self.reads.extend(answer.as_ref().ok().map(|meter| Read {
            grant: grant.id,
            attempt: key.attempt,
            usage: meter.usage,
            cursor: meter.cursor.clone(),
        }));
    }

    fn is_spared(&self, books: &Books, key: &Key) -> bool {
        let spared = |unread: Unread| unread.is_spared(books.now);
        self.patience.is_some() && key.unread.is_some_and(spared)
    }

    async fn waits<T: Send>(
        &self,
        most: Duration,
        work: impl Future<Output = Result<T, ServiceError>> + Send,
    ) -> Result<T, ServiceError> {
        let Some(patience) = self.patience else {
            return work.await;
        };
        let mut answer = None;
        patience(most, Box::pin(async { answer = Some(work.await) })).await;
        answer.unwrap_or_else(|| {
            let (after, minutes) = (Duration::ZERO, most.as_secs() / 60);
            let why = format!("Reading it takes longer than {minutes} min.");
            Err(ServiceError::Later { after, why })
        })
    }

    fn entry(&self, books: &Books) -> Entry {
        let read = readings::usage_read(books, &self.reads);
        let seen = drift::seen(books, &self.looks);
        let stops = self.watch.entry(books, &read);
        let left = leftover::seen(books, &self.left);
        let mut entry = read;
        entry.events.extend(left.events);
        entry.events.extend(seen.events);
        entry.events.extend(stops.events);
        entry
            .say_all(left.messages)
            .say_all(seen.messages)
            .say_all(stops.messages)
    }
}

/// Whose spending can be read.
fn is_readable(key: &Key) -> bool {
    let states = [KeyState::Armed, KeyState::Enabling, KeyState::Disabled];
    states.contains(&key.state) && key.provider_id.is_some()
}

impl Desk {
    /// Reads live keys at their providers, of one member or of all: charges what is new, and tells
    /// what somebody changed there. Gives the services that could not be read.
    pub async fn read_usage(
        &self,
        org: OrgId,
        member: Option<MemberId>,
    ) -> Result<Vec<(ServiceName, ServiceError)>, Refusal> {
        let scope = Scope::new(org, Actor::Slice).live();
        let books = self.store.books(scope.clone()).await?;
        let mut services: Vec<_> = books
            .live
            .iter()
            .map(|grant| grant.service.clone())
            .collect();
        services.sort();
        services.dedup();
        let mut round = Round::default();
        let mut unread = vec![];
        for service in services {
            let tried = round.tries.failed.len();
            let read = match member {
                None => {
                    let read = self.read_service(&books, &service, &mut round).await;
                    read.map(drop)
                }
                Some(member) => self.read_member(&books, &service, member, &mut round).await,
            };
            let alone = round.tries.failed.get(tried);
            let alone = alone.map(|failed| failed.why.clone());
            if let Some(why) = read.err().or(alone) {
                unread.push((service, why));
            }
        }
        if !round.is_empty() {
            self.record(scope, |books| Ok((round.entry(books), ())))
                .await?;
        }
        Ok(unread)
    }

    pub(crate) fn provider<'a>(
        &'a self,
        books: &'a Books,
        service: &ServiceName,
    ) -> Result<(&'a dyn ServiceAdapter, &'a Master, Secret), ServiceError> {
        let unknown = |why: &str| ServiceError::Unknown(why.to_owned());
        let adapter = self.services.find(service);
        let adapter = adapter.ok_or(unknown("This Slice has no such service."))?;
        let master = books.org.master(service);
        let master = master.ok_or(unknown("There is no master key in the vault."))?;
        let secret = self.master_secret(books, master);
        let secret = secret.map_err(|_| unknown("The master key in the vault does not open."))?;
        Ok((adapter, master, secret))
    }

    async fn read_member(
        &self,
        books: &Books,
        service: &ServiceName,
        member: MemberId,
        round: &mut Round,
    ) -> Result<(), ServiceError> {
        let hers = |grant: &&Grant| grant.member == member && grant.service == *service;
        if !books.live.iter().any(|grant| hers(&grant)) {
            return Ok(());
        }
        let (adapter, _, secret) = self.provider(books, service)?;
        round.watch.leans(books, adapter);
        for grant in books.live.iter().filter(hers) {
            for key in grant.keys.iter().filter(|key| is_readable(key)) {
                read_key(adapter, &secret, (grant, key), round).await;
            }
        }
        Ok(())
    }

    /// Every key of a service by one list. What the list lacks is asked for by itself: one that cannot be
    /// read keeps no other waiting, so those that could not be before come last.
    async fn read_service(
        &self,
        books: &Books,
        service: &ServiceName,
        round: &mut Round,
    ) -> Result<Vec<Listed>, ServiceError> {
        let (adapter, _, secret) = self.provider(books, service)?;
        round.watch.leans(books, adapter);
        let listed = adapter.list(&secret, LABEL_PREFIX);
        let listed = round.waits(LIST_MAX, listed).await?;
        let of = |id: &str| {
            listed
                .iter()
                .find(|listed: &&Listed| listed.provider_id == id)
        };
        let grants = books.live.iter().filter(|grant| grant.service == *service);
        let mut alone: Vec<(&Grant, &Key)> = vec![];
        for grant in grants {
            for key in grant.keys.iter().filter(|key| is_readable(key)) {
                let listed = key.provider_id.as_deref().and_then(of);
                match listed.and_then(|listed| listed.meter.clone()) {
                    Some(meter) => {
                        round.watch.keeps(grant, adapter);
                        round.note(grant, key, &Ok(meter));
                        round.tries.note(grant, key, None);
                    }
                    None => alone.push((grant, key)),
                }
            }
        }
        alone.sort_by_key(|(_, key)| key.unread.map(|unread| unread.again_at));
        for grant in books.left.iter().filter(|one| one.service == *service) {
            for key in leftover::of(grant) {
                if round.measures(books, key) {
                    alone.push((grant, key));
                }
            }
        }
        let until = self.clock.now() + ALONE_MAX;
        for (grant, key) in alone {
            if round.is_spared(books, key) {
                continue;
            }
            if round.patience.is_some() && until < self.clock.now() {
                round.tries.skipped.push((grant.id, key.attempt));
            } else if key.left.is_some() {
                self.read_left(books, (adapter, &secret), (grant, key), round)
                    .await;
            } else {
                read_key(adapter, &secret, (grant, key), round).await;
            }
        }
        Ok(listed)
    }

    /// One round of the meter for one master key. Gives how it went.
    pub async fn meter(&self, metering: &Metering, patience: Patience) -> Result<Outcome, Refusal> {
        let Metering { org, service, .. } = metering;
        let mut scope = Scope::new(*org, Actor::Slice).live().strays();
        let mut books = self.store.books(scope.clone()).await?;
        let mut round = Round {
            patience: Some(patience),
            ..Round::default()
        };
        let mut after = strays::Looked::default();
        let mut doubled = vec![];
        let read = match self.read_service(&books, service, &mut round).await {
            Err(why) => Err(why),
            Ok(listed) => {
                after = self.look_at_strays(&books, service, &listed).await;
                let strangers;
                (doubled, strangers) = self.unknown(&books, service, &listed);
                scope = scope.listed(strangers);
                Ok(())
            }
        };
        if !scope.listed.is_empty() {
            books = self.store.books(scope.clone()).await?;
            scope.listed = self.still_there(&books, service).await;
            books.strangers.clone_from(&scope.listed);
        }
        // What was read before a failure is true all the same.
        let decide = |books: &Books| {
            let entry = round.entry(books);
            let told = match &read {
                Ok(()) => {
                    let is_metered = self.is_metered(service);
                    let alone = round.tries.entry(books, service, is_metered);
                    let mut told = answers_again(books, service);
                    told.events.extend(alone.events);
                    told.say_all(alone.messages)
                }
                Err(why) => is_silent(books, metering, why),
            };
            let mut entry = entry.say_all(told.messages);
            entry.events.extend(told.events);
            for strays in [
                doubles::found(books, service, &doubled),
                strays::found(books, service),
                strays::gone(books, &after.gone),
                strays::stuck(books, &after.left),
            ] {
                entry.events.extend(strays.events);
                entry = entry.say_all(strays.messages);
            }
            let changes = !entry.events.is_empty();
            Ok((entry, changes))
        };
        // Nearly always nothing has changed, and then nothing is written.
        let (_, changes) = decide(&books)?;
        if changes {
            self.record(scope, decide).await?;
        }
        let now = self.clock.now();
        let later = round.tries.later(&books, now);
        let next = match &read {
            Ok(()) if round.is_deleting => now + AGAIN_MIN,
            Ok(()) if after.left.is_empty() => self.next_round(metering, &books, now),
            Ok(()) => now + EVERY,
            Err(why) => now + again(metering.failing_since, why, now),
        };
        Ok(Outcome {
            is_read: read.is_ok(),
            next,
            later,
            back: round.tries.back,
        })
    }

    /// A cap that is Slice's to keep may want to be read more often than others.
    fn reads_every(&self, service: &ServiceName) -> Duration {
        let adapter = self.services.find(service);
        match adapter.map(|adapter| &adapter.capabilities().hardness) {
            Some(Hardness::Metered { every, .. }) => EVERY.min(*every),
            _ => EVERY,
        }
    }

    /// Listed keys that the books do not know: doubles of theirs, where these cost money, and strangers.
    fn unknown(
        &self,
        books: &Books,
        service: &ServiceName,
        listed: &[Listed],
    ) -> (Vec<Listed>, Vec<Listed>) {
        let adapter = self.services.find(service);
        let is_inert = adapter.is_none_or(|adapter| adapter.capabilities().inert);
        let unknown = strays::candidates(books, service, listed).into_iter();
        unknown.partition(|one| !is_inert && doubles::is_double(books, service, one))
    }

    fn is_metered(&self, service: &ServiceName) -> bool {
        let adapter = self.services.find(service);
        adapter.is_some_and(|adapter| !adapter.capabilities().margin().is_zero())
    }

    fn next_round(&self, metering: &Metering, books: &Books, now: Time) -> Time {
        let mut chance = [0; 2];
        self.clock.random(&mut chance);
        let every = if metering.has_keys {
            self.reads_every(&metering.service)
        } else {
            IDLE_EVERY
        };
        next_at(now, every, books.org.turns_at, chance)
    }
}

async fn read_key(
    adapter: &dyn ServiceAdapter,
    secret: &Secret,
    (grant, key): (&Grant, &Key),
    round: &mut Round,
) {
    let Some(known) = KeyRef::new(grant, key) else {
        return;
    };
    let answer = round.waits(READ_MAX, adapter.read(secret, &known)).await;
    round.watch.keeps(grant, adapter);
    round.note(grant, key, &answer);
    match answer {
        Ok(Meter {
            missing: Some(why), ..
        }) => round.tries.note_part(grant, key, why),
        // What a key that is gone had left is settled at its grant's end.
        Ok(_) | Err(ServiceError::Gone) => round.tries.note(grant, key, None),
        Err(why) => round.tries.note(grant, key, Some(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    fn gives_up(_: Duration, _: BoxFuture<'_, ()>) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    #[test]
    fn who_takes_too_long_could_not_be_read() {
        let waits = |patience, answer| {
            let round = Round {
                patience,
                ..Round::default()
            };
            let work = std::future::ready(answer);
            round
                .waits(READ_MAX, work)
                .now_or_never()
                .expect("it is done")
        };
        assert_eq!(waits(None, Ok(1)), Ok(1));
        assert_eq!(waits(Some(|_, work| work), Ok(1)), Ok(1));
        let late = waits(Some(gives_up), Ok(1)).expect_err("nobody waited for it");
        assert_eq!(late.to_string(), "Reading it takes longer than 1 min.");
    }
}
