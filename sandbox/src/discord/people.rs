//! What people do with their hands, and what they see.

use serde_json::{Value, json};

use super::Discord;
use super::callbacks::{AUTOCOMPLETE, COMMAND, COMPONENT, MODAL_SUBMIT};
use super::forms;
use super::interactions::Act;
use super::lines::Typist;
use super::render::{self, Clickable, SUBMIT, clickables};
use super::world::{Body, Message, World};
use crate::chat::Sight;

/// A person at her keyboard, in one guild. Clones are the same person.
#[derive(Clone)]
pub struct DiscordPerson {
    pub(super) discord: Discord,
    pub(super) id: String,
    pub(super) handle: String,
    pub(super) guild: String,
}

/// A message with what can be clicked on it.
type Thing = (Message, Vec<Clickable>);

impl DiscordPerson {
    /// The user id.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn handle(&self) -> &str {
        &self.handle
    }

    /// The guild that she acts in.
    pub fn guild(&self) -> &str {
        &self.guild
    }

    /// Types a command in `#general`: `/slice`, and the words that fill its subcommand's options.
    ///
    /// A word that names an option (or introduces it, see [`Discord::introduces`]) gives it the next
    /// word, or the rest of the line if it is a long text; the others fill the options that are left,
    /// in declared order. `"…"` holds words together. `@ana`, `@role` and `#channel` become ids.
    ///
    /// # Errors
    /// Why her client refuses to send this.
    pub fn command(&self, name: &str, line: &str) -> Result<(), String> {
        self.command_in("general", name, line)
    }

    /// The same in another channel, by name; `@` is her direct message with the bot.
    ///
    /// # Errors
    /// As [`DiscordPerson::command`], and if she sees no channel of this name.
    pub fn command_in(&self, channel: &str, name: &str, line: &str) -> Result<(), String> {
        let (guild, channel) = self.place(channel)?;
        let typed = self.typing(guild.as_deref(), |typist| typist.command(name, line))?;
        self.act((COMMAND, guild, channel), typed);
        Ok(())
    }

    /// Sends options that no client would: `path` is `slice vault add`; a value is of the type that
    /// its JSON has, or an object with `type` and `value`.
    ///
    /// # Errors
    /// If there is no such command.
    pub fn command_with(&self, path: &str, options: &[(&str, Value)]) -> Result<(), String> {
        let (guild, channel) = self.place("general")?;
        let typed = self.typing(guild.as_deref(), |typist| typist.raw(path, options))?;
        self.act((COMMAND, guild, channel), typed);
        Ok(())
    }

    /// What completes an option of a command that is being typed: name and value of each choice.
    ///
    /// # Errors
    /// If the client would not ask, if nobody hears the question, or if no answer comes before
    /// whoever heard it is gone.
    pub async fn completes(
        &self,
        name: &str,
        line: &str,
        option: &str,
    ) -> Result<Vec<(String, Value)>, String> {
        let (guild, channel) = self.place("general")?;
        let typed = self.typing(guild.as_deref(), |typist| {
            typist.completion(name, line, option)
        })?;
        let id = self.act((AUTOCOMPLETE, guild, channel), typed);
        let wire = self.discord.hub.wire.clone();
        loop {
            let changed = wire.changed();
            {
                let world = self.discord.hub.world();
                let one = world.interactions.iter().find(|one| one.id == id);
                let one = one.ok_or("the question is gone")?;
                if let Some(choices) = &one.choices {
                    let pair = |choice: &Value| {
                        let name = choice["name"].as_str().unwrap_or_default();
                        (name.to_owned(), choice["value"].clone())
                    };
                    return Ok(choices.iter().map(pair).collect());
                }
                if !world.is_open(one) {
                    return Err("loading options failed".to_owned());
                }
            }
            changed.await;
        }
    }

    /// The channel by name (`@`: her direct message) and its guild.
    fn place(&self, channel: &str) -> Result<(Option<String>, String), String> {
        let mut world = self.discord.hub.world();
        if channel == "@" {
            return Ok((None, world.dm(&self.id)));
        }
        let name = channel.trim_start_matches('#');
        let fits = |one: &&super::world::Channel| {
            one.guild.as_ref() == Some(&self.guild) && (one.name == name || one.id == name)
        };
        let found = world.channels.iter().find(fits);
        let found = found.filter(|one| world.may(&self.id, one) != 0);
        let found = found.ok_or_else(|| format!("{} sees no #{name}", self.handle))?;
        Ok((Some(self.guild.clone()), found.id.clone()))
    }

    fn typing(
        &self,
        guild: Option<&str>,
        type_it: impl FnOnce(&Typist) -> Result<Value, String>,
    ) -> Result<Value, String> {
        let world = self.discord.hub.world();
        type_it(&Typist {
            world: &world,
            user: &self.id,
            guild,
        })
    }

    fn act(&self, (kind, guild, channel): (u64, Option<String>, String), data: Value) -> String {
        self.discord.interact(Act {
            kind,
            user: self.id.clone(),
            guild,
            channel,
            data,
            message: None,
            modal: None,
        })
    }

    /// Clicks the newest button (or option of a menu) with this label that she can see; the button
    /// `Submit` of her open modal sends that.
    ///
    /// # Errors
    /// Says what she can click instead.
    pub fn click(&self, label: &str) -> Result<(), String> {
        let in_modal = self.discord.hub.world().open_modal(&self.id).is_some();
        if in_modal && label == SUBMIT {
            return self.submit(&[]);
        }
        self.click_first(label, visible)
    }

    /// Clicks a button of one message, by its id, as it looks now.
    ///
    /// # Errors
    /// If the message is not there or has no such button.
    pub fn click_on(&self, message: &str, label: &str) -> Result<(), String> {
        self.click_first(label, |world, id| {
            let mut things = visible(world, id);
            things.retain(|(one, _)| one.id == message);
            things
        })
    }

    /// Clicks the newest button with this label that was there before its message was edited: her
    /// click and the edit crossed on their way.
    ///
    /// # Errors
    /// If no message had such a button.
    pub fn click_stale(&self, label: &str) -> Result<(), String> {
        self.click_first(label, stale)
    }

    /// Sends a click on a button that only `other` sees, as somebody might who learned its id.
    ///
    /// # Errors
    /// Says what `other` could click instead.
    pub fn click_stolen(&self, other: &str, label: &str) -> Result<(), String> {
        let owner = self.discord.person(other).id;
        self.click_first(label, |world, _| visible(world, &owner))
    }

    /// Sends a click on the newest button that she sees, with another `custom_id`.
    ///
    /// # Errors
    /// If she sees no button.
    pub fn click_forged(&self, custom_id: &str) -> Result<(), String> {
        let seen = visible(&self.discord.hub.world(), &self.id);
        let mut labels = seen.iter().flat_map(|(_, clicks)| clicks);
        let label = labels.next().map(|click| click.label.clone());
        let label = label.ok_or_else(|| format!("{} sees no button", self.handle))?;
        self.click_first(&label, |world, id| {
            let mut things = visible(world, id);
            for click in things.iter_mut().flat_map(|(_, clicks)| clicks) {
                click.component["custom_id"] = json!(custom_id);
            }
            things
        })
    }

    fn click_first(
        &self,
        label: &str,
        things: impl FnOnce(&World, &str) -> Vec<Thing>,
    ) -> Result<(), String> {
        let (act, labels) = {
            let world = self.discord.hub.world();
            let mut labels = Vec::new();
            let mut found = None;
            for (message, clicks) in things(&world, &self.id) {
                labels.extend(clicks.iter().map(|click| click.label.clone()));
                if let Some(click) = clicks.into_iter().find(|click| click.label == label) {
                    let channel = world.channel(&message.channel);
                    let guild = channel.and_then(|channel| channel.guild.clone());
                    found = Some(self.press(message, &click, guild));
                    break;
                }
            }
            (found, labels)
        };
        let Some(act) = act else {
            return Err(format!(
                "{} sees no {label:?}; she could click {labels:?}",
                self.handle
            ));
        };
        self.discord.interact(act);
        Ok(())
    }

    fn press(&self, message: Message, click: &Clickable, guild: Option<String>) -> Act {
        let mut data = json!({
            "custom_id": click.component["custom_id"],
            "component_type": click.component["type"],
            "id": click.component["id"],
        });
        if let Some(option) = &click.option {
            data["values"] = json!([option]);
        }
        Act {
            kind: COMPONENT,
            user: self.id.clone(),
            guild,
            channel: message.channel.clone(),
            data,
            message: Some(message),
            modal: None,
        }
    }

    /// Types into the inputs of her open modal, by label, without sending it.
    ///
    /// # Errors
    /// If there is no modal, no such input, or no such option.
    pub fn fill(&self, fields: &[(&str, &str)]) -> Result<(), String> {
        let mut world = self.discord.hub.world();
        let modal = self.modal_id(&world)?;
        forms::fill(&mut world, &modal, fields)
    }

    /// Types into the inputs of her open modal and sends it. It closes when the bot answers.
    ///
    /// # Errors
    /// As [`DiscordPerson::fill`], and what the client complains about before it sends a modal.
    pub fn submit(&self, fields: &[(&str, &str)]) -> Result<(), String> {
        self.fill(fields)?;
        let id = self.modal_id(&self.discord.hub.world())?;
        self.send(&id)
    }

    /// Sends her last modal once more, also after it closed: a client that heard no answer.
    ///
    /// # Errors
    /// If she never had a modal.
    pub fn submit_again(&self) -> Result<(), String> {
        let id = {
            let world = self.discord.hub.world();
            let mut hers = world.modals.iter().rev();
            let last = hers.find(|modal| modal.user == self.id);
            last.map(|modal| modal.id.clone())
        };
        self.send(&id.ok_or_else(|| format!("{} never had a modal", self.handle))?)
    }

    fn send(&self, id: &str) -> Result<(), String> {
        let act = {
            let world = self.discord.hub.world();
            let modal = world.modals.iter().find(|modal| modal.id == id);
            let modal = modal.ok_or("the modal is gone")?;
            let complaints = forms::complaints(modal);
            if !complaints.is_empty() {
                return Err(complaints.join("; "));
            }
            let source = modal.source.as_deref();
            let source = source.and_then(|id| world.message_at(id));
            Act {
                kind: MODAL_SUBMIT,
                user: self.id.clone(),
                guild: modal.guild.clone(),
                channel: modal.channel.clone(),
                data: json!({
                    "custom_id": modal.body["custom_id"],
                    "components": forms::submission(modal),
                }),
                message: source.map(|at| world.messages[at].clone()),
                modal: Some(modal.id.clone()),
            }
        };
        self.discord.interact(act);
        Ok(())
    }

    /// Closes her open modal; the app does not hear of it.
    ///
    /// # Errors
    /// If she has no open modal.
    pub fn close_modal(&self) -> Result<(), String> {
        let mut world = self.discord.hub.world();
        let id = self.modal_id(&world)?;
        world.close_modal(&id);
        drop(world);
        self.discord.hub.wire.touch();
        Ok(())
    }

    /// Everything she ever saw, oldest first, in all guilds.
    pub fn sees(&self) -> Vec<Sight> {
        self.discord.hub.world().sights.of(&self.handle)
    }

    /// What she saw since the last call of this, one text per sight; `(deleted)` for a message that
    /// went. That a modal closed is no news to her.
    pub fn reads(&self) -> Vec<String> {
        self.discord.hub.world().sights.reads(&self.handle)
    }

    /// Her open modal as she reads it.
    pub fn modal(&self) -> Option<String> {
        let world = self.discord.hub.world();
        world
            .open_modal(&self.id)
            .map(|modal| render::modal(&world, modal).text)
    }

    /// The labels of everything she can click now, newest first.
    pub fn buttons(&self) -> Vec<String> {
        let world = self.discord.hub.world();
        let modal = world.open_modal(&self.id).map(|_| SUBMIT.to_owned());
        let things = visible(&world, &self.id);
        let clicks = things.into_iter().flat_map(|(_, clicks)| clicks);
        modal
            .into_iter()
            .chain(clicks.map(|click| click.label))
            .collect()
    }

    fn modal_id(&self, world: &World) -> Result<String, String> {
        let open = world.open_modal(&self.id).map(|modal| modal.id.clone());
        open.ok_or_else(|| format!("{} has no open modal", self.handle))
    }
}

/// The messages that a person can see and click on, newest first.
fn visible(world: &World, user: &str) -> Vec<Thing> {
    newest_first(world, user, |message| vec![message.body.clone()])
}

/// Messages as they were before their edits, the newest first.
fn stale(world: &World, user: &str) -> Vec<Thing> {
    newest_first(world, user, |message| {
        message.versions.iter().rev().cloned().collect()
    })
}

fn newest_first(world: &World, user: &str, versions: impl Fn(&Message) -> Vec<Body>) -> Vec<Thing> {
    let there = |one: &&Message| !one.deleted && !one.loading && world.sees(user, one);
    let mut found: Vec<&Message> = world.messages.iter().filter(there).collect();
    found.sort_by_key(|message| std::cmp::Reverse(message.seen));
    let mut things = Vec::new();
    for message in found {
        for body in versions(message) {
            let clicks = clickables(&body.components);
            let mut looked = message.clone();
            looked.body = body;
            things.push((looked, clicks));
        }
    }
    things
}
