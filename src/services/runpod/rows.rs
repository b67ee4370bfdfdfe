//! What `RunPod` says: pods, prices and bills of REST v2, and the two questions that only GraphQL answers.

use super::price::Rate;
use crate::services::wire::Number;
use chrono::DateTime;
use serde::{Deserialize, Serialize};
use slice_core::{grant::LABEL_PREFIX, money::Money, time::Time};

const ID_CHARS_MAX: usize = 64;

/// Whether a text of the provider's can be the id of a pod.
pub(super) fn is_id(text: &str) -> bool {
    (1..=ID_CHARS_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

pub(super) fn time(text: &str) -> Option<Time> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(Time::from_micros(time.timestamp_micros()))
}

/// The variable that carries a pod's label.
pub(super) const MARK: &str = "SLICE_GRANT";

/// The name that a pod with that label has: there are no slashes in it.
pub(super) fn name_of(label: &str) -> String {
    label.replace('/', "-")
}

#[derive(Deserialize)]
pub(super) struct Pods {
    pub pods: Vec<Pod>,
}

/// Of a pod's environment nothing else is read: there are secrets in it.
#[derive(Default, Deserialize)]
struct Environment {
    #[serde(rename = "SLICE_GRANT", default)]
    mark: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Pod {
    pub id: String,
    name: String,
    status: String,
    cost: Number,
    disk: i64,
    #[serde(default)]
    env: Environment,
    #[serde(default)]
    pub locked: bool,
    #[serde(rename = "createdAt")]
    created_at: String,
    #[serde(default)]
    ssh: Option<Ssh>,
}

#[derive(Deserialize)]
struct Ssh {
    /// `None`: the pod has no machine yet.
    #[serde(default)]
    proxy: Option<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(default)]
    username: String,
}

impl Pod {
    /// The label with which Slice made it: name and mark agree, or it is somebody else's.
    pub fn label(&self) -> Option<&str> {
        let label = self.env.mark.as_deref()?;
        (label.starts_with(LABEL_PREFIX) && self.name == name_of(label)).then_some(label)
    }

    /// Whether it costs more than its disk. One in error does, for as long as it is there.
    pub fn runs(&self) -> bool {
        !["EXITED", "TERMINATED"].contains(&self.status.as_str())
    }

    /// Whether it is only shown, and there is none any more.
    pub fn has_ended(&self) -> bool {
        self.status == "TERMINATED"
    }

    pub fn created_at(&self) -> Option<Time> {
        time(&self.created_at)
    }

    /// What `RunPod`'s SSH proxy calls it.
    pub fn host(&self) -> Option<&str> {
        let host = &self.ssh.as_ref()?.proxy.as_ref()?.username;
        is_id(host).then_some(host)
    }

    /// Of its GPU, per hour, now; nothing while it stands still.
    pub fn price(&self) -> Option<Money> {
        self.cost.money().map(Money::or_zero)
    }

    pub fn rate(&self) -> Option<Rate> {
        Some(Rate {
            gpu: self.price()?,
            disk_gb: self.disk.max(0),
        })
    }
}

/// The only thing of a pod that Slice changes.
#[derive(Serialize)]
pub(super) struct Unlock {
    pub locked: bool,
}

#[derive(Deserialize)]
pub(super) struct Gpus {
    pub gpus: Vec<Gpu>,
}

#[derive(Clone, Deserialize)]
struct Prices {
    secure: Number,
}

#[derive(Clone, Deserialize)]
pub(super) struct Gpu {
    pub id: String,
    pub name: String,
    secure: bool,
    price: Prices,
    #[serde(default)]
    availability: Option<String>,
}

impl Gpu {
    /// Per hour in the secure cloud, where it is to be had there at all.
    pub fn price(&self) -> Option<Money> {
        let price = self.price.secure.money().filter(|_| self.secure)?;
        Some(price).filter(|price| Money::ZERO < *price)
    }

    pub fn is_free(&self) -> bool {
        self.availability.as_deref() != Some("NONE")
    }

    /// As people call it, or as `RunPod` does.
    pub fn is_called(&self, name: &str) -> bool {
        [&self.id, &self.name]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    }
}

#[derive(Deserialize)]
pub(super) struct Bills {
    pub records: Vec<Bill>,
}

/// What a pod cost in one span of time.
#[derive(Deserialize)]
pub(super) struct Bill {
    #[serde(rename = "podId", default)]
    pub pod: Option<String>,
    #[serde(rename = "totalAmount")]
    total: Number,
}

impl Bill {
    pub fn total(&self) -> Option<Money> {
        self.total.money()
    }
}

/// A question or an order to GraphQL.
#[derive(Serialize)]
pub(super) struct Ask<V> {
    pub query: &'static str,
    pub variables: V,
}

#[derive(Serialize)]
pub(super) struct Nothing {}

pub(super) const MYSELF: &str = "query { myself { clientBalance } }";
pub(super) const DEPLOY: &str = "mutation Deploy($input: PodFindAndDeployOnDemandInput!) { \
    podFindAndDeployOnDemand(input: $input) { id costPerHr machine { podHostId } } }";

#[derive(Serialize)]
pub(super) struct Deploy<'a> {
    pub input: Order<'a>,
}

