//! Kinds of GPU with their prices, asked for once by all who want to know them at the same time: an
//! account may ask `RunPod` only so often.

use super::{RunPod, rows::Gpu};
use slice_core::{ports::ServiceError, secret::Secret, time::Time};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// So old may be what a form shows and a member accepts. What a pod is made by is asked for anew.
const FRESH: Duration = Duration::from_secs(30);
/// With so many master keys remembered, all are forgotten.
const KEYS_MAX: usize = 1_000;

type Answer = Result<Vec<Gpu>, ServiceError>;

/// What master keys were told lately.
#[derive(Default)]
pub(super) struct Catalog {
    /// By the key's fingerprint.
    told: Mutex<HashMap<String, Arc<Told>>>,
}

#[derive(Default)]
struct Told {
    /// How often it was asked for.
    times: AtomicU64,
    /// The last answer, and when it was asked for. Whoever asks holds it.
    last: tokio::sync::Mutex<Option<(Time, Answer)>>,
}

impl Catalog {
    fn of(&self, master: &Secret) -> Arc<Told> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if KEYS_MAX <= told.len() {
            told.clear();
        }
        told.entry(master.fingerprint()).or_default().clone()
    }
}

impl RunPod {
    /// As they were told lately.
    pub(super) async fn gpus_lately(&self, master: &Secret) -> Answer {
        let told = self.catalog.of(master);
        let before = told.times.load(Ordering::SeqCst);
        let mut last = told.last.lock().await;
        let now = self.clock.now();
        if let Some((at, answer)) = &*last {
            // Who waited for an answer takes it, whatever it is.
            let waited = before < told.times.load(Ordering::SeqCst);
            let is_fresh = answer.is_ok() && (*at..*at + FRESH).contains(&now);
            if waited || is_fresh {
                return answer.clone();
            }
        }
        let answer = self.api.gpus(master).await;
        told.times.fetch_add(1, Ordering::SeqCst);
        *last = Some((now, answer.clone()));
        answer
    }

    /// As they are now, and as forms show them from here on.
    pub(super) async fn gpus_now(&self, master: &Secret) -> Answer {
        let now = self.clock.now();
        let gpus = self.api.gpus(master).await?;
        // Whoever is asking just now hears newer ones.
        if let Ok(mut last) = self.catalog.of(master).last.try_lock()
            && last.as_ref().is_none_or(|(at, _)| *at <= now)
        {
            *last = Some((now, Ok(gpus.clone())));
        }
        Ok(gpus)
    }
}
