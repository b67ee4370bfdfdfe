//! What the provider knows: accounts, their keys, kinds of GPU, and pods with what they cost.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::bill::{self, Charge, Stint};
use super::limits::Window;

/// Charges and balances are looked at this often.
const CHARGE_RUN: i64 = 300 * 1_000_000;
/// US dollars per hour that an account may spend at most, unless changed.
const SPEND_LIMIT: i64 = 80_000_000;

/// A pod as a test compares it with its own books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodState {
    pub id: String,
    pub name: String,
    pub image: String,
    pub gpu: String,
    pub env: Vec<(String, String)>,
    pub ports: Vec<String>,
    /// `RUNNING`, `EXITED`, `TERMINATED` and so on.
    pub status: String,
    pub locked: bool,
    /// Microseconds since 1970, UTC.
    pub created_at: i64,
    pub ended_at: Option<i64>,
    pub terminate_after: Option<i64>,
    pub price_micros_per_hour: i64,
    /// The true bill until now, rounded up.
    pub bill_micros: i64,
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    All,
    /// GraphQL and REST may be read.
    ReadOnly,
    /// REST only.
    NoGraphql,
}

#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is another whim of the provider's"
)]
pub(super) struct World {
    pub accounts: Vec<Account>,
    pub keys: Vec<Key>,
    pub gpus: Vec<Gpu>,
    pub pods: Vec<Pod>,
    pub secrets: Vec<String>,
    /// Answers with errors beside the new pod.
    pub complains: bool,
    /// `terminateAfter` is taken and nothing comes of it, as the real service was once found to do.
    pub forgets_deadlines: bool,
    /// GraphQL does not say yet on which machine a new pod is.
    pub places_later: bool,
    /// Pods that have ended are still shown, as `TERMINATED`.
    pub shows_ended: bool,
    pub boot_micros: i64,
    pub billing_lag_micros: i64,
    /// Requests per minute; the documented number unless changed.
    pub per_minute: u64,
    last: i64,
    made: u64,
}

pub(super) struct Account {
    pub name: String,
    pub paid_micros: i64,
    pub spend_limit_micros: i64,
    pub windows: [Window; 3],
}

pub(super) struct Key {
    pub secret: String,
    pub account: String,
    pub access: Access,
    pub revoked: bool,
}

pub(super) struct Gpu {
    pub id: String,
    pub name: String,
    pub memory_gb: i64,
    /// Micro-dollars per hour, by kind of cloud.
    pub secure: Option<i64>,
    pub community: Option<i64>,
    /// What pods cost although the list says otherwise.
    pub really: Option<i64>,
    pub in_stock: bool,
}

#[derive(Clone)]
pub(super) struct Pod {
    pub id: String,
    pub host_id: String,
    pub name: String,
    pub account: String,
    pub image: String,
    pub args: String,
    pub gpu: String,
    pub gpu_count: i64,
    pub secure: bool,
    pub disk_gb: i64,
    pub volume_gb: i64,
    pub volume_path: String,
    pub ports: Vec<String>,
    pub env: Vec<(String, String)>,
    pub price: i64,
    pub created_at: i64,
    pub ended_at: Option<i64>,
    pub terminate_after: Option<i64>,
    pub stopped: bool,
    pub locked: bool,
    pub stints: Vec<Stint>,
    /// Billed beside price and disks.
    pub extra: Charge,
}

