//! A provider that keeps what it was told, and the workers that tell it: each tells first and records
//! then, and may die between the two.

use crate::{Played, able, ledger::Ledger, money};
use slice_core::{
    books::{Books, Entry},
    capping::Watch,
    caps, changes,
    changes::What,
    ends,
    event::Actor,
    extensions,
    grant::{Grant, Key, KeyState, State},
    ids::GrantId,
    money::Money,
    pauses,
    ports::Adjusts,
    refusal::Refusal,
    renewals,
    rotations::{self, Rotation},
    sentences::KeyFacts,
    steps::{self, Read},
    vault::Seal,
};
use std::collections::BTreeMap;

/// A key as it is at the provider, whatever the books say.
#[derive(Clone, Copy, Debug)]
pub struct Real {
    limit: Money,
    usage: Money,
    /// What it spent within its limit, without what was running already when that was reached.
    within: Money,
    on: bool,
}

impl Real {
    fn spend(&mut self, cents: i64) {
        if self.on && self.usage < self.limit {
            self.usage = self.usage + money(cents);
            self.within = self.within.max(self.usage.min(self.limit));
        }
    }
}

#[derive(Default)]
pub struct Provider {
    keys: BTreeMap<(GrantId, i64), Real>,
    /// What keys had spent within their limits that could spend by the books, and vanished.
    vanished: BTreeMap<(GrantId, i64), Money>,
}

/// What comes between a worker's steps.
#[derive(Clone, Copy, Debug)]
pub enum Mishap {
    Nothing,
    /// The worker dies after the provider has heard it, and before the books have.
    Dies,
    /// The grant's keys are used for so many cents just before the provider hears it.
    Spends(i64),
}

fn facts() -> KeyFacts {
    KeyFacts {
        hardness: String::new(),
        usage: String::new(),
        facts: vec![],
        caution: None,
        ends_by: None,
        reveal_within: None,
        is_late: false,
    }
}

fn lost<T>() -> Result<T, Refusal> {
    Err(Refusal::LostLease)
}

impl Provider {
    /// What a grant's keys may really spend above what the books have charged.
    pub fn exposure(&self, grant: &Grant) -> Money {
        let keys = grant.keys.iter().filter_map(|key| {
            let real = self.keys.get(&(grant.id, key.attempt))?;
            let most = if real.on {
                real.limit.max(real.within)
            } else {
                real.within
            };
            Some((most - key.usage).or_zero())
        });
        keys.sum()
    }

    /// Somebody uses a key; a little more than its limit may be under way.
    pub fn spend(&mut self, which: usize, cents: i64) -> Played {
        let mut able = self
            .keys
            .values_mut()
            .filter(|key| key.on && key.usage < key.limit);
        able.nth(which).ok_or(Refusal::LostLease)?.spend(cents);
        Ok(())
    }

    /// Somebody deletes a key in the provider's dashboard.
    pub fn vanish(&mut self, ledger: &Ledger, which: usize) -> Played {
        let key = self.keys.keys().nth(which).copied();
        self.lose(ledger, key.ok_or(Refusal::LostLease)?)
    }

    /// A raise arrives, and its answer does not; all of it is spent, and then somebody deletes the key.
    pub fn vanish_raised(&mut self, ledger: &Ledger) -> Played {
        let is_raise = |grant: &&Grant| match grant.change.map(|change| change.what) {
            Some(What::Cap { from, to, .. }) => grant.state == State::Active && from < to,
            _ => false,
        };
        let mut grants = ledger.state.grants.iter().filter(is_raise);
        let grant = grants.next().ok_or(Refusal::LostLease)?;
        let (key, cap) = caps::order(grant).ok_or(Refusal::LostLease)?;
        let id = (grant.id, key.attempt);
        let real = self.keys.get_mut(&id).filter(|real| real.on);
        let real = real.ok_or(Refusal::LostLease)?;
        (real.limit, real.within) = (cap, real.within.max(cap));
        self.lose(ledger, id)
    }

    fn lose(&mut self, ledger: &Ledger, id: (GrantId, i64)) -> Played {
        let real = self.keys.remove(&id).ok_or(Refusal::LostLease)?;
        let spends = ledger.state.grants.iter().any(|grant| {
            let mut keys = grant.keys.iter();
            grant.id == id.0 && keys.any(|key| key.attempt == id.1 && key.state.spends())
        });
        if spends {
            self.vanished.insert(id, real.within);
        }
        Ok(())
    }

    /// What a key had really spent within its limit that the books took for one that could spend when
    /// it vanished.
    pub fn spent_unseen(&self, grant: &Grant, key: &Key) -> Money {
        let spent = self.vanished.get(&(grant.id, key.attempt));
        spent.copied().unwrap_or_default()
    }

