//! What parameters take, and how what people write for them is understood: in one place.

use crate::words;
use slice_core::{
    ids::{ChannelId, ServiceName, UserId},
    life::Life,
    money::Money,
    refusal::{Refusal, shorten},
    role::GroupKind,
    secret::{Secret, looks_like_a_key},
};
/// The most that a name may have, in characters.
pub const NAME_MAX: u32 = 40;
/// The most that a reason may have, in characters.
pub const REASON_MAX: u32 = 300;
/// The most that all wishes for a service may have together, in characters: a public key is long.
pub const TERMS_MAX: u32 = 1_500;
/// The most that a secret may have, in characters.
const SECRET_MAX: usize = 500;
const ID_BYTES_MAX: usize = 32;
const SERVICE_BYTES_MAX: usize = 32;
const NUMBER_DIGITS_MAX: usize = 15;

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Money,
    /// An amount that may be zero.
    MoneyOrZero,
    Life,
    /// A grant's number.
    Grant,
    /// The number of an audit event.
    Event,
    /// A mention of a person.
    Member,
    /// A mention of a channel, or `off`.
    Channel,
    /// A mention of a channel, a user group or a role.
    Group,
    Service,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// One word or a quoted text of at most so many characters.
    Line(u32),
    /// Everything up to the end, of at most so many characters.
    Rest(u32),
    /// Words that only a service understands, of at most so many characters in all: what no other
    /// parameter takes.
    Terms(u32),
    /// Comes out of forms only.
    Secret,
    /// Said or not said.
    Flag,
}

/// A parameter without its type.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub name: &'static str,
    pub about: &'static str,
    pub kind: Kind,
    /// The word that introduces it. A parameter with a keyword has no place of its own, unless
    /// it takes the rest of the line and is `positional`.
    pub keyword: Option<&'static str>,
    pub positional: bool,
    pub required: bool,
    /// Said by buttons only.
    pub hidden: bool,
}

/// A group as people mention it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMention {
    pub kind: GroupKind,
    pub id: ChannelId,
}

/// That a flag was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag;

