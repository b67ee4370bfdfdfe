//! What must be true of the tree: who depends on whom, and what stands where.

use slice::{
    clock::SystemClock,
    services::{ServicesConfig, registry},
};
use slice_core::ports::Clock;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

pub const ALL: &[(&str, fn())] = &[
    (
        "tidy::dependencies_point_one_way",
        dependencies_point_one_way,
    ),
    (
        "tidy::parts_do_not_know_each_other",
        parts_do_not_know_each_other,
    ),
    ("tidy::only_the_store_speaks_sql", only_the_store_speaks_sql),
    ("tidy::a_secret_has_one_door", a_secret_has_one_door),
    ("tidy::the_rules_know_no_service", the_rules_know_no_service),
    (
        "tidy::no_floating_point_near_money",
        no_floating_point_near_money,
    ),
    ("tidy::files_are_short", files_are_short),
    ("tidy::tls_stands_on_ring", tls_stands_on_ring),
];

/// The tests' own binary is not what they are about.
const CODE: [&str; 3] = ["core/src", "commands/src", "src"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Rust files below a folder, as (path from the root, text), without their unit tests.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = vec![];
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs")
                && !path.ends_with("tests.rs")
            {
                let text = fs::read_to_string(&path).expect("a file");
                let code = text
                    .split("#[cfg(test)]\nmod tests")
                    .next()
                    .unwrap_or_default();
                let name = path.strip_prefix(root()).expect("below the root");
                found.push((name.to_string_lossy().replace('\\', "/"), code.to_owned()));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has files");
    found
}

fn all_code() -> Vec<(String, String)> {
    CODE.iter().flat_map(|folder| sources(folder)).collect()
}

fn dependencies(manifest: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(manifest)).expect("a manifest");
    let from = text.find("[dependencies]").expect("dependencies");
    let lines = text[from..]
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split(['.', ' ', '=']).next());
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// `core` has no runtime, no client, no database; `commands` knows only `core` of ours; `sandbox`
/// knows nothing of ours.
fn dependencies_point_one_way() {
    let worldly = [
        "tokio",
        "sqlx",
        "reqwest",
        "axum",
        "slack-morphism",
        "serenity",
        "hyper-util",
    ];
    let core = dependencies("core/Cargo.toml");
    let commands = dependencies("commands/Cargo.toml");
    assert!(
        core.iter()
            .chain(&commands)
            .all(|name| !worldly.contains(&name.as_str()))
    );
    let ours = |names: &[String]| {
        names
            .iter()
            .filter(|name| name.starts_with("slice"))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(ours(&core), Vec::<String>::new());
    assert_eq!(ours(&commands), ["slice-core"]);
    assert_eq!(
        ours(&dependencies("sandbox/Cargo.toml")),
        Vec::<String>::new()
    );
    assert!(!dependencies("Cargo.toml").contains(&"slice-sandbox".to_owned()));
}

/// Within the bot, each part knows the core and its own world.
fn parts_do_not_know_each_other() {
    let inward = [
        (
            "src/store",
            [
                "crate::services",
                "crate::platforms",
                "crate::edge",
                "crate::work",
            ],
        ),
        (
            "src/services",
            [
                "crate::store",
                "crate::platforms",
                "crate::edge",
                "crate::work",
            ],
        ),
        (
            "src/platforms",
            [
                "crate::store",
                "crate::services",
                "crate::edge",
                "crate::work",
            ],
        ),
        (
            "src/work",
            [
                "crate::store",
                "crate::services",
                "crate::edge",
                "crate::platforms",
            ],
        ),
        (
            "src/edge",
            [
                "crate::store",
                "crate::services",
                "crate::platforms",
                "crate::work",
            ],
        ),
    ];
    for (folder, forbidden) in inward {
        for (name, text) in sources(folder) {
            for path in forbidden {
                assert!(!text.contains(path), "{name} must not know {path}");
            }
        }
    }
}

fn only_the_store_speaks_sql() {
    for (name, text) in all_code() {
        if name.starts_with("src/store") {
            continue;
        }
        for word in ["SELECT ", "INSERT INTO", "DELETE FROM", "sqlx::"] {
            assert!(!text.contains(word), "{name} speaks SQL: {word}");
        }
    }
}

/// `expose()` is called in the vault, the services, the platforms, and where a key that a person or
/// operator typed is looked at; each place is named here.
fn a_secret_has_one_door() {
    const DOORS: [&str; 7] = [
        "core/src/secret.rs",
        "commands/src/args.rs",
        "src/cli.rs",
        "src/config",
        "src/platforms/",
        "src/services/",
        "src/vault.rs",
    ];
    for (name, text) in all_code() {
        if text.contains(".expose()") {
            assert!(
                DOORS.iter().any(|door| name.starts_with(door)),
                "{name} exposes a secret"
            );
        }
    }
}

fn the_rules_know_no_service() {
    let config = ServicesConfig::new("http://127.0.0.1");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let names = registry(&config, &clock).names().into_iter();
    let services: Vec<_> = names.map(|name| name.to_string()).collect();
    let folders = [
        "core/src",
        "commands/src",
        "src/store",
        "src/platforms",
        "src/work",
        "src/edge",
    ];
    for (name, text) in folders.iter().flat_map(|folder| sources(folder)) {
        let code: String = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let words: Vec<_> = code
            .split(|letter: char| !letter.is_alphanumeric())
            .map(str::to_lowercase)
            .collect();
        for service in &services {
            let example = name.starts_with("commands/src") && code.contains("examples:");
            assert!(
                example || !words.iter().any(|word| word.starts_with(service)),
                "{name} knows {service} by name"
            );
        }
        let limits = ["src/platforms", "src/edge"];
        let own = limits.iter().any(|folder| name.starts_with(folder));
        for thing in ["bucket", "buckets", "pod", "pods"] {
            let known = words.iter().any(|word| word == thing);
            assert!(
                own || !known,
                "{name} knows what one service makes: {thing}"
            );
        }
    }
}

/// Only what puts pixels on paper counts in fractions, and it is given no money to count.
fn no_floating_point_near_money() {
    const PAINT: &str = "src/chart/paint.rs";
    for (name, text) in all_code() {
        let words: &[&str] = if name == PAINT {
            &["Money", "micros", "slice_core"]
        } else {
            &["f64", "f32"]
        };
        let code = text
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default());
        let found = code.filter(|line| words.iter().any(|word| line.contains(word)));
        assert_eq!(found.collect::<Vec<_>>(), Vec::<&str>::new(), "{name}");
    }
}

fn files_are_short() {
    let folders = [
        "core",
        "commands",
        "src",
        "sandbox/src",
        "tests",
        "examples",
    ];
    for (name, _) in folders.iter().flat_map(|folder| sources(folder)) {
        let text = fs::read_to_string(root().join(&name)).expect("a file");
        let lines = text.lines().count();
        assert!(lines <= 500, "{name} has {lines} lines");
    }
}

/// One TLS stack, and one library under it.
fn tls_stands_on_ring() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("the versions are fixed");
    let names = || lock.lines().filter_map(|line| line.strip_prefix("name = "));
    for other in ["aws-lc", "openssl-sys", "native-tls", "boring", "mbedtls"] {
        let found: Vec<_> = names().filter(|name| name.contains(other)).collect();
        assert_eq!(found, Vec::<&str>::new());
    }
    assert_eq!(names().filter(|name| *name == "\"ring\"").count(), 1);
}
