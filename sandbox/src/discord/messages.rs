//! Messages in channels, and what every message has in common: content, files, mentions.

use serde_json::{Value, json};

use super::api::{
    Asked, DM_CLOSED, EMPTY_MESSAGE, MISSING_PERMISSIONS, NO_MUTUAL_GUILD, NOT_THE_AUTHOR, Outcome,
    Refused, TOO_LARGE, UNKNOWN_MESSAGE, refuse,
};
use super::channels::seen;
use super::limits;
use super::payloads;
use super::permissions::{
    ATTACH_FILES, EMBED_LINKS, MANAGE_MESSAGES, MENTION_EVERYONE, READ_MESSAGE_HISTORY,
    SEND_MESSAGES,
};
use super::problems::Problems;
use super::world::{BOT, Body, Channel, File, Message, World, items};
use crate::chat::image_problem;

/// All files of a message together.
const FILES_MAX: usize = 10 << 20;
/// Of a file's description, in characters.
const ALT_MAX: usize = 1_024;
/// "The past few minutes" in which a nonce is not used twice, in microseconds.
const NONCE_LIFE: i64 = 3 * 60 * 1_000_000;

/// A fresh message of the bot with nothing in it.
pub(super) fn blank(world: &mut World, channel: &str) -> Message {
    Message {
        id: world.next_id(),
        channel: channel.to_owned(),
        author: BOT.to_owned(),
        body: Body::default(),
        flags: 0,
        nonce: None,
        ephemeral_to: None,
        interaction: None,
        mentions: (Vec::new(), Vec::new()),
        versions: Vec::new(),
        made: world.clock.now(),
        edited: None,
        loading: false,
        deleted: false,
        seen: 0,
    }
}

/// What a body says, held to all limits. Fields that it does not name stay as they are in `old`.
/// `base` is where it stands in the request: empty, or `data.`.
pub(super) fn read(
    asked: &mut Asked,
    said: &Value,
    base: &str,
    old: &Body,
) -> Result<Body, Refused> {
    let mut problems = Problems::default();
    limits::check_message(said, base, &mut problems);
    asked.fine(&problems)?;
    let list = |name: &str, old: &[Value]| match said.get(name) {
        None => old.to_vec(),
        Some(value) => items(value).to_vec(),
    };
    let content = match said.get("content") {
        None => old.content.clone(),
        Some(content) => content.as_str().unwrap_or_default().trim().to_owned(),
    };
    let mut embeds = list("embeds", &old.embeds);
    for embed in &mut embeds {
        complete_embed(embed);
    }
    let components = list("components", &old.components);
    let body = Body {
        content,
        embeds,
        components: components.into_iter().map(complete_component).collect(),
        attachments: attach(asked, said, &old.attachments)?,
    };
    if body.is_empty() {
        asked.violation("an empty message");
        return refuse(EMPTY_MESSAGE);
    }
    Ok(body)
}

/// What Discord adds to an embed, and that it drops what is null.
fn complete_embed(embed: &mut Value) {
    if let Some(fields) = embed.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
        fields.insert("type".to_owned(), json!("rich"));
    }
    for field in embed["fields"].as_array_mut().into_iter().flatten() {
        if !field["inline"].is_boolean() {
            field["inline"] = json!(false);
        }
    }
    if embed["fields"].is_null()
        && let Some(fields) = embed.as_object_mut()
    {
        fields.remove("fields");
    }
}

/// A row without nulls, and menus with their bounds.
fn complete_component(mut row: Value) -> Value {
    for component in row["components"].as_array_mut().into_iter().flatten() {
        if let Some(fields) = component.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        if component["type"] == json!(3) {
            for bound in ["min_values", "max_values"] {
                if component[bound].is_null() {
                    component[bound] = json!(1);
                }
            }
        }
    }
    row
}

