//! The way back to a person: the first answer to what she did, what is put in its place, and what
//! follows it; else a direct message.

use super::{
    Discord,
    buttons::{Means, Tag},
    failure::{Failure, code},
    forms,
    payload::Token,
    render::{self, Reader},
    web::Wiped,
};
use reqwest::Method;
use serde_json::{Value, json};
use slice_core::{
    BoxFuture,
    ids::Identity,
    inbound::{Answers, Expected},
    page::{Block, Page, Style},
    ports::{Names, PlatformError},
    reply::{Form, Reveal},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, oneshot},
    time::Instant,
};
use tracing::warn;

/// Discord takes a first answer within 3 s. A form must be that answer, so what may be one is waited
/// for as long as this; then Discord is told that an answer comes.
const FIRST_ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// A first answer that travels as the body of a response is taken within this; until then Discord
/// does not know what should be put in its place.
const TAKEN_WITHIN: Duration = Duration::from_secs(3);
const TAKEN_LOOK: Duration = Duration::from_millis(200);
/// Tries of one call that Discord asks to repeat later.
const TRIES: usize = 4;
/// Nobody waits longer than this for an answer to be tried again.
const PATIENCE: Duration = Duration::from_secs(5);
/// All tries of a reveal together: less than the minute for which the books hold its seal.
const REVEAL_MAX: Duration = Duration::from_secs(45);

/// Seen by the person alone. What the first answer says of this holds for all that follow.
const EPHEMERAL: u64 = 64;

/// Discord's numbers of first answers.
pub(super) mod kind {
    pub const PONG: u8 = 1;
    pub const MESSAGE: u8 = 4;
    pub const WAIT: u8 = 5;
    pub const CHOICES: u8 = 8;
    pub const FORM: u8 = 9;
}

/// How a first answer travels.
pub(super) enum First {
    /// As a request of its own.
    Callback,
    /// As the body of the response to the request in which the interaction came.
    Body(oneshot::Sender<Value>),
}

/// How far the answering is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Fresh,
    /// The person sees that an answer comes.
    Waiting,
    Said,
    /// Another replica answers, and does the work.
    Elsewhere,
    /// There is no way left but a direct message.
    Lost,
}

struct State {
    stage: Stage,
    first: Option<First>,
    /// Until then Discord may not have read a first answer yet.
    taken_by: Option<Instant>,
}

/// The ways back from one interaction. Clones are the same.
#[derive(Clone)]
pub(super) struct Back(Arc<Inner>);

struct Inner {
    discord: Arc<Discord>,
    person: Identity,
    token: Token,
    /// A form that was sent can't be answered by another.
    is_submission: bool,
    state: Mutex<State>,
}

impl Back {
    pub fn new(
        discord: Arc<Discord>,
        person: Identity,
        token: Token,
        first: First,
        is_submission: bool,
    ) -> Self {
        let state = State {
            stage: Stage::Fresh,
            first: Some(first),
            taken_by: None,
        };
        Self(Arc::new(Inner {
            discord,
            person,
            token,
            is_submission,
            state: Mutex::new(state),
        }))
    }

    /// Tells Discord that an answer comes, if there is none when it must be told.
    pub fn watch(&self) {
        let back = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            tokio::time::sleep(FIRST_ANSWER_WITHIN).await;
            if let Some(back) = back.upgrade() {
                let mut state = back.state.lock().await;
                if state.stage == Stage::Fresh
                    && let Err(error) = back.defer(&mut state).await
                {
                    warn!(%error, "Could not tell Discord that an answer comes");
                }
            }
        });
    }

    /// An answer that needs nobody else's work.
    pub async fn at_once(&self, kind: u8, data: Value) {
        let mut state = self.0.state.lock().await;
        let answered = self.0.first(&mut state, kind, data).await;
        if let Err(failure) = answered {
            warn!(error = %failure, "Could not answer");
        }
    }

    /// A message that needs nobody else's work.
    pub async fn tell(&self, mut message: Value) {
        message["flags"] = json!(EPHEMERAL);
        self.at_once(kind::MESSAGE, message).await;
    }
}

