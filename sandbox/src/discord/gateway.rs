//! The gateway: one WebSocket with its heartbeat, its session, and its ways to end.

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::extract::{ConnectInfo, State, WebSocketUpgrade};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::world::{Frame, World};
use super::{Discord, Hub};
use crate::door::Cut;
use crate::faults::{DISCORD, Fault};
use crate::wire::{Direction, Fate};

pub(super) const GUILDS: u64 = 1;
/// Privileged: who joins, leaves, and gets which roles.
pub(super) const GUILD_MEMBERS: u64 = 1 << 1;
const GUILD_PRESENCES: u64 = 1 << 8;
const MESSAGE_CONTENT: u64 = 1 << 15;
const PRIVILEGED: u64 = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT;
/// Bits 0 to 16, 20, 21, 24 and 25.
const INTENTS: u64 = 0x1_ffff | 1 << 20 | 1 << 21 | 1 << 24 | 1 << 25;

const DISPATCH: u64 = 0;
const HEARTBEAT: u64 = 1;
const IDENTIFY: u64 = 2;
const RESUME: u64 = 6;
const RECONNECT: u64 = 7;
const INVALID_SESSION: u64 = 9;
const HELLO: u64 = 10;
const HEARTBEAT_ACK: u64 = 11;

const UNKNOWN_OPCODE: u16 = 4001;
const DECODE_ERROR: u16 = 4002;
const NOT_AUTHENTICATED: u16 = 4003;
const AUTHENTICATION_FAILED: u16 = 4004;
const ALREADY_AUTHENTICATED: u16 = 4005;
const INVALID_INTENTS: u16 = 4013;
const DISALLOWED_INTENTS: u16 = 4014;

/// Whether a connection goes on, is closed, or lives on without a word.
enum Next {
    On,
    Close(u16),
    End,
    Mute,
}

/// One connection.
struct Link {
    id: u64,
    frames: UnboundedSender<Frame>,
    session: Option<String>,
    /// Nothing reaches the client any more, and nothing it says is heard.
    zombie: bool,
}

/// `GET /?v=10&encoding=json`
pub(super) async fn link(
    State(discord): State<Discord>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.on_upgrade(move |socket| run(discord, socket, cut))
}

async fn run(discord: Discord, mut socket: WebSocket, cut: Cut) {
    let hub = &discord.hub;
    let (frames, mut received) = unbounded_channel();
    let (id, interval) = {
        let mut world = hub.world();
        let id = world.count("link");
        world.links.insert(id);
        (id, world.heartbeat_millis)
    };
    let mut link = Link {
        id,
        frames,
        session: None,
        zombie: false,
    };
    let hello =
        json!({ "op": HELLO, "d": { "heartbeat_interval": interval }, "s": null, "t": null });
    hub.wire
        .record(DISCORD, Direction::Out, "hello".to_owned(), Value::Null);
    let mut next = sent(&socket.send(text(&hello)).await);
    let mut for_good = false;
    while matches!(next, Next::On) {
        next = tokio::select! {
            frame = received.recv() => match frame {
                Some(frame) => send(hub, &mut socket, &cut, (&mut link, frame)).await,
                None => Next::End,
            },
            came = socket.recv() => match came {
                Some(Ok(Message::Text(text))) => heard(hub, &mut socket, &mut link, &text).await,
                Some(Ok(Message::Binary(_))) => Next::Close(DECODE_ERROR),
                Some(Ok(Message::Close(frame))) => {
                    // Whoever says goodbye does not come back to this session.
                    for_good = frame.is_some_and(|frame| matches!(frame.code, 1000 | 1001));
                    Next::End
                }
                Some(Err(_)) | None => Next::End,
                Some(Ok(_)) => Next::On,
            },
        };
    }
    match next {
        Next::Close(code) => close(hub, &mut socket, code).await,
        Next::Mute => while let Some(Ok(_)) = socket.recv().await {},
        Next::On | Next::End => {}
    }
    hub.world().unlink(id, for_good);
    hub.wire.touch();
}

