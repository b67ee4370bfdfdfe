//! The program's own commands, for the person who runs Slice.

pub mod audit;
mod check;
mod operator;
mod serve;

use crate::{
    bot::Parts,
    clock::SystemClock,
    config::{self, BooksConfig, Config},
    log,
    platforms::{discord::DiscordConfig, slack::SlackConfig},
    services::ServicesConfig,
    store::SqlStore,
    vault::{KeyVault, VaultKey},
};
use clap::{Parser, Subcommand, ValueEnum};
use slice_core::ids::{OrgId, ServiceName};
use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

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
enum Audit {
    /// Prove that no event was altered, removed or inserted
    Verify {
        #[arg(long)]
        org: Option<OrgId>,
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
            let config = config::read(&lookup)?;
            operator::vault_put(config, org, ServiceName::new(service)).await
        }
        Command::Audit(Audit::Verify { org }) => audit::verify(&open(&lookup).await?, org).await,
        Command::Audit(Audit::Export { org, format, to }) => {
            audit::export(&open(&lookup).await?, org, format, to).await
        }
        Command::Forget { org, member } => {
            operator::forget(&open(&lookup).await?, org, &member).await
        }
        Command::Invite { workspace } => operator::invite(&open(&lookup).await?, &workspace).await,
        Command::Manifest { platform } => {
            let manifest = match platform {
                Platform::Slack => slice_commands::slack::manifest(),
                Platform::Discord => slice_commands::discord::commands(),
            };
            println!("{}", serde_json::to_string_pretty(&manifest)?);
            Ok(ExitCode::SUCCESS)
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
    Ok(SqlStore::open(&books.database_url, Arc::new(SystemClock), vault).await?)
}

fn parts(config: Config) -> Result<Parts, Failure> {
    let vault = vault(&config.books)?;
    Ok(Parts {
        database_url: config.books.database_url,
        vault,
        clock: Arc::new(SystemClock),
        slack: config.slack.map(|slack| SlackConfig {
            api_url: slack.api,
            bot_token: slack.bot_token,
            app_token: slack.app_token,
            call_timeout: CALL_TIMEOUT,
        }),
        discord: config.discord.map(|discord| DiscordConfig {
            api_url: discord.api,
            bot_token: discord.bot_token,
            transport: discord.transport,
            call_timeout: CALL_TIMEOUT,
        }),
        services: ServicesConfig {
            timeout: CALL_TIMEOUT,
            ..ServicesConfig::new(config.openrouter_api)
        },
        workspaces: config.workspaces,
    })
}

/// The org that was named, or the only one there is.
async fn which_org(store: &SqlStore, wanted: Option<OrgId>) -> Result<OrgId, Failure> {
    use slice_core::ports::Store;
    let orgs = store.orgs().await.map_err(said)?;
    match (wanted, orgs.as_slice()) {
        (Some(org), orgs) if orgs.contains(&org) => Ok(org),
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
