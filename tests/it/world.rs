//! The real bot in the sandbox's world: people act, the world settles, and what everybody saw is
//! compared. Nothing sleeps; time is the sandbox's clock.

#[path = "world/aws.rs"]
pub mod aws;
#[path = "world/beginning.rs"]
mod beginning;
#[path = "world/pods.rs"]
pub mod pods;
#[path = "world/services.rs"]
pub mod services;
#[path = "world/town.rs"]
mod town;
#[path = "world/transcript.rs"]
mod transcript;
#[path = "world/ways.rs"]
mod ways;

pub use town::{Town, Way};

use rand::{RngCore, SeedableRng, rngs::StdRng};
use slice::{
    bot::{Bot, Parts, StartError},
    platforms::{discord::DiscordConfig, slack::SlackConfig},
    services::{ServicesConfig, s3::Prices},
    vault::{KeyVault, VaultKey},
};
use slice_core::{
    ids::{OrgId, Workspace},
    leaving::CHECK_EVERY,
    ports::{Clock, Store},
    secret::Secret,
    time::Time,
};
use slice_sandbox::{Moto, PersonKind, Sandbox};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, runtime::Runtime, sync::Notify};

/// 1 November 2026, noon UTC.
pub const START: i64 = 1_793_534_400_000_000;
/// The canary that stands for a team's master key.
pub const MASTER: &str = "sk-or-mgmt-canary-0123456789abcdef0123456789abcdef";
/// The vault key of every test world: 32 bytes, base64.
pub const VAULT_KEY: &str = "c2xpY2Utc2FuZGJveC10ZXN0LXZhdWx0LWtleS0wMSE=";
/// With which Slack signs where it delivers by HTTP.
pub const SIGNING_SECRET: &str = "5195c0de5195c0de5195c0de5195c0de";
/// A call that is not answered within this is given up on.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// The sandbox's clock, with chance from a seed.
pub struct WorldClock {
    clock: slice_sandbox::Clock,
    /// The bot's machine is so many microseconds ahead of the rest of the world.
    pub ahead: AtomicI64,
    chance: Mutex<StdRng>,
}

impl WorldClock {
    pub fn new(clock: slice_sandbox::Clock, seed: u64) -> Self {
        Self {
            clock,
            ahead: AtomicI64::new(0),
            chance: Mutex::new(StdRng::seed_from_u64(seed)),
        }
    }
}

impl Clock for WorldClock {
    fn now(&self) -> Time {
        Time::from_micros(self.clock.now() + self.ahead.load(Ordering::SeqCst))
    }

    fn random(&self, bytes: &mut [u8]) {
        self.chance
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill_bytes(bytes);
    }
}

/// Wraps the store of a bot that is about to start: how the crash table counts commits.
pub type Wrap = Box<dyn Fn(Arc<dyn Store>) -> Arc<dyn Store> + Send + Sync>;

/// The bot, in a runtime of its own so that it can be killed at any moment.
struct Running {
    runtime: Runtime,
    bot: Arc<Bot>,
}

/// A team in Slack, a provider, a database, and the bot between them.
pub struct World {
    pub sandbox: Sandbox,
    /// Where people and the bot talk.
    pub town: Town,
    /// Where they talk as well, and how much of it was noted.
    elsewhere: Option<(Town, u64)>,
    /// In the place of the sandbox's own AWS.
    moto: Option<Moto>,
    pub database_url: String,
    pub clock: Arc<WorldClock>,
    running: Option<Running>,
    /// A second replica on the same database.
    twin: Option<Running>,
    /// Pulled when a kill point is reached.
    pub killed: Arc<Notify>,
    pub wrap: Option<Wrap>,
    pub call_timeout: Duration,
    /// `None`: the table that comes with Slice.
    pub s3_prices: Option<Prices>,
    way: Way,
    /// Workspaces that the environment lists.
    pub workspaces: Vec<Workspace>,
    /// Where the running bot is reached.
    pub url: String,
    /// Somebody or some channel is out of reach in the end, so that messages may not arrive.
    pub may_miss: bool,
    /// Print what people do and see.
    pub echo: bool,
    /// Where in the log this world begins.
    pub log_from: usize,
    loose: bool,
    said: Vec<String>,
    seen: u64,
}

