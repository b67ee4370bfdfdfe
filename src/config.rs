//! Configuration: from the environment alone, with all mistakes reported at once.

use crate::{
    platforms::discord::{PublicKey, Transport},
    vault::VaultKey,
};
use slice_core::{
    ids::{PlatformName, Workspace, WorkspaceId},
    secret::Secret,
};
use std::{fmt, net::SocketAddr};

/// The embedded database, where `DATABASE_URL` names no other.
const DATABASE_DEFAULT: &str = "sqlite:slice.db";
const SLACK_API_DEFAULT: &str = "https://slack.com/api";
const DISCORD_API_DEFAULT: &str = "https://discord.com/api/v10";
const OPENROUTER_API_DEFAULT: &str = "https://openrouter.ai/api/v1";
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
pub const SLACK_BOT_TOKEN: Variable = Variable {
    name: "SLACK_BOT_TOKEN",
    about: "The bot token of the Slack app (xoxb-…). Leave it empty if Slice is used in Discord alone",
    default: None,
};
pub const SLACK_APP_TOKEN: Variable = Variable {
    name: "SLACK_APP_TOKEN",
    about: "The app-level token with connections:write (xapp-…), for Socket Mode",
    default: None,
};
pub const SLACK_API: Variable = Variable {
    name: "SLICE_SLACK_API_URL",
    about: "Where Slack's Web API is",
    default: Some(SLACK_API_DEFAULT),
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
pub const OPENROUTER_API: Variable = Variable {
    name: "SLICE_OPENROUTER_API_URL",
    about: "Where OpenRouter's API is",
    default: Some(OPENROUTER_API_DEFAULT),
};
pub const WORKSPACES: Variable = Variable {
    name: "SLICE_WORKSPACES",
    about: "More workspaces that may use this Slice, beside the token's own, such as slack/T0123,discord/81384788765712384",
    default: Some(""),
};
pub const LISTEN: Variable = Variable {
    name: "SLICE_LISTEN",
    about: "Where /healthz, /readyz and the platforms' requests are served",
    default: Some(LISTEN_DEFAULT),
};
pub const LOG_FORMAT: Variable = Variable {
    name: "SLICE_LOG_FORMAT",
    about: "How logs are written: text or json",
    default: Some("text"),
};

/// Every variable there is, in the order in which `.env.example` shows them.
pub const ALL: [Variable; 14] = [
    DATABASE_URL,
    VAULT_KEY,
    SLACK_BOT_TOKEN,
    SLACK_APP_TOKEN,
    SLACK_API,
    DISCORD_BOT_TOKEN,
    DISCORD_MODE,
    DISCORD_PUBLIC_KEY,
    DISCORD_MEMBERS,
    DISCORD_API,
    OPENROUTER_API,
    WORKSPACES,
    LISTEN,
    LOG_FORMAT,
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

/// What the environment says of Slack.
#[derive(Debug)]
pub struct SlackSettings {
    pub bot_token: Secret,
    pub app_token: Secret,
    pub api: String,
}

/// What the environment says of Discord.
#[derive(Debug)]
pub struct DiscordSettings {
    pub bot_token: Secret,
    pub transport: Transport,
    pub api: String,
}

/// Everything that `slice serve` needs.
#[derive(Debug)]
pub struct Config {
    pub books: BooksConfig,
    /// At least one of the platforms is there.
    pub slack: Option<SlackSettings>,
    pub discord: Option<DiscordSettings>,
    pub openrouter_api: String,
    pub workspaces: Vec<Workspace>,
    pub listen: SocketAddr,
}

/// What is wrong with the environment: a sentence each.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistakes(pub Vec<String>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The environment is not complete. Nothing was started.")?;
        self.0
            .iter()
            .try_for_each(|mistake| writeln!(f, "  * {mistake}"))
    }
}

impl std::error::Error for Mistakes {}

/// Reads variables and collects what is wrong with them.
struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    mistakes: Vec<String>,
}

