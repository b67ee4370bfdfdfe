//! Buckets, what is in them, and what they cost.

use std::time::Duration;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketLocationConstraint,
    CompletedMultipartUpload, CompletedPart, CreateBucketConfiguration, Delete, ExpirationStatus,
    LifecycleRule, LifecycleRuleFilter, MetricsConfiguration, ObjectIdentifier,
    PublicAccessBlockConfiguration, Tag, Tagging,
};
use slice_sandbox::{Act, Sandbox};

use super::clients::{ADMIN, Clients, code, provider};
use crate::bot::START;

const BUCKET: &str = "slice-box";

async fn box_with_metrics(admin: &Clients) {
    admin
        .s3
        .create_bucket()
        .bucket(BUCKET)
        .send()
        .await
        .expect("AWS agrees");
    let metrics = MetricsConfiguration::builder()
        .id("slice")
        .build()
        .expect("AWS agrees");
    let put = admin
        .s3
        .put_bucket_metrics_configuration()
        .bucket(BUCKET)
        .id("slice");
    put.metrics_configuration(metrics)
        .send()
        .await
        .expect("AWS agrees");
}

#[tokio::test]
async fn a_bucket_is_made_once() {
    let (sandbox, admin) = provider().await;
    let create = |name: &str| admin.s3.create_bucket().bucket(name);
    box_with_metrics(&admin).await;
    assert_eq!(code(create(BUCKET).send().await), "ok");
    sandbox.aws.take_bucket_name("slice-taken");
    assert_eq!(
        code(create("slice-taken").send().await),
        "BucketAlreadyExists"
    );
    assert_eq!(code(create("Slice_Box").send().await), "InvalidBucketName");
    let key = sandbox.aws.keys()[0].clone();
    let far = Clients::at(
        &sandbox,
        (&key.id, &key.secret),
        "eu-central-1",
        &sandbox.clock,
    );
    let there = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::EuCentral1)
        .build();
    let create_far = || far.s3.create_bucket().bucket("slice-far");
    assert_eq!(
        code(create_far().send().await),
        "IllegalLocationConstraintException"
    );
    for expected in ["ok", "BucketAlreadyOwnedByYou"] {
        let made = create_far()
            .create_bucket_configuration(there.clone())
            .send()
            .await;
        assert_eq!(code(made), expected);
    }
    let wrong = admin.s3.list_objects_v2().bucket("slice-far").send().await;
    assert_eq!(code(wrong), "AuthorizationHeaderMalformed");
}

#[tokio::test]
async fn a_bucket_is_furnished() {
    let (sandbox, admin) = provider().await;
    box_with_metrics(&admin).await;
    let block = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .ignore_public_acls(true)
        .block_public_policy(true)
        .restrict_public_buckets(true)
        .build();
    let put = admin.s3.put_public_access_block().bucket(BUCKET);
    put.public_access_block_configuration(block)
        .send()
        .await
        .unwrap();
    let rule = LifecycleRule::builder()
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .abort_incomplete_multipart_upload(
            AbortIncompleteMultipartUpload::builder()
                .days_after_initiation(1)
                .build(),
        )
        .build()
        .unwrap();
    let rules = BucketLifecycleConfiguration::builder()
        .rules(rule)
        .build()
        .unwrap();
    let put = admin.s3.put_bucket_lifecycle_configuration().bucket(BUCKET);
    put.lifecycle_configuration(rules).send().await.unwrap();
    let tag = Tag::builder()
        .key("slice:grant")
        .value("<7>")
        .build()
        .unwrap();
    let tagging = Tagging::builder().tag_set(tag).build().unwrap();
    admin
        .s3
        .put_bucket_tagging()
        .bucket(BUCKET)
        .tagging(tagging)
        .send()
        .await
        .unwrap();
    let read = admin
        .s3
        .get_bucket_tagging()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(read.tag_set()[0].value(), "<7>");

    let made = &sandbox.aws.buckets_made()[0];
    assert!(made.public_access_blocked && made.metrics);
    assert_eq!(made.abort_uploads_after_days, Some(1));
    assert_eq!(made.tags["slice:grant"], "<7>");
    assert_eq!(sandbox.wire.violations(), Vec::<String>::new());
}

