//! The `OpenRouter` adapter against the sandbox: what each misfortune lets it conclude.

use crate::world::WorldClock;
use slice::services::{ServicesConfig, registry};
use slice_core::{
    desk::Services,
    grant::label,
    ids::{GrantId, ServiceName},
    life::Life,
    money::Money,
    ports::{Bounds, Clock, KeyRef, Order, ServiceAdapter, ServiceError},
    secret::Secret,
    time::Time,
};
use slice_sandbox::{Direction, Fate, Fault, Sandbox};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

pub const ALL: &[(&str, fn())] = &[
    ("openrouter_wire::a_key_lives_and_ends", || {
        crate::runtime().block_on(a_key_lives_and_ends());
    }),
    (
        "openrouter_wire::a_bad_master_key_is_told_from_a_bad_hour",
        || crate::runtime().block_on(a_bad_master_key_is_told_from_a_bad_hour()),
    ),
    (
        "openrouter_wire::a_lost_order_is_never_taken_for_a_no",
        || crate::runtime().block_on(a_lost_order_is_never_taken_for_a_no()),
    ),
    (
        "openrouter_wire::a_lost_change_is_never_taken_for_a_no",
        || crate::runtime().block_on(a_lost_change_is_never_taken_for_a_no()),
    ),
    (
        "openrouter_wire::readings_and_deletions_under_faults",
        || crate::runtime().block_on(readings_and_deletions_under_faults()),
    ),
    (
        "openrouter_wire::the_provider_says_how_long_to_wait",
        || crate::runtime().block_on(the_provider_says_how_long_to_wait()),
    ),
    (
        "openrouter_wire::a_change_that_is_not_shown_is_in_doubt",
        || crate::runtime().block_on(a_change_that_is_not_shown_is_in_doubt()),
    ),
    (
        "openrouter_wire::a_key_is_found_on_every_page_even_while_the_list_moves",
        || crate::runtime().block_on(a_key_is_found_on_every_page_even_while_the_list_moves()),
    ),
];

const START: i64 = 1_800_000_000_000_000;
const MASTER: &str = "sk-or-mgmt-canary-0123456789";
/// How long to wait for what never answers. Everything else has the time that it needs, however
/// busy the machine is.
const HASTE: Duration = Duration::from_millis(1_500);

struct World {
    sandbox: Sandbox,
    services: Services,
    hasty: Services,
    master: Secret,
    clock: Arc<dyn Clock>,
}

impl World {
    async fn new() -> Self {
        let sandbox = Sandbox::start(START).await.expect("a sandbox");
        sandbox
            .openrouter
            .add_management_key(MASTER, "acme", "100.25");
        let config = ServicesConfig::new(sandbox.openrouter.url());
        let clock: Arc<dyn Clock> = Arc::new(WorldClock::new(sandbox.clock.clone(), 1));
        let services = registry(&config, &clock);
        let hasty = ServicesConfig {
            timeout: HASTE,
            ..config
        };
        let hasty = registry(&hasty, &clock);
        let master = Secret::new(MASTER.into());
        Self {
            sandbox,
            services,
            hasty,
            master,
            clock,
        }
    }

    /// The adapter for a call that this fault happens to.
    fn during(&self, fault: Fault) -> &dyn ServiceAdapter {
        let hangs = matches!(fault, Fault::HangBefore | Fault::HangAfter);
        let services = if hangs { &self.hasty } else { &self.services };
        services
            .find(&ServiceName::new("openrouter"))
            .expect("the adapter")
    }

    fn openrouter(&self) -> &dyn ServiceAdapter {
        self.services
            .find(&ServiceName::new("openrouter"))
            .expect("the adapter")
    }

    async fn issue(&self, order: &Order) -> Result<(String, Secret), ServiceError> {
        let issued = self.openrouter().issue(&self.master, order).await?;
        Ok((issued.provider_id, issued.secret))
    }

    async fn arm(&self, id: &str) -> Result<(), ServiceError> {
        let key = a_key(id);
        self.openrouter().arm(&self.master, &key, bounds()).await
    }

