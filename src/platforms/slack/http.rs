//! Signed HTTP: takes requests that Slack signed, and answers them at once. What nobody signed is
//! refused before anything of it is looked at.

use super::{
    Slack, SlackPlatform, Transport,
    oauth::Oauth,
    payload,
    room::{Room, Taken},
    signature::{Claim, Unproven, WINDOW},
};
use crate::{http::Check, platforms::replays::Replays};
use axum::{
    Json, Router,
    body::Body,
    extract::{FromRequest, Request, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use futures::StreamExt as _;
use serde::Deserialize;
use slice_commands::slack::{COMMANDS_PATH, EVENTS_PATH, INTERACTIONS_PATH};
use slice_core::{
    inbound::{Installing, Reception},
    ports::Clock,
};
use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tracing::warn;
use zeroize::Zeroizing;

/// Nothing that Slack sends is larger.
const BODY_MAX: usize = 1 << 20;
/// Slack waits no longer for an answer, so a body that takes longer is not worth reading.
const BODY_WITHIN: Duration = Duration::from_secs(3);
/// More than any challenge that Slack sets.
const CHALLENGE_MAX: usize = 512;
const INSTANT: HeaderName = HeaderName::from_static("x-slack-request-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("x-slack-signature");
/// Slack says that it sends an event once more, because it heard no answer; it may do that at once.
const RETRY: HeaderName = HeaderName::from_static("x-slack-retry-num");
/// Tells Slack not to send an event again.
const NO_RETRY: HeaderName = HeaderName::from_static("x-slack-no-retry");

/// Takes requests from its making until it is shut down; whoever serves its routes brings them.
pub struct SlackHttp {
    door: Arc<Door>,
    installing: Arc<dyn Installing>,
}

struct Door {
    room: Room,
    clock: Arc<dyn Clock>,
    replays: Replays,
    is_closed: AtomicBool,
    taken: AtomicU64,
    refused: AtomicU64,
}

impl SlackHttp {
    pub fn new(
        platform: &SlackPlatform,
        reception: Arc<dyn Reception>,
        installing: Arc<dyn Installing>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let door = Door {
            room: Room::new(platform.slack.clone(), reception),
            clock,
            replays: Replays::within(WINDOW),
            is_closed: AtomicBool::new(false),
            taken: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        };
        Self {
            door: Arc::new(door),
            installing,
        }
    }

    pub fn routes(&self) -> Router {
        let signed = Router::new()
            .route(COMMANDS_PATH, post(command))
            .route(INTERACTIONS_PATH, post(interaction))
            .route(EVENTS_PATH, post(event))
            .with_state(self.door.clone());
        match &self.door.slack().transport {
            Transport::Http {
                oauth: Some(app), ..
            } => {
                let (slack, installing) = (self.door.room.slack.clone(), self.installing.clone());
                let clock = self.door.clock.clone();
                signed.merge(Oauth::new(slack, app.clone(), installing, clock).routes())
            }
            _ => signed,
        }
    }

    /// For `/readyz`. What strangers send must not make it look unready.
    pub fn check(&self) -> Check {
        const WHAT: &str = "slack requests";
        if self.door.is_closed() {
            return Check::bad(WHAT, "none is taken any more: Slice ends");
        }
        let taken = self.door.taken.load(Ordering::Relaxed);
        let refused = self.door.refused.load(Ordering::Relaxed);
        let hint = if taken == 0 && 0 < refused {
            ": look whether SLACK_SIGNING_SECRET is the app's, and this machine's clock is right"
        } else {
            ""
        };
        Check::good(WHAT, format!("{taken} taken, {refused} refused{hint}"))
    }

    /// Takes nothing more in. Slack sends events again, and tells people that they have to.
    pub fn shutdown(&self) {
        self.door.is_closed.store(true, Ordering::SeqCst);
    }
}

impl Door {
    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    fn slack(&self) -> &Slack {
        &self.room.slack
    }
}

/// The body of a request that Slack signed. Nothing else makes one.
struct Signed(Zeroizing<Vec<u8>>);

/// Why a request is refused before anybody looks at what it says.
enum Refused {
    Closed,
    TooLarge,
    TooSlow,
    Broken,
    Unproven(Unproven),
}

impl From<Unproven> for Refused {
    fn from(why: Unproven) -> Self {
        Self::Unproven(why)
    }
}

impl Refused {
    fn word(&self) -> &'static str {
        match self {
            Self::Closed => "Slice ends",
            Self::TooLarge => "it is too large",
            Self::TooSlow => "it took too long to arrive",
            Self::Broken => "it broke off",
            Self::Unproven(why) => why.word(),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Closed => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            // It would not be smaller the next time.
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, [(NO_RETRY, "1")]).into_response(),
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT.into_response(),
            Self::Broken => StatusCode::BAD_REQUEST.into_response(),
            Self::Unproven(_) => StatusCode::UNAUTHORIZED.into_response(),
        }
    }
}

impl FromRequest<Arc<Door>> for Signed {
    type Rejection = Refused;

    async fn from_request(request: Request, door: &Arc<Door>) -> Result<Self, Refused> {
        let path = request.uri().path().to_owned();
        match open(request, door).await {
            Ok(body) => {
                door.taken.fetch_add(1, Ordering::Relaxed);
                Ok(Self(body))
            }
            Err(refused) => {
                door.refused.fetch_add(1, Ordering::Relaxed);
                warn!("Refused a request to {path}: {}", refused.word());
                Err(refused)
            }
        }
    }
}

async fn open(request: Request, door: &Door) -> Result<Zeroizing<Vec<u8>>, Refused> {
    if door.is_closed() {
        return Err(Refused::Closed);
    }
    let (parts, body) = request.into_parts();
    let header = |name: &HeaderName| text(&parts.headers, name);
    let announced = header(&header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > BODY_MAX as u64) {
        return Err(Refused::TooLarge);
    }
    let claim = Claim::read(header(&INSTANT), header(&SIGNATURE), door.clock.now())?;
    let body = tokio::time::timeout(BODY_WITHIN, read(body)).await;
    let body = body.map_err(|_| Refused::TooSlow)??;
    // Without a secret nothing is proven.
    let Transport::Http { signing_secret, .. } = &door.slack().transport else {
        return Err(Unproven::Forged.into());
    };
    claim.prove(signing_secret, &body)?;
    // The address is not part of what is signed. What is handed in twice has no second effect, so
    // that anybody may call a replay a retry.
    let seal = [parts.uri.path().as_bytes(), claim.signature()].concat();
    if !door.replays.is_new(&seal, &*door.clock) && !parts.headers.contains_key(&RETRY) {
        return Err(Unproven::Replayed.into());
    }
    Ok(body)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The whole body, or nothing of one that is too large.
async fn read(body: Body) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let mut whole = Zeroizing::new(Vec::new());
    let mut parts = body.into_data_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|_| Refused::Broken)?;
        if BODY_MAX < whole.len() + part.len() {
            return Err(Refused::TooLarge);
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole)
}