impl Reader<'_> {
    fn text(&mut self, variable: &Variable) -> String {
        let value = (self.lookup)(variable.name).filter(|value| !value.trim().is_empty());
        match (value, variable.default) {
            (Some(value), _) => value.trim().to_owned(),
            (None, Some(default)) => default.to_owned(),
            (None, None) => {
                self.mistakes
                    .push(format!("{} is not set. {}.", variable.name, variable.about));
                String::new()
            }
        }
    }

    /// A token, known by its beginning: a mixed-up pair is the most common mistake.
    fn token(&mut self, variable: &Variable, beginning: &str) -> Secret {
        let value = self.text(variable);
        if !value.is_empty() && !value.starts_with(beginning) {
            self.mistakes.push(format!(
                "{} does not begin with {beginning}. {}.",
                variable.name, variable.about
            ));
        }
        Secret::new(value)
    }

    fn url(&mut self, variable: &Variable, schemes: &[&str]) -> String {
        let value = self.text(variable);
        if !schemes.iter().any(|scheme| value.starts_with(scheme)) {
            let expected = schemes.join(" or ");
            self.mistakes
                .push(format!("{} does not begin with {expected}.", variable.name));
        }
        value.trim_end_matches('/').to_owned()
    }

    fn workspaces(&mut self) -> Vec<Workspace> {
        let value = self.text(&WORKSPACES);
        let words = value
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        let parsed: Vec<_> = words.map(|word| (word, parse_workspace(word))).collect();
        for (word, _) in parsed.iter().filter(|(_, workspace)| workspace.is_none()) {
            self.mistakes.push(format!(
                "{}: {word} is not like slack/T0123.",
                WORKSPACES.name
            ));
        }
        parsed
            .into_iter()
            .filter_map(|(_, workspace)| workspace)
            .collect()
    }

    fn is_set(&self, variable: &Variable) -> bool {
        let value = (self.lookup)(variable.name);
        value.is_some_and(|value| !value.trim().is_empty())
    }

    /// A platform is meant if any of its tokens is there.
    fn has_no_platform(&self) -> bool {
        let tokens = [SLACK_BOT_TOKEN, SLACK_APP_TOKEN, DISCORD_BOT_TOKEN];
        !tokens.iter().any(|token| self.is_set(token))
    }

    fn slack(&mut self) -> Option<SlackSettings> {
        if !self.is_set(&SLACK_BOT_TOKEN) && !self.is_set(&SLACK_APP_TOKEN) {
            return None;
        }
        Some(SlackSettings {
            bot_token: self.token(&SLACK_BOT_TOKEN, "xoxb-"),
            app_token: self.token(&SLACK_APP_TOKEN, "xapp-"),
            api: self.url(&SLACK_API, &HTTP),
        })
    }

    fn discord(&mut self) -> Option<DiscordSettings> {
        if !self.is_set(&DISCORD_BOT_TOKEN) {
            return None;
        }
        Some(DiscordSettings {
            bot_token: Secret::new(self.text(&DISCORD_BOT_TOKEN)),
            transport: self.transport(),
            api: self.url(&DISCORD_API, &HTTP),
        })
    }

    fn public_key(&mut self) -> Option<PublicKey> {
        let key = PublicKey::read(&self.text(&DISCORD_PUBLIC_KEY));
        if key.is_none() {
            self.mistakes.push(format!(
                "{} is not 64 hex digits of a key. Copy it from General Information in the \
                 developer portal.",
                DISCORD_PUBLIC_KEY.name
            ));
        }
        key
    }

    fn transport(&mut self) -> Transport {
        let members = match self.text(&DISCORD_MEMBERS).as_str() {
            "on" => true,
            "off" => false,
            _ => {
                let mistake = format!("{} is neither on nor off.", DISCORD_MEMBERS.name);
                self.mistakes.push(mistake);
                false
            }
        };
        let gateway = Transport::Gateway { members };
        match self.text(&DISCORD_MODE).as_str() {
            "gateway" => gateway,
            "http" => self.public_key().map_or(gateway, Transport::Http),
            _ => {
                let mistake = format!("{} is neither gateway nor http.", DISCORD_MODE.name);
                self.mistakes.push(mistake);
                gateway
            }
        }
    }

    fn books(&mut self) -> BooksConfig {
        let database_url = self.url(&DATABASE_URL, &["sqlite:", "postgres://", "postgresql://"]);
        let vault_key = Secret::new(self.text(&VAULT_KEY));
        if !vault_key.expose().is_empty()
            && let Err(bad) = VaultKey::read(Some(vault_key.expose()))
        {
            self.mistakes.push(bad.to_string());
        }
        BooksConfig {
            database_url,
            vault_key,
        }
    }

    fn done<T>(self, value: T) -> Result<T, Mistakes> {
        if self.mistakes.is_empty() {
            Ok(value)
        } else {
            Err(Mistakes(self.mistakes))
        }
    }
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

