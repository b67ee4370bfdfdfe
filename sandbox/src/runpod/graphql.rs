//! `POST /graphql`: what the account is, what GPUs cost, and pods made with a deadline.
//!
//! `RunPod` publishes no schema; types and texts here are what its own clients send and quote.

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::bill::{Charge, Stint};
use super::language::{self, Field, Operation};
use super::state::{Access, Gpu, Pod, World, timestamp};
use super::{RunPod, number};
use crate::door::{Answer, Call};

pub(super) const NO_CAPACITY: &str = "There are no longer any instances available with the requested \
     specifications. Please refresh and try again.";
pub(super) const WENT_WRONG: &str =
    "Something went wrong. Please try again later or contact support.";
const TOO_POOR: &str = "You do not have enough balance to rent this machine.";
const OVER_LIMIT: &str = "Your account's spend limit does not allow this pod.";

/// The fields of a type, each with the type of what it selects from, if it does.
type Fields = &'static [(&'static str, Option<&'static str>)];

fn fields(kind: &str) -> Fields {
    match kind {
        "Query" => &[
            ("myself", Some("User")),
            ("gpuTypes", Some("GpuType")),
            ("pod", Some("Pod")),
        ],
        "Mutation" => &[
            ("podFindAndDeployOnDemand", Some("Pod")),
            ("podTerminate", None),
        ],
        "User" => &[
            ("id", None),
            ("clientBalance", None),
            ("currentSpendPerHr", None),
            ("spendLimit", None),
            ("underBalance", None),
            ("minBalance", None),
            ("pods", Some("Pod")),
        ],
        "GpuType" => &[
            ("id", None),
            ("displayName", None),
            ("memoryInGb", None),
            ("secureCloud", None),
            ("communityCloud", None),
            ("securePrice", None),
            ("communityPrice", None),
            ("lowestPrice", Some("LowestPrice")),
        ],
        "LowestPrice" => &[("stockStatus", None), ("uninterruptablePrice", None)],
        "Pod" => &[
            ("id", None),
            ("name", None),
            ("desiredStatus", None),
            ("imageName", None),
            ("costPerHr", None),
            ("adjustedCostPerHr", None),
            ("gpuCount", None),
            ("createdAt", None),
            ("machine", Some("PodMachineInfo")),
        ],
        "PodMachineInfo" => &[
            ("podHostId", None),
            ("gpuDisplayName", None),
            ("location", None),
        ],
        _ => &[],
    }
}

type Is = fn(&Value) -> bool;

/// The fields of `PodFindAndDeployOnDemandInput`, each with what its value must be.
const DEPLOY: &[(&str, Is)] = &[
    ("cloudType", Value::is_string),
    ("compliance", Value::is_array),
    ("containerDiskInGb", Value::is_u64),
    ("containerRegistryAuthId", Value::is_string),
    ("countryCode", Value::is_string),
    ("dataCenterId", Value::is_string),
    ("dockerArgs", Value::is_string),
    ("env", Value::is_array),
    ("gpuCount", Value::is_u64),
    ("gpuTypeId", Value::is_string),
    ("imageName", Value::is_string),
    ("minCudaVersion", Value::is_string),
    ("name", Value::is_string),
    ("networkVolumeId", Value::is_string),
    ("ports", Value::is_string),
    ("startSsh", Value::is_boolean),
    ("stopAfter", Value::is_string),
    ("supportPublicIp", Value::is_boolean),
    ("templateId", Value::is_string),
    ("terminateAfter", Value::is_string),
    ("volumeInGb", Value::is_u64),
    ("volumeMountPath", Value::is_string),
];