async fn command(State(door): State<Arc<Door>>, Signed(body): Signed) -> Response {
    if is_certificate_check(&body) {
        return StatusCode::OK.into_response();
    }
    answer(door.room.command(payload::command_form(&body)))
}

/// Slack looks at times whether the address of a command is still served properly.
fn is_certificate_check(body: &[u8]) -> bool {
    url::form_urlencoded::parse(body).any(|(name, value)| name == "ssl_check" && value == "1")
}

async fn interaction(State(door): State<Arc<Door>>, Signed(body): Signed) -> Response {
    let mut fields = url::form_urlencoded::parse(&body);
    let payload = fields.find(|(name, _)| name == "payload");
    let payload = payload.map(|(_, payload)| Zeroizing::new(payload.into_owned()));
    let payload = payload.as_ref().map_or("", |payload| payload.as_str());
    answer(door.room.interaction(payload))
}

/// What stands around an event: Slack speaks of more than events here.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    challenge: Option<String>,
}

async fn event(State(door): State<Arc<Door>>, Signed(body): Signed) -> Response {
    let text = std::str::from_utf8(&body).unwrap_or_default();
    let envelope = serde_json::from_str::<Envelope<'_>>(text).ok();
    let kind = envelope.as_ref().map(|envelope| &*envelope.kind);
    match (kind, envelope.as_ref().and_then(|it| it.challenge.as_ref())) {
        (Some("url_verification"), Some(challenge)) if challenge.len() <= CHALLENGE_MAX => {
            challenge.clone().into_response()
        }
        (Some("app_rate_limited"), _) => {
            warn!("Slack holds events back, because there were too many in an hour");
            StatusCode::OK.into_response()
        }
        _ => answer(door.room.event(text)),
    }
}

/// An acknowledgement. An empty object would be shown to the person as it is.
fn answer(taken: Taken) -> Response {
    match taken {
        Taken::Answered(answer) => Json(answer).into_response(),
        Taken::Silently => StatusCode::OK.into_response(),
        // It would not be readable the next time.
        Taken::Not => (StatusCode::BAD_REQUEST, [(NO_RETRY, "1")]).into_response(),
    }
}
