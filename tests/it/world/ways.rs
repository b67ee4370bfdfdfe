//! How the bot of a world hears its platforms.

use super::{SIGNING_SECRET, Way, World};
use slice::platforms::{
    discord::{self, PublicKey},
    slack::{OauthConfig, Transport},
};
use slice_core::{
    ids::{PlatformName, Workspace, WorkspaceId},
    secret::Secret,
};
use std::sync::Arc;

impl World {
    /// How more workspaces install the app.
    pub(super) fn oauth(&self) -> OauthConfig {
        let (client_id, client_secret) = self.sandbox.slack.client();
        OauthConfig {
            client_id,
            client_secret: Secret::new(client_secret),
            public_url: self.url.clone(),
        }
    }

    /// Anybody can add a Discord application to a server of theirs, so this one is listed.
    pub(super) fn listed(&self) -> Option<Workspace> {
        self.way.has_discord().then(|| Workspace {
            platform: PlatformName::Discord,
            id: WorkspaceId::new(self.sandbox.discord.guild_id()),
        })
    }

    /// How Slack's deliveries come, if it is Slack.
    pub(super) fn transport(&self) -> Option<Transport> {
        match self.way {
            Way::SlackSocket | Way::Both => Some(Transport::Socket {
                app_token: Secret::new(self.sandbox.slack.app_token()),
            }),
            Way::SlackHttp => Some(Transport::Http {
                signing_secret: Secret::new(SIGNING_SECRET.to_owned()),
                oauth: Some(Arc::new(self.oauth())),
            }),
            Way::Discord | Way::DiscordHttp => None,
        }
    }

    /// How Discord's deliveries come, if it is Discord.
    pub(super) fn discord_transport(&self) -> discord::Transport {
        match self.way {
            Way::DiscordHttp => {
                let key = PublicKey::read(&self.sandbox.discord.public_key());
                discord::Transport::Http(key.expect("a public key"))
            }
            _ => discord::Transport::Gateway { members: false },
        }
    }
}
