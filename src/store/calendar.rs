//! The books by their days.

use super::{
    SqlStore,
    port::{Answer, answer},
};
use slice_core::{
    calendar::{Calendar, Spent},
    day::Day,
    ids::OrgId,
};

impl Calendar for SqlStore {
    fn spent(&self, org: OrgId, days: (Day, Day)) -> Answer<'_, Vec<Spent>> {
        answer(self.spent_between(org, days))
    }
}
