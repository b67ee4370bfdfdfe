//! The other way for interactions: signed requests to an endpoint of the bot.

use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};

use super::Discord;
use super::api::{Asked, content, said};
use super::callbacks::first_answer;
use super::world::APP;
use crate::faults::DISCORD;
use crate::wire::{Direction, Fate};

/// Of the sandbox's application; only its public half is told.
const KEY: [u8; 32] = [7; 32];
/// Of somebody who would like to be Discord.
const OTHER_KEY: [u8; 32] = [8; 32];
/// How old a late delivery is, in seconds.
const LATE: i64 = 600;
const HUGE: usize = 10 << 20;

/// How to deliver something that Discord would never send like that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// As Discord does.
    Signed,
    /// Signed with another key.
    Forged,
    /// Without the two headers.
    Unsigned,
    /// The signature is of another body.
    Tampered,
    /// Rightly signed, ten minutes ago.
    Late,
    /// The last delivery once more: the same body, time and signature.
    Replayed,
    /// Rightly signed, and 10 MB long.
    Huge,
}

/// What an endpoint answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub status: u16,
    /// JSON, or text.
    pub body: Value,
}

/// A delivery as it goes over the wire.
#[derive(Clone)]
pub(super) struct Signed {
    timestamp: String,
    signature: String,
    body: String,
}

/// The public half of the application's key, as hex.
pub(super) fn public_key() -> String {
    hex::encode(SigningKey::from_bytes(&KEY).verifying_key().to_bytes())
}

fn sign(key: [u8; 32], at: i64, body: String) -> Signed {
    let timestamp = at.to_string();
    let text = format!("{timestamp}{body}");
    let signature = SigningKey::from_bytes(&key).sign(text.as_bytes());
    Signed {
        signature: hex::encode(signature.to_bytes()),
        timestamp,
        body,
    }
}

/// Posts an interaction to the endpoint and takes the answer as the first one.
pub(super) fn deliver(discord: &Discord, id: &str) {
    let (discord, id) = (discord.clone(), id.to_owned());
    let runtime = discord.hub.runtime.clone();
    let open = discord.hub.wire.open();
    runtime.spawn(async move {
        let answered = post_interaction(&discord, &id).await;
        if let Err(why) = answered {
            discord
                .hub
                .wire
                .record(DISCORD, Direction::In, why, Value::Null);
            discord.hub.world().lapse(&id);
        }
        drop(open);
        discord.hub.wire.touch();
    });
}

async fn post_interaction(discord: &Discord, id: &str) -> Result<(), String> {
    let (url, payload, now) = {
        let world = discord.hub.world();
        let interaction = world.interactions.iter().find(|one| one.id == id);
        let payload = interaction.map(|one| one.payload.clone());
        (world.endpoint.clone(), payload, world.clock.seconds())
    };
    let (Some(url), Some(payload)) = (url, payload) else {
        return Err("no endpoint".to_owned());
    };
    let what = "delivery INTERACTION_CREATE".to_owned();
    let fate = discord
        .hub
        .wire
        .cross(DISCORD, Direction::Out, what, payload.clone());
    if fate == Fate::DieBefore {
        return Err("never delivered".to_owned());
    }
    let signed = sign(KEY, now, payload.to_string());
    *discord.hub.last_delivery() = Some(signed.clone());
    let response = send(discord, &url, Some(&signed), signed.body.clone()).await?;
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type");
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.to_owned();
    let bytes = response.bytes().await.map_err(|_| "the answer broke off")?;
    if fate == Fate::DieAfter {
        return Err("the answer was lost".to_owned());
    }
    if status == 202 && bytes.is_empty() {
        // The bot answers by REST.
        return Ok(());
    }
    take(discord, id, (status, &kind, &bytes))
}

/// Takes the body of an endpoint's answer as the first answer.
fn take(
    discord: &Discord,
    id: &str,
    (status, kind, bytes): (u16, &str, &[u8]),
) -> Result<(), String> {
    let Some((body, files)) = content(kind, bytes).filter(|_| status == 200) else {
        return Err(format!("{status} delivery INTERACTION_CREATE"));
    };
    let what = format!("{status} delivery INTERACTION_CREATE");
    let hub = &discord.hub;
    hub.wire
        .record(DISCORD, Direction::In, what.clone(), body.clone());
    for problem in hub.check_callback(&body) {
        hub.wire
            .violation(format!("discord answer to a delivery: {problem}"));
    }
    let mut world = hub.world();
    let known = world.interactions.iter().find(|one| one.id == id).cloned();
    let mut asked = Asked {
        hub,
        world: &mut world,
        line: "answer to a delivery".to_owned(),
        ids: Vec::new(),
        query: Vec::new(),
        body,
        files,
    };
    let interaction = known.ok_or("the interaction is gone")?;
    let outcome = first_answer(&mut asked, &interaction).map(|()| Value::Null);
    let answer = said(outcome);
    if answer.status >= 400 {
        let text = format!("discord answer to a delivery: {}", answer.body);
        hub.wire.violation(text);
        return Err(what);
    }
    Ok(())
}