/// What was written for a parameter, after it was understood.
#[derive(Debug)]
pub enum Value {
    Money(Money),
    Life(Life),
    Number(i64),
    User(UserId),
    /// `None`: off.
    Channel(Option<ChannelId>),
    Group(GroupMention),
    Service(ServiceName),
    Choice(&'static str),
    Text(String),
    Secret(Secret),
    Flag,
}

/// The arguments of one command, by the names of their parameters.
#[derive(Debug, Default)]
pub struct Args(Vec<(&'static str, Value)>);

impl Args {
    /// What was written for the parameter of this name.
    pub fn find(&self, name: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn set(&mut self, name: &'static str, value: Value) {
        self.remove(name);
        self.0.push((name, value));
    }

    /// Another word of a parameter that takes many, one a line; no more than `max` characters in all.
    pub(crate) fn add(&mut self, name: &'static str, word: &str, max: u32) -> Result<(), Bad> {
        let text = match self.find(name) {
            Some(Value::Text(before)) => format!("{before}\n{word}"),
            _ => word.to_owned(),
        };
        body(&text, max).map(|text| self.set(name, Value::Text(text)))
    }

    /// Another part of a secret that has been given.
    pub(crate) fn join(&mut self, name: &'static str, part: &str, value: &Secret) {
        if let Some(Value::Secret(secret)) = self.find(name) {
            let whole = secret.joined(part, value);
            self.set(name, Value::Secret(whole));
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| *known != name);
    }
}

/// Why a text is no value of its parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bad {
    /// It holds what looks like a key, and must not be said again.
    Key,
    /// The rest of a sentence that begins with the text.
    Why(String),
}

impl Shape {
    /// Whether it can stand in a line by its place.
    pub fn has_place(&self) -> bool {
        self.positional && self.kind != Kind::Secret
    }

    /// How it stands in a usage line: `<amount>`, `[reason]`, `[for <life>]`.
    pub fn usage(&self) -> String {
        let value = match self.kind {
            Kind::Choice(words) => words.join("|"),
            Kind::Terms(_) => format!("{}…", self.name),
            Kind::Member => format!("@{}", self.name),
            Kind::Channel => format!("#{}|off", self.name),
            _ => self.name.to_owned(),
        };
        let said = match self.keyword {
            Some(keyword) if self.kind == Kind::Flag => keyword.to_owned(),
            Some(keyword) if !self.positional => format!("{keyword} <{value}>"),
            _ if self.required => return format!("<{value}>"),
            _ => value,
        };
        if self.required {
            said
        } else {
            format!("[{said}]")
        }
    }

    /// Understands a text.
    pub fn read(&self, text: &str) -> Result<Value, Bad> {
        if looks_like_a_key(text) {
            return Err(Bad::Key);
        }
        let why = |why: &str| Bad::Why(why.to_owned());
        match self.kind {
            Kind::Money => Money::parse(text)
                .map(Value::Money)
                .map_err(|bad| why(bad.why())),
            Kind::MoneyOrZero if is_zero(text) => Ok(Value::Money(Money::ZERO)),
            Kind::MoneyOrZero => Money::parse(text)
                .map(Value::Money)
                .map_err(|bad| why(bad.why())),
            Kind::Life => Life::parse(text).map(Value::Life).ok_or(why(
                "is not a life of up to a year. Write it like 12h, 7d or 2w",
            )),
            Kind::Grant => number(text).map(Value::Number).ok_or(why(
                "is not a grant's number. Write it like 12; `/slice keys` lists yours",
            )),
            Kind::Event => number(text)
                .map(Value::Number)
                .ok_or(why("is not an event's number. Write it like 12")),
            Kind::Member => user(text).map(Value::User).ok_or(why(
                "is not a mention of a person. Type @ and pick the person from the list",
            )),
            Kind::Channel if text.eq_ignore_ascii_case("off") => Ok(Value::Channel(None)),
            Kind::Channel => channel(text).map(|id| Value::Channel(Some(id))).ok_or(why(
                "is not a channel. Type # and pick it from the list, or say off",
            )),
            Kind::Group => group(text).map(Value::Group).ok_or(why(
                "is not a channel, user group or role. Type # or @ and pick it from the list",
            )),
            Kind::Service => service(text)
                .map(Value::Service)
                .ok_or(why("is not the name of a service. The service comes first")),
            Kind::Choice(words) => choice(words, text)
                .map(Value::Choice)
                .ok_or(Bad::Why(format!("is not one of: {}", words.join(", ")))),
            Kind::Line(max) | Kind::Terms(max) => line(text, max).map(Value::Text),
            Kind::Rest(max) => body(text, max).map(Value::Text),
            Kind::Flag => match text.trim().to_ascii_lowercase().as_str() {
                "" | "true" | "yes" | "on" => Ok(Value::Flag),
                _ => Err(why("is neither said nor left out")),
            },
            Kind::Secret => Err(Bad::Key),
        }
    }

    /// The same as a refusal.
    pub(crate) fn refuse(&self, said: &str, bad: Bad) -> Refusal {
        match bad {
            Bad::Key => Refusal::LooksLikeAKey,
            Bad::Why(why) => Refusal::BadArgument {
                name: self.name,
                said: shorten(said),
                why,
            },
        }
    }

    /// Understands a form's field. `None`: it was left blank. The error is a whole sentence.
    pub(crate) fn read_field(&self, field: &Secret) -> Result<Option<Value>, String> {
        if self.kind == Kind::Secret {
            return read_secret(field);
        }
        let text = words::clean(field.as_field());
        if text.trim().is_empty() {
            return Ok(None);
        }
        let text = text.trim();
        self.read(text).map(Some).map_err(|bad| match bad {
            Bad::Key => "This looks like an API key, so it was refused unread. Keys go into no \
                         other field than the one for a master key; rotate it at its provider."
                .to_owned(),
            Bad::Why(why) => format!("“{}” {why}.", shorten(text)),
        })
    }
}

/// A secret from a form: without blanks around it, of letters that keys are made of.
fn read_secret(field: &Secret) -> Result<Option<Value>, String> {
    let secret = field.trimmed();
    let text = secret.as_field();
    if text.is_empty() {
        return Ok(None);
    }
    if text.chars().count() > SECRET_MAX {
        return Err(format!(
            "That is longer than any key: more than {SECRET_MAX} characters."
        ));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("A key has no blanks, line ends or special letters. Copy it again.".into());
    }
    Ok(Some(Value::Secret(secret)))
}

/// A zero in any form that an amount may have.
fn is_zero(text: &str) -> bool {
    let digits = text.strip_prefix('$').unwrap_or(text);
    let (whole, cents) = digits.split_once('.').unwrap_or((digits, "0"));
    let zeros = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte == b'0');
    zeros(whole) && zeros(cents) && cents.len() <= 2
}

fn number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = (plain && digits.len() <= NUMBER_DIGITS_MAX).then(|| digits.parse().ok())??;
    (0 < number).then_some(number)
}

/// The id in a mention, without the name that some platforms put behind it.
fn mentioned<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let inner = text.strip_prefix(start)?.strip_suffix('>')?;
    let id = inner.split('|').next()?;
    let fits = !id.is_empty() && id.len() <= ID_BYTES_MAX;
    (fits && id.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(id)
}

/// `<@U1>`, `<@U1|ana>`, `<@!123>`.
fn user(text: &str) -> Option<UserId> {
    mentioned(text, "<@!")
        .or_else(|| mentioned(text, "<@"))
        .map(UserId::new)
}

/// `<#C1>`, `<#C1|general>`.
fn channel(text: &str) -> Option<ChannelId> {
    mentioned(text, "<#").map(ChannelId::new)
}

/// `<#C1|general>`, `<!subteam^S1|@owners>`, `<@&123>`.
fn group(text: &str) -> Option<GroupMention> {
    let starts = [
        ("<#", GroupKind::Channel),
        ("<!subteam^", GroupKind::UserGroup),
        ("<@&", GroupKind::DiscordRole),
    ];
    starts.into_iter().find_map(|(start, kind)| {
        let id = mentioned(text, start).map(ChannelId::new)?;
        Some(GroupMention { kind, id })
    })
}

fn service(text: &str) -> Option<ServiceName> {
    let name = text.to_lowercase();
    let first = name.bytes().next()?;
    let fits = first.is_ascii_lowercase() && name.len() <= SERVICE_BYTES_MAX;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (fits && name.bytes().all(plain)).then(|| ServiceName::new(name))
}

fn choice(words: &'static [&'static str], text: &str) -> Option<&'static str> {
    words
        .iter()
        .find(|word| word.eq_ignore_ascii_case(text))
        .copied()
}

