//! What the calendar is about: days that were spent on, and jobs that are due.

use crate::{
    day::Day,
    ids::{MemberId, OrgId, ServiceName},
    money::Money,
    refusal::Refusal,
};
use futures::future::BoxFuture;

/// What one member spent at one service on one day. Below zero where an owner corrected it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    pub day: Day,
    pub member: MemberId,
    pub service: ServiceName,
    pub amount: Money,
}

/// The books by their days.
pub trait Calendar: Send + Sync {
    /// What was spent from the first day to the last, both included, in the order of the days.
    fn spent(&self, org: OrgId, days: (Day, Day)) -> BoxFuture<'_, Result<Vec<Spent>, Refusal>>;
}
