//! The registration of commands, and the limits that it is held to.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::api::{Asked, NOT_THIS_APP, Outcome, Refused, TOO_MANY_COMMANDS, UNKNOWN_GUILD, refuse};
use super::problems::Problems;
use super::world::{APP, Commands, World, items};

pub(super) const SUBCOMMAND: u64 = 1;
pub(super) const GROUP: u64 = 2;
pub(super) const STRING: u64 = 3;
pub(super) const INTEGER: u64 = 4;
pub(super) const BOOLEAN: u64 = 5;
pub(super) const USER: u64 = 6;
pub(super) const CHANNEL: u64 = 7;
pub(super) const ROLE: u64 = 8;
pub(super) const MENTIONABLE: u64 = 9;
pub(super) const NUMBER: u64 = 10;
const ATTACHMENT: u64 = 11;

const COMMANDS_MAX: usize = 100;
const OPTIONS_MAX: usize = 25;
/// Names, descriptions and choices of one command together.
const TEXT_MAX: usize = 8_000;
const CREATES_A_DAY: usize = 200;
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// The set that a path names: the global one, or a guild's.
fn scope(asked: &Asked) -> Result<Option<String>, Refused> {
    if asked.id(0) != APP {
        return refuse(NOT_THIS_APP);
    }
    match asked.ids.get(1) {
        Some(guild) if asked.world.joined(guild).is_none() => refuse(UNKNOWN_GUILD),
        guild => Ok(guild.cloned()),
    }
}

/// `GET /applications/{app}/commands` and `…/guilds/{guild}/commands`
pub(super) fn list(asked: &mut Asked) -> Outcome {
    let scope = scope(asked)?;
    let set = asked.world.commands.iter().find(|set| set.guild == scope);
    Ok(json!(set.map_or(&[][..], |set| &set.all)))
}

/// `PUT` of the same: the set is this from now on. Commands of a name that was there keep their id
/// and do not count as made; 200 may be made a day.
pub(super) fn overwrite(asked: &mut Asked) -> Outcome {
    let scope = scope(asked)?;
    let mut problems = Problems::default();
    check(&asked.body, &mut problems);
    asked.fine(&problems)?;
    let now = asked.world.clock.now();
    let place = asked
        .world
        .commands
        .iter()
        .position(|set| set.guild == scope);
    let mut set = match place {
        Some(at) => asked.world.commands.remove(at),
        None => Commands {
            guild: scope.clone(),
            all: Vec::new(),
            made: Vec::new(),
        },
    };
    set.made.retain(|at| (0..DAY).contains(&(now - at)));
    let commands = items(&asked.body).to_vec();
    let same = |old: &Value, new: &Value| old["name"] == new["name"] && kind(old) == kind(new);
    let fresh = commands
        .iter()
        .filter(|new| !set.all.iter().any(|old| same(old, new)))
        .count();
    if set.made.len() + fresh > CREATES_A_DAY {
        asked.world.commands.push(set);
        return refuse(TOO_MANY_COMMANDS);
    }
    set.made.extend(std::iter::repeat_n(now, fresh));
    let mut all = Vec::new();
    for command in commands {
        let old = set.all.iter().find(|old| same(old, &command));
        all.push(shown(asked.world, &command, (old, scope.as_deref())));
    }
    set.all = all;
    let answer = json!(set.all);
    asked.world.commands.push(set);
    Ok(answer)
}

fn kind(command: &Value) -> u64 {
    command["type"].as_u64().unwrap_or(1)
}

/// A command as Discord keeps and shows it: with ids and defaults, and without what is the default
/// of an option.
fn shown(
    world: &mut World,
    command: &Value,
    (old, guild): (Option<&Value>, Option<&str>),
) -> Value {
    let mut shown = json!({
        "id": old.map_or_else(|| json!(world.next_id()), |old| old["id"].clone()),
        "application_id": APP,
        "version": world.next_id(),
        "default_member_permissions": command["default_member_permissions"],
        "type": kind(command),
        "name": command["name"],
        "description": command["description"].as_str().unwrap_or_default(),
        "nsfw": command["nsfw"].as_bool().unwrap_or(false),
    });
    if let Some(guild) = guild {
        shown["guild_id"] = json!(guild);
    } else {
        shown["dm_permission"] = json!(true);
        shown["contexts"] = command["contexts"].clone();
        let types = items(&command["integration_types"]);
        shown["integration_types"] = if types.is_empty() {
            json!([0])
        } else {
            json!(types)
        };
    }
    let options = items(&command["options"]);
    if !options.is_empty() {
        shown["options"] = options.iter().map(without_defaults).collect();
    }
    shown
}

fn without_defaults(option: &Value) -> Value {
    let mut option = option.clone();
    if let Some(fields) = option.as_object_mut() {
        fields.retain(|name, value| match (name.as_str(), &*value) {
            (_, Value::Null) | ("required" | "autocomplete", Value::Bool(false)) => false,
            ("options" | "choices", Value::Array(all)) => !all.is_empty(),
            _ => true,
        });
        if let Some(Value::Array(inner)) = fields.get_mut("options") {
            *inner = inner.iter().map(without_defaults).collect();
        }
    }
    option
}

