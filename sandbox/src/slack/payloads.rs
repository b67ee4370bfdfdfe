//! The payloads that Slack sends, in its shapes.

use serde_json::{Map, Value, json};

use super::render::Clickable;
use super::world::{
    APP, BOT, BOT_USER, Message, PersonKind, PersonRow, ResponseUrl, Trigger, UserGroup, View,
    World,
};

/// A trigger that opens one view within 3 s.
pub(super) fn trigger(world: &mut World, user: &str, view: Option<&str>) -> String {
    let n = world.count("trigger");
    let id = format!("{n}.{}.sandbox", world.clock.seconds());
    let made = world.clock.now();
    let view = view.map(str::to_owned);
    let trigger = Trigger {
        user: user.to_owned(),
        view,
        made,
        used: false,
    };
    world.triggers.insert(id.clone(), trigger);
    id
}

/// A URL that answers five times within 30 minutes.
pub(super) fn response_url(
    world: &mut World,
    user: &str,
    channel: &str,
    origin: Option<&str>,
) -> String {
    let n = world.count("response_url").to_string();
    let made = world.clock.now();
    let url = ResponseUrl {
        user: user.to_owned(),
        channel: channel.to_owned(),
        made,
        uses: 0,
        origin: origin.map(str::to_owned),
    };
    let whole = format!("{}/respond/{n}", world.base);
    world.response_urls.insert(n, url);
    whole
}

pub(super) fn team_json(world: &World, id: &str) -> Value {
    let domain = world
        .team(id)
        .map_or("elsewhere", |team| team.domain.as_str());
    json!({ "id": id, "domain": domain })
}

fn user_json(person: &PersonRow) -> Value {
    json!({
        "id": person.id,
        "username": person.handle,
        "name": person.handle,
        "team_id": person.team,
    })
}

fn channel_name(world: &World, id: &str) -> String {
    match world.channel(id) {
        Some(channel) if channel.im.is_some() => "directmessage".to_owned(),
        Some(channel) if channel.kind.private => "privategroup".to_owned(),
        Some(channel) => channel.name.clone(),
        None => "unknown".to_owned(),
    }
}

/// A slash command; the text is already as Slack escapes it.
pub(super) fn command(
    world: &mut World,
    person: &PersonRow,
    channel: &str,
    words: (&str, &str),
) -> Value {
    let trigger = trigger(world, &person.id, None);
    let url = response_url(world, &person.id, channel, None);
    json!({
        "token": "deprecated",
        "team_id": person.team,
        "team_domain": team_json(world, &person.team)["domain"],
        "channel_id": channel,
        "channel_name": channel_name(world, channel),
        "user_id": person.id,
        "user_name": person.handle,
        "command": words.0,
        "text": words.1,
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "response_url": url,
        "trigger_id": trigger,
    })
}

/// A message as the API shows it.
pub(super) fn message_json(world: &World, message: &Message, with_metadata: bool) -> Value {
    let mut shown = json!({
        "type": "message",
        "user": BOT_USER,
        "bot_id": BOT,
        "app_id": APP,
        "ts": message.ts,
        "text": message.text,
        "blocks": message.blocks,
        "team": world.channel(&message.channel).map(|channel| channel.team.clone()),
    });
    if let Some(thread) = &message.thread_ts {
        shown["thread_ts"] = json!(thread);
    }
    if let Some(edited) = &message.edited {
        shown["edited"] = json!({ "user": BOT_USER, "ts": edited });
    }
    if !message.files.is_empty() {
        let shared = message.files.iter().filter_map(|id| {
            let file = world.files.iter().find(|file| file.id == *id)?;
            Some(json!({ "id": file.id, "name": file.name, "title": file.name }))
        });
        shown["files"] = shared.collect();
    }
    if let (Some(metadata), true) = (&message.metadata, with_metadata) {
        shown["metadata"] = metadata.clone();
    }
    shown
}

