//! What tests do at the provider: as its owner, behind the bot's back, and as a key's holder.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::account::{ACCOUNT, AccessKey, AwsUser, USERS_MAX};
use super::bucket::{Blob, Bucket, Class, Passed, Upload, Version};
use super::policy::Policy;
use super::{Aws, Refused, iam};

/// What the holder of a key does in bulk, without sending it: tests are not slow for being large.
#[derive(Clone, Copy, Debug)]
pub enum Act<'a> {
    /// Stores one object of this size.
    Put {
        key: &'a str,
        size: u64,
    },
    /// Stores the same object again and again.
    PutMany {
        key: &'a str,
        size: u64,
        times: u64,
    },
    /// Downloads an object this often.
    Get {
        key: &'a str,
        times: u64,
    },
    List {
        times: u64,
    },
    Delete {
        key: &'a str,
    },
}

impl Aws {
    /// A key of the account's root.
    pub fn add_root_key(&self) -> AccessKey {
        iam::mint(&mut self.accounts().now, None)
    }

    /// A user with these policies attached, and a key of it.
    ///
    /// # Panics
    /// If a policy is malformed.
    pub fn add_user(&self, name: &str, policies: &[&str]) -> AccessKey {
        let parsed = policies
            .iter()
            .map(|text| Policy::parse(text).expect("a policy of the test is well-formed"));
        let mut accounts = self.accounts();
        let account = &mut accounts.now;
        let user = AwsUser {
            name: name.to_owned(),
            attached: parsed.collect(),
            n: account.next(),
            ..AwsUser::default()
        };
        account.users.insert(name.to_owned(), user);
        iam::mint(account, Some(name))
    }

    /// A user of somebody else's account who may do nothing, and a key of it.
    pub fn add_user_elsewhere(&self, name: &str) -> AccessKey {
        let mut accounts = self.accounts();
        let account = &mut accounts.elsewhere;
        // Ids of keys are one space for all accounts.
        while account.next() < 1_000_000 {}
        let user = AwsUser {
            name: name.to_owned(),
            ..AwsUser::default()
        };
        account.users.insert(name.to_owned(), user);
        iam::mint(account, Some(name))
    }

    /// A managed policy, such as a boundary; gives its ARN.
    ///
    /// # Panics
    /// If the policy is malformed.
    pub fn add_managed_policy(&self, name: &str, text: &str) -> String {
        let arn = format!("arn:aws:iam::{ACCOUNT}:policy/{name}");
        let policy = Policy::parse(text).expect("a policy of the test is well-formed");
        self.accounts().now.managed.insert(arn.clone(), policy);
        arn
    }

    /// Makes users until the account holds as many as it can, less `free`.
    pub fn fill_users(&self, free: usize) {
        let account = &mut self.accounts().now;
        while account.users.len() + free < USERS_MAX {
            let n = account.next();
            let name = format!("somebody-{n}");
            let user = AwsUser {
                name: name.clone(),
                n,
                ..AwsUser::default()
            };
            account.users.insert(name, user);
        }
    }

    /// A user that the bot did not make, with this many keys.
    pub fn add_foreign_user(&self, name: &str, keys: usize) {
        self.add_user(name, &[]);
        let account = &mut self.accounts().now;
        account.keys.pop();
        for _ in 0..keys {
            iam::mint(account, Some(name));
        }
    }

    /// Somebody makes so many access keys for a user.
    pub fn add_keys_behind_our_back(&self, user: &str, keys: usize) {
        let account = &mut self.accounts().now;
        for _ in 0..keys {
            iam::mint(account, Some(user));
        }
    }

    /// A bucket of somebody else's has this name.
    pub fn take_bucket_name(&self, name: &str) {
        let mut bucket = Bucket::new(name, "");
        bucket.foreign = true;
        self.buckets().all.push(bucket);
    }

    /// From now on, a change in IAM is in force only after this.
    pub fn iam_takes(&self, span: Duration) {
        self.accounts().delay = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    }

    /// From now on, a minute of metrics is shown this long after its end.
    pub fn metrics_take(&self, span: Duration) {
        let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        self.hub.lag_seconds.store(seconds, Ordering::SeqCst);
    }

    /// The bucket keeps old versions from now on.
    ///
    /// # Panics
    /// If there is no such bucket.
    pub fn version_behind_our_back(&self, bucket: &str) {
        let mut buckets = self.buckets();
        let bucket = buckets.standing(bucket).expect("the bucket stands");
        bucket.versioned = true;
    }

    /// Somebody deletes a bucket with all that lies in it.
    ///
    /// # Panics
    /// If there is no such bucket.
    pub fn delete_bucket_behind_our_back(&self, bucket: &str) {
        let now = self.hub.clock.now();
        let mut buckets = self.buckets();
        let bucket = buckets.standing(bucket).expect("the bucket stands");
        bucket.accrue(now);
        bucket.deleted = true;
    }

    /// Somebody deletes a bucket and makes it anew in another region, with all that lay in it.
    ///
    /// # Panics
    /// If there is no such bucket.
    pub fn move_bucket_behind_our_back(&self, bucket: &str, region: &str) {
        let mut buckets = self.buckets();
        let bucket = buckets.standing(bucket).expect("the bucket stands");
        region.clone_into(&mut bucket.region);
    }