/// Everything wrong with a set of commands.
fn check(commands: &Value, problems: &mut Problems) {
    if !commands.is_array() {
        let message = "Only iterables may be used in a ListType.";
        return problems.add("_", "LIST_TYPE_CONVERT", message);
    }
    let mut names = BTreeSet::new();
    for (at, command) in problems
        .list(commands, "_", (0, COMMANDS_MAX))
        .iter()
        .enumerate()
    {
        let path = at.to_string();
        check_name(command, &path, problems);
        if kind(command) == 1 {
            problems.needed(
                &command["description"],
                &format!("{path}.description"),
                (1, 100),
            );
        }
        check_options(command, &path, 0, problems);
        if size(command) > TEXT_MAX {
            let message = format!("Command exceeds maximum size ({TEXT_MAX})");
            problems.add(&path, "APPLICATION_COMMAND_TOO_LARGE", message);
        }
        if !names.insert((kind(command), command["name"].to_string())) {
            let message = "Application command names must be unique";
            problems.add(&path, "APPLICATION_COMMANDS_DUPLICATE_NAME", message);
        }
    }
}

/// 1 to 32 letters, digits, `-`, `_`, in lower case.
fn check_name(named: &Value, path: &str, problems: &mut Problems) {
    let path = format!("{path}.name");
    problems.needed(&named["name"], &path, (1, 32));
    let legal = |letter: char| {
        (letter.is_alphanumeric() && !letter.is_uppercase()) || matches!(letter, '-' | '_' | '\'')
    };
    if named["name"]
        .as_str()
        .is_some_and(|name| !name.chars().all(legal))
    {
        let message = "Command name is invalid";
        problems.add(&path, "APPLICATION_COMMAND_INVALID_NAME", message);
    }
}

/// The options of a command (`depth` 0), group (1) or subcommand: groups stand in commands only,
/// beside other groups and subcommands only; what is required comes first.
fn check_options(parent: &Value, path: &str, depth: usize, problems: &mut Problems) {
    let path = format!("{path}.options");
    let options = problems.list(&parent["options"], &path, (0, OPTIONS_MAX));
    let branches = options
        .iter()
        .filter(|one| matches!(one["type"].as_u64(), Some(1 | 2)))
        .count();
    if branches > 0 && branches < options.len() {
        let message = "Sub-command and sub-command group option types are mutually exclusive to all \
                       other types";
        problems.add(&path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message);
    }
    let mut names = BTreeSet::new();
    let mut optional = false;
    for (at, option) in options.iter().enumerate() {
        let here = format!("{path}.{at}");
        check_name(option, &here, problems);
        problems.needed(
            &option["description"],
            &format!("{here}.description"),
            (1, 100),
        );
        if !names.insert(option["name"].to_string()) {
            let message = "Option name must be unique";
            problems.add(
                &here,
                "APPLICATION_COMMAND_OPTIONS_NAME_DUPLICATED",
                message,
            );
        }
        match option["type"].as_u64() {
            Some(SUBCOMMAND) if depth <= 1 => check_options(option, &here, 2, problems),
            Some(GROUP) if depth == 0 => check_options(option, &here, 1, problems),
            Some(STRING..=ATTACHMENT) if depth != 1 => check_leaf(option, &here, problems),
            _ => {
                let message = "Value must be one of the types that may stand here.";
                problems.add(&format!("{here}.type"), "BASE_TYPE_CHOICES", message);
            }
        }
        let required = option["required"] == json!(true);
        if required && optional {
            let message = "Required options must be placed before non-required options";
            problems.add(
                &here,
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                message,
            );
        }
        optional |= !required;
    }
}

fn check_leaf(option: &Value, path: &str, problems: &mut Problems) {
    let here = format!("{path}.choices");
    let choices = problems.list(&option["choices"], &here, (0, 25));
    for (at, choice) in choices.iter().enumerate() {
        problems.needed(&choice["name"], &format!("{here}.{at}.name"), (1, 100));
        problems.text(
            choice
                .get("value")
                .filter(|value| value.is_string())
                .unwrap_or(&Value::Null),
            &format!("{here}.{at}.value"),
            (0, 100),
        );
    }
    if !choices.is_empty() && option["autocomplete"] == json!(true) {
        let message = "Autocomplete and choices are mutually exclusive";
        problems.add(
            path,
            "APPLICATION_COMMAND_OPTIONS_CHOICES_AUTOCOMPLETE",
            message,
        );
    }
    let takes = matches!(option["type"].as_u64(), Some(STRING | INTEGER | NUMBER));
    if option["autocomplete"] == json!(true) && !takes {
        let message = "Only strings and numbers complete";
        problems.add(
            path,
            "APPLICATION_COMMAND_OPTION_AUTOCOMPLETE_INVALID",
            message,
        );
    }
    problems.number(
        &option["max_length"],
        &format!("{path}.max_length"),
        (1, 6000),
    );
    problems.number(
        &option["min_length"],
        &format!("{path}.min_length"),
        (0, 6000),
    );
}

/// Characters of names, descriptions and choices, all levels together.
fn size(command: &Value) -> usize {
    let length = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
    let choices = items(&command["choices"]).iter();
    let choices = choices.map(|one| length(&one["name"]) + length(&one["value"]));
    let inner = items(&command["options"]).iter().map(size);
    length(&command["name"])
        + length(&command["description"])
        + choices.sum::<usize>()
        + inner.sum::<usize>()
}
