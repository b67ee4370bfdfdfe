//! Installing the app: Slack's consent page, the codes that it gives out, and a browser.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use url::Url;

use super::api::{Outcome, refuse};
use super::world::{APP, BOT_USER, World};
use super::{Slack, http};
use crate::door::Call;

pub(super) const CLIENT_ID: &str = "1010101010.2020202020";
pub(super) const CLIENT_SECRET: &str = "c11e27000000000000000000005ec2e7";
/// Slack's codes are good for this long.
const CODE_LIFE: i64 = 600 * 1_000_000;

/// What somebody said yes to.
pub(super) struct Code {
    team: String,
    user: String,
    redirect_uri: String,
    scope: String,
    made: i64,
    used: bool,
}

impl Slack {
    /// The app's id and secret, as a client of OAuth.
    pub fn client(&self) -> (String, String) {
        (CLIENT_ID.to_owned(), CLIENT_SECRET.to_owned())
    }

    /// A person of a workspace (by handle) says yes on the page that the address opens. Gives where
    /// her browser goes then.
    ///
    /// # Panics
    /// If it is no address of that page.
    pub fn consents(&self, address: &str, team: &str, person: &str) -> String {
        let user = self.person(person).id().to_owned();
        let (asked, mut back) = self.consent_page(address);
        let mut world = self.hub.world();
        let n = world.count("code");
        let code = format!("{n}.sandbox-code-0123456789abcdef");
        let made = world.clock.now();
        let granted = Code {
            team: team.to_owned(),
            user,
            redirect_uri: asked["redirect_uri"].clone(),
            scope: asked["scope"].clone(),
            made,
            used: false,
        };
        world.codes.insert(code.clone(), granted);
        back.query_pairs_mut().append_pair("code", &code);
        back.query_pairs_mut().append_pair("state", &asked["state"]);
        back.into()
    }

    /// The same with a no.
    ///
    /// # Panics
    /// If it is no address of that page.
    pub fn declines(&self, address: &str) -> String {
        let (asked, mut back) = self.consent_page(address);
        back.query_pairs_mut().append_pair("error", "access_denied");
        back.query_pairs_mut().append_pair("state", &asked["state"]);
        back.into()
    }

    fn consent_page(&self, address: &str) -> (HashMap<String, String>, Url) {
        let url = Url::parse(address).expect("an address");
        let base = self.hub.world().base.clone();
        let page = format!("{base}/oauth/v2/authorize");
        assert!(address.starts_with(&page), "{address} is no consent page");
        let asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(asked.get("client_id").map(String::as_str), Some(CLIENT_ID));
        let back = Url::parse(&asked["redirect_uri"]).expect("a redirect URI");
        (asked, back)
    }

    /// From now on codes are exchanged as if they were another app's.
    pub fn answer_as_app(&self, app: &str) {
        app.clone_into(&mut self.hub.world().app);
    }

    /// A browser of its own, without any cookie.
    pub fn browser(&self) -> Browser {
        Browser {
            client: http::client(),
            cookies: HashMap::new(),
        }
    }
}

/// `oauth.v2.access`: a code becomes a token; a workspace that has the app already keeps the one that
/// it has.
pub(super) fn access(world: &mut World, arguments: &Map<String, Value>, call: &Call) -> Outcome {
    let Some((id, secret)) = basic(call) else {
        return refuse("invalid_client_id");
    };
    if id != CLIENT_ID {
        return refuse("invalid_client_id");
    }
    if secret != CLIENT_SECRET {
        return refuse("bad_client_secret");
    }
    let text = |name: &str| {
        arguments
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let now = world.clock.now();
    let Some(code) = world.codes.get_mut(text("code")) else {
        return refuse("invalid_code");
    };
    if code.redirect_uri != text("redirect_uri") {
        return refuse("bad_redirect_uri");
    }
    if code.used {
        return refuse("code_already_used");
    }
    if CODE_LIFE <= now - code.made {
        return refuse("invalid_code");
    }
    code.used = true;
    let (team, user, scope) = (code.team.clone(), code.user.clone(), code.scope.clone());
    let (n, app) = (world.count("token"), world.app.clone());
    let Some(team) = world.teams.iter_mut().find(|one| one.id == team) else {
        return refuse("team_not_found");
    };
    if !team.installed {
        team.bot_token = format!("xoxb-sandbox-{}-{}-{n}", team.domain, team.id);
        team.installed = true;
    }
    team.app.clone_from(&app);
    let answer = json!({
        "access_token": team.bot_token,
        "token_type": "bot",
        "scope": scope,
        "bot_user_id": BOT_USER,
        "app_id": app,
        "team": { "id": team.id, "name": team.name },
        "enterprise": null,
        "is_enterprise_install": false,
        "authed_user": { "id": user },
    });
    let token = team.bot_token.clone();
    world.issued.push(token);
    Ok(answer)
}

fn basic(call: &Call) -> Option<(String, String)> {
    let coded = call.header("authorization")?.strip_prefix("Basic ")?;
    let plain = String::from_utf8(STANDARD.decode(coded).ok()?).ok()?;
    let (id, secret) = plain.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// The app that a team's bot belongs to.
pub(super) fn app_of(world: &World, team: &str) -> String {
    world.team(team).map_or(APP, |team| &team.app).to_owned()
}

/// Somebody's browser: it keeps cookies, and goes nowhere by itself. A clone has the cookies of now.
#[derive(Clone)]
pub struct Browser {
    client: reqwest::Client,
    cookies: HashMap<String, String>,
}

/// A page, or where to go instead of one.
#[derive(Clone, Debug)]
pub struct Page {
    pub status: u16,
    pub location: Option<String>,
    pub set_cookie: Option<String>,
    pub text: String,
}

impl Browser {
    /// # Panics
    /// If nobody answers.
    pub async fn opens(&mut self, address: &str) -> Page {
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = self
            .client
            .get(address)
            .header("cookie", cookies.join("; "));
        let response = request.send().await.expect("the page is served");
        let header = |name: &str| {
            let value = response.headers().get(name)?;
            Some(value.to_str().expect("a header of text").to_owned())
        };
        let (location, set_cookie) = (header("location"), header("set-cookie"));
        if let Some(cookie) = &set_cookie {
            self.keep(cookie);
        }
        Page {
            status: response.status().as_u16(),
            location,
            set_cookie,
            text: response.text().await.expect("a page of text"),
        }
    }

    fn keep(&mut self, cookie: &str) {
        let pair = cookie.split(';').next().unwrap_or_default();
        let Some((name, value)) = pair.split_once('=') else {
            return;
        };
        if cookie.contains("Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}
