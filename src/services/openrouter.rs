//! `OpenRouter`: an API key per grant, capped by the provider itself.

mod rows;

use super::{
    ServicesConfig,
    wire::{self, Failure, Request, Whose, Wire},
};
use futures::future::BoxFuture;
use reqwest::Method;
use rows::{Amount, Created, Credits, Data, Deleted, KeyRow, Whoami};
use serde::Serialize;
use slice_core::{
    ids::ServiceName,
    money::Money,
    ports::{
        Adjusts, Bounds, Capabilities, Ceiling, Found, Hardness, Health, Issued, KeyRef, Listed,
        Meter, Order, ServiceAdapter, ServiceError,
    },
    secret::Secret,
};
use std::{collections::HashSet, time::Duration};

/// Rows per page of the key list; a page with fewer is the last one.
const PAGE: usize = 100;
/// More keys than any account has; a list that goes on and on is not believed.
const PAGES_MAX: usize = 1_000;
/// Keys come and go while their pages are read; after so many tries the list is left for later.
const SCANS_MAX: usize = 3;
/// The provider ends a key by itself so long after the bot should have.
const DEAD_MAN: Duration = Duration::from_hours(48);
const SMALLEST_CAP: Money = Money::from_dollars(1);
const WHOSE: Whose = Whose {
    title: "OpenRouter",
    service: "openrouter",
    broke: "The OpenRouter account is out of credits. Somebody has to add some at openrouter.ai.",
    forbidden: "OpenRouter does not let the master key manage keys. An owner has to replace it with a \
                management key: `/slice vault rotate openrouter`.",
};

pub(super) struct OpenRouter {
    name: ServiceName,
    capabilities: Capabilities,
    wire: Wire,
}

/// A new key. Its limit is always finite: without one it would be unlimited.
#[derive(Serialize)]
struct Create<'a> {
    name: &'a str,
    limit: Amount,
    include_byok_in_limit: bool,
    expires_at: String,
}

/// A change of a key: one fact at a time, so that a late request never undoes another fact.
#[derive(Serialize)]
#[serde(untagged)]
enum Change {
    Cap(Cap),
    Disabled { disabled: bool },
}

/// A limit on all that a key ever spends, whatever somebody made of it before.
#[derive(Serialize)]
struct Cap {
    limit: Amount,
    /// Never.
    limit_reset: Option<&'static str>,
    include_byok_in_limit: bool,
}

/// A list whose rows moved while it was read.
struct Moved;

impl OpenRouter {
    pub fn new(config: &ServicesConfig) -> Self {
        let url = config.openrouter_api.trim_end_matches('/');
        let usage = format!(
            "curl {url}/chat/completions -H \"Authorization: Bearer $KEY\" -H 'Content-Type: \
             application/json' -d '{{\"model\": \"openrouter/auto\", \"messages\": [{{\"role\": \
             \"user\", \"content\": \"Hello\"}}]}}'"
        );
        Self {
            name: ServiceName::new("openrouter"),
            capabilities: Capabilities {
                title: "OpenRouter",
                hardness: Hardness::Hard,
                inert: true,
                smallest_cap: SMALLEST_CAP,
                dead_man: Some(DEAD_MAN),
                bills_late: None,
                credential: &[],
                adjusts: Adjusts {
                    cap: true,
                    end: false,
                    secret: true,
                    pause: true,
                    holder: true,
                },
                has_options: false,
                good_within: None,
                reveal_within: None,
                caution: None,
                stays: None,
                usage,
                master_hint: "A management key from openrouter.ai → Settings → Management keys. \
                              An ordinary API key cannot make keys.",
            },
            wire: Wire::new(&WHOSE, url, config.timeout),
        }
    }

    async fn healthy(&self, master: &Secret) -> Result<Health, ServiceError> {
        let whoami = self
            .wire
            .call::<Data<Whoami>>(master, Request::read("key"))
            .await;
        let whoami = whoami.map_err(unusable)?.data;
        if !whoami.manages() {
            return Err(not_a_management_key());
        }
        let credits = self
            .wire
            .call::<Data<Credits>>(master, Request::read("credits"))
            .await;
        let balance = credits.map_err(unusable)?.data.balance();
        Ok(Health {
            balance,
            note: None,
        })
    }

