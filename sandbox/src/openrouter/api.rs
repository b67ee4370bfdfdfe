//! The management routes: credits, workspaces, and sub-keys with their rules.

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::state::{Accounts, Key, micros_from_usd, number, timestamp};
use super::{OpenRouter, chat};
use crate::door::{Answer, Call, by_name};

const PAGE: usize = 100;
const RESETS: &[&str] = &["daily", "weekly", "monthly"];
const CREATE_FIELDS: &[&str] = &[
    "name",
    "limit",
    "limit_reset",
    "expires_at",
    "include_byok_in_limit",
    "workspace_id",
    "creator_user_id",
];
const PATCH_FIELDS: &[&str] = &[
    "name",
    "disabled",
    "limit",
    "limit_reset",
    "include_byok_in_limit",
];

/// The error envelope.
pub(super) fn error(status: u16, message: &str) -> Answer {
    Answer::json(
        status,
        json!({ "error": { "code": status, "message": message } }),
    )
}

pub(super) fn rate_limited(retry_after: u32) -> Answer {
    error(429, "Rate limit exceeded").header("retry-after", &retry_after)
}

/// Why a request is refused: status and message.
type Refused = (u16, String);

fn refuse<T>(status: u16, message: &str) -> Result<T, Refused> {
    Err((status, message.to_owned()))
}

pub(super) fn answer(openrouter: &OpenRouter, call: &Call, path: &str) -> Answer {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    if let ("POST", ["chat", "completions"] | ["completions"]) = (call.method.as_str(), &*parts) {
        return chat::complete(openrouter, call);
    }
    if let Some(retry_after) = openrouter.is_limited() {
        return rate_limited(retry_after);
    }
    match manage(openrouter, call, &parts) {
        Ok(answer) => answer,
        Err((status, message)) => {
            if status == 400 || message == "Not Found" {
                let line = format!("openrouter {} {path}", call.method);
                openrouter
                    .hub
                    .wire
                    .violation(format!("{line}: {status} {message}"));
            }
            error(status, &message)
        }
    }
}

fn manage(openrouter: &OpenRouter, call: &Call, parts: &[&str]) -> Result<Answer, Refused> {
    let now = openrouter.hub.clock.now();
    let mut accounts = openrouter.accounts();
    let Some(secret) = call.bearer() else {
        return refuse(401, "Missing Authentication header");
    };
    if let ("GET", ["key"]) = (call.method.as_str(), parts) {
        return current_key(&mut accounts, secret, now);
    }
    let Some(account) = accounts.manages(secret) else {
        if accounts.usable(secret, now).is_some() {
            return refuse(403, "Only management keys can perform this operation");
        }
        return refuse(401, "User not found.");
    };
    match (call.method.as_str(), parts) {
        ("GET", ["credits"]) => {
            let account = accounts.account(&account);
            let credits = number(account.credits_micros);
            let usage = number(account.usage_micros);
            let data = json!({ "total_credits": credits, "total_usage": usage });
            Ok(Answer::json(200, json!({ "data": data })))
        }
        ("GET", ["workspaces"]) => Ok(workspaces(&mut accounts, &account)),
        ("GET", ["keys"]) => list(&mut accounts, &account, call, now),
        ("POST", ["keys"]) => create(&mut accounts, &account, call, now),
        (method @ ("GET" | "PATCH" | "DELETE"), ["keys", hash]) => {
            let fits = |key: &Key| key.hash == *hash && key.account == account && !key.deleted;
            let Some(at) = accounts.keys.iter().position(fits) else {
                return refuse(404, "Resource not found");
            };
            match method {
                "PATCH" => change(&mut accounts.keys[at], &object(call)?, now)?,
                "DELETE" => {
                    accounts.keys[at].deleted = true;
                    return Ok(Answer::json(200, json!({ "deleted": true })));
                }
                _ => {}
            }
            let data = shown(&mut accounts, at, now);
            Ok(Answer::json(200, json!({ "data": data })))
        }
        _ => refuse(404, "Not Found"),
    }
}

