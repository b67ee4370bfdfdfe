//! REST v2: pods as they are, what they may be told, what GPUs cost, what was billed.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate};
use serde_json::{Map, Value, json};

use super::bill::{self, Charge, Stint};
use super::limits;
use super::state::{Access, Gpu, Pod, World, timestamp};
use super::{RunPod, number};
use crate::door::{Answer, Call, by_name};

const MICROS_PER_SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// Why a request is refused: status and detail.
type Refused = (u16, String);

fn refuse<T>(status: u16, detail: &str) -> Result<T, Refused> {
    Err((status, detail.to_owned()))
}

/// The error envelope of RFC 9457.
pub(super) fn problem(status: u16, detail: &str) -> Answer {
    let title = match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        _ => "Internal Server Error",
    };
    let body = json!({ "title": title, "status": status, "detail": detail });
    Answer::json(status, body).header("content-type", &"application/problem+json")
}

pub(super) fn answer(runpod: &RunPod, call: &Call) -> Answer {
    let now = runpod.hub.clock.now();
    let mut world = runpod.world();
    let Some((account, access)) = call.bearer().and_then(|secret| world.admits(secret)) else {
        return problem(401, "missing bearer token");
    };
    let judged = limits::count(&mut world, &account, now);
    let mut answer = match judged.refused {
        Some((window, seconds)) => {
            let detail = format!("rate limit exceeded for the {window} window");
            problem(429, &detail).header("retry-after", &seconds)
        }
        None if access == Access::ReadOnly && call.method != "GET" => problem(403, "access denied"),
        None => served(&mut world, &account, call, now).unwrap_or_else(|(status, detail)| {
            if matches!(status, 400 | 405 | 422) || detail == "no such route" {
                let line = format!("runpod {} {}", call.method, call.path);
                runpod.hub.wire.violation(format!("{line}: {detail}"));
            }
            problem(status, &detail)
        }),
    };
    for (name, value) in judged.headers {
        answer = answer.header(name, &value);
    }
    answer
}

fn served(world: &mut World, account: &str, call: &Call, now: i64) -> Result<Answer, Refused> {
    let parts: Vec<&str> = call.path.trim_matches('/').split('/').skip(1).collect();
    let query = by_name(call.query.clone());
    match (call.method.as_str(), &*parts) {
        ("GET", ["pods"]) => {
            only(&query, &["includeClusterPods"])?;
            let pods = world.pods.iter().filter(|pod| world.shows(account, pod));
            let pods: Vec<Value> = pods.map(|pod| shown(pod, world, now)).collect();
            Ok(Answer::json(200, json!({ "pods": pods })))
        }
        (method, ["pods", id]) => {
            let Some(at) = world.shown(account, id) else {
                return refuse(404, "pod not found");
            };
            match method {
                "GET" => {}
                "PATCH" => change(&mut world.pods[at], call)?,
                "DELETE" => return act(&mut world.pods[at], "terminate", now),
                _ => return refuse(405, "The requested method is not allowed for this path."),
            }
            Ok(Answer::json(200, shown(&world.pods[at], world, now)))
        }
        ("POST", ["pods", id, "action"]) => {
            let Some(at) = world.living(account, id) else {
                return refuse(404, "pod not found");
            };
            let body = object(call)?;
            let action = body.get("action").and_then(Value::as_str);
            let done = act(&mut world.pods[at], action.unwrap_or_default(), now)?;
            if done.status == 204 {
                return Ok(done);
            }
            Ok(Answer::json(200, shown(&world.pods[at], world, now)))
        }
        ("GET", ["catalog", "gpus"]) => {
            only(&query, &["include", "product", "count", "cloud"])?;
            let gpus: Vec<Value> = world.gpus.iter().map(|gpu| kind(gpu, &query)).collect();
            Ok(Answer::json(200, json!({ "gpus": gpus })))
        }
        ("GET", ["billing", "pods"]) => billing(world, account, &query, now),
        _ => refuse(404, "no such route"),
    }
}

fn object(call: &Call) -> Result<Map<String, Value>, Refused> {
    match serde_json::from_slice(&call.body) {
        Ok(Value::Object(body)) => Ok(body),
        _ => refuse(400, "the body must be a JSON object"),
    }
}

fn only(query: &HashMap<String, String>, known: &[&str]) -> Result<(), Refused> {
    match query.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => refuse(400, &format!("unknown query parameter {name:?}")),
        None => Ok(()),
    }
}

/// `locked` and `name`; anything else is not for this sandbox.
fn change(pod: &mut Pod, call: &Call) -> Result<(), Refused> {
    let body = object(call)?;
    for (name, value) in &body {
        match (name.as_str(), value) {
            ("locked", Value::Bool(_)) => {}
            ("name", Value::String(text)) if !text.is_empty() => {}
            _ => return refuse(422, &format!("$.{name}: not changed by this sandbox")),
        }
    }
    if let Some(Value::Bool(locked)) = body.get("locked") {
        pod.locked = *locked;
    }
    if let Some(Value::String(name)) = body.get("name") {
        pod.name.clone_from(name);
    }
    Ok(())
}

