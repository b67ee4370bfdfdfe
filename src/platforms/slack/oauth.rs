//! Installing Slice in more workspaces: the browser goes to Slack and comes back with a code, which
//! becomes a token that the vault keeps. What does not fit together keeps nothing.

mod endings;
mod pass;

use super::{
    OauthConfig, Slack,
    failure::Failure,
    payload::workspace,
    teams::Home,
    web::{self, Wiped},
};
use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use endings::Ending;
use pass::Pass;
use serde::Deserialize;
use serde_json::{Value, json};
use slack_morphism::SlackApiToken;
use slice_commands::slack::{INSTALL_PATH, OAUTH_PATH, SCOPES};
use slice_core::{
    ids::UserId,
    inbound::{Install, Installed, Installing},
    ports::Clock,
    secret::Secret,
};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tracing::warn;
use url::Url;
use zeroize::Zeroizing;

/// Codes that are looked at with Slack at once; anybody can come with one.
const EXCHANGES_MAX: usize = 4;

/// The two pages that a browser goes through.
pub(super) struct Oauth {
    slack: Arc<Slack>,
    app: Arc<OauthConfig>,
    installing: Arc<dyn Installing>,
    clock: Arc<dyn Clock>,
    exchanges: Semaphore,
}

/// What Slack gives for a code.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    token_type: String,
    #[serde(default)]
    scope: String,
    app_id: String,
    team: Option<Named>,
    authed_user: Option<Named>,
    #[serde(default)]
    is_enterprise_install: bool,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

/// A bot's own user, which names the app that it belongs to.
#[derive(Deserialize)]
struct BotUser {
    user: Profiled,
}

#[derive(Deserialize)]
struct Profiled {
    profile: Profile,
}

#[derive(Deserialize)]
struct Profile {
    api_app_id: Option<String>,
}

