//! The first answer to an interaction, by REST or as the answer to a signed delivery.

use serde_json::{Value, json};

use super::api::{ALREADY_ACKNOWLEDGED, Asked, Outcome, Refused, UNKNOWN_INTERACTION, refuse};
use super::forms;
use super::limits;
use super::messages;
use super::payloads;
use super::problems::Problems;
use super::world::{
    Answered, Body, EPHEMERAL, Holder, Interaction, LOADING, Message, Modal, World, items, with_ids,
};
use crate::chat::Change;

/// How long an interaction waits for its first answer, in microseconds.
pub(super) const FIRST_ANSWER: i64 = 3 * 1_000_000;

pub(super) const COMMAND: u64 = 2;
pub(super) const COMPONENT: u64 = 3;
pub(super) const AUTOCOMPLETE: u64 = 4;
pub(super) const MODAL_SUBMIT: u64 = 5;

const MESSAGE: u64 = 4;
const DEFERRED_MESSAGE: u64 = 5;
const DEFERRED_UPDATE: u64 = 6;
const UPDATE: u64 = 7;
const CHOICES: u64 = 8;
const MODAL: u64 = 9;

/// `POST /interactions/{id}/{token}/callback`; 204, or what it made with `with_response=true`.
pub(super) fn callback(asked: &mut Asked) -> Outcome {
    let (id, token) = (asked.id(0), asked.id(1));
    let known = asked.world.interactions.iter();
    let mut known = known.filter(|one| one.id == id && one.token == token);
    let Some(interaction) = known.next().cloned() else {
        return refuse(UNKNOWN_INTERACTION);
    };
    first_answer(asked, &interaction)?;
    if asked.query("with_response") == Some("true") {
        return Ok(made(asked.world, &id));
    }
    Ok(Value::Null)
}

/// Takes the first answer in `asked.body`.
pub(super) fn first_answer(asked: &mut Asked, interaction: &Interaction) -> Result<(), Refused> {
    if interaction.answered != Answered::No {
        return refuse(ALREADY_ACKNOWLEDGED);
    }
    if asked.world.clock.now() - interaction.made >= FIRST_ANSWER {
        asked.world.lapse(&interaction.id);
        return refuse(UNKNOWN_INTERACTION);
    }
    let answer = asked.body.clone();
    let kind = checked_kind(asked, interaction, &answer["type"])?;
    let data = &answer["data"];
    let (original, answered) = match kind {
        MESSAGE | DEFERRED_MESSAGE => {
            let at = answer_with_message(asked, interaction, (kind, data))?;
            let loading = asked.world.messages[at].loading;
            let answered = if loading {
                Answered::Deferred
            } else {
                Answered::Yes
            };
            (Some(asked.world.messages[at].id.clone()), answered)
        }
        DEFERRED_UPDATE => (interaction.source.clone(), Answered::Yes),
        UPDATE => {
            let source = interaction.source.as_deref().unwrap_or_default();
            if let Some(at) = asked.world.message_at(source) {
                let old = asked.world.messages[at].body.clone();
                let body = messages::read(asked, data, "data.", &old)?;
                asked.world.edit(at, body);
            }
            (interaction.source.clone(), Answered::Yes)
        }
        CHOICES => {
            let mut problems = Problems::default();
            limits::check_choices(data, &mut problems);
            asked.fine(&problems)?;
            let choices = items(&data["choices"]).to_vec();
            if let Some(one) = asked.world.interaction_mut(&interaction.id) {
                one.choices = Some(choices);
            }
            (None, Answered::Yes)
        }
        _ => {
            open_modal(asked, interaction, data)?;
            (None, Answered::Yes)
        }
    };
    if let Some(one) = asked.world.interaction_mut(&interaction.id) {
        (one.answered, one.original) = (answered, original);
    }
    if let Some(modal) = &interaction.modal {
        asked.world.close_modal(modal);
    }
    Ok(())
}

/// Which sorts of answers a sort of interaction takes. A modal cannot follow a modal; only a
/// message's own components, and modals that they opened, can change it.
fn checked_kind(asked: &Asked, interaction: &Interaction, kind: &Value) -> Result<u64, Refused> {
    let on_message = interaction.source.is_some();
    let allowed: &[u64] = match interaction.kind {
        AUTOCOMPLETE => &[CHOICES],
        COMPONENT => &[MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE, MODAL],
        MODAL_SUBMIT if on_message => &[MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE],
        MODAL_SUBMIT => &[MESSAGE, DEFERRED_MESSAGE],
        _ => &[MESSAGE, DEFERRED_MESSAGE, MODAL],
    };
    if let Some(kind) = kind.as_u64().filter(|kind| allowed.contains(kind)) {
        return Ok(kind);
    }
    let names: Vec<String> = allowed.iter().map(u64::to_string).collect();
    let mut problems = Problems::default();
    let message = format!("Value must be one of {{{}}}.", names.join(", "));
    problems.add("type", "BASE_TYPE_CHOICES", message);
    asked.fine(&problems)?;
    Ok(0)
}

