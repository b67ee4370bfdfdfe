//! The gateway, by serenity: takes what Discord sends and hands it in, for as long as it runs, and
//! says how that goes.
//!
//! Serenity is given the gateway's address, and asks REST for nothing (see `shard.rs`). It prints
//! frames when it cannot read them, so that nothing of its logs is let through (see `log.rs`). An
//! event that it cannot read comes as it was sent, and is read here all the same.

use super::{
    DiscordPlatform, Transport,
    answers::First,
    failure::Failure,
    payload::{guild_of, workspace},
    room::Room,
    shard::{self, Running, Session},
};
use crate::http::Check;
use serde::Deserialize;
use serde_json::Value;
use serenity::{
    all::{
        ConnectionStage, Context, Event, EventHandler, GatewayError, GatewayIntents, GuildId,
        Interaction, InteractionType, RawEventHandler, ShardStageUpdateEvent,
        UserId as SerenityUserId,
    },
    async_trait,
    http::HttpBuilder,
};
use slice_core::{
    ids::{Identity, UserId},
    inbound::{Notice, Reception},
    ports::PlatformError,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle};
use tracing::{error, info, warn};

/// A start that takes longer has failed.
const START_MAX: Duration = Duration::from_secs(30);
/// Between looks at a Discord that cannot be reached, and between two beginnings of a session, as
/// Discord wants it.
const RETRY: Duration = Duration::from_secs(5);
/// Closing a connection in good order takes no longer.
const GOODBYE_MAX: Duration = Duration::from_secs(6);
/// What the address of the REST API ends with; serenity adds it itself.
const VERSION: &str = "/api/v10";

/// How the gateway does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayStatus {
    /// No connection yet, or none at the moment.
    Connecting,
    Connected,
    /// Discord can't be reached now, and why.
    Unreachable(String),
    /// Discord does not take the token or the intents: there will be no connection until Slice is
    /// started with others.
    Refused(String),
}

/// Listens from its start until it is shut down or dropped.
pub struct DiscordGateway {
    room: Arc<Room>,
    status: watch::Receiver<GatewayStatus>,
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Deserialize)]
struct Address {
    url: String,
}

impl DiscordGateway {
    /// Begins to listen; done when the connection stands. `Err` if Discord refused it, or there was
    /// none in time: then nothing listens.
    pub async fn start(
        platform: &DiscordPlatform,
        reception: Arc<dyn Reception>,
    ) -> Result<Self, PlatformError> {
        let is_private = platform.is_private().await?;
        let (status, seen) = watch::channel(GatewayStatus::Connecting);
        let (stop, stopped) = watch::channel(false);
        let room = Arc::new(Room::new(platform.discord.clone(), reception, is_private));
        let task = tokio::spawn(listen(room.clone(), status, stopped));
        let gateway = Self {
            room,
            status: seen,
            stop,
            task: Mutex::new(Some(task)),
        };
        let why = match tokio::time::timeout(START_MAX, gateway.stands()).await {
            Ok(Ok(())) => return Ok(gateway),
            Ok(Err(why)) => PlatformError::Refused(why),
            Err(_) => PlatformError::Unknown("Discord opened no connection in time".to_owned()),
        };
        gateway.shutdown().await;
        Err(why)
    }

    async fn stands(&self) -> Result<(), String> {
        let mut status = self.status.clone();
        let settled = status.wait_for(|status| {
            matches!(status, GatewayStatus::Connected | GatewayStatus::Refused(_))
        });
        match settled.await.map(|status| status.clone()) {
            Ok(GatewayStatus::Refused(why)) => Err(why),
            Ok(_) => Ok(()),
            Err(_) => Err("the gateway ended".to_owned()),
        }
    }

    pub fn status(&self) -> GatewayStatus {
        self.status.borrow().clone()
    }

    /// For `/readyz`: whether anything is heard.
    pub fn check(&self) -> Check {
        const WHAT: &str = "discord gateway";
        match self.status() {
            GatewayStatus::Connected => Check::good(WHAT, "connected"),
            GatewayStatus::Connecting => {
                Check::bad(WHAT, "no connection at the moment; Slice keeps trying")
            }
            GatewayStatus::Unreachable(why) => {
                Check::bad(WHAT, format!("{why}; Slice keeps trying"))
            }
            GatewayStatus::Refused(why) => Check::bad(WHAT, format!("{why}: see `slice check`")),
        }
    }

