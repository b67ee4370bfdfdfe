//! `RunPod`'s APIs: REST v2 for all but two things. Pods are made through GraphQL, which alone takes a date
//! at which they are to end, and GraphQL alone knows the account's balance.

use super::rows::{
    Answer, Ask, Bill, Bills, DEPLOY, Deploy, Deployed, Error, Gpu, Gpus, MYSELF, Made, Nothing,
    Order, Pod, Pods, Unlock, Whoami, is_id,
};
use crate::services::wire::{self, Failure, Request, Whose, Wire};
use reqwest::Method;
use serde::de::DeserializeOwned;
use slice_core::{money::Money, ports::ServiceError, secret::Secret, time::Time};
use std::{collections::HashMap, time::Duration};

pub(super) const WHOSE: Whose = Whose {
    title: "RunPod",
    service: "runpod",
    broke: "The RunPod account has no money left. Somebody has to add some at console.runpod.io.",
    forbidden: "RunPod does not let the master key do that. An owner has to replace it with a key of all \
                rights: `/slice vault rotate runpod`.",
};
const GRAPHQL: &str = "graphql";
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// Bills may be this late.
pub(super) const LAG: Duration = HOUR;

pub(super) struct Api {
    wire: Wire,
}

/// What pods were billed for until an instant from which on nothing is known yet.
pub(super) struct Billed {
    pub until: Time,
    by_pod: HashMap<String, Money>,
}

impl Billed {
    pub fn of(&self, pod: &str) -> Money {
        self.by_pod.get(pod).copied().unwrap_or_default()
    }
}

/// The beginning of the span that an instant is in.
fn floor(at: Time, span: Duration) -> Time {
    let span = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    Time::from_micros(at.micros() - at.micros().rem_euclid(span))
}

/// Until when bills are whole at that instant: the end of the last hour that is old enough.
pub(super) fn known_until(now: Time) -> Time {
    floor(now - LAG, HOUR)
}

fn odd() -> ServiceError {
    ServiceError::Later {
        after: wire::PAUSE,
        why: "RunPod does not say what a pod costs.".into(),
    }
}

/// There always are lists, so an address without one is a wrong address.
fn no_list(failure: Failure) -> ServiceError {
    match failure.conclude() {
        ServiceError::Gone => ServiceError::Later {
            after: wire::REMEDY_PAUSE,
            why: "There is no RunPod at the address that Slice was given.".into(),
        },
        other => other,
    }
}

fn path(id: &str) -> Result<String, ServiceError> {
    if is_id(id) {
        Ok(format!("v2/pods/{id}"))
    } else {
        Err(ServiceError::Rejected(
            "That is not the id of a pod at RunPod.".into(),
        ))
    }
}

impl Api {
    pub fn new(base: &str, timeout: Duration) -> Self {
        Self {
            wire: Wire::new(&WHOSE, base.trim_end_matches('/'), timeout),
        }
    }

    /// Pods of the account that exist; those of clusters are not Slice's.
    pub async fn pods(&self, master: &Secret) -> Result<Vec<Pod>, ServiceError> {
        let pods = self
            .wire
            .call::<Pods>(master, Request::read("v2/pods"))
            .await;
        let mut pods = pods.map_err(no_list)?.pods;
        pods.retain(|pod| !pod.has_ended());
        Ok(pods)
    }

    /// A pod that exists. What has ended may be shown for a while, and cannot be ended once more.
    pub async fn pod(&self, master: &Secret, id: &str) -> Result<Pod, ServiceError> {
        let pod = self.wire.call(master, Request::read(path(id)?)).await;
        let pod: Pod = pod.map_err(Failure::conclude)?;
        if pod.has_ended() {
            return Err(ServiceError::Gone);
        }
        Ok(pod)
    }

    /// Kinds of GPU with their prices, and whether any is free.
    pub async fn gpus(&self, master: &Secret) -> Result<Vec<Gpu>, ServiceError> {
        let query = [("include", "AVAILABILITY"), ("product", "POD")];
        let query = query.map(|(name, value)| (name, value.to_owned())).to_vec();
        let request = Request::read("v2/catalog/gpus").query(query);
        let gpus = self.wire.call::<Gpus>(master, request).await;
        Ok(gpus.map_err(no_list)?.gpus)
    }

