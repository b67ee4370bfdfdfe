//! The `RunPod` adapter against the sandbox: what each answer, and each misfortune, lets it conclude. With
//! `SLICE_CONTRACTS`, every call of REST is held to the provider's own description.

mod bills;
mod ends;
mod prices;

use crate::world::{
    WorldClock,
    pods::{ACCOUNT, GPU_ID, RUNPOD_MASTER},
};
use bills::{
    bills_among_many_of_other_people, bills_over_days_and_what_was_not_foreseen,
    pods_are_found_without_their_bills, what_was_first_seen_standing_still_is_billed_in_time,
};
use ends::{
    an_ended_pod_is_read_by_its_whole_bill, readings_and_ends_under_faults,
    what_has_ended_is_still_shown,
};
use prices::{
    a_dearer_pod_is_refused, a_price_that_changes_after_the_form, a_question_that_is_given_up,
    many_ask_for_prices_once,
};
use slice::services::{ServicesConfig, registry};
use slice_core::{
    desk::Services,
    grant::label,
    ids::{GrantId, ServiceName},
    life::Life,
    money::Money,
    ports::{
        Asking, Bounds, Clock, Facts, Issued, KeyRef, Meter, Order, ServiceAdapter, ServiceError,
    },
    secret::Secret,
    time::Time,
};
use slice_sandbox::{Access, Fault, PodState, Sandbox};
use std::{sync::Arc, time::Duration};

macro_rules! all {
    ($($name:ident),* $(,)?) => {
        pub const ALL: &[(&str, fn())] = &[
            $((concat!("runpod_wire::", stringify!($name)), || {
                crate::runtime().block_on($name());
            }),)*
        ];
    };
}

all! {
    a_pod_lives_and_ends,
    a_pod_is_ordered_as_it_was_agreed_on,
    what_owners_and_members_say,
    a_bad_master_key_is_told_from_a_bad_hour,
    a_lost_order_is_never_taken_for_a_no,
    a_pod_with_errors_beside_it_was_made,
    a_pod_that_has_no_machine_yet,
    a_dearer_pod_is_refused,
    many_ask_for_prices_once,
    a_question_that_is_given_up,
    a_price_that_changes_after_the_form,
    bills_over_days_and_what_was_not_foreseen,
    an_ended_pod_is_read_by_its_whole_bill,
    what_has_ended_is_still_shown,
    pods_are_found_without_their_bills,
    what_was_first_seen_standing_still_is_billed_in_time,
    bills_among_many_of_other_people,
    readings_and_ends_under_faults,
    foreign_pods_are_left_alone,
}

const START: i64 = 1_800_000_000_000_000;
const OPTIONS: &str = "pods:on\nimages:runpod/pytorch:1.0.2 JUPYTER_PASSWORD 8888, nvidia/cuda:12\ngpu:A40\ndisk:10\naccess:8888";
const TERMS: &str = "gpu:A40 at $0.40\nimage:runpod/pytorch:1.0.2\ndisk:10\naccess:8888";
const SSH: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2yKN3GrYpLQkhMnV5mKHk4vVsEzH0dVkFQQcWAmQ0B";
const HASTE: Duration = Duration::from_millis(1_500);
const MINUTE: Duration = Duration::from_mins(1);

struct World {
    sandbox: Sandbox,
    services: Services,
    hasty: Services,
    master: Secret,
    clock: Arc<dyn Clock>,
}

fn runpod(services: &Services) -> &dyn ServiceAdapter {
    services
        .find(&ServiceName::new("runpod"))
        .expect("the adapter")
}

fn order(attempt: i64) -> Order {
    Order {
        label: label(GrantId::from_random([7; 16]), attempt),
        cap: Money::from_dollars(10),
        life: Life::from_days(7),
        dead_man: Time::from_micros(START) + Duration::from_hours(24),
        terms: TERMS.to_owned(),
        options: OPTIONS.to_owned(),
    }
}

fn micros(micros: i64) -> Money {
    Money::from_micros(micros)
}

