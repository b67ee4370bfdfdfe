//! Slack, over Socket Mode or signed HTTP: what Slice says there, and what it hears.

mod answers;
mod check;
mod failure;
mod http;
mod letters;
mod listener;
mod mentions;
mod payload;
mod people;
mod render;
mod room;
mod signature;
mod socket;
mod views;
mod web;

pub use http::SlackHttp;
pub use listener::SlackListener;
pub use socket::{SlackSocket, SocketStatus};

use failure::Failure;
use serde::Deserialize;
use slice_core::{
    BoxFuture,
    ids::{ChannelId, Identity, MessageId, PlatformName, Workspace},
    ports::{Address, GroupFacts, Letter, Platform, PlatformError, Posted},
    reply::Attachment,
    role::{Group, GroupKind, Standing},
    secret::Secret,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::OnceCell;
use web::Web;

/// How to reach one Slack workspace.
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
    Http { signing_secret: Secret },
}

/// One Slack workspace, that of the bot token. Clones are the same.
#[derive(Clone, Debug)]
pub struct SlackPlatform {
    slack: Arc<Slack>,
}

#[derive(Debug)]
struct Slack {
    web: Web,
    transport: Transport,
    /// What `auth.test` said; it does not change while a token lives.
    home: OnceCell<Home>,
    /// Direct messages by user.
    directs: Mutex<HashMap<String, String>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Home {
    team_id: String,
    #[serde(rename = "team")]
    team_name: String,
}

impl SlackPlatform {
    /// Connects to nothing yet. `Err` if the machine has no root certificates to trust Slack by.
    pub fn new(config: SlackConfig) -> Result<Self, String> {
        let web = Web::new(&config).map_err(|error| {
            format!("no root certificates to trust Slack by ({})", error.kind())
        })?;
        let slack = Slack {
            web,
            transport: config.transport,
            home: OnceCell::new(),
            directs: Mutex::default(),
        };
        Ok(Self {
            slack: Arc::new(slack),
        })
    }

    /// The workspace of the bot token.
    pub async fn workspace(&self) -> Result<Workspace, PlatformError> {
        let home = self.slack.home().await.map_err(Failure::of_question)?;
        Ok(payload::workspace(&home.team_id))
    }
}

impl Slack {
    async fn home(&self) -> Result<&Home, Failure> {
        self.home
            .get_or_try_init(|| self.web.ask::<Home>("auth.test", &[]))
            .await
    }

    /// Only the token's own workspace can be reached.
    async fn is_home(&self, workspace: &Workspace) -> Result<(), PlatformError> {
        let home = self.home().await.map_err(Failure::of_preparation)?;
        if workspace.platform == PlatformName::Slack && workspace.id.as_str() == home.team_id {
            return Ok(());
        }
        Err(PlatformError::Refused(
            "Slice has no token for that workspace".to_owned(),
        ))
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
            self.slack.is_home(workspace).await?;
            let home = self.slack.home().await.map_err(Failure::of_question)?;
            Ok(Some(home.team_name.clone()))
        })
    }

    fn installer<'a>(
        &'a self,
        workspace: &'a Workspace,
    ) -> BoxFuture<'a, Result<Option<Identity>, PlatformError>> {
        Box::pin(self.slack.installer(workspace))
    }
}