    fn read(&self, grant: &Grant, key: &Key) -> Option<Read> {
        let real = self.keys.get(&(grant.id, key.attempt))?;
        Some(Read {
            grant: grant.id,
            attempt: key.attempt,
            usage: real.usage,
            cursor: None,
        })
    }

    /// One round of the meter; what has no more than its margin left is stopped.
    pub fn meter(&self, ledger: &mut Ledger, stops: bool) {
        let books = ledger.seen(Actor::Slice, None);
        let keys = books.live.iter().flat_map(|grant| {
            let known = |key: &&Key| key.state != KeyState::Gone;
            grant.keys.iter().filter(known).map(move |key| (grant, key))
        });
        let reads: Vec<_> = keys
            .filter_map(|(grant, key)| self.read(grant, key))
            .collect();
        let mut entry = steps::usage_read(&books, &reads);
        let mut watch = Watch::default();
        for grant in books.live.iter().filter(|_| stops) {
            watch.margin(grant.id, money(100), None);
        }
        let stopped = watch.entry(&books, &entry);
        entry.events.extend(stopped.events);
        ledger.write(entry);
        // A second reader of the same answer finds nothing new to charge.
        let books = ledger.seen(Actor::Slice, None);
        assert!(steps::usage_read(&books, &reads).events.is_empty());
    }
}

/// One grant, as one worker has claimed it.
struct Job<'a> {
    ledger: &'a mut Ledger,
    provider: &'a mut Provider,
    which: usize,
    mishap: Mishap,
}

/// The next thing that a worker does for a grant.
pub fn work(
    ledger: &mut Ledger,
    provider: &mut Provider,
    (which, mishap): (usize, Mishap),
) -> Played {
    let mut job = Job {
        ledger,
        provider,
        which,
        mishap,
    };
    job.work()
}

/// The provider refuses a change, and nothing changed there.
pub fn refuse(ledger: &mut Ledger, provider: &mut Provider, which: usize) -> Played {
    let books = ledger.seen(Actor::Slice, Some(which));
    let grant = books.grant.clone().ok_or(Refusal::LostLease)?;
    let change = grant.change.filter(|_| grant.state == State::Active);
    match change.ok_or(Refusal::LostLease)?.what {
        What::Cap { .. } => {
            let (key, _) = caps::order(&grant).ok_or(Refusal::LostLease)?;
            let real = provider.keys.get(&(grant.id, key.attempt));
            // An order before may have arrived.
            real.filter(|real| real.limit == key.armed_cap)
                .ok_or(Refusal::LostLease)?;
        }
        What::Extension { .. } => {}
        What::Rotation { .. } => {
            let new = Rotation::of(&grant).ok_or(Refusal::LostLease)?.new;
            match new.map(|key| (key.attempt, key.state)) {
                None => {}
                Some((attempt, KeyState::Minted)) => {
                    provider.keys.remove(&(grant.id, attempt));
                }
                Some((attempt, KeyState::Intended))
                    if !provider.keys.contains_key(&(grant.id, attempt)) => {}
                Some(_) => return lost(),
            }
        }
    }
    let entry = changes::dropped(&books, "The provider refuses.")?;
    ledger.write(entry);
    Ok(())
}

/// What the clock has for a grant.
pub fn time(ledger: &mut Ledger, which: usize) -> Played {
    let books = ledger.seen(Actor::Slice, Some(which));
    // Some move an end where others take another key.
    let end = which.is_multiple_of(2);
    let adjusts = Adjusts {
        end,
        ..able().adjusts
    };
    let entry = match ends::come(&books, adjusts)? {
        Some(entry) => entry,
        None => renewals::come(&books, adjusts)?.ok_or(Refusal::LostLease)?,
    };
    ledger.write(entry);
    Ok(())
}