impl Inner {
    fn reader<'a>(&'a self, names: Names<'a>) -> Reader<'a> {
        let guild = &self.person.workspace.id;
        Reader {
            guild,
            names,
            letter: None,
        }
    }

    /// The one first answer.
    async fn first(&self, state: &mut State, kind: u8, data: Value) -> Result<(), Failure> {
        let body = Wiped(json!({ "type": kind, "data": data }));
        let sent = match state.first.take() {
            Some(First::Callback) => {
                let (id, token) = (&self.token.id, self.token.secret.expose());
                let path = format!("interactions/{id}/{token}/callback");
                self.discord.web.respond(Method::POST, &path, &body.0).await
            }
            Some(First::Body(body_of)) => {
                state.taken_by = Some(Instant::now() + TAKEN_WITHIN);
                body_of.send(body.0.clone()).map_err(|_| Failure::Lost)
            }
            None => Err(Failure::Api(400, code::ALREADY_ACKNOWLEDGED)),
        };
        state.stage = match &sent {
            Ok(()) if kind == kind::WAIT => Stage::Waiting,
            Ok(()) => Stage::Said,
            Err(failure) if failure.code() == Some(code::ALREADY_ACKNOWLEDGED) => Stage::Elsewhere,
            // It may have arrived: what comes next will show.
            Err(Failure::Lost | Failure::TimedOut | Failure::Status(_) | Failure::Malformed) => {
                Stage::Waiting
            }
            Err(_) => Stage::Lost,
        };
        sent
    }

    /// `Ok` also if it is not known whether Discord heard of it.
    async fn defer(&self, state: &mut State) -> Result<(), PlatformError> {
        let deferred = self
            .first(state, kind::WAIT, json!({ "flags": EPHEMERAL }))
            .await;
        match deferred.map_err(Failure::of_change) {
            Err(error) if state.stage != Stage::Waiting => Err(error),
            _ => Ok(()),
        }
    }

    /// Puts a message where the answer belongs now.
    async fn show(&self, state: &mut State, message: &Value) -> Result<(), PlatformError> {
        match state.stage {
            Stage::Elsewhere => Ok(()),
            Stage::Lost => Err(Failure::Api(404, code::UNKNOWN_INTERACTION).of_change()),
            Stage::Fresh => {
                let mut message = message.clone();
                message["flags"] = json!(EPHEMERAL);
                let said = self.first(state, kind::MESSAGE, message).await;
                if state.stage == Stage::Elsewhere {
                    return Ok(());
                }
                said.map_err(Failure::of_change)
            }
            Stage::Waiting => {
                self.put(state, message).await?;
                state.stage = Stage::Said;
                Ok(())
            }
            Stage::Said => {
                let mut message = message.clone();
                message["flags"] = json!(EPHEMERAL);
                let path = self.webhook();
                let web = &self.discord.web;
                patiently(|| web.respond(Method::POST, &path, &message)).await
            }
        }
    }

    /// Puts a message in the first one's place. Discord may have to read that one first.
    async fn put(&self, state: &State, message: &Value) -> Result<(), PlatformError> {
        let path = format!("{}/messages/@original", self.webhook());
        let web = &self.discord.web;
        loop {
            let put = patiently_or(|| web.respond(Method::PATCH, &path, message)).await;
            let is_early = state.taken_by.is_some_and(|by| Instant::now() < by);
            match put {
                Err(Failure::Api(404, _)) if is_early => tokio::time::sleep(TAKEN_LOOK).await,
                other => return other.map_err(Failure::of_change),
            }
        }
    }

    fn webhook(&self) -> String {
        let (application, token) = (&self.token.application, self.token.secret.expose());
        format!("webhooks/{application}/{token}")
    }

    async fn say(&self, page: &Page, names: Names<'_>) -> Result<(), PlatformError> {
        self.discord.questions.note(page);
        let mut state = self.state.lock().await;
        for message in render::messages(page, self.reader(names)) {
            if let Err(error) = self.show(&mut state, &message).await {
                warn!(%error, "Could not answer an interaction; trying a direct message");
                state.stage = Stage::Lost;
                drop(state);
                // A page holds no secret, so that hearing it twice does no harm.
                return self.discord.post_answer(&self.person, page, names).await;
            }
        }
        Ok(())
    }