    /// So many objects of a byte lie in a bucket.
    ///
    /// # Panics
    /// If there is no such bucket.
    pub fn fill_bucket(&self, bucket: &str, objects: u64) {
        let now = self.hub.clock.now();
        let mut buckets = self.buckets();
        let bucket = buckets.standing(bucket).expect("the bucket stands");
        bucket.accrue(now);
        for n in 0..objects {
            let bytes = axum::body::Bytes::new();
            let version = Version {
                id: "null".to_owned(),
                blob: Some(Blob { bytes, size: 1 }),
            };
            bucket.keys.insert(format!("{n:08}"), vec![version]);
        }
    }

    /// A page of what lies in a bucket holds no more than this from now on: tests need no hundreds of
    /// thousands of objects.
    ///
    /// # Panics
    /// If there is no such bucket.
    pub fn lists_at_most(&self, bucket: &str, rows: usize) {
        let mut buckets = self.buckets();
        let bucket = buckets.standing(bucket).expect("the bucket stands");
        bucket.page = Some(rows);
    }

    /// An upload in parts of these sizes was begun in a bucket, and never finished.
    ///
    /// # Panics
    /// If there is no such bucket.
    pub fn leave_upload(&self, bucket: &str, key: &str, sizes: &[u64]) {
        let now = self.hub.clock.now();
        let mut buckets = self.buckets();
        let bucket = buckets.standing(bucket).expect("the bucket stands");
        bucket.accrue(now);
        let id = format!("u{:08}", bucket.next());
        let bytes = axum::body::Bytes::new();
        let blobs = sizes.iter().map(|size| Blob {
            bytes: bytes.clone(),
            size: *size,
        });
        let parts: BTreeMap<_, _> = (1..).zip(blobs).collect();
        let key = key.to_owned();
        bucket.uploads.insert(id, Upload { key, parts });
    }

    /// A user and its keys are gone.
    pub fn delete_user_behind_our_back(&self, name: &str) {
        let account = &mut self.accounts().now;
        account.users.remove(name);
        for key in &mut account.keys {
            key.deleted |= key.user.as_deref() == Some(name);
        }
    }

    /// A key is gone; its user stays.
    pub fn delete_key_behind_our_back(&self, id: &str) {
        for key in &mut self.accounts().now.keys {
            key.deleted |= key.id == id;
        }
    }

    /// A key works again, or no longer.
    pub fn set_key_behind_our_back(&self, id: &str, active: bool) {
        for key in &mut self.accounts().now.keys {
            if key.id == id {
                key.active = active;
            }
        }
    }

    /// A user has one more inline policy, or another one of this name.
    ///
    /// # Panics
    /// If there is no such user, or the policy is malformed.
    pub fn put_policy_behind_our_back(&self, user: &str, name: &str, text: &str) {
        let policy = Policy::parse(text).expect("a policy of the test is well-formed");
        let account = &mut self.accounts().now;
        let user = account.users.get_mut(user).expect("the user exists");
        user.inline.insert(name.to_owned(), policy);
    }

    /// Does something with a key, as its holder could.
    ///
    /// # Errors
    /// The status and code that S3 would answer.
    pub fn act(&self, key_id: &str, bucket: &str, act: Act<'_>) -> Result<(), (u16, String)> {
        let now = self.hub.clock.now();
        let (right, class, key, times, size) = match act {
            Act::Put { key, size } => ("s3:PutObject", Class::Put, key, 1, size),
            Act::PutMany { key, size, times } => ("s3:PutObject", Class::Put, key, times, size),
            Act::Get { key, times } => ("s3:GetObject", Class::Get, key, times, 0),
            Act::List { times } => ("s3:ListBucket", Class::List, "", times, 0),
            Act::Delete { key } => ("s3:DeleteObject", Class::Delete, key, 1, 0),
        };
        let caller = self.caller(key_id);
        let caller = caller.ok_or_else(|| (403, "InvalidAccessKeyId".to_owned()))?;
        let resource = match key {
            "" => format!("arn:aws:s3:::{bucket}"),
            key => format!("arn:aws:s3:::{bucket}/{key}"),
        };
        let mut context = Vec::new();
        if key.is_empty() {
            context.push(("s3:prefix", String::new()));
        }
        let may = self
            .may(caller.as_deref(), right, &resource, context)
            .is_ok();
        let mut buckets = self.buckets();
        let said = |refused: Refused| (refused.status, refused.code.to_owned());
        let bucket = buckets.standing(bucket).map_err(said)?;
        bucket.accrue(now);
        let down = match act {
            Act::Get { key, times } if may => {
                let size = bucket.current(key).map(|blob| blob.size);
                size.ok_or((404, "NoSuchKey".to_owned()))? * times
            }
            _ => 0,
        };
        let passed = Passed {
            times,
            down,
            up: size * times,
            refused: !may,
        };
        bucket.passed(class, passed, now);
        if !may {
            return Err((403, "AccessDenied".to_owned()));
        }
        match act {
            Act::Put { key, size } | Act::PutMany { key, size, .. } => {
                let bytes = axum::body::Bytes::new();
                bucket.put(key, Some(Blob { bytes, size }));
            }
            Act::Delete { key } => bucket.put(key, None),
            Act::Get { .. } | Act::List { .. } => {}
        }
        self.hub.wire.touch();
        Ok(())
    }
}