pub(super) fn timestamp(micros: i64) -> String {
    let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl World {
    pub fn new(per_minute: u64, billing_lag_micros: i64) -> World {
        World {
            billing_lag_micros,
            per_minute,
            ..World::default()
        }
    }

    /// The account of this name; made when first named.
    pub fn account(&mut self, name: &str) -> &mut Account {
        if let Some(at) = self.accounts.iter().position(|one| one.name == name) {
            return &mut self.accounts[at];
        }
        self.accounts.push(Account {
            name: name.to_owned(),
            paid_micros: 0,
            spend_limit_micros: SPEND_LIMIT,
            windows: Window::ALL,
        });
        self.accounts.last_mut().expect("an account was just added")
    }

    pub fn gpu(&self, id: &str) -> Option<&Gpu> {
        self.gpus.iter().find(|gpu| gpu.id == id)
    }

    /// The account and the rights of a key that is not revoked.
    pub fn admits(&self, secret: &str) -> Option<(String, Access)> {
        let fits = |key: &&Key| key.secret == secret && !key.revoked;
        let key = self.keys.iter().find(fits)?;
        Some((key.account.clone(), key.access))
    }

    /// Where a pod of an account stands that is shown.
    pub fn shown(&self, account: &str, id: &str) -> Option<usize> {
        let fits = |pod: &Pod| pod.id == id && self.shows(account, pod);
        self.pods.iter().position(fits)
    }

    pub fn shows(&self, account: &str, pod: &Pod) -> bool {
        pod.account == account && (self.shows_ended || pod.ended_at.is_none())
    }

    /// Where a pod of an account stands that is not terminated.
    pub fn living(&self, account: &str, id: &str) -> Option<usize> {
        let fits = |pod: &Pod| pod.id == id && pod.account == account && pod.ended_at.is_none();
        self.pods.iter().position(fits)
    }

    pub fn spent(&self, account: &str, moment: i64) -> Charge {
        let of = self.pods.iter().filter(|pod| pod.account == account);
        of.fold(Charge::default(), |sum, pod| {
            sum.plus(bill::whole(pod, moment))
        })
    }

    /// Micro-dollars that an account has left, rounded down.
    pub fn balance(&self, account: &str, moment: i64) -> i64 {
        let paid = self.accounts.iter().find(|one| one.name == account);
        let paid = paid.map_or(0, |account| account.paid_micros);
        paid - self.spent(account, moment).micros_up()
    }

    /// Micro-dollars per hour that an account's pods cost now.
    pub fn rate(&self, account: &str) -> i64 {
        let runs = |pod: &&Pod| pod.account == account && pod.ended_at.is_none() && !pod.stopped;
        self.pods.iter().filter(runs).map(|pod| pod.price).sum()
    }

    /// Adds a pod and gives its place.
    pub fn add(&mut self, pod: Pod) -> usize {
        let telling = |name: &str| {
            ["PASSWORD", "TOKEN", "API_KEY"]
                .iter()
                .any(|part| name.contains(part))
        };
        let secrets = pod.env.iter().filter(|(name, _)| telling(name));
        self.secrets.extend(secrets.map(|(_, value)| value.clone()));
        self.pods.push(pod);
        self.pods.len() - 1
    }

    /// A pod id and the id of its host.
    pub fn next_id(&mut self) -> (String, String) {
        self.made += 1;
        let noise = hex::encode(Sha256::digest(format!("sandbox pod {}", self.made)));
        let id = noise[..14].to_owned();
        let host = format!("{id}-{}", &noise[14..22]);
        (id, host)
    }

    /// Carries out what the time until `now` brings: deadlines, and accounts that run dry.
    pub fn pass(&mut self, now: i64) {
        let now = now.max(self.last);
        loop {
            let deadline = self.next_deadline(now);
            let horizon = deadline.map_or(now, |(_, at)| at);
            if let Some((account, tick)) = self.first_dry(horizon) {
                let broke = self.pods.iter_mut().filter(|pod| pod.account == account);
                for pod in broke.filter(|pod| pod.ended_at.is_none()) {
                    pod.ended_at = Some(tick);
                }
                continue;
            }
            let Some((at, moment)) = deadline else { break };
            self.pods[at].ended_at = Some(moment);
        }
        self.last = now;
    }

    fn next_deadline(&self, now: i64) -> Option<(usize, i64)> {
        if self.forgets_deadlines {
            return None;
        }
        let pods = self.pods.iter().enumerate();
        pods.filter(|(_, pod)| pod.ended_at.is_none())
            .filter_map(|(at, pod)| Some((at, pod.terminate_after?)))
            .filter(|&(_, moment)| moment <= now)
            .min_by_key(|&(_, moment)| moment)
    }

    /// The first account without money until then, and the charge run that finds it.
    fn first_dry(&self, until: i64) -> Option<(String, i64)> {
        let found = self.accounts.iter().filter_map(|account| {
            let living = |pod: &&Pod| pod.account == account.name && pod.ended_at.is_none();
            let since = self
                .pods
                .iter()
                .filter(living)
                .map(|pod| pod.created_at)
                .min()?;
            let dry = |tick: i64| {
                self.spent(&account.name, tick * CHARGE_RUN)
                    >= Charge::from_micros(account.paid_micros)
            };
            let (mut low, mut high) = (since.div_euclid(CHARGE_RUN), until.div_euclid(CHARGE_RUN));
            if low >= high || !dry(high) {
                return None;
            }
            while low < high {
                let middle = low.midpoint(high);
                if dry(middle) {
                    high = middle;
                } else {
                    low = middle + 1;
                }
            }
            Some((account.name.clone(), high * CHARGE_RUN))
        });
        found.min_by_key(|(_, tick)| *tick)
    }
}

impl Pod {
    pub fn status(&self, now: i64, boot_micros: i64) -> &'static str {
        if self.ended_at.is_some() {
            "TERMINATED"
        } else if self.stopped {
            "EXITED"
        } else if now < self.created_at + boot_micros {
            "PROVISIONING"
        } else {
            "RUNNING"
        }
    }

    pub fn state(&self, now: i64, boot_micros: i64) -> PodState {
        PodState {
            id: self.id.clone(),
            name: self.name.clone(),
            image: self.image.clone(),
            gpu: self.gpu.clone(),
            env: self.env.clone(),
            ports: self.ports.clone(),
            status: self.status(now, boot_micros).to_owned(),
            locked: self.locked,
            created_at: self.created_at,
            ended_at: self.ended_at,
            terminate_after: self.terminate_after,
            price_micros_per_hour: self.price,
            bill_micros: bill::whole(self, now).micros_up(),
        }
    }

    /// Without the values of its environment, which may be secrets.
    pub fn state_json(&self, now: i64, boot_micros: i64) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "account": self.account,
            "image": self.image,
            "gpu": self.gpu,
            "status": self.status(now, boot_micros),
            "terminate_after": self.terminate_after.map(timestamp),
            "bill": bill::whole(self, now).usd(),
        })
    }
}
