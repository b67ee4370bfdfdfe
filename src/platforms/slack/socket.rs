//! Socket Mode: takes what Slack sends, acknowledges it, and hands it in. Keeps connections open for
//! as long as it runs, and says how that goes.

use super::{
    SlackPlatform, Transport,
    failure::Failure,
    payload::{self, Frame},
    render::filled,
    room::{Room, Taken, unreadable},
    web::{self, Connector},
};
use crate::http::Check;
use serde_json::json;
use slack_morphism::{
    SlackApiToken, SlackClientSocketModeConfig, SlackSocketModeClientListener,
    SlackSocketModeWssClientId,
    clients_manager::{SlackSocketModeClientsManager, SlackSocketModeClientsManagerFactory},
    listener::SlackClientEventsListenerEnvironment,
};
use slice_core::{BoxFuture, inbound::Reception, ports::PlatformError};
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle};
use tracing::{error, info, warn};
use zeroize::Zeroizing;

/// Two connections: while one is renewed, the other still hears.
const CONNECTIONS: u32 = 2;
/// A start that takes longer has failed.
const START_MAX: Duration = Duration::from_secs(30);
/// With one connection up, a start waits so long for the others.
const OTHERS_MAX: Duration = Duration::from_secs(5);
const RECONNECT_AFTER_SECONDS: u64 = 3;
const PING_SECONDS: u64 = 10;
const PINGS_LOST_MAX: u64 = 2;
/// Without any connection for so long, everything is begun anew.
const DEAF_MAX: Duration = Duration::from_secs(12);
/// Between looks at a Slack that cannot be reached or does not take the token, and before a
/// connection is renewed that Slack did not want.
const RETRY: Duration = Duration::from_secs(5);
/// Why Slack renews a connection in the normal course of things.
const RENEWALS: [&str; 2] = ["warning", "refresh_requested"];

type Manager = dyn SlackSocketModeClientsManager + Send + Sync;

/// How the socket does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketStatus {
    /// No connection yet, or none at the moment.
    Connecting,
    /// So many connections stand.
    Connected(usize),
    /// Slack can't be reached now, and why.
    Unreachable(String),
    /// Slack does not take the app token: there will be no connection until that is mended.
    Refused(String),
}

/// Listens from its start until it is shut down or dropped.
pub struct SlackSocket {
    status: watch::Receiver<SocketStatus>,
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl SlackSocket {
    /// Begins to listen; done when all connections stand, or one alone stood for a while. `Err` if
    /// Slack refused the app token, or there was no connection in time: then nothing listens.
    pub async fn start(
        platform: Arc<SlackPlatform>,
        reception: Arc<dyn Reception>,
    ) -> Result<Self, PlatformError> {
        let Transport::Socket { app_token } = &platform.slack.transport else {
            return Err(PlatformError::Refused(
                "there is no app token to open connections with".to_owned(),
            ));
        };
        let socket = Self::begin(&platform, web::token(app_token), reception);
        match tokio::time::timeout(START_MAX, socket.stands()).await {
            Ok(Ok(())) => Ok(socket),
            Ok(Err(why)) => {
                socket.shutdown().await;
                Err(PlatformError::Refused(why))
            }
            Err(_) => {
                socket.shutdown().await;
                Err(PlatformError::Unknown(
                    "Slack opened no connection in time".to_owned(),
                ))
            }
        }
    }

    /// Begins to listen, and goes on trying whatever happens: how it goes shows in the status.
    fn begin(
        platform: &SlackPlatform,
        app_token: SlackApiToken,
        reception: Arc<dyn Reception>,
    ) -> Self {
        let (status, seen) = watch::channel(SocketStatus::Connecting);
        let (stop, stopped) = watch::channel(false);
        let hall = Arc::new(Hall {
            room: Room::new(platform.slack.clone(), reception),
            app_token,
            status,
        });
        let task = tokio::spawn(listen(hall, stopped));
        Self {
            status: seen,
            stop,
            task: Mutex::new(Some(task)),
        }
    }

    async fn stands(&self) -> Result<(), String> {
        let mut status = self.status.clone();
        let is_settled = |status: &SocketStatus| {
            matches!(
                status,
                SocketStatus::Connected(_) | SocketStatus::Refused(_)
            )
        };
        let settled = status
            .wait_for(is_settled)
            .await
            .map(|status| status.clone());
        match settled {
            Ok(SocketStatus::Refused(why)) => return Err(why),
            Ok(_) => {}
            Err(_) => return Err("the socket ended".to_owned()),
        }
        let is_whole = |status: &SocketStatus| matches!(status, SocketStatus::Connected(count) if *count == CONNECTIONS as usize);
        // One is enough to go on with.
        let _ = tokio::time::timeout(OTHERS_MAX, status.wait_for(is_whole)).await;
        Ok(())
    }

    pub fn status(&self) -> SocketStatus {
        self.status.borrow().clone()
    }

    /// For `/readyz`: whether anything is heard.
    pub fn check(&self) -> Check {
        const WHAT: &str = "slack socket";
        match self.status() {
            SocketStatus::Connected(count) => Check::good(WHAT, format!("{count} connections")),
            SocketStatus::Connecting => {
                Check::bad(WHAT, "no connection at the moment; Slice keeps trying")
            }
            SocketStatus::Unreachable(why) => {
                Check::bad(WHAT, format!("{why}; Slice keeps trying"))
            }
            SocketStatus::Refused(why) => Check::bad(WHAT, format!("{why}: see `slice check`")),
        }
    }

    /// Takes nothing more in and closes the connections. What arrives meanwhile is not acknowledged,
    /// so that Slack says it again to whoever listens then.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        let task = self
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(task) = task else { return };
        if task.await.is_err() {
            error!("The task of the Slack socket ended by a panic");
        }
    }
}