    /// Ends a pod and deletes its disk. One that somebody locked is unlocked: it costs money until it ends.
    pub async fn terminate(&self, master: &Secret, pod: &Pod) -> Result<(), ServiceError> {
        match self.delete(master, &pod.id).await? {
            Deleted::Yes => return Ok(()),
            Deleted::NotNow if pod.locked => {}
            Deleted::NotNow => return Err(not_now("RunPod can't end the pod as it stands now.")),
        }
        let unlock = Unlock { locked: false };
        let unlock = Request::write(Method::PATCH, path(&pod.id)?, &unlock);
        let unlocked = self.wire.call::<Pod>(master, unlock).await;
        match unlocked.map_err(Failure::conclude) {
            Ok(_) | Err(ServiceError::Gone) => {}
            Err(why) => {
                return Err(ServiceError::Unknown(format!(
                    "The pod is locked at RunPod, and Slice can't unlock it: {why} Somebody has to unlock it \
                     at console.runpod.io."
                )));
            }
        }
        match self.delete(master, &pod.id).await? {
            Deleted::Yes => Ok(()),
            Deleted::NotNow => Err(not_now(
                "The pod is locked at RunPod. Somebody has to unlock it at console.runpod.io.",
            )),
        }
    }

    async fn delete(&self, master: &Secret, id: &str) -> Result<Deleted, ServiceError> {
        let deleted = self.wire.send(master, Request::delete(path(id)?)).await;
        match deleted {
            // What is deleted has no answer; anything else is no answer of this API's.
            Ok(answer) if answer.is_empty() => Ok(Deleted::Yes),
            Ok(_) => Err(ServiceError::Unknown(
                "RunPod's answer to the end of a pod could not be read.".into(),
            )),
            Err(failure) if failure.status() == Some(409) => Ok(Deleted::NotNow),
            Err(failure) => match failure.conclude() {
                ServiceError::Gone => Ok(Deleted::Yes),
                why => Err(why),
            },
        }
    }

    /// What one pod, or each, was billed for from `from` on until `until`, a full hour. Full days are asked
    /// for by the day, so that the answer stays short.
    pub async fn billed(
        &self,
        master: &Secret,
        pod: Option<&str>,
        (from, until): (Time, Time),
    ) -> Result<Billed, ServiceError> {
        let today = floor(until, DAY);
        let days = (floor(from, DAY), today.min(until));
        let hours = (floor(from, HOUR).max(today), until);
        let mut by_pod = HashMap::new();
        for (size, (from, until)) in [("day", days), ("hour", hours)] {
            if until <= from {
                continue;
            }
            for bill in self.bills(master, pod, (size, from, until)).await? {
                let total = bill.total().ok_or_else(odd)?;
                let sum: &mut Money = by_pod.entry(bill.pod.unwrap_or_default()).or_default();
                *sum = *sum + total;
            }
        }
        Ok(Billed { until, by_pod })
    }

    async fn bills(
        &self,
        master: &Secret,
        pod: Option<&str>,
        (size, from, until): (&str, Time, Time),
    ) -> Result<Vec<Bill>, ServiceError> {
        let mut query = vec![
            ("bucketSize", size.to_owned()),
            ("startTime", from.rfc3339()),
            ("endTime", until.rfc3339()),
        ];
        query.extend(pod.map(|pod| ("podId", pod.to_owned())));
        // There are records of other people's pods among them.
        let request = Request::read("v2/billing/pods").query(query).long();
        let bills = self.wire.call::<Bills>(master, request).await;
        Ok(bills.map_err(no_list)?.records)
    }

    /// What the account has left.
    pub async fn balance(&self, master: &Secret) -> Result<Money, ServiceError> {
        let variables = Nothing {};
        let ask = Ask {
            query: MYSELF,
            variables,
        };
        let answer = self
            .graphql::<Whoami>(master, Request::ask(GRAPHQL, &ask))
            .await?;
        let unclear = |why: &str| ServiceError::Later {
            after: wire::PAUSE,
            why: why.to_owned(),
        };
        if let Some(error) = answer.errors.first() {
            let refused = "RunPod does not say what the account has left.";
            return Err(not_allowed(error).unwrap_or_else(|| unclear(refused)));
        }
        let account = answer.data.and_then(|data| data.myself);
        account
            .and_then(|account| account.balance())
            .ok_or_else(odd)
    }

