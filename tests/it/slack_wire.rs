//! What the Slack platform says and hears over the real wire protocols, without the rest of the bot.
//! What does not depend on the way in is played over both.

mod conversations;
mod outside;
mod pictures;
mod requests;

use crate::world::{SIGNING_SECRET, WorldClock};
use serde_json::Value;
use slice::platforms::slack::{NoTokens, SlackConfig, SlackListener, SlackPlatform, Transport};
use slice_core::{
    BoxFuture,
    ids::{ActionId, ChannelId, Identity, Place, PlatformName, UserId, Workspace, WorkspaceId},
    inbound::{Answers, Inbound, Install, Installed, Installing, Notice, Reception, Said, Typing},
    page::{Audience, Button},
    refusal::Refusal,
    role::{Group, GroupKind},
    secret::Secret,
    time::Time,
};
use slice_sandbox::{Person, PersonKind, Sandbox};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    sync::{
        Mutex,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
};

macro_rules! tests {
    ($($list:ident on $way:expr; $($name:literal => $test:path),* $(,)?;)*) => { $(
        /// Tests by name.
        pub const $list: &[(&str, fn())] = &[$(($name, || { run($way, $test); })),*];
    )* };
}

/// How Slack's deliveries come in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Socket,
    Http,
}

tests! {
    OVER_SOCKET on Way::Socket;
    "slack_wire::commands_arrive_and_are_answered" => conversations::commands,
    "slack_wire::clicks_answer_privately" => conversations::clicks,
    "slack_wire::forms_are_checked_and_answered" => conversations::forms,
    "slack_wire::a_secret_is_shown_in_a_view_alone" => conversations::reveals,
    "slack_wire::a_secret_may_have_been_shown" => conversations::reveals_in_doubt,
    "slack_wire::answers_find_another_way" => conversations::other_ways,
    "slack_wire::the_socket_comes_back" => outside::sockets,
    "slack_wire::letters_are_posted_edited_and_found" => outside::letters,
    "slack_wire::no_key_stands_in_a_channel" => outside::channel_letters,
    "slack_wire::failures_say_what_they_know" => outside::failures,
    "slack_wire::nothing_was_posted_yet" => outside::failures_before_the_post,
    "slack_wire::people" => outside::people,
    "slack_wire::who_is_in_a_group" => outside::groups,
    "slack_wire::what_a_group_is" => outside::group_facts,
    "slack_wire::files" => outside::files,
    "slack_wire::pictures" => pictures::pictures,
    "slack_wire::checks_name_the_remedy" => outside::checks;

    OVER_HTTP on Way::Http;
    "slack_http::commands_arrive_and_are_answered" => conversations::commands,
    "slack_http::clicks_answer_privately" => conversations::clicks,
    "slack_http::forms_are_checked_and_answered" => conversations::forms,
    "slack_http::a_secret_is_shown_in_a_view_alone" => conversations::reveals,
    "slack_http::a_secret_may_have_been_shown" => conversations::reveals_in_doubt,
    "slack_http::answers_find_another_way" => conversations::other_ways,
    "slack_http::what_slack_did_not_sign_is_refused" => requests::forgeries,
    "slack_http::what_slack_asks_beside_deliveries" => requests::formalities,
    "slack_http::events_come_again" => requests::events,
    "slack_http::an_end_in_order" => requests::end;
}

const START: i64 = 1_793_534_400_000_000;
const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// Nothing on loopback takes longer.
const PATIENCE: Duration = Duration::from_secs(20);
const KEY: &str = "sk-or-v1-canary-0123456789abcdef";

fn run(way: Way, test: impl AsyncFnOnce(Stage)) {
    super::runtime().block_on(async {
        let stage = Stage::open(way).await;
        let sandbox = stage.sandbox.clone();
        test(stage).await;
        assert_eq!(sandbox.wire.violations(), [""; 0]);
    });
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

    fn complete(&self, _typing: &Typing) -> Vec<(String, String)> {
        vec![]
    }
}

