//! Configuration: from the environment alone, with all mistakes reported at once.

mod discord;
mod services;
mod slack;

use crate::{services::ServicesConfig, vault::VaultKey};
pub use discord::DiscordSettings;
pub use services::{AWS_ENDPOINT, OPENROUTER_API, RUNPOD_API, S3_PRICES};
pub use slack::{
    SLACK, SLACK_API, SLACK_APP_TOKEN, SLACK_BOT_TOKEN, SLACK_CLIENT_ID, SLACK_CLIENT_SECRET,
    SLACK_SIGNING_SECRET, SlackSettings,
};
use slice_core::{
    ids::{PlatformName, Workspace, WorkspaceId},
    secret::Secret,
};
use std::{fmt, net::SocketAddr};
use url::{Host, Url};

/// The embedded database, where `DATABASE_URL` names no other.
const DATABASE_DEFAULT: &str = "sqlite:slice.db";
const DISCORD_API_DEFAULT: &str = "https://discord.com/api/v10";
const HTTP: [&str; 2] = ["http://", "https://"];
const LISTEN_DEFAULT: &str = "127.0.0.1:8080";

/// One variable: the only list of them, from which `.env.example` and error texts follow.
pub struct Variable {
    pub name: &'static str,
    pub about: &'static str,
    pub default: Option<&'static str>,
}

pub const DATABASE_URL: Variable = Variable {
    name: "DATABASE_URL",
    about: "Where the books are: sqlite:<file>, or the address of a PostgreSQL (postgres://…) for several replicas",
    default: Some(DATABASE_DEFAULT),
};
pub const VAULT_KEY: Variable = Variable {
    name: "SLICE_VAULT_KEY",
    about: "The vault key: base64 of 32 bytes, or the path of a file that holds it. Make one with \
            `slice keygen`. Without it nothing in the vault can ever be opened again",
    default: None,
};
pub const DISCORD_BOT_TOKEN: Variable = Variable {
    name: "DISCORD_BOT_TOKEN",
    about: "The bot token of the Discord application. Leave it empty if Slice is used in Slack alone",
    default: None,
};
pub const DISCORD_MODE: Variable = Variable {
    name: "SLICE_DISCORD_MODE",
    about: "How Discord's interactions come in: gateway (Slice connects to Discord), or http (Discord \
            calls https://<your host>/discord/interactions)",
    default: Some("gateway"),
};
pub const DISCORD_PUBLIC_KEY: Variable = Variable {
    name: "DISCORD_PUBLIC_KEY",
    about: "The public key of the Discord application, 64 hex digits: needed in the mode http",
    default: Some(""),
};
pub const DISCORD_MEMBERS: Variable = Variable {
    name: "SLICE_DISCORD_MEMBERS_INTENT",
    about: "on: hear at once when people leave or change roles, if the application was given the \
            privileged members intent; off: look often enough",
    default: Some("off"),
};
pub const DISCORD_API: Variable = Variable {
    name: "SLICE_DISCORD_API_URL",
    about: "Where Discord's REST API is, with its version",
    default: Some(DISCORD_API_DEFAULT),
};
pub const PUBLIC_URL: Variable = Variable {
    name: "SLICE_PUBLIC_URL",
    about: "Where chat platforms reach this Slice from outside, such as https://slice.example.com; only signed HTTP needs it",
    default: Some(""),
};
pub const WORKSPACES: Variable = Variable {
    name: "SLICE_WORKSPACES",
    about: "More workspaces that may use this Slice, beside the token's own, such as slack/T0123,discord/81384788765712384",
    default: Some(""),
};
pub const LISTEN: Variable = Variable {
    name: "SLICE_LISTEN",
    about: "Where /healthz and /readyz are served, and chat platforms' signed requests taken",
    default: Some(LISTEN_DEFAULT),
};
pub const LOG_FORMAT: Variable = Variable {
    name: "SLICE_LOG_FORMAT",
    about: "How logs are written: text or json",
    default: Some("text"),
};

pub const LOG_LEVEL: Variable = Variable {
    name: "RUST_LOG",
    about: "What is logged, such as warn or slice=debug. Crates that would print what they carry stay at info",
    default: Some("info"),
};

