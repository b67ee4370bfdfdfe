//! What a Discord client makes of a typed line: the options of a command that the bot registered.

use serde_json::{Value, json};

use super::commands::{
    BOOLEAN, CHANNEL, GROUP, INTEGER, MENTIONABLE, NUMBER, ROLE, STRING, SUBCOMMAND, USER,
};
use super::options::Reader;
use super::permissions;
use super::place::ELSEWHERE;
use super::world::{World, items};

/// A string that may be longer than this is a sentence: it takes the rest of the line.
const SENTENCE: u64 = 100;

/// A word that introduces an option of a command.
pub(super) struct Word {
    pub command: String,
    pub option: String,
    pub said: String,
    /// Whether the option also has a place of its own.
    pub by_place: bool,
}

/// Who types, and where.
pub(super) struct Typist<'a> {
    pub world: &'a World,
    pub user: &'a str,
    /// `None`: in her direct message with the bot.
    pub guild: Option<&'a str>,
}

/// A command that was found, with the subcommand that a line names.
struct Leaf<'a> {
    command: &'a Value,
    /// Groups and subcommands, outermost first.
    path: Vec<&'a Value>,
    options: &'a [Value],
}

impl Leaf<'_> {
    fn name(&self) -> String {
        let names = self.path.iter().filter_map(|one| one["name"].as_str());
        names.collect::<Vec<_>>().join(" ")
    }

    /// The `data` of the interaction, with the filled options nested as Discord nests them.
    fn data(&self, filled: Vec<Value>, guild: Option<&str>) -> Value {
        let mut inner = filled;
        for level in self.path.iter().rev() {
            inner = vec![json!({
                "type": level["type"],
                "name": level["name"],
                "options": inner,
            })];
        }
        let mut data = json!({
            "id": self.command["id"],
            "name": self.command["name"],
            "type": 1,
            "options": inner,
        });
        if let (Some(guild), true) = (guild, self.command["guild_id"].is_string()) {
            data["guild_id"] = json!(guild);
        }
        data
    }
}

/// A word of a line, and whether it was in quotes.
type Spoken = (String, bool);