/// What all generations of connections share.
struct Hall {
    room: Room,
    app_token: SlackApiToken,
    status: watch::Sender<SocketStatus>,
}

impl Hall {
    fn fails(&self, failure: &Failure) {
        let sentence = match failure.code() {
            Some(code) if failure.is_refusal() => {
                format!("Slack does not accept the app token ({code})")
            }
            _ => failure.to_string(),
        };
        let failing = if failure.is_refusal() {
            SocketStatus::Refused(sentence.clone())
        } else {
            SocketStatus::Unreachable(sentence.clone())
        };
        let is_news = self.status.send_replace(failing.clone()) != failing;
        if is_news {
            error!("Slack Socket Mode has no connection: {sentence}");
        }
    }

    /// Takes an envelope's payload in.
    fn take_in(&self, kind: &str, payload: &str) -> Taken {
        match kind {
            "slash_commands" => self.room.command(payload::command(payload)),
            "interactive" => self.room.interaction(payload),
            "events_api" => self.room.event(payload),
            _ => unreadable("unknown"),
        }
    }
}

/// Opens connections, and opens new ones whenever there were none for too long: a call that hangs
/// must not make Slice deaf.
async fn listen(hall: Arc<Hall>, mut stopped: watch::Receiver<bool>) {
    loop {
        let tried = tokio::select! {
            tried = hall.room.slack.web.try_app_token(&hall.app_token) => tried,
            () = stop_asked(&mut stopped) => return,
        };
        if let Err(failure) = tried {
            hall.fails(&failure);
            let pause = match failure {
                Failure::Limited(after) => after.max(RETRY),
                _ => RETRY,
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => continue,
                () = stop_asked(&mut stopped) => return,
            }
        }
        let generation = Generation::open(&hall).await;
        let is_over = tokio::select! {
            () = generation.goes_deaf() => false,
            () = stop_asked(&mut stopped) => true,
        };
        generation.close().await;
        hall.status.send_replace(SocketStatus::Connecting);
        if is_over {
            return;
        }
        warn!(
            "No Slack connection for {} s; opening new ones",
            DEAF_MAX.as_secs()
        );
    }
}

