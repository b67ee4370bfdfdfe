//! A `RunPod` on loopback: accounts with a balance, GPUs with prices, and pods that cost money while they run.

mod bill;
mod graphql;
mod language;
mod limits;
mod rest;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::contracts::Contracts;
use crate::door::{self, Answer, Behind, Call, Shared};
use crate::faults::{Fault, Faults, RUNPOD};
use crate::wire::Wire;
use crate::{micros_from_usd, usd_from_micros};

use bill::{Charge, Stint, price};
pub use state::{Access, PodState};
use state::{Gpu, Key, Pod, World};

const GRAPHQL: &str = "/graphql";
/// Invoices may be this late, unless a test says otherwise.
const BILLING_LAG: i64 = 3600 * 1_000_000;

/// The provider. Clones are the same provider.
#[derive(Clone)]
pub struct RunPod {
    hub: Arc<Hub>,
}

struct Hub {
    world: Mutex<World>,
    url: String,
    clock: Clock,
    wire: Wire,
    faults: Faults,
    contracts: Option<Contracts>,
}

/// A JSON number that prints as exactly this many micro-dollars.
fn number(micros: i64) -> Value {
    serde_json::from_str(&usd_from_micros(micros)).expect("decimal text is a JSON number")
}

impl RunPod {
    pub(crate) async fn start(shared: &Shared) -> std::io::Result<RunPod> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let hub = Hub {
            world: Mutex::new(World::new(limits::PER_MINUTE, BILLING_LAG)),
            url: format!("http://{}", listener.local_addr()?),
            clock: shared.clock.clone(),
            wire: shared.wire.clone(),
            faults: shared.faults.clone(),
            contracts: shared.contracts.clone(),
        };
        let runpod = RunPod { hub: Arc::new(hub) };
        runpod.add_gpu("NVIDIA GeForce RTX 4090", 24, Some("0.69"), Some("0.34"));
        runpod.add_gpu("NVIDIA A40", 48, Some("0.4"), None);
        runpod.add_gpu("NVIDIA H100 80GB HBM3", 80, Some("2.99"), Some("2.69"));
        door::serve(listener, runpod.clone(), Router::new());
        Ok(runpod)
    }

    /// `http://127.0.0.1:PORT`: GraphQL is at `/graphql`, REST at `/v2`.
    pub fn url(&self) -> &str {
        &self.hub.url
    }

    /// Registers a key of an account that may do everything, and adds to the account's balance
    /// (decimal text, for example `"100"` or `"0.50"`).
    ///
    /// # Panics
    /// If the amount is no decimal number of at most 6 decimals.
    pub fn add_key(&self, secret: &str, account: &str, balance_usd: &str) {
        let micros = micros_from_usd(balance_usd).expect("a balance is decimal text");
        let mut world = self.world();
        world.account(account).paid_micros += micros;
        world.keys.push(Key {
            secret: secret.to_owned(),
            account: account.to_owned(),
            access: Access::All,
            revoked: false,
        });
        world.secrets.push(secret.to_owned());
    }

    /// Changes what a key may do, as its owner could in the console.
    pub fn restrict_key(&self, secret: &str, access: Access) {
        for key in &mut self.world().keys {
            if key.secret == secret {
                key.access = access;
            }
        }
    }

    /// From now on the key is unknown.
    pub fn revoke_key(&self, secret: &str) {
        for key in &mut self.world().keys {
            key.revoked |= key.secret == secret;
        }
    }

    /// Sets what an account has left, as decimal text.
    ///
    /// # Panics
    /// If the amount is no decimal number of at most 6 decimals.
    pub fn set_balance(&self, account: &str, usd: &str) {
        let micros = micros_from_usd(usd).expect("a balance is decimal text");
        let now = self.hub.clock.now();
        let mut world = self.world();
        let spent = world.spent(account, now).micros_up();
        world.account(account).paid_micros = spent + micros;
    }

    /// Micro-dollars that an account has left.
    pub fn balance_micros(&self, account: &str) -> i64 {
        let now = self.hub.clock.now();
        self.world().balance(account, now)
    }

    /// A kind of GPU with its prices per hour; `None`: not in that cloud.
    ///
    /// # Panics
    /// If a price is no decimal number of at most 6 decimals.
    pub fn add_gpu(&self, id: &str, memory_gb: i64, secure: Option<&str>, community: Option<&str>) {
        let name = id
            .trim_start_matches("NVIDIA ")
            .trim_start_matches("GeForce ");
        self.world().gpus.push(Gpu {
            id: id.to_owned(),
            name: name.to_owned(),
            memory_gb,
            secure: secure.map(price),
            community: community.map(price),
            really: None,
            in_stock: true,
        });
    }

    /// Changes the listed price of the secure cloud for pods made from now on.
    ///
    /// # Panics
    /// If no GPU has the id, or the price is no decimal number.
    pub fn set_price(&self, gpu: &str, usd: &str) {
        self.gpu(gpu, |gpu| gpu.secure = Some(price(usd)));
    }

    /// New pods cost this per hour and GPU, whatever the list says.
    ///
    /// # Panics
    /// If no GPU has the id, or the price is no decimal number.
    pub fn really_costs(&self, gpu: &str, usd: &str) {
        self.gpu(gpu, |gpu| gpu.really = Some(price(usd)));
    }

    /// Whether there is capacity for a kind of GPU.
    ///
    /// # Panics
    /// If no GPU has the id.
    pub fn stock(&self, gpu: &str, in_stock: bool) {
        self.gpu(gpu, |gpu| gpu.in_stock = in_stock);
    }

    fn gpu(&self, id: &str, change: impl FnOnce(&mut Gpu)) {
        let mut world = self.world();
        let gpu = world.gpus.iter_mut().find(|gpu| gpu.id == id);
        change(gpu.expect("a GPU has this id"));
    }

    /// `terminateAfter` is accepted and nothing comes of it.
    pub fn forget_deadlines(&self, forget: bool) {
        self.world().forgets_deadlines = forget;
    }

    /// Whether the answer about a new pod does not say yet on which machine it is.
    pub fn places_later(&self, later: bool) {
        self.world().places_later = later;
    }

    /// Whether pods that have ended are still shown, as `TERMINATED`, and not ended once more.
    pub fn shows_ended(&self, shows: bool) {
        self.world().shows_ended = shows;
    }

    /// Whether a new pod is answered with an error beside it, as GraphQL may where a part of the answer
    /// could not be read.
    pub fn complains_beside(&self, complains: bool) {
        self.world().complains = complains;
    }

    /// How long a new pod is `PROVISIONING`; it costs money from the first second.
    pub fn booting_takes(&self, time: Duration) {
        self.world().boot_micros = micros(time);
    }

    /// How late the billing routes are; an hour unless changed.
    pub fn billing_lags(&self, time: Duration) {
        self.world().billing_lag_micros = micros(time);
    }

    /// How many REST requests an account may make per minute; 60 unless changed.
    pub fn requests_per_minute(&self, requests: u64) {
        self.world().per_minute = requests;
    }

    /// All pods ever made, oldest first, terminated ones too.
    pub fn pods(&self) -> Vec<PodState> {
        let now = self.hub.clock.now();
        let world = self.world();
        let boot = world.boot_micros;
        world.pods.iter().map(|pod| pod.state(now, boot)).collect()
    }

    /// The pod with this id, also a terminated one.
    pub fn pod(&self, id: &str) -> Option<PodState> {
        self.pods().into_iter().find(|pod| pod.id == id)
    }

    /// Stops a pod, keeping its volume, as a person in the console could.
    ///
    /// # Panics
    /// If no living pod has the id.
    pub fn stop_behind_our_back(&self, id: &str) {
        self.behind_our_back(id, |pod, now| {
            pod.stopped = true;
            pod.stints.push(Stint::stopped(now, pod.volume_gb));
        });
    }

    /// From now on a pod that runs costs this per hour.
    ///
    /// # Panics
    /// If no living pod has the id, or the price is no decimal number.
    pub fn reprice_behind_our_back(&self, id: &str, usd: &str) {
        self.behind_our_back(id, |pod, now| {
            pod.price = price(usd);
            let stint = Stint::running(now, pod.price, pod.disk_gb, pod.volume_gb);
            pod.stints.push(stint);
        });
    }

    /// # Panics
    /// If no living pod has the id.
    pub fn terminate_behind_our_back(&self, id: &str) {
        self.behind_our_back(id, |pod, now| pod.ended_at = Some(now));
    }

    /// # Panics
    /// If no living pod has the id.
    pub fn lock_behind_our_back(&self, id: &str) {
        self.behind_our_back(id, |pod, _| pod.locked = true);
    }

    /// Bills something beside price and disks.
    ///
    /// # Panics
    /// If the amount is no decimal number, or no living pod has the id.
    pub fn bill_more(&self, id: &str, usd: &str) {
        let more = Charge::from_micros(price(usd));
        self.behind_our_back(id, |pod, _| pod.extra = pod.extra.plus(more));
    }

    fn behind_our_back(&self, id: &str, change: impl FnOnce(&mut Pod, i64)) {
        let now = self.hub.clock.now();
        let mut world = self.world();
        let living = |pod: &&mut Pod| pod.id == id && pod.ended_at.is_none();
        let pod = world.pods.iter_mut().find(living);
        change(pod.expect("a living pod has this id"), now);
    }

    /// A pod that the bot did not make; returns its id.
    pub fn add_foreign_pod(&self, account: &str, name: &str) -> String {
        let now = self.hub.clock.now();
        let mut world = self.world();
        world.account(account);
        let (id, host_id) = world.next_id();
        let gpu = world.gpus.first().expect("the sandbox has GPUs");
        let (gpu, price) = (gpu.id.clone(), gpu.secure.unwrap_or(0));
        world.add(Pod {
            id: id.clone(),
            host_id,
            name: name.to_owned(),
            account: account.to_owned(),
            image: "runpod/base:1.0.0".to_owned(),
            args: String::new(),
            gpu,
            gpu_count: 1,
            secure: true,
            disk_gb: 10,
            volume_gb: 0,
            volume_path: String::new(),
            ports: Vec::new(),
            env: Vec::new(),
            price,
            created_at: now,
            ended_at: None,
            terminate_after: None,
            stopped: false,
            locked: false,
            stints: vec![Stint::running(now, price, 10, 0)],
            extra: Charge::default(),
        });
        id
    }

    /// Another pod like this one, of the same name and environment: an order that was carried out twice, maybe
    /// late, or a copy that somebody made. Gives its id.
    ///
    /// # Panics
    /// If no pod has the id.
    pub fn duplicate_behind_our_back(&self, id: &str) -> String {
        let now = self.hub.clock.now();
        let mut world = self.world();
        let pod = world.pods.iter().find(|pod| pod.id == id);
        let mut pod = pod.expect("a pod has this id").clone();
        (pod.id, pod.host_id) = world.next_id();
        (pod.created_at, pod.ended_at) = (now, None);
        pod.stints = vec![Stint::running(now, pod.price, pod.disk_gb, pod.volume_gb)];
        pod.extra = Charge::default();
        let id = pod.id.clone();
        world.add(pod);
        id
    }

    /// Every secret this provider has seen or made: its keys, and what pods carry in their environment.
    pub fn secrets(&self) -> Vec<String> {
        self.world().secrets.clone()
    }

    /// Balances and pods, without any secret.
    pub fn state_json(&self) -> Value {
        let now = self.hub.clock.now();
        let world = self.world();
        let boot = world.boot_micros;
        let account = |account: &state::Account| {
            let balance = usd_from_micros(world.balance(&account.name, now));
            json!({ "account": account.name, "balance": balance })
        };
        let accounts: Vec<Value> = world.accounts.iter().map(account).collect();
        let pods: Vec<Value> = world
            .pods
            .iter()
            .map(|pod| pod.state_json(now, boot))
            .collect();
        json!({ "accounts": accounts, "pods": pods })
    }

    /// The world as it is now: what the time has brought is carried out first.
    fn world(&self) -> MutexGuard<'_, World> {
        let lock = self.hub.world.lock();
        let mut world = lock.unwrap_or_else(PoisonError::into_inner);
        world.pass(self.hub.clock.now());
        world
    }

    fn hold(&self, call: &Call, answer: Answer) -> Answer {
        let Some(contracts) = &self.hub.contracts else {
            return answer;
        };
        let line = format!("runpod {} {}", call.method, call.path);
        let status = answer.status;
        let asked = contracts.runpod_request(&call.method, &call.path, &call.query, &call.body);
        let said = contracts.runpod_answer(&call.method, &call.path, status, &answer.body);
        let asked = asked
            .into_iter()
            .map(|text| format!("{line}: request {text}"));
        let said = said
            .into_iter()
            .map(|text| format!("{line}: answer {status} {text}"));
        for problem in asked.chain(said) {
            self.hub.wire.violation(problem);
        }
        answer
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

impl Behind for RunPod {
    const WIRE: &'static str = RUNPOD;

    fn wire(&self) -> &Wire {
        &self.hub.wire
    }

    fn faults(&self) -> &Faults {
        &self.hub.faults
    }

    /// GraphQL has one path, so its requests are named by what they ask for.
    fn line(&self, call: &Call) -> String {
        let line = format!("{} {}", call.method, call.path);
        match graphql::root(call) {
            Some(root) if call.path == GRAPHQL => format!("{line} {root}"),
            _ => line,
        }
    }

    async fn answer(&self, call: &Call) -> Answer {
        if (call.method.as_str(), call.path.as_str()) == ("POST", GRAPHQL) {
            return graphql::answer(self, call);
        }
        if call.path.starts_with("/v2/") {
            return self.hold(call, rest::answer(self, call));
        }
        let line = format!("runpod {} {}", call.method, call.path);
        self.hub.wire.violation(format!("{line}: no such route"));
        Answer::text(404, "<html><h1>404 Not Found</h1></html>")
    }

    fn refusal(&self, fault: Fault, call: &Call) -> Option<Answer> {
        let graphql = call.path == GRAPHQL;
        let root = graphql::root(call);
        let said = |status, code, text: &str| {
            if graphql {
                let status = if status == 401 { 401 } else { 200 };
                return graphql::failure(status, code, text, root.as_deref());
            }
            rest::problem(status, text)
        };
        Some(match fault {
            Fault::Unauthorized401 => said(401, "RUNPOD", "Unauthorized"),
            Fault::Forbidden403 => said(403, "RUNPOD", "access denied"),
            Fault::NotFound404 => said(404, "RUNPOD", "pod not found"),
            Fault::NoCapacity => said(400, "RUNPOD", graphql::NO_CAPACITY),
            Fault::RateLimited429 { .. } if graphql => {
                Answer::text(429, "<html><h1>429 Too Many Requests</h1></html>")
                    .header("content-type", &"text/html")
            }
            Fault::RateLimited429 { retry_after } => {
                rest::problem(429, "rate limit exceeded for the minute window")
                    .header("retry-after", &retry_after)
                    .header("ratelimit-policy", &"\"minute\";q=60;w=60")
                    .header("ratelimit", &format!("\"minute\";r=0;t={retry_after}"))
            }
            Fault::ServerError500 | Fault::ServerErrorAfter500 => {
                said(500, "INTERNAL_SERVER_ERROR", graphql::WENT_WRONG)
            }
            Fault::BadGateway502 => page(502, "502 Bad Gateway"),
            Fault::HtmlPage => page(200, "One moment, please"),
            _ => return None,
        })
    }
}

/// What a proxy in front of the provider says.
fn page(status: u16, title: &str) -> Answer {
    Answer::text(status, &format!("<html><h1>{title}</h1></html>"))
        .header("content-type", &"text/html")
}
