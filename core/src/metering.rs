//! Reading what keys have spent: all of a master key's at once on the meter's round, or one member's
//! when somebody asks.

use crate::{
    books::{Books, Entry, Master, Message, Scope, To},
    capping::Watch,
    desk::Desk,
    drift::{self, Look},
    event::{Actor, Event},
    grant::{Grant, Key, KeyState, LABEL_PREFIX},
    ids::{GrantId, MemberId, OrgId, ServiceName},
    leftover,
    money::Money,
    page::{Page, Text},
    ports::{Hardness, KeyRef, Listed, Meter, ServiceAdapter, ServiceError},
    refusal::Refusal,
    secret::Secret,
    steps::{self, Read},
    strays,
    time::Time,
    unread::{Later, Tries, Unread},
};
use std::{collections::BTreeMap, time::Duration};

/// Whoever holds live keys sees what they spent within this.
pub const EVERY: Duration = Duration::from_mins(5);
/// Where no key is live, the provider is asked whether it is there, and nothing else.
pub const IDLE_EVERY: Duration = Duration::from_hours(1);
/// Rounds are spread over this, so that not all master keys are read at once.
pub const JITTER: Duration = Duration::from_secs(30);
/// The last reading of a month comes so long before its turn.
pub const BEFORE_TURN: Duration = Duration::from_mins(1);
/// After a failure the next round comes soon, and then later each time.
pub const AGAIN_MIN: Duration = Duration::from_mins(1);
pub const AGAIN_MAX: Duration = Duration::from_hours(1);
/// A provider that has not answered for so long is told of.
pub const SILENT_AFTER: Duration = Duration::from_mins(5);

/// A master key whose round is due.
#[derive(Clone, Debug)]
pub struct Metering {
    pub org: OrgId,
    pub service: ServiceName,
    pub fence: i64,
    /// Since when its rounds fail.
    pub failing_since: Option<Time>,
    /// Whether a key of it may spend.
    pub has_keys: bool,
}

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
    /// A person wants to know: also what is left alone for a while is asked for.
    is_asked: bool,
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
        !self.is_asked && key.unread.is_some_and(spared)
    }

    fn entry(&self, books: &Books) -> Entry {
        let read = steps::usage_read(books, &self.reads);
        let late = told_late(books, &read);
        let seen = drift::seen(books, &self.looks);
        let stops = self.watch.entry(books, &read);
        let left = leftover::seen(books, &self.left);
        let mut entry = read.say_all(late);
        entry.events.extend(left.events);
        entry.events.extend(seen.events);
        entry.events.extend(stops.events);
        entry
            .say_all(left.messages)
            .say_all(seen.messages)
            .say_all(stops.messages)
    }
}

