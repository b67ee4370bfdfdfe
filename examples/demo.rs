//! The whole bot against the sandbox: real slack-morphism, SQLite in a folder, a real vault, and
//! people whose hands are yours. `cargo demo`, or `cargo demo -- --story`.

#[path = "../tests/it/scenarios/months.rs"]
mod months;
#[path = "../tests/it/scenarios/story.rs"]
mod story;
#[expect(dead_code, reason = "the scenarios of the tests use the rest")]
#[path = "../tests/it/world.rs"]
mod world;

use clap::{Parser, ValueEnum};
use futures::FutureExt;
use slice::{
    cli,
    config::LogFormat,
    log,
    store::SqlStore,
    vault::{KeyVault, VaultKey},
};
use slice_sandbox::{AccessKey, Change, ChannelKind, Place};
use std::{
    fs::{self, File},
    io::{BufRead, Write, stdin, stdout},
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex},
};
use tracing_subscriber::util::SubscriberInitExt;
use world::{VAULT_KEY, Way, World, WorldClock};

const HELP: &str = "\
olga owns the workspace and installed Slice; ana and bo are members. Say what they do:
  olga> /slice vault add openrouter     a command (`olga /slice …` does as well)
  olga> submit Master key = master      fill in the open form; `master` stands for the team's key,
                                        for s3 `aws-secret` and `aws-id`, for runpod `runpod-key`
  olga> click Approve                   a button
  ana> click Reveal key
  ana> close                            the open view
  cross                                 everybody goes to the other platform (--platform both)
  ana> curl                             use the key that she revealed last, until the cap refuses
  later 2h                              time passes
  quit";

/// Slice in a sandbox: nothing leaves this machine.
#[derive(Parser)]
#[command(name = "demo")]
struct Arguments {
    /// Play the story by itself; exit with 1 at the first thing that is not as told
    #[arg(long)]
    story: bool,
    /// With --story: play so many months of a team's life instead, the bot down over the end of the second
    #[arg(long, requires = "story", value_parser = clap::value_parser!(u32).range(1..=24))]
    months: Option<u32>,
    /// Where people are: in one, or in Slack and Discord at once
    #[arg(long, value_enum, default_value = "slack")]
    platform: Platform,
    /// Leave the database, logs, digests, charts, the provider's state and the sandbox's secrets in this
    /// folder
    #[arg(long)]
    keep: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Platform {
    /// Slack over Socket Mode
    Slack,
    /// Slack over signed HTTP
    SlackHttp,
    /// Discord over its gateway
    Discord,
    /// One team in Slack and in Discord
    Both,
}

impl Platform {
    fn way(self) -> Way {
        match self {
            Self::Slack => Way::SlackSocket,
            Self::SlackHttp => Way::SlackHttp,
            Self::Discord => Way::Discord,
            Self::Both => Way::Both,
        }
    }
}

fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = Arguments::parse();
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let folder = arguments
        .keep
        .clone()
        .unwrap_or_else(|| temporary.path().to_owned());
    fs::create_dir_all(&folder).expect("the folder can be made");
    if folder.join("slice.db").exists() {
        eprintln!(
            "{} holds an earlier run: name an empty folder. Nothing was changed.",
            folder.display()
        );
        return ExitCode::FAILURE;
    }
    let logs = File::create(folder.join("slice.log")).expect("a log file");
    log::subscriber(LogFormat::Text, Mutex::new(logs)).init();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let url = format!("sqlite:{}", folder.join("slice.db").display());
        let mut world = World::over(arguments.platform.way(), &url).await;
        world.echo = true;
        // What is not as told is a panic: what was played so far is kept all the same.
        let playing = async {
            if arguments.story {
                tell(&mut world, &arguments, &folder).await
            } else {
                prompt(&mut world).await
            }
        };
        let played = AssertUnwindSafe(playing).catch_unwind().await;
        world.kill();
        keep(&world, &folder);
        played.unwrap_or_else(|_| {
            eprintln!("The story did not go as told.");
            ExitCode::FAILURE
        })
    })
}

