//! What is in a bucket: objects, their versions, and uploads in parts.

use std::collections::BTreeMap;

use axum::body::Bytes;
use roxmltree::Node;
use sha2::{Digest, Sha256};

use super::super::bucket::{Blob, Bucket, Upload, Version};
use super::super::time;
use super::super::xml::{around, children, element, text};
use super::settings::parsed;
use super::{Answer, Aws, Refused, Request, bytes_shown, denied, empty, here, refuse, root, split};

const PAGE: usize = 1000;

pub(super) fn answer(aws: &Aws, request: &Request, name: &str) -> Result<Answer, Refused> {
    if let "CopyObject" = name {
        return copy(aws, request);
    }
    let now = aws.hub.clock.now();
    let mut buckets = aws.buckets();
    let bucket = here(&mut buckets, request)?;
    bucket.accrue(now);
    match name {
        "ListObjectsV2" => list(bucket, request),
        "ListObjectVersions" => versions(bucket, request),
        "ListMultipartUploads" => uploads(bucket, request),
        "DeleteObjects" => delete_many(aws, bucket, request),
        "GetObject" | "HeadObject" => get(aws, bucket, request, name == "HeadObject"),
        "PutObject" => {
            let blob = Blob::of(request.body.clone());
            let tag = tag(&blob);
            bucket.put(&request.key, Some(blob));
            Ok(empty(200).header("etag", &tag))
        }
        "DeleteObject" => {
            match request.query.get("versionId") {
                Some(id) => bucket.remove(&request.key, id),
                None => bucket.put(&request.key, None),
            }
            Ok(empty(204))
        }
        "CreateMultipartUpload" => {
            let id = format!("upload-{:08}", bucket.next());
            let upload = Upload {
                key: request.key.clone(),
                parts: BTreeMap::new(),
            };
            bucket.uploads.insert(id.clone(), upload);
            let inside = element("Bucket", &request.bucket)
                + &element("Key", &request.key)
                + &element("UploadId", id);
            Ok(root("InitiateMultipartUploadResult", &inside))
        }
        _ => on_upload(bucket, request, name),
    }
}

fn tag(blob: &Blob) -> String {
    format!("\"{}\"", hex::encode(&Sha256::digest(&blob.bytes)[..16]))
}

fn no_key() -> Refused {
    let message = "The specified key does not exist.";
    Refused::new(404, "NoSuchKey", message.to_owned())
}

/// Who may not list learns nothing of what is not there.
fn get(aws: &Aws, bucket: &Bucket, request: &Request, head: bool) -> Result<Answer, Refused> {
    let blob = match request.query.get("versionId") {
        Some(id) => bucket.keys.get(&request.key).and_then(|versions| {
            let version = versions.iter().find(|version| version.id == *id)?;
            version.blob.as_ref()
        }),
        None => bucket.current(&request.key),
    };
    let Some(blob) = blob else {
        let arn = format!("arn:aws:s3:::{}", bucket.name);
        let caller = request.caller.as_deref();
        let lists = aws.may(caller, "s3:ListBucket", &arn, Vec::new()).is_ok();
        return Err(if lists { no_key() } else { denied() });
    };
    let bytes = if head {
        Bytes::new()
    } else {
        blob.bytes.clone()
    };
    let kind = "binary/octet-stream";
    let mut answer = Answer::raw(200, kind, bytes, bytes_shown(blob.size));
    if head {
        answer = answer.header("content-length", &blob.size);
    }
    Ok(answer.header("etag", &tag(blob)))
}