/// Spending from before the month's turn that was read only after it counts in the new month, and
/// its member is told so.
fn told_late(books: &Books, read: &Entry) -> Vec<Message> {
    let start = books.month.start(books.org.zone);
    let was_read = |service: &ServiceName| {
        let master = books.org.master(service);
        let at = master.map(|master| master.read_at.unwrap_or(master.added_at));
        at.is_none_or(|at| start <= at + BEFORE_TURN + EVERY)
    };
    let mut late: BTreeMap<MemberId, Money> = BTreeMap::new();
    for event in &read.events {
        let Event::UsageRead { readings, .. } = event else {
            continue;
        };
        for reading in readings {
            let grant = books.live.iter().find(|grant| grant.id == reading.grant);
            let old = grant.filter(|grant| grant.armed_at.is_some_and(|at| at < start));
            if old.is_some_and(|grant| !was_read(&grant.service)) {
                let sum = late.entry(reading.member).or_default();
                *sum = *sum + reading.delta;
            }
        }
    }
    let (month, before) = (books.month.name(), books.month.before().name());
    let messages = late.into_iter().map(|(member, sum)| {
        let text = format!(
            "Your keys spent {sum} that was read only now, after the turn of the month: it counts in \
             {month}, although some of it may be {before}'s."
        );
        Message::new(To::Member(member), Page::say(Text::new(text)))
    });
    messages.collect()
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
        let mut round = Round {
            is_asked: true,
            ..Round::default()
        };
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
        let listed = adapter.list(&secret, LABEL_PREFIX).await?;
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
        alone.sort_by_key(|(_, key)| key.unread.is_some());
        for (grant, key) in alone {
            if !round.is_spared(books, key) {
                read_key(adapter, &secret, (grant, key), round).await;
            }
        }
        let left = books.left.iter().filter(|grant| grant.service == *service);
        for grant in left {
            for key in leftover::of(grant) {
                if !round.is_spared(books, key) {
                    read_left(adapter, &secret, (grant, key), round).await;
                }
            }
        }
        Ok(listed)
    }

    /// One round of the meter for one master key. Gives how it went.
    pub async fn meter(&self, metering: &Metering) -> Result<Outcome, Refusal> {
        let Metering { org, service, .. } = metering;
        let mut scope = Scope::new(*org, Actor::Slice).live().strays();
        let mut books = self.store.books(scope.clone()).await?;
        let mut round = Round::default();
        let mut after = strays::Looked::default();
        let read = match self.read_service(&books, service, &mut round).await {
            Err(why) => Err(why),
            Ok(listed) => {
                after = self.look_at_strays(&books, service, &listed).await;
                scope = scope.listed(strays::candidates(&books, service, &listed));
                Ok(())
            }
        };
        if !scope.listed.is_empty() {
            books = self.store.books(scope.clone()).await?;
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
        let back = round.tries.back;
        Ok(match read {
            Ok(()) => Outcome {
                later,
                back,
                is_read: true,
                next: match (round.is_deleting, after.left.is_empty()) {
                    (true, _) => now + AGAIN_MIN,
                    (false, true) => self.next_round(metering, &books, now),
                    (false, false) => now + EVERY,
                },
            },
            Err(why) => Outcome {
                is_read: false,
                next: now + again(metering.failing_since, &why, now),
                later,
                back,
            },
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

    fn is_metered(&self, service: &ServiceName) -> bool {
        let adapter = self.services.find(service);
        adapter.is_some_and(|adapter| !adapter.capabilities().margin().is_zero())
    }

    fn next_round(&self, metering: &Metering, books: &Books, now: Time) -> Time {
        let mut chance = [0; 2];
        self.clock.random(&mut chance);
        let micros = JITTER.as_micros() * u128::from(u16::from_be_bytes(chance)) / 65_536;
        let jitter = Duration::from_micros(u64::try_from(micros).unwrap_or_default());
        let every = if metering.has_keys {
            self.reads_every(&metering.service)
        } else {
            IDLE_EVERY
        };
        let next = now + every - jitter;
        let last_of_month = books.org.turns_at - BEFORE_TURN;
        if now < last_of_month {
            next.min(last_of_month)
        } else {
            next
        }
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
    let answer = adapter.read(secret, &known).await;
    round.watch.keeps(grant, adapter);
    round.note(grant, key, &answer);
    // What a key that is gone had left is settled at its grant's end.
    let failure = answer.err().filter(|why| *why != ServiceError::Gone);
    round.tries.note(grant, key, failure);
}

/// What stays of a key that has gone: charged until now, and deleted where owners want it so.
async fn read_left(
    adapter: &dyn ServiceAdapter,
    secret: &Secret,
    (grant, key): (&Grant, &Key),
    round: &mut Round,
) {
    let Some(known) = KeyRef::new(grant, key) else {
        return;
    };
    let look = |left| leftover::Look {
        grant: grant.id,
        attempt: key.attempt,
        left,
    };
    let answer = adapter.left(secret, &known).await;
    let mut failure = answer.as_ref().err().cloned();
    let stands = matches!(answer, Ok(Some(_)));
    round.left.extend(answer.ok().map(look));
    if stands && key.discarded_at.is_some() {
        match adapter.discard(secret, &known).await {
            Ok(true) => round.left.push(look(None)),
            Ok(false) => round.is_deleting = true,
            Err(why) => failure = Some(why),
        }
    }
    round.tries.note(grant, key, failure);
}

/// Retries double, up to an hour; a provider that asks for longer is left alone for so long.
pub(crate) fn again(failing_since: Option<Time>, why: &ServiceError, now: Time) -> Duration {
    let failing = failing_since.map_or(Duration::ZERO, |since| now - since);
    let asked = match why {
        ServiceError::Later { after, .. } => *after,
        _ => Duration::ZERO,
    };
    failing.max(asked).clamp(AGAIN_MIN, AGAIN_MAX)
}

/// Said once: a provider that does not answer, or no longer takes the master key.
fn is_silent(books: &Books, metering: &Metering, why: &ServiceError) -> Entry {
    let service = &metering.service;
    let Some(master) = books.org.master(service) else {
        return Entry::default();
    };
    let since = metering.failing_since.unwrap_or(books.now);
    if master.silent_since.is_some() || books.now - since < SILENT_AFTER {
        return Entry::default();
    }
    let read_at = master.read_at;
    let mut text = Text::new(format!("{service} can't be read since ")).time(since);
    text = text.and(": ").join(Text::from(why.to_string().as_str()));
    text = match read_at {
        Some(at) => text.and(" Spending that Slice shows is as of ").time(at),
        None => text.and(" Nothing has been read so far"),
    };
    let text = text.and(". Slice goes on trying, and says when it is back.");
    let (service, owners) = (service.clone(), books.org.owners_at().into_iter());
    let page = Page::say(text);
    Entry::event(Event::ProviderSilent { service, since })
        .say_all(owners.map(|to| Message::new(to, page.clone())))
}

fn answers_again(books: &Books, service: &ServiceName) -> Entry {
    let Some(since) = books
        .org
        .master(service)
        .and_then(|master| master.silent_since)
    else {
        return Entry::default();
    };
    let text = Text::new(format!(
        "{service} can be read again. It could not be since "
    ))
    .time(since)
    .and(". What was spent meanwhile is charged now.");
    let owners = books.org.owners_at().into_iter();
    let page = Page::say(text);
    Entry::event(Event::ProviderBack {
        service: service.clone(),
    })
    .say_all(owners.map(|to| Message::new(to, page.clone())))
}