/// The whole configuration from an environment.
pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Config, Mistakes> {
    let mut reader = Reader {
        lookup,
        mistakes: vec![],
    };
    let books = reader.books();
    let (slack, discord) = (reader.slack(), reader.discord());
    if reader.has_no_platform() {
        reader.mistakes.push(format!(
            "Neither {} nor {} is set, so there is nobody to talk to.",
            SLACK_BOT_TOKEN.name, DISCORD_BOT_TOKEN.name
        ));
    }
    let openrouter_api = reader.url(&OPENROUTER_API, &HTTP);
    let workspaces = reader.workspaces();
    let listen = reader.text(&LISTEN).parse().unwrap_or_else(|_| {
        reader
            .mistakes
            .push(format!("{} is not like {LISTEN_DEFAULT}.", LISTEN.name));
        SocketAddr::from(([127, 0, 0, 1], 0))
    });
    let config = Config {
        books,
        slack,
        discord,
        openrouter_api,
        workspaces,
        listen,
    };
    reader.done(config)
}

/// Only where the books are: for commands that never talk to a chat platform.
pub fn read_books(lookup: &dyn Fn(&str) -> Option<String>) -> Result<BooksConfig, Mistakes> {
    let mut reader = Reader {
        lookup,
        mistakes: vec![],
    };
    let books = reader.books();
    reader.done(books)
}

/// How logs are to be written; anything but `json` is text, since logging must never fail.
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
        ] {
            let found = mistakes
                .0
                .iter()
                .filter(|mistake| mistake.contains(name.name))
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
            Some(SLACK_API_DEFAULT)
        );
        assert!(config.discord.is_none());
    }

    const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    fn with_discord(name: &str) -> Option<String> {
        match name {
            "DISCORD_BOT_TOKEN" => Some("a.b.c".to_owned()),
            "SLICE_VAULT_KEY" => Some("c2xpY2Utc2FuZGJveC10ZXN0LXZhdWx0LWtleS0wMSE=".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn discord_alone_is_enough() {
        let config = read(&with_discord).expect("a configuration");
        assert!(config.slack.is_none());
        let discord = config.discord.expect("Discord");
        assert_eq!(discord.transport, Transport::Gateway { members: false });
        assert_eq!(discord.api, DISCORD_API_DEFAULT);
        let over_http = |name: &str| match name {
            "SLICE_DISCORD_MODE" => Some("http".to_owned()),
            "DISCORD_PUBLIC_KEY" => Some(KEY.to_owned()),
            name => with_discord(name),
        };
        let discord = read(&over_http).expect("a configuration").discord;
        let transport = discord.map(|discord| discord.transport);
        assert!(matches!(transport, Some(Transport::Http(_))));
    }

    #[test]
    fn one_platform_must_be_there_and_be_whole() {
        let none = read(&|_: &str| None).expect_err("mistakes").to_string();
        assert!(
            none.contains("Neither SLACK_BOT_TOKEN nor DISCORD_BOT_TOKEN"),
            "{none}"
        );
        let without_key = |name: &str| match name {
            "SLICE_DISCORD_MODE" => Some("http".to_owned()),
            "SLICE_DISCORD_MEMBERS_INTENT" => Some("perhaps".to_owned()),
            name => with_discord(name),
        };
        let mistakes = read(&without_key).expect_err("mistakes").to_string();
        for name in [&DISCORD_PUBLIC_KEY, &DISCORD_MEMBERS] {
            assert!(mistakes.contains(name.name), "{mistakes}");
        }
    }
}
