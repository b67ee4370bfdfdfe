//! The `chat.*` methods and `response_url`.

use serde_json::{Map, Value, json};

use super::Hub;
use super::api::{Asked, Outcome, Refused, refuse};
use super::limits::{self, MESSAGE_TEXT_MAX};
use super::payloads::message_json;
use super::world::{BOT_USER, Message, PersonKind, World};
use crate::door::{Answer, Call};

const MINUTE: i64 = 60 * 1_000_000;
const RESPONSE_URL_LIFE: i64 = 30 * MINUTE;
const RESPONSE_URL_USES: u32 = 5;
/// Posts to one channel within a second before Slack says 429.
const BURST: usize = 3;

/// What a message says.
struct Content {
    text: String,
    blocks: Option<Vec<Value>>,
    metadata: Option<Value>,
}

impl Content {
    fn message(self, channel: &str, ts: String) -> Message {
        Message {
            channel: channel.to_owned(),
            ts,
            thread_ts: None,
            text: self.text,
            blocks: self.blocks.unwrap_or_default(),
            metadata: self.metadata,
            files: Vec::new(),
            ephemeral_to: None,
            versions: Vec::new(),
            edited: None,
            deleted: false,
            seen: 0,
        }
    }
}

/// Text, blocks and metadata, held to all limits.
fn content(asked: &Asked) -> Result<Content, Refused> {
    let text = asked
        .text("text")
        .or_else(|| asked.text("markdown_text"))
        .unwrap_or_default();
    let blocks = match asked.json("blocks") {
        Ok(None) => None,
        Ok(Some(Value::Array(blocks))) => Some(blocks),
        Ok(Some(_)) | Err(_) => return refuse("invalid_blocks_format"),
    };
    if text.is_empty() && blocks.as_ref().is_none_or(Vec::is_empty) {
        asked.violation("no_text");
        return refuse("no_text");
    }
    if text.chars().count() > MESSAGE_TEXT_MAX {
        asked.violation("msg_too_long");
        return refuse("msg_too_long");
    }
    if let Some(blocks) = &blocks {
        let problems = limits::check_blocks(&json!(blocks));
        for problem in &problems {
            asked.violation(problem);
        }
        for problem in asked
            .hub
            .contracts
            .iter()
            .flat_map(|it| it.check_blocks(blocks))
        {
            asked.violation(&problem);
        }
        if !problems.is_empty() {
            return Err(Refused::because("invalid_blocks", problems));
        }
    }
    let metadata = asked.json("metadata")?;
    let well_formed =
        |one: &Value| one["event_type"].is_string() && one["event_payload"].is_object();
    if metadata.as_ref().is_some_and(|one| !well_formed(one)) {
        asked.violation("metadata needs event_type and event_payload");
        return refuse("invalid_metadata_format");
    }
    Ok(Content {
        text,
        blocks,
        metadata,
    })
}

/// The conversation a message may be posted to: by id, by `#name`, or by a person's id.
fn target(asked: &mut Asked) -> Result<String, Refused> {
    let name = asked.needed("channel")?;
    if let Some(person) = asked.world.person(&name) {
        let reachable = !person.deleted && person.team == asked.team;
        return match person.kind {
            PersonKind::Bot => refuse("cannot_dm_bot"),
            _ if reachable && !asked.world.messages_tab => refuse("messages_tab_disabled"),
            _ if reachable => Ok(asked.world.dm(&name)),
            _ => refuse("channel_not_found"),
        };
    }
    let plain = name.trim_start_matches('#');
    let fits = |id: &str, title: &str| id == name || (!title.is_empty() && title == plain);
    let found = asked
        .world
        .channels
        .iter()
        .find(|one| one.team == asked.team && fits(&one.id, &one.name));
    let Some(channel) = found else {
        return refuse("channel_not_found");
    };
    let gone = |user: &String| asked.world.person(user).is_none_or(|person| person.deleted);
    if channel.im.as_ref().is_some_and(gone) {
        return refuse("channel_not_found");
    }
    if channel.im.is_some() && !asked.world.messages_tab {
        return refuse("messages_tab_disabled");
    }
    if channel.archived {
        return refuse("is_archived");
    }
    if !channel.members.contains(BOT_USER) {
        return refuse(if channel.kind.private {
            "channel_not_found"
        } else {
            "not_in_channel"
        });
    }
    Ok(channel.id.clone())
}

fn within_rate(asked: &mut Asked, channel: &str) -> Result<(), Refused> {
    if !asked.world.rate_limits {
        return Ok(());
    }
    let now = asked.world.clock.now();
    let posts = asked.world.posts.entry(channel.to_owned()).or_default();
    posts.retain(|at| now - at < 1_000_000);
    if posts.len() >= BURST {
        let error = "ratelimited".to_owned();
        return Err(Refused {
            error,
            details: Vec::new(),
            retry_after: Some(1),
        });
    }
    posts.push(now);
    Ok(())
}

pub(super) fn post(asked: &mut Asked) -> Outcome {
    let channel = target(asked)?;
    let content = content(asked)?;
    within_rate(asked, &channel)?;
    let ts = asked.world.next_ts();
    let mut message = content.message(&channel, ts.clone());
    message.thread_ts = asked.text("thread_ts");
    let at = asked.world.post(message);
    let shown = message_json(asked.world, &asked.world.messages[at], true);
    Ok(json!({ "channel": channel, "ts": ts, "message": shown }))
}

