//! What strangers can send, as functions of bytes. The fuzz targets in `fuzz/` call them with whatever
//! they come upon; here they are called with the seeds, so that what once broke stays mended.
//!
//! None of them may panic, and what comes back may neither repeat a key nor call anybody.

use crate::loopback::{self, lock};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::Request,
};
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use slice::platforms::{
    discord::{self, DiscordConfig, DiscordEndpoint, DiscordPlatform, PublicKey},
    slack::{self, NoTokens, SlackConfig, SlackHttp, SlackPlatform},
};
use slice_commands::slack::{COMMANDS_PATH, EVENTS_PATH, INTERACTIONS_PATH};
use slice_core::{
    BoxFuture,
    inbound::{self, Answers, Inbound, Install, Installed, Installing, Notice, Reception, Typing},
    page::Page,
    ports::Clock,
    refusal::Refusal,
    secret::{Secret, looks_like_a_key},
    time::Time,
};
use std::{
    rc::Rc,
    str,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::{runtime::Runtime, task::JoinSet};
use tower::ServiceExt as _;

const BEGINNING: i64 = 1_800_000_000;
/// Later than any signature is remembered, so that the same may be sent again.
const PAUSE: i64 = 3_600;
const SIGNING_SECRET: &str = "the secret of nobody's app";

/// A command line, as anybody in a workspace types it.
pub fn command_line(data: &[u8]) {
    let Ok(line) = str::from_utf8(data) else {
        return;
    };
    if let Err(refusal) = slice_commands::parse(line) {
        repeats_no_key(&refusal.page());
    }
}

fn repeats_no_key(page: &Page) {
    let shown = format!("{page:?}");
    assert!(
        !looks_like_a_key(&shown),
        "a refusal repeats a key: {shown}"
    );
}

/// A request to Slice's public address that Slack signed, because somebody wrote what is in it. The
/// first byte says to which route.
pub fn slack(data: &[u8]) {
    let Some((route, body)) = data.split_first() else {
        return;
    };
    let routes = [COMMANDS_PATH, INTERACTIONS_PATH, EVENTS_PATH];
    let path = routes[usize::from(*route) % routes.len()];
    let town = Town::get();
    let now = town.later();
    let mut mac = Hmac::<Sha256>::new_from_slice(SIGNING_SECRET.as_bytes()).expect("any length");
    mac.update(format!("v0:{now}:").as_bytes());
    mac.update(body);
    let signature = hex::encode(mac.finalize().into_bytes());
    let request = Request::post(path)
        .header("x-slack-request-timestamp", now)
        .header("x-slack-signature", format!("v0={signature}"));
    let request = request.body(Body::from(body.to_vec()));
    town.asks(&town.slack, request.expect("a request"));
}

/// The same of Discord, where there is one route.
pub fn discord(data: &[u8]) {
    let town = Town::get();
    let now = town.later();
    let mut signed = now.to_string().into_bytes();
    signed.extend_from_slice(data);
    let signature = hex::encode(signing_key().sign(&signed).to_bytes());
    let request = Request::post("/discord/interactions")
        .header("x-signature-timestamp", now)
        .header("x-signature-ed25519", signature);
    let request = request.body(Body::from(data.to_vec()));
    town.asks(&town.discord, request.expect("a request"));
}

fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// Slice's doors without the rest of it, before a network in which everybody answers the same.
struct Town {
    runtime: Runtime,
    slack: Router,
    discord: Router,
    /// What Slice said to anybody.
    said: Said,
    lobby: Arc<Lobby>,
    clock: Arc<Steps>,
}

type Said = Arc<Mutex<Vec<Vec<u8>>>>;

/// What every platform says to every call.
async fn answers(State(said): State<Said>, body: Bytes) -> Json<Value> {
    lock(&said).push(body.to_vec());
    Json(json!({
        "ok": true, "id": "1", "bot_public": false, "user_id": "U0BOT", "team_id": "T0",
        "view": { "id": "V1" }, "channel": { "id": "D1" }, "ts": "1.1", "channel_id": "1",
    }))
}

impl Town {
    /// Each thread has its own, because what everybody answers is another for each stranger.
    fn get() -> Rc<Self> {
        thread_local! {
            static TOWN: Rc<Town> = Rc::new(Town::open());
        }
        TOWN.with(Rc::clone)
    }

    fn open() -> Self {
        let runtime = loopback::runtime();
        let said = Said::default();
        let heard = said.clone();
        let lobby = Arc::new(Lobby::default());
        let steps = Arc::new(Steps(AtomicI64::new(BEGINNING)));
        let clock: Arc<dyn Clock> = steps.clone();
        let (slack, discord) = runtime.block_on(async {
            let router = Router::new().fallback(answers).with_state(heard);
            let url = loopback::serve(router).await;
            let slack = slack_door(&url, &lobby, &clock);
            (slack, discord_door(&url, &lobby, &clock).await)
        });
        Self {
            runtime,
            slack,
            discord,
            said,
            lobby,
            clock: steps,
        }
    }

    /// Some time passes. Gives the seconds since 1970.
    fn later(&self) -> i64 {
        self.clock.0.fetch_add(PAUSE, Ordering::SeqCst) + PAUSE
    }

    /// The request is answered with anything but a failure, and so is whoever it names.
    fn asks(&self, door: &Router, request: Request<Body>) {
        lock(&self.said).clear();
        self.runtime.block_on(async {
            let answer = door.clone().oneshot(request);
            let waits = tokio::time::timeout(Duration::from_secs(5), answer).await;
            let answer = waits.expect("within the time of Slack and Discord");
            let status = answer.expect("no router fails").status();
            assert!(!status.is_server_error(), "{status}");
            let mut busy = std::mem::take(&mut *lock(&self.lobby.busy));
            while let Some(done) = busy.join_next().await {
                done.expect("nobody panics");
            }
        });
        for said in lock(&self.said).iter() {
            let said = String::from_utf8_lossy(said);
            assert!(!looks_like_a_key(&said), "a key is repeated: {said}");
            for alive in ["<!channel", "<!here", "<!everyone", "<!subteam"] {
                assert!(!said.contains(alive), "{alive} comes alive: {said}");
            }
        }
    }
}

fn slack_door(url: &str, lobby: &Arc<Lobby>, clock: &Arc<dyn Clock>) -> Router {
    let config = SlackConfig {
        api_url: format!("{url}/api"),
        bot_token: Secret::new("a token".to_owned()),
        transport: slack::Transport::Http {
            signing_secret: Secret::new(SIGNING_SECRET.to_owned()),
            oauth: None,
        },
        call_timeout: Duration::from_secs(2),
    };
    let platform = SlackPlatform::new(config, Arc::new(NoTokens)).expect("a platform");
    SlackHttp::new(&platform, lobby.clone(), lobby.clone(), clock.clone()).routes()
}

async fn discord_door(url: &str, lobby: &Arc<Lobby>, clock: &Arc<dyn Clock>) -> Router {
    let key = hex::encode(signing_key().verifying_key().to_bytes());
    let key = PublicKey::read(&key).expect("a key");
    let config = DiscordConfig {
        api_url: format!("{url}/api"),
        bot_token: Secret::new("a token".to_owned()),
        transport: discord::Transport::Http(key.clone()),
        call_timeout: Duration::from_secs(2),
    };
    let platform = DiscordPlatform::new(config, clock.clone()).expect("a platform");
    let endpoint = DiscordEndpoint::start(&platform, key, lobby.clone()).await;
    endpoint.expect("it answers").router()
}

/// Time that passes between what strangers do, and in no other way. In seconds since 1970.
struct Steps(AtomicI64);

impl Clock for Steps {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::SeqCst) * 1_000_000)
    }

    fn random(&self, bytes: &mut [u8]) {
        bytes.fill(4);
    }
}

