//! The options of an interaction, as Discord nests and types them, read back into a command's name
//! and texts. What is wrong with them is said by the same parameters that read a typed line.

use super::kind;
use serde_json::Value;
use slice_core::{ids::UserId, inbound::mention};

/// Groups and subcommands are two levels deep at the most.
const DEPTH_MAX: usize = 3;
const OPTIONS_MAX: usize = 25;
const ID_DIGITS_MAX: usize = 20;

/// A command as somebody filled it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Such as `vault add`.
    pub command: String,
    /// Texts by the names of their parameters.
    pub arguments: Vec<(String, String)>,
    /// The argument that is being typed, while it is.
    pub focused: Option<Focused>,
}

/// An argument that is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Focused {
    pub name: String,
    /// Choices for it are numbers.
    pub is_number: bool,
}

/// Reads the `data` of an application command's interaction. `None` if it is no command of ours.
pub fn filled(data: &Value) -> Option<Filled> {
    if data["name"] != "slice" {
        return None;
    }
    let mut words: Vec<&str> = vec![];
    let mut level = data;
    for _ in 0..DEPTH_MAX {
        let options = level["options"].as_array().map(Vec::as_slice);
        let inner = options.unwrap_or_default().iter().find(|option| {
            let number = option["type"].as_u64();
            [kind::SUBCOMMAND, kind::GROUP]
                .map(|kind| Some(u64::from(kind)))
                .contains(&number)
        });
        let Some(inner) = inner else { break };
        words.push(inner["name"].as_str()?);
        level = inner;
    }
    let options = level["options"].as_array().map(Vec::as_slice);
    let options = options.unwrap_or_default().iter().take(OPTIONS_MAX);
    let mut filled = Filled {
        command: words.join(" "),
        arguments: vec![],
        focused: None,
    };
    for option in options {
        let name = option["name"].as_str()?.to_owned();
        if option["focused"] == true {
            filled.focused = Some(Focused {
                name: name.clone(),
                is_number: option["type"] == kind::INTEGER,
            });
        }
        if let Some(text) = text(option) {
            filled.arguments.push((name, text));
        }
    }
    Some(filled)
}

/// An option's value as the grammar reads it. `None`: a flag that is not set.
fn text(option: &Value) -> Option<String> {
    let number = option["type"]
        .as_u64()
        .and_then(|number| u8::try_from(number).ok());
    match (number, &option["value"]) {
        (_, Value::Bool(false)) => None,
        (Some(kind::USER), Value::String(id)) if is_id(id) => Some(mention(&UserId::new(id))),
        (Some(kind::CHANNEL), Value::String(id)) if is_id(id) => Some(format!("<#{id}>")),
        (Some(kind::ROLE), Value::String(id)) if is_id(id) => Some(format!("<@&{id}>")),
        (_, Value::String(text)) => Some(text.clone()),
        (_, other) => Some(other.to_string()),
    }
}

