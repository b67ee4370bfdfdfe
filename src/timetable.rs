//! When each job of the calendar and each round of the meter last ran, and when it is due next: as
//! lines for the person who runs Slice, and as checks.

use crate::http::Check;
use slice_core::{
    calendar::{Job, MeterStanding, Standing},
    ports::Store,
    refusal::Refusal,
    time::Time,
};
use std::time::Duration;

/// What has been due for longer than this is said: a worker's lease that ran out is shorter.
const LATE: Duration = Duration::from_mins(15);
const NEVER: &str = "never";

/// All that is done by the clock, for every org.
pub struct Timetable {
    jobs: Vec<Standing>,
    meters: Vec<MeterStanding>,
    now: Time,
}

impl Timetable {
    pub async fn read(store: &dyn Store, now: Time) -> Result<Self, Refusal> {
        let (jobs, meters) = (store.jobs().await?, store.meters().await?);
        Ok(Self { jobs, meters, now })
    }

    /// A check for each kind of job, over all orgs, and one for the meter. What is late does not
    /// make a replica unfit to serve: another replica, or the provider, may be why, and the chat
    /// platforms' requests are answered all the same.
    pub fn checks(&self) -> Vec<Check> {
        let jobs = Job::ALL.into_iter().map(|job| self.job(job));
        jobs.chain([self.meter()]).collect()
    }

    fn job(&self, job: Job) -> Check {
        let all: Vec<_> = self.jobs.iter().filter(|one| one.job == job).collect();
        let done = all
            .iter()
            .filter_map(|one| one.done)
            .max_by_key(|done| done.1);
        let done = done.map_or_else(
            || NEVER.to_owned(),
            |(due, at)| format!("{} for {}", at.rfc3339(), due.rfc3339()),
        );
        let next = all.iter().filter_map(|one| one.next);
        let says = format!(
            "last ran: {done}; next due: {}",
            instant(next.clone().min())
        );
        let late = next.filter(|next| is_late(*next, self.now)).count();
        let what = format!("job {}", job.word());
        if late == 0 {
            return Check::good(what, says);
        }
        let orgs = if late == 1 {
            "1 org".into()
        } else {
            format!("{late} orgs")
        };
        Check::late(
            what,
            format!("{says}; late for {orgs}: is `slice serve` running, and what do its logs say?"),
        )
    }

    fn meter(&self) -> Check {
        let read = self.meters.iter().filter_map(|one| one.read_at).max();
        let next = self.meters.iter().map(|one| one.next).min();
        let says = format!("last read: {}; next due: {}", instant(read), instant(next));
        let late = self.meters.iter().filter(|one| is_late(one.next, self.now));
        let failing = self.meters.iter().filter(|one| one.failing_since.is_some());
        match (late.count(), failing.count()) {
            (0, 0) => Check::good("meter", says),
            (0, failing) => Check::late(
                "meter",
                format!("{says}; {failing} master keys can't be read: `slice check` says which"),
            ),
            (late, _) => Check::late(
                "meter",
                format!(
                    "{says}; {late} master keys are late: is `slice serve` running, and what do its logs \
                     say?"
                ),
            ),
        }
    }

    /// A line for each job of each org, and for each master key.
    pub fn lines(&self) -> Vec<String> {
        let late = |next: Option<Time>| match next {
            Some(next) if is_late(next, self.now) => ", LATE",
            _ => "",
        };
        let jobs = self.jobs.iter().map(|one| {
            let done = one.done.map_or_else(
                || "never ran".to_owned(),
                |(due, at)| format!("ran {} for {}", at.rfc3339(), due.rfc3339()),
            );
            let next = one.next.map_or_else(
                || "switched off".to_owned(),
                |next| format!("next {}", next.rfc3339()),
            );
            let (org, job) = (one.org, one.job.word());
            format!("{org} {job}: {done}, {next}{}", late(one.next))
        });
        let meters = self.meters.iter().map(|one| {
            let read = one.read_at.map_or_else(
                || "never read".to_owned(),
                |at| format!("read {}", at.rfc3339()),
            );
            let failing = one.failing_since.map_or_else(String::new, |since| {
                format!(", can't be read since {}", since.rfc3339())
            });
            let (org, service, next) = (one.org, &one.service, one.next.rfc3339());
            let late = late(Some(one.next));
            format!("{org} meter of {service}: {read}{failing}, next {next}{late}")
        });
        jobs.chain(meters).collect()
    }
}

fn is_late(next: Time, now: Time) -> bool {
    next + LATE < now
}

fn instant(at: Option<Time>) -> String {
    at.map_or_else(|| NEVER.to_owned(), Time::rfc3339)
}

/// The checks, or why there are none.
pub async fn checks(store: &dyn Store, now: Time) -> Vec<Check> {
    match Timetable::read(store, now).await {
        Ok(timetable) => timetable.checks(),
        Err(_) => vec![Check::bad(
            "jobs",
            "the database does not answer: see DATABASE_URL",
        )],
    }
}
