//! `GetMetricData` over Smithy's RPC protocol in CBOR, which the official client speaks: request metrics
//! of S3, minute by minute, some minutes late.

use ciborium::Value as Cbor;
use serde_json::{Value, json};

use super::bucket::{Class, Traffic};
use super::{Aws, Refused, refuse};
use crate::door::{Answer, Call};

const PATH: &str = "/service/GraniteServiceVersion20100801/operation/GetMetricData";
const KIND: &str = "application/cbor";
const MINUTE: i64 = 60;
/// Points of one minute are kept this long.
const KEPT: i64 = 15 * 24 * 3600;
const QUERIES_MAX: usize = 500;
const POINTS_MAX: usize = 100_800;

struct Query {
    id: String,
    metric: String,
    bucket: String,
    filter: String,
}

type Point = (i64, u64);

pub(super) fn answer(
    aws: &Aws,
    call: &Call,
    caller: Option<&str>,
    region: &str,
) -> Result<Answer, Refused> {
    if (call.method.as_str(), call.path.as_str()) != ("POST", PATH) {
        return refuse(
            404,
            "UnknownOperationException",
            "The sandbox knows GetMetricData only",
        );
    }
    if aws
        .may(caller, "cloudwatch:GetMetricData", "*", Vec::new())
        .is_err()
    {
        let message = "not authorized to perform: cloudwatch:GetMetricData";
        return refuse(403, "AccessDenied", message);
    }
    let body: Cbor = ciborium::from_reader(&call.body[..]).map_err(|_| invalid("no CBOR"))?;
    let (from, until) = (seconds(&body, "StartTime")?, seconds(&body, "EndTime")?);
    if from >= until {
        return Err(invalid("StartTime must be before EndTime"));
    }
    let most = match field(&body, "MaxDatapoints") {
        Some(most) => whole(most).and_then(|most| usize::try_from(most).ok()),
        None => Some(POINTS_MAX),
    };
    let most = most.filter(|most| (1..=POINTS_MAX).contains(most));
    let most = most.ok_or_else(|| invalid("MaxDatapoints"))?;
    let skip: usize = match field(&body, "NextToken").and_then(Cbor::as_text) {
        Some(token) => token.parse().map_err(|_| invalid("NextToken"))?,
        None => 0,
    };
    let queries = queries(&body)?;
    let now = aws.hub.clock.now().div_euclid(1_000_000);
    let seen_until = now - aws.hub.lag();
    let window = (from.max(now - KEPT), until.min(seen_until));
    let (mut results, mut passed, mut left) = (Vec::new(), 0, most);
    for query in &queries {
        let points = points(aws, query, region, window);
        let here = points.len();
        let page: Vec<Point> = points
            .into_iter()
            .skip(skip.saturating_sub(passed))
            .take(left)
            .collect();
        passed += here;
        left -= page.len();
        results.push(result(query, &page));
    }
    let mut answer = vec![
        (Cbor::from("MetricDataResults"), Cbor::Array(results)),
        (Cbor::from("Messages"), Cbor::Array(Vec::new())),
    ];
    if passed > skip + most {
        let next = Cbor::from((skip + most).to_string());
        answer.push((Cbor::from("NextToken"), next));
    }
    Ok(cbor(200, &Cbor::Map(answer)))
}

/// The bucket that a question is about.
pub(super) fn bucket(call: &Call) -> Option<String> {
    let body: Cbor = ciborium::from_reader(&call.body[..]).ok()?;
    let asked = queries(&body).ok()?.into_iter().next();
    asked.map(|query| query.bucket)
}

/// The answer of an error.
pub(super) fn error(refused: &Refused) -> Answer {
    let body = Cbor::Map(vec![
        (
            Cbor::from("__type"),
            Cbor::from(format!("com.amazonaws.cloudwatch#{}", refused.code)),
        ),
        (Cbor::from("message"), Cbor::from(refused.message.clone())),
    ]);
    let kind = if refused.status < 500 {
        "Sender"
    } else {
        "Receiver"
    };
    let query = format!("{};{kind}", refused.code);
    cbor(refused.status, &body).header("x-amzn-query-error", &query)
}

pub(super) fn cbor(status: u16, body: &Cbor) -> Answer {
    let mut bytes = Vec::new();
    ciborium::into_writer(body, &mut bytes).expect("memory takes it");
    Answer::raw(status, KIND, bytes, shown(body)).header("smithy-protocol", &"rpc-v2-cbor")
}

/// What the record shows of CBOR.
fn shown(body: &Cbor) -> Value {
    match body {
        Cbor::Text(text) => Value::from(text.clone()),
        Cbor::Integer(n) => i64::try_from(*n).map_or(Value::Null, Value::from),
        Cbor::Float(n) => json!(n),
        Cbor::Bool(yes) => Value::from(*yes),
        Cbor::Tag(_, inside) => shown(inside),
        Cbor::Array(all) => all.iter().map(shown).collect(),
        Cbor::Map(all) => all
            .iter()
            .map(|(key, value)| (key.as_text().unwrap_or_default().to_owned(), shown(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        _ => Value::Null,
    }
}

fn invalid(what: &str) -> Refused {
    Refused::new(
        400,
        "InvalidParameterValue",
        format!("The sandbox does not take this: {what}"),
    )
}

fn field<'a>(body: &'a Cbor, name: &str) -> Option<&'a Cbor> {
    let fields = body.as_map()?;
    let found = fields.iter().find(|(key, _)| key.as_text() == Some(name));
    found.map(|(_, value)| value)
}

fn text<'a>(body: &'a Cbor, name: &str) -> Result<&'a str, Refused> {
    let text = field(body, name).and_then(Cbor::as_text);
    text.ok_or_else(|| invalid(name))
}