    async fn create(&self, master: &Secret, order: &Order) -> Result<Issued, ServiceError> {
        let body = Create {
            name: &order.label,
            limit: Amount(Money::ZERO),
            include_byok_in_limit: true,
            expires_at: order.dead_man.rfc3339(),
        };
        let request = Request::write(Method::POST, "keys", &body);
        let created: Created = self.wire.call(master, request).await.map_err(no_list)?;
        let odd = || ServiceError::Unknown("OpenRouter's answer about the new key is odd.".into());
        // One that could spend already is not what was ordered: it is looked for and deleted.
        if created.data.limit() != Some(Money::ZERO) || !rows::is_id(&created.data.hash) {
            return Err(odd());
        }
        let (provider_id, secret) = created.parts().ok_or_else(odd)?;
        Ok(Issued {
            provider_id,
            secret,
            facts: vec![],
        })
    }

    /// Changes a key and reads it back, since an accepted change is not yet a change.
    async fn change(&self, master: &Secret, id: &str, change: Change) -> Result<(), ServiceError> {
        let patch = Request::write(Method::PATCH, path(id)?, &change);
        let patched = self.wire.call::<Data<KeyRow>>(master, patch).await;
        patched.map_err(Failure::conclude)?;
        let row = self
            .wire
            .call::<Data<KeyRow>>(master, Request::read(path(id)?))
            .await;
        let row = row.map_err(|failure| unproven(failure.conclude()))?.data;
        let is_so = match change {
            Change::Cap(cap) => row.ceiling() == Some(Ceiling::At(cap.limit.0)),
            Change::Disabled { disabled } => row.disabled == disabled,
        };
        if is_so {
            Ok(())
        } else {
            Err(ServiceError::Unknown(
                "OpenRouter took a change and does not show it.".into(),
            ))
        }
    }

    async fn look(&self, master: &Secret, id: &str) -> Result<Meter, ServiceError> {
        let row = self
            .wire
            .call::<Data<KeyRow>>(master, Request::read(path(id)?))
            .await;
        row.map_err(Failure::conclude)?
            .data
            .meter()
            .ok_or_else(odd_row)
    }

    async fn remove(&self, master: &Secret, id: &str) -> Result<(), ServiceError> {
        let request = Request::delete(path(id)?);
        let deleted = self.wire.call::<Deleted>(master, request).await;
        match deleted.map_err(Failure::conclude) {
            Ok(Deleted { deleted: false }) => Err(ServiceError::Unknown(
                "OpenRouter did not confirm a deletion.".into(),
            )),
            Ok(_) | Err(ServiceError::Gone) => Ok(()),
            Err(why) => Err(why),
        }
    }

    /// The rows of the list that `which` picks by their names.
    async fn search(
        &self,
        master: &Secret,
        which: impl Fn(&str) -> bool + Sync,
    ) -> Result<Vec<KeyRow>, ServiceError> {
        for _ in 0..SCANS_MAX {
            if let Ok(found) = self.scan(master, &which).await? {
                return Ok(found);
            }
        }
        let why = "OpenRouter's list of keys kept changing while it was read.".into();
        Err(ServiceError::Later {
            after: wire::PAUSE,
            why,
        })
    }

    /// One walk over all pages. Each page begins with the last row of the one before: where it does
    /// not, rows have moved up, and one of them may have been missed.
    async fn scan(
        &self,
        master: &Secret,
        which: &(impl Fn(&str) -> bool + Sync),
    ) -> Result<Result<Vec<KeyRow>, Moved>, ServiceError> {
        let (mut seen, mut found, mut offset) = (HashSet::new(), vec![], 0);
        for _ in 0..PAGES_MAX {
            let request = page(offset);
            let page = self.wire.call::<Data<Vec<KeyRow>>>(master, request).await;
            let page = page.map_err(no_list)?.data;
            if offset > 0 && page.first().is_none_or(|row| !seen.contains(&row.hash)) {
                return Ok(Err(Moved));
            }
            let count = page.len();
            for row in page {
                if seen.insert(row.hash.clone()) && row.name.as_deref().is_some_and(which) {
                    found.push(row);
                }
            }
            if count < PAGE {
                return Ok(Ok(found));
            }
            offset += count - 1;
        }
        let why = "OpenRouter's list of keys does not end.".into();
        Err(ServiceError::Later {
            after: wire::PAUSE,
            why,
        })
    }

    async fn labelled(&self, master: &Secret, label: &str) -> Result<Vec<Found>, ServiceError> {
        let rows = self.search(master, |name| name == label).await?;
        let found = rows.into_iter().map(|row| row.found().ok_or_else(odd_row));
        found.collect()
    }

