//! What happens by the clock, as an operator lists and calls it.

use crate::{
    program::{expect, played, run, said},
    world::VAULT_KEY,
};

pub const ALL: &[(&str, fn())] = &[(
    "program::jobs_are_listed_and_called",
    jobs_are_listed_and_called,
)];

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
