//! The program itself, as an operator runs it.

use crate::{
    postgres::Kind,
    runtime,
    world::{MASTER, VAULT_KEY, World},
};
use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

pub const ALL: &[(&str, fn())] = &[
    (
        "program::keys_are_made_and_checked",
        keys_are_made_and_checked,
    ),
    ("program::all_mistakes_at_once", all_mistakes_at_once),
    (
        "program::the_trail_is_proven_and_alteration_named",
        the_trail_is_proven,
    ),
    (
        "program::a_trail_that_was_cut_short",
        a_trail_that_was_cut_short,
    ),
    (
        "program::wrong_keys_and_newer_databases",
        wrong_keys_and_newer_databases,
    ),
    (
        "program::an_operator_works_without_chat",
        an_operator_works_without_chat,
    ),
    (
        "program::a_lost_channel_is_unbound",
        a_lost_channel_is_unbound,
    ),
    ("program::checks_have_a_line_each", checks_have_a_line_each),
    ("program::serve_until_sigterm", serve_until_sigterm),
    ("program::manifests_are_printed", manifests_are_printed),
];

/// The program with this environment and nothing else.
pub fn slice(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slice"));
    command
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied());
    command
}

pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    slice(arguments, environment)
        .output()
        .expect("the program runs")
}

pub fn said(output: &Output) -> String {
    let streams = [&output.stdout, &output.stderr];
    streams
        .map(|stream| String::from_utf8_lossy(stream).into_owned())
        .join("")
}

#[track_caller]
pub fn expect(output: &Output, success: bool, parts: &[&str]) {
    let text = said(output);
    assert_eq!(output.status.success(), success, "{text}");
    for part in parts {
        assert!(text.contains(part), "expected {part:?} in:\n{text}");
    }
}

fn keys_are_made_and_checked() {
    let made = run(&["keygen"], &[]);
    expect(&made, true, &[]);
    let key = said(&made).trim().to_owned();
    assert_ne!(said(&run(&["keygen"], &[])).trim(), key, "each key is new");
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("slice.db").display());
    let migrate = |key: &str| {
        run(
            &["audit", "verify"],
            &[("DATABASE_URL", &url), ("SLICE_VAULT_KEY", key)],
        )
    };
    expect(
        &run(
            &["migrate"],
            &[("DATABASE_URL", &url), ("SLICE_VAULT_KEY", &key)],
        ),
        true,
        &[],
    );
    expect(&migrate(&key), false, &["no org"]);
    expect(&migrate("c2hvcnQ="), false, &["SLICE_VAULT_KEY", "32"]);
    expect(
        &run(&["audit", "verify"], &[("DATABASE_URL", &url)]),
        false,
        &["SLICE_VAULT_KEY is not set"],
    );
}

fn all_mistakes_at_once() {
    let wrong = [
        ("SLACK_BOT_TOKEN", "xapp-canary"),
        ("SLICE_S3_PRICES", "Cargo.toml"),
    ];
    let output = run(&["serve"], &wrong);
    expect(
        &output,
        false,
        &[
            "SLICE_VAULT_KEY",
            "SLACK_BOT_TOKEN",
            "SLACK_APP_TOKEN",
            "SLICE_S3_PRICES is no table of prices",
            "Nothing was started",
        ],
    );
    assert!(!said(&output).contains("canary"), "no value is repeated");
    expect(&run(&["no-such-command"], &[]), false, &["no-such-command"]);
}

/// A world on a database in a folder, after one key was made; the bot has ended.
pub fn played(folder: &tempfile::TempDir) -> String {
    let url = format!("sqlite:{}", folder.path().join("slice.db").display());
    runtime().block_on(async {
        let mut world = World::new(&url).await;
        world.set_up().await;
        world
            .says(
                "ana",
                "provision openrouter 20 because \"a private reason\"",
            )
            .await;
        world.says("ana", "revoke 1").await;
        world.finish().await;
        world.kill();
    });
    url
}