/// Carries out a state transition; 204 says that the pod is gone.
pub(super) fn act(pod: &mut Pod, action: &str, now: i64) -> Result<Answer, Refused> {
    if pod.locked {
        return refuse(409, "pod is locked: unlock it first");
    }
    if pod.ended_at.is_some() {
        return refuse(409, "action not valid for current pod status");
    }
    match (action, pod.stopped) {
        ("terminate", _) => {
            pod.ended_at = Some(now);
            return Ok(Answer::json(204, Value::Null));
        }
        ("stop", false) => pod.stints.push(Stint::stopped(now, pod.volume_gb)),
        ("start", true) => {
            let stint = Stint::running(now, pod.price, pod.disk_gb, pod.volume_gb);
            pod.stints.push(stint);
        }
        ("restart", false) => return Ok(Answer::json(200, Value::Null)),
        ("start" | "stop" | "restart", _) => {
            return refuse(409, "action not valid for current pod status");
        }
        _ => return refuse(422, "$.action: value must be one of 'start', 'stop', ..."),
    }
    pod.stopped = action == "stop";
    Ok(Answer::json(200, Value::Null))
}

/// A pod as REST shows it, its environment included.
fn shown(pod: &Pod, world: &World, now: i64) -> Value {
    let status = pod.status(now, world.boot_micros);
    let runs = status == "RUNNING";
    let env: Map<String, Value> = pod
        .env
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.clone())))
        .collect();
    let mounts = match pod.volume_gb {
        0 => json!({}),
        size => json!({ "persistent": { "size": size, "path": pod.volume_path } }),
    };
    let proxy = json!({
        "host": "ssh.runpod.io",
        "port": 22,
        "username": pod.host_id,
        "command": format!("ssh {}@ssh.runpod.io", pod.host_id),
    });
    let direct = (runs && pod.ports.iter().any(|port| port == "22/tcp")).then(|| {
        json!({
            "host": "192.0.2.10",
            "port": 34_446,
            "username": "root",
            "command": "ssh root@192.0.2.10 -p 34446",
        })
    });
    let actions: &[&str] = match status {
        "RUNNING" => &["stop", "restart", "terminate"],
        "EXITED" => &["start", "terminate"],
        "TERMINATED" => &[],
        _ => &["stop", "terminate"],
    };
    let booted = pod.created_at + world.boot_micros;
    let uptime = (now - booted).div_euclid(MICROS_PER_SECOND);
    json!({
        "id": pod.id,
        "name": pod.name,
        "image": pod.image,
        "args": pod.args,
        "disk": pod.disk_gb,
        "ports": pod.ports,
        "env": env,
        "registry": null,
        "status": status,
        "actions": actions,
        "mounts": mounts,
        "gpu": { "id": pod.gpu, "count": pod.gpu_count },
        "cloud": if pod.secure { "SECURE" } else { "COMMUNITY" },
        "dataCenterId": "US-KS-2",
        "cudaVersion": "12.8",
        "ssh": { "proxy": proxy, "direct": direct },
        "template": null,
        "cost": number(if pod.stopped || pod.ended_at.is_some() { 0 } else { pod.price }),
        "locked": pod.locked,
        "globalNetworking": { "enabled": false },
        "runtime": runs.then(|| json!({ "uptime": uptime.max(0) })),
        "createdAt": timestamp(pod.created_at),
        "startedAt": (now >= booted).then(|| timestamp(booted)),
    })
}

fn kind(gpu: &Gpu, query: &HashMap<String, String>) -> Value {
    let price = |price: Option<i64>| number(price.unwrap_or(0));
    let most = |price: Option<i64>| if price.is_some() { 8 } else { 0 };
    let mut kind = json!({
        "id": gpu.id,
        "name": gpu.name,
        "pool": null,
        "manufacturer": "NVIDIA",
        "memory": gpu.memory_gb,
        "secure": gpu.secure.is_some(),
        "community": gpu.community.is_some(),
        "price": { "secure": price(gpu.secure), "community": price(gpu.community) },
        "maxCount": { "secure": most(gpu.secure), "community": most(gpu.community) },
    });
    if query
        .get("include")
        .is_some_and(|include| include == "AVAILABILITY")
    {
        kind["availability"] = json!(if gpu.in_stock { "HIGH" } else { "NONE" });
    }
    kind
}