async fn put(clients: &Clients, key: &str, text: &'static [u8]) -> String {
    let put = clients.s3.put_object().bucket(BUCKET).key(key);
    code(put.body(ByteStream::from_static(text)).send().await)
}

#[tokio::test]
async fn objects_come_back_as_they_were_put() {
    let (sandbox, admin) = provider().await;
    box_with_metrics(&admin).await;
    for key in ["a b+c.txt", "in/ä/€.bin", "in/z"] {
        assert_eq!(put(&admin, key, b"hello").await, "ok");
        let got = admin
            .s3
            .get_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
        assert_eq!(got.body.collect().await.unwrap().to_vec(), b"hello");
    }
    let head = admin
        .s3
        .head_object()
        .bucket(BUCKET)
        .key("in/z")
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_length(), Some(5));
    let list = admin
        .s3
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix("in/")
        .send()
        .await
        .unwrap();
    let keys: Vec<&str> = list.contents().iter().filter_map(|one| one.key()).collect();
    assert_eq!(keys, ["in/z", "in/ä/€.bin"]);
    let copied = admin
        .s3
        .copy_object()
        .bucket(BUCKET)
        .key("copy")
        .copy_source("slice-box/in/z");
    assert_eq!(code(copied.send().await), "ok");

    assert_eq!(sandbox.wire.violations(), Vec::<String>::new());
}

/// Deletes every version, and gives their number.
async fn empty(admin: &Clients) -> usize {
    let all = admin
        .s3
        .list_object_versions()
        .bucket(BUCKET)
        .send()
        .await
        .expect("AWS agrees");
    let object = |key: Option<&str>, version: Option<&str>| {
        let object = ObjectIdentifier::builder().key(key.expect("AWS agrees"));
        object
            .set_version_id(version.map(str::to_owned))
            .build()
            .expect("AWS agrees")
    };
    let versions = all
        .versions()
        .iter()
        .map(|one| object(one.key(), one.version_id()));
    let markers = all
        .delete_markers()
        .iter()
        .map(|one| object(one.key(), one.version_id()));
    let named = Delete::builder()
        .set_objects(Some(versions.chain(markers).collect()))
        .build()
        .expect("AWS agrees");
    let deleted = admin
        .s3
        .delete_objects()
        .bucket(BUCKET)
        .delete(named)
        .send()
        .await
        .expect("AWS agrees");
    deleted.deleted().len()
}

#[tokio::test]
async fn old_versions_stay_until_they_are_deleted() {
    let (sandbox, admin) = provider().await;
    box_with_metrics(&admin).await;
    for key in ["in/z", "other"] {
        assert_eq!(put(&admin, key, b"hello").await, "ok");
    }
    sandbox.aws.version_behind_our_back(BUCKET);
    assert_eq!(put(&admin, "in/z", b"hello again").await, "ok");
    admin
        .s3
        .delete_object()
        .bucket(BUCKET)
        .key("in/z")
        .send()
        .await
        .unwrap();
    let gone = admin
        .s3
        .get_object()
        .bucket(BUCKET)
        .key("in/z")
        .send()
        .await;
    assert_eq!(code(gone), "NoSuchKey");
    let versions = admin
        .s3
        .list_object_versions()
        .bucket(BUCKET)
        .prefix("in/z")
        .send()
        .await
        .unwrap();
    let sizes: Vec<i64> = versions
        .versions()
        .iter()
        .filter_map(aws_sdk_s3::types::ObjectVersion::size)
        .collect();
    assert_eq!((sizes, versions.delete_markers().len()), (vec![11, 5], 1));

    let full = admin.s3.delete_bucket().bucket(BUCKET).send().await;
    assert_eq!(code(full), "BucketNotEmpty");
    assert_eq!(empty(&admin).await, 4);
    admin
        .s3
        .delete_bucket()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert!(sandbox.aws.buckets_made()[0].deleted);
    assert_eq!(sandbox.wire.violations(), Vec::<String>::new());
}