impl Job<'_> {
    fn seen(&mut self) -> Result<(Books, Grant), Refusal> {
        let books = self.ledger.seen(Actor::Slice, Some(self.which));
        let grant = books.grant.clone().ok_or(Refusal::LostLease)?;
        Ok((books, grant))
    }

    /// Records, if the worker still lives.
    fn write(
        &mut self,
        decide: impl FnOnce(&Books) -> Result<Entry, Refusal>,
    ) -> Result<(), Refusal> {
        let (books, _) = self.seen()?;
        let entry = decide(&books)?;
        self.ledger.write(entry);
        Ok(())
    }

    /// The provider has heard something, and the books have not yet.
    fn told(&self) -> Result<(), Refusal> {
        match self.mishap {
            Mishap::Dies => lost(),
            Mishap::Nothing | Mishap::Spends(_) => Ok(()),
        }
    }

    /// The key that is about to be changed at the provider, just as it is used.
    fn real(&mut self, grant: &Grant, attempt: i64) -> Option<&mut Real> {
        let real = self.provider.keys.get_mut(&(grant.id, attempt))?;
        if let Mishap::Spends(cents) = self.mishap {
            real.spend(cents);
        }
        Some(real)
    }

    fn work(&mut self) -> Result<(), Refusal> {
        let (_, grant) = self.seen()?;
        let key = grant.key().map(|key| (key.attempt, key.state));
        match (grant.state, key) {
            (State::Reserved, _) | (State::Issuing, None | Some((_, KeyState::Gone))) => {
                self.write(|books| steps::intend(books, None).map(|(entry, _)| entry))
            }
            (State::Issuing, Some((attempt, KeyState::Intended))) => {
                if self.real(&grant, attempt).is_some() {
                    return self.write(steps::in_doubt);
                }
                self.issue(&grant, attempt)
            }
            (State::InDoubt, _) => {
                let lost = grant
                    .keys
                    .iter()
                    .filter(|key| key.state == KeyState::Intended);
                for key in lost {
                    self.provider.keys.remove(&(grant.id, key.attempt));
                }
                self.write(steps::doubt_resolved)
            }
            (State::Issuing, Some((attempt, KeyState::Minted))) => {
                let Some(real) = self.real(&grant, attempt) else {
                    return self.write(|books| steps::gone(books, attempt));
                };
                real.limit = grant.cap;
                self.told()?;
                self.write(|books| steps::armed(books, attempt, &facts()))
            }
            (State::Active, _) => self.go_on(&grant),
            (State::Suspended(_), _) => self.suspend(&grant),
            (State::Revoking(_), _) => self.end(&grant),
            (State::Ended(_), _) => self.sweep(&grant),
            _ => lost(),
        }
    }

    fn issue(&mut self, grant: &Grant, attempt: i64) -> Result<(), Refusal> {
        let inert = Real {
            limit: Money::ZERO,
            usage: Money::ZERO,
            within: Money::ZERO,
            on: true,
        };
        self.provider.keys.insert((grant.id, attempt), inert);
        self.told()?;
        self.write(|books| steps::minted(books, attempt, ("id", vec![]), Seal::new("")))
    }

    fn go_on(&mut self, grant: &Grant) -> Result<(), Refusal> {
        if let Some(key) = grant.key().filter(|key| key.state == KeyState::Enabling) {
            let (attempt, cap) = (key.attempt, key.armed_cap);
            let Some(real) = self.real(grant, attempt) else {
                return self.write(pauses::lost);
            };
            (real.limit, real.on) = (cap, true);
            self.told()?;
            return self.write(|books| pauses::enabled(books, attempt));
        }
        match grant.change {
            Some(change) if self.ledger.now < change.due_at => lost(),
            Some(change) => match change.what {
                What::Cap { .. } => self.cap(grant),
                What::Extension { .. } => self.write(extensions::confirmed),
                What::Rotation { .. } => self.rotate(grant),
            },
            None => self.tidy(grant),
        }
    }

    fn cap(&mut self, grant: &Grant) -> Result<(), Refusal> {
        let (key, cap) = caps::order(grant).ok_or(Refusal::LostLease)?;
        let attempt = key.attempt;
        let Some(real) = self.real(grant, attempt) else {
            return self.write(pauses::lost);
        };
        real.limit = cap;
        self.told()?;
        self.read_back(grant, key)?;
        self.write(|books| caps::confirmed(books, attempt, cap))
    }

    fn rotate(&mut self, grant: &Grant) -> Result<(), Refusal> {
        let rotation = Rotation::of(grant).ok_or(Refusal::LostLease)?;
        let Some(new) = rotation.new else {
            return self.write(|books| rotations::intend(books, None).map(|(entry, _)| entry));
        };
        let attempt = new.attempt;
        match new.state {
            KeyState::Intended if self.real(grant, attempt).is_some() => {
                self.provider.keys.remove(&(grant.id, attempt));
                self.write(|books| steps::gone(books, attempt))
            }
            KeyState::Intended => self.issue(grant, attempt),
            KeyState::Minted => self.swap(grant, attempt),
            KeyState::Armed => self.finish(grant, attempt),
            _ => lost(),
        }
    }

    fn swap(&mut self, grant: &Grant, attempt: i64) -> Result<(), Refusal> {
        let rotation = Rotation::of(grant).ok_or(Refusal::LostLease)?;
        let old = rotation.old.clone();
        if rotation.overlap.is_none() || old.state != KeyState::Armed {
            self.stop(grant, &old)?;
        } else {
            let Some(read) = self.provider.read(grant, &old) else {
                return self.write(pauses::lost);
            };
            self.write(|books| Ok(steps::usage_read(books, &[read])))?;
            let (_, grant) = self.seen()?;
            let rotation = Rotation::of(&grant).ok_or(Refusal::LostLease)?;
            let cap = rotation.lowered(&grant);
            if let Some(real) = self.real(&grant, old.attempt) {
                real.limit = cap;
            }
            self.told()?;
            self.read_back(&grant, &old)?;
            self.write(|books| rotations::lowered(books, cap))?;
        }
        let (_, grant) = self.seen()?;
        let new = grant.keys.iter().find(|key| key.attempt == attempt);
        let cap = grant.cap_of(new.ok_or(Refusal::LostLease)?);
        if cap == Money::ZERO && grant.monthly.is_none() {
            return self.write(pauses::lost);
        }
        let Some(real) = self.real(&grant, attempt) else {
            return self.write(|books| steps::gone(books, attempt));
        };
        real.limit = cap;
        self.told()?;
        self.write(|books| rotations::armed(books, (attempt, cap), &facts()))
    }

    fn finish(&mut self, grant: &Grant, attempt: i64) -> Result<(), Refusal> {
        let old = Rotation::of(grant).ok_or(Refusal::LostLease)?.old.clone();
        if old.state != KeyState::Gone {
            self.stop(grant, &old)?;
        }
        let (_, grant) = self.seen()?;
        let new = grant.keys.iter().find(|key| key.attempt == attempt);
        let new = new.ok_or(Refusal::LostLease)?;
        let cap = grant.cap_of(new);
        let Some(real) = self.real(&grant, attempt) else {
            return self.write(pauses::lost);
        };
        real.limit = cap;
        self.told()?;
        self.read_back(&grant, new)?;
        self.write(|books| rotations::finished(books, (attempt, cap)))
    }

    /// What a key may spend no more may have been spent before its provider heard so.
    fn read_back(&mut self, grant: &Grant, key: &Key) -> Result<(), Refusal> {
        match self.provider.read(grant, key) {
            Some(read) => self.write(|books| Ok(steps::usage_read(books, &[read]))),
            None => Ok(()),
        }
    }

    /// Stopped and read at the provider, and both recorded together.
    fn stop(&mut self, grant: &Grant, key: &Key) -> Result<(), Refusal> {
        let attempt = key.attempt;
        if let Some(real) = self.real(grant, attempt) {
            real.on = false;
        }
        self.told()?;
        let Some(read) = self.provider.read(grant, key) else {
            return self.write(|books| steps::assumed_spent(books, attempt));
        };
        let was_stopped = key.state == KeyState::Disabled;
        self.write(|books| {
            let mut entry = steps::usage_read(books, &[read]);
            if !was_stopped {
                entry.events.extend(steps::disabled(books, attempt)?.events);
            }
            Ok(entry)
        })
    }

    fn suspend(&mut self, grant: &Grant) -> Result<(), Refusal> {
        for key in grant.to_stop().filter(|key| key.state.spends()) {
            self.stop(grant, key)?;
        }
        let (_, after) = self.seen()?;
        if after.keys.iter().all(|key| key.state == KeyState::Gone) {
            return self.write(pauses::lost);
        }
        Ok(())
    }

    fn end(&mut self, grant: &Grant) -> Result<(), Refusal> {
        for key in grant.to_stop() {
            match key.state {
                KeyState::Gone => {}
                KeyState::Intended | KeyState::Minted => {
                    self.provider.keys.remove(&(grant.id, key.attempt));
                    self.told()?;
                    self.write(|books| steps::gone(books, key.attempt))?;
                }
                _ => self.stop(grant, key)?,
            }
        }
        self.write(steps::settled)
    }

    /// All keys of what has ended.
    fn sweep(&mut self, grant: &Grant) -> Result<(), Refusal> {
        let standing = |key: &&Key| key.state != KeyState::Gone;
        let key = grant.keys.iter().find(standing).ok_or(Refusal::LostLease)?;
        self.remove(grant, key)
    }

    /// Keys that another one took the place of.
    fn tidy(&mut self, grant: &Grant) -> Result<(), Refusal> {
        let last = grant.key().map(|key| key.attempt);
        let replaced = |key: &&Key| key.state == KeyState::Disabled && Some(key.attempt) < last;
        let key = grant.keys.iter().find(replaced).ok_or(Refusal::LostLease)?;
        self.remove(grant, key)
    }

    /// Read once more, and deleted.
    fn remove(&mut self, grant: &Grant, key: &Key) -> Result<(), Refusal> {
        if let Some(read) = self.provider.read(grant, key) {
            self.write(|books| Ok(steps::billed_late(books, &read)))?;
        }
        self.provider.keys.remove(&(grant.id, key.attempt));
        self.told()?;
        self.write(|books| steps::gone(books, key.attempt))
    }
}