fn whole(value: &Cbor) -> Option<i64> {
    match value {
        Cbor::Integer(n) => i64::try_from(*n).ok(),
        // A moment may come as a float; it is whole seconds all the same.
        Cbor::Float(n) if n.fract() == 0.0 => format!("{n:.0}").parse().ok(),
        _ => None,
    }
}

/// A moment: tag 1, seconds since 1970.
fn seconds(body: &Cbor, name: &str) -> Result<i64, Refused> {
    let inside = match field(body, name) {
        Some(Cbor::Tag(1, inside)) => whole(inside),
        _ => None,
    };
    match inside {
        Some(seconds) if seconds % MINUTE == 0 => Ok(seconds),
        _ => Err(invalid(&format!("{name} must be at a full minute"))),
    }
}

fn queries(body: &Cbor) -> Result<Vec<Query>, Refused> {
    let all = field(body, "MetricDataQueries").and_then(Cbor::as_array);
    let all = all.ok_or_else(|| invalid("MetricDataQueries"))?;
    if all.is_empty() || all.len() > QUERIES_MAX {
        return Err(invalid("1 to 500 queries"));
    }
    all.iter().map(query).collect()
}

fn query(one: &Cbor) -> Result<Query, Refused> {
    let id = text(one, "Id")?;
    let starts = id.starts_with(|first: char| first.is_ascii_lowercase());
    if !starts || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(invalid("Id"));
    }
    let stat = field(one, "MetricStat").ok_or_else(|| invalid("MetricStat"))?;
    if text(stat, "Stat")? != "Sum" || field(stat, "Period").and_then(whole) != Some(MINUTE) {
        return Err(invalid("only sums of a minute"));
    }
    let metric = field(stat, "Metric").ok_or_else(|| invalid("Metric"))?;
    if text(metric, "Namespace")? != "AWS/S3" {
        return Err(invalid("only AWS/S3"));
    }
    let dimensions = field(metric, "Dimensions").and_then(Cbor::as_array);
    let dimensions = dimensions.map(Vec::as_slice).unwrap_or_default();
    let dimension = |name: &str| {
        let fits = |one: &&Cbor| text(one, "Name") == Ok(name);
        let found = dimensions.iter().find(fits).ok_or_else(|| invalid(name))?;
        text(found, "Value").map(str::to_owned)
    };
    Ok(Query {
        id: id.to_owned(),
        metric: text(metric, "MetricName")?.to_owned(),
        bucket: dimension("BucketName")?,
        filter: dimension("FilterId")?,
    })
}

/// The points of a metric; nothing is known of a metric that does not exist.
fn points(aws: &Aws, query: &Query, region: &str, window: (i64, i64)) -> Vec<Point> {
    let read: fn(&Traffic) -> u64 = match query.metric.as_str() {
        "AllRequests" => |one| one.requests.values().sum(),
        "GetRequests" => |one| one.of(Class::Get),
        "HeadRequests" => |one| one.of(Class::Head),
        "PutRequests" => |one| one.of(Class::Put),
        "PostRequests" => |one| one.of(Class::Post),
        "DeleteRequests" => |one| one.of(Class::Delete),
        "ListRequests" => |one| one.of(Class::List),
        "BytesDownloaded" => |one| one.down,
        "BytesUploaded" => |one| one.up,
        "4xxErrors" => |one| one.refused,
        _ => return Vec::new(),
    };
    let buckets = aws.buckets();
    let fits =
        |bucket: &&super::bucket::Bucket| bucket.name == query.bucket && bucket.region == region;
    let Some(bucket) = buckets.all.iter().rev().find(fits) else {
        return Vec::new();
    };
    if bucket
        .metrics
        .as_ref()
        .is_some_and(|id| *id != query.filter)
    {
        return Vec::new();
    }
    let at = |minute: &i64| minute * MINUTE;
    bucket
        .seen
        .iter()
        .filter(|(minute, _)| at(minute) >= window.0 && at(minute) + MINUTE <= window.1)
        .map(|(minute, traffic)| (at(minute), read(traffic)))
        .collect()
}

fn result(query: &Query, page: &[Point]) -> Cbor {
    let moment = |(at, _): &Point| Cbor::Tag(1, Box::new(Cbor::from(*at)));
    let value = |(_, value): &Point| {
        #[expect(
            clippy::cast_precision_loss,
            reason = "CloudWatch's values are doubles"
        )]
        Cbor::from(*value as f64)
    };
    Cbor::Map(vec![
        (Cbor::from("Id"), Cbor::from(query.id.clone())),
        (Cbor::from("Label"), Cbor::from(query.metric.clone())),
        (Cbor::from("StatusCode"), Cbor::from("Complete")),
        (
            Cbor::from("Timestamps"),
            Cbor::Array(page.iter().map(moment).collect()),
        ),
        (
            Cbor::from("Values"),
            Cbor::Array(page.iter().map(value).collect()),
        ),
    ])
}
