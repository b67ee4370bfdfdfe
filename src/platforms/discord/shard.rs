//! One connection to the gateway, by serenity: of a new session, or of the old one where it stands.
//!
//! Serenity resumes a session by itself only while it believes in its connection. When it gives one
//! up, because no heartbeat was answered or Discord could not be reached, its client begins a new
//! session, and what Discord kept for the old one is lost. So its shards are run from here, and each
//! is told where the one before it stood.

use super::gateway::Ear;
use serenity::{
    all::{ConnectionStage, Event, GatewayEvent, GatewayIntents, ShardId, ShardInfo},
    gateway::{
        Shard, ShardManager, ShardManagerOptions, ShardMessenger, ShardRunner, ShardRunnerInfo,
        ShardRunnerMessage, ShardRunnerOptions,
    },
    http::Http,
    prelude::TypeMap,
};
use std::{
    sync::{Arc, Mutex as Lock, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Mutex, RwLock},
    task::JoinHandle,
};

/// Slice needs no more than one.
const SHARD: ShardId = ShardId(0);
/// "I go, and do not come back to this session."
const GOODBYE: u16 = 1000;
/// Serenity does not read how often a resumed connection wants a heartbeat. Discord wants one every
/// 41.25 s, and takes one that comes early.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// The session as far as it was heard: what another connection needs in order to go on with it.
#[derive(Default)]
pub(super) struct Session(Lock<Option<Standing>>);

#[derive(Clone)]
struct Standing {
    /// The event that began it.
    ready: Event,
    /// How many events there were. What was lost on the way to here is not counted: Discord then
    /// says more again than it has to, and each delivery has one effect.
    heard: u64,
    /// It was tried to go on with it, and Discord has not confirmed that.
    is_doubted: bool,
}

impl Session {
    pub fn hear(&self, event: &Event) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Event::Ready(_) = event {
            *known = Some(Standing {
                ready: event.clone(),
                heard: 1,
                is_doubted: false,
            });
        } else if let Some(known) = &mut *known {
            known.heard += 1;
            known.is_doubted &= !matches!(event, Event::Resumed(_));
        }
    }

    /// Whether a new one has to be begun.
    pub fn is_over(&self) -> bool {
        self.standing().is_none()
    }

    fn standing(&self) -> Option<Standing> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.take_if(|known| known.is_doubted);
        known.clone()
    }

    fn doubt(&self) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &mut *known {
            known.is_doubted = true;
        }
    }
}

/// A shard that runs.
pub(super) struct Running {
    messenger: ShardMessenger,
    pub task: JoinHandle<serenity::Result<()>>,
}

impl Running {
    /// Closes the connection in good order, and with it the session; the task ends then.
    pub fn say_goodbye(&self) {
        let goodbye = ShardRunnerMessage::Shutdown(SHARD, GOODBYE);
        self.messenger.send_to_shard(goodbye);
    }
}

/// Opens a connection at `url` and hands what comes over it to the ear.
pub(super) async fn run(
    url: String,
    http: Arc<Http>,
    intents: GatewayIntents,
    ear: Arc<Ear>,
) -> serenity::Result<Running> {
    let url = Arc::new(Mutex::new(url));
    let info = ShardInfo {
        id: SHARD,
        total: 1,
    };
    let mut shard = Shard::new(url, http.token(), info, intents, None).await?;
    if let Some(Standing { ready, heard, .. }) = ear.session.standing() {
        // A shard knows what it was told by events, so it is told them.
        let beat = u64::try_from(HEARTBEAT.as_millis()).unwrap_or(u64::MAX);
        shard.handle_event(&Ok(GatewayEvent::Hello(beat)))?;
        shard.handle_event(&Ok(GatewayEvent::Dispatch(heard, ready)))?;
        shard.resume().await?;
        ear.session.doubt();
    }
    let data = Arc::<RwLock<TypeMap>>::default();
    let manager = idle_manager(&data, &http, intents);
    let mut runner = ShardRunner::new(ShardRunnerOptions {
        data,
        event_handlers: vec![ear.clone()],
        raw_event_handlers: vec![ear],
        manager: manager.clone(),
        shard,
        http,
    });
    let messenger = ShardMessenger::new(&runner);
    let hers = messenger.clone();
    let task = tokio::spawn(async move {
        let ended = Box::pin(runner.run()).await;
        dismiss(&manager, hers).await;
        ended
    });
    Ok(Running { messenger, task })
}

/// A runner asks its manager to start another shard when it gives up. This one has nowhere to start
/// it: what is next is decided here.
fn idle_manager(
    data: &Arc<RwLock<TypeMap>>,
    http: &Arc<Http>,
    intents: GatewayIntents,
) -> Arc<ShardManager> {
    let nowhere = Arc::default();
    let (manager, _) = ShardManager::new(ShardManagerOptions {
        data: data.clone(),
        event_handlers: vec![],
        raw_event_handlers: vec![],
        shard_index: SHARD.0,
        shard_init: 0,
        shard_total: 1,
        ws_url: nowhere,
        http: http.clone(),
        intents,
        presence: None,
    });
    // It waits 5 s for somebody to say so, when it is asked for another shard.
    manager.shutdown_finished(SHARD);
    manager
}

/// Ends a manager's task, which ends only where there is a shard to end.
async fn dismiss(manager: &ShardManager, messenger: ShardMessenger) {
    let ended = ShardRunnerInfo {
        latency: None,
        runner_tx: messenger,
        stage: ConnectionStage::Disconnected,
    };
    manager.runners.lock().await.insert(SHARD, ended);
    manager.shutdown_finished(SHARD);
    manager.shutdown_all().await;
}
