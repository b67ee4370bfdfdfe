//! The real bot in the sandbox's world: people act, the world settles, and what everybody saw is
//! compared. Nothing sleeps; time is the sandbox's clock.

#[path = "world/transcript.rs"]
mod transcript;

use rand::{RngCore, SeedableRng, rngs::StdRng};
use slice::{
    bot::{Bot, Parts},
    platforms::slack::SlackConfig,
    services::ServicesConfig,
    vault::{KeyVault, VaultKey},
};
use slice_core::{
    ids::OrgId,
    ports::{Clock, Store},
    secret::Secret,
    time::Time,
};
use slice_sandbox::{ChannelKind, PersonKind, Sandbox};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{runtime::Runtime, sync::Notify};

/// 1 November 2026, noon UTC.
pub const START: i64 = 1_793_534_400_000_000;
/// The canary that stands for a team's master key.
pub const MASTER: &str = "sk-or-mgmt-canary-0123456789abcdef0123456789abcdef";
/// The vault key of every test world: 32 bytes, base64.
pub const VAULT_KEY: &str = "c2xpY2Utc2FuZGJveC10ZXN0LXZhdWx0LWtleS0wMSE=";
/// A call that is not answered within this is given up on.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// The sandbox's clock, with chance from a seed.
pub struct WorldClock {
    clock: slice_sandbox::Clock,
    chance: Mutex<StdRng>,
}

impl WorldClock {
    pub fn new(clock: slice_sandbox::Clock, seed: u64) -> Self {
        Self {
            clock,
            chance: Mutex::new(StdRng::seed_from_u64(seed)),
        }
    }
}

