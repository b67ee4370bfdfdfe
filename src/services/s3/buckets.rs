//! A grant's bucket: made once, furnished, and deleted when it is empty.

use super::{
    account::Clients,
    failure::{Effect, Failure},
    listing::written,
    meter::METRICS,
};
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketLocationConstraint,
    CreateBucketConfiguration, Delete, EncodingType, ExpirationStatus, LifecycleRule,
    LifecycleRuleFilter, MetricsConfiguration, ObjectIdentifier, PublicAccessBlockConfiguration,
    Tag, Tagging,
};
use slice_core::ports::ServiceError;

/// Where a bucket is if nothing is said.
const HOME: &str = "us-east-1";
/// Parts of an upload that nobody finishes are thrown away after so many days.
const ABORT_DAYS: i32 = 1;
/// So many pages of up to 1,000 objects are deleted at once: nobody else is read meanwhile.
const PAGES: usize = 20;
/// So many uploads are given up at once.
const UPLOADS: usize = 50;

fn changed(failure: &Failure, doing: &str) -> ServiceError {
    match failure.conclude(Effect::Changes, doing) {
        ServiceError::Gone => lost(),
        other => other,
    }
}

/// It was made a moment ago: AWS is slow to know it.
pub(super) fn lost() -> ServiceError {
    ServiceError::Unknown("AWS does not know the bucket that it made.".into())
}

/// Somebody deleted it.
pub(super) fn gone() -> ServiceError {
    ServiceError::Rejected("The bucket is not there any more.".into())
}

fn odd() -> ServiceError {
    ServiceError::Rejected("Slice could not put the bucket's settings together.".into())
}

/// Makes the bucket, or finds the one that an earlier attempt of the same grant made. Gives whether it
/// is ours: names of buckets are one space for all of AWS.
pub(super) async fn create(
    clients: &Clients,
    (bucket, region): (&str, &str),
) -> Result<bool, ServiceError> {
    let there = (region != HOME).then(|| {
        let place = BucketLocationConstraint::from(region);
        CreateBucketConfiguration::builder()
            .location_constraint(place)
            .build()
    });
    let create = clients.s3.create_bucket().bucket(bucket);
    let create = create.set_create_bucket_configuration(there);
    match create.send().await.map_err(Failure::from) {
        Ok(_) => Ok(true),
        Err(failure) => match failure.code() {
            "BucketAlreadyOwnedByYou" => Ok(true),
            "BucketAlreadyExists" => Ok(false),
            "TooManyBuckets" => Err(ServiceError::Rejected(
                "The AWS account has as many buckets as it may. An owner can delete some, or ask AWS for more."
                    .into(),
            )),
            _ => Err(changed(&failure, "make a bucket")),
        },
    }
}

/// What every bucket of ours has.
pub(super) async fn furnish(
    clients: &Clients,
    bucket: &str,
    label: &str,
) -> Result<(), ServiceError> {
    let block = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .ignore_public_acls(true)
        .block_public_policy(true)
        .restrict_public_buckets(true)
        .build();
    let put = clients.s3.put_public_access_block().bucket(bucket);
    let put = put.public_access_block_configuration(block).send().await;
    let put = put.map_err(Failure::from);
    put.map_err(|failure| changed(&failure, "close a bucket to the public"))?;

    if !count(clients, bucket).await? {
        return Err(lost());
    }

    let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(ABORT_DAYS);
    let rule = LifecycleRule::builder()
        .id("slice-unfinished-uploads")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .abort_incomplete_multipart_upload(abort.build())
        .build();
    let rules = BucketLifecycleConfiguration::builder().rules(rule.map_err(|_| odd())?);
    let put = clients
        .s3
        .put_bucket_lifecycle_configuration()
        .bucket(bucket);
    let put = put.lifecycle_configuration(rules.build().map_err(|_| odd())?);
    let put = put.send().await.map_err(Failure::from);
    put.map_err(|failure| changed(&failure, "have unfinished uploads thrown away"))?;

    let tag = Tag::builder().key("slice:label").value(label).build();
    let tags = Tagging::builder().tag_set(tag.map_err(|_| odd())?).build();
    let put = clients.s3.put_bucket_tagging().bucket(bucket);
    let put = put.tagging(tags.map_err(|_| odd())?).send().await;
    let put = put.map_err(Failure::from);
    put.map(drop)
        .map_err(|failure| changed(&failure, "tag a bucket"))
}

/// Requests are counted from now on, if they are not already. Gives whether the bucket is there.
pub(super) async fn count(clients: &Clients, bucket: &str) -> Result<bool, ServiceError> {
    let metrics = MetricsConfiguration::builder().id(METRICS).build();
    let put = clients.s3.put_bucket_metrics_configuration().bucket(bucket);
    let put = put
        .id(METRICS)
        .metrics_configuration(metrics.map_err(|_| odd())?);
    match put.send().await.map_err(Failure::from) {
        Ok(_) => Ok(true),
        Err(failure) if failure.is_missing() => Ok(false),
        Err(failure) => Err(changed(&failure, "have a bucket's requests counted")),
    }
}

/// Whether a bucket that was made earlier is still there, in the region of these clients.
pub(super) async fn stands(clients: &Clients, bucket: &str) -> Result<(), ServiceError> {
    let look = clients.s3.list_object_versions().bucket(bucket).max_keys(1);
    match look
        .encoding_type(EncodingType::Url)
        .send()
        .await
        .map_err(Failure::from)
    {
        Ok(_) => Ok(()),
        Err(failure) if failure.is_missing() => Err(gone()),
        Err(failure) => Err(match failure.code() {
            "AuthorizationHeaderMalformed" | "PermanentRedirect" => ServiceError::Rejected(
                "The bucket is in another region than the one that the vault's key is for now."
                    .into(),
            ),
            _ => failure.conclude(Effect::Reads, "look for a bucket"),
        }),
    }
}

