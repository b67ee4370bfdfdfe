//! Socket Mode: connections, envelopes, acknowledgements, and what becomes of a dead socket.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use axum::extract::{ConnectInfo, Query, State, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::api::Asked;
use super::world::{APP, About, Delivery, Frame, Socket, World};
use super::{Hub, Slack, messages, views};
use crate::door::Cut;
use crate::faults::{Fault, SLACK};
use crate::wire::{Direction, Fate};

const SOCKETS_MAX: usize = 10;
/// Real time: it only keeps the connection alive.
const PING_EVERY: Duration = Duration::from_secs(5);
pub(super) const ACK_WITHIN: i64 = 3 * 1_000_000;

/// Whether a socket goes on, is closed, or lives on without a word.
enum Next {
    On,
    End,
    Mute,
}

/// `GET /link?ticket=…`: a ticket opens one socket.
pub(super) async fn link(
    State(slack): State<Slack>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    Query(query): Query<std::collections::HashMap<String, String>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let ticket = query.get("ticket").map_or("", String::as_str);
    if !slack.hub.world().tickets.remove(ticket) {
        slack
            .hub
            .wire
            .violation("slack socket: the ticket is unknown or used");
        return (StatusCode::FORBIDDEN, "link_disabled").into_response();
    }
    upgrade.on_upgrade(move |socket| run(slack, socket, cut))
}

async fn run(slack: Slack, mut socket: WebSocket, cut: Cut) {
    let hub = &slack.hub;
    let Some((id, mut frames, hello)) = connect(hub) else {
        hub.wire
            .violation("slack socket: more than ten connections");
        let _ = socket.send(text(&disconnect("too_many_websockets"))).await;
        return;
    };
    hub.wire
        .record(SLACK, Direction::Out, "hello".to_owned(), hello.clone());
    let mut next = match socket.send(text(&hello)).await {
        Ok(()) => Next::On,
        Err(_) => Next::End,
    };
    hub.world().pump();
    let mut ping = tokio::time::interval(PING_EVERY);
    while matches!(next, Next::On) {
        next = tokio::select! {
            frame = frames.recv() => match frame {
                Some(frame) => send(hub, &mut socket, &cut, (id, frame)).await,
                None => Next::End,
            },
            came = socket.recv() => match came {
                Some(Ok(Message::Text(ack))) => acknowledge(hub, &ack),
                Some(Ok(Message::Close(_)) | Err(_)) | None => Next::End,
                Some(Ok(_)) => Next::On,
            },
            _ = ping.tick() => match socket.send(Message::Ping(b"sandbox".as_slice().into())).await {
                Ok(()) => Next::On,
                Err(_) => Next::End,
            },
        };
    }
    if matches!(next, Next::Mute) {
        while let Some(Ok(_)) = socket.recv().await {}
    }
    gone(hub, id);
}

fn text(value: &Value) -> Message {
    Message::Text(value.to_string().into())
}

fn disconnect(reason: &str) -> Value {
    json!({ "type": "disconnect", "reason": reason, "debug_info": { "host": "sandbox" } })
}

fn connect(hub: &Hub) -> Option<(u64, UnboundedReceiver<Frame>, Value)> {
    let mut world = hub.world();
    if world.sockets.len() >= SOCKETS_MAX {
        return None;
    }
    let (frames, received) = unbounded_channel();
    let id = world.count("socket");
    world.sockets.push(Socket {
        id,
        frames,
        draining: false,
    });
    let hello = json!({
        "type": "hello",
        "num_connections": world.sockets.len(),
        "debug_info": {
            "host": "sandbox",
            "build_number": 1,
            "approximate_connection_time": 18_060,
        },
        "connection_info": { "app_id": APP },
    });
    Some((id, received, hello))
}

/// What was sent over a dead socket and not acknowledged goes out again.
fn gone(hub: &Hub, id: u64) {
    let mut world = hub.world();
    world.sockets.retain(|socket| socket.id != id);
    for envelope in &mut world.envelopes {
        if matches!(envelope.delivery, Delivery::Sent { socket, .. } if socket == id) {
            envelope.delivery = Delivery::Waiting;
        }
    }
    world.pump();
    drop(world);
    hub.wire.touch();
}

