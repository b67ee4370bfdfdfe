//! The program's own commands, for the person who runs Slice.

pub mod audit;
mod check;
mod jobs;
mod operator;
mod serve;

use crate::{
    bot::Parts,
    clock::SystemClock,
    config::{self, BooksConfig, Config, DiscordSettings, SlackSettings},
    log,
    platforms::{discord::DiscordConfig, slack::SlackConfig},
    services,
    store::SqlStore,
    vault::{KeyVault, VaultKey},
};
use clap::{Parser, Subcommand, ValueEnum};
use slice_core::{
    ids::{OrgId, ServiceName},
    ports::Clock,
};
use std::{
    io::{ErrorKind, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

/// A call to a chat platform or a provider that is not answered within this is given up on.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// What went wrong, for the person at the terminal.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Budget-limited API keys for teams, handed out in chat. Configured by the environment: see
/// `.env.example`.
#[derive(Parser)]
#[command(name = "slice", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the bot
    Serve,
    /// Look at tokens, scopes, vault key, database and providers: a line each, with the remedy
    Check,
    /// Bring the database up to date
    Migrate,
    /// Print a new vault key
    Keygen,
    /// Work with the vault without chat
    #[command(subcommand)]
    Vault(Vault),
    /// Work with the audit trail
    #[command(subcommand)]
    Audit(Audit),
    /// List what happens by the clock: when each job last ran, and when it is due next
    Jobs {
        #[command(subcommand)]
        command: Option<Jobs>,
    },
    /// Unbind a channel, group or role that nobody in chat can unbind any more
    Unbind {
        #[arg(long)]
        org: Option<OrgId>,
        /// As a refusal or `slice audit export` names it, such as C0123ABCD
        group: String,
    },
    /// Erase a member's texts and identities; the audit trail stays provable
    Forget {
        #[arg(long)]
        org: Option<OrgId>,
        /// The member, as `slice/T…/U…` on a platform (slack/T0123/U0123) or as in an export
        member: String,
    },
    /// Allow a workspace that `SLICE_WORKSPACES` does not list
    Invite {
        /// Such as slack/T0123
        workspace: String,
    },
    /// Print what the chat platforms need to know of the commands
    Manifest { platform: Platform },
}

#[derive(Subcommand)]
enum Vault {
    /// Deposit or replace a master key, read from standard input
    Put {
        #[arg(long)]
        org: Option<OrgId>,
        service: String,
    },
}

#[derive(Subcommand)]
enum Jobs {
    /// Do one now: turn, digest, or a round of the meter
    Run {
        job: String,
        #[arg(long)]
        org: Option<OrgId>,
    },
}

#[derive(Subcommand)]
enum Audit {
    /// Prove that no event was altered, removed or inserted
    Verify {
        #[arg(long)]
        org: Option<OrgId>,
        /// A head that an export, a digest or an earlier run told: the trail must have had it
        #[arg(long)]
        head: Option<String>,
    },
    /// Print every event
    Export {
        #[arg(long)]
        org: Option<OrgId>,
        #[arg(long, default_value = "jsonl")]
        format: Format,
        /// Instead of standard output
        #[arg(long)]
        to: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Csv,
    Jsonl,
}

#[derive(Clone, Copy, ValueEnum)]
enum Platform {
    Slack,
    Discord,
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    // With two providers compiled in, or none, the first TLS handshake would panic.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::parse();
    log::init(config::log_format(&lookup));
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    match runtime.block_on(carry_out(cli.command)) {
        Ok(code) => code,
        Err(failure) => fail(&failure),
    }
}

/// To standard output. Whoever reads it may stop reading at any time.
fn print(text: &str) -> Result<ExitCode, Failure> {
    let written = writeln!(std::io::stdout(), "{text}");
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn fail(failure: &Failure) -> ExitCode {
    eprintln!("slice: {failure}");
    ExitCode::FAILURE
}

fn lookup(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

async fn carry_out(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve => serve::serve(config::read(&lookup)?).await,
        Command::Check => check::check(&lookup).await,
        Command::Migrate => {
            let books = config::read_books(&lookup)?;
            let vault = vault(&books)?;
            SqlStore::make(&books.database_url)?;
            let store = SqlStore::open(&books.database_url, Arc::new(SystemClock), vault).await?;
            store.migrate().await?;
            println!("The database is up to date.");
            Ok(ExitCode::SUCCESS)
        }
        Command::Keygen => {
            println!("{}", *VaultKey::generate(&SystemClock).text());
            Ok(ExitCode::SUCCESS)
        }
        Command::Vault(Vault::Put { org, service }) => {
            let (books, services) = config::read_vault(&lookup)?;
            let services = services::registry(&services, &clock());
            operator::vault_put(&books, &services, org, ServiceName::new(service)).await
        }
        Command::Audit(Audit::Verify { org, head }) => {
            audit::verify(&open(&lookup).await?, org, head.as_deref()).await
        }
        Command::Audit(Audit::Export { org, format, to }) => {
            audit::export(&open(&lookup).await?, org, format, to).await
        }
        Command::Jobs { command } => {
            let store = open(&lookup).await?;
            match command {
                None => jobs::list(&store).await,
                Some(Jobs::Run { job, org }) => jobs::run(&store, org, &job).await,
            }
        }
        Command::Unbind { org, group } => {
            operator::unbind(&open(&lookup).await?, org, &group).await
        }
        Command::Forget { org, member } => {
            operator::forget(&open(&lookup).await?, org, &member).await
        }
        Command::Invite { workspace } => operator::invite(&open(&lookup).await?, &workspace).await,
        Command::Manifest { platform } => {
            let manifest = match platform {
                Platform::Slack => match config::read_public_url(&lookup)? {
                    Some(url) => slice_commands::slack::manifest_over_http(&url),
                    None => slice_commands::slack::manifest(),
                },
                Platform::Discord => slice_commands::discord::commands(),
            };
            print(&serde_json::to_string_pretty(&manifest)?)
        }
    }
}

fn vault(books: &BooksConfig) -> Result<Arc<KeyVault>, Failure> {
    let key = VaultKey::read(Some(books.vault_key.expose()))?;
    Ok(Arc::new(KeyVault::new(key, Arc::new(SystemClock))))
}

/// Opens the books of an environment, without a chat platform.
async fn open(lookup: &dyn Fn(&str) -> Option<String>) -> Result<SqlStore, Failure> {
    let books = config::read_books(lookup)?;
    let vault = vault(&books)?;
    let store = SqlStore::open(&books.database_url, Arc::new(SystemClock), vault).await?;
    if store.is_current().await? {
        Ok(store)
    } else {
        Err("the database's tables are not up to date: run `slice migrate`".into())
    }
}

fn parts(config: Config) -> Result<Parts, Failure> {
    let vault = vault(&config.books)?;
    Ok(Parts {
        vault,
        clock: Arc::new(SystemClock),
        services: config.services,
        workspaces: config.workspaces,
        database_url: config.books.database_url,
        slack: config.slack.map(slack),
        discord: config.discord.map(discord),
    })
}

fn slack(settings: SlackSettings) -> SlackConfig {
    SlackConfig {
        api_url: settings.api,
        bot_token: settings.bot_token,
        transport: settings.transport,
        call_timeout: CALL_TIMEOUT,
    }
}

fn discord(settings: DiscordSettings) -> DiscordConfig {
    DiscordConfig {
        api_url: settings.api,
        bot_token: settings.bot_token,
        transport: settings.transport,
        call_timeout: CALL_TIMEOUT,
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// The org that was named, or the only one there is.
async fn which_org(store: &SqlStore, wanted: Option<OrgId>) -> Result<OrgId, Failure> {
    use slice_core::ports::Store;
    let orgs = store.orgs().await.map_err(said)?;
    let closed = store.closed_orgs().await.map_err(said)?;
    match (wanted, orgs.as_slice()) {
        // The trail of one that joined another is still there.
        (Some(org), orgs) if orgs.contains(&org) || closed.contains(&org) => Ok(org),
        (Some(org), _) => Err(format!("there is no org {org} in this database").into()),
        (None, [org]) => Ok(*org),
        (None, []) => Err("there is no org in this database yet: start `slice serve` first".into()),
        (None, orgs) => {
            let names: Vec<_> = orgs.iter().map(ToString::to_string).collect();
            Err(format!(
                "there are several orgs; name one with --org: {}",
                names.join(", ")
            )
            .into())
        }
    }
}

/// A refusal as the text that a terminal shows.
#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn said(refusal: slice_core::refusal::Refusal) -> Failure {
    use slice_core::page::{Block, Span};
    let mut text = String::new();
    for block in refusal.page().0 {
        if let Block::Text(line) = block {
            for span in line.0 {
                if let Span::Plain(part) | Span::Bold(part) | Span::Code(part) = span {
                    text += &part;
                }
            }
        }
    }
    text.into()
}
