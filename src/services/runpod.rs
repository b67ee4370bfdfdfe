//! `RunPod`: it has no API that makes keys, so a grant is a pod on lease, made with the master key and ended
//! when its money is.

mod api;
mod catalog;
mod meter;
mod options;
mod price;
mod rows;
mod shop;
mod terms;

use super::ServicesConfig;
use api::Api;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use catalog::Catalog;
use futures::future::BoxFuture;
use meter::{agreed_price, meter, odd_pod};
use options::Options;
use price::Rate;
use rows::{MARK, Made, Pod, Variable, name_of};
use slice_core::{
    ids::ServiceName,
    money::Money,
    ports::{
        Adjusts, Asking, Bounds, Capabilities, Clock, Facts, Found, Hardness, Health, Issued,
        KeyRef, Listed, Meter, Order, ServiceAdapter, ServiceError, Unmet,
    },
    reply::Field,
    secret::Secret,
    time::Time,
};
use std::{sync::Arc, time::Duration};
use terms::{Access, Terms};

/// Slice ends a pod so long before its money does. `terminateAfter` is set to that instant, but `RunPod` was
/// found to take it and do nothing (runpod/runpodctl, pull request 330), so nothing hangs on it.
const EARLY: Duration = Duration::from_mins(2);
/// By then everything is billed that a pod cost before its end.
const BILLS_LATE: Duration = Duration::from_mins(70);
/// A pod costs money while nobody uses it.
const REVEAL_WITHIN: Duration = Duration::from_hours(1);
const SMALLEST_CAP: Money = Money::from_dollars(1);
const HOUR: Duration = Duration::from_hours(1);
const PASSWORD_BYTES: usize = 24;

const PRICE: &str = "Price per hour";
const SINCE: &str = "Since";
const ADDRESS: &str = "Address";

pub(super) struct RunPod {
    name: ServiceName,
    capabilities: Capabilities,
    api: Api,
    catalog: Catalog,
    clock: Arc<dyn Clock>,
}

/// The instant, without the parts of its second.
fn seconds(at: Time) -> String {
    at.utc().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn fact<'a>(facts: &'a Facts, name: &str) -> Option<&'a str> {
    let found = facts.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

