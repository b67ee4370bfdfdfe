//! A provider, or somebody in its place, that gives one wrong answer in a key's whole life: as a function
//! of bytes, for the fuzz target `provider` and for its seeds.

use crate::loopback::{self, lock};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, Request, Response, StatusCode, header, request::Parts},
};
use slice::services::{ServicesConfig, registry, s3::policy};
use slice_core::{
    desk::Services,
    grant::label,
    ids::GrantId,
    life::Life,
    money::Money,
    ports::{Bounds, Clock, Facts, KeyRef, Order, ServiceAdapter, ServiceError},
    secret::{Secret, looks_like_a_key},
    time::Time,
};
use slice_sandbox::Sandbox;
use std::{
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::runtime::Runtime;

const START: i64 = 1_800_000_000_000_000;
/// The same, as servers say it. The AWS SDK sets its clock by that.
const DATE: &str = "Fri, 15 Jan 2027 08:00:00 GMT";
const DAY: Duration = Duration::from_hours(24);
const MASTER: &str = "nobody's master key";
/// At which answer of the provider something is wrong: no life has more.
const ANSWERS: u8 = 64;
const STATUSES: [u16; 12] = [200, 201, 204, 301, 400, 401, 403, 404, 409, 422, 500, 503];

/// The first byte says which service, the second which answer is wrong, the third its status; the rest is
/// its body.
pub fn provider(data: &[u8]) {
    let [service, nth, status, body @ ..] = data else {
        return;
    };
    let street = Street::get();
    street.runtime.block_on(async {
        let wrong = Wrong {
            nth: usize::from(nth % ANSWERS),
            status: STATUSES[usize::from(*status) % STATUSES.len()],
            body: Bytes::copy_from_slice(body),
            count: AtomicUsize::new(0),
        };
        let all = &street.services.0;
        let at = usize::from(*service) % all.len();
        let world = World::new(wrong).await;
        *lock(&street.here) = Some(Here {
            provider: world.provider(at),
            wrong: world.wrong.clone(),
        });
        world.lives(&*all[at]).await;
    });
}

/// Slice's services before doors behind which there is another provider for each life. To make their clients takes
/// longer than a life.
struct Street {
    runtime: Runtime,
    services: Services,
    here: Arc<Mutex<Option<Here>>>,
}

/// Who answers now.
#[derive(Clone)]
struct Here {
    provider: String,
    wrong: Arc<Wrong>,
}

impl Street {
    /// Each thread has its own.
    fn get() -> Rc<Self> {
        thread_local! {
            static STREET: Rc<Street> = Rc::new(Street::open());
        }
        STREET.with(Rc::clone)
    }

    fn open() -> Self {
        let runtime = loopback::runtime();
        let between = Between {
            here: Arc::default(),
            client: reqwest::Client::new(),
        };
        let here = between.here.clone();
        let router = Router::new().fallback(pass).with_state(Arc::new(between));
        let url = runtime.block_on(loopback::serve(router));
        let mut config = ServicesConfig::new(format!("{url}/api/v1"));
        config.aws_endpoint = Some(url.clone());
        config.runpod_api = url;
        config.timeout = Duration::from_secs(5);
        let clock: Arc<dyn Clock> = Arc::new(Stopped);
        Self {
            services: registry(&config, &clock),
            runtime,
            here,
        }
    }
}

struct Wrong {
    nth: usize,
    status: u16,
    body: Bytes,
    /// So many answers were given.
    count: AtomicUsize,
}

/// Stands between Slice and a provider.
struct Between {
    here: Arc<Mutex<Option<Here>>>,
    client: reqwest::Client,
}

impl Between {
    /// A provider that says no has done nothing; whatever else it says, it may have done what was asked.
    async fn answer(&self, (parts, body): (Parts, Bytes)) -> Response<Body> {
        let Here { provider, wrong } = lock(&self.here).clone().expect("a life");
        let is_wrong = wrong.count.fetch_add(1, Ordering::SeqCst) == wrong.nth;
        if is_wrong && (400..500).contains(&wrong.status) {
            return response(wrong.status, wrong.body.clone());
        }
        let target = parts
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let url = format!("{provider}{target}");
        let request = self
            .client
            .request(parts.method, url)
            .headers(parts.headers);
        let answer = request
            .body(body)
            .send()
            .await
            .expect("the sandbox answers");
        let status = answer.status().as_u16();
        let body = answer.bytes().await.expect("a body");
        if is_wrong {
            return response(wrong.status, wrong.body.clone());
        }
        response(status, body)
    }
}

fn response(status: u16, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    let date = HeaderValue::from_static(DATE);
    response.headers_mut().insert(header::DATE, date);
    response
}

async fn pass(State(between): State<Arc<Between>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    between.answer((parts, body)).await
}

struct World {
    wrong: Arc<Wrong>,
    sandbox: Sandbox,
    aws_master: String,
}

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Time {
        Time::from_micros(START)
    }

    fn random(&self, bytes: &mut [u8]) {
        bytes.fill(4);
    }
}

