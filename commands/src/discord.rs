//! What Discord must know of Slice, as it follows from the commands: `/slice` with its subcommands.

mod options;

pub use options::{Filled, Focused, filled};

use crate::{
    all::ALL,
    args::{Kind, Shape},
    grammar::Command,
};
use serde_json::{Map, Value, json};
use slice_core::role::Role;

/// Discord's numbers for types of options.
mod kind {
    pub const SUBCOMMAND: u8 = 1;
    pub const GROUP: u8 = 2;
    pub const STRING: u8 = 3;
    pub const INTEGER: u8 = 4;
    pub const BOOLEAN: u8 = 5;
    pub const USER: u8 = 6;
    pub const CHANNEL: u8 = 7;
    pub const ROLE: u8 = 8;
}

const CHAT_INPUT: u8 = 1;
/// Commands are for servers: a direct message does not say which org is meant.
const IN_GUILDS: u8 = 0;
const DESCRIPTION_CHARS_MAX: usize = 100;

/// The body of Discord's bulk registration: an array of one command.
pub fn commands() -> Value {
    let mut options: Vec<Value> = vec![];
    for command in ALL.iter().filter(|command| !command.hidden) {
        match command.name.split_once(' ') {
            None => options.push(subcommand(command.name, command)),
            Some((group, name)) => add(&mut options, group, subcommand(name, command)),
        }
    }
    json!([{
        "name": "slice",
        "type": CHAT_INPUT,
        "description": "A key of your own, your budget, and what owners do",
        "contexts": [IN_GUILDS],
        "integration_types": [0],
        "options": options,
    }])
}

/// Adds a subcommand to its group.
fn add(options: &mut Vec<Value>, group: &str, subcommand: Value) {
    let known = options.iter_mut().find(|option| option["name"] == group);
    if let Some(members) = known.and_then(|known| known["options"].as_array_mut()) {
        return members.push(subcommand);
    }
    options.push(json!({
        "type": kind::GROUP,
        "name": group,
        "description": format!("Commands about the {group}"),
        "options": [subcommand],
    }));
}

fn subcommand(name: &str, command: &Command) -> Value {
    let shown = command
        .params
        .iter()
        .filter(|shape| !shape.hidden && shape.kind != Kind::Secret);
    // What a form asks for needs not be said; Discord wants what must be said in front.
    let has_form = command.form.is_some();
    let (required, optional): (Vec<&Shape>, Vec<&Shape>) =
        shown.partition(|shape| shape.required && !has_form);
    let mut options: Vec<_> = required
        .iter()
        .map(|shape| option(command, shape, true))
        .collect();
    options.extend(optional.iter().map(|shape| option(command, shape, false)));
    json!({
        "type": kind::SUBCOMMAND,
        "name": name,
        "description": short(command.about),
        "options": options,
    })
}

/// Whether Slice knows what could be meant: services, and the grants of who asks.
fn completes(command: &Command, shape: &Shape) -> bool {
    match shape.kind {
        Kind::Service => true,
        Kind::Grant => command.role < Role::Owner,
        _ => false,
    }
}

fn option(command: &Command, shape: &Shape, required: bool) -> Value {
    let mut option = Map::new();
    let mut put = |name: &str, value: Value| option.insert(name.to_owned(), value);
    let number = match shape.kind {
        Kind::Grant | Kind::Event => kind::INTEGER,
        Kind::Member => kind::USER,
        Kind::Group => kind::ROLE,
        Kind::Flag => kind::BOOLEAN,
        // Money is text: Discord's numbers are floats. A channel may also be `off`.
        _ => kind::STRING,
    };
    put("type", number.into());
    put("name", shape.name.into());
    put("description", short(shape.about).into());
    put("required", required.into());
    if completes(command, shape) {
        put("autocomplete", true.into());
    }
    match shape.kind {
        Kind::Grant | Kind::Event => put("min_value", 1.into()),
        Kind::Line(max) | Kind::Rest(max) | Kind::Terms(max) => put("max_length", max.into()),
        Kind::Choice(words) => {
            let choices: Vec<_> = words
                .iter()
                .map(|word| json!({ "name": word, "value": word }))
                .collect();
            put("choices", choices.into())
        }
        _ => None,
    };
    option.into()
}

fn short(text: &str) -> String {
    text.chars().take(DESCRIPTION_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS_MAX: usize = 25;
    const NAME_CHARS_MAX: usize = 32;
    const ALL_CHARS_MAX: usize = 8_000;

    /// Holds a command or option, with all below it, to the limits; gives its size in characters.
    fn hold(command: &Value) -> usize {
        let name = command["name"].as_str().expect("a name");
        let about = command["description"].as_str().expect("a description");
        let legal = |letter: char| letter.is_ascii_lowercase() || letter == '-' || letter == '_';
        assert!(
            (1..=NAME_CHARS_MAX).contains(&name.chars().count()),
            "{name}"
        );
        assert!(name.chars().all(legal), "{name}");
        assert!(
            (1..=DESCRIPTION_CHARS_MAX).contains(&about.chars().count()),
            "{name}"
        );
        let none = vec![];
        let choices = command["choices"].as_array().unwrap_or(&none);
        assert!(choices.len() <= OPTIONS_MAX, "{name}");
        let options = command["options"].as_array().unwrap_or(&none);
        assert!(
            options.len() <= OPTIONS_MAX,
            "{name} has {} options",
            options.len()
        );
        let mut names: Vec<_> = options
            .iter()
            .map(|option| option["name"].to_string())
            .collect();
        names.sort();
        names.dedup();
        assert_eq!(
            names.len(),
            options.len(),
            "{name} has a leaf that is also a group"
        );
        let required: Vec<_> = options
            .iter()
            .map(|option| option["required"] == true)
            .collect();
        assert!(
            required.is_sorted_by(|a, b| a >= b),
            "{name}: what must be said comes first"
        );
        let said = choices
            .iter()
            .map(|choice| 2 * choice["name"].to_string().len());
        name.len() + about.len() + said.sum::<usize>() + options.iter().map(hold).sum::<usize>()
    }

    #[test]
    fn the_tree_is_within_discord_s_limits() {
        let commands = commands();
        let size = commands
            .as_array()
            .expect("an array")
            .iter()
            .map(hold)
            .sum::<usize>();
        assert!(size <= ALL_CHARS_MAX, "{size} characters");
    }

    #[test]
    fn descriptions_are_whole() {
        for command in ALL {
            assert!(
                command.about.chars().count() <= DESCRIPTION_CHARS_MAX,
                "{}",
                command.name
            );
            for shape in command.params {
                assert!(
                    shape.about.chars().count() <= DESCRIPTION_CHARS_MAX,
                    "{}",
                    shape.name
                );
            }
        }
    }
}
