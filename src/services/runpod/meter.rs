//! What pods have cost: what they were billed for, and what they ran since.

use super::{
    PRICE, RunPod, SINCE,
    api::{LAG, known_until},
    fact,
    price::Rate,
    rows::{self, Pod},
    terms::Terms,
};
use crate::services::wire;
use slice_core::{
    money::Money,
    ports::{Ceiling, Facts, KeyRef, Meter, ServiceError},
    secret::Secret,
};
use std::time::Duration;

/// A bill that has stood still for so much longer than bills are late is whole.
const SLACK: Duration = Duration::from_mins(10);

/// What the GPU costs per hour, as the facts of a pod say. Nothing is no price: a pod that was first seen
/// when it stood still has cost money before.
pub(super) fn agreed_price(facts: &Facts) -> Option<Money> {
    let amount = fact(facts, PRICE)?.split([' ', ',']).next()?;
    let price = Money::from_decimal(amount.trim_start_matches('$'))?;
    Some(price).filter(|price| Money::ZERO < *price)
}

pub(super) fn odd_pod() -> ServiceError {
    ServiceError::Later {
        after: wire::PAUSE,
        why: "RunPod does not say what a pod costs, or since when it runs.".into(),
    }
}

pub(super) fn meter(usage: Money, is_disabled: bool) -> Meter {
    Meter {
        usage,
        ceiling: Ceiling::Unsaid,
        is_disabled,
        cursor: None,
        missing: None,
    }
}

impl RunPod {
    /// What pods have cost until now: what they were billed for, and what they ran since.
    pub(super) async fn usages(
        &self,
        master: &Secret,
        pods: &[&Pod],
    ) -> Result<Vec<Money>, ServiceError> {
        let until = known_until(self.clock.now());
        let since = pods.iter().filter_map(|pod| pod.created_at()).min();
        let billed = match since.filter(|since| *since < until) {
            Some(since) => {
                let only = match pods {
                    [pod] => Some(pod.id.as_str()),
                    _ => None,
                };
                Some(self.api.billed(master, only, (since, until)).await?)
            }
            None => None,
        };
        let now = self.clock.now();
        let usage = |pod: &&Pod| {
            let since = pod.created_at().ok_or_else(odd_pod)?;
            let rate = pod.rate().ok_or_else(odd_pod)?;
            let (before, from) = match &billed {
                Some(billed) => (billed.of(&pod.id), since.max(billed.until)),
                None => (Money::ZERO, since),
            };
            // What it cost between its last bill and its standing still, the next bill tells.
            let ran = if pod.runs() {
                now - from
            } else {
                Duration::ZERO
            };
            Ok(before + rate.cost(ran))
        };
        pods.iter().map(usage).collect()
    }

    /// The same where bills are not to be had: as if each had run all the time.
    pub(super) async fn usages_at_most(
        &self,
        master: &Secret,
        pods: &[&Pod],
    ) -> Result<Vec<Money>, ServiceError> {
        if let Ok(usages) = self.usages(master, pods).await {
            return Ok(usages);
        }
        let now = self.clock.now();
        let most = |pod: &&Pod| {
            let since = pod.created_at().ok_or_else(odd_pod)?;
            Ok(pod.rate().ok_or_else(odd_pod)?.cost(now - since))
        };
        pods.iter().map(most).collect()
    }

    pub(super) async fn measure(
        &self,
        master: &Secret,
        key: &KeyRef,
    ) -> Result<Meter, ServiceError> {
        let pod = match self.api.pod(master, &key.provider_id).await {
            Ok(pod) => pod,
            Err(ServiceError::Gone) if key.is_stopped => return self.last_bill(master, key).await,
            Err(why) => return Err(why),
        };
        let usage = self.usages(master, &[&pod]).await?;
        let usage = usage.into_iter().sum::<Money>().max(key.usage);
        Ok(meter(usage, !pod.runs()))
    }

    /// What a pod has cost that is gone, nobody knows since when: its bill, once that has stood still for
    /// longer than bills are late.
    async fn last_bill(&self, master: &Secret, key: &KeyRef) -> Result<Meter, ServiceError> {
        let now = self.clock.now();
        // Of a pod that was none of the books' nobody waits for the bill.
        let since = fact(&key.facts, SINCE).and_then(rows::time);
        let since = since.ok_or(ServiceError::Gone)?;
        let terms = Terms::kept(&key.terms).ok_or_else(odd_pod)?;
        let rate = Rate {
            gpu: agreed_price(&key.facts).unwrap_or(terms.price),
            disk_gb: terms.disk_gb,
        };
        // The running hour is asked for as well: it may be billed by now.
        let billed = self
            .api
            .billed(master, Some(&key.provider_id), (since, now))
            .await?;
        let billed = billed.of(&key.provider_id);
        let until = since + rate.lasts(billed);
        if now <= until + LAG + SLACK {
            return Err(ServiceError::Later {
                after: SLACK,
                why: "The pod has ended, and RunPod's bill for it is not whole yet; that takes an hour.".into(),
            });
        }
        Ok(meter(billed.max(key.usage), true))
    }
}