fn copy(aws: &Aws, request: &Request) -> Result<Answer, Refused> {
    let source = request.call.header("x-amz-copy-source").unwrap_or_default();
    let (from, key) = split(&format!("/{}", source.trim_start_matches('/')));
    let arn = format!("arn:aws:s3:::{from}/{key}");
    let caller = request.caller.as_deref();
    if aws.may(caller, "s3:GetObject", &arn, Vec::new()).is_err() {
        return Err(denied());
    }
    let now = aws.hub.clock.now();
    let mut buckets = aws.buckets();
    let blob = buckets.standing(&from)?.current(&key).cloned();
    let blob = blob.ok_or_else(no_key)?;
    let bucket = here(&mut buckets, request)?;
    bucket.accrue(now);
    let inside = element("ETag", tag(&blob)) + &element("LastModified", time(now));
    bucket.put(&request.key, Some(blob));
    Ok(root("CopyObjectResult", &inside))
}

/// How many rows the request wants in a page, and gets.
fn size(bucket: &Bucket, request: &Request) -> Result<usize, Refused> {
    let most = bucket.page.unwrap_or(PAGE);
    let asked = ["max-keys", "max-uploads"].iter().filter_map(|name| {
        let text = request.query.get(*name)?;
        (!text.is_empty()).then(|| text.parse::<usize>())
    });
    asked.last().map_or(Ok(most), |asked| {
        let message = "A page's size is no number";
        let asked = asked.or_else(|_| refuse(400, "InvalidArgument", message))?;
        Ok(asked.min(most))
    })
}

/// Which rows of a listing a page holds, and where the next one begins: `marker` counts.
fn page<T>(
    bucket: &Bucket,
    rows: Vec<T>,
    request: &Request,
    marker: &str,
) -> Result<(Vec<T>, Option<usize>), Refused> {
    let from = match request.query.get(marker).map(String::as_str) {
        None | Some("") => Some(0),
        Some(text) => text.parse().ok(),
    };
    let Some(from) = from else {
        return refuse(400, "InvalidArgument", "A marker is no number");
    };
    let size = size(bucket, request)?;
    let more = from + size < rows.len();
    let rows = rows.into_iter().skip(from).take(size).collect();
    Ok((rows, more.then_some(from + size)))
}

/// The rows after a key and, of that key, after what the second marker names: whatever came or went
/// meanwhile. Gives whether there are more.
fn page_after<T>(
    bucket: &Bucket,
    rows: Vec<T>,
    (request, second): (&Request, &str),
    is_after: impl Fn(&T, &str, Option<&str>) -> bool,
) -> Result<(Vec<T>, bool), Refused> {
    let said = |name: &str| {
        let said = request.query.get(name).map(String::as_str);
        said.filter(|said| !said.is_empty())
    };
    let (key, second) = (said("key-marker"), said(second));
    if key.is_none() && second.is_some() {
        let message = "A version-id marker cannot be specified without a key marker.";
        return refuse(400, "InvalidArgument", message);
    }
    let after = |row: &T| key.is_none_or(|key| is_after(row, key, second));
    let mut rows: Vec<T> = rows.into_iter().filter(after).collect();
    let size = size(bucket, request)?;
    let more = size < rows.len();
    rows.truncate(size);
    Ok((rows, more))
}

/// How the request wants names written, and what tells of that.
fn plainly(request: &Request, text: &str) -> String {
    if !is_plain(request) {
        return text.to_owned();
    }
    let plain: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    plain.replace("%2F", "/")
}

fn is_plain(request: &Request) -> bool {
    let asked = request.query.get("encoding-type");
    asked.is_some_and(|kind| kind == "url")
}

fn encoding(request: &Request) -> String {
    if is_plain(request) {
        element("EncodingType", "url")
    } else {
        String::new()
    }
}

fn prefix<'a>(request: &'a Request<'_>) -> &'a str {
    request.query.get("prefix").map_or("", String::as_str)
}