/// Every variable there is, in the order in which `.env.example` shows them.
pub const ALL: [Variable; 22] = [
    DATABASE_URL,
    VAULT_KEY,
    SLACK_BOT_TOKEN,
    SLACK_APP_TOKEN,
    SLACK_SIGNING_SECRET,
    SLACK_CLIENT_ID,
    SLACK_CLIENT_SECRET,
    SLACK_API,
    DISCORD_BOT_TOKEN,
    DISCORD_MODE,
    DISCORD_PUBLIC_KEY,
    DISCORD_MEMBERS,
    DISCORD_API,
    OPENROUTER_API,
    AWS_ENDPOINT,
    RUNPOD_API,
    S3_PRICES,
    WORKSPACES,
    PUBLIC_URL,
    LISTEN,
    LOG_FORMAT,
    LOG_LEVEL,
];

/// What Discord is reached with.
pub const DISCORD: [&Variable; 4] = [
    &DISCORD_BOT_TOKEN,
    &DISCORD_MODE,
    &DISCORD_PUBLIC_KEY,
    &DISCORD_MEMBERS,
];

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// Where the books are and what opens them: all that the commands without a chat platform need.
#[derive(Debug)]
pub struct BooksConfig {
    pub database_url: String,
    pub vault_key: Secret,
}

/// Everything that `slice serve` needs.
#[derive(Debug)]
pub struct Config {
    pub books: BooksConfig,
    /// At least one of the platforms is there.
    pub slack: Option<SlackSettings>,
    pub discord: Option<DiscordSettings>,
    pub services: ServicesConfig,
    pub workspaces: Vec<Workspace>,
    pub listen: SocketAddr,
}

/// What is wrong with a variable.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake {
    pub variable: &'static str,
    /// A sentence that names the variable and never repeats its value.
    pub says: String,
}

/// All that is wrong with the environment.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

impl Mistakes {
    /// Whether one of these variables cannot be used.
    pub fn concern(&self, variables: &[&Variable]) -> bool {
        let named = |mistake: &Mistake| variables.iter().any(|one| one.name == mistake.variable);
        self.0.iter().any(named)
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The environment is not complete. Nothing was started.")?;
        self.0
            .iter()
            .try_for_each(|mistake| writeln!(f, "  * {}", mistake.says))
    }
}

impl std::error::Error for Mistakes {}

/// Reads variables and collects what is wrong with them.
struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    mistakes: Mistakes,
}