/// The bot died at a kill point.
#[derive(Debug)]
pub struct Died;

impl World {
    /// A team in Slack, over Socket Mode.
    pub async fn new(database_url: &str) -> Self {
        Self::over(Way::SlackSocket, database_url).await
    }

    /// olga owns the workspace and installed the app; ana and bo are members. The provider knows the
    /// team's management key, with $1,000 of credits.
    pub async fn over(way: Way, database_url: &str) -> Self {
        let sandbox = Sandbox::start(START)
            .await
            .expect("loopback has free ports");
        let (town, elsewhere) = Town::of(&sandbox, way);
        for town in elsewhere.iter().chain([&town]) {
            town.add_person("olga", PersonKind::PrimaryOwner);
            town.add_person("ana", PersonKind::Member);
            town.add_person("bo", PersonKind::Member);
        }
        sandbox
            .openrouter
            .add_management_key(MASTER, "team", "1000");
        let clock = Arc::new(WorldClock::new(sandbox.clock.clone(), 1));
        Self {
            sandbox,
            town,
            elsewhere: elsewhere.map(|town| (town, 0)),
            moto: None,
            database_url: database_url.to_owned(),
            clock,
            running: None,
            twin: None,
            killed: Arc::default(),
            wrap: None,
            call_timeout: CALL_TIMEOUT,
            s3_prices: None,
            way,
            workspaces: vec![],
            url: String::new(),
            may_miss: false,
            echo: false,
            log_from: 0,
            loose: false,
            said: vec![],
            seen: 0,
        }
    }

    fn parts(&self) -> Parts {
        let (slack, discord) = (&self.sandbox.slack, &self.sandbox.discord);
        Parts {
            database_url: self.database_url.clone(),
            vault: Arc::new(KeyVault::new(
                VaultKey::read(Some(VAULT_KEY)).expect("a vault key"),
                self.clock.clone(),
            )),
            clock: self.clock.clone(),
            slack: self.transport().map(|transport| SlackConfig {
                api_url: slack.api_url(),
                bot_token: Secret::new(slack.bot_token()),
                transport,
                call_timeout: self.call_timeout,
            }),
            discord: self.way.has_discord().then(|| DiscordConfig {
                api_url: discord.api_url(),
                bot_token: Secret::new(discord.bot_token()),
                transport: self.discord_transport(),
                call_timeout: self.call_timeout,
            }),
            services: ServicesConfig {
                timeout: self.call_timeout,
                s3_prices: self.s3_prices.clone(),
                aws_endpoint: Some(self.aws_url().to_owned()),
                runpod_api: self.sandbox.runpod.url().to_owned(),
                ..ServicesConfig::new(self.sandbox.openrouter.url())
            },
            workspaces: self
                .workspaces
                .iter()
                .cloned()
                .chain(self.listed())
                .collect(),
        }
    }

    /// The port where the bot is reached: bound first, so that Slack knows it.
    fn listener(&mut self) -> std::net::TcpListener {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        listener.set_nonblocking(true).expect("a listener");
        self.url = format!("http://{}", listener.local_addr().expect("an address"));
        if self.way == Way::SlackHttp {
            let slack = &self.sandbox.slack;
            slack.deliver_over_http(&self.url, SIGNING_SECRET);
        }
        listener
    }

