//! A key's user at IAM: made without a right, given its scope, stopped, and removed. Whatever is done
//! twice is done once.

use super::{
    account::Clients,
    failure::{Effect, Failure, REMEDY_PAUSE},
    policy::{BOUNDARY, PREFIX, SCOPE, STOPPED, User, boundary, stopped},
};
use aws_sdk_iam::types::{StatusType, Tag};
use slice_core::{ports::ServiceError, secret::Secret};
use std::collections::BTreeMap;

/// The tags by which a user tells what it is for.
pub(super) const LABEL: &str = "slice:label";
pub(super) const BUCKET: &str = "slice:bucket";
pub(super) const REGION: &str = "slice:region";
/// Since when it could be used, and since when not any more: seconds since 1970.
pub(super) const SINCE: &str = "slice:since";
pub(super) const STOPPED_AT: &str = "slice:stopped";
const NOT_STOPPED: &str = "no";

/// What stands on a user.
#[derive(Clone, Debug, Default)]
pub(super) struct Tags(BTreeMap<String, String>);

impl Tags {
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn seconds(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }
}

fn changed(failure: &Failure, doing: &str) -> ServiceError {
    failure.conclude(Effect::Changes, doing)
}

fn looked(failure: &Failure, doing: &str) -> ServiceError {
    failure.conclude(Effect::Reads, doing)
}

fn tag(name: &str, value: &str) -> Option<Tag> {
    Tag::builder().key(name).value(value).build().ok()
}

/// The one of our users that this is about, at its account.
pub(super) struct Users<'a> {
    pub clients: &'a Clients,
}