/// Nobody's requests are counted any more. That they are not is a success.
pub(super) async fn uncount(clients: &Clients, bucket: &str) -> Result<(), ServiceError> {
    let delete = clients.s3.delete_bucket_metrics_configuration();
    let deleted = delete.bucket(bucket).id(METRICS).send().await;
    match deleted.map_err(Failure::from) {
        Ok(_) => Ok(()),
        Err(failure) if failure.is_missing() => Ok(()),
        Err(failure) if failure.code() == "NoSuchConfiguration" => Ok(()),
        Err(failure) => Err(failure.conclude(Effect::Changes, "stop counting requests")),
    }
}

/// Deletes what lies in the bucket, some pages of it at a time, and then the bucket. Gives whether it is
/// gone.
pub(super) async fn discard(clients: &Clients, bucket: &str) -> Result<bool, ServiceError> {
    for _ in 0..PAGES {
        let page = clients
            .s3
            .list_object_versions()
            .bucket(bucket)
            .encoding_type(EncodingType::Url)
            .send()
            .await;
        let page = match page.map_err(Failure::from) {
            Ok(page) => page,
            Err(failure) if failure.is_missing() => return Ok(true),
            Err(failure) => return Err(emptied(&failure)),
        };
        let versions = page.versions().iter();
        let versions = versions.map(|one| (one.key(), one.version_id()));
        let markers = page.delete_markers().iter();
        let markers = markers.map(|one| (one.key(), one.version_id()));
        let owned = |(key, version): (Option<&str>, Option<&str>)| {
            let key = key.map(|key| written(key, page.encoding_type()));
            (key, version.map(str::to_owned))
        };
        let lying: Vec<_> = versions.chain(markers).map(owned).collect();
        if lying.is_empty() {
            return Ok(
                give_up_uploads(clients, bucket).await? && delete_empty(clients, bucket).await?
            );
        }
        delete_page(clients, bucket, lying).await?;
    }
    Ok(false)
}

/// Deletes these versions of objects: at once, but for names that XML cannot hold.
async fn delete_page(
    clients: &Clients,
    bucket: &str,
    lying: Vec<(Option<String>, Option<String>)>,
) -> Result<(), ServiceError> {
    let mut named = vec![];
    for (key, version) in lying {
        if key.as_deref().is_some_and(is_text) {
            let one = ObjectIdentifier::builder().set_key(key);
            named.extend(one.set_version_id(version).build().ok());
            continue;
        }
        let delete = clients.s3.delete_object().bucket(bucket);
        let delete = delete.set_key(key).set_version_id(version);
        let deleted = delete.send().await.map_err(Failure::from);
        deleted.map_err(|failure| emptied(&failure))?;
    }
    if named.is_empty() {
        return Ok(());
    }
    let all = Delete::builder()
        .set_objects(Some(named))
        .quiet(true)
        .build();
    let delete = clients.s3.delete_objects().bucket(bucket);
    let delete = delete.delete(all.map_err(|_| odd())?).send().await;
    let deleted = delete
        .map_err(Failure::from)
        .map_err(|failure| emptied(&failure))?;
    if deleted.errors().is_empty() {
        Ok(())
    } else {
        let why = "AWS did not delete all that lies in the bucket.".into();
        Err(ServiceError::Unknown(why))
    }
}

/// Whether XML can hold it.
fn is_text(name: &str) -> bool {
    name.chars().all(|one| match one {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        one => ' ' <= one,
    })
}

/// Gives whether none is left.
async fn give_up_uploads(clients: &Clients, bucket: &str) -> Result<bool, ServiceError> {
    let open = clients
        .s3
        .list_multipart_uploads()
        .bucket(bucket)
        .encoding_type(EncodingType::Url)
        .send()
        .await;
    let open = open
        .map_err(Failure::from)
        .map_err(|failure| emptied(&failure))?;
    for upload in open.uploads().iter().take(UPLOADS) {
        let abort = clients.s3.abort_multipart_upload().bucket(bucket);
        let key = upload.key();
        let abort = abort
            .set_key(key.map(|key| written(key, open.encoding_type())))
            .set_upload_id(upload.upload_id.clone());
        match abort.send().await.map_err(Failure::from) {
            Ok(_) => {}
            Err(failure) if failure.code() == "NoSuchUpload" => {}
            Err(failure) => return Err(emptied(&failure)),
        }
    }
    Ok(open.uploads().len() <= UPLOADS && open.is_truncated() != Some(true))
}

fn emptied(failure: &Failure) -> ServiceError {
    failure.conclude(Effect::Changes, "empty a bucket")
}

/// Deletes the bucket if nothing lies in it. Gives whether it is gone.
pub(super) async fn delete_empty(clients: &Clients, bucket: &str) -> Result<bool, ServiceError> {
    let deleted = clients.s3.delete_bucket().bucket(bucket).send().await;
    match deleted.map_err(Failure::from) {
        Ok(_) => Ok(true),
        Err(failure) if failure.is_missing() => Ok(true),
        Err(failure) if failure.code() == "BucketNotEmpty" => Ok(false),
        Err(failure) => Err(failure.conclude(Effect::Changes, "delete an empty bucket")),
    }
}