/// The story, and the proof of its audit trail.
async fn tell(world: &mut World, arguments: &Arguments, folder: &Path) -> ExitCode {
    match (arguments.months, arguments.platform) {
        (Some(months), _) => {
            months::begin(world).await;
            months::live(world, months).await;
        }
        (None, Platform::Both) => story::on_both_platforms(world).await,
        (None, _) => story::the_whole_story(world).await,
    }
    println!("\n$ slice audit verify");
    let vault = KeyVault::new(
        VaultKey::read(Some(VAULT_KEY)).expect("a vault key"),
        Arc::new(WorldClock::new(world.sandbox.clock.clone(), 2)),
    );
    let vault = Arc::new(vault);
    let open = async |url: String| {
        let clock = Arc::new(WorldClock::new(world.sandbox.clock.clone(), 3));
        SqlStore::open(&url, clock, vault.clone())
            .await
            .expect("the database opens")
    };
    let whole = open(world.database_url.clone()).await;
    let code = cli::audit::verify(&whole, None, None)
        .await
        .expect("the trail can be read");
    assert_eq!(code, ExitCode::SUCCESS, "the trail is whole");
    let copy = folder.join("altered.db");
    alter_a_copy(&folder.join("slice.db"), &copy).await;
    println!("\n$ # one event is altered in a copy of the database\n$ slice audit verify");
    let altered = open(format!("sqlite:{}", copy.display())).await;
    let code = cli::audit::verify(&altered, None, None)
        .await
        .expect("the trail can be read");
    assert_eq!(code, ExitCode::FAILURE, "the alteration is found");
    let violations = world.sandbox.wire.violations();
    assert!(
        violations.is_empty(),
        "the bot spoke as it should: {violations:#?}"
    );
    println!("\nThe story went as told.");
    ExitCode::SUCCESS
}

/// Alters the third event of the org with the longest trail.
const ALTER: &str = "UPDATE audit SET at = at + 1 WHERE seq = 3 AND org_id = \
    (SELECT org_id FROM audit GROUP BY org_id ORDER BY COUNT(*) DESC LIMIT 1)";