impl Typist<'_> {
    /// The `data` of a command's interaction.
    ///
    /// # Errors
    /// Why the client would not send it.
    pub fn command(&self, name: &str, line: &str) -> Result<Value, String> {
        let words = words(line)?;
        let (leaf, rest) = self.leaf(name, &words)?;
        let said = self.fill(&leaf, rest)?;
        let mut reader = Reader::new(self);
        let mut filled = Vec::new();
        for (option, text) in leaf.options.iter().zip(said) {
            let name = option["name"].as_str().unwrap_or_default();
            match text {
                Some(text) => {
                    let value = reader.value(option, &text);
                    let value = value.map_err(|why| format!("{name}: {why}"))?;
                    filled.push(json!({ "name": name, "type": option["type"], "value": value }));
                }
                None if option["required"] == json!(true) => {
                    return Err(format!("{name}: this option is required"));
                }
                None => {}
            }
        }
        let mut data = leaf.data(filled, self.guild);
        if let Some(resolved) = reader.resolved.json() {
            data["resolved"] = resolved;
        }
        Ok(data)
    }

    /// The `data` of an autocomplete interaction: `option` is being typed, with what the line says
    /// for it so far.
    ///
    /// # Errors
    /// If the client would not ask.
    pub fn completion(&self, name: &str, line: &str, option: &str) -> Result<Value, String> {
        let words = words(line)?;
        let (leaf, rest) = self.leaf(name, &words)?;
        let known = leaf.options.iter().find(|one| one["name"] == json!(option));
        let known = known.ok_or_else(|| format!("there is no option {option:?}"))?;
        if known["autocomplete"] != json!(true) {
            return Err(format!("the option {option:?} does not complete"));
        }
        let said = self.fill(&leaf, rest)?;
        let mut reader = Reader::new(self);
        let mut filled = Vec::new();
        for (one, text) in leaf.options.iter().zip(said) {
            let focused = one["name"] == json!(option);
            if focused {
                let text = text.unwrap_or_default();
                filled.push(json!({ "name": option, "type": one["type"], "value": text,
                    "focused": true }));
            } else if let Some(Ok(value)) = text.map(|text| reader.value(one, &text)) {
                filled.push(json!({ "name": one["name"], "type": one["type"], "value": value }));
            }
        }
        Ok(leaf.data(filled, self.guild))
    }

    /// The `data` of a command by the names of its path, with options as they are given: an object
    /// with `type` and `value` as it is, else of the type that the JSON has.
    ///
    /// # Errors
    /// If there is no such command.
    pub fn raw(&self, path: &str, options: &[(&str, Value)]) -> Result<Value, String> {
        let words = words(path)?;
        let (name, rest) = words.split_first().ok_or("which command?")?;
        let (leaf, rest) = self.leaf(&name.0, rest)?;
        if let Some((word, _)) = rest.first() {
            return Err(format!("/{path} has no subcommand {word:?}"));
        }
        let typed = options.iter().map(|(name, value)| {
            if value["type"].is_u64() && value.get("value").is_some() {
                return json!({ "name": name, "type": value["type"], "value": value["value"] });
            }
            let kind = match value {
                Value::Bool(_) => BOOLEAN,
                Value::Number(number) if number.is_i64() => INTEGER,
                Value::Number(_) => NUMBER,
                _ => STRING,
            };
            json!({ "name": name, "type": kind, "value": value })
        });
        Ok(leaf.data(typed.collect(), self.guild))
    }

    /// The registered command of a name: the guild's own come before the global ones.
    fn registered(&self, name: &str) -> Result<&Value, String> {
        let name = name.trim_start_matches('/');
        let set = |guild: Option<&str>| {
            let sets = self.world.commands.iter();
            let mut sets = sets.filter(move |set| set.guild.as_deref() == guild);
            let set = sets.next()?;
            set.all.iter().find(|one| one["name"] == json!(name))
        };
        let own = self.guild.and_then(|guild| set(Some(guild)));
        let command = own.or_else(|| set(None));
        let command = command.ok_or_else(|| format!("the client knows no command /{name}"))?;
        self.offered(command)?;
        Ok(command)
    }

    /// Whether the client offers a command to this person in this place.
    fn offered(&self, command: &Value) -> Result<(), String> {
        let guild = self.guild.and_then(|id| self.world.guild(id));
        if guild.is_some_and(|guild| !guild.with_bot && guild.name != ELSEWHERE) {
            return Err("the app is not in this guild".to_owned());
        }
        let context = json!(u8::from(self.guild.is_none()));
        let contexts = items(&command["contexts"]);
        if !contexts.is_empty() && !contexts.contains(&context) {
            return Err("the client does not offer this command here".to_owned());
        }
        let needed = command["default_member_permissions"].as_str();
        let needed = needed.and_then(|text| text.parse::<u64>().ok());
        let may = guild.map_or(u64::MAX, |guild| permissions::of(guild, None, self.user));
        if needed.is_some_and(|needed| may & needed != needed) {
            return Err("the client does not offer this command to her".to_owned());
        }
        Ok(())
    }

    /// Follows the words down to a subcommand; the rest of them fill its options.
    fn leaf<'s, 'w>(
        &'s self,
        name: &str,
        words: &'w [Spoken],
    ) -> Result<(Leaf<'s>, &'w [Spoken]), String> {
        let command = self.registered(name)?;
        let mut leaf = Leaf {
            command,
            path: Vec::new(),
            options: items(&command["options"]),
        };
        let mut rest = words;
        loop {
            let branch = |one: &&Value| matches!(one["type"].as_u64(), Some(SUBCOMMAND | GROUP));
            let branches: Vec<&Value> = leaf.options.iter().filter(branch).collect();
            if branches.is_empty() {
                return Ok((leaf, rest));
            }
            let word = rest.first().map_or("", |(word, _)| word.as_str());
            let Some(next) = branches.iter().find(|one| one["name"] == json!(word)) else {
                let names: Vec<&str> = branches
                    .iter()
                    .filter_map(|one| one["name"].as_str())
                    .collect();
                return Err(format!(
                    "the client knows no {word:?} here; there are {names:?}"
                ));
            };
            leaf.path.push(next);
            leaf.options = items(&next["options"]);
            rest = &rest[1..];
        }
    }

    /// What each option of a subcommand is given.
    fn fill(&self, leaf: &Leaf, words: &[Spoken]) -> Result<Vec<Option<String>>, String> {
        let mut said: Vec<Option<String>> = vec![None; leaf.options.len()];
        let mut last = None;
        let mut rest = words;
        while let Some(((word, quoted), after)) = rest.split_first() {
            rest = after;
            let introduced = self.introduced(leaf, word).filter(|_| !quoted);
            if let Some(at) = introduced.filter(|at| said[*at].is_none()) {
                let option = &leaf.options[at];
                let (text, taken) = introduced_value(option, rest)?;
                said[at] = Some(text);
                rest = &rest[taken..];
                last = None;
            } else if let Some(at) = self.place_of(leaf, &said, word) {
                said[at] = Some(word.clone());
                last = Some(at);
            } else if let Some(at) = last.filter(|at| is_text(&leaf.options[*at]))
                && let Some(text) = &mut said[at]
            {
                *text = format!("{text} {word}");
            } else {
                return Err(self.does_not_fit(leaf, &said, word));
            }
        }
        Ok(said)
    }

    /// The option that a word introduces: by its own name, or by what people here say for it.
    fn introduced(&self, leaf: &Leaf, word: &str) -> Option<usize> {
        let named = |name: &str| {
            leaf.options
                .iter()
                .position(|one| one["name"] == json!(name))
        };
        let path = leaf.name();
        let mut known = self.world.words.iter();
        let said = known.find(|one| one.said == word && one.command == path);
        said.and_then(|one| named(&one.option))
            .or_else(|| named(word))
    }

    fn has_place(&self, leaf: &Leaf, option: &Value) -> bool {
        let path = leaf.name();
        let mut known = self.world.words.iter();
        let word = known.find(|one| option["name"] == json!(one.option) && one.command == path);
        word.is_none_or(|word| word.by_place)
    }

    /// The first option without a value that has a place and takes the word. What must be said
    /// cannot be passed over, and a name is meant for the option that stands for names.
    fn place_of(&self, leaf: &Leaf, said: &[Option<String>], word: &str) -> Option<usize> {
        let is_name = ["@", "#", "<@", "<#"]
            .iter()
            .any(|mark| word.starts_with(mark));
        for (at, option) in leaf.options.iter().enumerate() {
            if said[at].is_some() || !self.has_place(leaf, option) {
                continue;
            }
            if Reader::new(self).value(option, word).is_ok() {
                return Some(at);
            }
            let for_names = is_name && option["type"].as_u64().is_some_and(is_reference);
            if for_names || option["required"] == json!(true) {
                return None;
            }
        }
        None
    }

    /// Why a word fits nowhere.
    fn does_not_fit(&self, leaf: &Leaf, said: &[Option<String>], word: &str) -> String {
        let mut open = leaf.options.iter().zip(said);
        let open = open.find(|(option, said)| said.is_none() && self.has_place(leaf, option));
        let Some((option, _)) = open else {
            return format!("a word too many for /{}: {word:?}", leaf.name());
        };
        let why = Reader::new(self).value(option, word).err();
        let name = option["name"].as_str().unwrap_or_default();
        format!("{name}: {}", why.unwrap_or_default())
    }
}