impl Reader<'_> {
    fn mistake(&mut self, variable: &Variable, says: String) {
        let variable = variable.name;
        self.mistakes.0.push(Mistake { variable, says });
    }

    fn text(&mut self, variable: &Variable) -> String {
        let value = (self.lookup)(variable.name).filter(|value| !value.trim().is_empty());
        match (value, variable.default) {
            (Some(value), _) => value.trim().to_owned(),
            (None, Some(default)) => default.to_owned(),
            (None, None) => {
                let says = format!("{} is not set. {}.", variable.name, variable.about);
                self.mistake(variable, says);
                String::new()
            }
        }
    }

    /// A token, known by its beginning: a mixed-up pair is the most common mistake.
    fn token(&mut self, variable: &Variable, beginning: &str) -> Secret {
        let value = self.text(variable);
        if !value.is_empty() && !value.starts_with(beginning) {
            let (name, about) = (variable.name, variable.about);
            self.mistake(
                variable,
                format!("{name} does not begin with {beginning}. {about}."),
            );
        }
        Secret::new(value)
    }

    fn url(&mut self, variable: &Variable, schemes: &[&str]) -> String {
        let value = self.text(variable);
        if !schemes.iter().any(|scheme| value.starts_with(scheme)) {
            let expected = schemes.join(" or ");
            let says = format!("{} does not begin with {expected}.", variable.name);
            self.mistake(variable, says);
        }
        if value.starts_with("http://") && !is_loopback(&value) {
            let says = format!(
                "{} is http:// to another machine, where keys would go in the clear. Use https://.",
                variable.name
            );
            self.mistake(variable, says);
        }
        value.trim_end_matches('/').to_owned()
    }

    /// `None` if it is not set; without a slash at its end.
    fn public_url(&mut self) -> Option<String> {
        let value = self.text(&PUBLIC_URL);
        if value.is_empty() {
            return None;
        }
        let is_host = |url: &url::Url| {
            let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
            is_bare && HTTP.iter().any(|scheme| value.starts_with(scheme))
        };
        if !url::Url::parse(&value).is_ok_and(|url| is_host(&url)) {
            let says = format!(
                "{} is not like https://slice.example.com, without a path.",
                PUBLIC_URL.name
            );
            self.mistake(&PUBLIC_URL, says);
        }
        Some(value.trim_end_matches('/').to_owned())
    }

    fn workspaces(&mut self) -> Vec<Workspace> {
        let value = self.text(&WORKSPACES);
        let words = value
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        let parsed: Vec<_> = words.map(|word| (word, parse_workspace(word))).collect();
        for (word, _) in parsed.iter().filter(|(_, workspace)| workspace.is_none()) {
            let says = format!("{}: {word} is not like slack/T0123.", WORKSPACES.name);
            self.mistake(&WORKSPACES, says);
        }
        parsed
            .into_iter()
            .filter_map(|(_, workspace)| workspace)
            .collect()
    }

    /// A platform is meant if any of its variables is there.
    fn is_any_set(&self, variables: &[&Variable]) -> bool {
        variables.iter().any(|variable| {
            let value = (self.lookup)(variable.name);
            value.is_some_and(|value| !value.trim().is_empty())
        })
    }

    fn books(&mut self) -> BooksConfig {
        let database_url = self.url(&DATABASE_URL, &["sqlite:", "postgres://", "postgresql://"]);
        let vault_key = Secret::new(self.text(&VAULT_KEY));
        if !vault_key.expose().is_empty()
            && let Err(bad) = VaultKey::read(Some(vault_key.expose()))
        {
            self.mistake(&VAULT_KEY, format!("{bad}."));
        }
        BooksConfig {
            database_url,
            vault_key,
        }
    }
}

fn is_loopback(address: &str) -> bool {
    let parsed = Url::parse(address).ok();
    parsed.is_some_and(|url| match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    })
}

/// `slack/T0123` as a workspace.
pub fn parse_workspace(word: &str) -> Option<Workspace> {
    let (platform, id) = word.split_once('/')?;
    let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let platform = PlatformName::from_word(platform).filter(|_| plain)?;
    Some(Workspace {
        platform,
        id: WorkspaceId::new(id),
    })
}

impl Mistakes {
    fn none_or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

/// The whole configuration from an environment.
pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Config, Mistakes> {
    let (config, mistakes) = look(lookup);
    mistakes.none_or(config)
}

/// The configuration as far as it can be read, and what is wrong with the rest.
pub fn look(lookup: &dyn Fn(&str) -> Option<String>) -> (Config, Mistakes) {
    let mut reader = reader(lookup);
    let books = reader.books();
    let slack = SlackSettings::read(&mut reader);
    let discord = DiscordSettings::read(&mut reader);
    if !reader.is_any_set(&SLACK) && !reader.is_any_set(&DISCORD) {
        let says = format!(
            "Neither {} nor {} is set, so there is nobody to talk to.",
            SLACK_BOT_TOKEN.name, DISCORD_BOT_TOKEN.name
        );
        reader.mistake(&SLACK_BOT_TOKEN, says);
    }
    let services = ServicesConfig::read(&mut reader);
    let workspaces = reader.workspaces();
    let listen = reader.text(&LISTEN).parse().unwrap_or_else(|_| {
        reader.mistake(
            &LISTEN,
            format!("{} is not like {LISTEN_DEFAULT}.", LISTEN.name),
        );
        SocketAddr::from(([127, 0, 0, 1], 0))
    });
    let format = reader.text(&LOG_FORMAT);
    if !["text", "json"].contains(&format.as_str()) {
        let says = format!("{} is neither text nor json.", LOG_FORMAT.name);
        reader.mistake(&LOG_FORMAT, says);
    }
    let config = Config {
        books,
        slack,
        discord,
        services,
        workspaces,
        listen,
    };
    (config, reader.mistakes)
}

fn reader(lookup: &dyn Fn(&str) -> Option<String>) -> Reader<'_> {
    Reader {
        lookup,
        mistakes: Mistakes(vec![]),
    }
}