fn list(bucket: &Bucket, request: &Request) -> Result<Answer, Refused> {
    let current = |key: &String| bucket.current(key).map(|blob| (key.clone(), blob.clone()));
    let fits = |key: &&String| key.starts_with(prefix(request));
    let all = bucket
        .keys
        .keys()
        .filter(fits)
        .filter_map(current)
        .collect();
    let (rows, next) = page(bucket, all, request, "continuation-token")?;
    let mut inside = element("Name", &bucket.name)
        + &element("Prefix", prefix(request))
        + &element("KeyCount", rows.len())
        + &element("MaxKeys", PAGE)
        + &element("IsTruncated", next.is_some());
    inside.extend(next.map(|next| element("NextContinuationToken", next)));
    for (key, blob) in rows {
        let row = element("Key", key)
            + &element("LastModified", time(0))
            + &element("ETag", tag(&blob))
            + &element("Size", blob.size)
            + &element("StorageClass", "STANDARD");
        inside += &around("Contents", &row);
    }
    Ok(root("ListBucketResult", &inside))
}

fn versions(bucket: &Bucket, request: &Request) -> Result<Answer, Refused> {
    let mut all = Vec::new();
    for (key, versions) in &bucket.keys {
        if key.starts_with(prefix(request)) {
            let newest_first = versions.iter().rev().enumerate();
            all.extend(newest_first.map(|(n, version)| (key.clone(), version.clone(), n == 0)));
        }
    }
    // The newest version of a key comes first: later ones have smaller ids.
    let is_after = |row: &(String, Version, bool), key: &str, version: Option<&str>| {
        let older = || version.is_some_and(|version| *row.1.id < *version);
        *row.0 > *key || (row.0 == key && older())
    };
    let paged = page_after(bucket, all, (request, "version-id-marker"), is_after);
    let (rows, more) = paged?;
    let mut inside = encoding(request)
        + &element("Name", &bucket.name)
        + &element("Prefix", prefix(request))
        + &element("MaxKeys", PAGE)
        + &element("IsTruncated", more);
    if let Some((key, version, _)) = rows.last().filter(|_| more) {
        inside += &element("NextKeyMarker", plainly(request, key));
        inside += &element("NextVersionIdMarker", &version.id);
    }
    for (key, version, latest) in rows {
        let mut row = element("Key", plainly(request, &key))
            + &element("VersionId", version.id)
            + &element("IsLatest", latest)
            + &element("LastModified", time(0));
        let name = match version.blob {
            Some(blob) => {
                row += &(element("ETag", tag(&blob)) + &element("Size", blob.size));
                "Version"
            }
            None => "DeleteMarker",
        };
        inside += &around(name, &row);
    }
    Ok(root("ListVersionsResult", &inside))
}

fn uploads(bucket: &Bucket, request: &Request) -> Result<Answer, Refused> {
    let mut all: Vec<_> = bucket.uploads.iter().collect();
    all.sort_by_key(|(id, upload)| (&upload.key, *id));
    let is_after = |(id, upload): &(&String, &Upload), key: &str, after: Option<&str>| {
        let later = || after.is_some_and(|after| ***id > *after);
        *upload.key > *key || (upload.key == key && later())
    };
    let (rows, more) = page_after(bucket, all, (request, "upload-id-marker"), is_after)?;
    let mut inside =
        encoding(request) + &element("Bucket", &bucket.name) + &element("IsTruncated", more);
    if let Some((id, upload)) = rows.last().filter(|_| more) {
        inside += &element("NextKeyMarker", plainly(request, &upload.key));
        inside += &element("NextUploadIdMarker", id);
    }
    for (id, upload) in rows {
        let row = element("Key", plainly(request, &upload.key))
            + &element("UploadId", id)
            + &element("Initiated", time(0));
        inside += &around("Upload", &row);
    }
    Ok(root("ListMultipartUploadsResult", &inside))
}

