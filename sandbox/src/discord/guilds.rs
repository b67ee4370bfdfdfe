//! Guilds, their members, roles and channels, as the bot may read them.

use serde_json::{Value, json};

use super::api::{
    Asked, MISSING_ACCESS, Outcome, Refused, UNKNOWN_GUILD, UNKNOWN_MEMBER, UNKNOWN_USER, is_me,
    refuse,
};
use super::gateway::GUILD_MEMBERS;
use super::payloads;
use super::permissions;
use super::place;
use super::world::{BOT, Guild};

/// The guild of the path; one that the bot is not in is unknown to it.
fn here<'a>(asked: &'a Asked) -> Result<&'a Guild, Refused> {
    match asked.world.joined(&asked.id(0)) {
        Some(guild) if !guild.out => Ok(guild),
        _ => refuse(UNKNOWN_GUILD),
    }
}

/// `GET /guilds/{id}`
pub(super) fn guild(asked: &mut Asked) -> Outcome {
    let guild = here(asked)?;
    let mut shown = payloads::guild(guild);
    if asked.query("with_counts") == Some("true") {
        shown["approximate_member_count"] = json!(guild.members.len());
        shown["approximate_presence_count"] = json!(guild.members.len());
    }
    Ok(shown)
}

/// `GET /guilds/{id}/channels`
pub(super) fn channels(asked: &mut Asked) -> Outcome {
    let guild = here(asked)?;
    let all = asked.world.channels.iter();
    let all = all.filter(|channel| channel.guild.as_ref() == Some(&guild.id));
    Ok(all
        .map(|channel| payloads::channel(asked.world, channel))
        .collect())
}

/// `GET /guilds/{id}/roles`
pub(super) fn roles(asked: &mut Asked) -> Outcome {
    Ok(here(asked)?.roles.iter().map(payloads::role).collect())
}

/// `GET /guilds/{id}/members/{user}`
pub(super) fn member(asked: &mut Asked) -> Outcome {
    let guild = here(asked)?;
    let id = asked.id(1);
    if id != BOT && asked.world.person(&id).is_none() {
        return refuse(UNKNOWN_USER);
    }
    match guild.member(&id) {
        Some(member) => Ok(payloads::member(asked.world, member)),
        None => refuse(UNKNOWN_MEMBER),
    }
}

/// `GET /guilds/{id}/members`, by `limit` (1, at most 1000) and `after`; only with the privileged
/// intent switched on for the application.
pub(super) fn members(asked: &mut Asked) -> Outcome {
    let guild = here(asked)?;
    if asked.world.enabled_intents & GUILD_MEMBERS == 0 {
        return refuse(MISSING_ACCESS);
    }
    let number = |name: &str| asked.query(name).and_then(|text| text.parse::<u64>().ok());
    let after = number("after").unwrap_or(0);
    let limit = usize::try_from(number("limit").unwrap_or(1).clamp(1, 1000)).unwrap_or(1);
    let mut all: Vec<(u64, Value)> = guild
        .members
        .iter()
        .map(|one| {
            let id = one.user.parse().unwrap_or(0);
            (id, payloads::member(asked.world, one))
        })
        .collect();
    all.sort_by_key(|(id, _)| *id);
    let page = all.into_iter().filter(|(id, _)| *id > after).take(limit);
    Ok(page.map(|(_, member)| member).collect())
}

/// `GET /users/{id}`
pub(super) fn user(asked: &mut Asked) -> Outcome {
    let id = asked.id(0);
    if is_me(&id) || asked.world.person(&id).is_some() {
        return Ok(payloads::user(asked.world, &id));
    }
    refuse(UNKNOWN_USER)
}

/// `GET /users/@me/guilds`
#[expect(clippy::unnecessary_wraps, reason = "all have the shape of the table")]
pub(super) fn mine(asked: &mut Asked) -> Outcome {
    let mine = asked.world.guilds.iter().filter(|guild| guild.with_bot);
    let shown = mine.map(|guild| {
        json!({
            "id": guild.id,
            "name": guild.name,
            "icon": null,
            "banner": null,
            "owner": false,
            "permissions": permissions::of(guild, None, BOT).to_string(),
            "features": [],
        })
    });
    Ok(shown.collect())
}

/// `DELETE /users/@me/guilds/{id}`: the bot leaves.
pub(super) fn leave(asked: &mut Asked) -> Outcome {
    let id = here(asked)?.id.clone();
    place::remove_bot_from(asked.world, &id);
    Ok(Value::Null)
}