fn the_trail_is_proven() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = played(&folder);
    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("SLICE_VAULT_KEY", VAULT_KEY),
    ];
    expect(
        &run(&["audit", "verify"], &environment),
        true,
        &["events are proven", "head"],
    );
    let exported = run(&["audit", "export", "--format", "csv"], &environment);
    expect(&exported, true, &["a private reason", "grant_opened"]);
    // Forgetting erases texts and keeps the proof.
    let member = format!("slack/T0SLICE/{}", user_with_budget(&folder));
    expect(&run(&["forget", &member], &environment), true, &["erased"]);
    expect(
        &run(&["audit", "verify"], &environment),
        true,
        &["events are proven"],
    );
    assert!(!said(&run(&["audit", "export"], &environment)).contains("a private reason"));
    alter(
        &folder,
        &[
            "DROP TRIGGER *",
            "UPDATE audit SET at = at + 1 WHERE seq = 3",
        ],
    );
    expect(
        &run(&["audit", "verify"], &environment),
        false,
        &["event 3"],
    );
}

/// Whoever cuts the trail's end off and mends the org's row is found out, and so is whoever puts an
/// older backup in the database's place.
fn a_trail_that_was_cut_short() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = played(&folder);
    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("SLICE_VAULT_KEY", VAULT_KEY),
    ];
    let proven = run(&["audit", "verify"], &environment);
    expect(&proven, true, &["events are proven"]);
    let text = said(&proven);
    let (_, rest) = text.split_once("head is ").expect("a head");
    let head = &rest[..64];
    let with_head = |head: &str| run(&["audit", "verify", "--head", head], &environment);
    expect(&with_head(head), true, &["events are proven"]);
    expect(&with_head(&"0".repeat(64)), false, &["never had that head"]);
    alter(
        &folder,
        &[
            "DROP TRIGGER *",
            "DELETE FROM audit WHERE seq > 5",
            "UPDATE orgs SET audit_count = 5, audit_head = (SELECT mac FROM audit WHERE seq = 5)",
        ],
    );
    let cut = run(&["audit", "verify"], &environment);
    expect(&cut, false, &["the trail ends with event 5"]);
}

/// The Slack user of the one member with an allocation.
fn user_with_budget(folder: &tempfile::TempDir) -> String {
    let path = folder.path().join("slice.db");
    runtime().block_on(async {
        let url = format!("sqlite:{}", path.display());
        let pool = sqlx::SqlitePool::connect(&url).await.expect("the database opens");
        let user: (String,) = sqlx::query_as(
            "SELECT i.user_id FROM identities i JOIN members m ON m.id = i.member_id WHERE m.allocation IS NOT NULL",
        )
        .fetch_one(&pool)
        .await
        .expect("ana");
        pool.close().await;
        user.0
    })
}

/// What somebody with a database tool can do.
fn alter(folder: &tempfile::TempDir, statements: &[&str]) {
    let path = folder.path().join("slice.db");
    runtime().block_on(async {
        let url = format!("sqlite:{}", path.display());
        let pool = sqlx::SqlitePool::connect(&url)
            .await
            .expect("the database opens");
        for statement in statements {
            if *statement == "DROP TRIGGER *" {
                let names = "SELECT name FROM sqlite_master WHERE type = 'trigger'";
                let names: Vec<(String,)> = sqlx::query_as(names)
                    .fetch_all(&pool)
                    .await
                    .expect("triggers");
                for (name,) in names {
                    let drop = sqlx::AssertSqlSafe(format!("DROP TRIGGER {name}"));
                    sqlx::query(drop).execute(&pool).await.expect("dropped");
                }
                continue;
            }
            let statement = sqlx::AssertSqlSafe((*statement).to_owned());
            sqlx::query(statement)
                .execute(&pool)
                .await
                .expect("altered");
        }
        pool.close().await;
    });
}