impl World {
    async fn new(wrong: Wrong) -> Self {
        let sandbox = Sandbox::start(START).await.expect("a sandbox");
        sandbox.openrouter.add_management_key(MASTER, "acme", "100");
        sandbox.runpod.add_key(MASTER, "acme", "100");
        let pasted = |name: &str| {
            let text = policy::manifest()[name].to_string();
            text.replace("ACCOUNT_ID", sandbox.aws.account_id())
        };
        sandbox
            .aws
            .add_managed_policy("slice-boundary", &pasted("boundary"));
        let key = sandbox.aws.add_user("the-bot", &[&pasted("master")]);
        let aws_master = format!("{}\nregion:eu-central-1\naccess-key:{}", key.secret, key.id);
        Self {
            wrong: Arc::new(wrong),
            sandbox,
            aws_master,
        }
    }

    /// Where the services' providers are, in their order.
    fn provider(&self, at: usize) -> String {
        let sandbox = &self.sandbox;
        let urls = [
            sandbox.openrouter.url(),
            sandbox.aws.url(),
            sandbox.runpod.url(),
        ];
        let origin: Vec<_> = urls[at].splitn(4, '/').take(3).collect();
        origin.join("/")
    }

    /// A key from its making to its end, as far as it comes.
    async fn lives(&self, adapter: &dyn ServiceAdapter) {
        let name = adapter.name().as_str();
        let master = Secret::new(
            if name == "s3" {
                &self.aws_master
            } else {
                MASTER
            }
            .to_owned(),
        );
        heard(adapter.check(&master).await);
        let order = order(name);
        let label = order.label.clone();
        let issued = match adapter.issue(&master, &order).await {
            Ok(issued) => issued,
            Err(why) => {
                let count = self.wrong.count.load(Ordering::SeqCst);
                assert!(self.wrong.nth < count, "nothing was wrong: {why}");
                let is_no = matches!(why, ServiceError::Rejected(_) | ServiceError::Later { .. });
                let keys = self.sandbox.openrouter.keys();
                assert!(!is_no || keys.is_empty(), "a yes is taken for a no: {why}");
                heard::<()>(Err(why));
                heard(adapter.find(&master, &label).await);
                return;
            }
        };
        let key = key(&order, &issued.provider_id, issued.facts);
        let bounds = Bounds {
            cap: order.cap,
            until: Time::from_micros(START) + 7 * DAY,
        };
        heard(adapter.arm(&master, &key, bounds).await);
        heard(adapter.find(&master, &label).await);
        heard(adapter.list(&master, "slice").await);
        heard(adapter.read(&master, &key).await);
        heard(adapter.disable(&master, &key).await);
        heard(adapter.delete(&master, &key.provider_id).await);
        heard(adapter.left(&master, &key).await);
        heard(adapter.discard(&master, &key).await);
    }
}

fn heard<T>(answer: Result<T, ServiceError>) {
    let said = answer.err().map(|why| why.to_string()).unwrap_or_default();
    assert!(!looks_like_a_key(&said), "an error repeats a key: {said}");
}

fn order(service: &str) -> Order {
    let (terms, options) = match service {
        "runpod" => (
            "gpu:A40 at $0.40\nimage:runpod/pytorch:1.0.2\ndisk:10\naccess:8888",
            "pods:on\nimages:runpod/pytorch:1.0.2 JUPYTER_PASSWORD 8888",
        ),
        _ => ("", ""),
    };
    Order {
        label: label(GrantId::from_random([1; 16]), 1),
        cap: Money::from_dollars(20),
        life: Life::from_days(7),
        dead_man: Time::from_micros(START) + 9 * DAY,
        terms: terms.to_owned(),
        options: options.to_owned(),
    }
}

fn key(order: &Order, provider_id: &str, facts: Facts) -> KeyRef {
    KeyRef {
        provider_id: provider_id.to_owned(),
        label: order.label.clone(),
        terms: order.terms.clone(),
        facts,
        usage: Money::ZERO,
        cursor: None,
        is_stopped: false,
    }
}
