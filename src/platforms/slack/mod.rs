//! Slack, over Socket Mode or signed HTTP: what Slice says there, and what it hears.

mod answers;
mod check;
mod failure;
mod http;
mod letters;
mod listener;
mod mentions;
mod oauth;
mod payload;
mod people;
mod render;
mod room;
mod signature;
mod socket;
mod teams;
mod views;
mod web;

pub use http::SlackHttp;
pub use listener::SlackListener;
pub use socket::{SlackSocket, SocketStatus};
pub use teams::NoTokens;

use failure::Failure;
use slack_morphism::SlackApiToken;
use slice_core::{
    BoxFuture,
    ids::{ChannelId, Identity, MessageId, PlatformName, Workspace},
    install::Tokens,
    page::Page,
    ports::{Address, GroupFacts, Letter, Names, Platform, PlatformError, Posted},
    reply::Attachment,
    role::{Group, GroupKind, Standing},
    secret::Secret,
};
use std::{fmt, sync::Arc, time::Duration};
use teams::Teams;
use web::Web;

/// How to reach Slack, and the one workspace that needs no installation.
#[derive(Debug)]
pub struct SlackConfig {
    /// Where the Web API is, without a slash at its end. Plain HTTP is spoken only if this says so.
    pub api_url: String,
    /// `xoxb-…`
    pub bot_token: Secret,
    pub transport: Transport,
    /// A call that takes longer has an unknown outcome.
    pub call_timeout: Duration,
}

/// How Slack's deliveries come in.
#[derive(Debug)]
pub enum Transport {
    /// Slice keeps sockets open to Slack, with an app-level token (`xapp-…`, `connections:write`).
    Socket { app_token: Secret },
    /// Slack sends requests to Slice, signed with this secret.
    Http {
        signing_secret: Secret,
        /// How more workspaces install Slice; `None`: they cannot.
        oauth: Option<Arc<OauthConfig>>,
    },
}

/// The app, as a workspace that installs it knows it.
#[derive(Debug)]
pub struct OauthConfig {
    pub client_id: String,
    pub client_secret: Secret,
    /// Where browsers reach Slice, without a slash at its end.
    pub public_url: String,
}

/// The Slack workspaces that Slice has tokens for. Clones are the same.
#[derive(Clone, Debug)]
pub struct SlackPlatform {
    slack: Arc<Slack>,
}

struct Slack {
    web: Arc<Web>,
    transport: Transport,
    bot_token: SlackApiToken,
    teams: Teams,
}

impl fmt::Debug for Slack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slack(…)")
    }
}

impl SlackPlatform {
    /// Connects to nothing yet. `tokens` are those of other workspaces. `Err` if the machine has no root certificates to trust Slack by.
    pub fn new(config: SlackConfig, tokens: Arc<dyn Tokens>) -> Result<Self, String> {
        let web = Web::new(&config).map_err(|error| {
            format!("no root certificates to trust Slack by ({})", error.kind())
        })?;
        let slack = Slack {
            web: Arc::new(web),
            bot_token: web::token(&config.bot_token),
            transport: config.transport,
            teams: Teams::new(tokens),
        };
        Ok(Self {
            slack: Arc::new(slack),
        })
    }

    /// The workspace of the bot token.
    pub async fn workspace(&self) -> Result<Workspace, PlatformError> {
        let home = self.slack.home().await.map_err(Failure::of_question)?;
        Ok(payload::workspace(home.id.as_str()))
    }
}

impl Platform for SlackPlatform {
    fn name(&self) -> PlatformName {
        PlatformName::Slack
    }

    fn post<'a>(
        &'a self,
        to: Address<'a>,
        letter: &'a Letter<'a>,
    ) -> BoxFuture<'a, Result<Posted, PlatformError>> {
        Box::pin(self.slack.post(to, letter))
    }

    fn edit<'a>(
        &'a self,
        posted: &'a Posted,
        letter: &'a Letter<'a>,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        Box::pin(self.slack.edit(posted, letter))
    }

    fn find<'a>(
        &'a self,
        to: Address<'a>,
        id: MessageId,
    ) -> BoxFuture<'a, Result<Option<Posted>, PlatformError>> {
        Box::pin(self.slack.find(to, id))
    }

    fn send_file<'a>(
        &'a self,
        to: &'a Identity,
        file: &'a Attachment,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        Box::pin(self.slack.send_file(to, file))
    }

    fn standing<'a>(&'a self, who: &'a Identity) -> BoxFuture<'a, Result<Standing, PlatformError>> {
        Box::pin(self.slack.standing(who))
    }

    fn publish_home<'a>(
        &'a self,
        who: &'a Identity,
        page: &'a Page,
        names: Names<'a>,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        Box::pin(self.slack.publish_home(who, page, names))
    }

    fn called<'a>(
        &'a self,
        who: &'a Identity,
    ) -> BoxFuture<'a, Result<Option<String>, PlatformError>> {
        Box::pin(async move { self.slack.called(who).await.map_err(Failure::of_question) })
    }

    fn is_in<'a>(
        &'a self,
        who: &'a Identity,
        group: &'a Group,
    ) -> BoxFuture<'a, Result<bool, PlatformError>> {
        Box::pin(self.slack.is_in(who, group))
    }

    fn group<'a>(
        &'a self,
        workspace: &'a Workspace,
        kind: GroupKind,
        id: &'a ChannelId,
    ) -> BoxFuture<'a, Result<Option<GroupFacts>, PlatformError>> {
        Box::pin(self.slack.group(workspace, kind, id))
    }

    fn workspace_name<'a>(
        &'a self,
        workspace: &'a Workspace,
    ) -> BoxFuture<'a, Result<Option<String>, PlatformError>> {
        Box::pin(async move {
            let name = self.slack.team_name(workspace).await;
            name.map(Some).map_err(Failure::of_question)
        })
    }

    fn is_installed<'a>(
        &'a self,
        workspace: &'a Workspace,
    ) -> BoxFuture<'a, Result<bool, PlatformError>> {
        Box::pin(async move {
            let installed = self.slack.is_installed(workspace).await;
            installed.map_err(Failure::of_question)
        })
    }

    fn installer<'a>(
        &'a self,
        workspace: &'a Workspace,
    ) -> BoxFuture<'a, Result<Option<Identity>, PlatformError>> {
        Box::pin(self.slack.installer(workspace))
    }
}
