//! `slice jobs`: what happens by the clock, listed, and done now.

use super::{Failure, print, said};
use crate::{clock::SystemClock, store::SqlStore, timetable::Timetable};
use slice_core::{
    calendar::{Calendar, Job},
    ids::OrgId,
    ports::{Clock, Meters, Store},
};
use std::process::ExitCode;

/// The word for the meter's rounds, beside those of the calendar's jobs.
const METER: &str = "meter";

pub(super) async fn list(store: &SqlStore) -> Result<ExitCode, Failure> {
    let timetable = Timetable::read(store, SystemClock.now()).await;
    let lines = timetable.map_err(said)?.lines();
    if lines.is_empty() {
        return Err("there is no org in this database yet: start `slice serve` first".into());
    }
    print(&lines.join("\n"))
}

/// Makes a job due now: a running Slice does it within a second, as if its time had come.
pub(super) async fn run(
    store: &SqlStore,
    org: Option<OrgId>,
    job: &str,
) -> Result<ExitCode, Failure> {
    let org = super::which_org(store, org).await?;
    if !store.orgs().await.map_err(said)?.contains(&org) {
        return Err(format!("org {org} joined another one: nothing happens in it any more").into());
    }
    let called = match Job::from_word(job) {
        Some(job) => store.call_job(org, job).await,
        None if job == METER => store.call_meters(org).await,
        None => {
            let words: Vec<_> = Job::ALL.into_iter().map(Job::word).collect();
            let words = words.join(", ");
            return Err(format!(
                "{job} is no job. Say one of: {words}, {METER}. Nothing was changed"
            )
            .into());
        }
    };
    if !called.map_err(said)? {
        return Err(format!("org {org} has nothing for {job} to do. Nothing was changed").into());
    }
    print(&format!(
        "The {job} of org {org} is due now. A running Slice does it within seconds; else it is done when \
         Slice starts. `slice jobs` tells when it was."
    ))
}