async fn begin(admin: &Clients) -> String {
    let create = admin.s3.create_multipart_upload().bucket(BUCKET);
    let begun = create.key("big").send().await.expect("it begins");
    begun.upload_id().expect("an id").to_owned()
}

async fn part(admin: &Clients, id: &str, n: i32) -> CompletedPart {
    let part = admin.s3.upload_part().bucket(BUCKET).key("big");
    let part = part.upload_id(id).part_number(n);
    let sent = part.body(ByteStream::from_static(b"12345")).send().await;
    let sent = sent.expect("it is taken");
    let done = CompletedPart::builder().part_number(n);
    done.e_tag(sent.e_tag().expect("a tag")).build()
}

#[tokio::test]
async fn unfinished_uploads_take_room() {
    let (sandbox, admin) = provider().await;
    box_with_metrics(&admin).await;
    let (one, other) = (begin(&admin).await, begin(&admin).await);
    let parts = vec![part(&admin, &one, 1).await, part(&admin, &one, 2).await];
    part(&admin, &other, 1).await;
    let open = admin
        .s3
        .list_multipart_uploads()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(open.uploads().len(), 2);
    let listed = admin
        .s3
        .list_parts()
        .bucket(BUCKET)
        .key("big")
        .upload_id(&one)
        .send()
        .await
        .unwrap();
    let sizes: Vec<i64> = listed
        .parts()
        .iter()
        .filter_map(aws_sdk_s3::types::Part::size)
        .collect();
    assert_eq!(sizes, [5, 5]);
    assert_eq!(sandbox.aws.buckets_made()[0].bytes, 15);
    let whole = CompletedMultipartUpload::builder()
        .set_parts(Some(parts))
        .build();
    let complete = admin
        .s3
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key("big")
        .upload_id(&one);
    complete.multipart_upload(whole).send().await.unwrap();
    let abort = || {
        admin
            .s3
            .abort_multipart_upload()
            .bucket(BUCKET)
            .key("big")
            .upload_id(&other)
    };
    abort().send().await.unwrap();
    assert_eq!(code(abort().send().await), "NoSuchUpload");
    let state = &sandbox.aws.buckets_made()[0];
    assert_eq!((state.bytes, state.objects), (10, 1));
}

