//! What is generated and committed says exactly what the commands say. A difference is written, and
//! fails once: running the tests twice regenerates.

#[path = "../../examples/charts/seeded.rs"]
mod seeded;

use std::{fs, path::Path};

pub const ALL: &[(&str, fn())] = &[
    ("manifests::slack", slack),
    ("manifests::slack_http", slack_http),
    ("manifests::discord", discord),
    ("manifests::aws_policy", aws_policy),
    ("manifests::env_example", env_example),
    ("manifests::readme", readme),
    ("manifests::charts", charts),
    ("manifests::contracts", contracts),
];

fn fresh(name: &str, content: impl AsRef<[u8]>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let committed = fs::read(&path).unwrap_or_default();
    if committed != content.as_ref() {
        fs::write(&path, content).expect("the file can be written");
        panic!("{name} was out of date and has been written anew: look at it and run again");
    }
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON") + "\n"
}

fn slack() {
    fresh(
        "manifests/slack.json",
        pretty(&slice_commands::slack::manifest()),
    );
}

/// The same app over signed HTTP, at a host that stands for the reader's.
fn slack_http() {
    let manifest = slice_commands::slack::manifest_over_http("https://slice.example.com");
    fresh("manifests/slack-http.json", pretty(&manifest));
}

fn discord() {
    fresh(
        "manifests/discord.json",
        pretty(&slice_commands::discord::commands()),
    );
}

/// What owners paste at AWS.
fn aws_policy() {
    let policy = pretty(&slice::services::s3::policy::manifest());
    fresh("manifests/aws-policy.json", &policy);
}

fn env_example() {
    fresh(".env.example", slice::config::env_example());
}

/// The charts that the README shows are what the program draws, byte for byte.
fn charts() {
    for (members, file) in seeded::SHOWN {
        let (chart, called) = seeded::team(members);
        fresh(
            file,
            slice::chart::draw(&chart, &called).expect("a picture"),
        );
    }
}

/// The README's tables stand between marks and follow from the declarations.
fn readme() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(path).expect("a README");
    let mut updated = readme.clone();
    for (mark, table) in [
        ("commands", slice_commands::help::readme_table()),
        ("scopes", slice_commands::slack::scopes_table()),
    ] {
        let (begin, end) = (format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->"));
        let from = updated.find(&begin).expect("a mark") + begin.len();
        let to = updated.find(&end).expect("a mark");
        updated.replace_range(from..to, &format!("\n{}\n\n", table.trim()));
    }
    fresh("README.md", &updated);
}

/// The platforms' own descriptions accept what we would send them.
fn contracts() {
    let Some(contracts) = slice_sandbox::Contracts::from_env() else {
        eprintln!("SKIPPED: contract checks, because SLICE_CONTRACTS names no folder");
        return;
    };
    let over_http = slice_commands::slack::manifest_over_http("https://slice.example.com");
    for manifest in [slice_commands::slack::manifest(), over_http] {
        assert_eq!(contracts.check_manifest(&manifest), Vec::<String>::new());
    }
    let discord = contracts.check_discord_commands(&slice_commands::discord::commands());
    assert_eq!(discord, Vec::<String>::new());
}