    pub async fn deploy(&self, master: &Secret, order: Order<'_>) -> Result<Made, ServiceError> {
        let variables = Deploy { input: order };
        let ask = Ask {
            query: DEPLOY,
            variables,
        };
        let request = Request::write(Method::POST, GRAPHQL, &ask);
        let answer = self.graphql::<Deployed>(master, request).await?;
        // A pod that is there was made, whatever else is said beside it.
        match (answer.data.and_then(|data| data.pod), answer.errors.first()) {
            (Some(made), _) if is_id(&made.id) => Ok(made),
            (None, Some(error)) => Err(not_made(error)),
            _ => Err(ServiceError::Unknown(
                "RunPod's answer about the new pod is odd.".into(),
            )),
        }
    }

    async fn graphql<T: DeserializeOwned>(
        &self,
        master: &Secret,
        request: Request,
    ) -> Result<Answer<T>, ServiceError> {
        self.wire.call(master, request).await.map_err(no_list)
    }
}

enum Deleted {
    Yes,
    NotNow,
}

fn not_now(why: &str) -> ServiceError {
    ServiceError::Later {
        after: wire::REMEDY_PAUSE,
        why: why.to_owned(),
    }
}

/// That the key is not known, or may not, which is said before anything is done.
fn not_allowed(error: &Error) -> Option<ServiceError> {
    if error.says("unauthorized") {
        return Some(WHOSE.unknown_master());
    }
    let forbidden = error.says("forbidden") || error.says("access denied");
    forbidden.then(|| WHOSE.not_allowed())
}

pub(super) fn no_capacity() -> ServiceError {
    ServiceError::Rejected(
        "RunPod has no machine free with that GPU. Take another one, or try again later.".into(),
    )
}

/// What `RunPod` says is believed where its words are known. Anything else may have made a pod.
fn not_made(error: &Error) -> ServiceError {
    if let Some(why) = not_allowed(error) {
        return why;
    }
    let rejected = |why: &str| ServiceError::Rejected(why.to_owned());
    if error.says("instances available") || error.says("instances currently available") {
        return no_capacity();
    }
    if error.says("enough balance") {
        return rejected(
            "The RunPod account has not enough money for an hour of that pod. Somebody has to add \
                         some at console.runpod.io.",
        );
    }
    if error.says("spend limit") {
        return rejected(
            "The RunPod account's limit of spending per hour does not allow that pod.",
        );
    }
    if error.says("gpu type not found") {
        return rejected("RunPod has no such GPU any more.");
    }
    if error.is_unread() {
        return rejected("RunPod does not understand the order.");
    }
    ServiceError::Unknown("RunPod had a problem when it was asked for a pod.".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bills_are_whole_by_the_hour() {
        let at = |text: &str| super::super::rows::time(text).expect("an instant");
        let until = known_until(at("2026-11-27T18:59:59Z"));
        assert_eq!(until, at("2026-11-27T17:00:00Z"));
        assert_eq!(known_until(at("2026-11-27T18:00:00Z")), until);
    }

    #[test]
    fn only_known_words_mean_that_nothing_was_made() {
        let said = |message: &str| {
            let error = serde_json::json!({ "message": message }).to_string();
            not_made(&serde_json::from_str(&error).expect("an error"))
        };
        for no in [
            "There are no longer any instances available with the requested specifications.",
            "You do not have enough balance to rent this machine.",
        ] {
            assert!(matches!(said(no), ServiceError::Rejected(_)), "{no}");
        }
        assert!(matches!(said("Unauthorized"), ServiceError::Later { .. }));
        for unclear in ["Something went wrong. Please try again later.", ""] {
            assert!(
                matches!(said(unclear), ServiceError::Unknown(_)),
                "{unclear}"
            );
        }
    }
}
