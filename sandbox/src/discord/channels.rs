//! Channels, and direct messages that the bot opens.

use serde_json::Value;

use super::api::{
    Asked, DM_CLOSED, DMS_TOO_FAST, MISSING_ACCESS, Outcome, Refused, UNKNOWN_CHANNEL,
    UNKNOWN_USER, refuse,
};
use super::payloads;
use super::permissions::VIEW_CHANNEL;
use super::problems::Problems;
use super::rates::{DMS_MAX, DMS_WITHIN};
use super::world::{BOT, Channel};
use crate::chat::PersonKind;

/// A channel that the bot can see.
pub(super) fn seen(asked: &Asked, id: &str) -> Result<Channel, Refused> {
    let Some(channel) = asked.world.channel(id).cloned() else {
        return refuse(UNKNOWN_CHANNEL);
    };
    if asked.world.may(BOT, &channel) & VIEW_CHANNEL == 0 {
        return refuse(MISSING_ACCESS);
    }
    Ok(channel)
}

/// `GET /channels/{id}`
pub(super) fn channel(asked: &mut Asked) -> Outcome {
    let channel = seen(asked, &asked.id(0))?;
    Ok(payloads::channel(asked.world, &channel))
}

/// `POST /users/@me/channels`: whoever exists can be addressed; whether she takes a message is
/// found out by sending one.
pub(super) fn open_dm(asked: &mut Asked) -> Outcome {
    let recipient = &asked.body["recipient_id"];
    let id = match recipient {
        Value::Number(id) => id.to_string(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    if !id.bytes().all(|digit| digit.is_ascii_digit()) || id.is_empty() {
        let mut problems = Problems::default();
        let message = format!("Value {recipient} is not snowflake.");
        problems.add("recipient_id", "NUMBER_TYPE_COERCE", message);
        asked.fine(&problems)?;
    }
    match asked.world.person(&id) {
        _ if id == BOT => return refuse(DM_CLOSED),
        None => return refuse(UNKNOWN_USER),
        Some(person) if person.kind == PersonKind::Bot => return refuse(DM_CLOSED),
        Some(_) => {}
    }
    let known = asked.world.channels.iter();
    let mut known = known.filter(|one| one.dm.as_ref() == Some(&id));
    if known.next().is_none() && asked.world.rates.on {
        let now = asked.world.clock.now();
        let opened = asked.world.rates.recent("dms opened", DMS_WITHIN, now);
        if opened.len() >= DMS_MAX {
            return refuse(DMS_TOO_FAST);
        }
        opened.push(now);
    }
    let dm = asked.world.dm(&id);
    let channel = asked.world.channel(&dm);
    Ok(channel.map_or(Value::Null, |channel| {
        payloads::channel(asked.world, channel)
    }))
}