/// What follows the word that introduces an option, and how many words that is.
fn introduced_value(option: &Value, rest: &[Spoken]) -> Result<(String, usize), String> {
    let first = rest.first().map(|(word, _)| word.as_str());
    match (option["type"].as_u64(), first) {
        (Some(BOOLEAN), Some(word @ ("true" | "false"))) => Ok((word.to_owned(), 1)),
        (Some(BOOLEAN), _) => Ok(("true".to_owned(), 0)),
        (_, None) => {
            let name = option["name"].as_str().unwrap_or_default();
            Err(format!("{name}: the client waits for a value"))
        }
        (_, Some(_)) if is_sentence(option) => {
            let all: Vec<&str> = rest.iter().map(|(word, _)| word.as_str()).collect();
            Ok((all.join(" "), all.len()))
        }
        (_, Some(word)) => Ok((word.to_owned(), 1)),
    }
}

/// Text of some length, in which more words are not too many. A string whose length nobody thought
/// about is an amount or the like.
fn is_text(option: &Value) -> bool {
    let free = option["type"].as_u64() == Some(STRING) && items(&option["choices"]).is_empty();
    free && option["max_length"].is_u64()
}

fn is_sentence(option: &Value) -> bool {
    let most = option["max_length"].as_u64();
    is_text(option) && most.is_some_and(|most| most > SENTENCE)
}

/// The words of a line; quotes hold words together.
fn words(line: &str) -> Result<Vec<Spoken>, String> {
    let mut found = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let closes = match first {
            '"' => Some('"'),
            '“' => Some('”'),
            _ => None,
        };
        let (word, after) = if let Some(closes) = closes {
            let inner = &rest[first.len_utf8()..];
            let end = inner.find(closes).ok_or("a quote is not closed")?;
            (&inner[..end], &inner[end + closes.len_utf8()..])
        } else {
            rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()))
        };
        found.push((word.to_owned(), closes.is_some()));
        rest = after.trim_start();
    }
    Ok(found)
}

/// Whether an option stands for people, channels or roles.
pub(super) fn is_reference(kind: u64) -> bool {
    matches!(kind, USER | CHANNEL | ROLE | MENTIONABLE)
}