impl Users<'_> {
    /// A user that may do nothing, bounded for good.
    pub async fn create(
        &self,
        user: User,
        account: &str,
        (bucket, region): (&str, &str),
    ) -> Result<(), ServiceError> {
        let label = user.label();
        let tags = [(LABEL, &*label), (BUCKET, bucket), (REGION, region)];
        let made = self
            .clients
            .iam
            .create_user()
            .user_name(user.name())
            .permissions_boundary(boundary(account))
            .set_tags(Some(
                tags.iter()
                    .filter_map(|(name, value)| tag(name, value))
                    .collect(),
            ))
            .send()
            .await
            .map_err(Failure::from);
        match made {
            Ok(_) => Ok(()),
            Err(failure) => Err(match failure.code() {
                // An order of ours got there before: what it made is found by its label.
                "EntityAlreadyExists" => {
                    ServiceError::Unknown("AWS has a user of this name already.".into())
                }
                "NoSuchEntity" => ServiceError::Rejected(format!(
                    "There is no policy {BOUNDARY} in the AWS account, which has to bound each user that \
                     Slice makes. An owner can paste it from manifests/aws-policy.json."
                )),
                "LimitExceeded" => ServiceError::Rejected(
                    "The AWS account has as many users as it may (5,000), so no key can be made. An \
                     owner can delete some."
                        .into(),
                ),
                _ => changed(&failure, "make a user"),
            }),
        }
    }

    /// The only place where a secret appears. Gives the key's id and its secret.
    pub async fn create_key(&self, user: User) -> Result<(String, Secret), ServiceError> {
        let made = self.clients.iam.create_access_key().user_name(user.name());
        let made = made.send().await.map_err(Failure::from);
        let mut made = made.map_err(|failure| match failure.code() {
            "LimitExceeded" => {
                let why = "The new user has two access keys already, which Slice did not make.";
                ServiceError::Later {
                    after: REMEDY_PAUSE,
                    why: why.into(),
                }
            }
            _ => changed(&failure, "make an access key"),
        })?;
        let key = made.access_key.take();
        let key = key.ok_or_else(|| ServiceError::Unknown("AWS's answer holds no key.".into()))?;
        Ok((key.access_key_id, Secret::new(key.secret_access_key)))
    }

    /// `None`: there is no such user.
    pub async fn tags(&self, user: User) -> Result<Option<Tags>, ServiceError> {
        let found = self
            .clients
            .iam
            .get_user()
            .user_name(user.name())
            .send()
            .await;
        match found.map_err(Failure::from) {
            Ok(found) => {
                let tags = found
                    .user
                    .into_iter()
                    .flat_map(|user| user.tags.unwrap_or_default());
                Ok(Some(Tags(tags.map(|tag| (tag.key, tag.value)).collect())))
            }
            Err(failure) if failure.is_missing() => Ok(None),
            Err(failure) => Err(looked(&failure, "look at a user")),
        }
    }

    pub async fn tag(&self, user: User, name: &str, value: &str) -> Result<(), ServiceError> {
        let tagged = self.clients.iam.tag_user().user_name(user.name());
        let tagged = tagged.set_tags(tag(name, value).map(|tag| vec![tag]));
        let tagged = tagged.send().await.map_err(Failure::from);
        tagged
            .map(drop)
            .map_err(|failure| changed(&failure, "tag a user"))
    }

    /// Puts its scope in the place of an earlier one, and reads it back.
    pub async fn scope(&self, user: User, policy: &str) -> Result<(), ServiceError> {
        self.put(user, SCOPE, policy).await?;
        let read = self.clients.iam.get_user_policy().user_name(user.name());
        let read = read.policy_name(SCOPE).send().await.map_err(Failure::from);
        let read = read.map_err(|failure| match changed(&failure, "read a policy back") {
            ServiceError::Later { why, .. } | ServiceError::Rejected(why) => {
                ServiceError::Unknown(why)
            }
            other => other,
        })?;
        let stands =
            url::form_urlencoded::parse(format!("a={}", read.policy_document()).as_bytes())
                .next()
                .is_some_and(|(_, stands)| same(&stands, policy));
        if stands {
            Ok(())
        } else {
            Err(ServiceError::Unknown(
                "AWS took a policy and does not show it.".into(),
            ))
        }
    }

    async fn put(&self, user: User, name: &str, policy: &str) -> Result<(), ServiceError> {
        let put = self.clients.iam.put_user_policy().user_name(user.name());
        let put = put.policy_name(name).policy_document(policy);
        let put = put.send().await.map_err(Failure::from);
        put.map(drop).map_err(|failure| match failure.code() {
            "LimitExceeded" => ServiceError::Rejected(
                "The user's policies are longer than AWS takes (2,048 characters).".into(),
            ),
            _ => changed(&failure, "give a user its policy"),
        })
    }

    /// The ids of its access keys, and whether each can be used. `None`: there is no such user.
    pub async fn keys(&self, user: User) -> Result<Option<Vec<(String, bool)>>, ServiceError> {
        let listed = self
            .clients
            .iam
            .list_access_keys()
            .user_name(user.name())
            .send()
            .await;
        match listed.map_err(Failure::from) {
            Ok(listed) => {
                let keys = listed.access_key_metadata.into_iter();
                let key = |key: aws_sdk_iam::types::AccessKeyMetadata| {
                    Some((key.access_key_id?, key.status != Some(StatusType::Inactive)))
                };
                Ok(Some(keys.filter_map(key).collect()))
            }
            Err(failure) if failure.is_missing() => Ok(None),
            Err(failure) => Err(looked(&failure, "list a user's keys")),
        }
    }

    async fn policies(&self, user: User) -> Result<Vec<String>, ServiceError> {
        let listed = self
            .clients
            .iam
            .list_user_policies()
            .user_name(user.name())
            .send()
            .await;
        match listed.map_err(Failure::from) {
            Ok(listed) => Ok(listed.policy_names),
            Err(failure) if failure.is_missing() => Ok(vec![]),
            Err(failure) => Err(looked(&failure, "list a user's policies")),
        }
    }

    /// Nothing is allowed any more, and no key of it works: two ways, each gone although the other one fails.
    pub async fn stop(&self, user: User, now: i64) -> Result<(), ServiceError> {
        let denied = self.put(user, STOPPED, &stopped()).await;
        match self.set_keys(user, StatusType::Inactive).await {
            // One that somebody deleted has no boundary, and AWS refuses to change any but bounded ones.
            Err(ServiceError::Gone) => Err(ServiceError::Gone),
            silenced => {
                denied.and(silenced)?;
                self.tag(user, STOPPED_AT, &now.to_string()).await
            }
        }
    }

    pub async fn start(&self, user: User) -> Result<(), ServiceError> {
        self.set_keys(user, StatusType::Active).await?;
        self.drop_policy(user, STOPPED).await?;
        self.tag(user, STOPPED_AT, NOT_STOPPED).await?;
        if self
            .policies(user)
            .await?
            .iter()
            .any(|name| name == STOPPED)
        {
            return Err(ServiceError::Unknown(
                "AWS still stops a key that was let go on.".into(),
            ));
        }
        Ok(())
    }

    /// Sets all its keys, and reads back that it is so.
    async fn set_keys(&self, user: User, status: StatusType) -> Result<(), ServiceError> {
        let wanted = status == StatusType::Active;
        for (id, active) in self.keys(user).await?.ok_or(ServiceError::Gone)? {
            if active == wanted {
                continue;
            }
            let set = self.clients.iam.update_access_key().user_name(user.name());
            let set = set.access_key_id(id).status(status.clone()).send().await;
            let set = set.map_err(Failure::from);
            set.map_err(|failure| changed(&failure, "stop or start an access key"))?;
        }
        let now = self.keys(user).await?.ok_or(ServiceError::Gone)?;
        if now.iter().all(|(_, active)| *active == wanted) {
            Ok(())
        } else {
            Err(ServiceError::Unknown(
                "AWS took a change of a key and does not show it.".into(),
            ))
        }
    }

    async fn drop_policy(&self, user: User, name: &str) -> Result<(), ServiceError> {
        let dropped = self.clients.iam.delete_user_policy().user_name(user.name());
        let dropped = dropped
            .policy_name(name)
            .send()
            .await
            .map_err(Failure::from);
        absent(dropped, "take a policy from a user")
    }

    /// Removes it with all that it has. That it is gone already is a success.
    pub async fn remove(&self, user: User) -> Result<(), ServiceError> {
        let Some(keys) = self.keys(user).await? else {
            return Ok(());
        };
        for (id, _) in keys {
            let deleted = self.clients.iam.delete_access_key().user_name(user.name());
            let deleted = deleted
                .access_key_id(id)
                .send()
                .await
                .map_err(Failure::from);
            absent(deleted, "delete an access key")?;
        }
        for name in self.policies(user).await? {
            self.drop_policy(user, &name).await?;
        }
        let deleted = self.clients.iam.delete_user().user_name(user.name());
        absent(deleted.send().await.map_err(Failure::from), "delete a user")?;
        match self.tags(user).await? {
            None => Ok(()),
            Some(_) => Err(ServiceError::Unknown(
                "AWS took a deletion and still shows the user.".into(),
            )),
        }
    }

    /// Every user of ours.
    pub async fn all(&self) -> Result<Vec<User>, ServiceError> {
        let mut pages = self
            .clients
            .iam
            .list_users()
            .max_items(1000)
            .into_paginator()
            .send();
        let mut users = vec![];
        while let Some(page) = pages.next().await {
            let page = page.map_err(Failure::from);
            let page = page.map_err(|failure| looked(&failure, "list users"))?;
            let ours = page
                .users
                .iter()
                .filter(|user| user.user_name.starts_with(PREFIX));
            users.extend(ours.filter_map(|user| User::of_name(&user.user_name)));
        }
        Ok(users)
    }
}

fn absent<T>(done: Result<T, Failure>, doing: &str) -> Result<(), ServiceError> {
    match done {
        Ok(_) => Ok(()),
        Err(failure) if failure.is_missing() => Ok(()),
        Err(failure) => Err(changed(&failure, doing)),
    }
}

/// The same policy, however it is set.
fn same(one: &str, other: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    read(one).is_some_and(|one| read(other) == Some(one))
}
