//! A Slack on loopback: Web API, Socket Mode or signed HTTP, `response_url`, and the people in front
//! of it.

mod api;
mod conversations;
mod files;
mod forgery;
mod forms;
mod http;
mod limits;
mod messages;
mod oauth;
mod payloads;
mod people;
mod place;
mod render;
mod rows;
mod socket;
mod views;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::contracts::Contracts;
use crate::door::{self, Answer, Behind, Call, Shared};
use crate::faults::{Fault, Faults, SLACK};
use crate::wire::Wire;

use crate::chat::{ChannelId, ChannelKind, PersonKind, Sight, UserId};
pub use forgery::{Forgery, Heard};
pub use oauth::{Browser, Page};
pub use people::Person;
use world::{About, Frame, World};

/// The scopes that the app was installed with, unless a test says otherwise.
const SCOPES: &[&str] = &[
    "commands",
    "chat:write",
    "im:write",
    "im:history",
    "users:read",
    "channels:read",
    "groups:read",
    "usergroups:read",
    "files:write",
];

/// Another workspace that the app is installed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    pub team_id: String,
    pub bot_token: String,
}

/// The fake Slack. Clones are the same Slack.
#[derive(Clone)]
pub struct Slack {
    hub: Arc<Hub>,
}

struct Hub {
    world: Mutex<World>,
    app_token: String,
    client: reqwest::Client,
    wire: Wire,
    faults: Faults,
    contracts: Option<Contracts>,
}

impl Hub {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slack {
    pub(crate) async fn start(shared: &Shared) -> std::io::Result<Slack> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        let hub = Hub {
            world: Mutex::new(World::new(shared.clock.clone(), base, SCOPES)),
            app_token: "xapp-1-A0SLICE01-1-sandbox".to_owned(),
            client: http::client(),
            wire: shared.wire.clone(),
            faults: shared.faults.clone(),
            contracts: shared.contracts.clone(),
        };
        let slack = Slack { hub: Arc::new(hub) };
        slack.add_team("T0SLICE", "Acme");
        let extra = Router::new().route("/link", get(socket::link));
        door::serve(listener, slack.clone(), extra);
        Ok(slack)
    }

    /// `http://127.0.0.1:PORT/api`.
    pub fn api_url(&self) -> String {
        format!("{}/api", self.hub.world().base)
    }

    /// The id of the first workspace.
    pub fn team_id(&self) -> String {
        self.hub.world().teams[0].id.clone()
    }

    /// The bot token of the first workspace.
    pub fn bot_token(&self) -> String {
        self.hub.world().teams[0].bot_token.clone()
    }

    pub fn app_token(&self) -> String {
        self.hub.app_token.clone()
    }

    /// The tokens, which nobody but the bot may know.
    pub fn secrets(&self) -> Vec<String> {
        let world = self.hub.world();
        let mut secrets = world.issued.clone();
        secrets.push(oauth::CLIENT_SECRET.to_owned());
        secrets.push(self.hub.app_token.clone());
        secrets.extend(world.outlet.as_ref().map(|outlet| outlet.secret.clone()));
        secrets
    }

    /// The scopes that the token has from now on.
    pub fn set_scopes(&self, scopes: &[&str]) {
        self.hub.world().scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
    }

    /// With `true`, more than 3 posts to one channel within a second of the sandbox clock are
    /// answered with 429.
    pub fn rate_limits(&self, on: bool) {
        self.hub.world().rate_limits = on;
    }

    /// Envelopes that are not acknowledged: waiting for a socket, or sent. What Slack sends again
    /// only later does not count before its time.
    pub fn unacknowledged(&self) -> usize {
        let mut world = self.hub.world();
        // Time may have come for some.
        world.pump();
        let now = world.clock.now();
        let open = |one: &&world::Envelope| !one.delivery.is_over() && one.not_before <= now;
        world.envelopes.iter().filter(open).count()
    }

    /// Open Socket Mode connections.
    pub fn sockets(&self) -> usize {
        self.hub.world().sockets.len()
    }

    /// Cuts all sockets without a word.
    pub fn drop_sockets(&self) {
        self.frame(|| Frame::Cut);
    }

    /// Asks all sockets to reconnect; nothing new is sent over them.
    pub fn refresh_sockets(&self) {
        self.frame(|| Frame::Disconnect("refresh_requested"));
    }

    /// Warns all sockets that they will have to reconnect soon.
    pub fn warn_sockets(&self) {
        self.frame(|| Frame::Disconnect("warning"));
    }

    fn frame(&self, frame: impl Fn() -> Frame) {
        for socket in &self.hub.world().sockets {
            let _ = socket.frames.send(frame());
        }
    }

    /// Delivers the last envelope once more: the same content under a new envelope id.
    pub fn redeliver_last(&self) {
        let mut world = self.hub.world();
        if let Some(last) = world.envelopes.last().cloned() {
            world.queue(&last.kind, last.payload, last.about);
        }
        drop(world);
        self.hub.wire.touch();
    }

    /// Sends any envelope, for what no real person could do.
    pub fn inject_envelope(&self, kind: &str, payload: Value) {
        let about = match (kind, &payload["user_id"], &payload["channel_id"]) {
            ("slash_commands", Value::String(user), Value::String(channel)) => About::Command {
                user: user.clone(),
                channel: channel.clone(),
            },
            _ => About::Nothing,
        };
        self.hub.world().queue(kind, payload, about);
        self.hub.wire.touch();
    }

