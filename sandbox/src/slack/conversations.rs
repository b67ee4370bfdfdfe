//! The `conversations.*` methods.

use serde_json::{Value, json};

use super::api::{Asked, Outcome, Refused, refuse};
use super::payloads::{channel_json, message_json};
use super::world::{BOT_USER, PersonKind};

/// The scope that reading (`read`) or looking back (`history`) needs in a conversation.
fn needs(asked: &Asked, id: &str, what: &str) -> Result<(), Refused> {
    let group = match asked.world.channel(id) {
        Some(channel) if channel.im.is_some() => "im",
        Some(channel) if channel.kind.private => "groups",
        _ => "channels",
    };
    asked.scope(&format!("{group}:{what}"))
}

/// The conversation of the argument `channel`, if the bot can know of it.
fn known(asked: &Asked) -> Result<String, Refused> {
    let id = asked.needed("channel")?;
    match asked.world.channel(&id) {
        Some(channel) if channel.team != asked.team => refuse("channel_not_found"),
        Some(channel) if channel.kind.private && !channel.members.contains(BOT_USER) => {
            refuse("channel_not_found")
        }
        Some(_) => Ok(id),
        None => refuse("channel_not_found"),
    }
}

pub(super) fn open(asked: &mut Asked) -> Outcome {
    let users = match asked.arguments.get("users") {
        Some(Value::Array(users)) => {
            asked.violation("users is an array; it must be comma-separated text");
            users
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(",")
        }
        _ => asked.text("users").unwrap_or_default(),
    };
    if users.is_empty() {
        return refuse("users_list_not_supplied");
    }
    if users.contains(',') {
        return refuse("too_many_users");
    }
    match asked.world.person(&users) {
        None => return refuse("user_not_found"),
        Some(person) if person.deleted => return refuse("user_disabled"),
        Some(person) if person.kind == PersonKind::Bot => return refuse("cannot_dm_bot"),
        Some(person) if person.team != asked.team => return refuse("user_not_visible"),
        Some(_) => {}
    }
    let id = asked.world.dm(&users);
    let channel = if asked.flag("return_im") {
        channel_json(asked.world, &id)
    } else {
        json!({ "id": id })
    };
    Ok(json!({ "channel": channel }))
}

pub(super) fn info(asked: &mut Asked) -> Outcome {
    let id = known(asked)?;
    needs(asked, &id, "read")?;
    Ok(json!({ "channel": channel_json(asked.world, &id) }))
}

pub(super) fn list(asked: &mut Asked) -> Outcome {
    let types = asked
        .text("types")
        .unwrap_or_else(|| "public_channel".to_owned());
    let types: Vec<&str> = types.split(',').map(str::trim).collect();
    for (kind, scope) in [
        ("public_channel", "channels:read"),
        ("private_channel", "groups:read"),
        ("im", "im:read"),
    ] {
        if types.contains(&kind) {
            asked.scope(scope)?;
        }
    }
    let without_archived = asked.flag("exclude_archived");
    let listed: Vec<Value> = asked
        .world
        .channels
        .iter()
        .filter(|channel| channel.team == asked.team && !(channel.archived && without_archived))
        .filter(|channel| match (&channel.im, channel.kind.private) {
            (Some(_), _) => types.contains(&"im"),
            (None, true) => {
                types.contains(&"private_channel") && channel.members.contains(BOT_USER)
            }
            (None, false) => types.contains(&"public_channel"),
        })
        .map(|channel| channel_json(asked.world, &channel.id))
        .collect();
    let (channels, next) = asked.page(listed, 999)?;
    Ok(json!({ "channels": channels, "response_metadata": { "next_cursor": next } }))
}

pub(super) fn members(asked: &mut Asked) -> Outcome {
    let id = known(asked)?;
    needs(asked, &id, "read")?;
    let members = asked
        .world
        .channel(&id)
        .map(|channel| channel.members.clone());
    let (members, next) = asked.page(members.into_iter().flatten().collect(), 1000)?;
    Ok(json!({ "members": members, "response_metadata": { "next_cursor": next } }))
}

pub(super) fn history(asked: &mut Asked) -> Outcome {
    found(asked, None)
}

pub(super) fn replies(asked: &mut Asked) -> Outcome {
    let thread = asked.needed("ts")?;
    found(asked, Some(&thread))
}

/// Messages newest first (a thread: oldest first), ephemeral ones excepted.
fn found(asked: &mut Asked, thread: Option<&str>) -> Outcome {
    let id = known(asked)?;
    needs(asked, &id, "history")?;
    let channel = asked.world.channel(&id);
    if channel.is_some_and(|channel| !channel.members.contains(BOT_USER)) {
        return refuse("not_in_channel");
    }
    let (oldest, latest) = (asked.text("oldest"), asked.text("latest"));
    let inclusive = asked.flag("inclusive");
    let with_metadata = asked.flag("include_all_metadata");
    let within = |ts: &String| {
        let after = oldest
            .as_ref()
            .is_none_or(|from| ts > from || (inclusive && ts == from));
        let before = latest
            .as_ref()
            .is_none_or(|to| ts < to || (inclusive && ts == to));
        after && before
    };
    let mut messages: Vec<Value> = asked
        .world
        .messages
        .iter()
        .filter(|one| one.channel == id && !one.deleted && one.ephemeral_to.is_none())
        .filter(|one| match thread {
            Some(thread) => one.ts == thread || one.thread_ts.as_deref() == Some(thread),
            None => one
                .thread_ts
                .as_ref()
                .is_none_or(|thread| *thread == one.ts),
        })
        .filter(|one| within(&one.ts))
        .map(|one| message_json(asked.world, one, with_metadata))
        .collect();
    if thread.is_some() && messages.is_empty() {
        return refuse("thread_not_found");
    }
    if thread.is_none() {
        messages.reverse();
    }
    let (messages, next) = asked.page(messages, 999)?;
    Ok(json!({
        "messages": messages,
        "has_more": !next.is_empty(),
        "response_metadata": { "next_cursor": next },
    }))
}
