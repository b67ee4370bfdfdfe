//! Signed HTTP: the requests by which Slack delivers, what their answers mean, and what Slack does
//! where there is none.

use axum::http::{HeaderName, StatusCode};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::socket::{ACK_WITHIN, after};
use super::world::{About, Change, Delivery, Envelope, Place, Sight, World};
use super::{Hub, Slack};
use crate::faults::{Fault, SLACK};
use crate::wire::{Direction, Fate};

/// After these times of the sandbox clock an event is sent again: at once, in a minute, in five.
const RETRIES: [i64; 3] = [0, 60 * 1_000_000, 300 * 1_000_000];
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// Where deliveries go.
pub(super) struct Outlet {
    /// `http://127.0.0.1:PORT`.
    pub base: String,
    pub secret: String,
    queue: UnboundedSender<String>,
}

impl Outlet {
    /// Takes what waits and may be sent now.
    pub fn take(&self, envelopes: &mut [Envelope], now: i64) {
        for envelope in envelopes {
            let waits = envelope.delivery == Delivery::Waiting && envelope.not_before <= now;
            if waits && self.queue.send(envelope.id.clone()).is_ok() {
                envelope.delivery = Delivery::Posted { at: now };
                envelope.attempts += 1;
            }
        }
    }
}

/// A request of Slack's, ready to be sent, also a second time.
#[derive(Clone)]
pub(super) struct Parcel {
    pub path: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// What the bot answered.
pub(super) struct Reply {
    pub status: StatusCode,
    pub no_retry: bool,
    pub body: String,
}

/// Every request gets a connection of its own, and an answer is no invitation to go elsewhere.
pub(super) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .build()
        .expect("a plain client can be built")
}

impl Slack {
    /// From now on everything is delivered as signed requests to a bot at `base_url`
    /// (`http://127.0.0.1:PORT`); what waits goes there at once. Called again, it goes elsewhere.
    pub fn deliver_over_http(&self, base_url: &str, signing_secret: &str) {
        let (queue, queued) = unbounded_channel();
        tokio::spawn(run(self.clone(), queued));
        let mut world = self.hub.world();
        world.outlet = Some(Outlet {
            base: base_url.trim_end_matches('/').to_owned(),
            secret: signing_secret.to_owned(),
            queue,
        });
        for envelope in &mut world.envelopes {
            envelope.not_before = 0;
        }
        world.pump();
        drop(world);
        self.hub.wire.touch();
    }
}

async fn run(slack: Slack, mut queued: UnboundedReceiver<String>) {
    while let Some(id) = queued.recv().await {
        tokio::spawn(deliver(slack.clone(), id));
    }
}

async fn deliver(slack: Slack, id: String) {
    let hub = &slack.hub;
    let Some(envelope) = find(&hub.world(), &id) else {
        return;
    };
    let what = format!("envelope {}", envelope.kind);
    let fault = hub.faults.take(SLACK, &what);
    let copies = if fault == Some(Fault::DuplicateDelivery) {
        2
    } else {
        1
    };
    for _ in 0..copies {
        let payload = envelope.payload.clone();
        let fate = hub.wire.cross(SLACK, Direction::Out, what.clone(), payload);
        if fate == Fate::DieBefore {
            return fails(hub, &envelope, "connection_failed");
        }
        let parcel = pack(hub, &envelope);
        hub.world().last_parcel = Some(parcel.clone());
        let reply = send(hub, parcel).await;
        let is_cut = fault == Some(Fault::DropSocket) || fate == Fate::DieAfter;
        match reply {
            Some(reply) if !is_cut => answered(hub, &envelope, &reply),
            _ => fails(hub, &envelope, "http_timeout"),
        }
    }
}

fn find(world: &World, id: &str) -> Option<Envelope> {
    world.envelopes.iter().find(|one| one.id == id).cloned()
}

/// The path and the kind of body that Slack uses for it.
pub(super) fn content(kind: &str, payload: &Value) -> (&'static str, &'static str, Vec<u8>) {
    match kind {
        "slash_commands" => ("/slack/commands", FORM, form(payload.as_object())),
        "interactive" => {
            let fields = Map::from_iter([("payload".to_owned(), json!(payload.to_string()))]);
            ("/slack/interactions", FORM, form(Some(&fields)))
        }
        _ => ("/slack/events", JSON, payload.to_string().into_bytes()),
    }
}

fn form(fields: Option<&Map<String, Value>>) -> Vec<u8> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields.into_iter().flatten() {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        form.append_pair(name, &text);
    }
    form.finish().into_bytes()
}

fn pack(hub: &Hub, envelope: &Envelope) -> Parcel {
    let (path, kind, body) = content(&envelope.kind, &envelope.payload);
    let world = hub.world();
    let secret = world.outlet.as_ref().map_or("", |outlet| &outlet.secret);
    let mut headers = signed(secret, world.clock.seconds(), &body);
    headers.push(("content-type", kind.to_owned()));
    if let Some(reason) = envelope.retry {
        let again = envelope.attempts.saturating_sub(1);
        headers.push(("x-slack-retry-num", again.to_string()));
        headers.push(("x-slack-retry-reason", reason.to_owned()));
    }
    Parcel {
        path,
        headers,
        body,
    }
}

