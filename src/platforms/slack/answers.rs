//! The way back to a person: into the view that she has open, else over the `response_url` of what
//! she did, else as an ephemeral message or a direct message.

use super::{
    Slack, failure::Failure, letters::content, payload::Done, teams::Team, views, web::Wiped,
};
use serde::Deserialize;
use serde_json::{Value, json};
use slice_core::{
    BoxFuture,
    ids::Identity,
    inbound::{Answers, Expected},
    page::Page,
    ports::{Names, PlatformError},
    reply::{Form, Reveal},
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use tracing::warn;
use url::Url;

/// Tries of one call that Slack asks to repeat later.
const TRIES: usize = 3;
/// All tries of a reveal together: less than the minute for which the books hold its seal.
const REVEAL_MAX: Duration = Duration::from_secs(45);
/// Nobody waits longer than this for an answer to be tried again.
const PATIENCE: Duration = Duration::from_secs(5);
/// A submission's acknowledgement travels its own way and replaces the view; an answer that overtook
/// it would be replaced as well.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_millis(100);

/// What a submitted form's view shows now, for acknowledging a repeated submission: that must not
/// put an older view over a newer one. `None` while it only says that it waits, or showed a secret.
pub(super) type Shown = Arc<Mutex<Option<Value>>>;

/// The ways back from one delivery.
pub(super) struct Back {
    slack: Arc<Slack>,
    person: Identity,
    trigger: Option<String>,
    response_url: Option<Url>,
    channel: Option<String>,
    /// The view that answers go into, once there is one.
    view: Mutex<Option<String>>,
    /// There is nowhere else to answer than in a modal.
    at_home: bool,
    /// The acknowledgement puts the wait into the view, and is there by this instant.
    waits_until: Option<Instant>,
    shown: Shown,
}

#[derive(Deserialize)]
struct Opened {
    view: OpenedView,
}

#[derive(Deserialize)]
struct OpenedView {
    id: String,
}

impl Back {
    /// `waits`: the acknowledgement makes the view say that Slice works on it.
    pub fn new(slack: Arc<Slack>, done: &Done, waits: bool, shown: Shown) -> Self {
        Self {
            slack,
            person: done.identity.clone(),
            trigger: done.trigger.clone(),
            response_url: done.response_url.clone(),
            channel: done.channel.clone(),
            view: Mutex::new(done.view.clone()),
            at_home: done.at_home,
            waits_until: waits.then(|| Instant::now() + ACKNOWLEDGED_WITHIN),
            shown,
        }
    }

    async fn team(&self) -> Result<Arc<Team>, PlatformError> {
        let team = self.slack.team(&self.person.workspace).await;
        team.map_err(Failure::of_preparation)
    }

    fn open_view(&self) -> Option<String> {
        self.view
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Puts a view where the open one is, or opens it with the trigger.
    async fn show(&self, view: &Value) -> Result<(), PlatformError> {
        if let Some(id) = self.open_view() {
            return self.update(&id, view).await;
        }
        let Some(trigger) = &self.trigger else {
            return Err(PlatformError::Refused(
                "there is nothing to open a view with".to_owned(),
            ));
        };
        let body = json!({ "trigger_id": trigger, "view": view });
        let team = self.team().await?;
        let opened: Opened = patiently(|| team.change("views.open", &body)).await?;
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened.view.id);
        Ok(())
    }

    async fn update(&self, id: &str, view: &Value) -> Result<(), PlatformError> {
        if let Some(acknowledged) = self.waits_until {
            tokio::time::sleep_until(acknowledged).await;
        }
        let body = Wiped(json!({ "view_id": id, "view": view }));
        let team = self.team().await?;
        patiently(|| team.change::<Value>("views.update", &body.0))
            .await
            .map(drop)
    }

    fn note_shown(&self, view: Option<Value>) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = view;
    }

    /// Over the ways that need no view, one after the other until Slack confirms one. A page holds
    /// no secret, so that hearing it twice does no harm.
    async fn say_outside(&self, page: &Page, names: Names<'_>) -> Result<(), PlatformError> {
        let mut body = content(page, names);
        if let Some(url) = &self.response_url {
            let mut private = body.clone();
            private["response_type"] = json!("ephemeral");
            private["replace_original"] = json!(false);
            match patiently(|| self.slack.web.respond(url, &private)).await {
                Ok(()) => return Ok(()),
                Err(error) => warn!(%error, "Could not answer over the response URL"),
            }
        }
        if let Some(channel) = &self.channel {
            body["channel"] = json!(channel);
            body["user"] = json!(self.person.user.as_str());
            let posted = async {
                let team = self.slack.team(&self.person.workspace).await?;
                team.change::<Value>("chat.postEphemeral", &body).await
            };
            match posted.await {
                Ok(_) => return Ok(()),
                Err(failure) => warn!(error = %failure, "Could not answer ephemerally"),
            }
        }
        self.slack.post_answer(&self.person, page, names).await
    }
}

impl Answers for Back {
    fn wait(&self, expected: Expected) -> BoxFuture<'_, Result<(), PlatformError>> {
        Box::pin(async move {
            let needs_none = expected == Expected::Page && !self.at_home;
            if needs_none || self.waits_until.is_some() {
                return Ok(());
            }
            self.show(&views::waiting()).await
        })
    }

    fn say<'a>(
        &'a self,
        page: &'a Page,
        names: Names<'a>,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        Box::pin(async move {
            if let Some(id) = self.open_view() {
                let view = views::page(page, names);
                self.note_shown(Some(view.clone()));
                match self.update(&id, &view).await {
                    Ok(()) => return Ok(()),
                    Err(error) => warn!(%error, "Could not answer in the view"),
                }
            }
            self.say_outside(page, names).await
        })
    }

    fn form<'a>(
        &'a self,
        form: &'a Form,
        names: Names<'a>,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        Box::pin(async move {
            let view = views::form(form, names)?;
            self.note_shown(Some(view.clone()));
            self.show(&view).await
        })
    }

    fn reveal<'a>(
        &'a self,
        reveal: &'a Reveal,
        names: Names<'a>,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        Box::pin(async move {
            let Some(id) = self.open_view() else {
                return Err(PlatformError::Refused("no view is open".to_owned()));
            };
            self.note_shown(None);
            let view = Wiped(views::reveal(reveal, names));
            let shown = tokio::time::timeout(REVEAL_MAX, self.update(&id, &view.0)).await;
            shown.unwrap_or_else(|_| Err(Failure::TimedOut.of_change()))
        })
    }
}

/// Repeats a call that certainly did nothing, as long as Slack asks for little patience.
async fn patiently<T, F>(mut call: impl FnMut() -> F) -> Result<T, PlatformError>
where
    F: Future<Output = Result<T, Failure>>,
{
    for _ in 1..TRIES {
        match call().await.map_err(Failure::of_change) {
            Err(PlatformError::Later(after)) if after <= PATIENCE => {
                tokio::time::sleep(after).await;
            }
            other => return other,
        }
    }
    call().await.map_err(Failure::of_change)
}
