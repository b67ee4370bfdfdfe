//! The workers that tell the provider: each tells first and records then, and may die between the two.

use crate::{
    Played, able,
    ledger::Ledger,
    provider::{Provider, Real},
};
use slice_core::{
    books::{Books, Entry},
    caps, changes,
    changes::What,
    ends,
    event::Actor,
    extensions,
    grant::{Grant, Key, KeyState, State},
    money::Money,
    pauses,
    ports::Adjusts,
    readings,
    refusal::Refusal,
    renewals,
    rotations::{self, Rotation},
    sentences::KeyFacts,
    steps,
    vault::Seal,
};

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
            self.write(|books| Ok(readings::usage_read(books, &[read])))?;
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
            Some(read) => self.write(|books| Ok(readings::usage_read(books, &[read]))),
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
            let mut entry = readings::usage_read(books, &[read]);
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
            self.write(|books| Ok(readings::billed_late(books, &read)))?;
        }
        self.provider.keys.remove(&(grant.id, key.attempt));
        self.told()?;
        self.write(|books| steps::gone(books, key.attempt))
    }
}
