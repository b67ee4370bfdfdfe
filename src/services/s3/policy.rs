//! Names and policies: what each thing at AWS is called, and what a key may do.

use super::wish::Access;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use slice_core::{grant::LABEL_PREFIX, ports::ServiceError, time::Time};
use uuid::Uuid;

/// The names of all that Slice makes at AWS begin so.
pub(super) const PREFIX: &str = "slice-";
/// The managed policy that bounds every user that Slice makes.
pub(super) const BOUNDARY: &str = "slice-boundary";
/// What a key may do, and until when.
pub(super) const SCOPE: &str = "scope";
/// Stands while a key may do nothing.
pub(super) const STOPPED: &str = "stopped";
const INSTANCE_DIGITS: usize = 8;
/// The letters of a grant's id in a name.
const UUID: usize = 36;
/// Where an account's id stands in `manifests/aws-policy.json`.
const ACCOUNT: &str = "ACCOUNT_ID";

/// A user of ours: one per attempt of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub grant: Uuid,
    attempt: u32,
    /// The end of the grant whose bucket it has a part in: names have no room for all of it.
    part_in: Option<u64>,
}

impl User {
    /// `slice/<grant>/<attempt>`.
    pub fn of_label(label: &str) -> Option<Self> {
        let (grant, attempt) = label.strip_prefix(LABEL_PREFIX)?.split_once('/')?;
        Some(Self {
            grant: Uuid::try_parse(grant).ok()?,
            attempt: attempt.parse().ok()?,
            part_in: None,
        })
    }

    pub fn with_part_in(self, grant: Option<Uuid>) -> Self {
        let part_in = grant.map(end);
        Self { part_in, ..self }
    }

    /// `slice-<grant>-<attempt>`, and `-<end of another grant>` for a part in that one's bucket. A name
    /// comes from AWS's answers: one that is not ours never gets into a call.
    pub fn of_name(name: &str) -> Option<Self> {
        let rest = name.strip_prefix(PREFIX)?;
        let (grant, rest) = (rest.get(..UUID)?, rest.get(UUID..)?.strip_prefix('-')?);
        let (attempt, part_in) = match rest.split_once('-') {
            Some((attempt, end)) => (attempt, Some(u64::from_str_radix(end, 16).ok()?)),
            None => (rest, None),
        };
        let user = Self {
            grant: Uuid::try_parse(grant).ok()?,
            attempt: attempt.parse().ok()?,
            part_in,
        };
        (user.name() == name).then_some(user)
    }

    pub fn named(name: &str) -> Result<Self, ServiceError> {
        let why =
            || ServiceError::Rejected("That is not the name of a user that Slice made.".into());
        Self::of_name(name).ok_or_else(why)
    }

    pub fn name(self) -> String {
        let part = self.part_in.map(|end| format!("-{end:012x}"));
        let (grant, attempt) = (self.grant.as_hyphenated(), self.attempt);
        format!("{PREFIX}{grant}-{attempt}{}", part.unwrap_or_default())
    }

    pub fn label(self) -> String {
        format!(
            "{LABEL_PREFIX}{}/{}",
            self.grant.as_hyphenated(),
            self.attempt
        )
    }

    pub fn is_of_grant_of(self, other: Self) -> bool {
        self.grant == other.grant
    }

    /// It has a part in another grant's bucket, and none of its own.
    pub fn is_part(self) -> bool {
        self.part_in.is_some()
    }

    /// Whether its bucket is the one that was made for this grant.
    pub fn uses_bucket_of(self, grant: Uuid) -> bool {
        match self.part_in {
            None => self.grant == grant,
            Some(known) => known == end(grant),
        }
    }
}

/// The last 48 bits, which are chance.
fn end(grant: Uuid) -> u64 {
    let (_, low) = grant.as_u64_pair();
    low & 0xffff_ffff_ffff
}

/// The bucket that is made for a grant: all its attempts have the same.
pub(super) fn bucket(grant: Uuid, account: &str) -> String {
    let instance = hex::encode(Sha256::digest(account.as_bytes()));
    let instance = &instance[..INSTANCE_DIGITS];
    format!("{PREFIX}{instance}-{}", grant.as_simple())
}