impl Clock for WorldClock {
    fn now(&self) -> Time {
        Time::from_micros(self.clock.now())
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
    pub database_url: String,
    clock: Arc<WorldClock>,
    running: Option<Running>,
    /// Pulled when a kill point is reached.
    pub killed: Arc<Notify>,
    pub wrap: Option<Wrap>,
    pub call_timeout: Duration,
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
    /// olga owns the Slack workspace and installed the app; ana and bo are members. The provider
    /// knows the team's management key, with $1,000 of credits.
    pub async fn new(database_url: &str) -> Self {
        let sandbox = Sandbox::start(START)
            .await
            .expect("loopback has free ports");
        sandbox.slack.add_person("olga", PersonKind::PrimaryOwner);
        sandbox.slack.add_person("ana", PersonKind::Member);
        sandbox.slack.add_person("bo", PersonKind::Member);
        sandbox
            .openrouter
            .add_management_key(MASTER, "team", "1000");
        let clock = Arc::new(WorldClock::new(sandbox.clock.clone(), 1));
        Self {
            sandbox,
            database_url: database_url.to_owned(),
            clock,
            running: None,
            killed: Arc::default(),
            wrap: None,
            call_timeout: CALL_TIMEOUT,
            echo: false,
            log_from: 0,
            loose: false,
            said: vec![],
            seen: 0,
        }
    }

    fn parts(&self) -> Parts {
        let slack = &self.sandbox.slack;
        Parts {
            database_url: self.database_url.clone(),
            vault: Arc::new(KeyVault::new(
                VaultKey::read(Some(VAULT_KEY)).expect("a vault key"),
                self.clock.clone(),
            )),
            clock: self.clock.clone(),
            slack: Some(SlackConfig {
                api_url: slack.api_url(),
                bot_token: Secret::new(slack.bot_token()),
                app_token: Secret::new(slack.app_token()),
                call_timeout: self.call_timeout,
            }),
            discord: None,
            services: ServicesConfig {
                timeout: self.call_timeout,
                ..ServicesConfig::new(self.sandbox.openrouter.url())
            },
            workspaces: vec![],
        }
    }

    /// Starts the bot; its start ends when its socket is connected.
    pub async fn start(&mut self) -> Result<(), Died> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let parts = self.parts();
        let wrap = self.wrap.take();
        let starting = runtime.spawn(async move {
            let store = parts.open_store().await.expect("the database opens");
            let store: Arc<dyn Store> = Arc::new(store);
            let store = match &wrap {
                Some(wrap) => wrap(store),
                None => store,
            };
            Bot::start(parts, store).await
        });
        let killed = self.killed.clone();
        tokio::select! {
            bot = starting => {
                let bot = Arc::new(bot.expect("the start does not panic").expect("the bot starts"));
                self.running = Some(Running { runtime, bot });
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
        let (sandbox, bot) = (self.sandbox.clone(), running.bot.clone());
        let settling = running.runtime.spawn(async move {
            let mut crossed = 0;
            loop {
                quiet(&sandbox, &bot).await;
                let before = sandbox.wire.crossings_since(crossed).len();
                bot.run_until_idle().await.expect("the database answers");
                let after = sandbox.wire.crossings_since(crossed);
                if before == after.len() && is_quiet(&sandbox, &bot) {
                    return;
                }
                crossed = after.last().map_or(crossed, |crossing| crossing.n);
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

    /// A person types a command, and the world settles.
    pub async fn says(&mut self, who: &str, line: &str) {
        let shown: String = line.chars().take(120).collect();
        self.note(Some(format!("{who}> /slice {shown}")));
        self.sandbox.slack.person(who).command("/slice", line);
        self.settled().await;
    }

    /// A person clicks the newest button with this label, and the world settles.
    pub async fn clicks(&mut self, who: &str, label: &str) {
        self.note(Some(format!("{who}> click {label}")));
        let clicked = self.sandbox.slack.person(who).click(label);
        clicked.unwrap_or_else(|why| panic!("{why}"));
        self.settled().await;
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
        let sent = self.sandbox.slack.person(who).submit(fields);
        sent.unwrap_or_else(|why| panic!("{why}"));
        self.settled().await;
    }

    /// What a person newly sees.
    pub fn reads(&self, who: &str) -> String {
        self.sandbox.slack.person(who).reads().join("\n")
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

    /// The team with a private owners' channel that the bot may post to and the master key in the
    /// vault; ana has $100 a month. Everything said so far is read.
    pub async fn set_up(&mut self) {
        self.start().await.expect("the bot starts");
        self.settled().await;
        self.deposit().await;
        self.owners_channel().await;
        self.says("olga", "allocate @ana 100").await;
        self.all_read();
        // The story tells this part; other transcripts begin after it.
        self.said.clear();
    }

    pub async fn deposit(&mut self) {
        self.says("olga", "vault add openrouter").await;
        self.submits("olga", &[("Master key", MASTER)]).await;
    }

    pub async fn owners_channel(&mut self) {
        let slack = &self.sandbox.slack;
        slack.add_channel("slice-owners", ChannelKind::PRIVATE);
        slack.join("slice-owners", "olga");
        slack.invite_bot("slice-owners");
        self.says("olga", "settings owners-channel #slice-owners")
            .await;
    }

    pub fn all_read(&self) {
        for who in ["olga", "ana", "bo"] {
            self.reads(who);
        }
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

    /// The keys that exist at the provider, by what they can still spend.
    pub fn live_keys(&self) -> Vec<slice_sandbox::KeyState> {
        self.sandbox
            .openrouter
            .keys()
            .into_iter()
            .filter(|key| !key.deleted)
            .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
    }
}

fn is_quiet(sandbox: &Sandbox, bot: &Bot) -> bool {
    sandbox.slack.unacknowledged() == 0
        && sandbox.wire.open_requests() == 0
        && *bot.edge.busy().borrow() == 0
}

async fn quiet(sandbox: &Sandbox, bot: &Bot) {
    let mut busy = bot.edge.busy();
    loop {
        let changed = sandbox.wire.changed();
        if is_quiet(sandbox, bot) {
            return;
        }
        tokio::select! {
            () = changed => {}
            _ = busy.changed() => {}
        }
    }
}
