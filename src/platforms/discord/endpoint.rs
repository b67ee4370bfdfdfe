//! Signed HTTP interactions, the alternative to the gateway: `/discord/interactions`.
//!
//! A request is looked at in this order, and stops at the first fault: its headers, its age, its
//! size, its signature, whether it was seen before. Only then is it read.

use super::{DiscordPlatform, answers::First, room::Room};
use crate::{http::Check, platforms::replays::Replays};
use axum::{
    Json, Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use ed25519_dalek::{SIGNATURE_LENGTH, Signature, VerifyingKey};
use futures::StreamExt;
use serde_json::Value;
use slice_core::{
    inbound::Reception,
    ports::{Clock, PlatformError},
    time::Time,
};
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::oneshot;
use tracing::warn;

/// No interaction is longer.
const BODY_MAX: usize = 256 * 1024;
/// So much of a longer one is read and forgotten.
const FORGOTTEN_MAX: usize = 16 * 1024 * 1024;
/// A request that is older, or as much younger than our clock, is not believed.
const AGE_MAX: Duration = Duration::from_mins(5);
const SIGNATURE: &str = "x-signature-ed25519";
const TIMESTAMP: &str = "x-signature-timestamp";

/// The application's public key, with which Discord signs.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// From 64 hex digits, as the developer portal shows them.
    pub fn read(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).ok()?;
        VerifyingKey::from_bytes(&bytes).ok().map(Self)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(…)")
    }
}

/// Answers Discord's requests from its start until it is shut down.
pub struct DiscordEndpoint {
    door: Arc<Door>,
}

struct Door {
    room: Room,
    key: PublicKey,
    clock: Arc<dyn Clock>,
    replays: Replays,
}

impl DiscordEndpoint {
    /// Listens to nothing by itself: its router does.
    pub async fn start(
        platform: &DiscordPlatform,
        key: PublicKey,
        reception: Arc<dyn Reception>,
    ) -> Result<Self, PlatformError> {
        let is_private = platform.is_private().await?;
        let door = Door {
            room: Room::new(platform.discord.clone(), reception, is_private),
            key,
            clock: platform.discord.web.clock(),
            replays: Replays::within(AGE_MAX),
        };
        Ok(Self {
            door: Arc::new(door),
        })
    }

    pub fn router(&self) -> Router {
        Router::new()
            .route("/discord/interactions", post(interactions))
            .with_state(self.door.clone())
    }

    /// For `/readyz`: what does not depend on anybody else is always so.
    pub fn check(&self) -> Check {
        Check::good("discord endpoint", "takes signed requests")
    }

    pub fn shutdown(&self) {
        self.door.room.close();
    }
}

/// What stands in the headers of a request that may be Discord's.
struct Signed {
    signature: [u8; SIGNATURE_LENGTH],
    timestamp: String,
}

async fn interactions(State(door): State<Arc<Door>>, headers: HeaderMap, body: Body) -> Response {
    let Some(signed) = door.signed(&headers) else {
        return turn_away(StatusCode::UNAUTHORIZED, "it is not signed now");
    };
    let Some(body) = whole(body).await else {
        return turn_away(StatusCode::PAYLOAD_TOO_LARGE, "it is too long");
    };
    if !door.is_genuine(&signed, &body) {
        return turn_away(StatusCode::UNAUTHORIZED, "its signature is not Discord's");
    }
    if !door.replays.is_new(&signed.signature, &*door.clock) {
        return turn_away(StatusCode::UNAUTHORIZED, "it was sent before");
    }
    let Ok(value) = serde_json::from_slice::<Value>(&body) else {
        return turn_away(StatusCode::BAD_REQUEST, "it is no JSON");
    };
    let (first, answer) = oneshot::channel();
    door.room.take_in(value, First::Body(first));
    match answer.await {
        Ok(answer) => Json(answer).into_response(),
        Err(_) => turn_away(StatusCode::BAD_REQUEST, "there is no answer to it"),
    }
}

/// `None`: it is too long, or broke off. What is too long is read to its end, within reason, and
/// forgotten at once, so that its sender hears why instead of a broken connection.
async fn whole(body: Body) -> Option<Vec<u8>> {
    let mut chunks = body.into_data_stream();
    let (mut whole, mut length) = (vec![], 0_usize);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.ok()?;
        length += chunk.len();
        if length <= BODY_MAX {
            whole.extend_from_slice(&chunk);
        } else {
            whole = vec![];
        }
        if FORGOTTEN_MAX < length {
            return None;
        }
    }
    (length <= BODY_MAX).then_some(whole)
}

/// Only the reason is logged: anybody may write what was sent.
fn turn_away(status: StatusCode, why: &str) -> Response {
    warn!("Turned away a request to the Discord endpoint: {why}");
    status.into_response()
}

impl Door {
    fn signed(&self, headers: &HeaderMap) -> Option<Signed> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let mut signature = [0; SIGNATURE_LENGTH];
        hex::decode_to_slice(header(SIGNATURE)?, &mut signature).ok()?;
        let timestamp = header(TIMESTAMP)?.to_owned();
        let micros = timestamp.parse::<i64>().ok()?.checked_mul(1_000_000)?;
        let (then, now) = (Time::from_micros(micros), self.clock.now());
        // One of the two spans is zero.
        let is_fresh = (now - then).max(then - now) <= AGE_MAX;
        is_fresh.then_some(Signed {
            signature,
            timestamp,
        })
    }

    fn is_genuine(&self, signed: &Signed, body: &[u8]) -> bool {
        let message = [signed.timestamp.as_bytes(), body].concat();
        let signature = Signature::from_bytes(&signed.signature);
        self.key.0.verify_strict(&message, &signature).is_ok()
    }
}
