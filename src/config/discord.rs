//! What the environment says of Discord.

use super::{
    DISCORD, DISCORD_API, DISCORD_BOT_TOKEN, DISCORD_MEMBERS, DISCORD_MODE, DISCORD_PUBLIC_KEY,
    HTTP, Reader,
};
use crate::platforms::discord::{PublicKey, Transport};
use slice_core::secret::Secret;

/// How to reach Discord, and how it reaches us.
#[derive(Debug)]
pub struct DiscordSettings {
    pub bot_token: Secret,
    pub transport: Transport,
    pub api: String,
}

impl DiscordSettings {
    /// `None`: nothing of Discord is set.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        reader.is_any_set(&DISCORD).then(|| Self {
            bot_token: Secret::new(reader.text(&DISCORD_BOT_TOKEN)),
            transport: transport(reader),
            api: reader.url(&DISCORD_API, &HTTP),
        })
    }
}

fn public_key(reader: &mut Reader<'_>) -> Option<PublicKey> {
    let key = PublicKey::read(&reader.text(&DISCORD_PUBLIC_KEY));
    if key.is_none() {
        let says = format!(
            "{} is not 64 hex digits of a key. Copy it from General Information in the developer \
             portal.",
            DISCORD_PUBLIC_KEY.name
        );
        reader.mistake(&DISCORD_PUBLIC_KEY, says);
    }
    key
}

fn transport(reader: &mut Reader<'_>) -> Transport {
    let members = match reader.text(&DISCORD_MEMBERS).as_str() {
        "on" => true,
        "off" => false,
        _ => {
            let says = format!("{} is neither on nor off.", DISCORD_MEMBERS.name);
            reader.mistake(&DISCORD_MEMBERS, says);
            false
        }
    };
    let gateway = Transport::Gateway { members };
    match reader.text(&DISCORD_MODE).as_str() {
        "gateway" => gateway,
        "http" => public_key(reader).map_or(gateway, Transport::Http),
        _ => {
            let says = format!("{} is neither gateway nor http.", DISCORD_MODE.name);
            reader.mistake(&DISCORD_MODE, says);
            gateway
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DISCORD_API_DEFAULT, read};

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