/// Nothing is installed here: there is no org to install it for.
impl Installing for Desk {
    fn install(&self, _: Install) -> BoxFuture<'_, Result<Installed, Refusal>> {
        Box::pin(async { Ok(Installed::Unlisted) })
    }

    fn use_once<'a>(&'a self, _: &'a str, _: Time) -> BoxFuture<'a, Result<bool, Refusal>> {
        Box::pin(async { Ok(false) })
    }
}

struct Stage {
    sandbox: Sandbox,
    slack: Arc<SlackPlatform>,
    listener: SlackListener,
    heard: Mutex<UnboundedReceiver<(Inbound, Box<dyn Answers>)>>,
    noticed: Mutex<UnboundedReceiver<Notice>>,
}

fn platform(sandbox: &Sandbox, bot_token: String, transport: Transport) -> Arc<SlackPlatform> {
    let config = SlackConfig {
        api_url: sandbox.slack.api_url(),
        bot_token: Secret::new(bot_token),
        transport,
        call_timeout: CALL_TIMEOUT,
    };
    Arc::new(SlackPlatform::new(config, Arc::new(NoTokens)).expect("a platform"))
}

fn over_socket(app_token: &str) -> Transport {
    let app_token = Secret::new(app_token.to_owned());
    Transport::Socket { app_token }
}

fn over_http() -> Transport {
    let signing_secret = Secret::new(SIGNING_SECRET.to_owned());
    Transport::Http {
        signing_secret,
        oauth: None,
    }
}

impl Stage {
    async fn open(way: Way) -> Self {
        let sandbox = Sandbox::start(START).await.expect("a sandbox");
        sandbox.slack.add_person("olga", PersonKind::PrimaryOwner);
        sandbox.slack.add_person("ana", PersonKind::Member);
        let transport = match way {
            Way::Socket => over_socket(&sandbox.slack.app_token()),
            Way::Http => over_http(),
        };
        let slack = platform(&sandbox, sandbox.slack.bot_token(), transport);
        let (heard, inbound) = unbounded_channel();
        let (noticed, news) = unbounded_channel();
        let desk = Arc::new(Desk { heard, noticed });
        let clock = Arc::new(WorldClock::new(sandbox.clock.clone(), 1));
        let listener = SlackListener::start(slack.clone(), desk.clone(), desk, clock)
            .await
            .expect("a way in");
        if way == Way::Http {
            let port = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let url = format!("http://{}", port.local_addr().expect("an address"));
            let routes = listener.routes();
            tokio::spawn(async move { axum::serve(port, routes).await });
            sandbox.slack.deliver_over_http(&url, SIGNING_SECRET);
        }
        let (heard, noticed) = (Mutex::new(inbound), Mutex::new(news));
        Self {
            sandbox,
            slack,
            listener,
            heard,
            noticed,
        }
    }

    fn person(&self, handle: &str) -> Person {
        self.sandbox.slack.person(handle)
    }

    fn workspace(&self) -> Workspace {
        let id = WorkspaceId::new(self.sandbox.slack.team_id());
        Workspace {
            platform: PlatformName::Slack,
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
        let channel = ChannelId::new(self.sandbox.slack.channel(channel).0);
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

    async fn acknowledged(&self) {
        self.until("everything is acknowledged", |it| {
            it.slack.unacknowledged() == 0
        })
        .await;
    }

    /// Whether a text crossed the wire anywhere.
    fn crossed(&self, text: &str) -> bool {
        let crossings = self.sandbox.wire.crossings();
        crossings
            .iter()
            .any(|crossing| crossing.body.to_string().contains(text))
    }

    fn bodies_of(&self, what: &str) -> Vec<Value> {
        let crossings = self.sandbox.wire.crossings().into_iter();
        crossings
            .filter(|one| one.what == what)
            .map(|one| one.body)
            .collect()
    }
}

fn button(label: &str) -> Button {
    let mut button = Button::new(label, "approve 1", Audience::Owners).primary();
    button.action = Some(ActionId::from_random([7; 16]));
    button
}

fn line(inbound: &Inbound) -> &str {
    match &inbound.said {
        Said::Line(line) => line,
        other => panic!("no line: {other:?}"),
    }
}
