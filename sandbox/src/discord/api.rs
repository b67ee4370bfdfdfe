//! The REST API: routes, token, bodies, and the shape of refusals.

use serde_json::{Value, json};

use super::Hub;
use super::problems::Problems;
use super::world::{APP, BOT, World};
use super::{callbacks, channels, commands, guilds, messages, payloads, webhooks};
use crate::door::{Answer, Call};
use crate::multipart;

type Handler = fn(&mut Asked) -> Outcome;
/// What a route answers: `null` is a 204.
pub(super) type Outcome = Result<Value, Refused>;

const PREFIX: &str = "/api/v10/";

/// A route of the API; `{}` stands for an id or a token.
pub(super) struct Route {
    pub method: &'static str,
    pub template: &'static str,
    /// Whether it needs the bot's token; the others have a token in their path, or need none.
    needs_token: bool,
    handler: Handler,
}

impl Route {
    /// Answers to interactions do not count to the global limit.
    pub fn counts_globally(&self) -> bool {
        !self.template.starts_with("interactions/") && !self.template.starts_with("webhooks/")
    }

    /// The ids in a path, if it is one of this route.
    fn ids(&self, method: &str, path: &str) -> Option<Vec<String>> {
        let wanted: Vec<&str> = self.template.split('/').collect();
        let parts: Vec<&str> = path.split('/').collect();
        if self.method != method || wanted.len() != parts.len() {
            return None;
        }
        let mut ids = Vec::new();
        for (wanted, part) in wanted.iter().zip(parts) {
            match *wanted {
                "{}" if !part.is_empty() => ids.push(part.to_owned()),
                fixed if fixed == part => {}
                _ => return None,
            }
        }
        Some(ids)
    }
}

const fn bot(method: &'static str, template: &'static str, handler: Handler) -> Route {
    Route {
        method,
        template,
        needs_token: true,
        handler,
    }
}

const fn open(method: &'static str, template: &'static str, handler: Handler) -> Route {
    Route {
        needs_token: false,
        ..bot(method, template, handler)
    }
}

/// The first that fits counts.
const ROUTES: &[Route] = &[
    open("GET", "gateway", gateway),
    bot("GET", "gateway/bot", gateway_bot),
    bot("GET", "users/@me", me),
    bot("GET", "users/@me/guilds", guilds::mine),
    bot("POST", "users/@me/channels", channels::open_dm),
    bot("DELETE", "users/@me/guilds/{}", guilds::leave),
    bot("GET", "users/{}", guilds::user),
    bot("GET", "oauth2/applications/@me", application),
    bot("GET", "applications/@me", application),
    bot("GET", "applications/{}/commands", commands::list),
    bot("PUT", "applications/{}/commands", commands::overwrite),
    bot("GET", "applications/{}/guilds/{}/commands", commands::list),
    bot(
        "PUT",
        "applications/{}/guilds/{}/commands",
        commands::overwrite,
    ),
    bot("GET", "guilds/{}", guilds::guild),
    bot("GET", "guilds/{}/channels", guilds::channels),
    bot("GET", "guilds/{}/roles", guilds::roles),
    bot("GET", "guilds/{}/members", guilds::members),
    bot("GET", "guilds/{}/members/{}", guilds::member),
    bot("GET", "channels/{}", channels::channel),
    bot("GET", "channels/{}/messages", messages::list),
    bot("POST", "channels/{}/messages", messages::create),
    bot("GET", "channels/{}/messages/{}", messages::one),
    bot("PATCH", "channels/{}/messages/{}", messages::edit),
    bot("DELETE", "channels/{}/messages/{}", messages::delete),
    open("POST", "interactions/{}/{}/callback", callbacks::callback),
    open("POST", "webhooks/{}/{}", webhooks::follow_up),
    open("GET", "webhooks/{}/{}/messages/{}", webhooks::show),
    open("PATCH", "webhooks/{}/{}/messages/{}", webhooks::edit),
    open("DELETE", "webhooks/{}/{}/messages/{}", webhooks::delete),
];