fn current_key(accounts: &mut Accounts, secret: &str, now: i64) -> Result<Answer, Refused> {
    let management = accounts.manages(secret);
    let key = match (&management, accounts.usable(secret, now)) {
        (Some(account), _) => Key::new("management key", secret, account, now).sums(now),
        (None, Some(key)) => key.sums(now),
        (None, None) => return refuse(401, "User not found."),
    };
    let mut data = key;
    let more = json!({
        "is_free_tier": false,
        "is_management_key": management.is_some(),
        "is_provisioning_key": management.is_some(),
        "rate_limit": { "requests": -1, "interval": "10s", "note": "This field is deprecated." },
    });
    merge(&mut data, more);
    Ok(Answer::json(200, json!({ "data": data })))
}

fn workspaces(accounts: &mut Accounts, account: &str) -> Answer {
    let account = accounts.account(account);
    let workspace = json!({
        "id": account.workspace_id,
        "name": "Default Workspace",
        "slug": "default",
        "description": null,
        "created_at": timestamp(0),
        "updated_at": null,
        "created_by": "user_sandbox",
        "default_guardrail_id": format!("10{}", &account.workspace_id[2..]),
        "default_text_model": null,
        "default_image_model": null,
        "default_provider_sort": null,
        "is_data_discount_logging_enabled": false,
        "is_observability_broadcast_enabled": false,
        "is_observability_io_logging_enabled": false,
        "io_logging_api_key_ids": null,
        "io_logging_sampling_rate": 1,
    });
    Answer::json(200, json!({ "data": [workspace], "total_count": 1 }))
}

fn list(accounts: &mut Accounts, account: &str, call: &Call, now: i64) -> Result<Answer, Refused> {
    let query = by_name(call.query.clone());
    let known = ["offset", "include_disabled", "workspace_id"];
    if let Some(name) = query.keys().find(|name| !known.contains(&name.as_str())) {
        return refuse(400, &format!("Unrecognized query parameter {name:?}"));
    }
    let Ok(offset) = query
        .get("offset")
        .map_or(Ok(0), |offset| offset.parse::<usize>())
    else {
        return refuse(400, "offset must be an integer of at least 0");
    };
    let with_disabled = query
        .get("include_disabled")
        .is_some_and(|value| value == "true");
    let home = accounts.account(account).workspace_id.clone();
    let here = query
        .get("workspace_id")
        .is_none_or(|workspace| *workspace == home);
    let page: Vec<usize> = (0..accounts.keys.len())
        .rev()
        .filter(|&at| {
            let key = &accounts.keys[at];
            let listed = key.account == account && !key.deleted;
            here && listed && (with_disabled || !key.disabled)
        })
        .skip(offset)
        .take(PAGE)
        .collect();
    let data: Vec<Value> = page
        .into_iter()
        .map(|at| shown(accounts, at, now))
        .collect();
    Ok(Answer::json(200, json!({ "data": data })))
}

fn create(
    accounts: &mut Accounts,
    account: &str,
    call: &Call,
    now: i64,
) -> Result<Answer, Refused> {
    let body = object(call)?;
    only(&body, CREATE_FIELDS)?;
    if !body.contains_key("name") {
        return refuse(400, "name: Required");
    }
    let home = accounts.account(account).workspace_id.clone();
    match body.get("workspace_id") {
        None => {}
        Some(Value::String(id)) if *id == home => {}
        Some(_) => return refuse(400, "workspace_id: not a workspace of this account"),
    }
    let secret = accounts.next_secret();
    let mut key = Key::new("", &secret, account, now);
    change_common(&mut key, &body)?;
    key.creator_user_id = match body.get("creator_user_id") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) if !id.is_empty() => Some(id.clone()),
        Some(_) => return refuse(400, "creator_user_id: a non-empty string or null"),
    };
    key.expires_at = match body.get("expires_at") {
        None | Some(Value::Null) => None,
        Some(value) => Some(expires_at(value)?),
    };
    accounts.secrets.push(secret.clone());
    accounts.keys.push(key);
    let at = accounts.keys.len() - 1;
    let data = shown(accounts, at, now);
    Ok(Answer::json(201, json!({ "data": data, "key": secret })))
}