/// Where everybody is refused, with what they said.
#[derive(Default)]
struct Lobby {
    busy: Mutex<JoinSet<()>>,
}

/// What Slice would say to somebody whose words it does not understand; what it does understand is
/// refused as well.
fn refusal(said: inbound::Said) -> Refusal {
    let line = match said {
        inbound::Said::Line(line) => line,
        inbound::Said::Filled { command, arguments } => {
            return slice_commands::filled(&command, &arguments)
                .err()
                .unwrap_or(Refusal::LostLease);
        }
        inbound::Said::Click(_) | inbound::Said::Submit { .. } => return Refusal::LostLease,
    };
    let parsed = slice_commands::parse(&line);
    parsed.err().unwrap_or_else(|| Refusal::sentence(line))
}

impl Reception for Lobby {
    fn receive(&self, inbound: Inbound, answers: Box<dyn Answers>) {
        let page = refusal(inbound.said).page();
        lock(&self.busy).spawn(async move {
            let _ = answers.say(&page, &[]).await;
        });
    }

    fn notice(&self, _notice: Notice) {}

    fn check_fields(&self, line: &str, fields: &[(String, Secret)]) -> Vec<(String, String)> {
        slice_commands::parse(line).map_or_else(|_| vec![], |parsed| parsed.check(fields))
    }

    fn complete(&self, _typing: &Typing) -> Vec<(String, String)> {
        vec![]
    }
}

impl Installing for Lobby {
    fn install(&self, _install: Install) -> BoxFuture<'_, Result<Installed, Refusal>> {
        Box::pin(std::future::ready(Ok(Installed::Unlisted)))
    }

    fn use_once<'a>(
        &'a self,
        _mark: &'a str,
        _good_until: Time,
    ) -> BoxFuture<'a, Result<bool, Refusal>> {
        Box::pin(std::future::ready(Ok(true)))
    }
}
