//! How what a person does reaches the bot: over the gateway, or to its HTTP endpoint.

use serde_json::Value;

use super::callbacks::FIRST_ANSWER;
use super::webhooks::TOKEN_LIFE;
use super::world::{Answered, Holder, Interaction, Message, World};
use super::{Discord, delivery, payloads};

/// Something that a person did.
pub(super) struct Act {
    /// 2 command, 3 component, 4 autocomplete, 5 modal.
    pub kind: u64,
    pub user: String,
    pub guild: Option<String>,
    pub channel: String,
    pub data: Value,
    /// The message with the button, as it looked to her.
    pub message: Option<Message>,
    pub modal: Option<String>,
}

impl Discord {
    /// Hands an interaction to the bot and returns its id. If nobody can receive it, its person is
    /// told at once that the application did not respond.
    pub(super) fn interact(&self, act: Act) -> String {
        let mut world = self.hub.world();
        let interaction = world.interaction(act);
        let id = interaction.id.clone();
        let payload = interaction.payload.clone();
        let holders = if world.endpoint.is_some() {
            vec![Holder::Endpoint(world.endpoints)]
        } else {
            world.listeners().into_iter().map(Holder::Session).collect()
        };
        let heard = !holders.is_empty();
        let by_http = world.endpoint.is_some();
        world.interactions.push(Interaction {
            holders,
            ..interaction
        });
        if !heard {
            world.lapse(&id);
        } else if !by_http {
            world.tell(0, "INTERACTION_CREATE", &payload);
        }
        drop(world);
        self.hub.wire.touch();
        if by_http {
            delivery::deliver(self, &id);
        }
        id
    }
}

impl World {
    fn interaction(&mut self, act: Act) -> Interaction {
        let id = self.next_id();
        // Long and not to be guessed in reality; here it only has to be unlike any other.
        let token = format!("aW50ZXJhY3Rpb246{}{id}", self.count("token"));
        let mut payload = payloads::interaction(
            self,
            (&id, &token, act.kind),
            (&act.user, act.guild.as_deref(), &act.channel),
            &act.data,
        );
        if let Some(message) = &act.message {
            payload["message"] = payloads::message(self, message, false);
        }
        Interaction {
            id,
            token,
            kind: act.kind,
            user: act.user,
            guild: act.guild,
            channel: act.channel,
            payload,
            made: self.clock.now(),
            answered: Answered::No,
            holders: Vec::new(),
            original: None,
            source: act.message.map(|message| message.id),
            modal: act.modal,
            choices: None,
            lapsed: false,
        }
    }

    /// Whether an answer is still to come: its time has not passed, and whoever has to give it is
    /// still there or can come back to it.
    pub fn is_open(&self, one: &Interaction) -> bool {
        let age = self.clock.now() - one.made;
        let in_time = match one.answered {
            Answered::Yes => false,
            Answered::No => age < FIRST_ANSWER,
            Answered::Deferred => age < TOKEN_LIFE,
        };
        let held = one.holders.iter().any(|holder| match holder {
            Holder::Session(id) => self.is_live(id),
            Holder::Endpoint(n) => *n == self.endpoints && self.endpoint.is_some(),
        });
        in_time && held && !one.lapsed
    }
}
