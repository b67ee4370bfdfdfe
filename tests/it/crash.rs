//! The crash table: the bot dies at every wire crossing and at every commit of a flow, starts again
//! on the same database, and the books end the same.

mod changes;
mod clock;
mod flows;
mod late;
mod life;
mod services;

use crate::{
    postgres::Kind,
    world::{Died, World},
};
use slice_core::{
    BoxFuture,
    action::Action,
    books::{Books, Claimed, Entry, Member, Message, Offer, Scope},
    calendar::{Calendar, Firing, Job, MeterStanding, Spent, Standing},
    day::Day,
    grant::Grant,
    home::{Home, Homes, Published},
    ids::{ActionId, Identity, MemberId, OrgId, PlatformName, Workspace},
    install::{Installation, Installations},
    linking::{Joins, OpenCode},
    metering::{Metering, Outcome},
    ports::{
        AuditQuery, AuditRow, Check, ClaimedGrant, Decide, DecideBoth, Meters, Posted, Sent, Store,
        Verified, Work,
    },
    refusal::Refusal,
    role::Role,
    time::Time,
};
use slice_sandbox::{Crossing, Fate, Sandbox};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

/// Where the bot dies.
#[derive(Clone, Copy, Debug)]
pub enum Point {
    /// At this crossing of a wire, before or after its effect.
    Wire(usize, Fate),
    /// After this transaction's commit. A death before it leaves what the last crossing or commit left.
    Commit(usize),
}

/// At which commit the bot dies, and how many there were.
#[derive(Default)]
struct Trigger {
    count: AtomicUsize,
    at: Mutex<Option<usize>>,
    /// An order was sent: if a record comes next, the database fails it.
    fails: Arc<AtomicBool>,
}

impl Trigger {
    /// Counts from here on.
    fn set(&self, point: Option<Point>) {
        self.count.store(0, Ordering::SeqCst);
        *self.at() = match point {
            Some(Point::Commit(number)) => Some(number),
            _ => None,
        };
    }

    fn at(&self) -> MutexGuard<'_, Option<usize>> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store that counts its transactions and stops for ever at one of them.
struct Mortal {
    inner: Arc<dyn Store>,
    trigger: Arc<Trigger>,
    killed: Arc<Notify>,
}

impl Mortal {
    async fn through<T: Leaves>(
        &self,
        name: &str,
        transaction: impl Future<Output = T> + Send,
    ) -> T {
        if self.trigger.fails.swap(false, Ordering::SeqCst) && name == "record" {
            return T::failed();
        }
        let outcome = transaction.await;
        if outcome.is_something() {
            let number = self.trigger.count.fetch_add(1, Ordering::SeqCst);
            let at = *self.trigger.at();
            if at == Some(number) {
                self.die().await;
            }
        }
        outcome
    }

    async fn die(&self) {
        self.killed.notify_one();
        std::future::pending::<()>().await;
    }
}

/// Whether a transaction left anything behind.
trait Leaves {
    fn failed() -> Self;

    fn is_something(&self) -> bool {
        true
    }
}

macro_rules! outcomes {
    ($($kind:ty),*) => { $(impl Leaves for Result<$kind, Refusal> {
        fn failed() -> Self {
            Err(Refusal::Unavailable)
        }
    })* };
}

outcomes!((), bool, u64, Entry, (OrgId, bool), MemberId, Vec<ActionId>);

/// A claim that found nothing wrote nothing.
impl<T> Leaves for Result<Option<T>, Refusal> {
    fn failed() -> Self {
        Err(Refusal::Unavailable)
    }

    fn is_something(&self) -> bool {
        !matches!(self, Ok(None))
    }
}

/// Every method of the port: reads pass, transactions are counted.
macro_rules! mortal {
    ($port:ident; $(read $read:ident($($ra:ident: $rt:ty),*) -> $ro:ty;)* --- $(write $write:ident($($wa:ident: $wt:ty),*) -> $wo:ty;)*) => {
        #[expect(clippy::elidable_lifetime_names, reason = "some methods' arguments name it")]
        impl $port for Mortal {
            $(fn $read<'a>(&'a self, $($ra: $rt),*) -> BoxFuture<'a, Result<$ro, Refusal>> {
                self.inner.$read($($ra),*)
            })*
            $(fn $write<'a>(&'a self, $($wa: $wt),*) -> BoxFuture<'a, Result<$wo, Refusal>> {
                Box::pin(self.through(stringify!($write), self.inner.$write($($wa),*)))
            })*
        }
    };
}