/// Also when whoever could ask is gone.
async fn stop_asked(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Connections that were opened together, and the ear behind them.
struct Generation {
    manager: Arc<Manager>,
    ear: Arc<Ear>,
}

impl Generation {
    async fn open(hall: &Arc<Hall>) -> Self {
        let web = &hall.room.slack.web;
        let environment = Arc::new(SlackClientEventsListenerEnvironment::<Connector>::new(
            web.client.clone(),
        ));
        let manager = web
            .client
            .http_api
            .connector
            .new_clients_manager(environment);
        let ear = Arc::new(Ear {
            hall: hall.clone(),
            manager: OnceLock::new(),
            live: watch::Sender::default(),
            is_closed: AtomicBool::new(false),
        });
        // It was empty.
        let _ = ear.manager.set(Arc::downgrade(&manager));
        let config = SlackClientSocketModeConfig::new()
            .with_max_connections_count(CONNECTIONS)
            .with_initial_backoff_in_seconds(0)
            .with_reconnect_timeout_in_seconds(RECONNECT_AFTER_SECONDS)
            .with_ping_interval_in_seconds(PING_SECONDS)
            .with_ping_failure_threshold_times(PINGS_LOST_MAX);
        let registered = manager
            .register_new_token(&config, hall.app_token.clone(), ear.clone())
            .await;
        if registered.is_ok() {
            manager.start().await;
        }
        Self { manager, ear }
    }

    /// Completes when there was no connection for too long.
    async fn goes_deaf(&self) {
        let mut live = self.ear.live.subscribe();
        loop {
            let connected = live.wait_for(|live| !live.is_empty());
            if tokio::time::timeout(DEAF_MAX, connected).await.is_err() {
                return;
            }
            if live.wait_for(HashSet::is_empty).await.is_err() {
                return;
            }
        }
    }

    async fn close(self) {
        self.ear.is_closed.store(true, Ordering::SeqCst);
        self.manager.shutdown().await;
    }
}

/// What one generation's connections call.
struct Ear {
    hall: Arc<Hall>,
    manager: OnceLock<Weak<Manager>>,
    /// Connections that have said hello.
    live: watch::Sender<HashSet<String>>,
    is_closed: AtomicBool,
}

impl Ear {
    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// The acknowledgement of a frame, if it gets one.
    async fn hear(&self, id: &SlackSocketModeWssClientId, frame: &str) -> Option<String> {
        if self.is_closed() {
            return None;
        }
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(frame) else {
            unreadable("unknown");
            return None;
        };
        match frame.kind.as_ref() {
            "hello" => self.connected(id),
            "disconnect" => {
                let reason = frame.reason.as_deref().unwrap_or("unnamed");
                info!("Slack asks for a new connection ({})", filled(reason, 40));
                self.reconnect(id, RENEWALS.contains(&reason)).await;
            }
            kind => {
                let envelope = frame.envelope_id?;
                let mut acknowledgement = json!({ "envelope_id": envelope });
                let payload = frame.payload.map_or("null", |payload| payload.get());
                if let Taken::Answered(answer) = self.hall.take_in(kind, payload) {
                    acknowledgement["payload"] = answer;
                }
                return Some(acknowledgement.to_string());
            }
        }
        None
    }

    fn connected(&self, id: &SlackSocketModeWssClientId) {
        self.live.send_modify(|live| {
            live.insert(id.to_string());
        });
        self.say_status();
    }

    fn say_status(&self) {
        let status = match self.live.borrow().len() {
            0 => SocketStatus::Connecting,
            count => SocketStatus::Connected(count),
        };
        self.hall.status.send_replace(status);
    }

    /// At once, unless Slack cut the connection before it was one, or does not want another now.
    async fn reconnect(&self, id: &SlackSocketModeWssClientId, is_wanted: bool) {
        if self.is_closed() {
            return;
        }
        let mut was_live = false;
        self.live
            .send_modify(|live| was_live = live.remove(&id.to_string()));
        self.say_status();
        if !was_live || !is_wanted {
            tokio::time::sleep(RETRY).await;
        }
        let Some(manager) = self.manager.get().and_then(Weak::upgrade) else {
            return;
        };
        manager.restart_client(id).await;
        // Closed meanwhile: what was restarted would stay.
        if self.is_closed() {
            manager.shutdown().await;
        }
    }
}

impl SlackSocketModeClientListener for Ear {
    fn on_message<'ear, 'id, 'call>(
        &'ear self,
        client_id: &'id SlackSocketModeWssClientId,
        message_body: String,
    ) -> BoxFuture<'call, Option<String>>
    where
        'ear: 'call,
        'id: 'call,
        Self: 'call,
    {
        let body = Zeroizing::new(message_body);
        Box::pin(async move { self.hear(client_id, &body).await })
    }

    /// Its text may quote a frame, so it is not repeated.
    fn on_error<'ear, 'call>(
        &'ear self,
        _error: Box<dyn std::error::Error + Send + Sync>,
    ) -> BoxFuture<'call, ()>
    where
        'ear: 'call,
        Self: 'call,
    {
        Box::pin(async { warn!("A Slack connection broke") })
    }

    fn on_disconnect<'ear, 'id, 'call>(
        &'ear self,
        client_id: &'id SlackSocketModeWssClientId,
    ) -> BoxFuture<'call, ()>
    where
        'ear: 'call,
        'id: 'call,
        Self: 'call,
    {
        Box::pin(self.reconnect(client_id, true))
    }
}
