//! A grant's bucket: made once, furnished, and deleted when it is empty.

use super::{
    account::Clients,
    failure::{Effect, Failure},
    meter::METRICS,
};
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketLocationConstraint,
    CreateBucketConfiguration, ExpirationStatus, LifecycleRule, LifecycleRuleFilter,
    MetricsConfiguration, PublicAccessBlockConfiguration, Tag, Tagging,
};
use slice_core::ports::ServiceError;

/// Where a bucket is if nothing is said.
const HOME: &str = "us-east-1";
/// Parts of an upload that nobody finishes are thrown away after so many days.
const ABORT_DAYS: i32 = 1;

fn changed(failure: &Failure, doing: &str) -> ServiceError {
    match failure.conclude(Effect::Changes, doing) {
        // It was made a moment ago: AWS is slow to know it.
        ServiceError::Gone => {
            ServiceError::Unknown("AWS does not know the bucket that it made.".into())
        }
        other => other,
    }
}

fn odd() -> ServiceError {
    ServiceError::Rejected("Slice could not put the bucket's settings together.".into())
}

/// Makes the bucket, or finds the one that an earlier attempt of the same grant made.
pub(super) async fn create(
    clients: &Clients,
    (bucket, region): (&str, &str),
    label: &str,
) -> Result<(), ServiceError> {
    let there = (region != HOME).then(|| {
        let place = BucketLocationConstraint::from(region);
        CreateBucketConfiguration::builder()
            .location_constraint(place)
            .build()
    });
    let create = clients.s3.create_bucket().bucket(bucket);
    let create = create.set_create_bucket_configuration(there);
    match create.send().await.map_err(Failure::from) {
        Ok(_) => {}
        Err(failure) if failure.code() == "BucketAlreadyOwnedByYou" => {}
        Err(failure) => {
            return Err(match failure.code() {
                "BucketAlreadyExists" => ServiceError::Rejected(
                    "Somebody else's AWS account has a bucket of the name that Slice gives this one.".into(),
                ),
                "TooManyBuckets" => ServiceError::Rejected(
                    "The AWS account has as many buckets as it may. An owner can delete some, or ask AWS \
                     for more."
                        .into(),
                ),
                _ => changed(&failure, "make a bucket"),
            });
        }
    }
    furnish(clients, bucket, label).await
}

async fn furnish(clients: &Clients, bucket: &str, label: &str) -> Result<(), ServiceError> {
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

    let metrics = MetricsConfiguration::builder().id(METRICS).build();
    let put = clients.s3.put_bucket_metrics_configuration().bucket(bucket);
    let put = put
        .id(METRICS)
        .metrics_configuration(metrics.map_err(|_| odd())?);
    let put = put.send().await.map_err(Failure::from);
    put.map_err(|failure| changed(&failure, "have a bucket's requests counted"))?;

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