impl World {
    async fn new() -> Self {
        let sandbox = Sandbox::start(START).await.expect("a sandbox");
        sandbox.runpod.add_key(RUNPOD_MASTER, ACCOUNT, "100.25");
        let mut config = ServicesConfig::new(sandbox.openrouter.url());
        sandbox.runpod.url().clone_into(&mut config.runpod_api);
        let clock: Arc<dyn Clock> = Arc::new(WorldClock::new(sandbox.clock.clone(), 1));
        let services = registry(&config, &clock);
        config.timeout = HASTE;
        Self {
            hasty: registry(&config, &clock),
            services,
            sandbox,
            master: Secret::new(RUNPOD_MASTER.into()),
            clock,
        }
    }

    fn adapter(&self) -> &dyn ServiceAdapter {
        runpod(&self.services)
    }

    /// The adapter for a call that this fault happens to.
    fn during(&self, fault: Fault) -> &dyn ServiceAdapter {
        let hangs = matches!(fault, Fault::HangBefore | Fault::HangAfter);
        runpod(if hangs { &self.hasty } else { &self.services })
    }

    async fn issued(&self, attempt: i64) -> Issued {
        let issued = self.adapter().issue(&self.master, &order(attempt)).await;
        issued.expect("a pod")
    }

    async fn key(&self, attempt: i64) -> KeyRef {
        let Issued {
            provider_id, facts, ..
        } = self.issued(attempt).await;
        known(attempt, &provider_id, facts)
    }

    async fn read(&self, key: &KeyRef) -> Result<Meter, ServiceError> {
        self.adapter().read(&self.master, key).await
    }

    fn pod(&self, id: &str) -> PodState {
        self.sandbox.runpod.pod(id).expect("the pod")
    }

    fn bill(&self, key: &KeyRef) -> Money {
        micros(self.pod(&key.provider_id).bill_micros)
    }

    fn later(&self, span: Duration) {
        self.sandbox.clock.advance(span);
    }

    /// Nothing that was asked of the provider was against its rules.
    fn well_behaved(&self) {
        assert_eq!(self.sandbox.wire.violations(), Vec::<String>::new());
    }
}

fn known(attempt: i64, id: &str, facts: Facts) -> KeyRef {
    KeyRef {
        provider_id: id.to_owned(),
        label: order(attempt).label,
        terms: TERMS.to_owned(),
        facts,
        usage: Money::ZERO,
        cursor: None,
        is_stopped: false,
    }
}

fn stopped(key: &KeyRef) -> KeyRef {
    KeyRef {
        is_stopped: true,
        ..key.clone()
    }
}

fn bounds() -> Bounds {
    Bounds {
        cap: Money::from_dollars(10),
        until: order(1).dead_man,
    }
}

fn is_later<T>(answer: &Result<T, ServiceError>) -> bool {
    matches!(answer, Err(ServiceError::Later { .. }))
}

fn is_unknown<T>(answer: &Result<T, ServiceError>) -> bool {
    matches!(answer, Err(ServiceError::Unknown(_)))
}

fn faults() -> impl Iterator<Item = Fault> {
    let all = Fault::ALL.iter().copied();
    all.filter(|fault| fault.wires().contains(&"runpod"))
}

async fn a_pod_lives_and_ends() {
    let world = World::new().await;
    let (adapter, master) = (world.adapter(), &world.master);
    let health = adapter.check(master).await.expect("a good key");
    assert_eq!(health.balance, Some(micros(100_250_000)));
    let key = world.key(1).await;
    adapter.arm(master, &key, bounds()).await.expect("armed");
    world.later(30 * MINUTE);
    let cost = micros(200_000 + 685);
    let meter = world.read(&key).await.expect("a reading");
    assert_eq!((meter.usage, meter.is_disabled), (cost, false));
    assert_eq!(world.bill(&key), cost);
    let found = adapter.find(master, &key.label).await.expect("a list");
    assert_eq!((found.len(), found[0].usage), (1, cost));
    assert_eq!(found[0].provider_id, key.provider_id);
    let other = adapter.find(master, &order(2).label).await;
    assert_eq!(other, Ok(vec![]));
    let listed = adapter.list(master, "slice/").await.expect("a list");
    assert_eq!(
        (listed.len(), listed[0].label.as_str()),
        (1, key.label.as_str())
    );
    let last = adapter.disable(master, &key).await.expect("terminated");
    assert_eq!(last.map(|meter| meter.usage), Some(cost));
    assert!(world.pod(&key.provider_id).ended_at.is_some());
    assert_eq!(
        adapter.disable(master, &key).await,
        Ok(None),
        "gone already"
    );
    assert_eq!(world.read(&key).await, Err(ServiceError::Gone));
    adapter
        .delete(master, &key.provider_id)
        .await
        .expect("gone already");
    let armed = adapter.arm(master, &key, bounds()).await;
    assert_eq!(armed, Err(ServiceError::Gone));
    world.well_behaved();
}

