//! Buckets and their settings.

use roxmltree::{Document, Node};

use super::super::bucket::Bucket;
use super::super::xml::{around, child, children, element, text};
use super::{Answer, Aws, Operation, Refused, Request, empty, here, refuse, root};

/// The answer, if the operation is about a bucket and not about what is in it.
pub(super) fn answer(
    aws: &Aws,
    request: &Request,
    operation: &Operation,
) -> Result<Option<Answer>, Refused> {
    let now = aws.hub.clock.now();
    let mut buckets = aws.buckets();
    if operation.name == "CreateBucket" {
        let taken = buckets
            .standing(&request.bucket)
            .ok()
            .map(|bucket| bucket.foreign);
        let mut made = create(request, taken)?;
        if taken.is_none() {
            made.accrue(now);
            buckets.all.push(made);
        }
        return Ok(Some(empty(200)));
    }
    let bucket = here(&mut buckets, request)?;
    let done = match operation.name {
        "DeleteBucket" if !bucket.keys.is_empty() => {
            let message = "The bucket you tried to delete is not empty";
            return refuse(409, "BucketNotEmpty", message);
        }
        "DeleteBucket" => {
            bucket.accrue(now);
            bucket.uploads.clear();
            bucket.deleted = true;
            empty(204)
        }
        "HeadBucket" => empty(200).header("x-amz-bucket-region", &bucket.region),
        "PutPublicAccessBlock" => {
            bucket.public_access_blocked = parsed(request, |node| Some(blocks_all(node)))?;
            empty(200)
        }
        "PutBucketMetricsConfiguration" => {
            bucket.metrics = Some(parsed(request, unfiltered)?);
            empty(200)
        }
        "DeleteBucketMetricsConfiguration" => {
            if bucket.metrics.take().is_none() {
                return refuse(404, "NoSuchConfiguration", "There is no such configuration");
            }
            empty(204)
        }
        "PutBucketLifecycleConfiguration" => {
            bucket.abort_uploads_after_days = Some(parsed(request, abort_days)?);
            empty(200)
        }
        "PutBucketTagging" => {
            bucket.tags = parsed(request, tags)?.into_iter().collect();
            empty(204)
        }
        "GetBucketTagging" => {
            if bucket.tags.is_empty() {
                return refuse(404, "NoSuchTagSet", "The TagSet does not exist");
            }
            let tag = |(key, value): (&String, &String)| {
                around("Tag", &(element("Key", key) + &element("Value", value)))
            };
            let all: String = bucket.tags.iter().map(tag).collect();
            root("Tagging", &around("TagSet", &all))
        }
        _ => return Ok(None),
    };
    Ok(Some(done))
}

/// A new bucket of this request; `taken`: whose the name is already.
fn create(request: &Request, taken: Option<bool>) -> Result<Bucket, Refused> {
    let name = &request.bucket;
    let fits = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || "-.".contains(one);
    let ends = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit();
    let length = (3..=63).contains(&name.len());
    if !length || !name.chars().all(fits) || !name.starts_with(ends) || !name.ends_with(ends) {
        return refuse(
            400,
            "InvalidBucketName",
            "The specified bucket is not valid.",
        );
    }
    let constraint = if request.body.is_empty() {
        None
    } else {
        parsed(request, |node| {
            Some(text(node, "LocationConstraint").map(str::to_owned))
        })?
    };
    let home = "us-east-1";
    let asked = constraint.as_deref().unwrap_or(home);
    if asked != request.region || constraint.as_deref() == Some(home) {
        let message = format!(
            "The {asked} location constraint is incompatible for the region specific endpoint this request was sent to."
        );
        return refuse(400, "IllegalLocationConstraintException", &message);
    }
    match taken {
        Some(true) => {
            let message = "The requested bucket name is not available.";
            refuse(409, "BucketAlreadyExists", message)
        }
        Some(false) if request.region != home => {
            let message = "Your previous request to create the named bucket succeeded and you already own it.";
            refuse(409, "BucketAlreadyOwnedByYou", message)
        }
        _ => Ok(Bucket::new(name, &request.region)),
    }
}

/// What stands in the XML of the body.
pub(super) fn parsed<T>(
    request: &Request,
    read: impl FnOnce(Node) -> Option<T>,
) -> Result<T, Refused> {
    let malformed = || {
        let message = "The XML you provided was not well-formed or did not validate";
        Refused::new(400, "MalformedXML", message.to_owned())
    };
    let body = std::str::from_utf8(&request.body).map_err(|_| malformed())?;
    let document = Document::parse(body).map_err(|_| malformed())?;
    read(document.root_element()).ok_or_else(malformed)
}

fn blocks_all(node: Node) -> bool {
    let names = [
        "BlockPublicAcls",
        "IgnorePublicAcls",
        "BlockPublicPolicy",
        "RestrictPublicBuckets",
    ];
    names.iter().all(|name| text(node, name) == Some("true"))
}

/// The id of a configuration without a filter: one with a filter does not see every request, and
/// nothing here makes one.
fn unfiltered(node: Node) -> Option<String> {
    match child(node, "Filter") {
        None => text(node, "Id").map(str::to_owned),
        Some(_) => None,
    }
}

fn abort_days(node: Node) -> Option<u32> {
    let rule = child(node, "Rule")?;
    let abort = child(rule, "AbortIncompleteMultipartUpload")?;
    let enabled = text(rule, "Status") == Some("Enabled");
    let days = text(abort, "DaysAfterInitiation")?.parse().ok()?;
    enabled.then_some(days)
}

fn tags(node: Node) -> Option<Vec<(String, String)>> {
    let tag = |node: Node| {
        Some((
            text(node, "Key")?.to_owned(),
            text(node, "Value")?.to_owned(),
        ))
    };
    children(child(node, "TagSet")?, "Tag").map(tag).collect()
}