fn is_id(text: &str) -> bool {
    (1..=ID_DIGITS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ALL, discord::commands, filled as understand, filled::input, grammar::Parsed};
    use serde_json::json;
    use slice_core::refusal::Refusal;

    /// What a person would put into a registered option: the first text that its parameter takes.
    fn example(command: &str, option: &Value) -> Value {
        const TEXTS: [&str; 5] = [
            "say \"hello\" for 7d because \\ <@1>",
            "20.50",
            "7d",
            "anything",
            "<#81384788765712384>",
        ];
        let choices = option["choices"].as_array();
        if let Some(choice) = choices.and_then(|choices| choices.first()) {
            return choice["value"].clone();
        }
        let number = option["type"].as_u64();
        match number.and_then(|number| u8::try_from(number).ok()) {
            Some(kind::INTEGER) => json!(12),
            Some(kind::BOOLEAN) => json!(true),
            Some(kind::USER | kind::ROLE) => json!("81384788765712384"),
            _ => {
                let command = ALL.iter().find(|known| known.name == command);
                let name = option["name"].as_str().expect("a name");
                let shape = input(command.expect("a command"), name).expect("a parameter");
                json!(TEXTS.iter().find(|text| shape.read(text).is_ok()))
            }
        }
    }

    /// Every registered leaf with its name, every option filled in.
    fn leaves(options: &Value, words: &str) -> Vec<(String, Value, Vec<String>)> {
        let mut found = vec![];
        for option in options.as_array().expect("options") {
            let name = option["name"].as_str().expect("a name");
            let words = format!("{words} {name}").trim().to_owned();
            let number = option["type"].as_u64().expect("a type");
            if number == u64::from(kind::GROUP) {
                for (command, inner, names) in leaves(&option["options"], &words) {
                    let group = json!({ "type": number, "name": name, "options": [inner] });
                    found.push((command, group, names));
                }
                continue;
            }
            let declared = option["options"].as_array().expect("options");
            let filled: Vec<_> = declared
                .iter()
                .map(|option| {
                    json!({ "type": option["type"], "name": option["name"], "value": example(&words, option) })
                })
                .collect();
            let names = declared.iter().filter_map(|option| option["name"].as_str());
            let names = names.map(str::to_owned).collect();
            found.push((
                words,
                json!({ "type": number, "name": name, "options": filled }),
                names,
            ));
        }
        found
    }

    fn read(option: &Value) -> Result<Parsed, Refusal> {
        let data = json!({ "name": "slice", "type": 1, "options": [option] });
        let filled = filled(&data).expect("a command of ours");
        understand(&filled.command, &filled.arguments)
    }

    #[test]
    fn every_registered_command_comes_back_as_it_was_filled_in() {
        let registered = commands();
        let leaves = leaves(&registered[0]["options"], "");
        assert_eq!(
            leaves.len(),
            ALL.iter().filter(|command| !command.hidden).count()
        );
        for (command, option, names) in leaves {
            let parsed = read(&option).unwrap_or_else(|refusal| panic!("{command}: {refusal:?}"));
            assert_eq!(parsed.command.name, command);
            for name in names {
                assert!(parsed.args.find(&name).is_some(), "{command}: {name}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_in_words() {
        let option = |command: &str, option: Value| json!({ "type": kind::SUBCOMMAND, "name": command, "options": [option] });
        for (command, wrong) in [
            (
                "reveal",
                json!({ "type": 4, "name": "grant", "value": "abc" }),
            ),
            (
                "reveal",
                json!({ "type": 10, "name": "grant", "value": 1.5 }),
            ),
            (
                "reveal",
                json!({ "type": 4, "name": "grant", "value": [1] }),
            ),
            (
                "reveal",
                json!({ "type": 4, "name": "grant", "value": null }),
            ),
            (
                "topup",
                json!({ "type": 6, "name": "member", "value": "<@1> <@2>" }),
            ),
            (
                "topup",
                json!({ "type": 3, "name": "member", "value": "ana" }),
            ),
        ] {
            let refused = read(&option(command, wrong.clone())).err();
            assert!(
                matches!(refused, Some(Refusal::BadArgument { .. })),
                "{wrong}: {refused:?}"
            );
        }
        let unknown = option(
            "keys",
            json!({ "type": 3, "name": "colour", "value": "red" }),
        );
        assert!(matches!(read(&unknown), Err(Refusal::Usage { .. })));
        let secret = option(
            "provision",
            json!({
                "type": 3, "name": "service", "value": "sk-or-v1-0123456789abcdef"
            }),
        );
        assert!(matches!(read(&secret), Err(Refusal::LooksLikeAKey)));
        let none = json!({ "type": kind::SUBCOMMAND, "name": "nothing", "options": [] });
        assert!(matches!(read(&none), Err(Refusal::Usage { .. })));
        assert_eq!(filled(&json!({ "name": "other" })), None);
    }

    #[test]
    fn an_amount_without_a_service_opens_the_form() {
        let amount = json!({ "type": 3, "name": "amount", "value": "20" });
        let option = json!({ "type": kind::SUBCOMMAND, "name": "provision", "options": [amount] });
        let parsed = read(&option).expect("understood");
        assert!(parsed.wants_form && parsed.args.find("amount").is_some());
    }
}
