//! One binary: every scenario on every database, the crash table, the store's own rules, and what
//! must be true of the tree. The last line says how much was played.

mod closing;
mod crash;
mod discord_wire;
mod fakecloud;
mod garbled;
mod jobs;
mod live;
mod load;
mod loopback;
mod manifests;
mod moto;
mod openrouter_wire;
mod orgs;
mod postgres;
mod program;
mod replicas;
mod runpod_wire;
mod scenarios;
mod seeds;
mod serving;
mod slack_http;
mod slack_wire;
mod store;
mod strangers;
mod tidy;
mod world;

use libtest_mimic::{Arguments, Failed, Trial};
use scenarios::{Playing, Scenario, every_answer_while_making_a_key};
use slice::{config::LogFormat, log};
use std::{
    num::NonZero,
    panic::UnwindSafe,
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
};
use tracing_subscriber::util::SubscriberInitExt;
use world::{Way, World, services::Service};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // A conversation waits half of its time for its database and its doors.
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    arguments.test_threads.get_or_insert(2 * cores);
    let _ = rustls::crypto::ring::default_provider().install_default();
    log::all(LogFormat::Text, || closing::LogWriter).init();
    let databases = postgres::kinds();
    let mut trials: Vec<Trial> = databases.iter().copied().flat_map(over).collect();
    let once = [
        manifests::ALL,
        tidy::ALL,
        program::ALL,
        jobs::ALL,
        serving::ALL,
        openrouter_wire::ALL,
        runpod_wire::ALL,
        slack_wire::OVER_SOCKET,
        slack_wire::OVER_HTTP,
        slack_http::ALL,
        discord_wire::ALL,
        seeds::ALL,
    ];
    for (name, test) in once.concat() {
        trials.push(Trial::test(name, move || guarded(test)));
    }
    trials.extend(moto::trials());
    trials.extend(fakecloud::trials());
    trials.extend(live::trials());
    let conclusion = libtest_mimic::run(&arguments, trials);
    let names: Vec<_> = databases.iter().map(ToString::to_string).collect();
    println!(
        "{} scenarios × {} ways (those that are not about one) × {} databases ({}): {} conversations \
         played to their end",
        scenarios::ALL.len(),
        Way::ALL.len(),
        databases.len(),
        names.join(", "),
        PLAYED.load(Ordering::Relaxed)
    );
    conclusion.exit_code()
}

/// What is played on each database.
fn over(kind: postgres::Kind) -> Vec<Trial> {
    let mut trials = vec![];
    for scenario in scenarios::ALL {
        for way in scenario
            .ways
            .iter()
            .filter(|way| is_played(kind, **way, scenario.ways))
        {
            let name = format!("{kind}::{way}::{}", scenario.name);
            trials.push(Trial::test(name, move || play(kind, *way, scenario)));
        }
    }
    for (name, test) in store::ALL {
        trials.push(on(kind, &format!("store::{name}"), *test));
    }
    for (name, test) in orgs::ALL {
        trials.push(on(kind, &format!("orgs::{name}"), *test));
    }
    for way in scenarios::ONE_OF_EACH {
        for service in world::services::ALL {
            trials.extend(answers(kind, *way, service));
        }
    }
    for service in world::services::ALL {
        let name = format!("load::two_hundred_at_once, {}", service.name);
        let load = move |kind| load::two_hundred_at_once(kind, service);
        trials.push(on(kind, &name, load));
    }
    if kind == postgres::Kind::Postgres {
        let two = replicas::a_month_of_two;
        trials.push(on(kind, "replicas::a_month_of_two", two));
    }
    let services = world::services::ALL.iter();
    for service in services.filter(|service| crash::is_played(kind, service)) {
        let (parts, name) = (crash::parts(service), service.name);
        for part in 0..parts {
            let name = format!("crash::every_point, {name}, part {} of {parts}", part + 1);
            let points = move |kind| crash::points(kind, service, part);
            trials.push(on(kind, &name, points));
        }
    }
    let late = crash::an_order_that_arrives_late;
    trials.push(on(kind, "crash::an_order_that_arrives_late", late));
    for flow in crash::flows().filter(|flow| flow.is_played(kind)) {
        for part in 0..crash::PARTS_OF_FLOWS {
            let name = format!("crash::{}, part {}", flow.name, part + 1);
            trials.push(on(kind, &name, move |kind| flow.points(kind, part)));
        }
    }
    trials
}

/// How many conversations were played.
static PLAYED: AtomicUsize = AtomicUsize::new(0);

/// A database does not know how a delivery came, so PostgreSQL gets each platform by one way alone: the
/// first of those on which the scenario can be played.
fn is_played(kind: postgres::Kind, way: Way, ways: &[Way]) -> bool {
    let mut same = ways.iter().filter(|one| one.platform() == way.platform());
    let is_first = same.next() == Some(&way);
    // What a provider does is the same on both platforms, too.
    let by_one = ways == scenarios::ONE_OF_EACH;
    kind == postgres::Kind::Sqlite || is_first && (!by_one || ways.first() == Some(&way))
}

/// One scenario, one way, on one database: played, compared with its transcript, and closed.
fn play(kind: postgres::Kind, way: Way, scenario: &'static Scenario) -> Result<(), Failed> {
    guarded(move || {
        let Some(transcript) = whole(kind, way, scenario.play) else {
            return;
        };
        let name = scenario.name.replace("::", "/");
        let path = format!(
            "{}/tests/it/transcripts/{}/{name}.txt",
            env!("CARGO_MANIFEST_DIR"),
            way.platform()
        );
        let folder = std::path::Path::new(&path).parent().expect("a folder");
        std::fs::create_dir_all(folder).expect("the folder can be made");
        expect_test::expect_file![path].assert_eq(&transcript);
    })
}

/// A conversation from its beginning to its end. Gives its transcript, where that is to be compared.
fn whole(
    kind: postgres::Kind,
    way: Way,
    play: impl for<'a> FnOnce(&'a mut World) -> Playing<'a>,
) -> Option<String> {
    let database = kind.fresh();
    runtime().block_on(async {
        let mut world = World::over(way, database.url()).await;
        world.log_from = closing::log_end();
        play(&mut world).await;
        world.finish().await;
        world.kill();
        PLAYED.fetch_add(1, Ordering::Relaxed);
        (!world.is_loose()).then(|| world.transcript())
    })
}

/// Every wrong answer of a service's provider is a long story, so each service is played by itself.
fn answers(kind: postgres::Kind, way: Way, service: &'static Service) -> Option<Trial> {
    let story = "faults_provider::every_answer_while_making_a_key";
    let name = format!("{kind}::{way}::{story}, {}", service.name);
    let play = move || {
        whole(kind, way, |world| {
            Box::pin(every_answer_while_making_a_key(world, service))
        });
    };
    is_played(kind, way, scenarios::ONE_OF_EACH).then(|| Trial::test(name, move || guarded(play)))
}

/// A test that gets a fresh database of its own.
fn on(
    kind: postgres::Kind,
    name: &str,
    test: impl FnOnce(postgres::Kind) + Send + UnwindSafe + 'static,
) -> Trial {
    Trial::test(format!("{kind}::{name}"), move || {
        guarded(move || test(kind))
    })
}

/// A panic is a failure, said in its own words.
fn guarded(test: impl FnOnce() + UnwindSafe) -> Result<(), Failed> {
    match std::panic::catch_unwind(test) {
        Ok(()) => Ok(()),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().cloned();
            let said = said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned()));
            Err(said.unwrap_or_else(|| "the test panicked".into()).into())
        }
    }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}