fn billing(
    world: &World,
    account: &str,
    query: &HashMap<String, String>,
    now: i64,
) -> Result<Answer, Refused> {
    only(
        query,
        &["podId", "startTime", "endTime", "bucketSize", "lastN"],
    )?;
    let size = query.get("bucketSize").map_or("day", String::as_str);
    if !["hour", "day", "week", "month", "year"].contains(&size) {
        return refuse(400, "bucketSize: hour, day, week, month or year");
    }
    let (from, to) = window(query, size, now)?;
    let known_until = now - world.billing_lag_micros;
    let asked = query.get("podId");
    let of = |pod: &&Pod| pod.account == account && asked.is_none_or(|id| *id == pod.id);
    let pods: Vec<&Pod> = world.pods.iter().filter(of).collect();
    let (mut records, mut billed) = (Vec::new(), std::collections::BTreeSet::new());
    let mut totals = (Charge::default(), Charge::default());
    let mut start = from;
    while start < to {
        let end = following(start, size);
        for pod in &pods {
            let before = bill::until(pod, start.min(known_until) - 1);
            let after = bill::until(pod, end.min(known_until + 1) - 1);
            let (compute, disk) = (after.0.minus(before.0), after.1.minus(before.1));
            if compute.plus(disk) <= Charge::default() {
                continue;
            }
            totals = (totals.0.plus(compute), totals.1.plus(disk));
            billed.insert(pod.id.clone());
            let mut record = amounts(compute, disk);
            record["startTime"] = json!(timestamp(start));
            record["endTime"] = json!(timestamp(end));
            record["podId"] = json!(pod.id);
            records.push(record);
        }
        start = end;
    }
    let resolved = json!({
        "startTime": timestamp(from),
        "endTime": timestamp(to),
        "bucketSize": size,
        "podId": asked,
    });
    let metadata = json!({
        "query": resolved,
        "recordCount": records.len(),
        "uniquePodCount": billed.len(),
        "totals": amounts(totals.0, totals.1),
    });
    let body = json!({ "records": records, "metadata": metadata });
    Ok(Answer::json(200, body))
}

fn amounts(compute: Charge, disk: Charge) -> Value {
    let number = |charge: Charge| -> Value {
        serde_json::from_str(&charge.usd()).expect("decimal text is a JSON number")
    };
    json!({
        "totalAmount": number(compute.plus(disk)),
        "gpuAmount": number(compute),
        "cpuAmount": 0,
        "diskAmount": number(disk),
    })
}

/// The window that a query asks for, snapped outward to its buckets.
fn window(query: &HashMap<String, String>, size: &str, now: i64) -> Result<(i64, i64), Refused> {
    let ranged = query.contains_key("startTime") || query.contains_key("endTime");
    if let Some(last) = query.get("lastN") {
        let Ok(last) = last.parse::<u32>() else {
            return refuse(400, "lastN must be an integer");
        };
        if ranged || last == 0 {
            return refuse(
                400,
                "lastN is at least 1 and excludes startTime and endTime",
            );
        }
        let mut from = bucket(now, size);
        for _ in 1..last {
            from = bucket(from - 1, size);
        }
        return Ok((from, following(now, size)));
    }
    let moment = |name: &str, default: i64| match query.get(name) {
        None => Ok(default),
        Some(text) => match DateTime::parse_from_rfc3339(text) {
            Ok(time) => Ok(time.timestamp_micros()),
            Err(_) => refuse(400, &format!("{name}: RFC 3339")),
        },
    };
    let from = bucket(moment("startTime", now - 30 * DAY)?, size);
    let to = moment("endTime", now)?;
    Ok((from, following(to - 1, size)))
}

fn date(micros: i64) -> NaiveDate {
    let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
    time.date_naive()
}

fn midnight(date: NaiveDate) -> i64 {
    let time = date.and_hms_opt(0, 0, 0).unwrap_or_default();
    time.and_utc().timestamp_micros()
}

/// When the bucket begins that a moment is in.
fn bucket(micros: i64, size: &str) -> i64 {
    let day = date(micros);
    let first = match size {
        "hour" => return micros - micros.rem_euclid(3600 * MICROS_PER_SECOND),
        "week" => day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())),
        "month" => day.with_day(1),
        "year" => day.with_day(1).and_then(|day| day.with_month(1)),
        _ => Some(day),
    };
    midnight(first.unwrap_or(day))
}

/// When the bucket after that begins.
fn following(micros: i64, size: &str) -> i64 {
    let start = bucket(micros, size);
    let day = date(start);
    let next = match size {
        "hour" => return start + 3600 * MICROS_PER_SECOND,
        "week" => day.checked_add_days(Days::new(7)),
        "month" => day.checked_add_months(Months::new(1)),
        "year" => day.checked_add_months(Months::new(12)),
        _ => day.checked_add_days(Days::new(1)),
    };
    next.map_or(start + DAY, midnight)
}