/// Status, code and message of a refusal.
pub(super) type Why = (u16, u32, &'static str);

pub(super) const UNAUTHORIZED: Why = (401, 0, "401: Unauthorized");
pub(super) const NOT_FOUND: Why = (404, 0, "404: Not Found");
pub(super) const UNKNOWN_CHANNEL: Why = (404, 10_003, "Unknown Channel");
pub(super) const UNKNOWN_GUILD: Why = (404, 10_004, "Unknown Guild");
pub(super) const UNKNOWN_MEMBER: Why = (404, 10_007, "Unknown Member");
pub(super) const UNKNOWN_MESSAGE: Why = (404, 10_008, "Unknown Message");
pub(super) const UNKNOWN_USER: Why = (404, 10_013, "Unknown User");
pub(super) const UNKNOWN_WEBHOOK: Why = (404, 10_015, "Unknown Webhook");
pub(super) const UNKNOWN_INTERACTION: Why = (404, 10_062, "Unknown interaction");
pub(super) const NOT_THIS_APP: Why = (
    403,
    20_012,
    "You are not authorized to perform this action on this application",
);
pub(super) const TOO_MANY_COMMANDS: Why = (
    400,
    30_034,
    "Max number of daily application command creates has been reached (200)",
);
pub(super) const DMS_TOO_FAST: Why = (400, 40_003, "You are opening direct messages too fast");
pub(super) const TOO_LARGE: Why = (413, 40_005, "Request entity too large");
pub(super) const ALREADY_ACKNOWLEDGED: Why =
    (400, 40_060, "Interaction has already been acknowledged.");
pub(super) const MISSING_ACCESS: Why = (403, 50_001, "Missing Access");
pub(super) const NOT_THE_AUTHOR: Why = (
    403,
    50_005,
    "Cannot edit a message authored by another user",
);
pub(super) const EMPTY_MESSAGE: Why = (400, 50_006, "Cannot send an empty message");
pub(super) const DM_CLOSED: Why = (403, 50_007, "Cannot send messages to this user");
pub(super) const MISSING_PERMISSIONS: Why = (403, 50_013, "Missing Permissions");
pub(super) const INVALID_WEBHOOK_TOKEN: Why = (401, 50_027, "Invalid Webhook Token");
pub(super) const INVALID_FORM: Why = (400, 50_035, "Invalid Form Body");
pub(super) const NO_MUTUAL_GUILD: Why = (
    403,
    50_278,
    "Cannot send messages to this user due to having no mutual guilds",
);
pub(super) const INVALID_JSON: Why = (400, 50_109, "The request body contains invalid JSON.");

/// Why a route refuses.
#[derive(Debug)]
pub(super) struct Refused {
    pub why: Why,
    /// Of an invalid form.
    pub errors: Option<Value>,
}

pub(super) fn refuse<T>(why: Why) -> Result<T, Refused> {
    Err(Refused { why, errors: None })
}

pub(super) fn refusal(why: Why) -> Answer {
    let (status, code, message) = why;
    Answer::json(status, json!({ "message": message, "code": code }))
}

/// One call of a route, with the world it changes.
pub(super) struct Asked<'a> {
    pub hub: &'a Hub,
    pub world: &'a mut World,
    /// `POST channels/{}/messages`, for the record of what is wrong.
    pub line: String,
    pub ids: Vec<String>,
    pub query: Vec<(String, String)>,
    pub body: Value,
    pub files: Vec<multipart::Part>,
}

impl Asked<'_> {
    /// The id at a place of the path; empty if there is none.
    pub fn id(&self, at: usize) -> String {
        self.ids.get(at).cloned().unwrap_or_default()
    }

    pub fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn violation(&self, text: &str) {
        self.hub
            .wire
            .violation(format!("discord {}: {text}", self.line));
    }

    /// Refuses a form with problems, and records them.
    pub fn fine(&self, problems: &Problems) -> Result<(), Refused> {
        if problems.is_empty() {
            return Ok(());
        }
        for problem in problems.lines() {
            self.violation(&problem);
        }
        Err(Refused {
            why: INVALID_FORM,
            errors: Some(problems.errors()),
        })
    }
}

/// Answers a request to `/api/v10/…`; gives `None` for other paths.
pub(super) fn answer(hub: &Hub, call: &Call) -> Option<Answer> {
    let path = call.path.strip_prefix(PREFIX)?;
    let found = ROUTES
        .iter()
        .find_map(|route| Some((route, route.ids(&call.method, path)?)));
    let mut world = hub.world();
    let answer = if let Some((route, ids)) = found {
        routed(hub, &mut world, (route, ids), call)
    } else {
        let line = format!("discord {} {}", call.method, call.path);
        hub.wire.violation(format!("{line}: no such route"));
        refusal(NOT_FOUND)
    };
    count_invalid(&mut world, answer.status);
    hub.check_answer(call, path, &answer);
    Some(answer)
}