fn on_upload(bucket: &mut Bucket, request: &Request, name: &str) -> Result<Answer, Refused> {
    let id = request.query.get("uploadId").cloned().unwrap_or_default();
    let fits = |upload: &&mut Upload| upload.key == request.key;
    let Some(upload) = bucket.uploads.get_mut(&id).filter(fits) else {
        let message = "The specified multipart upload does not exist.";
        return refuse(404, "NoSuchUpload", message);
    };
    match name {
        "UploadPart" => {
            let number = request.query.get("partNumber").and_then(|n| n.parse().ok());
            let Some(number @ 1..=10_000) = number else {
                return refuse(400, "InvalidArgument", "Part number must be 1 to 10000");
            };
            let blob = Blob::of(request.body.clone());
            let tag = tag(&blob);
            upload.parts.insert(number, blob);
            Ok(empty(200).header("etag", &tag))
        }
        "ListParts" => {
            let all = upload
                .parts
                .iter()
                .map(|(n, blob)| (*n, blob.clone()))
                .collect();
            let (rows, next) = page(bucket, all, request, "part-number-marker")?;
            let mut inside = element("Bucket", &request.bucket)
                + &element("Key", &request.key)
                + &element("UploadId", id)
                + &element("IsTruncated", next.is_some());
            inside.extend(next.map(|next| element("NextPartNumberMarker", next)));
            for (n, blob) in rows {
                let row = element("PartNumber", n)
                    + &element("ETag", tag(&blob))
                    + &element("Size", blob.size);
                inside += &around("Part", &row);
            }
            Ok(root("ListPartsResult", &inside))
        }
        "CompleteMultipartUpload" => complete(bucket, request, &id),
        _ => {
            bucket.uploads.remove(&id);
            Ok(empty(204))
        }
    }
}

fn complete(bucket: &mut Bucket, request: &Request, id: &str) -> Result<Answer, Refused> {
    let number = |node: Node| text(node, "PartNumber")?.parse::<u32>().ok();
    let named = parsed(request, |node| {
        children(node, "Part")
            .map(number)
            .collect::<Option<Vec<_>>>()
    })?;
    let upload = bucket.uploads.remove(id).unwrap_or_default();
    let parts: Option<Vec<&Blob>> = named.iter().map(|n| upload.parts.get(n)).collect();
    let Some(parts) = parts.filter(|parts| !parts.is_empty()) else {
        bucket.uploads.insert(id.to_owned(), upload);
        return refuse(
            400,
            "InvalidPart",
            "One or more of the parts could not be found.",
        );
    };
    let bytes: Vec<u8> = parts.iter().flat_map(|part| part.bytes.to_vec()).collect();
    let whole = Blob {
        bytes: bytes.into(),
        size: parts.iter().map(|part| part.size).sum(),
    };
    let inside = element("Bucket", &request.bucket)
        + &element("Key", &request.key)
        + &element("ETag", tag(&whole));
    bucket.put(&request.key, Some(whole));
    Ok(root("CompleteMultipartUploadResult", &inside))
}

/// Each key is asked about by itself.
fn delete_many(aws: &Aws, bucket: &mut Bucket, request: &Request) -> Result<Answer, Refused> {
    let object = |node: Node| {
        let version = text(node, "VersionId").map(str::to_owned);
        Some((text(node, "Key")?.to_owned(), version))
    };
    let named = parsed(request, |node| {
        children(node, "Object")
            .map(object)
            .collect::<Option<Vec<_>>>()
    })?;
    if named.is_empty() || named.len() > PAGE {
        return refuse(400, "MalformedXML", "1 to 1000 objects");
    }
    let mut inside = String::new();
    for (key, version) in named {
        let arn = format!("arn:aws:s3:::{}/{key}", bucket.name);
        let right = match version {
            Some(_) => "s3:DeleteObjectVersion",
            None => "s3:DeleteObject",
        };
        let caller = request.caller.as_deref();
        if aws.may(caller, right, &arn, Vec::new()).is_err() {
            let why = element("Code", "AccessDenied") + &element("Message", "Access Denied");
            inside += &around("Error", &(element("Key", &key) + &why));
            continue;
        }
        match &version {
            Some(id) => bucket.remove(&key, id),
            None => bucket.put(&key, None),
        }
        inside += &around("Deleted", &element("Key", &key));
    }
    Ok(root("DeleteResult", &inside))
}
