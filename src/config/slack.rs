//! What the environment says of Slack.

use super::{HTTP, PUBLIC_URL, Reader, Variable};
use crate::platforms::slack::{OauthConfig, Transport};
use slice_core::secret::Secret;
use std::sync::Arc;

pub const SLACK_BOT_TOKEN: Variable = Variable {
    name: "SLACK_BOT_TOKEN",
    about: "The bot token of the Slack app (xoxb-…). Leave it empty if Slice is used in Discord alone",
    default: None,
};
pub const SLACK_APP_TOKEN: Variable = Variable {
    name: "SLACK_APP_TOKEN",
    about: "Either the app-level token with connections:write (xapp-…), for Socket Mode",
    default: Some(""),
};
pub const SLACK_SIGNING_SECRET: Variable = Variable {
    name: "SLACK_SIGNING_SECRET",
    about: "Or the app's signing secret, for signed HTTP: Slack sends requests to Slice",
    default: Some(""),
};
pub const SLACK_CLIENT_ID: Variable = Variable {
    name: "SLACK_CLIENT_ID",
    about: "The app's client id, if more workspaces are to install it: over signed HTTP, at SLICE_PUBLIC_URL/slack/install",
    default: Some(""),
};
pub const SLACK_CLIENT_SECRET: Variable = Variable {
    name: "SLACK_CLIENT_SECRET",
    about: "The app's client secret, with SLACK_CLIENT_ID",
    default: Some(""),
};
pub const SLACK_API: Variable = Variable {
    name: "SLICE_SLACK_API_URL",
    about: "Where Slack's Web API is",
    default: Some("https://slack.com/api"),
};
/// What Slack is reached with.
pub const SLACK: [&Variable; 5] = [
    &SLACK_BOT_TOKEN,
    &SLACK_APP_TOKEN,
    &SLACK_SIGNING_SECRET,
    &SLACK_CLIENT_ID,
    &SLACK_CLIENT_SECRET,
];

/// Slack's are 32 hex digits; a short one could be guessed.
const SIGNING_SECRET_MIN: usize = 16;

/// How to reach Slack, and how it reaches us.
#[derive(Debug)]
pub struct SlackSettings {
    pub bot_token: Secret,
    pub api: String,
    pub transport: Transport,
}

impl SlackSettings {
    /// `None`: nothing of Slack is set.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        reader.is_any_set(&SLACK).then(|| Self {
            bot_token: reader.token(&SLACK_BOT_TOKEN, "xoxb-"),
            api: reader.url(&SLACK_API, &HTTP),
            transport: transport(reader),
        })
    }
}

/// One of the two has to be chosen: with both, nobody could say which one Slack uses.
fn transport(reader: &mut Reader<'_>) -> Transport {
    let signing_secret = Secret::new(reader.text(&SLACK_SIGNING_SECRET));
    let oauth = oauth(reader, !signing_secret.expose().is_empty());
    let app_token = reader.token(&SLACK_APP_TOKEN, "xapp-");
    let (app, signing) = (SLACK_APP_TOKEN.name, SLACK_SIGNING_SECRET.name);
    match (app_token.expose().is_empty(), signing_secret.expose().len()) {
        (true, 0) => reader.mistake(
            &SLACK_APP_TOKEN,
            format!(
                "Neither {app} nor {signing} is set. Set {app} for Socket Mode, or {signing} for \
                 signed HTTP."
            ),
        ),
        (true, length) if length < SIGNING_SECRET_MIN => reader.mistake(
            &SLACK_SIGNING_SECRET,
            format!("{signing} is too short to be one. Copy it from Basic Information of the app."),
        ),
        (true, _) => {
            return Transport::Http {
                signing_secret,
                oauth,
            };
        }
        (false, 0) => {}
        (false, _) => reader.mistake(
            &SLACK_APP_TOKEN,
            format!(
                "Both {app} and {signing} are set. Keep {app} for Socket Mode, or {signing} for \
                 signed HTTP, as the app is configured."
            ),
        ),
    }
    Transport::Socket { app_token }
}

/// `None` if nothing is said of it, or not enough.
fn oauth(reader: &mut Reader<'_>, over_http: bool) -> Option<Arc<OauthConfig>> {
    let client_id = reader.text(&SLACK_CLIENT_ID);
    let client_secret = Secret::new(reader.text(&SLACK_CLIENT_SECRET));
    let public_url = reader.public_url();
    let (id, secret) = (SLACK_CLIENT_ID.name, SLACK_CLIENT_SECRET.name);
    match (client_id.is_empty(), client_secret.expose().is_empty()) {
        (true, true) => return None,
        (false, false) => {}
        _ => reader.mistake(
            &SLACK_CLIENT_ID,
            format!("Only one of {id} and {secret} is set. Set both, or none."),
        ),
    }
    if !over_http {
        reader.mistake(
            &SLACK_CLIENT_ID,
            format!(
                "{id} is set without {}: only over signed HTTP can more workspaces install the app.",
                SLACK_SIGNING_SECRET.name
            ),
        );
    }
    let Some(public_url) = public_url else {
        reader.mistake(
            &PUBLIC_URL,
            format!(
                "{} is not set: {id} needs it for installations.",
                PUBLIC_URL.name
            ),
        );
        return None;
    };
    Some(Arc::new(OauthConfig {
        client_id,
        client_secret,
        public_url,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Mistakes, read};

    fn settings(
        app_token: Option<&str>,
        signing_secret: Option<&str>,
    ) -> Result<Transport, Mistakes> {
        let lookup = |name: &str| match name {
            "SLACK_BOT_TOKEN" => Some("xoxb-1".to_owned()),
            "SLICE_VAULT_KEY" => Some("c2xpY2Utc2FuZGJveC10ZXN0LXZhdWx0LWtleS0wMSE=".to_owned()),
            "SLACK_APP_TOKEN" => app_token.map(str::to_owned),
            "SLACK_SIGNING_SECRET" => signing_secret.map(str::to_owned),
            _ => None,
        };
        read(&lookup).map(|config| config.slack.expect("Slack").transport)
    }

    #[test]
    fn exactly_one_way_in_is_chosen() {
        let secret = "0123456789abcdef0123456789abcdef";
        let socket = settings(Some("xapp-1"), None);
        assert!(matches!(socket, Ok(Transport::Socket { .. })));
        let http = settings(None, Some(secret));
        assert!(matches!(http, Ok(Transport::Http { .. })));
        for (app_token, signing_secret, part) in [
            (None, None, "Neither SLACK_APP_TOKEN nor"),
            (Some("xapp-1"), Some(secret), "Both SLACK_APP_TOKEN and"),
            (None, Some("short"), "too short"),
        ] {
            let mistakes = settings(app_token, signing_secret).expect_err("a mistake");
            assert_eq!(mistakes.0.len(), 1, "{mistakes}");
            let says = mistakes.to_string();
            assert!(says.contains(part) && !says.contains(secret), "{says}");
        }
    }
}