/// A text on one line.
fn line(text: &str, max: u32) -> Result<String, Bad> {
    body(&text.replace('\n', " "), max)
}

/// A text, with mentions that carry a name turned into that name.
fn body(text: &str, max: u32) -> Result<String, Bad> {
    let mut text = text.trim().to_owned();
    // A name may itself look like a mention; what is left must read the same when said again.
    loop {
        let plain = named(&text);
        if plain == text {
            break;
        }
        text = plain;
    }
    let length = text.chars().count();
    if length == 0 {
        return Err(Bad::Why("is empty".into()));
    }
    if usize::try_from(max).is_ok_and(|max| max < length) {
        return Err(Bad::Why(format!(
            "has {length} characters; {max} is the most"
        )));
    }
    if looks_like_a_key(&text) {
        return Err(Bad::Key);
    }
    Ok(text)
}

/// `ask <@U1|ana> in <#C1|general>` becomes `ask @ana in #general`: in a text, a mention is only
/// its name, and ids mean nothing to readers.
fn named(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        plain.push_str(before);
        let sign = ["<@", "<#"].iter().find(|start| from.starts_with(**start));
        let end = from.find('>').filter(|end| *end < 200);
        let name = end
            .and_then(|end| from[..end].split_once('|'))
            .map(|(_, name)| name);
        match (sign, end, name) {
            (Some(sign), Some(end), Some(name)) if !name.is_empty() => {
                plain.push_str(&sign[1..]);
                plain.push_str(name.trim_start_matches('@'));
                rest = &from[end + 1..];
            }
            _ => {
                plain.push('<');
                rest = &from[1..];
            }
        }
    }
    plain.push_str(rest);
    plain.trim().to_owned()
}
