//! A provider that keeps what it was told, and what its keys really spend.

use crate::{Played, ledger::Ledger, money};
use slice_core::{
    capping::Watch,
    caps,
    changes::What,
    event::Actor,
    grant::{Grant, Key, KeyState, State},
    ids::GrantId,
    money::Money,
    readings::{self, Read},
    refusal::Refusal,
};
use std::collections::BTreeMap;

/// A key as it is at the provider, whatever the books say.
#[derive(Clone, Copy, Debug)]
pub struct Real {
    pub limit: Money,
    pub usage: Money,
    /// What it spent within its limit, without what was running already when that was reached.
    pub within: Money,
    pub on: bool,
}

impl Real {
    pub fn spend(&mut self, cents: i64) {
        if self.on && self.usage < self.limit {
            self.usage = self.usage + money(cents);
            self.within = self.within.max(self.usage.min(self.limit));
        }
    }
}

#[derive(Default)]
pub struct Provider {
    pub keys: BTreeMap<(GrantId, i64), Real>,
    /// What keys had spent within their limits that could spend by the books, and vanished.
    vanished: BTreeMap<(GrantId, i64), Money>,
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

    pub fn read(&self, grant: &Grant, key: &Key) -> Option<Read> {
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
        let mut entry = readings::usage_read(&books, &reads);
        let mut watch = Watch::default();
        for grant in books.live.iter().filter(|_| stops) {
            watch.margin(grant.id, money(100), None);
        }
        let stopped = watch.entry(&books, &entry);
        entry.events.extend(stopped.events);
        ledger.write(entry);
        // A second reader of the same answer finds nothing new to charge.
        let books = ledger.seen(Actor::Slice, None);
        assert!(readings::usage_read(&books, &reads).events.is_empty());
    }
}