/// A view as the API and interactions show it.
pub(super) fn view_json(view: &View) -> Value {
    let mut shown = view.body.clone();
    let more = json!({
        "id": view.id,
        "team_id": view.team,
        "state": { "values": view.state },
        "hash": view.hash,
        "previous_view_id": view.previous,
        "root_view_id": view.root,
        "app_id": APP,
        "app_installed_team_id": view.team,
        "bot_id": BOT,
    });
    if let (Value::Object(shown), Value::Object(more)) = (&mut shown, more) {
        shown.extend(more);
        for (key, value) in [
            ("private_metadata", json!("")),
            ("callback_id", json!("")),
            ("external_id", json!("")),
            ("clear_on_close", json!(false)),
            ("notify_on_close", json!(false)),
        ] {
            shown.entry(key).or_insert(value);
        }
    }
    shown
}

fn interaction(world: &World, kind: &str, person: &PersonRow) -> Map<String, Value> {
    let payload = json!({
        "type": kind,
        "user": user_json(person),
        "team": team_json(world, &person.team),
        "api_app_id": APP,
        "token": "deprecated",
        "enterprise": null,
        "is_enterprise_install": false,
    });
    match payload {
        Value::Object(payload) => payload,
        _ => Map::new(),
    }
}

/// The action that a click makes.
pub(super) fn action(world: &mut World, click: &Clickable) -> Value {
    let mut action = json!({
        "type": click.element["type"],
        "action_id": click.element["action_id"],
        "block_id": click.block_id,
        "action_ts": world.next_ts(),
    });
    for key in ["text", "value", "style"] {
        if let Some(value) = click.element.get(key) {
            action[key] = value.clone();
        }
    }
    match (&click.option, click.element["type"].as_str()) {
        (Some(option), Some("checkboxes" | "multi_static_select")) => {
            action["selected_options"] = json!([option]);
        }
        (Some(option), _) => action["selected_option"] = option.clone(),
        (None, _) => {}
    }
    action
}

/// A click in a message, as it looked to who clicked.
pub(super) fn message_actions(
    world: &mut World,
    person: &PersonRow,
    message: &Message,
    click: &Clickable,
) -> Value {
    let action = action(world, click);
    let trigger = trigger(world, &person.id, None);
    let url = response_url(world, &person.id, &message.channel, Some(&message.ts));
    let ephemeral = message.ephemeral_to.is_some();
    let name = channel_name(world, &message.channel);
    let mut payload = interaction(world, "block_actions", person);
    payload.insert(
        "container".to_owned(),
        json!({
            "type": "message",
            "message_ts": message.ts,
            "channel_id": message.channel,
            "is_ephemeral": ephemeral,
        }),
    );
    payload.insert("trigger_id".to_owned(), json!(trigger));
    payload.insert(
        "channel".to_owned(),
        json!({ "id": message.channel, "name": name }),
    );
    if !ephemeral {
        payload.insert("message".to_owned(), message_json(world, message, true));
    }
    payload.insert("state".to_owned(), json!({ "values": {} }));
    payload.insert("response_url".to_owned(), json!(url));
    payload.insert("actions".to_owned(), json!([action]));
    Value::Object(payload)
}

/// A click in a modal or on the home tab.
pub(super) fn view_actions(
    world: &mut World,
    person: &PersonRow,
    view: &str,
    click: &Clickable,
) -> Value {
    let action = action(world, click);
    let trigger = trigger(world, &person.id, Some(view));
    let mut payload = interaction(world, "block_actions", person);
    payload.insert(
        "container".to_owned(),
        json!({ "type": "view", "view_id": view }),
    );
    payload.insert("trigger_id".to_owned(), json!(trigger));
    if let Some(view) = world.view(view) {
        payload.insert("view".to_owned(), view_json(view));
        payload.insert("state".to_owned(), json!({ "values": view.state }));
    }
    payload.insert("actions".to_owned(), json!([action]));
    Value::Object(payload)
}

/// A form that is sent (`view_submission`) or a modal that is closed (`view_closed`).
pub(super) fn view_event(world: &mut World, person: &PersonRow, view: &str, kind: &str) -> Value {
    let trigger = (kind == "view_submission").then(|| trigger(world, &person.id, Some(view)));
    let mut payload = interaction(world, kind, person);
    if let Some(view) = world.view(view) {
        payload.insert("view".to_owned(), view_json(view));
    }
    if let Some(trigger) = trigger {
        payload.insert("trigger_id".to_owned(), json!(trigger));
        payload.insert("response_urls".to_owned(), json!([]));
    } else {
        payload.insert("is_cleared".to_owned(), json!(false));
    }
    Value::Object(payload)
}

