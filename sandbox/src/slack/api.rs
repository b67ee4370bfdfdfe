//! The Web API: arguments, tokens, scopes, and the table of methods.

use serde_json::{Map, Value, json};

use super::payloads::{person_json, usergroup_json};
use super::world::{APP, BOT, BOT_USER, World};
use super::{Hub, conversations, files, messages, oauth, views};
use crate::door::{Answer, Call};

/// Who may call a method.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Bot,
    App,
}
use Token::{App, Bot};

type Method = fn(&mut Asked) -> Outcome;
pub(super) type Outcome = Result<Value, Refused>;

/// Name, token, the scope it needs (empty: none, or it depends on the conversation), and code.
const METHODS: &[(&str, Token, &str, Method)] = &[
    ("apps.connections.open", App, "", connections_open),
    ("auth.revoke", Bot, "", auth_revoke),
    ("auth.test", Bot, "", auth_test),
    ("chat.delete", Bot, "chat:write", messages::delete),
    (
        "chat.postEphemeral",
        Bot,
        "chat:write",
        messages::post_ephemeral,
    ),
    ("chat.postMessage", Bot, "chat:write", messages::post),
    ("chat.update", Bot, "chat:write", messages::update),
    ("conversations.history", Bot, "", conversations::history),
    ("conversations.info", Bot, "", conversations::info),
    ("conversations.list", Bot, "", conversations::list),
    ("conversations.members", Bot, "", conversations::members),
    ("conversations.open", Bot, "im:write", conversations::open),
    ("conversations.replies", Bot, "", conversations::replies),
    (
        "files.completeUploadExternal",
        Bot,
        "files:write",
        files::complete,
    ),
    (
        "files.getUploadURLExternal",
        Bot,
        "files:write",
        files::upload_url,
    ),
    ("team.info", Bot, "team:read", team_info),
    ("usergroups.list", Bot, "usergroups:read", usergroups),
    (
        "usergroups.users.list",
        Bot,
        "usergroups:read",
        usergroup_users,
    ),
    ("users.info", Bot, "users:read", user_info),
    ("users.list", Bot, "users:read", users),
    ("views.open", Bot, "", views::open),
    ("views.publish", Bot, "", views::publish),
    ("views.push", Bot, "", views::push),
    ("views.update", Bot, "", views::update),
];

/// Why a method refuses.
pub(super) struct Refused {
    pub error: String,
    pub details: Vec<String>,
    pub retry_after: Option<u32>,
}

impl Refused {
    pub fn because(error: &str, details: Vec<String>) -> Refused {
        Refused {
            error: error.to_owned(),
            details,
            retry_after: None,
        }
    }
}

pub(super) fn refuse<T>(error: &str) -> Result<T, Refused> {
    Err(Refused::because(error, Vec::new()))
}

/// One call of a method, with the world it changes.
pub(super) struct Asked<'a> {
    pub hub: &'a Hub,
    pub world: &'a mut World,
    pub team: String,
    pub method: &'a str,
    pub arguments: Map<String, Value>,
}