/// What a key may do with a bucket until that instant. The date stands on each Allow: it lapses safely
/// whatever becomes of Slice.
pub(super) fn scope(bucket: &str, access: Access, until: Time) -> String {
    const READS: [&str; 1] = ["s3:GetObject"];
    const WRITES: [&str; 4] = [
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:AbortMultipartUpload",
        "s3:ListMultipartUploadParts",
    ];
    let actions = match access {
        Access::Full => [&READS[..], &WRITES[..]].concat(),
        Access::Read => READS.to_vec(),
        Access::Write => WRITES.to_vec(),
    };
    let dated = json!({ "aws:CurrentTime": until.rfc3339() });
    let objects = json!({
        "Sid": "Objects",
        "Effect": "Allow",
        "Action": actions,
        "Resource": format!("arn:aws:s3:::{bucket}/*"),
        "Condition": {
            "DateLessThan": dated,
            "StringEqualsIfExists": { "s3:x-amz-storage-class": "STANDARD" },
        },
    });
    let list = json!({
        "Sid": "List",
        "Effect": "Allow",
        "Action": ["s3:ListBucket", "s3:ListBucketMultipartUploads"],
        "Resource": format!("arn:aws:s3:::{bucket}"),
        "Condition": { "DateLessThan": dated },
    });
    document(&[objects, list]).to_string()
}

/// Nothing at all.
pub(super) fn stopped() -> String {
    document(&[json!({ "Effect": "Deny", "Action": "*", "Resource": "*" })]).to_string()
}

