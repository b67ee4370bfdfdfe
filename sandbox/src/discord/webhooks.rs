//! What an interaction's token is good for after the first answer: changing it, and follow-ups.

use serde_json::Value;

use super::api::{
    Asked, INVALID_WEBHOOK_TOKEN, Outcome, Refused, UNKNOWN_MESSAGE, UNKNOWN_WEBHOOK, is_me, refuse,
};
use super::callbacks::{AUTOCOMPLETE, answer_message, pings};
use super::messages;
use super::payloads;
use super::world::{Answered, Body, EPHEMERAL, Interaction};

/// How long a token lives, in microseconds.
pub(super) const TOKEN_LIFE: i64 = 15 * 60 * 1_000_000;

/// The interaction of the path's token, if it was answered and is not too old.
fn interaction(asked: &Asked) -> Result<Interaction, Refused> {
    let (app, token) = (asked.id(0), asked.id(1));
    if !is_me(&app) {
        return refuse(UNKNOWN_WEBHOOK);
    }
    let found = asked
        .world
        .interactions
        .iter()
        .find(|one| one.token == token);
    let Some(found) = found.filter(|one| one.kind != AUTOCOMPLETE) else {
        return refuse(INVALID_WEBHOOK_TOKEN);
    };
    if asked.world.clock.now() - found.made >= TOKEN_LIFE {
        return refuse(INVALID_WEBHOOK_TOKEN);
    }
    if found.answered == Answered::No {
        return refuse(UNKNOWN_WEBHOOK);
    }
    Ok(found.clone())
}

/// Where the message of the path is: `@original`, or one that this token made.
fn at(asked: &Asked, interaction: &Interaction) -> Result<usize, Refused> {
    let id = asked.id(2);
    let original = interaction.original.clone();
    let wanted = if id == "@original" {
        original
    } else {
        Some(id)
    };
    let wanted = wanted.unwrap_or_default();
    let found = asked.world.message_at(&wanted).filter(|at| {
        let message = &asked.world.messages[*at];
        message.interaction.as_ref() == Some(&interaction.id)
            || interaction.original.as_ref() == Some(&message.id)
    });
    match found {
        Some(at) => Ok(at),
        None => refuse(UNKNOWN_MESSAGE),
    }
}

/// A deferred answer has been given, changed or taken away.
fn answered(asked: &mut Asked, interaction: &Interaction, at: usize) {
    let id = Some(asked.world.messages[at].id.clone());
    if let Some(one) = asked.world.interaction_mut(&interaction.id)
        && one.original == id
    {
        one.answered = Answered::Yes;
    }
}

/// `GET /webhooks/{app}/{token}/messages/{message}`
pub(super) fn show(asked: &mut Asked) -> Outcome {
    let interaction = interaction(asked)?;
    let at = at(asked, &interaction)?;
    let message = &asked.world.messages[at];
    Ok(payloads::message(asked.world, message, false))
}

/// `PATCH /webhooks/{app}/{token}/messages/{message}`
pub(super) fn edit(asked: &mut Asked) -> Outcome {
    let interaction = interaction(asked)?;
    let at = at(asked, &interaction)?;
    change(asked, &interaction, at)
}

/// Edits the message with the body; a deferred answer pings as a new message does.
fn change(asked: &mut Asked, interaction: &Interaction, at: usize) -> Outcome {
    let (said, old) = (asked.body.clone(), asked.world.messages[at].body.clone());
    let body = messages::read(asked, &said, "", &old)?;
    if asked.world.messages[at].loading {
        let mut message = asked.world.messages[at].clone();
        message.body = body.clone();
        pings(asked.world, &mut message, &said["allowed_mentions"]);
        asked.world.messages[at].mentions = message.mentions;
    }
    asked.world.edit(at, body);
    answered(asked, interaction, at);
    let message = &asked.world.messages[at];
    Ok(payloads::message(asked.world, message, false))
}

/// `DELETE /webhooks/{app}/{token}/messages/{message}`
pub(super) fn delete(asked: &mut Asked) -> Outcome {
    let interaction = interaction(asked)?;
    let at = at(asked, &interaction)?;
    answered(asked, &interaction, at);
    asked.world.delete(at);
    Ok(Value::Null)
}

/// `POST /webhooks/{app}/{token}`: one more message. Right after a deferral it is the deferred
/// answer instead, and its flags do not count.
pub(super) fn follow_up(asked: &mut Asked) -> Outcome {
    let interaction = interaction(asked)?;
    if interaction.answered == Answered::Deferred {
        let original = interaction.original.as_deref().unwrap_or_default();
        if let Some(at) = asked.world.message_at(original) {
            return change(asked, &interaction, at);
        }
    }
    let said = asked.body.clone();
    let ephemeral = said["flags"].as_u64().unwrap_or(0) & EPHEMERAL != 0;
    let body = messages::read(asked, &said, "", &Body::default())?;
    let mut message = answer_message(asked.world, &interaction, ephemeral);
    message.body = body;
    pings(asked.world, &mut message, &said["allowed_mentions"]);
    let at = asked.world.post(message);
    let message = &asked.world.messages[at];
    Ok(payloads::message(asked.world, message, true))
}