/// The count that a ban goes by.
pub(super) fn count_invalid(world: &mut World, status: u16) {
    if matches!(status, 401 | 403 | 429) {
        world.rates.invalid += 1;
    }
}

fn routed(
    hub: &Hub,
    world: &mut World,
    (route, ids): (&Route, Vec<String>),
    call: &Call,
) -> Answer {
    let line = format!("{} {}", route.method, route.template);
    let token = call.header("authorization");
    let token = token.and_then(|value| value.strip_prefix("Bot "));
    if route.needs_token && token != Some(world.token.as_str()) {
        return refusal(UNAUTHORIZED);
    }
    // The bucket is of the route and its major id: a channel, a guild, or a webhook with its token.
    let major = match route.template.split('/').next() {
        Some("channels" | "guilds") => ids.first().cloned().unwrap_or_default(),
        Some("webhooks" | "interactions") => ids.get(..2).unwrap_or_default().join("/"),
        _ => String::new(),
    };
    let now = world.clock.now();
    let bucket = match world.rates.take(route, &format!("{line} {major}"), now) {
        Ok(bucket) => bucket,
        Err(refused) => return refused,
    };
    let mut asked = Asked {
        hub,
        world,
        line,
        ids,
        query: call.query.clone(),
        body: Value::Null,
        files: Vec::new(),
    };
    let outcome = read(&mut asked, call).and_then(|()| (route.handler)(&mut asked));
    bucket.on(said(outcome))
}

pub(super) fn said(outcome: Outcome) -> Answer {
    match outcome {
        Ok(Value::Null) => Answer::json(204, Value::Null),
        Ok(value) => Answer::json(200, value),
        Err(refused) => {
            let mut answer = refusal(refused.why);
            if let Some(errors) = refused.errors {
                answer.body["errors"] = errors;
            }
            answer
        }
    }
}

/// Reads the body: JSON, or a form with `payload_json` and files.
fn read(asked: &mut Asked, call: &Call) -> Result<(), Refused> {
    if call.body.is_empty() {
        return Ok(());
    }
    let kind = call.header("content-type").unwrap_or_default();
    let Some((json, files)) = content(kind, &call.body) else {
        asked.violation("the body is neither JSON nor a form with payload_json");
        return refuse(INVALID_JSON);
    };
    (asked.body, asked.files) = (json, files);
    let path = call.path.trim_start_matches(PREFIX);
    for problem in asked.hub.check_request(call, path, &asked.body) {
        asked.violation(&problem);
    }
    Ok(())
}

/// A body of JSON, or of a form: its `payload_json` and the files beside it.
pub(super) fn content(kind: &str, body: &[u8]) -> Option<(Value, Vec<multipart::Part>)> {
    if !kind.starts_with("multipart/form-data") {
        return Some((serde_json::from_slice(body).ok()?, Vec::new()));
    }
    let mut json = json!({});
    let mut files = Vec::new();
    for part in multipart::parts(kind, body)? {
        if part.name == "payload_json" {
            json = serde_json::from_slice(&part.bytes).ok()?;
        } else {
            files.push(part);
        }
    }
    Some((json, files))
}

#[expect(clippy::unnecessary_wraps, reason = "all have the shape of the table")]
fn gateway(asked: &mut Asked) -> Outcome {
    Ok(json!({ "url": asked.world.gateway_url() }))
}

#[expect(clippy::unnecessary_wraps, reason = "all have the shape of the table")]
fn gateway_bot(asked: &mut Asked) -> Outcome {
    let used = u64::try_from(asked.world.sessions.len()).unwrap_or(u64::MAX);
    Ok(json!({
        "url": asked.world.gateway_url(),
        "shards": 1,
        "session_start_limit": {
            "total": 1000,
            "remaining": 1000_u64.saturating_sub(used),
            "reset_after": 14_400_000,
            "max_concurrency": 1,
        },
    }))
}

#[expect(clippy::unnecessary_wraps, reason = "all have the shape of the table")]
fn me(asked: &mut Asked) -> Outcome {
    Ok(payloads::me(asked.world))
}

#[expect(clippy::unnecessary_wraps, reason = "all have the shape of the table")]
fn application(asked: &mut Asked) -> Outcome {
    Ok(payloads::application(asked.world))
}

impl World {
    /// `ws://127.0.0.1:PORT`.
    pub fn gateway_url(&self) -> String {
        self.base.replacen("http://", "ws://", 1)
    }
}

/// Whether an id in a path is the bot's own.
pub(super) fn is_me(id: &str) -> bool {
    id == "@me" || id == BOT || id == APP
}
