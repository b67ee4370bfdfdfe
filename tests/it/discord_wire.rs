//! What the Discord platform says and hears over the real wire protocols, without the rest of the bot.

mod conversations;
mod endpoint;
mod gateway;
mod outside;
mod whole;

use serde_json::Value;
use slice::platforms::discord::{DiscordConfig, DiscordDoor, DiscordPlatform, Transport};
use slice_core::{
    ids::{ActionId, ChannelId, Identity, Place, PlatformName, UserId, Workspace, WorkspaceId},
    inbound::{Answers, Inbound, Notice, Reception, Said, Typing},
    page::{Audience, Button},
    ports::Clock,
    role::{Group, GroupKind},
    secret::Secret,
};
use slice_sandbox::{DiscordPerson, PersonKind, Sandbox};
use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::sync::{
    Mutex,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use super::{
    closing::LOGS,
    world::{MASTER, WorldClock},
};

macro_rules! tests {
    ($($name:literal => $test:path),* $(,)?) => {
        /// Every test by name.
        pub const ALL: &[(&str, fn())] = &[$(($name, || { run($test); })),*];
    };
}

tests! {
    "discord_wire::commands_arrive_and_are_answered" => conversations::commands,
    "discord_wire::clicks_answer_privately" => conversations::clicks,
    "discord_wire::dangerous_buttons_ask_first" => conversations::questions,
    "discord_wire::forms_are_the_first_answer_and_are_checked" => conversations::forms,
    "discord_wire::a_form_that_comes_late_is_offered" => conversations::late_forms,
    "discord_wire::a_secret_is_shown_to_one_person" => conversations::reveals,
    "discord_wire::a_secret_may_have_been_shown" => conversations::reveals_in_doubt,
    "discord_wire::answers_find_another_way" => conversations::other_ways,
    "discord_wire::what_could_be_meant_is_said_at_once" => conversations::completion,
    "discord_wire::letters_are_posted_edited_and_found" => outside::letters,
    "discord_wire::no_key_stands_in_a_channel" => outside::channel_letters,
    "discord_wire::failures_say_what_they_know" => outside::failures,
    "discord_wire::closed_direct_messages_are_left_alone" => outside::closed,
    "discord_wire::a_dead_token_is_not_shown_again" => outside::dead_token,
    "discord_wire::people" => outside::people,
    "discord_wire::what_a_group_is" => outside::groups,
    "discord_wire::files" => outside::files,
    "discord_wire::pictures" => outside::pictures,
    "discord_wire::commands_are_registered_when_they_changed" => outside::registration,
    "discord_wire::checks_name_the_remedy" => outside::checks,
    "discord_wire::the_gateway_goes_on_where_it_was" => gateway::resumes,
    "discord_wire::a_dead_connection_loses_nothing" => gateway::outlives_a_zombie,
    "discord_wire::the_gateway_begins_anew" => gateway::begins_anew,
    "discord_wire::a_refused_gateway_is_not_tried_again" => gateway::refused,
    "discord_wire::a_key_from_request_to_end" => whole::a_key,
    "discord_wire::a_role_counts_at_the_next_click" => whole::roles,
    "discord_wire::signed_requests_are_answered" => endpoint::signed,
    "discord_wire::other_requests_are_turned_away" => endpoint::turned_away,
}

const START: i64 = 1_793_534_400_000_000;
const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// Nothing on loopback takes longer; serenity itself waits some seconds before it begins anew.
const PATIENCE: Duration = Duration::from_secs(40);
const KEY: &str = "sk-or-v1-canary-0123456789abcdef";

fn run(test: impl AsyncFnOnce(Stage)) {
    super::runtime().block_on(async {
        let stage = Stage::open().await;
        let sandbox = stage.sandbox.clone();
        test(stage).await;
        assert_eq!(sandbox.wire.violations(), [""; 0]);
        assert_eq!(sandbox.discord.pings(), [""; 0]);
        nothing_secret_is_logged(&sandbox);
    });
}

/// At TRACE, of every crate: no key, no token, and no token of an interaction, which is as good as
/// one for a quarter of an hour.
fn nothing_secret_is_logged(sandbox: &Sandbox) {
    let logs = LOGS.lock().unwrap_or_else(PoisonError::into_inner);
    let crossings = sandbox.wire.crossings().into_iter();
    let interactions = crossings.filter_map(|one| one.body["token"].as_str().map(str::to_owned));
    let long = interactions.filter(|token| 12 < token.len());
    let all = long.chain([
        KEY.to_owned(),
        MASTER.to_owned(),
        sandbox.discord.bot_token(),
    ]);
    for secret in all {
        let found = memchr::memmem::find(&logs, secret.as_bytes());
        assert!(found.is_none(), "{secret} was logged");
    }
}

/// Keeps what comes in, for the test to answer.
struct Desk {
    heard: UnboundedSender<(Inbound, Box<dyn Answers>)>,
    noticed: UnboundedSender<Notice>,
}

impl Reception for Desk {
    fn receive(&self, inbound: Inbound, answers: Box<dyn Answers>) {
        let _ = self.heard.send((inbound, answers));
    }

    fn notice(&self, notice: Notice) {
        let _ = self.noticed.send(notice);
    }

    fn check_fields(&self, line: &str, fields: &[(String, Secret)]) -> Vec<(String, String)> {
        assert_eq!(line, "provision openrouter");
        let amount = fields.iter().find(|(name, _)| name == "amount");
        match amount.map(|(_, value)| value.expose().parse::<u32>()) {
            Some(Ok(_)) => vec![],
            _ => vec![("amount".to_owned(), "That is not an amount.".to_owned())],
        }
    }

    fn complete(&self, typing: &Typing) -> Vec<(String, String)> {
        let said = format!("{} {} {}", typing.command, typing.parameter, typing.text);
        vec![("12".to_owned(), said.trim().to_owned())]
    }
}

struct Stage {
    sandbox: Sandbox,
    discord: Arc<DiscordPlatform>,
    door: DiscordDoor,
    heard: Mutex<UnboundedReceiver<(Inbound, Box<dyn Answers>)>>,
    noticed: Mutex<UnboundedReceiver<Notice>>,
}

fn platform(sandbox: &Sandbox, bot_token: String, transport: Transport) -> Arc<DiscordPlatform> {
    let config = DiscordConfig {
        api_url: sandbox.discord.api_url(),
        bot_token: Secret::new(bot_token),
        transport,
        call_timeout: CALL_TIMEOUT,
    };
    let clock: Arc<dyn Clock> = Arc::new(WorldClock::new(sandbox.clock.clone(), 1));
    Arc::new(DiscordPlatform::new(config, clock).expect("a platform"))
}

const GATEWAY: Transport = Transport::Gateway { members: false };

type Heard = (
    Arc<Desk>,
    UnboundedReceiver<(Inbound, Box<dyn Answers>)>,
    UnboundedReceiver<Notice>,
);

fn desk() -> Heard {
    let (heard, inbound) = unbounded_channel();
    let (noticed, news) = unbounded_channel();
    (Arc::new(Desk { heard, noticed }), inbound, news)
}

impl Stage {
    async fn open() -> Self {
        let sandbox = Sandbox::start(START).await.expect("a sandbox");
        sandbox.discord.add_person("olga", PersonKind::PrimaryOwner);
        sandbox.discord.add_person("ana", PersonKind::Member);
        let discord = platform(&sandbox, sandbox.discord.bot_token(), GATEWAY);
        let (desk, inbound, news) = desk();
        let door = DiscordDoor::open(&discord, desk).await.expect("a door");
        Self {
            sandbox,
            discord,
            door,
            heard: Mutex::new(inbound),
            noticed: Mutex::new(news),
        }
    }

    fn person(&self, handle: &str) -> DiscordPerson {
        self.sandbox.discord.person(handle)
    }

    fn workspace(&self) -> Workspace {
        let id = WorkspaceId::new(self.sandbox.discord.guild_id());
        Workspace {
            platform: PlatformName::Discord,
            id,
        }
    }

    fn identity(&self, handle: &str) -> Identity {
        let user = UserId::new(self.person(handle).id());
        Identity {
            workspace: self.workspace(),
            user,
        }
    }

    fn place(&self, channel: &str) -> Place {
        let channel = ChannelId::new(self.sandbox.discord.channel(channel).0);
        Place {
            workspace: self.workspace(),
            channel,
        }
    }

    fn group(&self, kind: GroupKind, id: &str) -> Group {
        Group {
            workspace: self.workspace(),
            kind,
            id: ChannelId::new(id),
        }
    }

    async fn hears(&self) -> (Inbound, Box<dyn Answers>) {
        let mut heard = self.heard.lock().await;
        let heard = tokio::time::timeout(PATIENCE, heard.recv()).await;
        heard
            .expect("something is heard in time")
            .expect("the desk is open")
    }

    async fn notices(&self) -> Notice {
        let mut noticed = self.noticed.lock().await;
        let noticed = tokio::time::timeout(PATIENCE, noticed.recv()).await;
        noticed
            .expect("something is noticed in time")
            .expect("the desk is open")
    }

    /// Until the sandbox is as it should be.
    async fn until(&self, what: &str, is_so: impl Fn(&Sandbox) -> bool) {
        let waiting = async {
            loop {
                let changed = self.sandbox.wire.changed();
                if is_so(&self.sandbox) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect(what);
    }

    async fn answered(&self) {
        self.until("everything is answered", |it| it.discord.unanswered() == 0)
            .await;
    }

    /// Whether a text crossed the wire anywhere.
    fn crossed(&self, text: &str) -> bool {
        let crossings = self.sandbox.wire.crossings();
        crossings
            .iter()
            .any(|crossing| crossing.body.to_string().contains(text))
    }

    /// What was asked for, without what was answered to it.
    fn bodies_of(&self, what: &str) -> Vec<Value> {
        let crossings = self.sandbox.wire.crossings().into_iter();
        let is_answer = |what: &str| what.starts_with(|letter: char| letter.is_ascii_digit());
        crossings
            .filter(|one| one.what.contains(what) && !is_answer(&one.what))
            .map(|one| one.body)
            .collect()
    }
}

fn button(label: &str) -> Button {
    let mut button = Button::new(label, "approve 1", Audience::Owners).primary();
    button.action = Some(ActionId::from_random([7; 16]));
    button
}

fn filled(inbound: &Inbound) -> (&str, Vec<(&str, &str)>) {
    let Said::Filled { command, arguments } = &inbound.said else {
        panic!("no command: {:?}", inbound.said)
    };
    let arguments = arguments.iter();
    let arguments = arguments.map(|(name, text)| (name.as_str(), text.as_str()));
    (command, arguments.collect())
}