impl RunPod {
    pub fn new(config: &ServicesConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            name: ServiceName::new("runpod"),
            capabilities: Capabilities {
                title: "RunPod",
                hardness: Hardness::ByConstruction { early: EARLY },
                inert: false,
                smallest_cap: SMALLEST_CAP,
                dead_man: Some(EARLY),
                bills_late: Some(BILLS_LATE),
                credential: &[],
                adjusts: Adjusts::NOTHING,
                has_options: true,
                good_within: None,
                reveal_within: Some(REVEAL_WITHIN),
                caution: Some(
                    "In a pod's environment stands a RunPod key of its own (RUNPOD_API_KEY), whose rights RunPod \
                     does not document: whoever gets into the pod has it. What is on the pod's disk is gone when \
                     the pod ends.",
                ),
                stays: None,
                usage: "$KEY".into(),
                master_hint: "A key of all rights from console.runpod.io → Settings → API keys. A restricted or \
                              read-only one cannot make pods.",
            },
            api: Api::new(&config.runpod_api, config.timeout),
            catalog: Catalog::default(),
            clock,
        }
    }

    async fn healthy(&self, master: &Secret) -> Result<Health, ServiceError> {
        let (balance, pods) =
            futures::future::join(self.api.balance(master), self.api.pods(master)).await;
        let unusable = |why| match why {
            ServiceError::Later { why, .. } if why == api::WHOSE.unknown_master().to_string() => {
                ServiceError::Rejected("RunPod does not know this key.".into())
            }
            ServiceError::Later { why, .. } if why == api::WHOSE.forbidden => {
                ServiceError::Rejected(
                    "This key may not read pods and the account. Slice needs one of all rights."
                        .into(),
                )
            }
            other => other,
        };
        let (balance, pods) = (balance.map_err(unusable)?, pods.map_err(unusable)?);
        let now = match pods.len() {
            1 => "1 pod".to_owned(),
            number => format!("{number} pods"),
        };
        let note = format!(
            "It has {now} now. RunPod does not say what a key may do: whether this one may make pods shows with \
             the first one."
        );
        Ok(Health {
            balance: Some(balance),
            note: Some(note),
        })
    }

    /// Whether the pod may be made at what was agreed on: by the owners' choices, its price and the balance.
    async fn may_be_made(
        &self,
        master: &Secret,
        order: &Order,
    ) -> Result<(Terms, String), ServiceError> {
        let no = |why: String| ServiceError::Rejected(why);
        let terms = Terms::kept(&order.terms);
        let terms = terms.ok_or_else(|| no("What was agreed on can't be read.".into()))?;
        let options = Options::parse(&order.options).unwrap_or_default();
        if !options.on || options.image(&terms.image).is_none() {
            return Err(no(format!(
                "The owners do not let members run {} any more.",
                terms.image
            )));
        }
        let (gpus, balance) =
            futures::future::join(self.gpus_now(master), self.api.balance(master)).await;
        let (gpus, balance) = (gpus?, balance?);
        let gpu = gpus.into_iter().find(|gpu| gpu.is_called(&terms.gpu));
        let gpu = gpu.and_then(|gpu| Some((gpu.price()?, gpu)));
        let (price, gpu) =
            gpu.ok_or_else(|| no(format!("RunPod has no {} any more.", terms.gpu)))?;
        if terms.price < price {
            return Err(no(shop::dearer(&gpu.name, (terms.price, price))));
        }
        if !gpu.is_free() {
            return Err(api::no_capacity());
        }
        let hour = terms.rate().cost(HOUR);
        if balance < hour {
            return Err(no(format!(
                "The RunPod account has {} left, and an hour of that pod is {}. Somebody has to add money at \
                 console.runpod.io.",
                balance.or_zero().up_to_cents(),
                hour.up_to_cents()
            )));
        }
        Ok((terms, gpu.id))
    }

    fn password(&self) -> Secret {
        let mut chance = zeroize::Zeroizing::new([0; PASSWORD_BYTES]);
        self.clock.random(chance.as_mut());
        Secret::new(URL_SAFE_NO_PAD.encode(*chance))
    }

    async fn make(&self, master: &Secret, order: &Order) -> Result<Issued, ServiceError> {
        let (terms, gpu) = self.may_be_made(master, order).await?;
        let password = self.password();
        let mut env = vec![Variable {
            key: MARK,
            value: &order.label,
        }];
        let options = Options::parse(&order.options).unwrap_or_default();
        let login = options
            .image(&terms.image)
            .and_then(|image| image.login.as_ref());
        let ports = match (&terms.access, login) {
            (Access::Ssh(key), _) => {
                env.push(Variable {
                    key: "PUBLIC_KEY",
                    value: key,
                });
                "22/tcp".to_owned()
            }
            (Access::Port(port), Some(login)) if login.port == *port => {
                env.push(Variable {
                    key: &login.variable,
                    value: password.expose(),
                });
                format!("{port}/http")
            }
            (Access::Port(_), _) => {
                let why = "The owners say no more that this image's password protects that port.";
                return Err(ServiceError::Rejected(why.into()));
            }
        };
        let input = rows::Order {
            name: &name_of(&order.label),
            image_name: &terms.image,
            gpu_type_id: &gpu,
            gpu_count: 1,
            cloud_type: "SECURE",
            container_disk_in_gb: terms.disk_gb,
            volume_in_gb: 0,
            ports: &ports,
            start_ssh: matches!(terms.access, Access::Ssh(_)),
            env: &env,
            terminate_after: seconds(order.dead_man),
        };
        let made = self.api.deploy(master, input).await?;
        let secret = match &terms.access {
            Access::Port(_) => password,
            Access::Ssh(_) => self.way_in(master, &made).await?,
        };
        Ok(self.issued(&terms, &made, secret))
    }

    /// What its last bill is recognized by. What stands still has no price, and did cost money.
    fn shown(pod: &Pod) -> Facts {
        let rate = pod.rate().filter(|rate| Money::ZERO < rate.gpu);
        let price = rate.map(Rate::said);
        let since = pod.created_at().map(seconds);
        let facts = [(PRICE, price), (SINCE, since)].into_iter();
        let known = facts.filter_map(|(name, value)| Some((name.to_owned(), value?)));
        known.collect()
    }

    /// How a pod is reached by SSH. Until it has a machine, that is not said. An error says that the pod may
    /// exist, whatever it was.
    async fn way_in(&self, master: &Secret, made: &Made) -> Result<Secret, ServiceError> {
        let host = if let Some(host) = made.host() {
            Some(host.to_owned())
        } else {
            let pod = self.api.pod(master, &made.id).await.ok();
            pod.and_then(|pod| pod.host().map(str::to_owned))
        };
        let host = host.ok_or_else(|| {
            ServiceError::Unknown("RunPod does not say how the new pod is reached.".into())
        })?;
        Ok(Secret::new(format!("ssh {host}@ssh.runpod.io")))
    }

    fn issued(&self, terms: &Terms, made: &Made, secret: Secret) -> Issued {
        let price = made.price().unwrap_or(terms.price);
        let rate = Rate {
            gpu: price,
            disk_gb: terms.disk_gb,
        };
        let fact = |name: &str, value: String| (name.to_owned(), value);
        let mut facts = vec![
            fact("GPU", terms.gpu.clone()),
            fact("Image", terms.image.clone()),
            fact("Disk", format!("{} GB", terms.disk_gb)),
            fact(PRICE, rate.said()),
            fact(SINCE, seconds(self.clock.now())),
            fact("Pod", made.id.clone()),
        ];
        match &terms.access {
            Access::Port(port) => {
                let address = format!("https://{}-{port}.proxy.runpod.net", made.id);
                facts.push(fact(ADDRESS, address));
            }
            Access::Ssh(_) => {
                let registered = "RunPod lets in keys that are registered in its account; if it refuses yours, an \
                                  owner adds it there (console.runpod.io, Settings, SSH public keys)";
                facts.push(fact("SSH", registered.into()));
            }
        }
        Issued {
            provider_id: made.id.clone(),
            secret,
            facts,
        }
    }

    /// The pod as it was agreed on; a dearer one is refused.
    async fn look(&self, master: &Secret, key: &KeyRef) -> Result<(), ServiceError> {
        let pod = self.api.pod(master, &key.provider_id).await?;
        let terms = Terms::kept(&key.terms).ok_or_else(odd_pod)?;
        let now = pod.price().ok_or_else(odd_pod)?;
        let price = agreed_price(&key.facts).unwrap_or_default().max(now);
        if price <= terms.price {
            return Ok(());
        }
        Err(ServiceError::Rejected(format!(
            "RunPod charges {price} an hour for the pod, and {} was agreed on, so it was terminated at once.",
            terms.price
        )))
    }

    /// Terminates a pod and says what it has cost: afterwards nobody can ask before it is billed.
    async fn end(&self, master: &Secret, key: &KeyRef) -> Result<Option<Meter>, ServiceError> {
        let pod = match self.api.pod(master, &key.provider_id).await {
            Ok(pod) => pod,
            Err(ServiceError::Gone) => return Ok(None),
            Err(why) => return Err(why),
        };
        self.api.terminate(master, &pod).await?;
        let usages = self.usages_at_most(master, &[&pod]).await?;
        let usage = usages.into_iter().sum::<Money>();
        Ok(Some(meter(usage.max(key.usage), true)))
    }

    async fn remove(&self, master: &Secret, id: &str) -> Result<(), ServiceError> {
        match self.api.pod(master, id).await {
            Ok(pod) => self.api.terminate(master, &pod).await,
            Err(ServiceError::Gone) => Ok(()),
            Err(why) => Err(why),
        }
    }

    async fn labelled(&self, master: &Secret, label: &str) -> Result<Vec<Found>, ServiceError> {
        let pods = self.api.pods(master).await?;
        let ours: Vec<_> = pods
            .iter()
            .filter(|pod| pod.label() == Some(label))
            .collect();
        let usages = self.usages_at_most(master, &ours).await?;
        let found = ours.iter().zip(usages).map(|(pod, usage)| Found {
            provider_id: pod.id.clone(),
            usage,
        });
        Ok(found.collect())
    }

    async fn all(&self, master: &Secret, prefix: &str) -> Result<Vec<Listed>, ServiceError> {
        let pods = self.api.pods(master).await?;
        let is_ours = |pod: &&Pod| pod.label().is_some_and(|label| label.starts_with(prefix));
        let ours: Vec<_> = pods.iter().filter(is_ours).collect();
        // Which pods there are is said without their bills too: each is read by itself then.
        let usages = self.usages(master, &ours).await.ok();
        let listed = ours.iter().enumerate().map(|(place, pod)| Listed {
            label: pod.label().unwrap_or_default().to_owned(),
            provider_id: pod.id.clone(),
            meter: usages
                .as_ref()
                .map(|usages| meter(usages[place], !pod.runs())),
            facts: Self::shown(pod),
        });
        Ok(listed.collect())
    }
}