/// What a request is refused with: HTTP status, code, message.
type Refused = (u16, &'static str, String);

fn refuse<T>(status: u16, code: &'static str, message: impl Into<String>) -> Result<T, Refused> {
    Err((status, code, message.into()))
}

pub(super) fn failure(status: u16, code: &str, message: &str, field: Option<&str>) -> Answer {
    let mut error = json!({ "message": message, "extensions": { "code": code } });
    let mut answer = json!({ "errors": [] });
    if let Some(field) = field {
        error["path"] = json!([field]);
        answer["data"] = json!({ field: null });
    }
    answer["errors"] = json!([error]);
    Answer::json(status, answer)
}

/// The first field that a document asks for: how records and faults name the request.
pub(super) fn root(call: &Call) -> Option<String> {
    let body: Value = serde_json::from_slice(&call.body).ok()?;
    let operation = read(&body).ok()?;
    Some(operation.fields.first()?.name.clone())
}

fn read(body: &Value) -> Result<Operation, String> {
    let none = Map::new();
    let variables = body["variables"].as_object().unwrap_or(&none);
    let text = body["query"].as_str().ok_or("Must provide query string.")?;
    language::read(text, variables)
}

pub(super) fn answer(runpod: &RunPod, call: &Call) -> Answer {
    let violation = |text: &str| {
        let line = "runpod POST /graphql";
        runpod.hub.wire.violation(format!("{line}: {text}"));
    };
    if call.query.iter().any(|(name, _)| name == "api_key") {
        violation("the key stands in the URL");
    }
    let read = serde_json::from_slice::<Value>(&call.body)
        .map_err(|error| error.to_string())
        .and_then(|body| read(&body));
    let operation = match read {
        Ok(operation) => operation,
        Err(why) => {
            violation(&why);
            return failure(400, "GRAPHQL_PARSE_FAILED", &why, None);
        }
    };
    let kind = if operation.mutates {
        "Mutation"
    } else {
        "Query"
    };
    if let Err(why) = check(&operation.fields, kind) {
        violation(&why);
        return failure(400, "GRAPHQL_VALIDATION_FAILED", &why, None);
    }
    let mut data = Map::new();
    for field in &operation.fields {
        match resolve(runpod, call, field) {
            Ok(value) => data.insert(field.alias.clone(), selected(&value, &field.selection)),
            Err((status, code, message)) => {
                if code == "BAD_USER_INPUT" {
                    violation(&message);
                }
                let at = (status == 200).then_some(field.name.as_str());
                return failure(status, code, &message, at);
            }
        };
    }
    let mut answer = json!({ "data": data });
    if operation.mutates && runpod.world().complains {
        answer["errors"] = json!([{ "message": NO_CAPACITY, "extensions": { "code": "RUNPOD" } }]);
    }
    Answer::json(200, answer)
}

/// That each field exists, and selects from what has fields.
fn check(asked: &[Field], kind: &str) -> Result<(), String> {
    for field in asked {
        let name = &field.name;
        let known = fields(kind).iter().find(|(known, _)| known == name);
        match known {
            None => return Err(format!("Cannot query field {name:?} on type {kind:?}.")),
            Some((_, Some(_))) if field.selection.is_empty() => {
                return Err(format!(
                    "Field {name:?} must have a selection of subfields."
                ));
            }
            Some((_, None)) if !field.selection.is_empty() => {
                return Err(format!("Field {name:?} must not have a selection."));
            }
            Some((_, Some(of))) => check(&field.selection, of)?,
            Some((_, None)) => {}
        }
    }
    Ok(())
}

/// The selected part of a value.
fn selected(value: &Value, selection: &[Field]) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| selected(item, selection)).collect(),
        Value::Object(_) if !selection.is_empty() => selection
            .iter()
            .map(|field| {
                let part = selected(&value[&field.name], &field.selection);
                (field.alias.clone(), part)
            })
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