async fn send(hub: &Hub, socket: &mut WebSocket, cut: &Cut, (id, frame): (u64, Frame)) -> Next {
    let envelope = match frame {
        Frame::Cut => {
            cut.cut();
            return Next::End;
        }
        Frame::Disconnect(reason) => return ask_to_leave(hub, socket, (id, reason)).await,
        Frame::Envelope(envelope) => envelope,
    };
    let Some((what, shown)) = envelope_json(&hub.world(), &envelope) else {
        return Next::On;
    };
    let fault = hub.faults.take(SLACK, &what);
    if fault == Some(Fault::RefreshSocket) {
        take_back(&mut hub.world(), &envelope);
        return ask_to_leave(hub, socket, (id, "refresh_requested")).await;
    }
    let copies = if fault == Some(Fault::DuplicateDelivery) {
        2
    } else {
        1
    };
    for _ in 0..copies {
        let fate = hub.wire.cross(
            SLACK,
            Direction::Out,
            what.clone(),
            shown["payload"].clone(),
        );
        if fate == Fate::DieBefore {
            return Next::Mute;
        }
        if socket.send(text(&shown)).await.is_err() {
            return Next::End;
        }
        if fate == Fate::DieAfter {
            return Next::Mute;
        }
    }
    if fault == Some(Fault::DropSocket) {
        cut.cut();
        return Next::End;
    }
    Next::On
}

/// Nothing new goes to this socket; the client is expected to open another one.
async fn ask_to_leave(hub: &Hub, socket: &mut WebSocket, (id, reason): (u64, &str)) -> Next {
    let frame = disconnect(reason);
    hub.wire.record(
        SLACK,
        Direction::Out,
        format!("disconnect {reason}"),
        Value::Null,
    );
    {
        let mut world = hub.world();
        for socket in world.sockets.iter_mut().filter(|socket| socket.id == id) {
            socket.draining = reason != "warning";
        }
        world.pump();
    }
    match socket.send(text(&frame)).await {
        Ok(()) => Next::On,
        Err(_) => Next::End,
    }
}

fn take_back(world: &mut World, id: &str) {
    for envelope in world
        .envelopes
        .iter_mut()
        .filter(|envelope| envelope.id == id)
    {
        envelope.delivery = Delivery::Waiting;
    }
}

/// What to call an envelope, and its JSON; `None` if it needs no delivery any more.
fn envelope_json(world: &World, id: &str) -> Option<(String, Value)> {
    let envelope = world.envelopes.iter().find(|envelope| envelope.id == id)?;
    if envelope.delivery.is_over() {
        return None;
    }
    let mut shown = json!({
        "envelope_id": envelope.id,
        "type": envelope.kind,
        "accepts_response_payload": envelope.accepts,
        "payload": envelope.payload,
    });
    if envelope.kind == "events_api" {
        let again = envelope.attempts.saturating_sub(1);
        shown["retry_attempt"] = json!(again);
        shown["retry_reason"] = json!(if again > 0 { "timeout" } else { "" });
    }
    Some((format!("envelope {}", envelope.kind), shown))
}

fn acknowledge(hub: &Hub, ack: &str) -> Next {
    let Ok(Value::Object(ack)) = serde_json::from_str(ack) else {
        hub.wire.violation("slack ack: no JSON object");
        return Next::On;
    };
    let id = ack
        .get("envelope_id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let payload = ack.get("payload").cloned().unwrap_or(Value::Null);
    let found = hub
        .world()
        .envelopes
        .iter()
        .find(|one| one.id == id)
        .cloned();
    let Some(envelope) = found else {
        hub.wire
            .violation(format!("slack ack: unknown envelope {id:?}"));
        return Next::On;
    };
    let what = format!("ack {}", envelope.kind);
    let fate = hub
        .wire
        .cross(SLACK, Direction::In, what.clone(), payload.clone());
    if fate == Fate::DieBefore {
        return Next::Mute;
    }
    let mut world = hub.world();
    let now = world.clock.now();
    if let Delivery::Sent { at, .. } = envelope.delivery
        && now - at > ACK_WITHIN
    {
        hub.wire.violation(format!("slack {what}: later than 3 s"));
    }
    if envelope.delivery != Delivery::Acknowledged {
        for one in world.envelopes.iter_mut().filter(|one| one.id == id) {
            one.delivery = Delivery::Acknowledged;
        }
        let answer = payload.as_object().cloned().unwrap_or_default();
        if !answer.is_empty() && !envelope.accepts {
            hub.wire
                .violation(format!("slack {what}: a payload that nobody reads"));
        }
        after(hub, &mut world, &envelope.about, &answer);
    }
    drop(world);
    hub.wire.touch();
    match fate {
        Fate::DieAfter => Next::Mute,
        _ => Next::On,
    }
}

/// What an acknowledgement means for the person who acted.
pub(super) fn after(hub: &Hub, world: &mut World, about: &About, answer: &Map<String, Value>) {
    match about {
        About::Command { user, channel } if !answer.is_empty() => {
            messages::say(hub, world, (user, channel), answer);
        }
        About::Submission { view } => {
            let team = world
                .view(view)
                .map(|view| view.team.clone())
                .unwrap_or_default();
            let method = "answer to a submission";
            let arguments = Map::new();
            let mut asked = Asked {
                hub,
                world,
                team,
                method,
                arguments,
            };
            views::after_submission(&mut asked, view, answer);
        }
        About::Command { .. } | About::Nothing => {}
    }
}