#[tokio::test]
async fn a_dated_policy_ends_by_itself() {
    let (sandbox, admin) = provider().await;
    box_with_metrics(&admin).await;
    // An hour after the start.
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::slice-box/in/*",
         "Condition":{"DateLessThan":{"aws:CurrentTime":"2023-11-14T23:13:20Z"},
                      "StringEqualsIfExists":{"s3:x-amz-storage-class":"STANDARD"}}},
        {"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::slice-box",
         "Condition":{"DateLessThan":{"aws:CurrentTime":"2023-11-14T23:13:20Z"},
                      "StringLike":{"s3:prefix":["in/*"]}}}]}"#;
    let held = Clients::of(&sandbox, &sandbox.aws.add_user("slice-1", &[policy]));
    assert_eq!(put(&held, "in/a", b"1").await, "ok");
    assert_eq!(put(&held, "out/a", b"1").await, "AccessDenied");
    let cold = held.s3.put_object().bucket(BUCKET).key("in/b");
    let cold = cold.storage_class(aws_sdk_s3::types::StorageClass::Glacier);
    assert_eq!(code(cold.send().await), "AccessDenied");
    let list = |prefix: Option<&str>| {
        let list = held.s3.list_objects_v2().bucket(BUCKET);
        list.set_prefix(prefix.map(str::to_owned)).send()
    };
    assert_eq!(code(list(Some("in/")).await), "ok");
    assert_eq!(code(list(None).await), "AccessDenied");
    assert_eq!(code(list(Some("out/")).await), "AccessDenied");
    let missing = held
        .s3
        .get_object()
        .bucket(BUCKET)
        .key("in/no")
        .send()
        .await;
    assert_eq!(code(missing), "AccessDenied");
    sandbox.clock.advance(Duration::from_hours(1));
    assert_eq!(put(&held, "in/a", b"1").await, "AccessDenied");
}

/// The sums of a metric, from the start until now.
async fn metric(sandbox: &Sandbox, clients: &Clients, name: &str) -> Vec<(i64, i64)> {
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let metric = Metric::builder()
        .namespace("AWS/S3")
        .metric_name(name)
        .dimensions(dimension("BucketName", BUCKET))
        .dimensions(dimension("FilterId", "slice"))
        .build();
    let stat = MetricStat::builder()
        .metric(metric)
        .period(60)
        .stat("Sum")
        .build();
    let query = MetricDataQuery::builder()
        .id("m1")
        .metric_stat(stat)
        .build();
    let (from, until) = (START / 1_000_000, sandbox.clock.now() / 1_000_000 + 60);
    let minute = |seconds: i64| DateTime::from_secs(seconds - seconds % 60);
    let data = clients
        .cloudwatch
        .get_metric_data()
        .metric_data_queries(query)
        .start_time(minute(from))
        .end_time(minute(until))
        .send()
        .await
        .expect("AWS agrees");
    let result = &data.metric_data_results()[0];
    let values = result
        .values()
        .iter()
        .map(|value| format!("{value}").parse().expect("AWS agrees"));
    let times = result.timestamps().iter().map(DateTime::secs);
    times
        .map(|at| (at - minute(from).secs()) / 60)
        .zip(values)
        .collect()
}

#[tokio::test]
async fn metrics_come_late_and_the_bill_is_exact() {
    let (sandbox, admin) = provider().await;
    box_with_metrics(&admin).await;
    let key = sandbox.aws.add_user("slice-1", &[ADMIN]);
    let gib = 1 << 30;
    let act = |act: Act<'_>| sandbox.aws.act(&key.id, BUCKET, act);
    act(Act::Put {
        key: "a",
        size: 100 * gib,
    })
    .unwrap();
    act(Act::Get { key: "a", times: 2 }).unwrap();
    assert_eq!(
        act(Act::Get { key: "b", times: 1 }),
        Err((404, "NoSuchKey".to_owned()))
    );
    assert_eq!(metric(&sandbox, &admin, "BytesDownloaded").await, []);
    sandbox.clock.advance(Duration::from_mins(1));
    act(Act::PutMany {
        key: "b",
        size: 0,
        times: 1000,
    })
    .unwrap();
    sandbox.clock.advance(Duration::from_secs(200));
    let down = metric(&sandbox, &admin, "BytesDownloaded").await;
    assert_eq!(down, [(0, 200 << 30)]);
    sandbox.clock.advance(Duration::from_mins(1));
    let puts = metric(&sandbox, &admin, "PutRequests").await;
    // The configuration's own PUT is the first that it sees.
    assert_eq!(puts, [(0, 2), (1, 1000)]);

    // 100 GiB for a month, 200 GiB out, 1,002 PUTs (the bucket's own ones were two) and 2 GETs, one hour seen.
    sandbox.clock.set(START + 730 * 3600 * 1_000_000);
    let bill = sandbox.aws.bill(BUCKET);
    assert_eq!(bill.storage_micros, 2_300_000);
    assert_eq!(bill.egress_micros, 18_000_000);
    assert_eq!(bill.request_micros, 5_016);
    assert_eq!(bill.metrics_micros, 6_576);
    act(Act::Delete { key: "a" }).unwrap();
    sandbox.clock.advance(Duration::from_hours(1));
    assert_eq!(sandbox.aws.bill(BUCKET).storage_micros, 2_300_000);
}