fn document(statements: &[Value]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// The rights that a master key needs on users of which AWS looks at the boundary: only such as Slice bounds.
pub(super) const ON_BOUNDED_USERS: [&str; 3] = [
    "iam:CreateUser",
    "iam:DeleteUserPolicy",
    "iam:PutUserPolicy",
];
/// Those on users of which it does not: by their names alone.
pub(super) const ON_USERS: [&str; 9] = [
    "iam:CreateAccessKey",
    "iam:DeleteAccessKey",
    "iam:DeleteUser",
    "iam:GetUser",
    "iam:GetUserPolicy",
    "iam:ListAccessKeys",
    "iam:ListUserPolicies",
    "iam:TagUser",
    "iam:UpdateAccessKey",
];
/// Those that go with no resource.
pub(super) const ON_ALL: [&str; 2] = ["cloudwatch:GetMetricData", "iam:ListUsers"];
/// Those on the buckets that Slice makes.
pub(super) const ON_BUCKETS: [&str; 9] = [
    "s3:CreateBucket",
    "s3:DeleteBucket",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketTagging",
    "s3:PutLifecycleConfiguration",
    "s3:PutMetricsConfiguration",
];
/// Those on what is in them: to measure uploads, and to empty a bucket that an owner deletes.
pub(super) const ON_OBJECTS: [&str; 4] = [
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:ListMultipartUploadParts",
];

/// The ARN of the policy that bounds users.
pub(super) fn boundary(account: &str) -> String {
    format!("arn:aws:iam::{account}:policy/{BOUNDARY}")
}

/// What owners paste at AWS: the boundary, and the least that a master key must be allowed.
pub fn manifest() -> Value {
    let users = format!("arn:aws:iam::{ACCOUNT}:user/{PREFIX}*");
    let buckets = format!("arn:aws:s3:::{PREFIX}*");
    let within = json!({ "Effect": "Allow", "Action": "s3:*", "Resource": [buckets, format!("{buckets}/*")] });
    let bounded = json!({
        "Sid": "BoundedUsers",
        "Effect": "Allow",
        "Action": ON_BOUNDED_USERS,
        "Resource": users,
        "Condition": { "StringEquals": { "iam:PermissionsBoundary": boundary(ACCOUNT) } },
    });
    let allow = |sid: &str, actions: &[&str], resource: Value| json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource });
    let itself = "iam:SimulatePrincipalPolicy";
    let master = [
        bounded,
        allow("ChangeItsUsers", &ON_USERS, json!(users)),
        allow("LookAround", &ON_ALL, json!("*")),
        allow(
            "CheckItself",
            &[itself],
            json!(format!("arn:aws:iam::{ACCOUNT}:user/*")),
        ),
        allow("ItsBuckets", &ON_BUCKETS, json!(buckets)),
        allow("WhatIsInThem", &ON_OBJECTS, json!(format!("{buckets}/*"))),
    ];
    json!({ "boundary": document(&[within]), "boundary_name": BOUNDARY, "master": document(&master) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    const LABEL: &str = "slice/0191d2c4-7b1e-7c3a-9a55-3f0a6d1b2c3d/2";
    /// All inline policies of a user together, white space not counted.
    const INLINE_MAX: usize = 2048;

    #[test]
    fn names_are_found_again() {
        let user = User::of_label(LABEL).expect("a label");
        assert_eq!(user.name(), "slice-0191d2c4-7b1e-7c3a-9a55-3f0a6d1b2c3d-2");
        assert_eq!(User::of_name(&user.name()), Some(user));
        assert_eq!(user.label(), LABEL);
        let bucket = bucket(user.grant, "123456789012");
        assert_eq!(bucket, "slice-2a33349e-0191d2c47b1e7c3a9a553f0a6d1b2c3d");
        assert!(bucket.len() <= 63);
        let part = user.with_part_in(Some(user.grant));
        let name = "slice-0191d2c4-7b1e-7c3a-9a55-3f0a6d1b2c3d-2-3f0a6d1b2c3d";
        assert_eq!(part.name(), name);
        assert_eq!(
            (User::of_name(name), part.label()),
            (Some(part), LABEL.into())
        );
        for foreign in [
            "slice-",
            "slice-master",
            "admin",
            "slice-0191d2c4-7b1e-7c3a-9a55-3f0a6d1b2c3d-02",
            "slice-0191d2c4-7b1e-7c3a-9a55-3f0a6d1b2c3d-2-3F0A6D1B2C3D",
            "slice-0191d2c4-7b1e-7c3a-9a55-3f0a6d1b2c3d-2-",
        ] {
            assert_eq!(User::of_name(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_key_may_use_its_bucket_until_its_date() {
        let until = Time::from_micros(1_793_534_400_000_000);
        expect![[r#"{"Statement":[{"Action":["s3:GetObject","s3:PutObject","s3:DeleteObject","s3:AbortMultipartUpload","s3:ListMultipartUploadParts"],"Condition":{"DateLessThan":{"aws:CurrentTime":"2026-11-01T12:00:00Z"},"StringEqualsIfExists":{"s3:x-amz-storage-class":"STANDARD"}},"Effect":"Allow","Resource":"arn:aws:s3:::slice-b/*","Sid":"Objects"},{"Action":["s3:ListBucket","s3:ListBucketMultipartUploads"],"Condition":{"DateLessThan":{"aws:CurrentTime":"2026-11-01T12:00:00Z"}},"Effect":"Allow","Resource":"arn:aws:s3:::slice-b","Sid":"List"}],"Version":"2012-10-17"}"#]]
        .assert_eq(&scope("slice-b", Access::Full, until));
        let longest = scope(&"b".repeat(63), Access::Full, until);
        assert!(longest.len() + stopped().len() <= INLINE_MAX);
    }

    #[test]
    fn no_right_stands_twice_and_none_is_left_out() {
        let master = manifest()["master"]["Statement"].clone();
        let statements = master.as_array().expect("statements").iter();
        let actions = statements.filter_map(|one| one["Action"].as_array().cloned());
        let mut actions: Vec<_> = actions.flatten().map(|one| one.to_string()).collect();
        let (all, had) = (actions.len(), actions.iter().any(|one| one.contains('*')));
        actions.sort();
        actions.dedup();
        assert_eq!((actions.len(), had), (all, false), "{actions:?}");
    }

    #[test]
    fn every_allow_of_a_key_carries_its_date() {
        let scope: Value =
            serde_json::from_str(&scope("b", Access::Read, Time::from_micros(0))).expect("JSON");
        let statements = scope["Statement"].as_array().expect("statements");
        assert!(statements.iter().all(|one| one["Effect"] == "Allow"
            && one["Condition"]["DateLessThan"]["aws:CurrentTime"].is_string()));
    }
}