fn resolve(runpod: &RunPod, call: &Call, field: &Field) -> Result<Value, Refused> {
    let now = runpod.hub.clock.now();
    let mut world = runpod.world();
    let world = &mut *world;
    let caller = call.bearer().and_then(|secret| world.admits(secret));
    if field.name == "gpuTypes" {
        return Ok(gpu_types(world, &field.arguments["input"]["id"]));
    }
    let (account, access) = match caller {
        Some((_, Access::NoGraphql)) | None => return refuse(200, "RUNPOD", "Unauthorized"),
        Some(caller) => caller,
    };
    let input = field.arguments.get("input").unwrap_or(&Value::Null);
    let wants_write = field.name.starts_with("pod") && field.name != "pod";
    if wants_write && access == Access::ReadOnly {
        return refuse(200, "RUNPOD", "Forbidden");
    }
    match field.name.as_str() {
        "myself" => Ok(myself(world, &account, now)),
        "pod" => {
            let id = input["podId"].as_str().unwrap_or_default();
            let at = world.living(&account, id);
            Ok(at.map_or(Value::Null, |at| shown(&world.pods[at], world)))
        }
        "podTerminate" => {
            let id = input["podId"].as_str().unwrap_or_default();
            let Some(at) = world.living(&account, id) else {
                return refuse(200, "RUNPOD", "pod not found to terminate");
            };
            if world.pods[at].locked {
                return refuse(200, "RUNPOD", "Pod is locked");
            }
            world.pods[at].ended_at = Some(now);
            Ok(Value::Null)
        }
        _ => {
            let at = deploy(world, &account, input, now)?;
            Ok(shown(&world.pods[at], world))
        }
    }
}

fn myself(world: &World, account: &str, now: i64) -> Value {
    let balance = world.balance(account, now);
    let found = world.accounts.iter().find(|one| one.name == account);
    let limit = found.map_or(0, |one| one.spend_limit_micros);
    let living = |pod: &&Pod| pod.account == account && pod.ended_at.is_none();
    let pods: Vec<Value> = world
        .pods
        .iter()
        .filter(living)
        .map(|pod| shown(pod, world))
        .collect();
    json!({
        "id": format!("user_{account}"),
        "clientBalance": number(balance),
        "currentSpendPerHr": number(world.rate(account)),
        "spendLimit": number(limit),
        "underBalance": balance <= 0,
        "minBalance": 0,
        "pods": pods,
    })
}

fn gpu_types(world: &World, id: &Value) -> Value {
    let wanted = |gpu: &&Gpu| id.is_null() || *id == json!(gpu.id);
    let shown = |gpu: &Gpu| {
        let cheapest = gpu.secure.into_iter().chain(gpu.community).min();
        let price = gpu.in_stock.then_some(cheapest).flatten();
        json!({
            "id": gpu.id,
            "displayName": gpu.name,
            "memoryInGb": gpu.memory_gb,
            "secureCloud": gpu.secure.is_some(),
            "communityCloud": gpu.community.is_some(),
            "securePrice": gpu.secure.map(number),
            "communityPrice": gpu.community.map(number),
            "lowestPrice": {
                "stockStatus": gpu.in_stock.then_some("High"),
                "uninterruptablePrice": price.map(number),
            },
        })
    };
    world.gpus.iter().filter(wanted).map(shown).collect()
}

fn shown(pod: &Pod, world: &World) -> Value {
    let gpu = world.gpu(&pod.gpu);
    let price = if pod.stopped { 0 } else { pod.price };
    let machine = json!({
        "podHostId": pod.host_id,
        "gpuDisplayName": gpu.map(|gpu| gpu.name.clone()),
        "location": "US",
    });
    json!({
        "id": pod.id,
        "name": pod.name,
        "desiredStatus": if pod.stopped { "EXITED" } else { "RUNNING" },
        "imageName": pod.image,
        "costPerHr": number(price),
        "adjustedCostPerHr": number(price),
        "gpuCount": pod.gpu_count,
        "createdAt": timestamp(pod.created_at),
        "machine": if world.places_later { Value::Null } else { machine },
    })
}

/// The name of the first field that is unknown or of another type.
fn wrong_field(input: &Map<String, Value>) -> Option<String> {
    let wrong = |(name, value): &(&String, &Value)| {
        let known = DEPLOY.iter().find(|(known, _)| *known == name.as_str());
        !value.is_null() && known.is_none_or(|(_, is)| !is(value))
    };
    let (name, value) = input.iter().find(wrong)?;
    Some(format!(
        "Variable \"$input\" got invalid value {value} at \"input.{name}\"."
    ))
}

fn moment(input: &Map<String, Value>, name: &str) -> Result<Option<i64>, Refused> {
    let Some(text) = input.get(name).and_then(Value::as_str) else {
        return Ok(None);
    };
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => Ok(Some(time.timestamp_micros())),
        Err(_) => refuse(
            400,
            "BAD_USER_INPUT",
            format!("DateTime cannot represent an invalid date-time-string {text}."),
        ),
    }
}