async fn a_pod_is_ordered_as_it_was_agreed_on() {
    let world = World::new().await;
    let issued = world.issued(1).await;
    let pod = world.pod(&issued.provider_id);
    assert_eq!(pod.name, order(1).label.replace('/', "-"));
    assert_eq!(
        (pod.image.as_str(), pod.gpu.as_str()),
        ("runpod/pytorch:1.0.2", GPU_ID)
    );
    assert_eq!(pod.ports, ["8888/http"]);
    assert_eq!(pod.terminate_after, Some(order(1).dead_man.micros()));
    let of = |name: &str| {
        let found = pod.env.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(of("SLICE_GRANT"), Some(order(1).label.as_str()));
    assert_eq!(of("JUPYTER_PASSWORD"), Some(issued.secret.expose()));
    assert_eq!(issued.secret.expose().len(), 32);
    assert!(world.issued(2).await.secret.expose() != issued.secret.expose());
    // Not by an image that owners took away meanwhile, nor once pods are off.
    for options in ["pods:off", "pods:on\nimages:nvidia/cuda:12", ""] {
        let order = Order {
            options: options.to_owned(),
            ..order(3)
        };
        let answer = world.adapter().issue(&world.master, &order).await;
        assert!(
            matches!(answer, Err(ServiceError::Rejected(_))),
            "{options}"
        );
    }
    assert_eq!(world.sandbox.runpod.pods().len(), 2);
    world.well_behaved();
}

async fn what_owners_and_members_say() {
    let world = World::new().await;
    let adapter = world.adapter();
    let agree = async |options: &str, said: &str| {
        let master = &world.master;
        adapter
            .agree(Asking {
                master,
                options,
                said,
            })
            .await
    };
    assert_eq!(agree(OPTIONS, "").await, Ok(TERMS.to_owned()));
    assert_eq!(
        agree(OPTIONS, TERMS).await,
        Ok(TERMS.to_owned()),
        "said again"
    );
    let dear = "gpu:A40 at 0.39";
    let said = [
        ("", "", false),
        ("pods:off", "", false),
        (OPTIONS, dear, true),
        (OPTIONS, "gpu:A41", true),
        (OPTIONS, "disk:9999", true),
        (OPTIONS, "image:nvidia/cuda:12", true),
        (OPTIONS, "access:ssh-rsa AAAA", true),
    ];
    for (options, said, asks) in said {
        let unmet = agree(options, said).await.expect_err(said);
        assert_eq!(unmet.asks, asks, "{said}: {}", unmet.why);
        assert!(unmet.why.ends_with('.'), "{}", unmet.why);
    }
    let lasts = adapter
        .lasts(Money::from_dollars(1), TERMS)
        .expect("a span");
    assert_eq!(lasts.as_secs(), 8_969);
    let options = adapter.options(OPTIONS).expect("options");
    assert_eq!(options, OPTIONS);
    world.well_behaved();
}

async fn a_bad_master_key_is_told_from_a_bad_hour() {
    let world = World::new().await;
    let (adapter, master) = (world.adapter(), &world.master);
    world
        .sandbox
        .runpod
        .restrict_key(RUNPOD_MASTER, Access::NoGraphql);
    let check = adapter.check(master).await;
    assert!(matches!(check, Err(ServiceError::Rejected(_))), "{check:?}");
    world
        .sandbox
        .runpod
        .restrict_key(RUNPOD_MASTER, Access::ReadOnly);
    adapter.check(master).await.expect("it can read");
    assert!(is_later(&adapter.issue(master, &order(1)).await));
    world
        .sandbox
        .runpod
        .restrict_key(RUNPOD_MASTER, Access::All);
    for fault in [Fault::BadGateway502, Fault::HtmlPage, Fault::LostBefore] {
        world.sandbox.faults.inject_on("GET /v2/pods", fault, 1);
        assert!(is_later(&adapter.check(master).await), "{fault:?}");
    }
    world.sandbox.runpod.revoke_key(RUNPOD_MASTER);
    let check = adapter.check(master).await;
    assert!(matches!(check, Err(ServiceError::Rejected(_))), "{check:?}");
    assert_eq!(world.sandbox.runpod.pods(), []);
    world.well_behaved();
}

async fn a_lost_order_is_never_taken_for_a_no() {
    for fault in faults() {
        let world = World::new().await;
        let route = "POST /graphql podFindAndDeployOnDemand";
        world.sandbox.faults.inject_on(route, fault, 1);
        let answer = world.during(fault).issue(&world.master, &order(1)).await;
        let pods = world.sandbox.runpod.pods().len();
        match fault {
            Fault::Slow { .. } => assert!(answer.is_ok(), "{fault:?}"),
            _ if pods == 0 => assert!(answer.is_err(), "{fault:?}"),
            _ => assert!(is_unknown(&answer), "{fault:?}"),
        }
        let found = world.adapter().find(&world.master, &order(1).label).await;
        let found = found.expect("a list");
        assert_eq!(found.len(), pods, "{fault:?}");
        for found in found {
            let key = known(1, &found.provider_id, vec![]);
            let ended = world.adapter().disable(&world.master, &key).await;
            assert!(ended.expect("terminated").is_some(), "{fault:?}");
        }
        world.well_behaved();
    }
}

/// What is said beside a pod that was made takes nothing back.
async fn a_pod_with_errors_beside_it_was_made() {
    let world = World::new().await;
    world.sandbox.runpod.complains_beside(true);
    let key = world.key(1).await;
    assert_eq!(world.sandbox.runpod.pods().len(), 1);
    let (adapter, master) = (world.adapter(), &world.master);
    adapter.arm(master, &key, bounds()).await.expect("armed");
    world.well_behaved();
}

/// The answer about a new pod does not say yet how it is reached by SSH: the pod itself is asked. What is not
/// said then either was made all the same.
async fn a_pod_that_has_no_machine_yet() {
    let world = World::new().await;
    let (adapter, master) = (world.adapter(), &world.master);
    world.sandbox.runpod.places_later(true);
    let by_ssh = |attempt| Order {
        terms: TERMS.replace("access:8888", &format!("access:{SSH}")),
        ..order(attempt)
    };
    let issued = adapter.issue(master, &by_ssh(1)).await.expect("a pod");
    let way_in = format!("ssh {}-", issued.provider_id);
    let secret = issued.secret.expose();
    assert!(secret.starts_with(&way_in) && secret.ends_with("@ssh.runpod.io"));
    let faults = &world.sandbox.faults;
    faults.inject_on("GET /v2/pods/", Fault::ServerError500, 1);
    let answer = adapter.issue(master, &by_ssh(2)).await;
    assert!(is_unknown(&answer), "{answer:?}");
    let found = adapter.find(master, &order(2).label).await;
    assert_eq!(found.expect("a list").len(), 1);
    world.well_behaved();
}

async fn foreign_pods_are_left_alone() {
    let world = World::new().await;
    let key = world.key(1).await;
    let name = world.pod(&key.provider_id).name;
    let copied = world.sandbox.runpod.add_foreign_pod(ACCOUNT, &name);
    world.sandbox.runpod.add_foreign_pod(ACCOUNT, "somebody's");
    let found = world.adapter().find(&world.master, &key.label).await;
    assert_eq!(found.expect("a list").len(), 1, "the name alone is no mark");
    let listed = world.adapter().list(&world.master, "slice/").await;
    assert_eq!(listed.expect("a list").len(), 1);
    let wrong = known(1, "../../v2/pods", vec![]);
    let read = world.read(&wrong).await;
    assert!(matches!(read, Err(ServiceError::Rejected(_))), "{read:?}");
    assert!(world.pod(&copied).ended_at.is_none());
    assert_eq!(world.clock.now().micros(), START);
    world.well_behaved();
}