    /// Starts the bot; its start ends when it hears Slack.
    pub async fn start(&mut self) -> Result<(), Died> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = self.listener();
        let parts = self.parts();
        let wrap = self.wrap.take();
        let starting = runtime.spawn(async move {
            let store = parts.open_store().await.expect("the database opens");
            let store: Arc<dyn Store> = Arc::new(store);
            let store = match &wrap {
                Some(wrap) => wrap(store),
                None => store,
            };
            let bot = Arc::new(Bot::start(parts, store).await?);
            bot.serve(TcpListener::from_std(listener).expect("a listener"));
            Ok::<_, StartError>(bot)
        });
        let killed = self.killed.clone();
        tokio::select! {
            bot = starting => {
                let bot = bot.expect("the start does not panic").expect("the bot starts");
                self.running = Some(Running { runtime, bot });
                if self.way == Way::DiscordHttp {
                    let url = format!("{}/discord/interactions", self.url);
                    let told = self.sandbox.discord.deliver_over_http(&url).await;
                    told.expect("Discord is content with the endpoint");
                }
                Ok(())
            }
            () = killed.notified() => {
                runtime.shutdown_background();
                Err(Died)
            }
        }
    }

    /// The bot dies at once, wherever it is.
    pub fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            drop(running.bot);
            running.runtime.shutdown_background();
        }
    }

    pub fn bot(&self) -> &Arc<Bot> {
        &self.running.as_ref().expect("the bot runs").bot
    }

    /// Waits until nobody has anything left to do: no unacknowledged envelope, no open request, no
    /// delivery being worked on, and idle workers.
    pub async fn settle(&mut self) -> Result<(), Died> {
        let Some(running) = &self.running else {
            return Err(Died);
        };
        let sandbox = self.sandbox.clone();
        let bots: Vec<_> = [&self.running, &self.twin]
            .into_iter()
            .flatten()
            .map(|running| (running.bot.clone(), running.runtime.handle().clone()))
            .collect();
        let towns: Vec<Town> = self.towns().cloned().collect();
        let settling = running.runtime.spawn(async move {
            loop {
                for (bot, _) in &bots {
                    quiet(&sandbox, &towns, bot).await;
                }
                let before = sandbox.wire.count();
                // Each in its own runtime: what it opened there outlives the other's death.
                let working = bots.iter().cloned();
                let working =
                    working.map(|(bot, own)| own.spawn(async move { bot.run_until_idle().await }));
                for worked in futures::future::join_all(working).await {
                    match worked {
                        Ok(worked) => worked.expect("the database answers"),
                        // The bot was killed, and this task goes with it.
                        Err(gone) if gone.is_cancelled() => std::future::pending().await,
                        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
                    }
                }
                let quiet = bots.iter().all(|(bot, _)| is_quiet(&sandbox, &towns, bot));
                if before == sandbox.wire.count() && quiet {
                    return;
                }
            }
        });
        let killed = self.killed.clone();
        let outcome = tokio::select! {
            settled = settling => settled.map_err(|_| Died),
            () = killed.notified() => Err(Died),
        };
        if outcome.is_err() {
            self.kill();
        }
        outcome
    }

    /// Settles, and expects the bot to live.
    pub async fn settled(&mut self) {
        self.settle().await.expect("the bot lives");
        self.note(None);
    }

    /// Time passes, and the world settles again.
    pub async fn later(&mut self, span: Duration) {
        self.sandbox.clock.advance(span);
        self.settled().await;
    }

    /// Every town, the one where people are first.
    pub fn towns(&self) -> impl Iterator<Item = &Town> {
        let elsewhere = self.elsewhere.iter().map(|(town, _)| town);
        std::iter::once(&self.town).chain(elsewhere)
    }

    /// Everybody goes on in the other town.
    pub fn crosses(&mut self) {
        if let Some((town, seen)) = &mut self.elsewhere {
            std::mem::swap(&mut self.town, town);
            std::mem::swap(&mut self.seen, seen);
        }
        self.note(Some(format!("— in {} —", self.town.name())));
    }

    /// Somebody left, came back or became somebody else, and the bot comes to know: Slack tells it at
    /// once, and of Discord it asks every so often.
    pub async fn noticed(&mut self) {
        match self.way {
            Way::SlackSocket | Way::SlackHttp => self.settled().await,
            Way::Discord | Way::DiscordHttp | Way::Both => self.later(CHECK_EVERY).await,
        }
    }

    /// A person types a command, and the world settles.
    ///
    /// Gives whether the person's client sends that at all.
    pub async fn says(&mut self, who: &str, line: &str) -> bool {
        let shown: String = line.chars().take(120).collect();
        self.note(Some(format!("{who}> /slice {shown}")));
        let said = self.town.person(who).command("/slice", line);
        if said.is_err() {
            self.note(Some("    (the client does not send that)".to_owned()));
        }
        self.settled().await;
        said.is_ok()
    }

    /// A person clicks the newest button with this label, and the world settles.
    pub async fn clicks(&mut self, who: &str, label: &str) {
        self.note(Some(format!("{who}> click {label}")));
        let hands = self.town.person(who);
        let clicked = hands.click(label);
        clicked.unwrap_or_else(|why| panic!("{why}"));
        self.settled().await;
        if let Some(yes) = hands.is_asked(label) {
            let confirmed = hands.click(&yes);
            confirmed.unwrap_or_else(|why| panic!("{why}"));
            self.settled().await;
        }
    }

    /// A person fills in the open form and sends it, and the world settles.
    pub async fn submits(&mut self, who: &str, fields: &[(&str, &str)]) {
        let secret = |label: &str| label.contains("key");
        let shown = fields
            .iter()
            .map(|(label, value)| format!("{label} = {}", if secret(label) { "…" } else { value }));
        self.note(Some(format!(
            "{who}> submit {}",
            shown.collect::<Vec<_>>().join("; ")
        )));
        let hands = self.town.person(who);
        let again = "Open form";
        if hands.modal().is_none() && hands.buttons().iter().any(|label| label == again) {
            // Where forms cannot say what was wrong in place, they come back by a button.
            hands.click(again).expect("the button is there");
            self.settled().await;
        }
        let sent = hands.submit(&self.town, fields);
        sent.unwrap_or_else(|why| panic!("{why}; {who} reads:\n{}", self.reads(who)));
        self.settled().await;
    }

    /// What a person newly sees.
    pub fn reads(&self, who: &str) -> String {
        self.town.person(who).reads().join("\n")
    }

    /// What a person newly sees, which must hold each of these.
    #[track_caller]
    pub fn expect(&self, who: &str, parts: &[&str]) -> String {
        let read = self.reads(who);
        for part in parts {
            assert!(
                read.contains(part),
                "{who} should read {part:?}, but reads:\n{read}"
            );
        }
        read
    }

    /// The one org of the world.
    pub async fn org(&self) -> OrgId {
        let orgs = self
            .bot()
            .desk
            .store
            .orgs()
            .await
            .expect("the database answers");
        assert_eq!(orgs.len(), 1, "one org");
        orgs[0]
    }

    /// The keys at the provider that can still be used.
    pub fn live_keys(&self) -> Vec<slice_sandbox::KeyState> {
        let mut keys = self.standing_keys();
        keys.retain(|key| !key.disabled);
        keys
    }

    /// The keys that exist at the provider.
    pub fn standing_keys(&self) -> Vec<slice_sandbox::KeyState> {
        let mut keys = self.sandbox.openrouter.keys();
        keys.retain(|key| !key.deleted);
        keys
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
        if let Some(twin) = self.twin.take() {
            drop(twin.bot);
            twin.runtime.shutdown_background();
        }
    }
}

fn is_quiet(sandbox: &Sandbox, towns: &[Town], bot: &Bot) -> bool {
    towns.iter().all(|town| town.unacknowledged() == 0)
        && sandbox.wire.open_requests() == 0
        && *bot.edge.busy().borrow() == 0
}

async fn quiet(sandbox: &Sandbox, towns: &[Town], bot: &Bot) {
    let mut busy = bot.edge.busy();
    loop {
        let changed = sandbox.wire.changed();
        if is_quiet(sandbox, towns, bot) {
            return;
        }
        tokio::select! {
            () = changed => {}
            _ = busy.changed() => {}
        }
    }
}