fn text(value: &Value) -> Message {
    Message::Text(value.to_string().into())
}

fn sent(result: &Result<(), axum::Error>) -> Next {
    match result {
        Ok(()) => Next::On,
        Err(_) => Next::End,
    }
}

async fn close(hub: &Hub, socket: &mut WebSocket, code: u16) {
    let what = format!("close {code}");
    hub.wire.record(DISCORD, Direction::Out, what, Value::Null);
    let reason = match code {
        UNKNOWN_OPCODE => "Unknown opcode.",
        DECODE_ERROR => "Error while decoding payload.",
        NOT_AUTHENTICATED => "Not authenticated.",
        AUTHENTICATION_FAILED => "Authentication failed.",
        ALREADY_AUTHENTICATED => "Already authenticated.",
        INVALID_INTENTS => "Invalid intent(s).",
        DISALLOWED_INTENTS => "Disallowed intent(s).",
        _ => "Unknown error.",
    };
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    let _ = socket.send(Message::Close(Some(frame))).await;
    // The client's own close frame ends it.
    while let Some(Ok(_)) = socket.recv().await {}
}

async fn send(
    hub: &Hub,
    socket: &mut WebSocket,
    cut: &Cut,
    (link, frame): (&mut Link, Frame),
) -> Next {
    match frame {
        Frame::Cut => {
            cut.cut();
            Next::End
        }
        Frame::Zombie => {
            link.zombie = true;
            Next::On
        }
        _ if link.zombie => Next::On,
        Frame::Close(code) => Next::Close(code),
        Frame::Reconnect => reconnect(hub, socket, link).await,
        Frame::Invalid(resumable) => invalidate(hub, socket, link, resumable).await,
        Frame::Event(seq) => event(hub, socket, cut, (link, seq)).await,
    }
}

