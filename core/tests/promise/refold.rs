//! What a trail adds up to, in the plainest way: it knows events and arithmetic, and none of the
//! product's own sums. A restart may forget everything but the trail, and must find the same.

use slice_core::{
    event::{Event, Reading},
    grant::State,
    ids::{GrantId, MemberId},
    money::Money,
    month::Month,
};
use std::collections::BTreeMap;

/// An org as its trail tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refold {
    /// The last month that the trail says has begun.
    pub month: Option<Month>,
    pub allocations: BTreeMap<MemberId, Money>,
    pub topups: BTreeMap<(MemberId, Month), Money>,
    pub spent: BTreeMap<(MemberId, Month), Money>,
    pub grants: BTreeMap<GrantId, Folded>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    pub member: MemberId,
    pub cap: Money,
    pub state: State,
    /// What each attempt may spend in all, and what it has spent.
    pub keys: BTreeMap<i64, (Money, Money)>,
}

/// A member's month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    pub whole: Money,
    pub spent: Money,
    pub committed: Money,
    pub free: Money,
}

fn at_least_zero(money: Money) -> Money {
    if money < Money::ZERO {
        Money::ZERO
    } else {
        money
    }
}

impl Folded {
    pub fn used(&self) -> Money {
        let mut used = Money::ZERO;
        for (_, usage) in self.keys.values() {
            used = used + *usage;
        }
        used
    }

    /// The larger of what its cap leaves, and what its keys may still spend.
    pub fn committed(&self) -> Money {
        let stands = match self.state {
            State::AwaitingOwner | State::Ended(_) => false,
            State::Reserved
            | State::Issuing
            | State::InDoubt
            | State::Active
            | State::Suspended(_)
            | State::Revoking(_) => true,
        };
        if !stands {
            return Money::ZERO;
        }
        let mut spendable = Money::ZERO;
        for (armed, usage) in self.keys.values() {
            spendable = spendable + at_least_zero(*armed - *usage);
        }
        let rest = at_least_zero(self.cap - self.used());
        if rest < spendable { spendable } else { rest }
    }
}

impl Refold {
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut fold = Self::default();
        for event in events {
            fold.step(event);
        }
        fold
    }

    pub fn sums(&self, member: MemberId, month: Month) -> Sums {
        let of = |sums: &BTreeMap<(MemberId, Month), Money>| {
            sums.get(&(member, month)).copied().unwrap_or_default()
        };
        let allocation = self.allocations.get(&member).copied().unwrap_or_default();
        let (whole, spent) = (allocation + of(&self.topups), of(&self.spent));
        let mut committed = Money::ZERO;
        for grant in self.grants.values() {
            if grant.member == member {
                committed = committed + grant.committed();
            }
        }
        let free = at_least_zero(whole - spent - committed);
        Sums {
            whole,
            spent,
            committed,
            free,
        }
    }

    fn charge(&mut self, month: Month, reading: &Reading) {
        let spent = self.spent.entry((reading.member, month)).or_default();
        *spent = *spent + reading.delta;
        if let Some(grant) = self.grants.get_mut(&reading.grant) {
            grant.keys.entry(reading.attempt).or_default().1 = reading.usage;
        }
    }

    pub fn step(&mut self, event: &Event) {
        match event {
            Event::MonthOpened { month } => self.month = Some(*month),
            Event::AllocationSet { member, to, .. } => {
                self.allocations.insert(*member, *to);
            }
            Event::ToppedUp {
                member,
                month,
                amount,
                ..
            }
            | Event::CarriedOver {
                member,
                month,
                amount,
            } => {
                let topups = self.topups.entry((*member, *month)).or_default();
                *topups = *topups + *amount;
            }
            Event::UsageRead { month, readings } => {
                for reading in readings {
                    self.charge(*month, reading);
                }
            }
            Event::SpendAssumed { month, reading } => self.charge(*month, reading),
            Event::SpendCorrected {
                month,
                grant,
                member,
                from,
                to,
            } => {
                let spent = self.spent.entry((*member, *month)).or_default();
                *spent = *spent + (*to - *from);
                let keys = self.grants.get_mut(grant).map(|grant| &mut grant.keys);
                if let Some(mut last) = keys.and_then(BTreeMap::last_entry) {
                    last.get_mut().1 = last.get().1 + (*to - *from);
                }
            }
            Event::GrantOpened {
                grant,
                member,
                cap,
                state,
                ..
            } => {
                let folded = Folded {
                    member: *member,
                    cap: *cap,
                    state: *state,
                    keys: BTreeMap::new(),
                };
                self.grants.insert(*grant, folded);
            }
            other => self.step_grant(other),
        }
    }

    fn step_grant(&mut self, event: &Event) {
        let Some(grant) = event.grant().and_then(|id| self.grants.get_mut(&id)) else {
            return;
        };
        match event {
            Event::GrantApproved { cap, .. } => (grant.cap, grant.state) = (*cap, State::Reserved),
            Event::GrantMoved { to, .. } => grant.state = *to,
            // A raise counts from its beginning, a lower cap from its end.
            Event::CapChanging { from, to, .. } => {
                grant.cap = if from < to { *to } else { *from };
            }
            Event::CapChanged { to: cap, .. } | Event::ChangeDropped { cap, .. } => {
                grant.cap = *cap;
            }
            Event::KeyIntended { attempt, .. } => {
                grant.keys.insert(*attempt, (Money::ZERO, Money::ZERO));
            }
            Event::KeyArmed { attempt, cap, .. }
            | Event::KeyEnabling { attempt, cap, .. }
            | Event::KeyCapped { attempt, cap, .. } => {
                grant.keys.entry(*attempt).or_default().0 = *cap;
            }
            Event::KeyDisabled { attempt, .. } | Event::KeyGone { attempt, .. } => {
                let (armed, usage) = grant.keys.entry(*attempt).or_default();
                if *usage < *armed {
                    *armed = *usage;
                }
            }
            _ => {}
        }
    }
}