    async fn all(&self, master: &Secret, prefix: &str) -> Result<Vec<Listed>, ServiceError> {
        let rows = self.search(master, |name| name.starts_with(prefix)).await?;
        let listed = rows.into_iter().map(|row| row.listed().ok_or_else(odd_row));
        listed.collect()
    }
}

/// A page of keys. Disabled ones are hidden unless asked for.
fn page(offset: usize) -> Request {
    Request::read("keys").query(vec![
        ("include_disabled", "true".to_owned()),
        ("offset", offset.to_string()),
    ])
}

/// The path of a key. An id comes from the provider's answers: one that could name anything else
/// never gets into a URL.
fn path(id: &str) -> Result<String, ServiceError> {
    if rows::is_id(id) {
        Ok(format!("keys/{id}"))
    } else {
        Err(ServiceError::Rejected(
            "That is not the id of a key at OpenRouter.".into(),
        ))
    }
}

fn odd_row() -> ServiceError {
    let why = "OpenRouter does not say what a key has spent, or may spend.".into();
    ServiceError::Later {
        after: wire::PAUSE,
        why,
    }
}

/// After a change, a failure to read it back says nothing about whether it was made.
fn unproven(why: ServiceError) -> ServiceError {
    match why {
        ServiceError::Rejected(why) | ServiceError::Later { why, .. } => ServiceError::Unknown(why),
        // It took the change a moment ago: it is slow to read, not gone.
        ServiceError::Gone => {
            ServiceError::Unknown("OpenRouter does not show the key that it just changed.".into())
        }
        other @ ServiceError::Unknown(_) => other,
    }
}

/// There is always a list of keys, so an address without one is a wrong address.
fn no_list(failure: Failure) -> ServiceError {
    match failure.conclude() {
        ServiceError::Gone => ServiceError::Later {
            after: wire::REMEDY_PAUSE,
            why: "There is no OpenRouter at the address that Slice was given.".into(),
        },
        other => other,
    }
}

/// Why a master key is not good for making keys.
fn unusable(failure: Failure) -> ServiceError {
    match failure.status() {
        Some(401) => ServiceError::Rejected(
            "OpenRouter does not know this key, or it was disabled or has expired.".into(),
        ),
        Some(403) => not_a_management_key(),
        _ => no_list(failure),
    }
}

fn not_a_management_key() -> ServiceError {
    ServiceError::Rejected(
        "This key can spend but not make keys. Create a management key at openrouter.ai under \
         Settings → Management keys."
            .into(),
    )
}

impl ServiceAdapter for OpenRouter {
    fn name(&self) -> &ServiceName {
        &self.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn price(&self, _options: &str) -> String {
        "language models, each at its own price per token (openrouter.ai/models)".into()
    }

    fn check<'a>(&'a self, master: &'a Secret) -> BoxFuture<'a, Result<Health, ServiceError>> {
        Box::pin(self.healthy(master))
    }

    fn issue<'a>(
        &'a self,
        master: &'a Secret,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Issued, ServiceError>> {
        Box::pin(self.create(master, order))
    }

    fn arm<'a>(
        &'a self,
        master: &'a Secret,
        key: &'a KeyRef,
        bounds: Bounds,
    ) -> BoxFuture<'a, Result<(), ServiceError>> {
        let cap = Cap {
            limit: Amount(bounds.cap),
            limit_reset: None,
            include_byok_in_limit: true,
        };
        Box::pin(self.change(master, &key.provider_id, Change::Cap(cap)))
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
        Box::pin(self.look(master, &key.provider_id))
    }

    fn disable<'a>(
        &'a self,
        master: &'a Secret,
        key: &'a KeyRef,
    ) -> BoxFuture<'a, Result<Option<Meter>, ServiceError>> {
        Box::pin(async {
            let change = Change::Disabled { disabled: true };
            self.change(master, &key.provider_id, change).await?;
            Ok(None)
        })
    }

    fn enable<'a>(
        &'a self,
        master: &'a Secret,
        provider_id: &'a str,
    ) -> BoxFuture<'a, Result<(), ServiceError>> {
        let change = Change::Disabled { disabled: false };
        Box::pin(self.change(master, provider_id, change))
    }

    fn delete<'a>(
        &'a self,
        master: &'a Secret,
        provider_id: &'a str,
    ) -> BoxFuture<'a, Result<(), ServiceError>> {
        Box::pin(self.remove(master, provider_id))
    }
}