/// Sends an event of the session, or what a fault makes of it.
async fn event(
    hub: &Hub,
    socket: &mut WebSocket,
    cut: &Cut,
    (link, seq): (&mut Link, u64),
) -> Next {
    let event = {
        let world = hub.world();
        let session = link.session.as_deref().and_then(|id| world.session(id));
        let waiting = session.filter(|session| !session.draining && !session.dead);
        let events = waiting.map_or(&[][..], |session| &session.events);
        events.iter().find(|event| event.seq == seq).cloned()
    };
    let Some(event) = event else { return Next::On };
    let what = format!("event {}", event.name);
    let fault = hub.faults.take(DISCORD, &what);
    match fault {
        Some(Fault::RefreshSocket) => return reconnect(hub, socket, link).await,
        Some(Fault::InvalidSession) => return invalidate(hub, socket, link, false).await,
        Some(Fault::ZombieSocket) => {
            link.zombie = true;
            return Next::On;
        }
        _ => {}
    }
    let shown = json!({ "op": DISPATCH, "d": event.data, "s": seq, "t": event.name });
    let copies = if fault == Some(Fault::DuplicateDelivery) {
        2
    } else {
        1
    };
    for _ in 0..copies {
        let data = event.data.clone();
        let fate = hub.wire.cross(DISCORD, Direction::Out, what.clone(), data);
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

/// Op 7. What comes from now on waits for the resumption.
async fn reconnect(hub: &Hub, socket: &mut WebSocket, link: &Link) -> Next {
    if let Some(session) = link.session.as_deref()
        && let Some(session) = hub.world().session_mut(session)
    {
        session.draining = true;
    }
    hub.wire
        .record(DISCORD, Direction::Out, "reconnect".to_owned(), Value::Null);
    let frame = json!({ "op": RECONNECT, "d": null, "s": null, "t": null });
    sent(&socket.send(text(&frame)).await)
}

/// Op 9. Without `resumable` the session is over, and what it was not sent is lost.
async fn invalidate(hub: &Hub, socket: &mut WebSocket, link: &mut Link, resumable: bool) -> Next {
    if let Some(id) = link.session.as_deref() {
        let mut world = hub.world();
        if let Some(session) = world.session_mut(id) {
            session.draining = true;
            session.dead = !resumable;
        }
        world.lapse_orphans();
    }
    let what = format!("invalid session, resumable: {resumable}");
    hub.wire.record(DISCORD, Direction::Out, what, Value::Null);
    let frame = json!({ "op": INVALID_SESSION, "d": resumable, "s": null, "t": null });
    hub.wire.touch();
    sent(&socket.send(text(&frame)).await)
}

/// Something that the client said.
async fn heard(hub: &Hub, socket: &mut WebSocket, link: &mut Link, said: &str) -> Next {
    let Ok(said) = serde_json::from_str::<Value>(said) else {
        hub.wire.violation("discord gateway: no JSON");
        return Next::Close(DECODE_ERROR);
    };
    if link.zombie {
        return Next::On;
    }
    let data = &said["d"];
    match said["op"].as_u64() {
        Some(HEARTBEAT) => {
            let ack = json!({ "op": HEARTBEAT_ACK, "d": null, "s": null, "t": null });
            sent(&socket.send(text(&ack)).await)
        }
        Some(IDENTIFY) => identify(hub, link, data),
        Some(RESUME) => resume(hub, socket, link, data).await,
        // Presence, voice, and requests for members: understood, and of no consequence here.
        Some(3 | 4 | 8) if link.session.is_some() => Next::On,
        Some(3 | 4 | 8) => Next::Close(NOT_AUTHENTICATED),
        _ => {
            hub.wire.violation("discord gateway: unknown opcode");
            Next::Close(UNKNOWN_OPCODE)
        }
    }
}

fn identify(hub: &Hub, link: &mut Link, data: &Value) -> Next {
    let fate = hub
        .wire
        .cross(DISCORD, Direction::In, "identify".to_owned(), data.clone());
    if fate == Fate::DieBefore {
        return Next::Mute;
    }
    if link.session.is_some() {
        return Next::Close(ALREADY_AUTHENTICATED);
    }
    let mut world = hub.world();
    if !right_token(&world, data) {
        return Next::Close(AUTHENTICATION_FAILED);
    }
    let intents = match data["intents"].as_u64() {
        Some(intents) if intents & !INTENTS == 0 => intents,
        _ => return Next::Close(INVALID_INTENTS),
    };
    if intents & PRIVILEGED & !world.enabled_intents != 0 {
        return Next::Close(DISALLOWED_INTENTS);
    }
    link.session = Some(world.identify((link.id, link.frames.clone()), intents));
    drop(world);
    hub.wire.touch();
    if fate == Fate::DieAfter {
        return Next::Mute;
    }
    Next::On
}

fn right_token(world: &World, data: &Value) -> bool {
    let token = data["token"].as_str().unwrap_or_default();
    token.trim_start_matches("Bot ") == world.token
}

async fn resume(hub: &Hub, socket: &mut WebSocket, link: &mut Link, data: &Value) -> Next {
    hub.wire
        .record(DISCORD, Direction::In, "resume".to_owned(), data.clone());
    if link.session.is_some() {
        return Next::Close(ALREADY_AUTHENTICATED);
    }
    if !right_token(&hub.world(), data) {
        return Next::Close(AUTHENTICATION_FAILED);
    }
    let id = data["session_id"].as_str().unwrap_or_default();
    let seq = data["seq"].as_u64().unwrap_or(0);
    let resumed = hub
        .world()
        .resume(id, seq, (link.id, link.frames.clone()))
        .is_some();
    hub.wire.touch();
    if resumed {
        link.session = Some(id.to_owned());
        return Next::On;
    }
    invalidate(hub, socket, link, false).await
}