impl Asked<'_> {
    /// An argument as text; numbers and booleans are understood.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.arguments.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    pub fn needed(&self, name: &str) -> Result<String, Refused> {
        match self.text(name) {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(Refused::because(
                "invalid_arguments",
                vec![format!("missing {name}")],
            )),
        }
    }

    pub fn flag(&self, name: &str) -> bool {
        self.text(name)
            .is_some_and(|text| text == "true" || text == "1")
    }

    /// An argument that is JSON, or text that holds JSON.
    pub fn json(&self, name: &str) -> Result<Option<Value>, Refused> {
        match self.arguments.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => match serde_json::from_str(text) {
                Ok(value) => Ok(Some(value)),
                Err(_) => refuse("invalid_json"),
            },
            Some(value) => Ok(Some(value.clone())),
        }
    }

    pub fn violation(&self, text: &str) {
        self.hub
            .wire
            .violation(format!("slack {}: {text}", self.method));
    }

    pub fn scope(&self, needed: &str) -> Result<(), Refused> {
        if needed.is_empty() || self.world.scopes.iter().any(|scope| scope == needed) {
            return Ok(());
        }
        self.violation(&format!("needs the scope {needed}"));
        Err(Refused::because("missing_scope", vec![needed.to_owned()]))
    }

    /// One page of a list by `cursor` and `limit`, and the next cursor (empty at the end).
    pub fn page<T>(&self, all: Vec<T>, most: usize) -> Result<(Vec<T>, String), Refused> {
        let limit = self
            .text("limit")
            .map_or(Ok(100), |limit| limit.parse::<usize>());
        let Ok(limit) = limit else {
            return refuse("invalid_limit");
        };
        let limit = if limit == 0 { 100 } else { limit.min(most) };
        let cursor = self.text("cursor").filter(|cursor| !cursor.is_empty());
        let start = match cursor.map(|cursor| cursor.trim_start_matches("next:").parse::<usize>()) {
            None => 0,
            Some(Ok(start)) => start,
            Some(Err(_)) => return refuse("invalid_cursor"),
        };
        let end = start.saturating_add(limit);
        let next = if end < all.len() {
            format!("next:{end}")
        } else {
            String::new()
        };
        Ok((all.into_iter().skip(start).take(limit).collect(), next))
    }
}

/// Answers a call of `method`.
pub(super) fn answer(hub: &Hub, method: &str, call: &Call) -> Answer {
    if !matches!(call.method.as_str(), "GET" | "POST") {
        hub.wire
            .violation(format!("slack {method}: by {}", call.method));
        return Answer::text(405, "method not allowed");
    }
    let Some((arguments, as_json)) = arguments(call) else {
        hub.wire
            .violation(format!("slack {method}: the body is no JSON object"));
        return refused(&Refused::because("invalid_json", Vec::new()), &[]);
    };
    if let Some(contracts) = &hub.contracts {
        for problem in contracts.check_arguments(method, &arguments, as_json) {
            hub.wire
                .violation(format!("slack {method}: argument {problem}"));
        }
    }
    let mut world = hub.world();
    let scopes = world.scopes.clone();
    match dispatch(hub, &mut world, method, (arguments, call)) {
        Ok(mut value) => {
            value["ok"] = json!(true);
            let answer = Answer::json(200, value);
            if method == "auth.test" {
                answer.header("x-oauth-scopes", &scopes.join(","))
            } else {
                answer
            }
        }
        Err(why) => refused(&why, &scopes),
    }
}

fn dispatch(
    hub: &Hub,
    world: &mut World,
    name: &str,
    (arguments, call): (Map<String, Value>, &Call),
) -> Outcome {
    if name == "oauth.v2.access" {
        return oauth::access(world, &arguments, call);
    }
    let Some((_, token, scope, method)) = METHODS.iter().find(|(known, ..)| *known == name) else {
        hub.wire.violation(format!("slack {name}: unknown method"));
        return refuse("unknown_method");
    };
    let in_form = arguments
        .get("token")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let Some(secret) = call.bearer().map(str::to_owned).or(in_form) else {
        return refuse("not_authed");
    };
    let team = match token {
        App if secret == hub.app_token => String::new(),
        Bot => match world.teams.iter().find(|team| team.bot_token == secret) {
            Some(team) if !team.installed => return refuse("account_inactive"),
            Some(team) => team.id.clone(),
            None if secret == hub.app_token => return refuse("not_allowed_token_type"),
            None => return refuse("invalid_auth"),
        },
        App if world.teams.iter().any(|team| team.bot_token == secret) => {
            return refuse("not_allowed_token_type");
        }
        App => return refuse("invalid_auth"),
    };
    let mut asked = Asked {
        hub,
        world,
        team,
        method: name,
        arguments,
    };
    asked.scope(scope)?;
    method(&mut asked)
}

