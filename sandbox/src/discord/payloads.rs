//! The JSON that Discord shows of its world.

use serde_json::{Map, Value, json};

use super::permissions;
use super::world::{APP, BOT, BOT_HANDLE, Channel, EPHEMERAL, Guild, Member, Message, Role, World};
use crate::chat::PersonKind;

/// `2023-11-14T22:13:20.000000+00:00` of microseconds since 1970.
pub(super) fn moment(micros: i64) -> String {
    let time = chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default();
    time.to_rfc3339_opts(chrono::SecondsFormat::Micros, false)
}

pub(super) fn user(world: &World, id: &str) -> Value {
    let bot = id == BOT
        || world
            .person(id)
            .is_some_and(|person| person.kind == PersonKind::Bot);
    let name = world.handle(id);
    let mut user = json!({
        "id": id,
        "username": name,
        "global_name": if bot { Value::Null } else { json!(name) },
        "discriminator": if bot { "1000" } else { "0" },
        "avatar": null,
        "avatar_decoration_data": null,
        "banner": null,
        "accent_color": null,
        "collectibles": null,
        "primary_guild": null,
        "public_flags": 0,
        "flags": 0,
    });
    if bot {
        user["bot"] = json!(true);
    }
    user
}

/// The bot's own user, as only it sees it.
pub(super) fn me(world: &World) -> Value {
    let mut me = user(world, BOT);
    for (name, value) in [
        ("mfa_enabled", json!(false)),
        ("verified", json!(true)),
        ("locale", json!("en-US")),
        ("email", Value::Null),
        ("bio", json!("")),
    ] {
        me[name] = value;
    }
    me
}

pub(super) fn application(world: &World) -> Value {
    let owner = world.guilds.first().map(|guild| guild.owner.clone());
    json!({
        "id": APP,
        "name": BOT_HANDLE,
        "icon": null,
        "description": "",
        "type": null,
        "verify_key": world.verify_key,
        "flags": 0,
        "flags_new": "0",
        "bot": user(world, BOT),
        "bot_public": true,
        "bot_require_code_grant": false,
        "redirect_uris": [],
        "interactions_endpoint_url": world.endpoint,
        "role_connections_verification_url": null,
        "owner": user(world, &owner.unwrap_or_default()),
        "approximate_guild_count": world.guilds.iter().filter(|guild| guild.with_bot).count(),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": null,
        "eligible_oauth2_scopes": [],
        "integration_types_config": { "0": {} },
    })
}

/// A member without her user, as in `resolved`.
pub(super) fn partial_member(member: &Member) -> Value {
    const IS_GUEST: u64 = 1 << 4;
    json!({
        "roles": member.roles,
        "nick": null,
        "avatar": null,
        "banner": null,
        "joined_at": moment(member.joined),
        "premium_since": null,
        "communication_disabled_until": null,
        "unusual_dm_activity_until": null,
        "pending": false,
        "flags": if member.guest { IS_GUEST } else { 0 },
    })
}

pub(super) fn member(world: &World, one: &Member) -> Value {
    let mut shown = partial_member(one);
    shown["user"] = user(world, &one.user);
    shown["deaf"] = json!(false);
    shown["mute"] = json!(false);
    shown
}

pub(super) fn role(role: &Role) -> Value {
    let mut shown = json!({
        "id": role.id,
        "name": role.name,
        "permissions": role.permissions.to_string(),
        "position": role.position,
        "color": 0,
        "colors": { "primary_color": 0, "secondary_color": null, "tertiary_color": null },
        "hoist": false,
        "managed": role.managed,
        "mentionable": false,
        "icon": null,
        "unicode_emoji": null,
        "flags": 0,
    });
    if role.managed {
        shown["tags"] = json!({ "bot_id": BOT });
    }
    shown
}

