//! The record of everything that crosses a wire, and the places where a test may stop it.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

/// Seen from the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Direction {
    /// From the bot to the sandbox.
    In,
    /// From the sandbox to the bot.
    Out,
}

/// One thing that crossed a wire.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Crossing {
    /// Counts from 1 over all wires.
    pub n: u64,
    /// `slack`, `discord`, `openrouter`, `aws` or `runpod`.
    pub wire: &'static str,
    pub direction: Direction,
    /// For example `POST /api/v1/keys`, `200 POST /api/v1/keys`, `envelope slash_commands`,
    /// `ack slash_commands`, `event INTERACTION_CREATE`.
    pub what: String,
    /// JSON as it was; a form as an object; anything else as text or `{"bytes": n}`.
    pub body: Value,
}

impl fmt::Display for Crossing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = match self.direction {
            Direction::In => "->",
            Direction::Out => "<-",
        };
        write!(f, "{arrow} {} {} {}", self.wire, self.what, self.body)
    }
}

/// What becomes of a crossing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Pass,
    /// The effect does not happen and no answer ever comes; the connection hangs until the client
    /// is gone.
    DieBefore,
    /// The effect happens and no answer ever comes.
    DieAfter,
}

/// Decides the fate of a crossing: each HTTP request that comes in, each envelope sent, each ack, each
/// gateway event or signed delivery sent.
pub type Hook = Box<dyn Fn(&Crossing) -> Fate + Send + Sync>;

struct Shared {
    log: Mutex<Log>,
    hook: Mutex<Option<Arc<Hook>>>,
    open: AtomicUsize,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Log {
    crossings: Vec<Crossing>,
    violations: Vec<String>,
}

/// The shared record of all wires. Clones are the same record.
#[derive(Clone)]
pub struct Wire {
    shared: Arc<Shared>,
}

impl Default for Wire {
    fn default() -> Wire {
        let shared = Shared {
            log: Mutex::default(),
            hook: Mutex::new(None),
            open: AtomicUsize::new(0),
            changed: watch::Sender::new(0),
        };
        Wire {
            shared: Arc::new(shared),
        }
    }
}

impl Wire {
    /// Everything that crossed so far, in order.
    pub fn crossings(&self) -> Vec<Crossing> {
        self.log().crossings.clone()
    }

    /// How many there were so far.
    pub fn count(&self) -> usize {
        self.log().crossings.len()
    }

    /// HTTP requests that came in and are not answered; a request that hangs counts until its
    /// client is gone.
    pub fn open_requests(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Every request that was malformed, over a limit, to an unknown route, or against a contract.
    pub fn violations(&self) -> Vec<String> {
        self.log().violations.clone()
    }

    /// Forgets the violations so far and returns them: for tests that provoke some on purpose.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut self.log().violations)
    }

    /// Completes at the next activity after this call (not after its first poll).
    pub fn changed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut activity = self.shared.changed.subscribe();
        async move {
            let _ = activity.changed().await;
        }
    }

    /// Installs the one hook that decides about crossings; the previous one is gone.
    pub fn on_crossing(&self, hook: Hook) {
        *self.hook() = Some(Arc::new(hook));
    }

    /// Everything passes again.
    pub fn clear_hook(&self) {
        *self.hook() = None;
    }

    /// Records a crossing that a test may stop.
    pub(crate) fn cross(
        &self,
        wire: &'static str,
        direction: Direction,
        what: String,
        body: Value,
    ) -> Fate {
        let crossing = self.record(wire, direction, what, body);
        let hook = self.hook().clone();
        hook.map_or(Fate::Pass, |hook| hook(&crossing))
    }

    /// Records a crossing that nothing can stop, such as an answer.
    pub(crate) fn record(
        &self,
        wire: &'static str,
        direction: Direction,
        what: String,
        body: Value,
    ) -> Crossing {
        let crossing = {
            let mut log = self.log();
            let n = u64::try_from(log.crossings.len())
                .unwrap_or(u64::MAX)
                .saturating_add(1);
            let crossing = Crossing {
                n,
                wire,
                direction,
                what,
                body,
            };
            log.crossings.push(crossing.clone());
            crossing
        };
        self.touch();
        crossing
    }

    pub(crate) fn violation(&self, text: impl Into<String>) {
        self.log().violations.push(text.into());
        self.touch();
    }

    /// Wakes whoever awaits [`Wire::changed`].
    pub(crate) fn touch(&self) {
        self.shared.changed.send_modify(|n| *n = n.wrapping_add(1));
    }

    pub(crate) fn open(&self) -> Open {
        self.shared.open.fetch_add(1, Ordering::SeqCst);
        Open { wire: self.clone() }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.shared
            .log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn hook(&self) -> MutexGuard<'_, Option<Arc<Hook>>> {
        self.shared
            .hook
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered; dropped with the answer, or when its client is gone.
pub(crate) struct Open {
    wire: Wire,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.wire.shared.open.fetch_sub(1, Ordering::SeqCst);
        self.wire.touch();
    }
}