/// Keeps the new files and gives what the message shows of old and new ones.
fn attach(asked: &mut Asked, said: &Value, old: &[Value]) -> Result<Vec<Value>, Refused> {
    let files = std::mem::take(&mut asked.files);
    if files.iter().map(|file| file.bytes.len()).sum::<usize>() > FILES_MAX {
        asked.violation("the files are too large");
        return refuse(TOO_LARGE);
    }
    let listed = said.get("attachments").map(items);
    let same = |one: &Value, id: &Value| {
        let text = |id: &Value| id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        text(&one["id"]) == text(id)
    };
    let stays = |one: &&Value| listed.is_none_or(|all| all.iter().any(|it| same(it, &one["id"])));
    let mut shown: Vec<Value> = old.iter().filter(stays).cloned().collect();
    for part in files {
        let at = part.name.trim_start_matches("files[").trim_end_matches(']');
        let meta = listed
            .unwrap_or_default()
            .iter()
            .find(|one| same(one, &json!(at)));
        let name = meta.and_then(|meta| meta["filename"].as_str());
        let name = name.map(str::to_owned).or(part.file_name);
        let name = name.unwrap_or_else(|| "unknown".to_owned());
        let alt = meta.and_then(|meta| meta["description"].as_str());
        let alt = alt.map(str::to_owned);
        if alt
            .as_ref()
            .is_some_and(|alt| alt.chars().count() > ALT_MAX)
        {
            asked.violation("a description is longer than 1,024 characters");
        }
        if let Some(problem) = image_problem(&name, alt.as_deref(), &part.bytes) {
            asked.violation(problem);
        }
        let id = asked.world.next_id();
        let url = format!("{}/attachments/{id}/{name}", asked.world.base);
        let mut one = json!({
            "id": id,
            "filename": name,
            "size": part.bytes.len(),
            "url": url,
            "proxy_url": url,
        });
        if let Some(alt) = &alt {
            one["description"] = json!(alt);
        }
        shown.push(one);
        let bytes = part.bytes;
        asked.world.files.push(File {
            id,
            name,
            alt,
            bytes,
        });
    }
    Ok(shown)
}

/// The users and roles that a message pings, by what it says and what it allows; they are recorded.
pub(super) fn ping(
    world: &mut World,
    channel: &Channel,
    body: &Body,
    allowed: &Value,
) -> (Vec<String>, Vec<String>) {
    let all = allowed.is_null();
    let parsed = |kind: &str| all || items(&allowed["parse"]).contains(&json!(kind));
    let named = |kind: &str, id: &str| parsed(kind) || items(&allowed[kind]).contains(&json!(id));
    let found = |mark: &str| -> Vec<String> {
        let pieces = body.content.split(mark).skip(1);
        let ids = pieces.filter_map(|piece| piece.split_once('>').map(|(id, _)| id));
        let ids = ids.filter(|id| !id.is_empty() && id.bytes().all(|one| one.is_ascii_digit()));
        ids.map(str::to_owned).collect()
    };
    let mut users = found("<@");
    users.extend(found("<@!"));
    users.retain(|id| named("users", id) && world.person(id).is_some());
    let mut roles = found("<@&");
    let everybody = world.may(BOT, channel) & MENTION_EVERYONE != 0;
    roles.retain(|id| everybody && named("roles", id) && world.role(id).is_some());
    for id in &users {
        let handle = world.handle(id);
        world.pings.push(format!("user @{handle}"));
    }
    for id in &roles {
        let name = world.role(id).map(|(_, role)| role.name.clone());
        world
            .pings
            .push(format!("role @{}", name.unwrap_or_default()));
    }
    for word in ["@everyone", "@here"] {
        if everybody && parsed("everyone") && body.content.contains(word) {
            world.pings.push(word.to_owned());
        }
    }
    (users, roles)
}

/// A channel that the bot may post to.
fn writable(asked: &Asked, id: &str) -> Result<Channel, Refused> {
    let channel = seen(asked, id)?;
    if let Some(user) = &channel.dm {
        let closed = asked
            .world
            .person(user)
            .is_some_and(|person| person.dms_closed);
        return match (asked.world.meets_bot(user), closed) {
            (false, _) => refuse(NO_MUTUAL_GUILD),
            (true, true) => refuse(DM_CLOSED),
            (true, false) => Ok(channel),
        };
    }
    let may = asked.world.may(BOT, &channel);
    let files = !asked.files.is_empty();
    if may & SEND_MESSAGES == 0 || (files && may & ATTACH_FILES == 0) {
        return refuse(MISSING_PERMISSIONS);
    }
    Ok(channel)
}