pub(super) fn channel(world: &World, channel: &Channel) -> Value {
    let newest = world.messages.iter().rev().find(|one| {
        one.channel == channel.id && one.ephemeral_to.is_none() && !one.loading && !one.deleted
    });
    let newest = newest.map(|message| &message.id);
    if let Some(other) = &channel.dm {
        return json!({
            "id": channel.id,
            "type": 1,
            "flags": 0,
            "last_message_id": newest,
            "recipients": [user(world, other)],
        });
    }
    let overwrites = channel.overwrites.iter().map(|one| {
        json!({
            "id": one.id,
            "type": u8::from(one.of_member),
            "allow": one.allow.to_string(),
            "deny": one.deny.to_string(),
        })
    });
    json!({
        "id": channel.id,
        "type": 0,
        "guild_id": channel.guild,
        "name": channel.name,
        "topic": null,
        "position": channel.position,
        "parent_id": null,
        "nsfw": false,
        "rate_limit_per_user": 0,
        "flags": 0,
        "last_message_id": newest,
        "permission_overwrites": overwrites.collect::<Vec<_>>(),
    })
}

/// A channel as an interaction shows it, with what `user` may do there.
pub(super) fn partial_channel(world: &World, channel: &Channel, user: &str) -> Value {
    let mut shown = self::channel(world, channel);
    if let (Some(shown), None) = (shown.as_object_mut(), &channel.dm) {
        shown.remove("permission_overwrites");
        let may = world.may(user, channel).to_string();
        shown.insert("permissions".to_owned(), json!(may));
    }
    shown
}

pub(super) fn guild(guild: &Guild) -> Value {
    json!({
        "id": guild.id,
        "name": guild.name,
        "icon": null,
        "icon_hash": null,
        "description": null,
        "home_header": null,
        "splash": null,
        "discovery_splash": null,
        "features": [],
        "banner": null,
        "owner_id": guild.owner,
        "application_id": null,
        "region": "deprecated",
        "afk_channel_id": null,
        "afk_timeout": 300,
        "system_channel_id": null,
        "system_channel_flags": 0,
        "widget_enabled": false,
        "widget_channel_id": null,
        "verification_level": 0,
        "roles": guild.roles.iter().map(role).collect::<Vec<_>>(),
        "default_message_notifications": 0,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_presences": null,
        "max_members": 500_000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "vanity_url_code": null,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": "en-US",
        "rules_channel_id": null,
        "safety_alerts_channel_id": null,
        "public_updates_channel_id": null,
        "premium_progress_bar_enabled": false,
        "nsfw": false,
        "nsfw_level": 0,
        "emojis": [],
        "stickers": [],
        "incidents_data": null,
    })
}

/// What `GUILD_CREATE` adds; members only those that the session may hear of.
pub(super) fn whole_guild(world: &World, one: &Guild, all_members: bool) -> Value {
    let members = one
        .members
        .iter()
        .filter(|member| all_members || member.user == BOT);
    let here = |channel: &&Channel| channel.guild.as_ref() == Some(&one.id);
    let channels = world.channels.iter().filter(here);
    let mut whole = guild(one);
    for (name, value) in [
        ("joined_at", json!(moment(joined(one)))),
        ("large", json!(false)),
        ("unavailable", json!(false)),
        ("member_count", json!(one.members.len())),
        ("voice_states", json!([])),
        ("members", members.map(|one| member(world, one)).collect()),
        (
            "channels",
            channels.map(|one| channel(world, one)).collect(),
        ),
        ("threads", json!([])),
        ("presences", json!([])),
        ("stage_instances", json!([])),
        ("guild_scheduled_events", json!([])),
        ("soundboard_sounds", json!([])),
    ] {
        whole[name] = value;
    }
    whole
}

fn joined(guild: &Guild) -> i64 {
    guild.member(BOT).map_or(0, |member| member.joined)
}