#[derive(Serialize)]
pub(super) struct Variable<'a> {
    pub key: &'a str,
    pub value: &'a str,
}

/// The input of `podFindAndDeployOnDemand`, as `RunPod`'s own clients send it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order<'a> {
    pub name: &'a str,
    pub image_name: &'a str,
    pub gpu_type_id: &'a str,
    pub gpu_count: u8,
    pub cloud_type: &'static str,
    pub container_disk_in_gb: i64,
    pub volume_in_gb: u8,
    pub ports: &'a str,
    pub start_ssh: bool,
    pub env: &'a [Variable<'a>],
    pub terminate_after: String,
}

/// What GraphQL answers, with status 200 whatever it says.
#[derive(Deserialize)]
pub(super) struct Answer<T> {
    #[serde(default = "none")]
    pub data: Option<T>,
    #[serde(default)]
    pub errors: Vec<Error>,
}

fn none<T>() -> Option<T> {
    None
}

#[derive(Deserialize)]
pub(super) struct Error {
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Default, Deserialize)]
struct Extensions {
    #[serde(default)]
    code: String,
}

impl Error {
    /// It was turned away before anything was done about it.
    pub fn is_unread(&self) -> bool {
        let codes = [
            "BAD_USER_INPUT",
            "GRAPHQL_VALIDATION_FAILED",
            "GRAPHQL_PARSE_FAILED",
        ];
        codes.contains(&self.extensions.code.as_str())
    }

    pub fn says(&self, words: &str) -> bool {
        self.message.to_ascii_lowercase().contains(words)
    }
}

#[derive(Deserialize)]
pub(super) struct Whoami {
    pub myself: Option<Account>,
}

#[derive(Deserialize)]
pub(super) struct Account {
    #[serde(rename = "clientBalance")]
    balance: Number,
}

impl Account {
    pub fn balance(&self) -> Option<Money> {
        self.balance.money()
    }
}

#[derive(Deserialize)]
pub(super) struct Deployed {
    #[serde(rename = "podFindAndDeployOnDemand")]
    pub pod: Option<Made>,
}

#[derive(Deserialize)]
pub(super) struct Made {
    pub id: String,
    #[serde(rename = "costPerHr", default)]
    price: Option<Number>,
    #[serde(default)]
    machine: Option<Machine>,
}

impl Made {
    /// `None`: it is not said. A pod that costs nothing is none that was agreed on.
    pub fn price(&self) -> Option<Money> {
        let price = self.price.as_ref()?.money();
        price.filter(|price| Money::ZERO < *price)
    }

    /// What `RunPod`'s SSH proxy calls the pod.
    pub fn host(&self) -> Option<&str> {
        let host = self.machine.as_ref()?.host.as_deref();
        host.filter(|host| is_id(host))
    }
}

#[derive(Deserialize)]
struct Machine {
    #[serde(rename = "podHostId", default)]
    host: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_costs_money_until_it_has_ended() {
        let pod = |status: &str| {
            let pod = serde_json::json!({
                "id": "a1", "name": "a", "status": status, "cost": 0.4, "disk": 10,
                "createdAt": "2026-11-27T18:00:00Z",
            });
            serde_json::from_str::<Pod>(&pod.to_string()).expect("a pod")
        };
        for (status, runs, has_ended) in [
            ("PROVISIONING", true, false),
            ("STARTING", true, false),
            ("RUNNING", true, false),
            ("EXITED", false, false),
            ("ERROR", true, false),
            ("TERMINATED", false, true),
        ] {
            let pod = pod(status);
            assert_eq!((pod.runs(), pod.has_ended()), (runs, has_ended), "{status}");
        }
    }

    /// What a pod has cost is computed with this: by a price of nothing it would last for ever.
    #[test]
    fn a_price_that_is_none_is_not_said() {
        let price = |price: &str| {
            let made = format!("{{\"id\": \"a1\"{price}}}");
            serde_json::from_str::<Made>(&made).expect("a pod").price()
        };
        assert_eq!(
            price(", \"costPerHr\": 0.4"),
            Some(Money::from_micros(400_000))
        );
        for none in [
            "",
            ", \"costPerHr\": null",
            ", \"costPerHr\": 0",
            ", \"costPerHr\": -0.4",
        ] {
            assert_eq!(price(none), None, "{none}");
        }
    }
}