    async fn count(&self, label: &str) -> usize {
        self.openrouter()
            .find(&self.master, label)
            .await
            .expect("a list")
            .len()
    }

    /// Nothing that was asked of the provider was against its rules.
    fn well_behaved(&self) {
        assert_eq!(self.sandbox.wire.violations(), Vec::<String>::new());
    }
}

fn order(attempt: i64) -> Order {
    Order {
        label: label(GrantId::from_random([7; 16]), attempt),
        cap: Money::from_dollars(20),
        life: Life::from_days(7),
        dead_man: bounds().until,
        terms: String::new(),
        options: String::new(),
    }
}

fn bounds() -> Bounds {
    Bounds {
        cap: Money::from_dollars(20),
        until: Time::from_micros(START) + Duration::from_hours(9 * 24),
    }
}

/// The key of the first order.
fn a_key(id: &str) -> KeyRef {
    KeyRef {
        provider_id: id.to_owned(),
        label: order(1).label,
        terms: String::new(),
        facts: vec![],
        usage: Money::ZERO,
        cursor: None,
        is_stopped: false,
    }
}

fn later(answer: &Result<(), ServiceError>) -> bool {
    matches!(answer, Err(ServiceError::Later { .. }))
}

fn unknown(answer: &Result<(), ServiceError>) -> bool {
    matches!(answer, Err(ServiceError::Unknown(_)))
}

/// Faults of this provider that end in no answer or a bad one.
fn faults() -> impl Iterator<Item = Fault> {
    let here = |fault: &Fault| fault.wires().contains(&"openrouter");
    Fault::ALL
        .iter()
        .copied()
        .filter(here)
        .filter(|fault| !matches!(fault, Fault::Slow { .. }))
}

/// Answers that are a clear no: nothing happened.
fn is_clear(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::Unauthorized401
            | Fault::PaymentRequired402
            | Fault::Forbidden403
            | Fault::RateLimited429 { .. }
    )
}

async fn a_key_lives_and_ends() {
    let world = World::new().await;
    let (openrouter, master) = (world.openrouter(), &world.master);
    let health = openrouter.check(master).await.expect("a good key");
    assert_eq!(health.balance, Some(Money::from_micros(100_250_000)));

    let (id, secret) = world.issue(&order(1)).await.expect("a key");
    let key = world.sandbox.openrouter.key(&id).expect("it is there");
    assert_eq!(
        (key.limit_micros, key.name.as_str()),
        (Some(0), order(1).label.as_str())
    );
    assert_eq!(key.secret, secret.expose());
    assert_eq!(key.expires_at, Some(order(1).dead_man.micros()));
    assert!(
        world
            .sandbox
            .openrouter
            .spend(secret.expose(), "0.01")
            .is_err(),
        "it is inert"
    );

    world.arm(&id).await.expect("armed");
    world
        .arm(&id)
        .await
        .expect("armed once more, which changes nothing");
    world
        .sandbox
        .openrouter
        .spend(secret.expose(), "0.75")
        .expect("it can spend");
    let usage = openrouter
        .read(master, &a_key(&id))
        .await
        .expect("a reading")
        .usage;
    assert_eq!(usage, Money::from_micros(750_000));
    let found = openrouter
        .find(master, &order(1).label)
        .await
        .expect("a list");
    assert_eq!((found.len(), found[0].usage), (1, usage));
    assert_eq!(world.count(&order(2).label).await, 0);

    let key = a_key(&id);
    openrouter.disable(master, &key).await.expect("disabled");
    assert!(
        world
            .sandbox
            .openrouter
            .spend(secret.expose(), "0.01")
            .is_err(),
        "it is disabled"
    );
    assert_eq!(
        world.count(&order(1).label).await,
        1,
        "disabled keys are hidden unless asked for"
    );
    openrouter.delete(master, &id).await.expect("deleted");
    openrouter.delete(master, &id).await.expect("gone already");
    assert_eq!(openrouter.read(master, &key).await, Err(ServiceError::Gone));
    assert_eq!(world.arm(&id).await, Err(ServiceError::Gone));
    let disabled = openrouter.disable(master, &key).await;
    assert_eq!(disabled, Err(ServiceError::Gone));
    world.well_behaved();
}

