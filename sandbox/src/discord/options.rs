//! The value of an option, as the client reads it from what was typed.

use serde_json::{Value, json};

use super::commands::{BOOLEAN, CHANNEL, INTEGER, MENTIONABLE, NUMBER, ROLE, STRING, USER};
use super::lines::{Typist, is_reference};
use super::payloads::Resolved;
use super::permissions::VIEW_CHANNEL;
use super::world::{Channel, Role, World, items};

/// Reads options, and keeps what the ids in them stand for.
pub(super) struct Reader<'a> {
    typist: &'a Typist<'a>,
    pub resolved: Resolved,
}

impl<'a> Reader<'a> {
    pub fn new(typist: &'a Typist<'a>) -> Reader<'a> {
        Reader {
            typist,
            resolved: Resolved::default(),
        }
    }

    /// The value of an option.
    ///
    /// # Errors
    /// Why the client would not take it.
    pub fn value(&mut self, option: &Value, text: &str) -> Result<Value, String> {
        let kind = option["type"].as_u64().unwrap_or(0);
        let choices = items(&option["choices"]);
        if !choices.is_empty() {
            let fits = |one: &&Value| one["name"] == json!(text) || one["value"] == json!(text);
            let names: Vec<&Value> = choices.iter().map(|one| &one["name"]).collect();
            let choice = choices.iter().find(fits);
            let choice = choice.ok_or_else(|| format!("{text:?} is none of {names:?}"))?;
            return Ok(choice["value"].clone());
        }
        match kind {
            STRING => self.string(option, text),
            INTEGER => {
                let number: i64 = text
                    .parse()
                    .map_err(|_| format!("{text:?} is no integer"))?;
                bounded(option, &json!(number))
            }
            NUMBER => {
                let number: serde_json::Number =
                    text.parse().map_err(|_| format!("{text:?} is no number"))?;
                bounded(option, &Value::Number(number))
            }
            BOOLEAN => text
                .parse::<bool>()
                .map(Value::from)
                .map_err(|_| format!("{text:?} is neither true nor false")),
            kind if is_reference(kind) => self.reference(kind, text),
            _ => Err(format!("options of type {kind} cannot be typed")),
        }
    }

    /// Text, in which known names become mentions, as they do in the client.
    fn string(&self, option: &Value, text: &str) -> Result<Value, String> {
        let words = text.split(' ').map(|word| self.mention(word));
        let text = words.collect::<Vec<_>>().join(" ");
        let length = text.chars().count();
        let bound = |key: &str| {
            let bound = option[key].as_u64();
            bound.map(|n| usize::try_from(n).unwrap_or(usize::MAX))
        };
        if bound("min_length").is_some_and(|least| length < least) {
            return Err(format!("at least {} characters", option["min_length"]));
        }
        if bound("max_length").is_some_and(|most| length > most) {
            return Err(format!("at most {} characters", option["max_length"]));
        }
        Ok(json!(text))
    }

    fn mention(&self, word: &str) -> String {
        let plain = !word.starts_with(['@', '#']) || matches!(word, "@everyone" | "@here");
        if plain {
            return word.to_owned();
        }
        if let Some(id) = self.user(word) {
            return format!("<@{id}>");
        }
        if let Some(role) = self.role(word) {
            return format!("<@&{}>", role.id);
        }
        match self.channel(word) {
            Some(channel) => format!("<#{}>", channel.id),
            None => word.to_owned(),
        }
    }

    fn reference(&mut self, kind: u64, text: &str) -> Result<Value, String> {
        let world = self.typist.world;
        if matches!(kind, USER | MENTIONABLE)
            && let Some(id) = self.user(text)
        {
            self.resolved.user(world, self.typist.guild, &id);
            return Ok(json!(id));
        }
        if matches!(kind, ROLE | MENTIONABLE)
            && let Some(role) = self.role(text).cloned()
        {
            self.resolved.role(&role);
            return Ok(json!(role.id));
        }
        if kind == CHANNEL
            && let Some(channel) = self.channel(text).cloned()
        {
            self.resolved.channel(world, &channel, self.typist.user);
            return Ok(json!(channel.id));
        }
        Err(format!("the client finds no {text:?} here"))
    }

    /// A member by `@handle`, `<@id>` or id; by id also somebody who is no member.
    fn user(&self, text: &str) -> Option<String> {
        let world = self.typist.world;
        let id = text.trim_start_matches("<@").trim_end_matches('>');
        if world.person(id).is_some() {
            return Some(id.to_owned());
        }
        let handle = text.strip_prefix('@')?;
        let guild = world.guild(self.typist.guild?)?;
        let member = guild.members.iter();
        let mut member = member.filter(|member| world.handle(&member.user) == handle);
        member.next().map(|member| member.user.clone())
    }

    fn role(&self, text: &str) -> Option<&Role> {
        let guild = self.typist.world.guild(self.typist.guild?)?;
        let name = text.trim_start_matches("<@&").trim_end_matches('>');
        let name = name.trim_start_matches('@');
        let fits = |role: &&Role| role.name.trim_start_matches('@') == name || role.id == name;
        guild.roles.iter().find(fits)
    }

    /// A channel by `#name`, `<#id>` or id that she can see.
    fn channel(&self, text: &str) -> Option<&Channel> {
        let world: &World = self.typist.world;
        let name = text.trim_start_matches("<#").trim_end_matches('>');
        let name = name.trim_start_matches('#');
        let fits = |one: &&Channel| {
            one.guild.as_deref() == self.typist.guild
                && (one.name == name || one.id == name)
                && world.may(self.typist.user, one) & VIEW_CHANNEL != 0
        };
        world.channels.iter().find(fits)
    }
}

fn bounded(option: &Value, number: &Value) -> Result<Value, String> {
    let value = number.as_f64().unwrap_or(0.0);
    if option["min_value"]
        .as_f64()
        .is_some_and(|least| value < least)
    {
        return Err(format!("at least {}", option["min_value"]));
    }
    if option["max_value"]
        .as_f64()
        .is_some_and(|most| value > most)
    {
        return Err(format!("at most {}", option["max_value"]));
    }
    Ok(number.clone())
}
