//! What strangers can send, as functions of bytes. The fuzz targets in `fuzz/` call them with whatever
//! they come upon; here they are called with the seeds, so that what once broke stays mended.
//!
//! None of them may panic, and what comes back may neither repeat a key nor call anybody.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{Request, Response, StatusCode},
};
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;
use slice::{
    platforms::{
        discord::{self, DiscordConfig, DiscordEndpoint, DiscordPlatform, PublicKey},
        slack::{self, NoTokens, SlackConfig, SlackHttp, SlackPlatform},
    },
    services::{ServicesConfig, registry},
};
use slice_commands::slack::{COMMANDS_PATH, EVENTS_PATH, INTERACTIONS_PATH};
use slice_core::{
    BoxFuture,
    desk::Services,
    ids::GrantId,
    inbound::{Answers, Inbound, Install, Installed, Installing, Notice, Reception, Said, Typing},
    life::Life,
    money::Money,
    page::Page,
    ports::{Clock, KeyRef, Order, ServiceError},
    refusal::Refusal,
    secret::{Secret, looks_like_a_key},
    time::Time,
};
use std::{
    rc::Rc,
    str,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::TcpListener,
    runtime::{self, Runtime},
    task::JoinSet,
};
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

/// An answer of a provider, or of what stands in its place. The first byte says which service asks,
/// the second what it asks, the third the answer's status.
pub fn provider(data: &[u8]) {
    let [service, call, status, body @ ..] = data else {
        return;
    };
    let statuses = [200, 201, 204, 400, 401, 403, 404, 409, 422, 429];
    let status = statuses[usize::from(*status) % statuses.len()];
    let town = Town::get();
    *lock(&town.answer) = (status, body.to_vec());
    town.runtime.block_on(town.calls(*service, *call, status));
}

/// Slice's doors without the rest of it, before a network in which everybody answers the same.
struct Town {
    runtime: Runtime,
    slack: Router,
    discord: Router,
    services: Services,
    answer: Arc<Mutex<(u16, Vec<u8>)>>,
    /// What Slice said to anybody.
    said: Arc<Mutex<Vec<Vec<u8>>>>,
    lobby: Arc<Lobby>,
    clock: Arc<Steps>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What every platform says to every call.
fn platforms_answer() -> Vec<u8> {
    let said = json!({
        "ok": true, "id": "1", "bot_public": false, "user_id": "U0BOT", "team_id": "T0",
        "view": { "id": "V1" }, "channel": { "id": "D1" }, "ts": "1.1", "channel_id": "1",
    });
    said.to_string().into_bytes()
}

#[derive(Clone)]
struct Network {
    answer: Arc<Mutex<(u16, Vec<u8>)>>,
    said: Arc<Mutex<Vec<Vec<u8>>>>,
}

async fn answers(State(network): State<Network>, body: Bytes) -> Response<Body> {
    lock(&network.said).push(body.to_vec());
    let (status, answer) = lock(&network.answer).clone();
    let mut response = Response::new(Body::from(answer));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
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
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let answer = Arc::new(Mutex::new((200, platforms_answer())));
        let said = Arc::new(Mutex::new(vec![]));
        let network = Network {
            answer: answer.clone(),
            said: said.clone(),
        };
        let lobby = Arc::new(Lobby::default());
        let steps = Arc::new(Steps(AtomicI64::new(BEGINNING)));
        let clock: Arc<dyn Clock> = steps.clone();
        let (slack, discord, services) = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let url = format!("http://{}", listener.local_addr().expect("an address"));
            let router = Router::new().fallback(answers).with_state(network);
            tokio::spawn(async move { axum::serve(listener, router).await });
            let mut config = ServicesConfig::new(url.clone());
            config.aws_endpoint = Some(url.clone());
            config.runpod_api.clone_from(&url);
            let services = registry(&config, &clock);
            let slack = slack_door(&url, &lobby, &clock);
            (slack, discord_door(&url, &lobby, &clock).await, services)
        });
        Self {
            runtime,
            slack,
            discord,
            services,
            answer,
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
        *lock(&self.answer) = (200, platforms_answer());
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

    async fn calls(&self, service: u8, call: u8, status: u16) {
        let all = &self.services.0;
        let adapter = &all[usize::from(service) % all.len()];
        let master = adapter_master();
        let key = key();
        let refused = match call % 8 {
            0 => adapter.check(&master).await.err(),
            1 => adapter.find(&master, &key.label).await.err(),
            2 => adapter.list(&master, "slice").await.err(),
            3 => adapter.read(&master, &key).await.err(),
            4 => adapter.left(&master, &key).await.err(),
            5 => adapter.disable(&master, &key).await.err(),
            6 => adapter.delete(&master, &key.provider_id).await.err(),
            _ => {
                let refused = adapter.issue(&master, &order()).await.err();
                let is_no = matches!(refused, Some(ServiceError::Rejected(_)));
                let first = adapter.name().as_str() == "openrouter";
                assert!(
                    !(first && is_no && status < 300),
                    "a yes was taken for a no"
                );
                refused
            }
        };
        let said = refused.map(|why| why.to_string()).unwrap_or_default();
        assert!(!looks_like_a_key(&said), "an error repeats a key: {said}");
    }
}

fn adapter_master() -> Secret {
    let region = Secret::new("eu-central-1".to_owned());
    let id = Secret::new("AKIA0000000000000000".to_owned());
    let master = Secret::new("nobody's secret".to_owned());
    master.joined("access-key", &id).joined("region", &region)
}

fn label() -> String {
    slice_core::grant::label(GrantId::from_random([1; 16]), 1)
}

fn key() -> KeyRef {
    KeyRef {
        provider_id: "p1".to_owned(),
        label: label(),
        terms: String::new(),
        facts: vec![],
        usage: Money::ZERO,
        cursor: None,
        is_stopped: false,
    }
}

fn order() -> Order {
    Order {
        label: label(),
        cap: Money::from_micros(20_000_000),
        life: Life::parse("7d").expect("a life"),
        dead_man: Time::from_micros((BEGINNING + 9 * 86_400) * 1_000_000),
        terms: String::new(),
        options: String::new(),
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
fn refusal(said: Said) -> Refusal {
    let line = match said {
        Said::Line(line) => line,
        Said::Filled { command, arguments } => {
            return slice_commands::filled(&command, &arguments)
                .err()
                .unwrap_or(Refusal::LostLease);
        }
        Said::Click(_) | Said::Submit { .. } => return Refusal::LostLease,
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
