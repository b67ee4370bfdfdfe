//! The workspaces that Slice speaks in, each with a token of its own: that of the environment for its
//! own workspace, those of installations for others.

use super::{
    Slack,
    failure::Failure,
    web::{self, Web},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use slack_morphism::SlackApiToken;
use slice_core::{
    BoxFuture,
    ids::{PlatformName, Workspace},
    install::Tokens,
    refusal::Refusal,
    secret::Secret,
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::OnceCell;

/// One workspace, with the token that speaks there.
pub(super) struct Team {
    web: Arc<Web>,
    token: SlackApiToken,
    pub id: String,
    /// Direct messages by user.
    pub directs: Mutex<HashMap<String, String>>,
    /// Slack said that the token is good for nothing any more.
    is_dead: AtomicBool,
}

/// What `auth.test` says of a token; it does not change while the token lives.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Home {
    pub team_id: String,
    #[serde(rename = "team")]
    pub team_name: String,
    /// The bot's own user.
    pub user_id: String,
    #[serde(default)]
    pub is_enterprise_install: bool,
}

/// For whoever speaks in the token's own workspace alone.
pub struct NoTokens;

impl Tokens for NoTokens {
    fn token<'a>(&'a self, _: &'a Workspace) -> BoxFuture<'a, Result<Option<Secret>, Refusal>> {
        Box::pin(async { Ok(None) })
    }
}

/// The teams that were spoken with so far.
pub(super) struct Teams {
    tokens: Arc<dyn Tokens>,
    home: OnceCell<Arc<Team>>,
    /// The app was removed from its own workspace.
    is_homeless: AtomicBool,
    others: Mutex<HashMap<String, Arc<Team>>>,
}

impl Teams {
    pub fn new(tokens: Arc<dyn Tokens>) -> Self {
        Self {
            tokens,
            home: OnceCell::new(),
            is_homeless: AtomicBool::new(false),
            others: Mutex::default(),
        }
    }

    fn known(&self, id: &str) -> Option<Arc<Team>> {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let known = others.get(id)?.clone();
        if known.is_dead.load(Ordering::SeqCst) {
            others.remove(id);
            return None;
        }
        Some(known)
    }

    /// The next call asks for the workspace's token anew.
    pub fn forget(&self, id: &str) {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        others.remove(id);
    }

    fn remember(&self, team: &Arc<Team>) {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        others.insert(team.id.clone(), team.clone());
    }
}

impl Slack {
    /// The workspace of the environment's bot token.
    pub(super) async fn home(&self) -> Result<&Arc<Team>, Failure> {
        let find = async || {
            let home: Home = self.web.ask(&self.bot_token, "auth.test", &[]).await?;
            Ok(Arc::new(
                self.with_token(home.team_id, self.bot_token.clone()),
            ))
        };
        self.teams.home.get_or_try_init(find).await
    }

    fn with_token(&self, id: String, token: SlackApiToken) -> Team {
        Team {
            web: self.web.clone(),
            token,
            id,
            directs: Mutex::default(),
            is_dead: AtomicBool::new(false),
        }
    }

    /// The workspace, if Slice has a token for it.
    pub(super) async fn team(&self, workspace: &Workspace) -> Result<Arc<Team>, Failure> {
        if workspace.platform != PlatformName::Slack {
            return Err(Failure::NoToken);
        }
        let (home, id) = (self.home().await?, workspace.id.as_str());
        if home.id == id {
            let is_homeless = self.teams.is_homeless.load(Ordering::SeqCst);
            return if is_homeless {
                Err(Failure::NoToken)
            } else {
                Ok(home.clone())
            };
        }
        if let Some(known) = self.teams.known(id) {
            return Ok(known);
        }
        let token = self.teams.tokens.token(workspace).await;
        let token = token.map_err(|_| Failure::NoBooks)?;
        let token = token.ok_or(Failure::NoToken)?;
        let team = Arc::new(self.with_token(id.to_owned(), web::token(&token)));
        self.teams.remember(&team);
        Ok(team)
    }

    /// What people call the workspace.
    pub(super) async fn team_name(&self, workspace: &Workspace) -> Result<String, Failure> {
        let team = self.team(workspace).await?;
        let home: Home = team.ask("auth.test", &[]).await?;
        Ok(home.team_name)
    }

    /// Whether the workspace's token is good, asked live, with the token that the books have now.
    pub(super) async fn is_installed(&self, workspace: &Workspace) -> Result<bool, Failure> {
        self.teams.forget(workspace.id.as_str());
        let team = match self.team(workspace).await {
            Err(Failure::NoToken) => return Ok(false),
            other => other?,
        };
        match team.ask::<Home>("auth.test", &[]).await {
            Ok(home) => Ok(home.team_id == team.id),
            Err(failure) if failure.is_dead_token() => {
                if self.home().await?.id == team.id {
                    self.teams.is_homeless.store(true, Ordering::SeqCst);
                }
                Ok(false)
            }
            Err(failure) => Err(failure),
        }
    }
}

impl Team {
    /// Asks without changing anything.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        arguments: &[(&str, &str)],
    ) -> Result<T, Failure> {
        self.noted(self.web.ask(&self.token, method, arguments).await)
    }

    /// Changes something.
    pub async fn change<T: DeserializeOwned>(
        &self,
        method: &str,
        body: &Value,
    ) -> Result<T, Failure> {
        self.noted(self.web.change(&self.token, method, body).await)
    }

    /// A team with a dead token is forgotten: the app may have been installed anew.
    fn noted<T>(&self, answer: Result<T, Failure>) -> Result<T, Failure> {
        if answer.as_ref().is_err_and(Failure::is_dead_token) {
            self.is_dead.store(true, Ordering::SeqCst);
        }
        answer
    }
}