/// A message as the first answer, or one that says "thinking…" till it is edited. Whether only its
/// person sees it is fixed by this.
fn answer_with_message(
    asked: &mut Asked,
    interaction: &Interaction,
    (kind, data): (u64, &Value),
) -> Result<usize, Refused> {
    let ephemeral = data["flags"].as_u64().unwrap_or(0) & EPHEMERAL;
    let loading = kind == DEFERRED_MESSAGE;
    let mut message = answer_message(asked.world, interaction, ephemeral != 0);
    if loading {
        message.flags |= LOADING;
        message.loading = true;
    } else {
        message.body = messages::read(asked, data, "data.", &Body::default())?;
        pings(asked.world, &mut message, &data["allowed_mentions"]);
    }
    Ok(asked.world.post(message))
}

/// An empty message that answers an interaction.
pub(super) fn answer_message(
    world: &mut World,
    interaction: &Interaction,
    ephemeral: bool,
) -> Message {
    let mut message = messages::blank(world, &interaction.channel);
    message.interaction = Some(interaction.id.clone());
    if ephemeral {
        message.flags |= EPHEMERAL;
        message.ephemeral_to = Some(interaction.user.clone());
    }
    message
}

/// Whom an answer pings; one that only its person sees pings nobody.
pub(super) fn pings(world: &mut World, message: &mut Message, allowed: &Value) {
    if message.ephemeral_to.is_some() {
        return;
    }
    if let Some(channel) = world.channel(&message.channel).cloned() {
        message.mentions = messages::ping(world, &channel, &message.body, allowed);
    }
}

fn open_modal(asked: &mut Asked, interaction: &Interaction, data: &Value) -> Result<(), Refused> {
    let mut problems = Problems::default();
    limits::check_modal(data, &mut problems);
    asked.fine(&problems)?;
    let world = &mut *asked.world;
    let mut body = data.clone();
    body["components"] = json!(with_ids(items(&data["components"])));
    let id = world.next_id();
    let others = world.modals.iter_mut();
    for other in others.filter(|modal| modal.user == interaction.user) {
        other.open = false;
    }
    world.modals.push(Modal {
        id: id.clone(),
        user: interaction.user.clone(),
        guild: interaction.guild.clone(),
        channel: interaction.channel.clone(),
        values: forms::first_values(&body),
        body,
        source: interaction.source.clone(),
        open: true,
    });
    world.show_modal(&id, Change::New);
    Ok(())
}

/// The body of a callback that was asked for its response.
fn made(world: &World, id: &str) -> Value {
    let Some(interaction) = world.interactions.iter().find(|one| one.id == id) else {
        return Value::Null;
    };
    let original = interaction.original.as_deref();
    let original = original.and_then(|id| world.message_at(id));
    let message = original.map(|at| &world.messages[at]);
    let mut shown = json!({ "interaction": { "id": id, "type": interaction.kind } });
    if let Some(message) = message {
        shown["interaction"]["response_message_id"] = json!(message.id);
        shown["interaction"]["response_message_loading"] = json!(message.loading);
        shown["interaction"]["response_message_ephemeral"] = json!(message.ephemeral_to.is_some());
        let updated = interaction.source == interaction.original;
        shown["resource"] = json!({
            "type": if updated { UPDATE } else { MESSAGE },
            "message": payloads::message(world, message, true),
        });
    }
    shown
}

impl World {
    pub fn close_modal(&mut self, id: &str) {
        let open = self.modals.iter().any(|modal| modal.id == id && modal.open);
        if open {
            self.show_modal(id, Change::Deleted);
        }
        if let Some(modal) = self.modal_mut(id) {
            modal.open = false;
        }
    }

    /// Nothing answered an interaction in time: its person is told so, once.
    pub fn lapse(&mut self, id: &str) {
        let Some(one) = self.interaction_mut(id) else {
            return;
        };
        if std::mem::replace(&mut one.lapsed, true) {
            return;
        }
        let (user, channel, kind) = (one.user.clone(), one.channel.clone(), one.kind);
        match kind {
            COMMAND => self.notice(&user, &channel, "The application did not respond"),
            COMPONENT => self.notice(&user, &channel, "This interaction failed"),
            MODAL_SUBMIT => self.notice(&user, &channel, "Something went wrong. Try again."),
            _ => {}
        }
    }

    /// The same for everything that was only told to sessions which are over.
    pub fn lapse_orphans(&mut self) {
        let lost = |one: &&Interaction| {
            let held = one.holders.iter().any(|holder| match holder {
                Holder::Session(id) => self.is_live(id),
                Holder::Endpoint(_) => true,
            });
            one.answered == Answered::No && !held
        };
        let lost = self.interactions.iter().filter(lost);
        for id in lost.map(|one| one.id.clone()).collect::<Vec<_>>() {
            self.lapse(&id);
        }
    }
}
