//! The bot, assembled: store, vault, services, platforms, edge and workers, each from outside.

use crate::{
    edge::Edge,
    http::{self, Check},
    platforms::slack::{SlackConfig, SlackListener, SlackPlatform},
    services::{self, ServicesConfig},
    store::{OpenError, SqlStore},
    vault::KeyVault,
    work::{Bell, Workers},
};
use slice_core::{
    desk::Desk,
    ids::Workspace,
    ports::{Clock, Store},
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
    pub slack: SlackConfig,
    pub services: ServicesConfig,
    /// Workspaces beside the token's own that may open an org.
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
    /// The chat platform refused the tokens or did not answer.
    Platform(String),
    Store(Refusal),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform(why) => write!(f, "Slack: {why}"),
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

/// A running bot.
pub struct Bot {
    pub desk: Arc<Desk>,
    pub edge: Edge,
    workers: Workers,
    slack: SlackListener,
    bell: Arc<Bell>,
}

impl Bot {
    /// Connects to the chat platform, opens its org, greets who installed it, and listens.
    pub async fn start(parts: Parts, store: Arc<dyn Store>) -> Result<Self, StartError> {
        let slack = Arc::new(SlackPlatform::new(parts.slack).map_err(StartError::Platform)?);
        let desk = Arc::new(Desk {
            store,
            vault: parts.vault,
            clock: parts.clock,
            services: services::registry(&parts.services),
            platforms: vec![slack.clone()],
        });
        let workspace = slack
            .workspace()
            .await
            .map_err(|error| StartError::Platform(error.to_string()))?;
        let bell = Arc::new(Bell::default());
        let ring = {
            let bell = bell.clone();
            move || bell.ring()
        };
        let edge = Edge::new(desk.clone(), parts.workspaces, Arc::new(ring));
        edge.welcome(&workspace).await?;
        let slack = SlackListener::start(slack, Arc::new(edge.clone()), desk.clock.clone())
            .await
            .map_err(|error| StartError::Platform(error.to_string()))?;
        let workers = Workers::new(desk.clone(), bell.clone());
        info!(workspace.id = %workspace.id, "Slice listens in workspace {}", workspace.id);
        Ok(Self {
            desk,
            edge,
            workers,
            slack,
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
        let routes = http::router(Arc::new(ready)).merge(self.slack.routes());
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
            self.slack.shutdown().await;
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
        vec![self.slack.check(), backlog(&*self.desk.store).await]
    }
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