mortal! {
    Installations;
    read installation(workspace: &'a Workspace) -> Option<Installation>;
    read installed() -> Vec<Workspace>;
    read is_removed(workspace: &'a Workspace) -> bool;
    ---
    write use_once(mark: &'a str, good_until: Time) -> bool;
}

mortal! {
    Calendar;
    read spent(org: OrgId, days: (Day, Day)) -> Vec<Spent>;
    read jobs() -> Vec<Standing>;
    ---
    write claim_job(lease: Duration) -> Option<Firing>;
    write skip_job(firing: Firing) -> ();
    write call_job(org: OrgId, job: Job) -> bool;
}

mortal! {
    Meters;
    read meters() -> Vec<MeterStanding>;
    ---
    write claim_meter(lease: Duration) -> Option<Metering>;
    write call_meters(org: OrgId) -> bool;
    write metered(metering: &'a Metering, outcome: &'a Outcome) -> ();
}

mortal! {
    Homes;
    ---
    write want_home(who: &'a Identity, opened: bool) -> ();
    write claim_home(lease: Duration) -> Option<Home>;
    write home_published(home: &'a Home, how: Published) -> ();
}

mortal! {
    Store;
    read books(scope: Scope) -> Books;
    read org_of(workspace: &'a Workspace) -> Option<OrgId>;
    read orgs() -> Vec<OrgId>;
    read users(org: OrgId, platform: PlatformName, members: &'a [MemberId]) -> Vec<(MemberId, Identity)>;
    read reachable(org: OrgId, member: MemberId) -> Vec<Identity>;
    read only_in(workspace: &'a Workspace) -> Vec<(OrgId, MemberId)>;
    read closed_orgs() -> Vec<OrgId>;
    read open_codes(link: Joins) -> Vec<OpenCode>;
    read members(org: OrgId) -> Vec<Member>;
    read grants(org: OrgId, member: MemberId, limit: i64) -> Vec<Grant>;
    read live_grants(org: OrgId) -> Vec<Grant>;
    read is_invited(workspace: &'a Workspace) -> bool;
    read action(id: ActionId) -> Option<Action>;
    read audit(org: OrgId, query: &'a AuditQuery) -> Vec<AuditRow>;
    read links(org: OrgId, after: i64, limit: i64) -> Vec<slice_core::audit::Link>;
    read verify(org: OrgId, published: Option<&'a str>) -> Verified;
    read posted(org: OrgId, message: &'a Message) -> Vec<Posted>;
    read backlog() -> (i64, Option<Duration>);
    ---
    write record(scope: Scope, decide: Decide<'a>) -> Entry;
    write record_both(scopes: (Scope, Scope), decide: DecideBoth<'a>) -> ();
    write open_org(workspace: &'a Workspace) -> (OrgId, bool);
    write member(org: OrgId, identity: &'a Identity) -> MemberId;
    write note_role(org: OrgId, who: &'a Identity, member: MemberId, role: Role) -> ();
    write note_installer(org: OrgId, member: MemberId) -> ();
    write invite(workspace: &'a Workspace) -> ();
    write forget(org: OrgId, member: MemberId) -> u64;
    write offer(org: OrgId, offers: &'a [Offer]) -> Vec<ActionId>;
    write claim_grant(work: Work, lease: Duration) -> Option<ClaimedGrant>;
    write put_back(claim: ClaimedGrant, after: Duration) -> ();
    write claim_check(lease: Duration) -> Option<Check>;
    write checked(check: Check, after: Duration) -> ();
    write check_now(who: &'a Identity) -> ();
    write claim_message(lease: Duration) -> Option<Claimed>;
    write sending(claimed: &'a Claimed) -> ();
    write sent(claimed: &'a Claimed, sent: Sent) -> ();
}

/// The trigger of a world whose bot is about to (re)start.
fn arm(world: &mut World) -> Arc<Trigger> {
    let trigger = Arc::<Trigger>::default();
    let (killed, hers) = (world.killed.clone(), trigger.clone());
    world.wrap = Some(Box::new(move |inner| {
        let (trigger, killed) = (hers.clone(), killed.clone());
        Arc::new(Mortal {
            inner,
            trigger,
            killed,
        })
    }));
    trigger
}

/// Which crossings of a wire are points of a flow.
type Crossings = fn(&Crossing) -> bool;

const EVERY_CROSSING: Crossings = |_| true;
/// What changes something at a provider: a death after a mere look leaves what the crossing or the
/// commit before it left, and what people see is the other flows' to play.
const PROVIDERS_CHANGES: Crossings = |crossing| {
    let looks = [
        "GET ",
        "Get",
        "List",
        "Head",
        "Simulate",
        "POST /graphql myself",
    ];
    let call = crossing.what.rsplit(':').next().unwrap_or_default();
    let mut services = crate::world::services::ALL.iter();
    services.any(|service| service.wire == crossing.wire)
        && !looks.iter().any(|look| call.starts_with(look))
};

/// Counts the crossings from now on, and kills at the chosen one.
fn arm_wire(
    sandbox: &Sandbox,
    point: Option<Point>,
    killed: Arc<Notify>,
    which: Crossings,
) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    sandbox.wire.on_crossing(Box::new(move |crossing| {
        if !which(crossing) {
            return Fate::Pass;
        }
        let number = counter.fetch_add(1, Ordering::SeqCst);
        match point {
            Some(Point::Wire(at, fate)) if at == number => {
                killed.notify_one();
                fate
            }
            _ => Fate::Pass,
        }
    }));
    count
}

/// After a death: the bot starts again, without kill points.
async fn restart(world: &mut World) {
    world.kill();
    world.sandbox.wire.clear_hook();
    world.wrap = None;
    world.start().await.expect("the bot starts again");
    world.settled().await;
}

/// The same, and an hour passes.
async fn revive(world: &mut World) {
    restart(world).await;
    for _ in 0..6 {
        world.later(Duration::from_mins(10)).await;
    }
}

fn counted(wires: &AtomicUsize, trigger: &Trigger) -> (usize, usize) {
    let commits = trigger.count.load(Ordering::SeqCst);
    (wires.load(Ordering::SeqCst), commits)
}

/// Whether the bot died during it; then it lives again.
async fn survive(world: &mut World, outcome: Result<(), Died>) -> bool {
    if outcome.is_err() {
        revive(world).await;
        return true;
    }
    false
}

pub use flows::PARTS as PARTS_OF_FLOWS;
pub use late::an_order_that_arrives_late;
pub use life::{is_played, parts, points};

/// The shorter flows.
pub fn flows() -> impl Iterator<Item = &'static flows::Flow> {
    [flows::ALL, changes::ALL, clock::ALL, services::ALL]
        .into_iter()
        .flatten()
}

/// Every point of the flow: counted first, then each in a world of its own. Wire crossings do not
/// know the database, so they are played on SQLite alone. Gives how many crossings and commits there
/// are.
fn every_point(
    kind: Kind,
    (part, parts): (usize, usize),
    fates: &[Fate],
    play: impl Fn(&str, Option<Point>) -> (usize, usize) + std::panic::RefUnwindSafe,
) -> (usize, usize) {
    let play = |point| play(kind.fresh().url(), point);
    let (crossings, commits) = play(None);
    let mut points: Vec<Point> = vec![];
    if kind == Kind::Sqlite {
        points.extend(
            (0..crossings)
                .flat_map(|number| fates.iter().map(move |fate| Point::Wire(number, *fate))),
        );
    }
    points.extend((0..commits).map(Point::Commit));
    for point in points.into_iter().skip(part).step_by(parts) {
        let died = std::panic::catch_unwind(|| play(Some(point)));
        if let Err(panic) = died {
            eprintln!("the bot died at {point:?}");
            std::panic::resume_unwind(panic);
        }
    }
    (crossings, commits)
}