pub(super) fn post_ephemeral(asked: &mut Asked) -> Outcome {
    let channel = target(asked)?;
    let user = asked.needed("user")?;
    let inside = asked
        .world
        .channel(&channel)
        .is_some_and(|one| one.members.contains(&user));
    if !inside
        || asked
            .world
            .person(&user)
            .is_none_or(|person| person.deleted)
    {
        return refuse("user_not_in_channel");
    }
    let content = content(asked)?;
    let ts = asked.world.next_ts();
    let mut message = content.message(&channel, ts.clone());
    message.thread_ts = asked.text("thread_ts");
    message.ephemeral_to = Some(user);
    asked.world.post(message);
    Ok(json!({ "message_ts": ts }))
}

/// The message that `channel` and `ts` name, if the bot may change it.
fn own(asked: &Asked) -> Result<(String, usize), Refused> {
    let channel = asked.needed("channel")?;
    let ts = asked.needed("ts")?;
    match asked.world.channel(&channel) {
        None => return refuse("channel_not_found"),
        Some(one) if one.team != asked.team => return refuse("channel_not_found"),
        Some(one) if one.archived => return refuse("is_inactive"),
        Some(_) => {}
    }
    match asked.world.message_at(&channel, &ts) {
        Some(at) if asked.world.messages[at].ephemeral_to.is_none() => Ok((channel, at)),
        _ => refuse("message_not_found"),
    }
}

pub(super) fn update(asked: &mut Asked) -> Outcome {
    let (channel, at) = own(asked)?;
    let content = content(asked)?;
    let blocks = content.blocks.unwrap_or_default();
    asked.world.edit(at, content.text, &blocks);
    if content.metadata.is_some() {
        asked.world.messages[at].metadata = content.metadata;
    }
    let message = &asked.world.messages[at];
    let shown = message_json(asked.world, message, true);
    Ok(json!({ "channel": channel, "ts": message.ts, "text": message.text, "message": shown }))
}

pub(super) fn delete(asked: &mut Asked) -> Outcome {
    let (channel, at) = match own(asked) {
        Err(why) if why.error == "is_inactive" => return refuse("is_archived"),
        other => other?,
    };
    asked.world.delete(at);
    let ts = asked.world.messages[at].ts.clone();
    Ok(json!({ "channel": channel, "ts": ts }))
}

/// The text of a slash command's acknowledgement: an answer that only its author sees, unless it
/// says `in_channel`.
pub(super) fn say(hub: &Hub, world: &mut World, to: (&str, &str), body: &Map<String, Value>) {
    let (user, channel) = to;
    let team = world
        .person(user)
        .map(|person| person.team.clone())
        .unwrap_or_default();
    let arguments = body.clone();
    let asked = Asked {
        hub,
        world,
        team,
        method: "answer to a command",
        arguments,
    };
    if let Ok(content) = content(&asked) {
        let public = asked
            .text("response_type")
            .is_some_and(|kind| kind == "in_channel");
        let ts = asked.world.next_ts();
        let mut message = content.message(channel, ts);
        message.ephemeral_to = (!public).then(|| user.to_owned());
        asked.world.post(message);
    }
}

/// `POST` to a `response_url`.
pub(super) fn respond(hub: &Hub, id: &str, call: &Call) -> Answer {
    let said = |status, error: &str| Answer::json(status, json!({ "ok": false, "error": error }));
    let mut world = hub.world();
    let now = world.clock.now();
    let Some(url) = world.response_urls.get_mut(id) else {
        hub.wire.violation("slack response_url: no such URL");
        return said(404, "no_such_url");
    };
    if now - url.made >= RESPONSE_URL_LIFE {
        return said(404, "expired_url");
    }
    if url.uses >= RESPONSE_URL_USES {
        return said(404, "used_url");
    }
    let Ok(Value::Object(arguments)) = serde_json::from_slice(&call.body) else {
        hub.wire
            .violation("slack response_url: the body is no JSON object");
        return said(400, "invalid_payload");
    };
    url.uses += 1;
    let (user, channel, origin) = (url.user.clone(), url.channel.clone(), url.origin.clone());
    let origin = origin.and_then(|ts| world.message_at(&channel, &ts));
    let team = world
        .person(&user)
        .map(|person| person.team.clone())
        .unwrap_or_default();
    let mut asked = Asked {
        hub,
        world: &mut world,
        team,
        method: "response_url",
        arguments,
    };
    match answer_to(&mut asked, (&user, &channel), origin) {
        Ok(_) => Answer::text(200, "ok"),
        Err(why) => said(400, &why.error),
    }
}

fn answer_to(asked: &mut Asked, to: (&str, &str), origin: Option<usize>) -> Outcome {
    let (user, channel) = to;
    if asked.flag("delete_original") {
        let Some(at) = origin else {
            return refuse("message_not_found");
        };
        asked.world.delete(at);
        return Ok(Value::Null);
    }
    let content = content(asked)?;
    if let (true, Some(at)) = (asked.flag("replace_original"), origin) {
        let blocks = content.blocks.unwrap_or_default();
        asked.world.edit(at, content.text, &blocks);
        return Ok(Value::Null);
    }
    let public = match asked.text("response_type").as_deref() {
        None | Some("ephemeral") => false,
        Some("in_channel") => true,
        Some(other) => {
            asked.violation(&format!("unknown response_type {other:?}"));
            return refuse("invalid_response_type");
        }
    };
    let ts = asked.world.next_ts();
    let mut message = content.message(channel, ts);
    message.ephemeral_to = (!public).then(|| user.to_owned());
    asked.world.post(message);
    Ok(Value::Null)
}
