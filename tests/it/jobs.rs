//! What happens by the clock, as an operator lists and calls it.

use crate::{
    postgres::Kind,
    program::{borrowed, check, expect, played, run, said, variables},
    runtime,
    world::{VAULT_KEY, World},
};
use slice::clock::SystemClock;
use slice_core::ports::Clock;
use std::time::Duration;

pub const ALL: &[(&str, fn())] = &[
    (
        "program::jobs_are_listed_and_called",
        jobs_are_listed_and_called,
    ),
    ("program::a_called_job_is_done", a_called_job_is_done),
    ("program::checks_tell_of_jobs", checks_tell_of_jobs),
];

fn jobs_are_listed_and_called() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = played(&folder);
    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("SLICE_VAULT_KEY", VAULT_KEY),
    ];
    let listed = run(&["jobs"], &environment);
    let parts = [
        " turn: never ran, next 2026-12-01T00:00:00Z",
        " digest: never ran, next 2026-11-02T09:00:00Z",
        " meter of openrouter: read 2026-11-01T12:",
    ];
    expect(&listed, true, &parts);
    for job in ["digest", "meter"] {
        let called = run(&["jobs", "run", job], &environment);
        let due = format!("The {job} of org ");
        expect(&called, true, &[&due, "is due now"]);
    }
    let listed = said(&run(&["jobs"], &environment));
    assert!(listed.contains(parts[0]), "{listed}");
    assert!(!listed.contains(parts[1]), "it is due now: {listed}");
    let refused = ["Say one of: turn, digest, meter", "Nothing was changed"];
    expect(
        &run(&["jobs", "run", "dance"], &environment),
        false,
        &refused,
    );
    let nobody = [
        "jobs",
        "run",
        "turn",
        "--org",
        "00000000-0000-4000-8000-000000000000",
    ];
    expect(&run(&nobody, &environment), false, &["there is no org"]);
}

/// Called beside a running Slice, whose clock is the system's: it is done at once, and listed.
fn a_called_job_is_done() {
    let database = Kind::Sqlite.fresh();
    runtime().block_on(async {
        let mut world = World::new(database.url()).await;
        world.sandbox.clock.set(SystemClock.now().micros());
        world.set_up().await;
        let variables = variables(&world);
        let environment = borrowed(&variables);
        let listed = said(&run(&["jobs"], &environment));
        assert!(listed.contains(" digest: never ran, next "), "{listed}");
        let called = run(&["jobs", "run", "digest"], &environment);
        expect(&called, true, &["is due now"]);
        world.sandbox.clock.set(SystemClock.now().micros());
        world.settled().await;
        let told = world.expect("olga", &["Nothing was spent in the week to"]);
        assert_eq!(told.matches("in the week to").count(), 1, "{told}");
        let listed = run(&["jobs"], &environment);
        expect(
            &listed,
            true,
            &[" digest: ran 2", " for 2", ", next 2", "T09:00:00Z"],
        );
    });
}

fn checks_tell_of_jobs() {
    let database = Kind::Sqlite.fresh();
    runtime().block_on(async {
        let mut world = World::new(database.url()).await;
        world.set_up().await;
        world.later(Duration::from_hours(21)).await;
        world.kill();
        let checked = check(&world);
        for line in [
            " job turn: last ran: never; next due: 2026-12-01T00:00:00Z",
            " job digest: last ran: 2026-11-02T09:00:00Z for 2026-11-02T09:00:00Z; next due: \
             2026-11-09T09:00:00Z",
            " meter: last read: 2026-11-02T09:00:00Z; next due: 2026-11-02T09:",
        ] {
            assert!(checked.contains(line), "expected {line:?} in:\n{checked}");
        }
    });
}
