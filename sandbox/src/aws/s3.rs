//! S3, path style: which operation a request is, whether it may be done, and its answer.

mod objects;
mod settings;

use axum::body::Bytes;
use serde_json::{Value, json};

use super::bucket::{Bucket, Class, Passed};
use super::xml::{around, element};
use super::{Aws, Refused, refuse};
use crate::door::{Answer, Call, by_name};

const XMLNS: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// A request, taken apart.
pub(super) struct Request<'a> {
    pub call: &'a Call,
    pub bucket: String,
    /// Empty: it is about the bucket.
    pub key: String,
    pub query: std::collections::HashMap<String, String>,
    pub region: String,
    pub caller: Option<String>,
    /// Without the framing of a chunked upload.
    pub body: Bytes,
}

/// What a request is called, for which right it asks, and how it is billed.
pub(super) struct Operation {
    pub name: &'static str,
    right: &'static str,
    class: Class,
}

const fn op(name: &'static str, right: &'static str, class: Class) -> Operation {
    Operation { name, right, class }
}

/// The bucket and key of a path.
fn split(path: &str) -> (String, String) {
    let decoded = percent(path);
    let (bucket, key) = decoded[1..].split_once('/').unwrap_or((&decoded[1..], ""));
    (bucket.to_owned(), key.to_owned())
}

/// Percent-decoding that leaves `+` alone.
fn percent(path: &str) -> String {
    let pairs = format!("a={}", path.replace('+', "%2B"));
    let decoded = url::form_urlencoded::parse(pairs.as_bytes()).next();
    decoded.map_or_else(String::new, |(_, value)| value.into_owned())
}

/// What the call is; `None`: the sandbox does not know it.
pub(super) fn operation(call: &Call) -> Option<Operation> {
    let (bucket, key) = split(&call.path);
    let has = |name: &str| call.query.iter().any(|(given, _)| given == name);
    if bucket.is_empty() {
        return None;
    }
    if key.is_empty() {
        return on_bucket(&call.method, &has);
    }
    Some(match call.method.as_str() {
        "GET" if has("uploadId") => op("ListParts", "s3:ListMultipartUploadParts", Class::List),
        "GET" if has("versionId") => op("GetObject", "s3:GetObjectVersion", Class::Get),
        "GET" if call.query.iter().all(|(name, _)| name == "x-id") => {
            op("GetObject", "s3:GetObject", Class::Get)
        }
        "HEAD" => op("HeadObject", "s3:GetObject", Class::Head),
        "PUT" if has("uploadId") => op("UploadPart", "s3:PutObject", Class::Put),
        "PUT" if call.header("x-amz-copy-source").is_some() => {
            op("CopyObject", "s3:PutObject", Class::Put)
        }
        "PUT" if call.query.iter().all(|(name, _)| name == "x-id") => {
            op("PutObject", "s3:PutObject", Class::Put)
        }
        "POST" if has("uploads") => op("CreateMultipartUpload", "s3:PutObject", Class::Post),
        "POST" if has("uploadId") => op("CompleteMultipartUpload", "s3:PutObject", Class::Post),
        "DELETE" if has("uploadId") => op(
            "AbortMultipartUpload",
            "s3:AbortMultipartUpload",
            Class::Delete,
        ),
        "DELETE" if has("versionId") => op("DeleteObject", "s3:DeleteObjectVersion", Class::Delete),
        "DELETE" => op("DeleteObject", "s3:DeleteObject", Class::Delete),
        _ => return None,
    })
}

fn on_bucket(method: &str, has: &dyn Fn(&str) -> bool) -> Option<Operation> {
    Some(match method {
        "PUT" if has("publicAccessBlock") => op(
            "PutPublicAccessBlock",
            "s3:PutBucketPublicAccessBlock",
            Class::Put,
        ),
        "PUT" if has("metrics") => op(
            "PutBucketMetricsConfiguration",
            "s3:PutMetricsConfiguration",
            Class::Put,
        ),
        "PUT" if has("lifecycle") => op(
            "PutBucketLifecycleConfiguration",
            "s3:PutLifecycleConfiguration",
            Class::Put,
        ),
        "PUT" if has("tagging") => op("PutBucketTagging", "s3:PutBucketTagging", Class::Put),
        "PUT" => op("CreateBucket", "s3:CreateBucket", Class::Put),
        "GET" if has("versions") => op("ListObjectVersions", "s3:ListBucketVersions", Class::List),
        "GET" if has("uploads") => op(
            "ListMultipartUploads",
            "s3:ListBucketMultipartUploads",
            Class::List,
        ),
        "GET" if has("tagging") => op("GetBucketTagging", "s3:GetBucketTagging", Class::Get),
        "GET" if has("list-type") => op("ListObjectsV2", "s3:ListBucket", Class::List),
        "HEAD" => op("HeadBucket", "s3:ListBucket", Class::Head),
        "POST" if has("delete") => op("DeleteObjects", "", Class::Post),
        "DELETE" if has("metrics") => op(
            "DeleteBucketMetricsConfiguration",
            "s3:PutMetricsConfiguration",
            Class::Delete,
        ),
        "DELETE" => op("DeleteBucket", "s3:DeleteBucket", Class::Delete),
        _ => return None,
    })
}

/// The answer of an error.
pub(super) fn error(refused: &Refused, head: bool) -> Answer {
    if head {
        return Answer::raw(refused.status, "application/xml", Bytes::new(), Value::Null);
    }
    let inside = element("Code", refused.code)
        + &element("Message", &refused.message)
        + &element("RequestId", "SANDBOX")
        + &element("HostId", "sandbox");
    xml(refused.status, &around("Error", &inside))
}

