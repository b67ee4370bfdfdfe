//! The bot, assembled: store, vault, services, platforms, edge and workers, each from outside.

use crate::{
    edge::{Edge, StoredTokens, home},
    http::{self, Check},
    platforms::{
        discord::{DiscordConfig, DiscordDoor, DiscordPlatform},
        slack::{SlackConfig, SlackListener, SlackPlatform},
    },
    services::{self, ServicesConfig},
    store::{OpenError, SqlStore},
    timetable,
    vault::KeyVault,
    work::{Bell, Worker, Workers},
};
use axum::Router;
use slice_core::{
    desk::Desk,
    ids::Workspace,
    ports::{Clock, Platform, PlatformError, Store},
    refusal::Refusal,
};
use std::{fmt, future::Future, sync::Arc, time::Duration};
use tokio::{net::TcpListener, task::JoinHandle};
use tracing::{info, warn};

/// What was begun when the end was asked for gets so long to finish.
const FAREWELL: Duration = Duration::from_secs(20);
/// A message that waits longer than this is a sign that something is wrong.
const BACKLOG_AGE_MAX: Duration = Duration::from_mins(15);

/// What a bot is made of.
pub struct Parts {
    pub database_url: String,
    pub vault: Arc<KeyVault>,
    pub clock: Arc<dyn Clock>,
    /// At least one of the platforms is there.
    pub slack: Option<SlackConfig>,
    pub discord: Option<DiscordConfig>,
    pub services: ServicesConfig,
    /// Workspaces beside those that the tokens vouch for that may open an org.
    pub workspaces: Vec<Workspace>,
}

impl Parts {
    /// Opens the database and brings its tables up to date.
    pub async fn open_store(&self) -> Result<SqlStore, OpenError> {
        let (clock, vault) = (self.clock.clone(), self.vault.clone());
        SqlStore::make(&self.database_url)?;
        let store = SqlStore::open(&self.database_url, clock, vault).await?;
        store.migrate().await?;
        Ok(store)
    }
}