impl Oauth {
    pub fn new(
        slack: Arc<Slack>,
        app: Arc<OauthConfig>,
        installing: Arc<dyn Installing>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            slack,
            app,
            installing,
            clock,
            exchanges: Semaphore::new(EXCHANGES_MAX),
        }
    }

    pub fn routes(self) -> Router {
        Router::new()
            .route(INSTALL_PATH, get(begin))
            .route(OAUTH_PATH, get(finish))
            .with_state(Arc::new(self))
    }

    fn redirect_uri(&self) -> String {
        format!("{}{OAUTH_PATH}", self.app.public_url)
    }

    /// Where the person says yes or no.
    fn consent(&self, state: &str) -> Result<Url, Failure> {
        let mut url = self.slack.web.authorize_url()?;
        let scopes: Vec<_> = SCOPES.iter().map(|(scope, _)| *scope).collect();
        url.query_pairs_mut()
            .append_pair("client_id", &self.app.client_id)
            .append_pair("scope", &scopes.join(","))
            .append_pair("state", state)
            .append_pair("redirect_uri", &self.redirect_uri());
        Ok(url)
    }

    async fn conclude(&self, query: &str, nonce: Option<&str>) -> Ending {
        let answer = Answer::read(query);
        let now = self.clock.now();
        let ours = nonce
            .zip(answer.state.as_deref())
            .and_then(|(nonce, state)| {
                let state = pass::check(state, nonce, now, &self.app.client_secret)?;
                Some((state, pass::good_until(now)))
            });
        let Some((mark, good_until)) = ours else {
            return Ending::Stale;
        };
        // Used up before anything is done with it, whatever becomes of that.
        match self.installing.use_once(&mark, good_until).await {
            Ok(true) => {}
            Ok(false) => return Ending::Stale,
            Err(_) => return Ending::Unavailable,
        }
        match (answer.error, answer.code) {
            (Some(error), _) if error == "access_denied" => Ending::Declined,
            (None, Some(code)) => self.exchange(&code).await,
            _ => Ending::NotTaken,
        }
    }

    async fn exchange(&self, code: &str) -> Ending {
        let Ok(_turn) = self.exchanges.try_acquire() else {
            return Ending::Busy;
        };
        let back = self.redirect_uri();
        let given = self.slack.web.exchange(&self.app, code, &back).await;
        let granted = given.and_then(|given| granted(&given));
        match granted {
            Ok(granted) => {
                let ending = self.install(granted).await;
                ending.unwrap_or_else(|failure| Ending::of(&failure))
            }
            Err(failure) => Ending::of(&failure),
        }
    }

    /// Slack's answer is held against what the new token itself says, and what our own says.
    async fn install(&self, granted: Granted) -> Result<Ending, Failure> {
        let secret = Secret::new(granted.access_token);
        let token = web::token(&secret);
        let team = match granted.team {
            Some(team) if granted.token_type == "bot" && !granted.is_enterprise_install => team.id,
            _ => return Ok(Ending::OrgWide),
        };
        let (there, its_app) = self.who_is(&token).await?;
        let (home, our_app) = self.who_is(&self.slack.bot_token).await?;
        let is_other = |app: Option<String>| app.is_some_and(|app| app != granted.app_id);
        if there.team_id != team || is_other(its_app) || is_other(our_app) {
            return Ok(Ending::OtherApp);
        }
        if there.is_enterprise_install {
            return Ok(Ending::OrgWide);
        }
        if home.team_id == team {
            return Ok(Ending::Home);
        }
        let has = |scope: &str| granted.scope.split(',').any(|one| one == scope);
        if !SCOPES.iter().all(|(scope, _)| has(scope)) {
            return Ok(Ending::Scopes);
        }
        let install = Install {
            workspace: workspace(team.as_str()),
            app: granted.app_id,
            token: secret,
            by: granted.authed_user.map(|user| UserId::new(user.id)),
        };
        Ok(match self.installing.install(install).await {
            Ok(Installed::Kept) => {
                self.slack.teams.forget(&team);
                Ending::Installed {
                    team: there.team_name,
                }
            }
            Ok(Installed::Unlisted) => {
                self.give_back(&token).await;
                Ending::Unlisted { team }
            }
            Ok(Installed::OtherApp) => Ending::OtherApp,
            Err(_) => Ending::Unavailable,
        })
    }

    /// The workspace of a token, and the app, if Slack names it.
    async fn who_is(&self, token: &SlackApiToken) -> Result<(Home, Option<String>), Failure> {
        let web = &self.slack.web;
        let home: Home = web.ask(token, "auth.test", &[]).await?;
        let user = [("user", home.user_id.as_str())];
        let bot: BotUser = web.ask(token, "users.info", &user).await?;
        Ok((home, bot.user.profile.api_app_id))
    }

    /// A token that nobody keeps must not live on.
    async fn give_back(&self, token: &SlackApiToken) {
        let web = &self.slack.web;
        let nothing = json!({});
        let revoked = web.change::<Value>(token, "auth.revoke", &nothing);
        if let Err(failure) = revoked.await {
            warn!(error = %failure, "Could not revoke a token that is not kept");
        }
    }
}

fn granted(given: &Wiped) -> Result<Granted, Failure> {
    if given.0["ok"] != Value::Bool(true) {
        return Err(Failure::Malformed);
    }
    Granted::deserialize(&given.0).map_err(|_| Failure::Malformed)
}

/// What the browser brings back from Slack.
#[derive(Default)]
struct Answer {
    state: Option<String>,
    code: Option<Zeroizing<String>>,
    error: Option<String>,
}

impl Answer {
    fn read(query: &str) -> Self {
        let mut answer = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "state" => answer.state = Some(value.into_owned()),
                "code" => answer.code = Some(Zeroizing::new(value.into_owned())),
                "error" => answer.error = Some(value.into_owned()),
                _ => {}
            }
        }
        answer
    }
}

async fn begin(State(oauth): State<Arc<Oauth>>) -> Response {
    let Pass { state, cookie } = Pass::fresh(&*oauth.clock, &oauth.app.client_secret);
    let Ok(url) = oauth.consent(&state) else {
        return Ending::Unavailable.into_response();
    };
    let headers = [
        (header::LOCATION, url.to_string()),
        (header::SET_COOKIE, cookie),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (StatusCode::FOUND, headers).into_response()
}

async fn finish(
    State(oauth): State<Arc<Oauth>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let cookies = headers.get_all(header::COOKIE).iter();
    let nonce = cookies
        .filter_map(|line| line.to_str().ok())
        .find_map(pass::nonce);
    let ending = oauth.conclude(&query.unwrap_or_default(), nonce).await;
    ending.log();
    ([(header::SET_COOKIE, pass::CLEARED)], ending).into_response()
}