/// UTC with seconds; other zones and minute precision are refused.
fn expires_at(value: &Value) -> Result<i64, Refused> {
    let time = value
        .as_str()
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    match time {
        Some(time) if time.offset().local_minus_utc() == 0 => Ok(time.timestamp_micros()),
        _ => refuse(400, "expires_at: must be YYYY-MM-DDTHH:MM:SSZ in UTC"),
    }
}

fn change(key: &mut Key, body: &Map<String, Value>, now: i64) -> Result<(), Refused> {
    only(body, PATCH_FIELDS)?;
    let disabled = match body.get("disabled") {
        None => key.disabled,
        Some(Value::Bool(disabled)) => *disabled,
        Some(_) => return refuse(400, "disabled: a boolean"),
    };
    change_common(key, body)?;
    key.disabled = disabled;
    key.updated_at = Some(now);
    Ok(())
}

/// The fields that both creating and changing accept; nothing changes if one of them is wrong.
fn change_common(key: &mut Key, body: &Map<String, Value>) -> Result<(), Refused> {
    let name = match body.get("name") {
        None => key.name.clone(),
        Some(Value::String(name)) if !name.is_empty() => name.clone(),
        Some(_) => return refuse(400, "name: a string of at least 1 character"),
    };
    let limit = match body.get("limit") {
        None => key.limit_micros,
        Some(Value::Null) => None,
        Some(Value::Number(limit)) => match micros_from_usd(&limit.to_string()) {
            Some(micros) if micros >= 0 => Some(micros),
            _ => return refuse(400, "limit: at least 0, with at most 6 decimals"),
        },
        Some(_) => return refuse(400, "limit: a number or null"),
    };
    let reset = match body.get("limit_reset") {
        None => key.limit_reset.clone(),
        Some(Value::Null) => None,
        Some(Value::String(reset)) if RESETS.contains(&reset.as_str()) => Some(reset.clone()),
        Some(_) => return refuse(400, "limit_reset: daily, weekly, monthly or null"),
    };
    let byok = match body.get("include_byok_in_limit") {
        None => key.include_byok_in_limit,
        Some(Value::Bool(byok)) => *byok,
        Some(_) => return refuse(400, "include_byok_in_limit: a boolean"),
    };
    (key.name, key.limit_micros, key.limit_reset) = (name, limit, reset);
    key.include_byok_in_limit = byok;
    Ok(())
}

fn object(call: &Call) -> Result<Map<String, Value>, Refused> {
    match serde_json::from_slice(&call.body) {
        Ok(Value::Object(body)) => Ok(body),
        _ => refuse(400, "The body must be a JSON object"),
    }
}

fn only(body: &Map<String, Value>, known: &[&str]) -> Result<(), Refused> {
    match body.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => refuse(400, &format!("Unrecognized key: {name:?}")),
        None => Ok(()),
    }
}

/// A key as the API shows it.
fn shown(accounts: &mut Accounts, at: usize, now: i64) -> Value {
    let name = accounts.keys[at].account.clone();
    let workspace_id = accounts.account(&name).workspace_id.clone();
    let key = &accounts.keys[at];
    let mut data = key.sums(now);
    let more = json!({
        "hash": key.hash,
        "name": key.name,
        "disabled": key.disabled,
        "created_at": timestamp(key.created_at),
        "updated_at": key.updated_at.map(timestamp),
        "workspace_id": workspace_id,
    });
    merge(&mut data, more);
    data
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}
