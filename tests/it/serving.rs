//! `slice serve` as a process: its health, and an end in the middle of work.

use crate::{
    postgres::Kind,
    program::{borrowed, slice, variables},
    runtime,
    world::{MASTER, World},
};
use slice_sandbox::Fault;
use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStderr, Command, Stdio},
};

pub const ALL: &[(&str, fn())] = &[
    ("program::health_is_served", health_is_served),
    (
        "program::sigterm_in_the_middle_of_work",
        sigterm_in_the_middle_of_work,
    ),
];

/// The program serving a world, and where.
struct Serving {
    child: Child,
    logs: BufReader<ChildStderr>,
    url: String,
}

impl Serving {
    /// Returns when its first log lines have said where it listens.
    fn start(world: &World) -> Self {
        let variables = variables(world);
        let environment = borrowed(&variables);
        let mut command = slice(&["serve"], &environment);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the program runs");
        let mut logs = BufReader::new(child.stderr.take().expect("its logs"));
        let url = address(&mut logs);
        Self { child, logs, url }
    }

    async fn page(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("{}{path}", self.url)).await;
        let answer = answer.expect("the page is served");
        let status = answer.status().as_u16();
        (status, answer.text().await.expect("a text"))
    }

    /// Asks it to end, waits for that, and gives the rest of its logs.
    fn end(mut self) -> String {
        let pid = self.child.id().to_string();
        let term = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(term.expect("kill runs").success());
        let lines: Result<Vec<_>, _> = self.logs.lines().collect();
        assert!(self.child.wait().expect("it ends").success());
        lines.expect("log lines").join("\n")
    }
}

/// Reads log lines up to the one that says where the program listens.
fn address(logs: &mut impl BufRead) -> String {
    let mut line = String::new();
    while logs.read_line(&mut line).expect("a log line") > 0 {
        if let Some((_, rest)) = line.split_once("Health at ") {
            return rest
                .split("/healthz")
                .next()
                .expect("an address")
                .to_owned();
        }
        line.clear();
    }
    panic!("the program ended before it listened");
}

async fn until(world: &World, is_so: impl Fn() -> bool) {
    loop {
        let changed = world.sandbox.wire.changed();
        if is_so() {
            return;
        }
        changed.await;
    }
}

fn sees(world: &World, who: &str, part: &str) -> bool {
    let sights = world.sandbox.slack.person(who).sees();
    sights.iter().any(|sight| sight.text.contains(part))
}

fn health_is_served() {
    let database = Kind::Sqlite.fresh();
    runtime().block_on(async {
        let world = World::new(database.url()).await;
        let serving = Serving::start(&world);
        assert_eq!(serving.page("/healthz").await, (200, "ok".to_owned()));
        let (status, checks) = serving.page("/readyz").await;
        assert_eq!(status, 200, "{checks}");
        let checks: serde_json::Value = serde_json::from_str(&checks).expect("JSON");
        let checks = checks.as_array().expect("a list");
        assert!(checks.len() >= 2 && checks.iter().all(|check| check["ok"] == true));
        assert_eq!(serving.page("/nothing").await.0, 404);
        world
            .sandbox
            .faults
            .inject_on("apps.connections.open", Fault::ServerError500, usize::MAX);
        world.sandbox.slack.drop_sockets();
        let mut status = serving.page("/readyz").await.0;
        while status == 200 {
            status = serving.page("/readyz").await.0;
        }
        assert_eq!(status, 503, "without a socket it is not ready");
        assert_eq!(serving.page("/healthz").await.0, 200, "but it lives");
        assert!(serving.end().contains("Slice ends"));
    });
}

/// The provider is slow to make a key when the end is asked for: the process finishes what it
/// began or gives it back, and the next one goes on. There is one key, and it is told of once.
fn sigterm_in_the_middle_of_work() {
    let database = Kind::Sqlite.fresh();
    runtime().block_on(async {
        let world = World::new(database.url()).await;
        let serving = Serving::start(&world);
        let slack = world.sandbox.slack.clone();
        let (olga, ana) = (slack.person("olga"), slack.person("ana"));
        olga.command("/slice", "vault add openrouter");
        until(&world, || {
            olga.modal().is_some_and(|form| form.contains("Master key"))
        })
        .await;
        olga.submit(&[("Master key", MASTER)]).expect("the form");
        until(&world, || sees(&world, "olga", "checked and sealed")).await;
        olga.command("/slice", "allocate @ana 100");
        until(&world, || sees(&world, "ana", "monthly budget")).await;
        let slow = Fault::Slow { millis: 700 };
        world.sandbox.faults.inject_on("POST /api/v1/keys", slow, 1);
        ana.command("/slice", "provision openrouter 20");
        until(&world, || !world.live_keys().is_empty()).await;
        assert!(serving.end().contains("Slice ends"));
        let serving = Serving::start(&world);
        until(&world, || {
            sees(&world, "ana", "Your openrouter key is ready")
        })
        .await;
        serving.end();
        let [key] = world.live_keys().try_into().expect("one key");
        assert_eq!(key.limit_micros, Some(20_000_000));
        let ready = |sight: &&slice_sandbox::Sight| sight.text.contains("key is ready");
        assert_eq!(ana.sees().iter().filter(ready).count(), 1, "told once");
    });
}