/// Why a bot does not start.
#[derive(Debug)]
pub enum StartError {
    /// A chat platform refused the tokens or did not answer.
    Slack(String),
    Discord(String),
    Store(Refusal),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slack(why) => write!(f, "Slack: {why}"),
            Self::Discord(why) => write!(f, "Discord: {why}"),
            Self::Store(_) => f.write_str("the database does not answer"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<Refusal> for StartError {
    fn from(refusal: Refusal) -> Self {
        Self::Store(refusal)
    }
}

/// Workers that answer people, and so belong to the edge.
const OTHERS: &[Worker] = &[Worker {
    name: "homes",
    count: 1,
    step: |desk| Box::pin(home::step(desk)),
}];

/// A running bot.
pub struct Bot {
    pub desk: Arc<Desk>,
    pub edge: Edge,
    workers: Workers,
    slack: Option<SlackListener>,
    discord: Option<DiscordDoor>,
    bell: Arc<Bell>,
}

impl Bot {
    /// Connects to the chat platforms, opens their orgs, greets who installed it, and listens.
    pub async fn start(parts: Parts, store: Arc<dyn Store>) -> Result<Self, StartError> {
        let tokens = Arc::new(StoredTokens {
            store: store.clone(),
            vault: parts.vault.clone(),
        });
        let slack = parts.slack.map(|config| SlackPlatform::new(config, tokens));
        let slack = slack.transpose().map_err(StartError::Slack)?.map(Arc::new);
        let clock = || parts.clock.clone();
        let discord = parts
            .discord
            .map(|config| DiscordPlatform::new(config, clock()));
        let discord = discord
            .transpose()
            .map_err(StartError::Discord)?
            .map(Arc::new);
        let mut platforms: Vec<Arc<dyn Platform>> = vec![];
        platforms.extend(slack.clone().map(|slack| slack as Arc<dyn Platform>));
        platforms.extend(discord.clone().map(|discord| discord as Arc<dyn Platform>));
        let desk = Arc::new(Desk {
            store,
            vault: parts.vault,
            services: services::registry(&parts.services, &parts.clock),
            clock: parts.clock,
            platforms,
        });
        let bell = Arc::new(Bell::default());
        let ring = {
            let bell = bell.clone();
            move || bell.ring()
        };
        let edge = Edge::new(desk.clone(), parts.workspaces, Arc::new(ring));
        let slack = match slack {
            Some(slack) => Some(open_slack(slack, &edge).await?),
            None => None,
        };
        let discord = match discord {
            Some(discord) => Some(open_discord(&discord, &edge).await?),
            None => None,
        };
        edge.look_at_installations().await?;
        Ok(Self {
            workers: Workers::new(desk.clone(), bell.clone(), OTHERS),
            desk,
            edge,
            slack,
            discord,
            bell,
        })
    }

    /// Serves its health, and what chat platforms send by HTTP, until the task is aborted.
    pub fn serve(self: &Arc<Self>, listener: TcpListener) -> JoinHandle<std::io::Result<()>> {
        let bot = self.clone();
        let ready = move || {
            let bot = bot.clone();
            Box::pin(async move { bot.ready().await }) as _
        };
        let slack = self.slack.as_ref().map(SlackListener::routes);
        let discord = self.discord.as_ref().and_then(DiscordDoor::router);
        let platforms = slack.into_iter().chain(discord);
        let routes = platforms.fold(http::router(Arc::new(ready)), Router::merge);
        tokio::spawn(async move { axum::serve(listener, routes).await })
    }

    /// Does all the work that is due now.
    pub async fn run_until_idle(&self) -> Result<(), Refusal> {
        self.workers.run_until_idle().await
    }

    /// Works until `end` comes; then finishes what was begun, or gives it back.
    pub async fn run(&self, end: impl Future<Output = ()> + Send) {
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let working = self.workers.run_forever(stopped);
        let ending = async {
            end.await;
            info!("Slice is asked to end: it finishes what it has begun");
            if let Some(slack) = &self.slack {
                slack.shutdown().await;
            }
            if let Some(discord) = &self.discord {
                discord.shutdown().await;
            }
            self.finish_deliveries().await;
            let _ = stop.send(true);
            self.bell.ring();
        };
        tokio::join!(working, ending);
        info!("Slice ends");
    }

    /// Waits for the deliveries that were acknowledged.
    async fn finish_deliveries(&self) {
        let mut busy = self.edge.busy();
        let idle = busy.wait_for(|busy| *busy == 0);
        if tokio::time::timeout(FAREWELL, idle).await.is_err() {
            warn!("Some deliveries did not finish in time");
        }
    }

    /// What must be so for the bot to do its work.
    pub async fn ready(&self) -> Vec<Check> {
        let slack = self.slack.as_ref().map(SlackListener::check);
        let discord = self.discord.as_ref().map(DiscordDoor::check);
        let mut checks: Vec<_> = slack.into_iter().chain(discord).collect();
        let (store, now) = (&*self.desk.store, self.desk.clock.now());
        checks.push(backlog(store).await);
        checks.extend(timetable::checks(store, now).await);
        checks
    }
}

async fn open_slack(slack: Arc<SlackPlatform>, edge: &Edge) -> Result<SlackListener, StartError> {
    let failed = |error: PlatformError| StartError::Slack(error.to_string());
    let workspace = slack.workspace().await.map_err(failed)?;
    edge.welcome(&workspace).await?;
    let clock = edge.clock();
    let (reception, installing) = (Arc::new(edge.clone()), Arc::new(edge.clone()));
    let listener = SlackListener::start(slack, reception, installing, clock).await;
    let listener = listener.map_err(failed)?;
    info!(workspace.id = %workspace.id, "Slice listens in workspace {}", workspace.id);
    Ok(listener)
}

async fn open_discord(discord: &DiscordPlatform, edge: &Edge) -> Result<DiscordDoor, StartError> {
    let failed = |error: PlatformError| StartError::Discord(error.to_string());
    let is_private = discord.is_private().await.map_err(failed)?;
    for workspace in discord.workspaces().await.map_err(failed)? {
        edge.installed(&workspace, is_private).await;
        info!(workspace.id = %workspace.id, "Slice is in Discord server {}", workspace.id);
    }
    let door = DiscordDoor::open(discord, Arc::new(edge.clone())).await;
    door.map_err(failed)
}

/// The database, asked for what waits in the outbox.
pub async fn backlog(store: &dyn Store) -> Check {
    match store.backlog().await {
        Err(_) => Check::bad("database", "it does not answer: see DATABASE_URL"),
        Ok((waiting, Some(age))) if BACKLOG_AGE_MAX < age => Check::bad(
            "database",
            format!(
                "{waiting} messages wait, the oldest for {} min: look at the logs for why the chat \
                 platform refuses them",
                age.as_secs() / 60
            ),
        ),
        Ok((waiting, _)) => Check::good("database", format!("answers; {waiting} messages wait")),
    }
}