    async fn form(&self, form: &Form, names: Names<'_>) -> Result<(), PlatformError> {
        let modal = forms::modal(form, &self.person.workspace.id)?;
        self.discord.forms.remember(&self.person.user, form);
        let mut state = self.state.lock().await;
        if state.stage == Stage::Fresh && !self.is_submission {
            let opened = self.first(&mut state, kind::FORM, modal).await;
            return match state.stage {
                Stage::Elsewhere => Ok(()),
                _ => opened.map_err(Failure::of_change),
            };
        }
        let intro = form.intro.clone().text("The form is ready.");
        let mut message = render::message(&intro, self.reader(names));
        message["components"] = open_form(form, &self.person)["components"].take();
        self.show(&mut state, &message).await
    }

    async fn reveal(&self, reveal: &Reveal, names: Names<'_>) -> Result<(), PlatformError> {
        let mut state = self.state.lock().await;
        if state.stage == Stage::Fresh {
            self.defer(&mut state).await?;
        }
        if state.stage != Stage::Waiting {
            return Err(PlatformError::Refused("nothing waits for it".to_owned()));
        }
        let still = reveal.page.0.iter();
        let still = still.filter(|block| !matches!(block, Block::Buttons(_)));
        let beside = Page(still.cloned().collect());
        let message = render::with_secret(&beside, &reveal.secret, self.reader(names));
        let message = Wiped(message);
        self.put(&state, &message.0).await?;
        state.stage = Stage::Said;
        Ok(())
    }
}

impl Answers for Back {
    fn wait(&self, expected: Expected) -> BoxFuture<'_, Result<(), PlatformError>> {
        Box::pin(async move {
            let may_be_form = expected == Expected::Form && !self.0.is_submission;
            let mut state = self.0.state.lock().await;
            match state.stage {
                Stage::Fresh if may_be_form => Ok(()),
                Stage::Fresh => self.0.defer(&mut state).await,
                Stage::Waiting | Stage::Said => Ok(()),
                Stage::Elsewhere | Stage::Lost => Err(PlatformError::Refused(
                    "Discord takes no answer any more".to_owned(),
                )),
            }
        })
    }

    fn say<'a>(
        &'a self,
        page: &'a Page,
        names: Names<'a>,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        Box::pin(self.0.say(page, names))
    }

    fn form<'a>(
        &'a self,
        form: &'a Form,
        names: Names<'a>,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        Box::pin(self.0.form(form, names))
    }

    fn reveal<'a>(
        &'a self,
        reveal: &'a Reveal,
        names: Names<'a>,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        Box::pin(async move {
            let shown = tokio::time::timeout(REVEAL_MAX, self.0.reveal(reveal, names)).await;
            shown.unwrap_or_else(|_| Err(Failure::TimedOut.of_change()))
        })
    }
}

/// A button that opens a remembered form.
pub(super) fn open_form(form: &Form, person: &Identity) -> Value {
    let Some(action) = form.action else {
        return json!({ "components": [] });
    };
    let tag = Tag {
        means: Means::Open,
        guild: person.workspace.id.clone(),
        action,
        letter: None,
    };
    render::asking("", &render::button(&tag, "Open form", Style::Primary))
}

/// Repeats a call that certainly did nothing, as long as Discord asks for little patience.
async fn patiently_or<F>(mut call: impl FnMut() -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    for _ in 1..TRIES {
        match call().await {
            Err(Failure::Limited(after)) if after <= PATIENCE => tokio::time::sleep(after).await,
            Err(Failure::NotSent) => tokio::time::sleep(TAKEN_LOOK).await,
            other => return other,
        }
    }
    call().await
}

async fn patiently<F>(call: impl FnMut() -> F) -> Result<(), PlatformError>
where
    F: Future<Output = Result<(), Failure>>,
{
    patiently_or(call).await.map_err(Failure::of_change)
}