/// The headers that prove a body to be Slack's.
pub(super) fn signed(secret: &str, seconds: i64, body: &[u8]) -> Vec<(&'static str, String)> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length is a key");
    mac.update(format!("v0:{seconds}:").as_bytes());
    mac.update(body);
    let signature = hex::encode(mac.finalize().into_bytes());
    vec![
        ("x-slack-request-timestamp", seconds.to_string()),
        ("x-slack-signature", format!("v0={signature}")),
        (
            "user-agent",
            "Slackbot 1.0 (+https://api.slack.com/robots)".to_owned(),
        ),
    ]
}

/// `None`: the connection did not come about, or broke.
pub(super) async fn send(hub: &Hub, parcel: Parcel) -> Option<Reply> {
    let base = hub
        .world()
        .outlet
        .as_ref()
        .map(|outlet| outlet.base.clone())?;
    let mut request = hub.client.post(format!("{base}{}", parcel.path));
    for (name, value) in parcel.headers {
        request = request.header(name, value);
    }
    let response = request.body(parcel.body).send().await.ok()?;
    let status = response.status();
    let no_retry = HeaderName::from_static("x-slack-no-retry");
    let no_retry = response.headers().get(no_retry).is_some_and(|it| it == "1");
    let body = response.text().await.ok()?;
    Some(Reply {
        status,
        no_retry,
        body,
    })
}

fn answered(hub: &Hub, envelope: &Envelope, reply: &Reply) {
    let what = format!("ack {}", envelope.kind);
    let body = serde_json::from_str(&reply.body).unwrap_or_else(|_| json!(reply.body));
    if !reply.status.is_success() {
        let refused = format!("{} {what}", reply.status.as_u16());
        hub.wire.record(SLACK, Direction::In, refused, body);
        let reason = if reply.no_retry { "" } else { "http_error" };
        return fails(hub, envelope, reason);
    }
    let fate = hub
        .wire
        .cross(SLACK, Direction::In, what.clone(), body.clone());
    if fate == Fate::DieBefore {
        return fails(hub, envelope, "http_timeout");
    }
    let mut world = hub.world();
    let Some(now) = find(&world, &envelope.id) else {
        return;
    };
    if let Delivery::Posted { at } = now.delivery
        && world.clock.now() - at > ACK_WITHIN
    {
        hub.wire.violation(format!("slack {what}: later than 3 s"));
    }
    if !now.delivery.is_over() {
        settle(&mut world, &envelope.id, Delivery::Acknowledged);
        let says_something = !matches!(&body, Value::String(text) if text.is_empty());
        if says_something && !envelope.accepts {
            hub.wire
                .violation(format!("slack {what}: a body that nobody reads"));
        }
        if body.as_object().is_some_and(Map::is_empty) {
            hub.wire
                .violation(format!("slack {what}: an empty object, which people see"));
        }
        let answer = body.as_object().cloned().unwrap_or_default();
        after(hub, &mut world, &envelope.about, &answer);
    }
    drop(world);
    hub.wire.touch();
}

fn settle(world: &mut World, id: &str, delivery: Delivery) {
    for envelope in world.envelopes.iter_mut().filter(|one| one.id == id) {
        envelope.delivery = delivery;
    }
}

/// Events are sent again, unless the bot asked not to (no reason). A person is told, and has to do
/// it again herself.
fn fails(hub: &Hub, envelope: &Envelope, reason: &'static str) {
    let mut world = hub.world();
    let now = world.clock.now();
    let again = usize::try_from(envelope.attempts).unwrap_or(usize::MAX);
    let pause = RETRIES.get(again.saturating_sub(1));
    let pause = pause.filter(|_| envelope.kind == "events_api" && !reason.is_empty());
    let is_over = find(&world, &envelope.id).is_none_or(|one| one.delivery.is_over());
    match pause {
        _ if is_over => {}
        Some(pause) => {
            for one in world
                .envelopes
                .iter_mut()
                .filter(|one| one.id == envelope.id)
            {
                one.delivery = Delivery::Waiting;
                one.not_before = now.saturating_add(*pause);
                one.retry = Some(reason);
            }
            world.pump();
        }
        None => {
            settle(&mut world, &envelope.id, Delivery::Failed);
            tell(&mut world, &envelope.about);
        }
    }
    drop(world);
    hub.wire.touch();
}

/// What Slack itself says of an app that does not answer.
fn tell(world: &mut World, about: &About) {
    let (person, place, text, id) = match about {
        About::Command { user, channel } => {
            let name = world
                .channel(channel)
                .map_or("", |channel| channel.name.as_str());
            let text = "/slice failed with the error \"dispatch_failed\"";
            (
                user.clone(),
                Place::Ephemeral(name.to_owned()),
                text,
                String::new(),
            )
        }
        About::Submission { view } => {
            let user = world.view(view).map(|view| view.user.clone());
            let text = "We had some trouble connecting. Try again?";
            (user.unwrap_or_default(), Place::Modal, text, view.clone())
        }
        About::Nothing => return,
    };
    world.show(Sight {
        n: 0,
        person,
        place,
        change: Change::New,
        text: text.to_owned(),
        buttons: Vec::new(),
        notification: String::new(),
        id,
    });
}