/// `[{key, value}]` as pairs.
fn environment(input: &Map<String, Value>) -> Option<Vec<(String, String)>> {
    let Some(list) = input.get("env").and_then(Value::as_array) else {
        return Some(Vec::new());
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    list.iter()
        .map(|one| Some((text(&one["key"])?, text(&one["value"])?)))
        .collect()
}

/// Makes a pod and gives its place.
fn deploy(world: &mut World, account: &str, input: &Value, now: i64) -> Result<usize, Refused> {
    let Value::Object(input) = input else {
        return refuse(400, "BAD_USER_INPUT", "Field \"input\" is required.");
    };
    if let Some(why) = wrong_field(input) {
        return refuse(400, "BAD_USER_INPUT", why);
    }
    let Some(mut env) = environment(input) else {
        return refuse(400, "BAD_USER_INPUT", "env: [{key, value}]");
    };
    let terminate_after = moment(input, "terminateAfter")?;
    moment(input, "stopAfter")?;
    if terminate_after.is_some_and(|end| end <= now) {
        return refuse(400, "BAD_USER_INPUT", "terminateAfter is in the past");
    }
    let text = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default();
    let whole = |name: &str| input.get(name).and_then(Value::as_i64).unwrap_or(0);
    let (disk_gb, volume_gb) = (whole("containerDiskInGb"), whole("volumeInGb"));
    if !(1..=255).contains(&text("imageName").len()) || disk_gb < 1 {
        let why = "an image and a container disk of at least 1 GB are required";
        return refuse(400, "BAD_USER_INPUT", why);
    }
    let gpu_count = whole("gpuCount").max(1);
    let (secure, price) = found(world, text("gpuTypeId"), text("cloudType"))?;
    let price = price.saturating_mul(gpu_count);
    affordable(world, account, price, now)?;
    let (id, host_id) = world.next_id();
    env.push(("RUNPOD_POD_ID".to_owned(), id.clone()));
    env.push(("RUNPOD_API_KEY".to_owned(), format!("rpa_POD{id}")));
    let ports = text("ports").split(',').map(str::trim);
    Ok(world.add(Pod {
        id,
        host_id,
        name: text("name").to_owned(),
        account: account.to_owned(),
        image: text("imageName").to_owned(),
        args: text("dockerArgs").to_owned(),
        gpu: text("gpuTypeId").to_owned(),
        gpu_count,
        secure,
        disk_gb,
        volume_gb,
        volume_path: text("volumeMountPath").to_owned(),
        ports: ports
            .filter(|port| !port.is_empty())
            .map(str::to_owned)
            .collect(),
        env,
        price,
        created_at: now,
        ended_at: None,
        terminate_after,
        stopped: false,
        locked: false,
        stints: vec![Stint::running(now, price, disk_gb, volume_gb)],
        extra: Charge::default(),
    }))
}

/// Whether a GPU is in the secure cloud, and what it costs there per hour.
fn found(world: &World, gpu: &str, cloud: &str) -> Result<(bool, i64), Refused> {
    let Some(gpu) = world.gpu(gpu) else {
        return refuse(200, "RUNPOD", "GPU type not found.");
    };
    let listed = match (cloud, gpu.secure, gpu.community) {
        ("SECURE" | "ALL" | "", Some(price), _) => Some((true, price)),
        ("COMMUNITY" | "ALL" | "", _, Some(price)) => Some((false, price)),
        _ => None,
    };
    match listed {
        Some((secure, price)) if gpu.in_stock => Ok((secure, gpu.really.unwrap_or(price))),
        _ => refuse(200, "RUNPOD", NO_CAPACITY),
    }
}

/// An hour's credit is needed, and the account's spending per hour is limited.
fn affordable(world: &mut World, account: &str, price: i64, now: i64) -> Result<(), Refused> {
    if world.balance(account, now) < price {
        return refuse(200, "RUNPOD", TOO_POOR);
    }
    if world.rate(account) + price > world.account(account).spend_limit_micros {
        return refuse(200, "RUNPOD", OVER_LIMIT);
    }
    Ok(())
}