/// Query, form or JSON fields, and whether they came as JSON.
fn arguments(call: &Call) -> Option<(Map<String, Value>, bool)> {
    let text = |fields: Vec<(String, String)>| {
        fields
            .into_iter()
            .map(|(name, value)| (name, Value::from(value)))
            .collect::<Map<_, _>>()
    };
    let mut arguments = text(call.query.clone());
    if call.body.is_empty() {
        return Some((arguments, false));
    }
    if call.is_form() {
        arguments.extend(text(call.form()));
        return Some((arguments, false));
    }
    match serde_json::from_slice(&call.body).ok()? {
        Value::Object(body) => arguments.extend(body),
        Value::Null => {}
        _ => return None,
    }
    Some((arguments, true))
}

fn refused(why: &Refused, scopes: &[String]) -> Answer {
    let mut body = json!({ "ok": false, "error": why.error });
    if let Some(seconds) = why.retry_after {
        return Answer::json(429, body).header("retry-after", &seconds);
    }
    if why.error == "missing_scope" {
        body["needed"] = json!(why.details.join(","));
        body["provided"] = json!(scopes.join(","));
    } else if !why.details.is_empty() {
        body["response_metadata"] = json!({ "messages": why.details });
    }
    Answer::json(200, body)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "all methods have the shape of the table"
)]
fn connections_open(asked: &mut Asked) -> Outcome {
    let ticket = asked.world.next("ticket");
    let base = asked.world.base.replacen("http://", "ws://", 1);
    let url = format!("{base}/link?ticket={ticket}&app_id={APP}");
    asked.world.tickets.insert(ticket);
    Ok(json!({ "url": url }))
}

fn auth_test(asked: &mut Asked) -> Outcome {
    let Some(team) = asked.world.team(&asked.team) else {
        return refuse("invalid_auth");
    };
    Ok(json!({
        "url": format!("https://{}.slack.com/", team.domain),
        "team": team.name,
        "user": "slice",
        "team_id": team.id,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": false,
    }))
}

/// The token was the only one, so the app is out of the workspace.
#[expect(
    clippy::unnecessary_wraps,
    reason = "all methods have the shape of the table"
)]
fn auth_revoke(asked: &mut Asked) -> Outcome {
    let team = asked.team.clone();
    asked.world.uninstall(&team);
    Ok(json!({ "revoked": true }))
}

fn team_info(asked: &mut Asked) -> Outcome {
    let Some(team) = asked.world.team(&asked.team) else {
        return refuse("team_not_found");
    };
    Ok(json!({ "team": { "id": team.id, "name": team.name, "domain": team.domain } }))
}

fn user_info(asked: &mut Asked) -> Outcome {
    let user = asked.needed("user")?;
    if user == BOT_USER {
        let mut user = person_json(&asked.world.bot_row(&asked.team));
        user["profile"]["api_app_id"] = json!(oauth::app_of(asked.world, &asked.team));
        return Ok(json!({ "user": user }));
    }
    match asked.world.person(&user) {
        Some(person) => Ok(json!({ "user": person_json(person) })),
        None => refuse("user_not_found"),
    }
}

fn users(asked: &mut Asked) -> Outcome {
    let here = asked
        .world
        .people
        .iter()
        .filter(|person| person.team == asked.team);
    let mut people: Vec<Value> = here.map(person_json).collect();
    people.push(person_json(&asked.world.bot_row(&asked.team)));
    let (members, next) = asked.page(people, 1000)?;
    Ok(json!({ "members": members, "response_metadata": { "next_cursor": next } }))
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "all methods have the shape of the table"
)]
fn usergroups(asked: &mut Asked) -> Outcome {
    let with_users = asked.flag("include_users");
    let creator = asked
        .world
        .people
        .first()
        .map_or("", |person| person.id.as_str());
    let here = asked
        .world
        .usergroups
        .iter()
        .filter(|group| group.team == asked.team);
    let groups: Vec<Value> = here
        .map(|group| usergroup_json(group, creator, with_users))
        .collect();
    Ok(json!({ "usergroups": groups }))
}

fn usergroup_users(asked: &mut Asked) -> Outcome {
    let id = asked.needed("usergroup")?;
    match asked.world.usergroups.iter().find(|group| group.id == id) {
        Some(group) => Ok(json!({ "users": group.users })),
        None => refuse("no_such_subteam"),
    }
}