fn xml(status: u16, text: &str) -> Answer {
    let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}");
    Answer::text(status, &text).header("content-type", &"application/xml")
}

fn empty(status: u16) -> Answer {
    Answer::raw(status, "application/xml", Bytes::new(), Value::Null)
}

fn root(name: &str, inside: &str) -> Answer {
    xml(200, &format!("<{name} xmlns=\"{XMLNS}\">{inside}</{name}>"))
}

fn denied() -> Refused {
    Refused::new(403, "AccessDenied", "Access Denied".to_owned())
}

/// A call by somebody whose signature is good.
pub(super) fn answer(
    aws: &Aws,
    call: &Call,
    caller: Option<&str>,
    region: &str,
) -> Result<Answer, Refused> {
    let Some(operation) = operation(call) else {
        return refuse(
            400,
            "InvalidRequest",
            "The sandbox does not know this request",
        );
    };
    let (bucket, key) = split(&call.path);
    let request = Request {
        call,
        bucket,
        key,
        query: by_name(call.query.clone()),
        region: region.to_owned(),
        caller: caller.map(str::to_owned),
        body: unchunked(call)?,
    };
    let outcome = allowed(aws, &request, &operation)
        .and_then(|()| settings::answer(aws, &request, &operation))
        .and_then(|done| match done {
            Some(answer) => Ok(answer),
            None => objects::answer(aws, &request, operation.name),
        });
    count(aws, &request, &operation, &outcome);
    outcome
}

/// Everything that reaches a bucket is billed and counted, refused or not.
fn count(aws: &Aws, request: &Request, operation: &Operation, outcome: &Result<Answer, Refused>) {
    let now = aws.hub.clock.now();
    let mut buckets = aws.buckets();
    let Ok(bucket) = buckets.standing(&request.bucket) else {
        return;
    };
    let answered = outcome
        .as_ref()
        .ok()
        .filter(|_| operation.name == "GetObject");
    let down = answered
        .and_then(|answer| answer.body["size"].as_u64())
        .unwrap_or_default();
    let passed = Passed {
        times: 1,
        down,
        up: request.body.len() as u64,
        refused: outcome.is_err(),
    };
    bucket.passed(operation.class, passed, now);
}

fn allowed(aws: &Aws, request: &Request, operation: &Operation) -> Result<(), Refused> {
    let resource = match request.key.as_str() {
        "" => format!("arn:aws:s3:::{}", request.bucket),
        key => format!("arn:aws:s3:::{}/{key}", request.bucket),
    };
    let mut context = Vec::new();
    if let Some(prefix) = request.query.get("prefix") {
        context.push(("s3:prefix", prefix.clone()));
    }
    if let Some(class) = request.call.header("x-amz-storage-class") {
        context.push(("s3:x-amz-storage-class", class.to_owned()));
    }
    let caller = request.caller.as_deref();
    let mut rights = vec![operation.right];
    for (header, right) in [
        ("x-amz-acl", "s3:PutObjectAcl"),
        ("x-amz-tagging", "s3:PutObjectTagging"),
    ] {
        rights.extend(request.call.header(header).map(|_| right));
    }
    let mut asked = rights.into_iter().filter(|right| !right.is_empty());
    let has = |right: &str| aws.may(caller, right, &resource, context.clone());
    asked.try_for_each(has).map_err(|()| denied())
}

/// The bucket, if it stands here and the request was sent to its region.
fn here<'a>(buckets: &'a mut super::Buckets, request: &Request) -> Result<&'a mut Bucket, Refused> {
    let bucket = buckets.standing(&request.bucket)?;
    if bucket.foreign {
        return Err(denied());
    }
    if bucket.region != request.region {
        let message = format!(
            "The authorization header is malformed; the region '{}' is wrong; expecting '{}'",
            request.region, bucket.region
        );
        return refuse(400, "AuthorizationHeaderMalformed", &message);
    }
    Ok(bucket)
}

/// The body without the frames of `aws-chunked`.
fn unchunked(call: &Call) -> Result<Bytes, Refused> {
    let chunked = call
        .header("content-encoding")
        .is_some_and(|kind| kind.contains("aws-chunked"));
    if !chunked {
        return Ok(call.body.clone());
    }
    let broken = || Refused::new(400, "IncompleteBody", "A chunk is broken".to_owned());
    let (mut rest, mut whole) = (&call.body[..], Vec::new());
    loop {
        let end = rest
            .windows(2)
            .position(|two| two == b"\r\n")
            .ok_or_else(broken)?;
        let head = std::str::from_utf8(&rest[..end]).map_err(|_| broken())?;
        let size = head.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(|_| broken())?;
        if size == 0 {
            return Ok(whole.into());
        }
        let chunk = rest.get(end + 2..end + 2 + size).ok_or_else(broken)?;
        whole.extend_from_slice(chunk);
        rest = rest.get(end + 4 + size..).ok_or_else(broken)?;
    }
}

/// What the record shows of an object's bytes.
fn bytes_shown(size: u64) -> Value {
    json!({ "size": size })
}

/// How the record names a request.
pub(super) fn line(call: &Call) -> String {
    let (bucket, key) = split(&call.path);
    let name = operation(call).map_or("?", |operation| operation.name);
    let slash = if key.is_empty() { "" } else { "/" };
    format!("{} s3:{name} {bucket}{slash}{key}", call.method)
}