    /// Takes nothing more in and closes the connection.
    pub async fn shutdown(&self) {
        self.room.close();
        self.stop.send_replace(true);
        let task = self
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(task) = task else { return };
        if task.await.is_err() {
            error!("The task of the Discord gateway ended by a panic");
        }
    }
}

/// Opens a connection, and another whenever one ends: of the same session, as long as Discord knows
/// it.
async fn listen(
    room: Arc<Room>,
    status: watch::Sender<GatewayStatus>,
    mut stopped: watch::Receiver<bool>,
) {
    let ear = Arc::new(Ear {
        room,
        status,
        session: Session::default(),
    });
    loop {
        let opened = tokio::select! {
            opened = connect(&ear) => opened,
            () = stop_asked(&mut stopped) => return,
        };
        let is_open = opened.is_ok();
        let ended = match opened {
            Ok(running) => match last(running, &mut stopped).await {
                Some(ended) => ended,
                None => return,
            },
            Err(failing) => failing,
        };
        let is_over = matches!(ended, GatewayStatus::Refused(_));
        if is_over || !is_open {
            error!("The Discord gateway has no connection: {ended:?}");
        } else {
            warn!("The Discord gateway ended; opening it anew");
        }
        ear.status.send_replace(ended);
        if is_over {
            return;
        }
        if !is_open || ear.session.is_over() {
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = stop_asked(&mut stopped) => return,
            }
        }
    }
}

/// How a connection ends, or nothing if it was to be closed.
async fn last(mut running: Running, stopped: &mut watch::Receiver<bool>) -> Option<GatewayStatus> {
    tokio::select! {
        ended = &mut running.task => {
            let ended = ended.ok().and_then(Result::err);
            let fatal = ended.as_ref().and_then(fatal);
            return Some(fatal.map_or(GatewayStatus::Connecting, |why| {
                GatewayStatus::Refused(why.to_owned())
            }));
        }
        () = stop_asked(stopped) => {}
    }
    running.say_goodbye();
    if tokio::time::timeout(GOODBYE_MAX, &mut running.task)
        .await
        .is_err()
    {
        warn!("The Discord gateway was not closed in good order");
        running.task.abort();
    }
    None
}

async fn connect(ear: &Arc<Ear>) -> Result<Running, GatewayStatus> {
    let web = &ear.room.discord.web;
    let address: Address = web
        .ask("gateway/bot")
        .await
        .map_err(|failure| match failure {
            Failure::BadToken => GatewayStatus::Refused(failure.to_string()),
            other => GatewayStatus::Unreachable(other.to_string()),
        })?;
    let base = web.base().strip_suffix(VERSION).unwrap_or(web.base());
    let http = HttpBuilder::new(web.token().expose())
        .client(web.client())
        .proxy(base)
        .ratelimiter_disabled(true)
        .build();
    let intents = intents(&ear.room.discord.transport);
    let running = shard::run(address.url, Arc::new(http), intents, ear.clone()).await;
    running.map_err(|_| {
        GatewayStatus::Unreachable("the gateway of Discord can't be reached".to_owned())
    })
}

/// None of them is privileged, unless the operator asked for it.
fn intents(transport: &Transport) -> GatewayIntents {
    match transport {
        Transport::Gateway { members: true } => {
            GatewayIntents::GUILDS | GatewayIntents::GUILD_MEMBERS
        }
        _ => GatewayIntents::GUILDS,
    }
}

/// What trying again would not mend.
fn fatal(error: &serenity::Error) -> Option<&'static str> {
    match error {
        serenity::Error::Gateway(GatewayError::InvalidAuthentication) => {
            Some("Discord does not accept the bot token")
        }
        serenity::Error::Gateway(
            GatewayError::DisallowedGatewayIntents | GatewayError::InvalidGatewayIntents,
        ) => Some(
            "the application was not given the members intent: switch it on under Bot, or unset \
             SLICE_DISCORD_MEMBERS_INTENT",
        ),
        _ => None,
    }
}