async fn a_bad_master_key_is_told_from_a_bad_hour() {
    let world = World::new().await;
    let openrouter = world.openrouter();
    world
        .sandbox
        .openrouter
        .add_inference_key("sk-or-v1-ordinary", "acme");
    for (key, word) in [
        ("sk-or-mgmt-stranger", "does not know this key"),
        ("sk-or-v1-ordinary", "management key"),
    ] {
        let refused = openrouter.check(&Secret::new(key.into())).await;
        let Err(ServiceError::Rejected(why)) = refused else {
            panic!("{key}: {refused:?}")
        };
        assert!(why.contains(word) && !why.contains(key), "{why}");
    }
    let odd = Secret::new("sk-or\nmgmt".into());
    assert!(openrouter.check(&odd).await.is_err());
    for fault in faults() {
        world.sandbox.faults.inject_on("GET /api/v1/key", fault, 1);
        let checked = world.during(fault).check(&world.master).await.map(|_| ());
        match fault {
            Fault::Unauthorized401 | Fault::Forbidden403 => {
                assert!(
                    matches!(checked, Err(ServiceError::Rejected(_))),
                    "{fault:?}: {checked:?}"
                );
            }
            _ => assert!(later(&checked), "{fault:?}: {checked:?}"),
        }
    }
    world.sandbox.openrouter.revoke_management_key(MASTER);
    assert!(
        later(&world.issue(&order(1)).await.map(|_| ())),
        "a dead master key can be replaced"
    );
}

async fn a_lost_order_is_never_taken_for_a_no() {
    let world = World::new().await;
    for (attempt, fault) in (1..).zip(faults()) {
        let order = order(attempt);
        world
            .sandbox
            .faults
            .inject_on("POST /api/v1/keys", fault, 1);
        let issued = world
            .during(fault)
            .issue(&world.master, &order)
            .await
            .map(|_| ());
        if is_clear(fault) || fault == Fault::NotFound404 {
            assert!(later(&issued), "{fault:?}: {issued:?}");
        } else {
            assert!(unknown(&issued), "{fault:?}: {issued:?}");
        }
        let there = usize::from(fault.has_effect());
        assert_eq!(world.count(&order.label).await, there, "{fault:?}");
        assert!(!format!("{issued:?}").contains(MASTER));
    }
    world.well_behaved();
}

async fn a_lost_change_is_never_taken_for_a_no() {
    let world = World::new().await;
    let (id, _) = world.issue(&order(1)).await.expect("a key");
    for fault in faults() {
        for (method, reads_back) in [("PATCH", false), ("GET", true)] {
            world
                .sandbox
                .faults
                .inject_on(&format!("{method} /api/v1/keys/"), fault, 1);
            let openrouter = world.during(fault);
            let armed = openrouter.arm(&world.master, &a_key(&id), bounds()).await;
            match fault {
                // A key that took the change a moment ago is slow to be read, not gone.
                Fault::NotFound404 if !reads_back => assert_eq!(armed, Err(ServiceError::Gone)),
                _ if is_clear(fault) && !reads_back => assert!(later(&armed), "{armed:?}"),
                _ => assert!(unknown(&armed), "{method} {fault:?}: {armed:?}"),
            }
            world.arm(&id).await.expect("arming again mends it");
        }
    }
    world.well_behaved();
}