    /// The payload of a slash command by anybody, also of a workspace nobody knows, in a channel
    /// given by id. The text is taken as it is.
    pub fn command_payload(&self, team: &str, user: &str, channel: &str, text: &str) -> Value {
        let mut world = self.hub.world();
        let known = world.person(user).cloned();
        let mut row = known.unwrap_or_else(|| world::PersonRow {
            id: user.to_owned(),
            team: team.to_owned(),
            handle: user.to_lowercase(),
            kind: PersonKind::Stranger,
            deleted: false,
        });
        team.clone_into(&mut row.team);
        payloads::command(&mut world, &row, channel, ("/slice", text))
    }

    /// An event of the Events API, wrapped and sent.
    pub fn inject_event(&self, event: Value) {
        let mut world = self.hub.world();
        let team = world.teams[0].id.clone();
        let payload = payloads::event(&mut world, &team, event);
        world.queue("events_api", payload, About::Nothing);
        drop(world);
        self.hub.wire.touch();
    }

    /// Everything that anybody saw after the sight with this number (0: from the start).
    pub fn sights_since(&self, n: u64) -> Vec<Sight> {
        self.hub.world().sights.since(n)
    }

    /// Live markup of everything the bot showed, in order: `user @ana`, `group @owners`,
    /// `broadcast @channel`, `link https://…`.
    pub fn alive_markup(&self) -> Vec<String> {
        self.hub.world().alive.clone()
    }

    /// The content of an uploaded file, newest first, by name.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        let world = self.hub.world();
        let newest = world.files.iter().rev().find(|file| file.name == name)?;
        newest.bytes.clone()
    }

    /// Workspaces, people, channels, messages and open views; no token.
    pub fn state_json(&self) -> Value {
        let world = self.hub.world();
        let teams = world
            .teams
            .iter()
            .map(|team| json!({ "id": team.id, "name": team.name }));
        let people = world.people.iter().map(payloads::person_json);
        let channels = world
            .channels
            .iter()
            .map(|one| payloads::channel_json(&world, &one.id));
        let messages = world.messages.iter().filter(|one| !one.deleted).map(|one| {
            let mut shown = payloads::message_json(&world, one, true);
            shown["channel"] = json!(one.channel);
            shown["ephemeral_to"] = json!(one.ephemeral_to);
            shown
        });
        let views = world
            .views
            .iter()
            .filter(|view| view.open)
            .map(payloads::view_json);
        json!({
            "teams": teams.collect::<Vec<_>>(),
            "people": people.collect::<Vec<_>>(),
            "channels": channels.collect::<Vec<_>>(),
            "messages": messages.collect::<Vec<_>>(),
            "views": views.collect::<Vec<_>>(),
        })
    }
}

impl Behind for Slack {
    const WIRE: &'static str = SLACK;

    fn wire(&self) -> &Wire {
        &self.hub.wire
    }

    fn faults(&self) -> &Faults {
        &self.hub.faults
    }

    async fn answer(&self, call: &Call) -> Answer {
        let hub = &self.hub;
        if let Some(method) = call.path.strip_prefix("/api/") {
            return api::answer(hub, method, call);
        }
        match (
            call.method.as_str(),
            call.path.trim_start_matches('/').split_once('/'),
        ) {
            ("POST", Some(("respond", id))) => messages::respond(hub, id, call),
            ("POST", Some(("upload", id))) => files::upload(hub, id, call),
            _ => {
                hub.wire.violation(format!(
                    "slack {} {}: no such route",
                    call.method, call.path
                ));
                Answer::text(404, "not found")
            }
        }
    }

    fn refusal(&self, fault: Fault, call: &Call) -> Option<Answer> {
        let method = call.path.strip_prefix("/api/");
        let said =
            |status, error: &str| Answer::json(status, json!({ "ok": false, "error": error }));
        let refused = |status, error: &str| match method {
            Some(_) => said(200, error),
            None => said(status, error),
        };
        Some(match fault {
            Fault::Unauthorized401 => refused(401, "invalid_auth"),
            Fault::Forbidden403 => refused(403, "missing_scope"),
            Fault::NotFound404 => refused(404, "channel_not_found"),
            Fault::RateLimited429 { retry_after } => {
                said(429, "ratelimited").header("retry-after", &retry_after)
            }
            Fault::ServerError500 | Fault::ServerErrorAfter500 => said(500, "internal_error"),
            Fault::BadGateway502 => Answer::text(502, "<html><h1>502 Bad Gateway</h1></html>"),
            Fault::ExpiredTrigger => said(200, "expired_trigger_id"),
            Fault::ClosedResponseUrl => said(404, "used_url"),
            Fault::ChannelArchived if method == Some("chat.update") => said(200, "is_inactive"),
            Fault::ChannelArchived => said(200, "is_archived"),
            Fault::NotInChannel => said(200, "not_in_channel"),
            Fault::UserNotInChannel => said(200, "user_not_in_channel"),
            Fault::TokenRevoked => said(200, "token_revoked"),
            _ => return None,
        })
    }
}