/// Also when whoever could ask is gone.
async fn stop_asked(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// What serenity calls.
pub(super) struct Ear {
    room: Arc<Room>,
    status: watch::Sender<GatewayStatus>,
    pub session: Session,
}

#[async_trait]
impl EventHandler for Ear {
    async fn shard_stage_update(&self, _: Context, event: ShardStageUpdateEvent) {
        let status = match event.new {
            ConnectionStage::Connected => GatewayStatus::Connected,
            _ => GatewayStatus::Connecting,
        };
        self.status.send_replace(status);
    }
}

#[async_trait]
impl RawEventHandler for Ear {
    async fn raw_event(&self, _: Context, event: Event) {
        self.session.hear(&event);
        self.hear(event);
    }
}

impl Ear {
    fn hear(&self, event: Event) {
        match event {
            Event::Ready(_) => {
                self.status.send_replace(GatewayStatus::Connected);
            }
            Event::Resumed(_) => {
                info!("The Discord gateway goes on where it was");
                self.status.send_replace(GatewayStatus::Connected);
            }
            Event::InteractionCreate(event) => self.interaction(&event.interaction),
            Event::GuildCreate(event) => self.joined(&event.guild.id.to_string()),
            Event::GuildDelete(event) if !event.guild.unavailable => {
                let guild = workspace(&event.guild.id.to_string());
                self.room.notice(Notice::Uninstalled(guild));
            }
            Event::GuildUpdate(event) => self.changed(&event.guild.id.to_string()),
            Event::GuildMemberUpdate(event) => self.person(event.guild_id, event.user.id),
            Event::GuildMemberRemove(event) => self.person(event.guild_id, event.user.id),
            Event::GuildRoleUpdate(event) => self.changed(&event.role.guild_id.to_string()),
            Event::GuildRoleDelete(event) => self.changed(&event.guild_id.to_string()),
            Event::Unknown(event) => self.raw(&event.kind, event.value),
            _ => {}
        }
    }

    /// Through the same reader as HTTP's: serenity's types are written back as Discord sends them.
    fn interaction(&self, interaction: &Interaction) {
        let number = match interaction {
            Interaction::Command(_) => InteractionType::Command,
            Interaction::Autocomplete(_) => InteractionType::Autocomplete,
            Interaction::Component(_) => InteractionType::Component,
            Interaction::Modal(_) => InteractionType::Modal,
            _ => return,
        };
        let Ok(mut value) = serde_json::to_value(interaction) else {
            return warn!("Left out a Discord interaction that Slice cannot read");
        };
        value["type"] = Value::from(u8::from(number));
        self.room.take_in(value, First::Callback);
    }

    /// An event that serenity does not know, or could not read.
    fn raw(&self, kind: &str, value: Value) {
        match kind {
            "INTERACTION_CREATE" => self.room.take_in(value, First::Callback),
            "GUILD_CREATE" => {
                if let Some(guild) = guild_of(&value, "id") {
                    self.joined(guild.id.as_str());
                }
            }
            "GUILD_DELETE" if value["unavailable"] != true => {
                if let Some(guild) = guild_of(&value, "id") {
                    self.room.notice(Notice::Uninstalled(guild));
                }
            }
            "GUILD_MEMBER_UPDATE"
            | "GUILD_MEMBER_REMOVE"
            | "GUILD_ROLE_UPDATE"
            | "GUILD_ROLE_DELETE" => {
                if let Some(guild) = guild_of(&value, "guild_id") {
                    self.room.notice(Notice::PeopleChanged(guild));
                }
            }
            _ => {}
        }
    }

    fn joined(&self, guild: &str) {
        self.room.notice(Notice::Installed {
            workspace: workspace(guild),
            vouched: self.room.is_private,
        });
    }

    fn person(&self, guild: GuildId, user: SerenityUserId) {
        self.room.notice(Notice::PersonChanged(Identity {
            workspace: workspace(&guild.to_string()),
            user: UserId::new(user.to_string()),
        }));
    }

    fn changed(&self, guild: &str) {
        self.room.notice(Notice::PeopleChanged(workspace(guild)));
    }
}
