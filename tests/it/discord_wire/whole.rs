//! The whole bot with Discord alone: a key from request to end, and roles as they are now.

use super::{CALL_TIMEOUT, GATEWAY, Stage};
use crate::{
    postgres::Kind,
    world::{MASTER, VAULT_KEY, WorldClock},
};
use serde_json::json;
use slice::{
    bot::{Bot, Parts},
    platforms::discord::DiscordConfig,
    services::ServicesConfig,
    vault::{KeyVault, VaultKey},
};
use slice_core::{ids::Workspace, secret::Secret};
use slice_sandbox::{ChannelKind, DiscordPerson, PersonKind, Place, Sandbox};
use std::sync::Arc;

/// A bot of its own beside the stage's, which hears nothing any more.
struct Team {
    sandbox: Sandbox,
    bot: Bot,
}

impl Team {
    async fn new(stage: &Stage, database: &str) -> Self {
        stage.door.shutdown().await;
        let sandbox = stage.sandbox.clone();
        sandbox
            .openrouter
            .add_management_key(MASTER, "team", "1000");
        sandbox.discord.add_person("bo", PersonKind::Member);
        for (command, word, option) in [
            ("provision", "for", "life"),
            ("provision", "as", "name"),
            ("provision", "because", "reason"),
        ] {
            sandbox.discord.introduces(command, word, option, false);
        }
        let parts = parts(&sandbox, database, stage.workspace());
        let store = parts.open_store().await.expect("the database opens");
        let bot = Bot::start(parts, Arc::new(store))
            .await
            .expect("the bot starts");
        let team = Self { sandbox, bot };
        team.settled().await;
        team
    }

    fn person(&self, handle: &str) -> DiscordPerson {
        self.sandbox.discord.person(handle)
    }

    /// Waits until nobody has anything left to do.
    async fn settled(&self) {
        let settling = async {
            let mut crossed = usize::MAX;
            loop {
                let changed = self.sandbox.wire.changed();
                let mut busy = self.bot.edge.busy();
                if self.is_quiet() {
                    self.bot
                        .run_until_idle()
                        .await
                        .expect("the database answers");
                    let crossings = self.sandbox.wire.count();
                    if std::mem::replace(&mut crossed, crossings) == crossings && self.is_quiet() {
                        return;
                    }
                    continue;
                }
                tokio::select! {
                    () = changed => {}
                    _ = busy.changed() => {}
                }
            }
        };
        let settled = tokio::time::timeout(super::PATIENCE, settling).await;
        settled.expect("the world settles");
    }

    fn is_quiet(&self) -> bool {
        self.sandbox.discord.unanswered() == 0
            && self.sandbox.wire.open_requests() == 0
            && *self.bot.edge.busy().borrow() == 0
    }

    async fn says(&self, who: &str, line: &str) {
        let sent = self.person(who).command("/slice", line);
        sent.unwrap_or_else(|why| panic!("{who}> {line}: {why}"));
        self.settled().await;
    }

    async fn clicks(&self, who: &str, label: &str) {
        let clicked = self.person(who).click(label);
        clicked.unwrap_or_else(|why| panic!("{who} clicks {label}: {why}"));
        self.settled().await;
    }

    async fn submits(&self, who: &str, fields: &[(&str, &str)]) {
        let sent = self.person(who).submit(fields);
        sent.unwrap_or_else(|why| panic!("{who} submits: {why}"));
        self.settled().await;
    }

    /// What a person newly reads, which must hold each of these.
    #[track_caller]
    fn expect(&self, who: &str, parts: &[&str]) -> String {
        let read = self.person(who).reads().join("\n");
        for part in parts {
            assert!(
                read.contains(part),
                "{who} should read {part:?}, but reads:\n{read}"
            );
        }
        read
    }

    async fn set_up(&self) {
        self.expect("olga", &["Slice is here", "[1. Deposit a master key]"]);
        self.says("olga", "vault add openrouter").await;
        self.submits("olga", &[("Master key", MASTER)]).await;
        self.expect("olga", &["sealed"]);
        let world = &self.sandbox.discord;
        world.add_channel("slice-owners", ChannelKind::PRIVATE);
        world.join("slice-owners", "olga");
        world.invite_bot("slice-owners");
        self.says("olga", "settings owners-channel #slice-owners")
            .await;
        self.says("olga", "allocate @ana 100").await;
        self.expect("ana", &["gave you a monthly budget of $100.00"]);
        self.expect("olga", &["$100.00"]);
    }
}

fn parts(sandbox: &Sandbox, database: &str, workspace: Workspace) -> Parts {
    let clock = Arc::new(WorldClock::new(sandbox.clock.clone(), 1));
    let vault_key = VaultKey::read(Some(VAULT_KEY)).expect("a vault key");
    Parts {
        database_url: database.to_owned(),
        vault: Arc::new(KeyVault::new(vault_key, clock.clone())),
        clock,
        slack: None,
        discord: Some(DiscordConfig {
            api_url: sandbox.discord.api_url(),
            bot_token: Secret::new(sandbox.discord.bot_token()),
            transport: GATEWAY,
            call_timeout: CALL_TIMEOUT,
        }),
        services: ServicesConfig {
            timeout: CALL_TIMEOUT,
            ..ServicesConfig::new(sandbox.openrouter.url())
        },
        workspaces: vec![workspace],
    }
}