/// `POST /channels/{id}/messages`. With `enforce_nonce`, a nonce that the bot used within three
/// minutes gives the message that was made then.
pub(super) fn create(asked: &mut Asked) -> Outcome {
    let channel = writable(asked, &asked.id(0))?;
    let said = asked.body.clone();
    let mut body = read(asked, &said, "", &Body::default())?;
    let nonce = said.get("nonce").filter(|nonce| !nonce.is_null()).cloned();
    let now = asked.world.clock.now();
    if said["enforce_nonce"] == json!(true)
        && let Some(nonce) = &nonce
    {
        let same = |one: &&Message| {
            one.nonce.as_ref() == Some(nonce) && (0..NONCE_LIFE).contains(&(now - one.made))
        };
        if let Some(made) = asked.world.messages.iter().find(same) {
            return Ok(payloads::message(asked.world, made, true));
        }
    }
    if asked.world.may(BOT, &channel) & EMBED_LINKS == 0 {
        body.embeds.clear();
    }
    let mentions = ping(asked.world, &channel, &body, &said["allowed_mentions"]);
    let message = Message {
        body,
        nonce,
        mentions,
        flags: said["flags"].as_u64().unwrap_or(0) & SUPPRESSED,
        ..blank(asked.world, &channel.id)
    };
    let at = asked.world.post(message);
    let message = &asked.world.messages[at];
    Ok(payloads::message(asked.world, message, true))
}

/// `SUPPRESS_EMBEDS` and `SUPPRESS_NOTIFICATIONS`: all that a bot can say of a plain message.
const SUPPRESSED: u64 = (1 << 2) | (1 << 12);

/// Where the message of the path is; ephemeral ones are not there for the channel's routes.
fn at(asked: &Asked) -> Result<usize, Refused> {
    let channel = seen(asked, &asked.id(0))?;
    let found = asked.world.message_at(&asked.id(1)).filter(|at| {
        let message = &asked.world.messages[*at];
        message.channel == channel.id && message.ephemeral_to.is_none()
    });
    match found {
        Some(at) => Ok(at),
        None => refuse(UNKNOWN_MESSAGE),
    }
}

/// `GET /channels/{id}/messages/{message}`
pub(super) fn one(asked: &mut Asked) -> Outcome {
    let at = at(asked)?;
    readable(asked)?;
    let message = &asked.world.messages[at];
    Ok(payloads::message(asked.world, message, false))
}

fn readable(asked: &Asked) -> Result<(), Refused> {
    let channel = seen(asked, &asked.id(0))?;
    if asked.world.may(BOT, &channel) & READ_MESSAGE_HISTORY == 0 {
        return refuse(MISSING_PERMISSIONS);
    }
    Ok(())
}

/// `GET /channels/{id}/messages`, newest first, by `limit` (50, at most 100), `before`, `after`.
pub(super) fn list(asked: &mut Asked) -> Outcome {
    let channel = seen(asked, &asked.id(0))?.id;
    readable(asked)?;
    let number = |name: &str| asked.query(name).and_then(|text| text.parse::<u64>().ok());
    let limit = number("limit").unwrap_or(50);
    if !(1..=100).contains(&limit) {
        let mut problems = Problems::default();
        let message = "int value should be between 1 and 100.";
        problems.add("limit", "NUMBER_TYPE_MAX", message);
        asked.fine(&problems)?;
    }
    let (before, after) = (
        number("before").unwrap_or(u64::MAX),
        number("after").unwrap_or(0),
    );
    let fits = |one: &&Message| {
        let id: u64 = one.id.parse().unwrap_or(0);
        one.channel == channel
            && one.ephemeral_to.is_none()
            && !one.deleted
            && (after + 1..before).contains(&id)
    };
    let all = asked.world.messages.iter().rev().filter(fits);
    let page = all.take(usize::try_from(limit).unwrap_or(0));
    Ok(page
        .map(|message| payloads::message(asked.world, message, false))
        .collect())
}

/// `PATCH /channels/{id}/messages/{message}`: fields that are not named stay; nobody is pinged.
pub(super) fn edit(asked: &mut Asked) -> Outcome {
    let at = at(asked)?;
    if asked.world.messages[at].author != BOT {
        return refuse(NOT_THE_AUTHOR);
    }
    let (said, old) = (asked.body.clone(), asked.world.messages[at].body.clone());
    let body = read(asked, &said, "", &old)?;
    asked.world.edit(at, body);
    let message = &asked.world.messages[at];
    Ok(payloads::message(asked.world, message, false))
}

/// `DELETE /channels/{id}/messages/{message}`
pub(super) fn delete(asked: &mut Asked) -> Outcome {
    let at = at(asked)?;
    let message = &asked.world.messages[at];
    let channel = asked.world.channel(&message.channel);
    let may = channel.map_or(0, |channel| asked.world.may(BOT, channel));
    if message.author != BOT && may & MANAGE_MESSAGES == 0 {
        return refuse(MISSING_PERMISSIONS);
    }
    asked.world.delete(at);
    Ok(Value::Null)
}