/// Only where the books are: for commands that never talk to a chat platform.
pub fn read_books(lookup: &dyn Fn(&str) -> Option<String>) -> Result<BooksConfig, Mistakes> {
    let mut reader = reader(lookup);
    let books = reader.books();
    reader.mistakes.none_or(books)
}

/// Where the books and the providers are: for commands that work with the vault alone.
pub fn read_vault(
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<(BooksConfig, ServicesConfig), Mistakes> {
    let mut reader = reader(lookup);
    let books = reader.books();
    let services = ServicesConfig::read(&mut reader);
    reader.mistakes.none_or((books, services))
}

/// Where chat platforms reach this Slice from outside, if the environment says so.
pub fn read_public_url(
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, Mistakes> {
    let mut reader = reader(lookup);
    let url = reader.public_url();
    reader.mistakes.none_or(url)
}

/// How logs are to be written; anything but `json` is text, so that mistakes can be logged at all.
pub fn log_format(lookup: &dyn Fn(&str) -> Option<String>) -> LogFormat {
    match lookup(LOG_FORMAT.name).as_deref() {
        Some("json") => LogFormat::Json,
        _ => LogFormat::Text,
    }
}

/// The file to copy to `.env`: every variable with what it is for.
pub fn env_example() -> String {
    let mut text =
        "# Copy this to .env, fill it in, and load it with `set -a; . ./.env; set +a`. Nothing here belongs\n# into a chat.\n".to_owned();
    for Variable {
        name,
        about,
        default,
    } in &ALL
    {
        let line = match default {
            Some(default) => format!("# {name}={default}"),
            None => format!("{name}="),
        };
        text = format!("{text}\n# {about}.\n{line}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let lookup = |name: &str| match name {
            "SLACK_BOT_TOKEN" => Some("xapp-mixed-up".to_owned()),
            "DATABASE_URL" => Some("mysql://somewhere".to_owned()),
            "SLICE_LISTEN" => Some("everywhere".to_owned()),
            "SLICE_LOG_FORMAT" => Some("jsno".to_owned()),
            "SLICE_OPENROUTER_API_URL" => Some("http://openrouter.ai/api/v1".to_owned()),
            "SLICE_WORKSPACES" => Some("slack/T1, T2".to_owned()),
            _ => None,
        };
        let mistakes = read(&lookup).expect_err("mistakes");
        for name in [
            &DATABASE_URL,
            &VAULT_KEY,
            &SLACK_BOT_TOKEN,
            &SLACK_APP_TOKEN,
            &WORKSPACES,
            &LISTEN,
            &LOG_FORMAT,
            &OPENROUTER_API,
        ] {
            let found = mistakes
                .0
                .iter()
                .filter(|mistake| mistake.variable == name.name)
                .count();
            assert_eq!(found, 1, "{}: {mistakes}", name.name);
        }
        assert!(
            !mistakes.to_string().contains("mixed-up"),
            "no value is repeated"
        );
    }

    #[test]
    fn a_complete_environment_reads() {
        let lookup = |name: &str| match name {
            "SLACK_BOT_TOKEN" => Some("xoxb-1".to_owned()),
            "SLACK_APP_TOKEN" => Some("xapp-1".to_owned()),
            "SLICE_VAULT_KEY" => Some("c2xpY2Utc2FuZGJveC10ZXN0LXZhdWx0LWtleS0wMSE=".to_owned()),
            _ => None,
        };
        let config = read(&lookup).expect("a configuration");
        assert_eq!(config.books.database_url, DATABASE_DEFAULT);
        assert_eq!(
            config.slack.map(|slack| slack.api).as_deref(),
            SLACK_API.default
        );
        assert!(config.discord.is_none());
    }
}