impl ServiceAdapter for RunPod {
    fn name(&self) -> &ServiceName {
        &self.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn agree<'a>(&'a self, asking: Asking<'a>) -> BoxFuture<'a, Result<String, Unmet>> {
        Box::pin(self.agreed(asking))
    }

    fn questions<'a>(
        &'a self,
        asking: Asking<'a>,
    ) -> BoxFuture<'a, Result<Vec<Field>, ServiceError>> {
        Box::pin(self.asked(asking))
    }

    fn choices<'a>(
        &'a self,
        asking: Asking<'a>,
    ) -> BoxFuture<'a, Result<Vec<Field>, ServiceError>> {
        Box::pin(self.chosen(asking))
    }

    fn options(&self, said: &str) -> Result<String, String> {
        Options::parse(said).map(|options| options.to_string())
    }

    fn is_off(&self, options: &str) -> bool {
        !Options::parse(options).is_ok_and(|options| options.on)
    }

    fn price(&self, options: &str) -> String {
        let usual = Options::parse(options).ok().and_then(|options| options.gpu);
        let gpu = usual.map_or_else(String::new, |gpu| {
            format!(" ({gpu} where you say nothing else)")
        });
        format!(
            "a pod with a GPU on lease{gpu}, at RunPod's price of the hour, which the form shows"
        )
    }

    fn wants(&self, terms: &str) -> Facts {
        terms::read(terms)
    }

    fn lasts(&self, cap: Money, terms: &str) -> Option<Duration> {
        Terms::kept(terms).map(|terms| terms.rate().lasts(cap))
    }

    fn usage(&self, facts: &Facts) -> String {
        match fact(facts, ADDRESS) {
            Some(address) => format!("open {address} # with $KEY as its password or token"),
            None => "$KEY -i ~/.ssh/id_ed25519".into(),
        }
    }

    fn check<'a>(&'a self, master: &'a Secret) -> BoxFuture<'a, Result<Health, ServiceError>> {
        Box::pin(self.healthy(master))
    }

    fn issue<'a>(
        &'a self,
        master: &'a Secret,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Issued, ServiceError>> {
        Box::pin(self.make(master, order))
    }

    fn arm<'a>(
        &'a self,
        master: &'a Secret,
        key: &'a KeyRef,
        _bounds: Bounds,
    ) -> BoxFuture<'a, Result<(), ServiceError>> {
        Box::pin(self.look(master, key))
    }

    fn find<'a>(
        &'a self,
        master: &'a Secret,
        label: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Found>, ServiceError>> {
        Box::pin(self.labelled(master, label))
    }

    fn list<'a>(
        &'a self,
        master: &'a Secret,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Listed>, ServiceError>> {
        Box::pin(self.all(master, prefix))
    }

    fn read<'a>(
        &'a self,
        master: &'a Secret,
        key: &'a KeyRef,
    ) -> BoxFuture<'a, Result<Meter, ServiceError>> {
        Box::pin(self.measure(master, key))
    }

    fn disable<'a>(
        &'a self,
        master: &'a Secret,
        key: &'a KeyRef,
    ) -> BoxFuture<'a, Result<Option<Meter>, ServiceError>> {
        Box::pin(self.end(master, key))
    }

    fn enable<'a>(
        &'a self,
        _master: &'a Secret,
        _provider_id: &'a str,
    ) -> BoxFuture<'a, Result<(), ServiceError>> {
        Box::pin(futures::future::ready(Err(ServiceError::Gone)))
    }

    fn delete<'a>(
        &'a self,
        master: &'a Secret,
        provider_id: &'a str,
    ) -> BoxFuture<'a, Result<(), ServiceError>> {
        Box::pin(self.remove(master, provider_id))
    }
}
