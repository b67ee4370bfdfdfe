//! A member's month: derived, never stored, and judged by one pure function.

use crate::{grant::Grant, life::Life, money::Money, settings::Settings};

/// A member's month as it stands inside a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    pub allocation: Money,
    /// Extra for this month only.
    pub topups: Money,
    pub spent: Money,
    /// Held by grants. It includes grants in doubt, because a key whose fate we do not know may
    /// already be spending.
    pub committed: Money,
}

/// What a member asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    pub cap: Money,
    pub life: Life,
    /// The least that the service can be capped at.
    pub service_min: Money,
}

/// What the rules say to an ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Reserve,
    /// Within the budget, above the free hand: an owner decides.
    AskOwner,
    /// Above the budget by this much.
    Short {
        by: Money,
    },
    TooSmall {
        least: Money,
    },
    TooLong {
        longest: Life,
    },
}

impl Budget {
    pub fn of<'a>(
        allocation: Money,
        topups: Money,
        spent: Money,
        grants: impl Iterator<Item = &'a Grant>,
    ) -> Self {
        Self {
            allocation,
            topups,
            spent,
            committed: grants.map(Grant::committed).sum(),
        }
    }

    /// The month's budget in all.
    pub fn whole(&self) -> Money {
        self.allocation + self.topups
    }

    /// What is left; below zero where a cut or a turn left an excess.
    pub fn balance(&self) -> Money {
        self.whole() - self.spent - self.committed
    }

    /// What may still be taken: shown as at least 0.
    pub fn free(&self) -> Money {
        self.balance().or_zero()
    }

    /// What is held above the budget.
    pub fn excess(&self) -> Money {
        (Money::ZERO - self.balance()).or_zero()
    }

    /// Of an excess: what was spent above the budget, and what keys hold above it.
    pub fn above(&self) -> (Money, Money) {
        let spent = (self.spent - self.whole()).or_zero();
        (spent, self.excess() - spent)
    }

    /// What the rules say to an ask. `cap = free` is allowed.
    pub fn judge(&self, settings: &Settings, ask: &Ask) -> Verdict {
        let least = settings.smallest_cap.max(ask.service_min);
        if ask.cap < least {
            Verdict::TooSmall { least }
        } else if settings.longest_life < ask.life {
            Verdict::TooLong {
                longest: settings.longest_life,
            }
        } else if self.balance() < ask.cap {
            Verdict::Short {
                by: self.top_up_for(ask.cap),
            }
        } else if settings.free_hand < ask.cap {
            Verdict::AskOwner
        } else {
            Verdict::Reserve
        }
    }

    /// What must be added to this month so that `cap` leaves no excess behind.
    pub fn top_up_for(&self, cap: Money) -> Money {
        (cap - self.balance()).or_zero()
    }
}