pub(super) async fn a_key(stage: Stage) {
    let database = Kind::Sqlite.fresh();
    let team = Team::new(&stage, database.url()).await;
    team.set_up().await;

    team.says("ana", "provision openrouter 60 because \"the launch\"")
        .await;
    team.expect("ana", &["the owners were asked", "[Withdraw]"]);
    team.expect("olga", &["@ana asks for", "the launch", "[Approve]"]);
    team.clicks("olga", "Approve less…").await;
    team.submits("olga", &[("Cap", "much")]).await;
    team.expect("olga", &["Cap: ", "Nothing was changed.", "[Open form]"]);
    team.clicks("olga", "Open form").await;
    team.submits("olga", &[("Cap", "50")]).await;
    let read = team.expect("olga", &["Approved grant 1 at $50.00"]);
    assert!(
        read.contains("approved"),
        "the request is edited in place: {read}"
    );
    assert!(
        team.person("olga").click("Approve").is_err(),
        "its buttons are gone"
    );
    team.person("olga").submit_again().expect("sent twice");
    team.settled().await;
    team.expect("olga", &["already"]);
    assert_eq!(team.sandbox.openrouter.keys().len(), 1, "one key");

    team.expect("ana", &["Your openrouter key is ready", "[Reveal key]"]);
    team.clicks("ana", "Reveal key").await;
    let shown = team.expect("ana", &["sk-or-v1-", "This is shown once."]);
    let sight = team.person("ana").sees().into_iter().rev();
    let mut sight = sight.filter(|sight| sight.text.contains("sk-or-v1-"));
    let place = sight.next().map(|sight| sight.place);
    assert!(
        matches!(place, Some(Place::Ephemeral(_) | Place::Dm)),
        "{place:?}: {shown}"
    );
    team.says("ana", "reveal 1").await;
    team.expect("ana", &["was shown already"]);

    team.says("ana", "keys").await;
    team.expect("ana", &["Grant 1", "[I'm done: give it back]"]);
    team.clicks("ana", "I'm done: give it back").await;
    team.expect("ana", &["End grant 1 now", "[Yes: I'm done: give it back]"]);
    team.clicks("ana", "Yes: I'm done: give it back").await;
    team.expect("ana", &["grant 1"]);
    team.says("olga", "audit export").await;
    assert!(
        team.sandbox
            .discord
            .alive_markup()
            .iter()
            .all(|one| !one.contains("http"))
    );
    let backlog = team
        .bot
        .desk
        .store
        .backlog()
        .await
        .expect("the database answers");
    assert_eq!(backlog.0, 0, "no message waits");
    assert!(team.bot.ready().await.iter().all(|check| check.ok));
}

pub(super) async fn roles(stage: Stage) {
    let database = Kind::Sqlite.fresh();
    let team = Team::new(&stage, database.url()).await;
    team.set_up().await;
    let world = &team.sandbox.discord;
    world.add_role("leads", &["olga", "bo"]);
    team.says("olga", "roles bind @leads owner").await;
    team.expect("olga", &["is an owner now"]);
    team.says("ana", "provision openrouter 60").await;
    world.join("slice-owners", "bo");
    world.take_role("leads", "bo");
    team.expect("olga", &["@ana asks for"]);
    team.clicks("bo", "Approve").await;
    team.expect("bo", &["owner"]);
    assert!(
        team.sandbox.openrouter.keys().is_empty(),
        "nothing was approved"
    );
    world.give_role("leads", "bo");
    team.clicks("bo", "Approve").await;
    team.expect("bo", &["Approved grant 1"]);
    team.clicks("ana", "Withdraw").await;
    team.expect("ana", &["Nothing was changed"]);
    hostile(&team).await;
}

/// What no client would send, and others' buttons: a sentence or nothing, and nothing done.
async fn hostile(team: &Team) {
    let world = &team.sandbox.discord;
    let keys = team.sandbox.openrouter.keys().len();
    let guild = world.guild_id();
    team.says("bo", "vault list").await;
    let nobody = "00000000-0000-4000-8000-000000000000";
    for custom_id in [
        format!("act:{guild}:{nobody}"),
        format!("open:{guild}:{nobody}"),
        format!("ask:{guild}:{nobody}"),
    ] {
        let clicked = team.person("bo").click_forged(&custom_id);
        clicked.expect("a message of Slice's");
        team.settled().await;
    }
    let read = team.expect("bo", &["too old"]);
    assert!(!read.contains("Approved"), "{read}");
    let elsewhere = team.person("bo").click_forged(&format!("act:1:{nobody}"));
    elsewhere.expect("a message of Slice's");
    team.settled().await;
    team.expect("bo", &["in a server that it is in"]);
    // Frames that nobody can read: what is in them is in no log, whatever reads them says of it.
    let (log_from, canary) = (crate::closing::log_end(), "a-token-in-a-frame");
    for frame in [
        json!({ "type": 2, "id": "nonsense", "token": canary }),
        json!({ "type": 99, "token": canary }),
        json!([canary]),
    ] {
        world.inject_event("INTERACTION_CREATE", &frame);
        world.inject_event("GUILD_CREATE", &frame);
    }
    team.says("bo", "members").await;
    team.expect("bo", &["@ana"]);
    let logged = String::from_utf8_lossy(&crate::closing::logged_since(log_from)).into_owned();
    assert!(!logged.contains(canary));
    assert_eq!(team.sandbox.openrouter.keys().len(), keys);
}