fn wrong_keys_and_newer_databases() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = played(&folder);
    let other = said(&run(&["keygen"], &[]));
    let output = run(
        &["audit", "verify"],
        &[
            ("DATABASE_URL", url.as_str()),
            ("SLICE_VAULT_KEY", other.trim()),
        ],
    );
    expect(&output, false, &["vault key"]);
    assert!(!said(&output).contains(other.trim()), "no key is repeated");
    alter(
        &folder,
        &[
            "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
           VALUES (99999, 'from the future', CURRENT_TIMESTAMP, TRUE, x'00', 0)",
        ],
    );
    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("SLICE_VAULT_KEY", VAULT_KEY),
    ];
    for command in ["migrate", "check"] {
        let tokens = [("SLACK_BOT_TOKEN", "xoxb-1"), ("SLACK_APP_TOKEN", "xapp-1")];
        let dead = [("SLICE_SLACK_API_URL", "http://127.0.0.1:9/api")];
        let all: Vec<_> = environment
            .iter()
            .chain(&tokens)
            .chain(&dead)
            .copied()
            .collect();
        expect(&run(&[command], &all), false, &["newer"]);
    }
}

/// A master key on the program's standard input, without a word about any chat platform.
fn put(environment: &[(&str, &str)], key: &str) -> Output {
    let chat = |name: &str| name.starts_with("SLACK") || name.starts_with("SLICE_SLACK");
    let without: Vec<_> = environment
        .iter()
        .filter(|(name, _)| !chat(name))
        .copied()
        .collect();
    let mut command = slice(&["vault", "put", "openrouter"], &without);
    let command = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program runs");
    let mut stdin = child.stdin.take().expect("standard input");
    stdin.write_all(key.as_bytes()).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn an_operator_works_without_chat() {
    let database = Kind::Sqlite.fresh();
    runtime().block_on(async {
        let mut world = World::new(database.url()).await;
        world.start().await.expect("the bot starts");
        world.settled().await;
        world.kill();
        let variables = variables(&world);
        let environment = borrowed(&variables);
        let put = |key: &str| put(&environment, key);
        expect(&put("sk-or-mgmt-wrong-wrong-wrong"), false, &["refused"]);
        expect(&put(""), false, &["empty", "Nothing was changed"]);
        expect(&put(&"k".repeat(20_000)), false, &["longer than any key"]);
        expect(&put(MASTER), true, &["checked and deposited (version 1)"]);
        expect(&put(MASTER), true, &["checked and replaced (version 2)"]);
        let unbound = run(&["unbind", "C0GONE"], &environment);
        expect(&unbound, false, &["Nothing is bound to C0GONE"]);
        let nowhere = [("DATABASE_URL", "sqlite:/nowhere/slice.db"), environment[1]];
        expect(
            &run(&["audit", "verify"], &nowhere),
            false,
            &["there is no database at /nowhere/slice.db"],
        );
        expect(
            &run(&["invite", "slack/T0OTHER"], &environment),
            true,
            &["T0OTHER"],
        );
        expect(
            &run(&["invite", "T0OTHER"], &environment),
            false,
            &["slack/T0123"],
        );
        world.start().await.expect("the bot starts");
        world.settled().await;
        let told = world.expect("olga", &["deposited a master key for OpenRouter"]);
        assert!(told.contains("replaced the master key for OpenRouter"));
    });
}

/// The owners' one bound channel is gone for Slice: nobody in chat can unbind it, the operator can.
fn a_lost_channel_is_unbound() {
    let database = Kind::Sqlite.fresh();
    runtime().block_on(async {
        let mut world = World::new(database.url()).await;
        world.set_up().await;
        world.says("olga", "roles bind #slice-owners owner").await;
        world.town.remove_bot("slice-owners");
        world.says("olga", "roles list").await;
        world.expect("olga", &["slice unbind"]);
        world.kill();
        let variables = variables(&world);
        let channel = world.sandbox.slack.channel("slice-owners").to_string();
        let unbound = run(&["unbind", &channel], &borrowed(&variables));
        expect(&unbound, true, &["is unbound", "admins are owners"]);
        world.start().await.expect("the bot starts");
        world.settled().await;
        world.expect("olga", &["Whoever runs Slice unbound"]);
        world.says("olga", "roles list").await;
        world.expect("olga", &["the admins of your first workspace are owners"]);
    });
}

/// Every check says what is so, and goes on where another failed.
fn checks_have_a_line_each() {
    let database = Kind::Sqlite.fresh();
    runtime().block_on(async {
        let mut world = World::new(database.url()).await;
        world.start().await.expect("the bot starts");
        world.settled().await;
        world.kill();
        let variables = variables(&world);
        let environment = borrowed(&variables);
        let check = |name: &str, value: &str| {
            let mut changed = environment.clone();
            changed.retain(|(known, _)| *known != name);
            changed.push((name, value));
            run(&["check"], &changed)
        };
        let elsewhere = tempfile::tempdir().expect("a folder");
        let empty = format!("sqlite:{}", elsewhere.path().join("new.db").display());
        let checked = check("DATABASE_URL", &empty);
        expect(&checked, false, &["slice migrate", "ok   Slack bot token"]);
        expect(&run(&["check"], &environment), true, &["no master key yet"]);
        expect(&put(&environment, MASTER), true, &["deposited"]);
        let good = ["ok   vault key", "ok   database", "balance $1,000.00"];
        expect(&run(&["check"], &environment), true, &good);
        let short = check("SLICE_VAULT_KEY", "c2hvcnQ=");
        let says = ["FAIL environment: SLICE_VAULT_KEY", "ok   Slack bot token"];
        expect(&short, false, &says);
        world.sandbox.slack.set_scopes(&["commands", "chat:write"]);
        world.sandbox.openrouter.revoke_management_key(MASTER);
        let checked = run(&["check"], &environment);
        expect(&checked, false, &["FAIL", "im:write", "vault rotate"]);
        assert!(!said(&checked).contains(MASTER));
    });
}

/// What `slice check` says of a world whose bot is down.
pub fn check(world: &World) -> String {
    said(&run(&["check"], &borrowed(&variables(world))))
}

pub fn borrowed<'a>(variables: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    let pairs = variables.iter();
    pairs.map(|(name, value)| (*name, value.as_str())).collect()
}

