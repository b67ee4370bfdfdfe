//! Discord over its gateway or signed HTTP: what Slice says there, and what it hears.

mod answers;
mod buttons;
mod check;
mod door;
mod endpoint;
mod failure;
mod forms;
mod gateway;
mod letters;
mod limits;
mod markdown;
mod payload;
mod people;
mod permissions;
mod questions;
mod registration;
mod render;
mod room;
mod shard;
mod web;

pub use door::DiscordDoor;
pub use endpoint::{DiscordEndpoint, PublicKey};
pub use gateway::{DiscordGateway, GatewayStatus};

use failure::Failure;
use forms::Forms;
use limits::Closed;
use questions::Questions;
use serde::Deserialize;
use slice_core::{
    BoxFuture,
    ids::{ChannelId, Identity, MessageId, PlatformName, Workspace},
    ports::{Address, Clock, GroupFacts, Letter, Platform, PlatformError, Posted},
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

const ID_DIGITS_MAX: usize = 20;
const GUILDS_PAGE: usize = 200;
/// A bot in more servers than these pages hold is not Slice.
const GUILD_PAGES_MAX: usize = 50;

/// How interactions come in. An application has one of the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Over a connection that Slice opens. `members`: with the privileged members intent, which the
    /// application must have been given.
    Gateway { members: bool },
    /// As signed requests to `/discord/interactions`.
    Http(PublicKey),
}

/// How to reach Discord.
#[derive(Debug)]
pub struct DiscordConfig {
    /// Where the REST API is, with its version, without a slash at its end.
    pub api_url: String,
    pub bot_token: Secret,
    pub transport: Transport,
    /// A call that takes longer has an unknown outcome.
    pub call_timeout: Duration,
}

/// One Discord application, in as many servers as it was added to. Clones are the same.
#[derive(Clone, Debug)]
pub struct DiscordPlatform {
    discord: Arc<Discord>,
}

struct Discord {
    web: Web,
    transport: Transport,
    /// What Discord says of the application; it does not change while a token lives.
    application: OnceCell<Application>,
    /// Direct messages by user.
    directs: Mutex<HashMap<String, String>>,
    closed: Closed,
    forms: Forms,
    questions: Questions,
}

impl std::fmt::Debug for Discord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Discord(…)")
    }
}

#[derive(Clone, Debug, Deserialize)]
struct Application {
    id: String,
    #[serde(default)]
    name: String,
    /// Anybody may add it to a server of hers.
    #[serde(default = "public")]
    bot_public: bool,
    owner: Option<Named>,
    team: Option<Team>,
}

#[derive(Clone, Debug, Deserialize)]
struct Team {
    owner_user_id: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Named {
    id: String,
}

fn public() -> bool {
    true
}

/// A server as the bot's own list names it.
#[derive(Clone, Debug, Deserialize)]
struct OwnGuild {
    id: String,
    #[serde(default)]
    name: String,
}

/// Discord's ids are decimal numbers. Nothing else goes into a path or a mention.
fn is_id(text: &str) -> bool {
    (1..=ID_DIGITS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl DiscordPlatform {
    /// Connects to nothing yet. `Err` if there is no TLS to speak to Discord with.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the token lives on in the platform alone"
    )]
    pub fn new(config: DiscordConfig, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let web =
            Web::new(&config, clock).map_err(|_| "no TLS to speak to Discord with".to_owned())?;
        let discord = Discord {
            web,
            transport: config.transport.clone(),
            application: OnceCell::new(),
            directs: Mutex::default(),
            closed: Closed::default(),
            forms: Forms::default(),
            questions: Questions::default(),
        };
        Ok(Self {
            discord: Arc::new(discord),
        })
    }

    pub fn transport(&self) -> &Transport {
        &self.discord.transport
    }

    /// Every server that the bot is in.
    pub async fn workspaces(&self) -> Result<Vec<Workspace>, PlatformError> {
        let guilds = self.discord.own_guilds().await;
        let guilds = guilds.map_err(Failure::of_question)?;
        let ids = guilds.iter().map(|guild| payload::workspace(&guild.id));
        Ok(ids.collect())
    }

    /// Whether nobody but the application's owner can add the bot to a server.
    pub async fn is_private(&self) -> Result<bool, PlatformError> {
        let application = self.discord.application().await;
        application
            .map(|application| !application.bot_public)
            .map_err(Failure::of_question)
    }
}

impl Discord {
    async fn application(&self) -> Result<&Application, Failure> {
        self.application
            .get_or_try_init(|| async {
                let found: Application = self.web.ask("oauth2/applications/@me").await?;
                if is_id(&found.id) {
                    Ok(found)
                } else {
                    Err(Failure::Malformed)
                }
            })
            .await
    }