/// Copies the database and alters its third event, as somebody with a database tool would.
async fn alter_a_copy(database: &Path, copy: &Path) {
    let _ = fs::remove_file(copy);
    let open = async |path: &Path| {
        let url = format!("sqlite:{}", path.display());
        sqlx::SqlitePool::connect(&url)
            .await
            .expect("the database opens")
    };
    let original = open(database).await;
    let into = sqlx::AssertSqlSafe(format!("VACUUM INTO '{}'", copy.display()));
    sqlx::query(into)
        .execute(&original)
        .await
        .expect("the database can be copied");
    original.close().await;
    let pool = open(copy).await;
    let triggers: Vec<(String,)> =
        sqlx::query_as("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            .fetch_all(&pool)
            .await
            .expect("triggers are listed");
    for (name,) in triggers {
        let drop = sqlx::AssertSqlSafe(format!("DROP TRIGGER {name}"));
        sqlx::query(drop)
            .execute(&pool)
            .await
            .expect("a trigger can be dropped");
    }
    let altered = sqlx::query(ALTER)
        .execute(&pool)
        .await
        .expect("an event can be altered");
    assert_eq!(altered.rows_affected(), 1);
    pool.close().await;
}

/// What `--keep` leaves beside the database and the logs.
fn keep(world: &World, folder: &Path) {
    let sandbox = &world.sandbox;
    let states = serde_json::json!({
        "openrouter": sandbox.openrouter.state_json(),
        "aws": sandbox.aws.state_json(),
        "runpod": sandbox.runpod.state_json(),
    });
    let states = serde_json::to_string_pretty(&states);
    fs::write(folder.join("providers.json"), states.expect("JSON")).expect("a file");
    let shown = world.handed_out();
    let secrets = world.secrets().into_iter().map(|secret| {
        let kind = if shown.contains(&secret) {
            "shown once"
        } else {
            "kept"
        };
        format!("{kind}\t{secret}")
    });
    let secrets: Vec<_> = secrets.collect();
    fs::write(folder.join("secrets.txt"), secrets.join("\n")).expect("a file");
    let sights = world.towns().flat_map(|town| town.sights_since(0));
    let posted = sights.filter(|sight| sight.person == "olga" && sight.change == Change::New);
    let (mut digests, mut charts) = (vec![], 0);
    for sight in posted {
        let name = sight.text.lines().next().unwrap_or_default();
        if sight.place == Place::File
            && Path::new(name)
                .extension()
                .is_some_and(|ending| ending == "png")
        {
            let bytes = world.towns().find_map(|town| town.file(name));
            charts += 1;
            let chart = folder.join(format!("chart-{charts:02}.png"));
            fs::write(chart, bytes.expect("the file's bytes")).expect("a file");
        } else if months::is_digest(&sight.text) {
            digests.push(sight.text);
        }
    }
    if !digests.is_empty() {
        fs::write(folder.join("digests.txt"), digests.join("\n\n")).expect("a file");
    }
}

/// People whose hands are the reader's.
async fn prompt(world: &mut World) -> ExitCode {
    println!("{HELP}\n");
    for town in world.towns() {
        town.add_channel("slice-owners", ChannelKind::PRIVATE);
        town.join("slice-owners", "olga");
        town.invite_bot("slice-owners");
    }
    let aws = world.aws_master();
    world.opens_runpod_account();
    world.start().await.expect("the bot starts");
    world.settled().await;
    loop {
        print!("> ");
        stdout().flush().expect("standard output");
        let mut line = String::new();
        if stdin().lock().read_line(&mut line).expect("standard input") == 0 {
            return ExitCode::SUCCESS;
        }
        match line.trim() {
            "" => {}
            "quit" | "exit" => return ExitCode::SUCCESS,
            "help" => println!("{HELP}"),
            "cross" => world.crosses(),
            line => {
                if let Err(why) = act(world, &aws, line).await {
                    println!("    {why}");
                }
            }
        }
    }
}

/// One line of the prompt.
async fn act(world: &mut World, aws: &AccessKey, line: &str) -> Result<(), String> {
    let unknown = || format!("I don't understand {line:?}. Say `help`.");
    if let Some(span) = line.strip_prefix("later ") {
        let passing = slice_core::life::Life::parse(span).ok_or_else(unknown)?;
        let before = world.sandbox.clock.now();
        world.later(passing.duration()).await;
        let passed = world.sandbox.clock.now() - before;
        println!("    {} hours pass", passed / 3_600_000_000);
        return Ok(());
    }
    let (who, what) = line.split_once(['>', ' ']).ok_or_else(unknown)?;
    let what = what.trim();
    if !["olga", "ana", "bo"].contains(&who) {
        return Err(unknown());
    }
    let person = world.town.person(who);
    if let Some(command) = what.strip_prefix("/slice") {
        person.command("/slice", command.trim())?;
        world.settled().await;
    } else if let Some(label) = what.strip_prefix("click ") {
        person.click(label.trim())?;
        world.settled().await;
    } else if let Some(fields) = what.strip_prefix("submit ") {
        let meant = |value: &str| match value {
            "master" => world::MASTER.to_owned(),
            "aws-id" => aws.id.clone(),
            "aws-secret" => aws.secret.clone(),
            "runpod-key" => world::pods::RUNPOD_MASTER.to_owned(),
            _ => value.to_owned(),
        };
        let fields: Vec<_> = fields
            .split(';')
            .filter_map(|field| field.split_once('='))
            .map(|(label, value)| (label.trim(), meant(value.trim())))
            .collect();
        let fields: Vec<_> = fields
            .iter()
            .map(|(label, value)| (*label, value.as_str()))
            .collect();
        person.submit(&world.town, &fields)?;
        world.settled().await;
    } else if what == "close" {
        person.close_modal()?;
        world.settled().await;
    } else if what == "curl" {
        let key = last_key(world, who).ok_or("reveal a key first")?;
        world.curls(who, &key, "5").await;
    } else {
        return Err(unknown());
    }
    Ok(())
}

/// The key that a person revealed last.
fn last_key(world: &World, who: &str) -> Option<String> {
    let sights = world.town.person(who).sees();
    let words = sights
        .iter()
        .rev()
        .flat_map(|sight| sight.text.split_whitespace());
    words
        .filter(|word| word.starts_with("sk-or-v1-"))
        .map(str::to_owned)
        .next()
}