pub fn variables(world: &World) -> Vec<(&'static str, String)> {
    let slack = &world.sandbox.slack;
    vec![
        ("DATABASE_URL", world.database_url.clone()),
        ("SLICE_VAULT_KEY", VAULT_KEY.to_owned()),
        ("SLACK_BOT_TOKEN", slack.bot_token()),
        ("SLACK_APP_TOKEN", slack.app_token()),
        ("SLICE_SLACK_API_URL", slack.api_url()),
        (
            "SLICE_OPENROUTER_API_URL",
            world.sandbox.openrouter.url().to_owned(),
        ),
        ("SLICE_LISTEN", "127.0.0.1:0".to_owned()),
        ("SLICE_LOG_FORMAT", "json".to_owned()),
    ]
}

/// The real process answers a command and ends in order when it is told to.
fn serve_until_sigterm() {
    let database = Kind::Sqlite.fresh();
    runtime().block_on(async {
        let world = World::new(database.url()).await;
        let variables = variables(&world);
        let environment = borrowed(&variables);
        let mut command = slice(&["serve"], &environment);
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let child = child.expect("the program runs");
        let ana = world.sandbox.slack.person("ana");
        ana.command("/slice", "help");
        while !ana
            .sees()
            .iter()
            .any(|sight| sight.text.contains("provision"))
        {
            world.sandbox.wire.changed().await;
        }
        let term = Command::new("kill")
            .arg("-TERM")
            .arg(child.id().to_string())
            .status();
        assert!(term.expect("kill runs").success());
        let output = child.wait_with_output().expect("it ends");
        expect(&output, true, &["Slice ends"]);
        let logs = String::from_utf8_lossy(&output.stderr).into_owned();
        for line in logs.lines() {
            let parsed: Result<serde_json::Value, _> = serde_json::from_str(line);
            assert!(parsed.is_ok(), "a line of JSON: {line}");
        }
        for secret in world.secrets() {
            assert!(!logs.contains(&secret), "no secret is logged");
        }
    });
}

fn manifests_are_printed() {
    let slack = run(&["manifest", "slack"], &[]);
    expect(
        &slack,
        true,
        &["\"/slice\"", "should_escape", "socket_mode_enabled"],
    );
    let discord = run(&["manifest", "discord"], &[]);
    expect(&discord, true, &["provision"]);
}