async fn readings_and_deletions_under_faults() {
    let world = World::new().await;
    let openrouter = world.openrouter();
    for (attempt, fault) in (1..).zip(faults()) {
        let order = order(attempt);
        let (id, _) = world.issue(&order).await.expect("a key");
        world
            .sandbox
            .faults
            .inject_on("GET /api/v1/keys/", fault, 1);
        let read = world
            .during(fault)
            .read(&world.master, &a_key(&id))
            .await
            .map(|_| ());
        let gone = read == Err(ServiceError::Gone);
        assert!(
            later(&read) || (gone && fault == Fault::NotFound404),
            "{fault:?}: {read:?}"
        );

        world.sandbox.faults.inject_on("GET /api/v1/keys", fault, 1);
        let listed = world
            .during(fault)
            .find(&world.master, &order.label)
            .await
            .map(|_| ());
        assert!(later(&listed), "{fault:?}: {listed:?}");

        world
            .sandbox
            .faults
            .inject_on("DELETE /api/v1/keys/", fault, 1);
        let deleted = world.during(fault).delete(&world.master, &id).await;
        match fault {
            Fault::NotFound404 => assert_eq!(deleted, Ok(())),
            _ if is_clear(fault) => assert!(later(&deleted), "{fault:?}: {deleted:?}"),
            _ => assert!(unknown(&deleted), "{fault:?}: {deleted:?}"),
        }
        openrouter
            .delete(&world.master, &id)
            .await
            .expect("deleting again mends it");
    }
    world.well_behaved();
}

async fn the_provider_says_how_long_to_wait() {
    let world = World::new().await;
    world
        .sandbox
        .faults
        .inject(Fault::RateLimited429 { retry_after: 17 }, 1);
    let issued = world.issue(&order(1)).await.map(|_| ());
    assert!(
        matches!(issued, Err(ServiceError::Later { after, .. }) if after.as_secs() == 17),
        "{issued:?}"
    );
    let nowhere = ServicesConfig::new("http://127.0.0.1:9/api/v1");
    let nowhere = registry(&nowhere, &world.clock);
    let nowhere = nowhere
        .find(&ServiceName::new("openrouter"))
        .expect("the adapter");
    let issued = nowhere.issue(&world.master, &order(1)).await.map(|_| ());
    assert!(
        later(&issued),
        "an order that never left is no doubt: {issued:?}"
    );
}

async fn a_change_that_is_not_shown_is_in_doubt() {
    let world = World::new().await;
    let (id, _) = world.issue(&order(1)).await.expect("a key");
    let provider = world.sandbox.openrouter.clone();
    let hash = id.clone();
    world.sandbox.wire.on_crossing(Box::new(move |crossing| {
        if crossing.direction == Direction::In && crossing.what.starts_with("GET /api/v1/keys/") {
            provider.change_limit_behind_our_back(&hash, None);
        }
        Fate::Pass
    }));
    let armed = world.arm(&id).await;
    assert!(unknown(&armed), "unlimited is not the cap: {armed:?}");
}

async fn a_key_is_found_on_every_page_even_while_the_list_moves() {
    let world = World::new().await;
    let provider = world.sandbox.openrouter.clone();
    let wanted = order(1).label;
    let mut hashes = vec![];
    for number in 0..250 {
        // In the order of the list, which is newest first: the first row of a later page.
        let name = if number == 49 {
            wanted.clone()
        } else {
            format!("foreign {number}")
        };
        hashes.push(provider.add_foreign_key("acme", &name));
    }
    provider.disable_behind_our_back(&hashes[49]);
    assert_eq!(world.count(&wanted).await, 1);
    assert_eq!(world.count("foreign 0").await, 1, "the last row");
    assert_eq!(world.count("foreign 249").await, 1, "the first row");
    assert_eq!(world.count("foreign").await, 0, "only the exact name");

    // Rows above vanish while the second page is asked for: its rows move up by some.
    let once = AtomicBool::new(true);
    let vanishing: Vec<_> = hashes[200..230].to_vec();
    world.sandbox.wire.on_crossing(Box::new(move |crossing| {
        let second = crossing.direction == Direction::In
            && crossing.what == "GET /api/v1/keys"
            && crossing.body["offset"] != "0";
        if second && once.swap(false, Ordering::SeqCst) {
            for hash in &vanishing {
                provider.delete_behind_our_back(hash);
            }
        }
        Fate::Pass
    }));
    let moved_over = "foreign 149";
    assert_eq!(
        world.count(moved_over).await,
        1,
        "it moved from the second page to the first"
    );
    world.well_behaved();
}