    async fn own_guilds(&self) -> Result<Vec<OwnGuild>, Failure> {
        let mut all: Vec<OwnGuild> = vec![];
        for _ in 0..GUILD_PAGES_MAX {
            let last = all.last().map_or("0", |guild| guild.id.as_str());
            let path = format!("users/@me/guilds?limit={GUILDS_PAGE}&after={last}");
            let page: Vec<OwnGuild> = self.web.ask(&path).await?;
            let is_last = page.len() < GUILDS_PAGE;
            all.extend(page.into_iter().filter(|guild| is_id(&guild.id)));
            if is_last {
                break;
            }
        }
        Ok(all)
    }
}

impl Platform for DiscordPlatform {
    fn name(&self) -> PlatformName {
        PlatformName::Discord
    }

    fn post<'a>(
        &'a self,
        to: Address<'a>,
        letter: &'a Letter<'a>,
    ) -> BoxFuture<'a, Result<Posted, PlatformError>> {
        Box::pin(self.discord.post(to, letter))
    }

    fn edit<'a>(
        &'a self,
        posted: &'a Posted,
        letter: &'a Letter<'a>,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        Box::pin(self.discord.edit(posted, letter))
    }

    fn find<'a>(
        &'a self,
        to: Address<'a>,
        id: MessageId,
    ) -> BoxFuture<'a, Result<Option<Posted>, PlatformError>> {
        Box::pin(self.discord.find(to, id))
    }

    fn send_file<'a>(
        &'a self,
        to: &'a Identity,
        file: &'a Attachment,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        Box::pin(self.discord.send_file(to, file))
    }

    fn standing<'a>(&'a self, who: &'a Identity) -> BoxFuture<'a, Result<Standing, PlatformError>> {
        Box::pin(self.discord.standing(who))
    }

    fn called<'a>(
        &'a self,
        who: &'a Identity,
    ) -> BoxFuture<'a, Result<Option<String>, PlatformError>> {
        Box::pin(async move {
            let called = self.discord.called(who).await;
            called.map_err(Failure::of_question)
        })
    }

    fn is_in<'a>(
        &'a self,
        who: &'a Identity,
        group: &'a Group,
    ) -> BoxFuture<'a, Result<bool, PlatformError>> {
        Box::pin(self.discord.is_in(who, group))
    }

    fn group<'a>(
        &'a self,
        workspace: &'a Workspace,
        kind: GroupKind,
        id: &'a ChannelId,
    ) -> BoxFuture<'a, Result<Option<GroupFacts>, PlatformError>> {
        Box::pin(self.discord.group(workspace, kind, id))
    }

    fn workspace_name<'a>(
        &'a self,
        workspace: &'a Workspace,
    ) -> BoxFuture<'a, Result<Option<String>, PlatformError>> {
        Box::pin(async move {
            let guild = self.discord.guild(workspace.id.as_str()).await;
            let name = guild.map(|guild| guild.name);
            name.map(Some).map_err(Failure::of_question)
        })
    }

    fn is_installed<'a>(
        &'a self,
        workspace: &'a Workspace,
    ) -> BoxFuture<'a, Result<bool, PlatformError>> {
        Box::pin(self.discord.is_installed(workspace))
    }

    fn installer<'a>(
        &'a self,
        workspace: &'a Workspace,
    ) -> BoxFuture<'a, Result<Option<Identity>, PlatformError>> {
        Box::pin(self.discord.installer(workspace))
    }
}