async fn send(
    discord: &Discord,
    url: &str,
    signed: Option<&Signed>,
    body: String,
) -> Result<reqwest::Response, String> {
    let mut request = discord
        .hub
        .http
        .post(url)
        .header("content-type", "application/json")
        .header(
            "user-agent",
            "Discord-Interactions/1.0 (+https://discord.com)",
        );
    if let Some(signed) = signed {
        request = request
            .header("x-signature-ed25519", &signed.signature)
            .header("x-signature-timestamp", &signed.timestamp);
    }
    let sent = request.body(body).send().await;
    sent.map_err(|error| format!("the endpoint cannot be reached: {}", error.without_url()))
}

/// What Discord asks an endpoint to see whether it is one.
fn ping() -> Value {
    json!({
        "id": "1",
        "application_id": APP,
        "type": 1,
        "token": "ping",
        "version": 1,
        "app_permissions": "0",
        "entitlements": [],
        "authorizing_integration_owners": {},
    })
}

impl Discord {
    /// Lets interactions go to an endpoint of the bot from now on, and not over the gateway. As Discord
    /// does, first pings it, once rightly signed and once wrongly.
    ///
    /// # Errors
    /// If it does not answer the ping with `{"type":1}` and the wrong signature with 401; then nothing
    /// is changed.
    pub async fn deliver_over_http(&self, url: &str) -> Result<(), String> {
        let good = self.send_to(url, Delivery::Signed, &ping()).await?;
        if good.status != 200 || good.body["type"] != json!(1) {
            return Err(format!(
                "the endpoint could not be verified: it answered a ping with {} {}",
                good.status, good.body
            ));
        }
        let bad = self.send_to(url, Delivery::Forged, &ping()).await?;
        if bad.status != 401 {
            return Err(format!(
                "the endpoint could not be verified: it answered a wrong signature with {}",
                bad.status
            ));
        }
        let mut world = self.hub.world();
        world.endpoint = Some(url.to_owned());
        world.endpoints += 1;
        Ok(())
    }

    /// Interactions go over the gateway again.
    pub fn deliver_over_gateway(&self) {
        self.hub.world().endpoint = None;
    }

    /// Posts any payload to the endpoint, rightly or wrongly, and gives what it answered; nothing else
    /// comes of it.
    ///
    /// # Errors
    /// If there is no endpoint, it cannot be reached, or there was no delivery to replay.
    pub async fn deliver_raw(&self, how: Delivery, payload: &Value) -> Result<Reply, String> {
        let url = self.hub.world().endpoint.clone();
        let url = url.ok_or("no endpoint is set")?;
        self.send_to(&url, how, payload).await
    }

    /// The payload of the newest interaction, for deliveries that are not as they should be.
    pub fn last_interaction(&self) -> Value {
        let world = self.hub.world();
        let last = world.interactions.last();
        last.map_or(Value::Null, |one| one.payload.clone())
    }

    async fn send_to(&self, url: &str, how: Delivery, payload: &Value) -> Result<Reply, String> {
        let now = self.hub.world().clock.seconds();
        let body = payload.to_string();
        let signed = match how {
            Delivery::Signed | Delivery::Unsigned | Delivery::Tampered => sign(KEY, now, body),
            Delivery::Forged => sign(OTHER_KEY, now, body),
            Delivery::Late => sign(KEY, now - LATE, body),
            Delivery::Huge => {
                let mut huge = payload.clone();
                huge["padding"] = json!("x".repeat(HUGE));
                sign(KEY, now, huge.to_string())
            }
            Delivery::Replayed => {
                let last = self.hub.last_delivery().clone();
                last.ok_or("nothing was delivered yet")?
            }
        };
        if how == Delivery::Signed {
            *self.hub.last_delivery() = Some(signed.clone());
        }
        let body = match how {
            Delivery::Tampered => signed.body.replacen('{', "{ ", 1),
            _ => signed.body.clone(),
        };
        let what = format!("delivery {how:?}");
        let shown = match how {
            Delivery::Huge => json!({ "bytes": body.len() }),
            _ => payload.clone(),
        };
        self.hub.wire.record(DISCORD, Direction::Out, what, shown);
        let headers = (how != Delivery::Unsigned).then_some(&signed);
        let response = send(self, url, headers, body).await?;
        let status = response.status().as_u16();
        let text = response.text().await.unwrap_or_default();
        let body = serde_json::from_str(&text).unwrap_or(Value::from(text));
        let what = format!("{status} delivery {how:?}");
        self.hub
            .wire
            .record(DISCORD, Direction::In, what, body.clone());
        Ok(Reply { status, body })
    }
}