/// The envelope around an event of the Events API; the event gets its `event_ts`.
pub(super) fn event(world: &mut World, team: &str, mut event: Value) -> Value {
    event["event_ts"] = json!(world.next_ts());
    json!({
        "token": "deprecated",
        "team_id": team,
        "api_app_id": APP,
        "event": event,
        "type": "event_callback",
        "event_id": world.next("Ev"),
        "event_time": world.clock.seconds(),
        "authorizations": [{
            "enterprise_id": null,
            "team_id": team,
            "user_id": BOT_USER,
            "is_bot": true,
            "is_enterprise_install": false,
        }],
        "is_ext_shared_channel": false,
        "event_context": "4-sandbox",
    })
}

/// A person as `users.info` and user events show her.
pub(super) fn person_json(person: &PersonRow) -> Value {
    use PersonKind::{Admin, Bot, Guest, Owner, PrimaryOwner, Stranger};
    let kind = person.kind;
    let active = !person.deleted;
    let mut shown = json!({
        "id": person.id,
        "team_id": person.team,
        "name": person.handle,
        "real_name": person.handle,
        "deleted": person.deleted,
        "color": "9f69e7",
        "tz": "Etc/UTC",
        "tz_label": "UTC",
        "tz_offset": 0,
        "profile": {
            "real_name": person.handle,
            "display_name": person.handle,
            "real_name_normalized": person.handle,
            "display_name_normalized": person.handle,
            "team": person.team,
        },
        "is_admin": active && matches!(kind, Admin | Owner | PrimaryOwner),
        "is_owner": active && matches!(kind, Owner | PrimaryOwner),
        "is_primary_owner": active && kind == PrimaryOwner,
        "is_restricted": kind == Guest,
        "is_ultra_restricted": false,
        "is_bot": kind == Bot,
        "is_app_user": false,
        "updated": 1_700_000_000,
    });
    if kind == Stranger {
        shown["is_stranger"] = json!(true);
    }
    shown
}

pub(super) fn channel_json(world: &World, id: &str) -> Value {
    let Some(channel) = world.channel(id) else {
        return Value::Null;
    };
    if let Some(user) = &channel.im {
        return json!({
            "id": channel.id,
            "created": 1_700_000_000,
            "is_im": true,
            "is_org_shared": false,
            "is_archived": channel.archived,
            "user": user,
            "is_user_deleted": world.person(user).is_some_and(|person| person.deleted),
            "priority": 0,
        });
    }
    json!({
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "created": 1_700_000_000,
        "creator": world.people.first().map(|person| person.id.clone()),
        "is_channel": !channel.kind.private,
        "is_group": channel.kind.private,
        "is_im": false,
        "is_mpim": false,
        "is_private": channel.kind.private,
        "is_archived": channel.archived,
        "is_general": channel.name == "general",
        "is_shared": channel.kind.ext_shared,
        "is_ext_shared": channel.kind.ext_shared,
        "is_org_shared": false,
        "is_member": channel.members.contains(BOT_USER),
        "num_members": channel.members.len(),
        "topic": { "value": "", "creator": "", "last_set": 0 },
        "purpose": { "value": "", "creator": "", "last_set": 0 },
        "context_team_id": channel.team,
    })
}

pub(super) fn usergroup_json(group: &UserGroup, creator: &str, with_users: bool) -> Value {
    let mut shown = json!({
        "id": group.id,
        "team_id": group.team,
        "is_usergroup": true,
        "is_subteam": true,
        "name": group.handle,
        "description": "",
        "handle": group.handle,
        "is_external": false,
        "date_create": 1_700_000_000,
        "date_update": 1_700_000_000,
        "date_delete": 0,
        "created_by": creator,
        "updated_by": creator,
        "prefs": { "channels": [], "groups": [] },
        "user_count": group.users.len(),
        "channel_count": 0,
    });
    if with_users {
        shown["users"] = json!(group.users);
    }
    shown
}