/// A message. Its nonce is shown when it is made, and never again.
pub(super) fn message(world: &World, one: &Message, just_made: bool) -> Value {
    let users = one.mentions.0.iter().map(|id| user(world, id));
    let mut shown = json!({
        "id": one.id,
        "type": if one.interaction.is_some() { 20 } else { 0 },
        "channel_id": one.channel,
        "author": user(world, &one.author),
        "content": one.body.content,
        "timestamp": moment(one.made),
        "edited_timestamp": one.edited.map(moment),
        "tts": false,
        "mention_everyone": false,
        "mentions": users.collect::<Vec<_>>(),
        "mention_roles": one.mentions.1,
        "attachments": one.body.attachments,
        "embeds": one.body.embeds,
        "components": one.body.components,
        "pinned": false,
        "flags": one.flags,
    });
    if one.author == BOT && one.interaction.is_some() {
        shown["application_id"] = json!(APP);
        shown["webhook_id"] = json!(APP);
    }
    if let (true, Some(nonce)) = (just_made, &one.nonce) {
        shown["nonce"] = nonce.clone();
    }
    debug_assert_eq!(one.flags & EPHEMERAL != 0, one.ephemeral_to.is_some());
    shown
}

/// What every interaction has: who acted, where, and what the app may do there.
pub(super) fn interaction(
    world: &World,
    (id, token, kind): (&str, &str, u64),
    (who, guild, place): (&str, Option<&str>, &str),
    data: &Value,
) -> Value {
    let channel = world.channel(place);
    let app_may = channel.map_or(0, |channel| world.may(BOT, channel));
    let mut shown = json!({
        "id": id,
        "application_id": APP,
        "type": kind,
        "token": token,
        "version": 1,
        "data": data,
        "channel_id": place,
        "channel": channel.map(|channel| partial_channel(world, channel, who)),
        "app_permissions": app_may.to_string(),
        "locale": "en-US",
        "entitlements": [],
        "authorizing_integration_owners": { "0": guild.unwrap_or("0") },
        "context": u8::from(guild.is_none()),
        "attachment_size_limit": 10_485_760,
    });
    let Some(id) = guild else {
        shown["user"] = user(world, who);
        return shown;
    };
    shown["guild_id"] = json!(id);
    shown["guild_locale"] = json!("en-US");
    shown["guild"] = json!({ "id": id, "locale": "en-US", "features": [] });
    shown["member"] = interaction_member(world, id, who, channel);
    shown
}

/// Somebody as a member, with what she may do; she may have left a moment ago.
fn interaction_member(world: &World, guild: &str, who: &str, place: Option<&Channel>) -> Value {
    let gone = Member {
        user: who.to_owned(),
        roles: Vec::new(),
        guest: false,
        joined: 0,
    };
    let guild = world.guild(guild);
    let found = guild.and_then(|guild| guild.member(who)).unwrap_or(&gone);
    let may = guild.map_or(0, |guild| permissions::of(guild, place, who));
    let mut shown = member(world, found);
    shown["permissions"] = json!(may.to_string());
    shown
}

/// What an id in `resolved` stands for.
#[derive(Default)]
pub(super) struct Resolved {
    all: Map<String, Value>,
}

impl Resolved {
    fn put(&mut self, kind: &str, id: &str, value: Value) {
        let kind = self.all.entry(kind.to_owned()).or_insert_with(|| json!({}));
        kind[id] = value;
    }

    pub fn user(&mut self, world: &World, guild: Option<&str>, id: &str) {
        self.put("users", id, user(world, id));
        let guild = guild.and_then(|guild| world.guild(guild));
        if let Some(member) = guild.and_then(|guild| guild.member(id)) {
            let mut shown = partial_member(member);
            let may = guild.map_or(0, |guild| permissions::of(guild, None, id));
            shown["permissions"] = json!(may.to_string());
            self.put("members", id, shown);
        }
    }

    pub fn role(&mut self, found: &Role) {
        self.put("roles", &found.id, role(found));
    }

    pub fn channel(&mut self, world: &World, found: &Channel, user: &str) {
        self.put("channels", &found.id, partial_channel(world, found, user));
    }

    /// `None` if nothing needed resolving.
    pub fn json(self) -> Option<Value> {
        (!self.all.is_empty()).then_some(Value::Object(self.all))
    }
}
