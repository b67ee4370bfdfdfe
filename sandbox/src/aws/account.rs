//! What IAM knows: users, their keys and policies, and since when each of it is in force.

use std::collections::BTreeMap;

use super::policy::{Asked, Decision, Policy, decide};

pub(super) const ACCOUNT: &str = "123456789012";
/// Somebody else's account.
pub(super) const ELSEWHERE: &str = "210987654321";
pub(super) const USERS_MAX: usize = 5000;
pub(super) const KEYS_MAX: usize = 2;
/// All inline policies of a user together, white space not counted.
pub(super) const INLINE_MAX: usize = 2048;

/// An access key as a test compares it with its own books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    pub id: String,
    pub secret: String,
    /// `None`: the account's root.
    pub user: Option<String>,
    pub active: bool,
    pub deleted: bool,
}

/// A user as a test compares it with its own books.
#[derive(Clone, Debug, Default)]
pub struct AwsUser {
    pub name: String,
    pub tags: BTreeMap<String, String>,
    /// The ARN of its permissions boundary.
    pub boundary: Option<String>,
    pub(super) inline: BTreeMap<String, Policy>,
    pub(super) attached: Vec<Policy>,
    pub(super) n: u64,
}

impl AwsUser {
    /// The inline policies: name and text.
    pub fn policies(&self) -> Vec<(String, String)> {
        let shown = |(name, policy): (&String, &Policy)| (name.clone(), policy.text.clone());
        self.inline.iter().map(shown).collect()
    }

    pub(super) fn arn(&self) -> String {
        user_arn(&self.name)
    }

    pub(super) fn id(&self) -> String {
        format!("AIDASANDBOX{:010}", self.n)
    }
}

pub(super) fn user_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/{name}")
}

#[derive(Clone, Default)]
pub(super) struct Account {
    pub users: BTreeMap<String, AwsUser>,
    pub keys: Vec<AccessKey>,
    /// By ARN.
    pub managed: BTreeMap<String, Policy>,
    minted: u64,
}

impl Account {
    pub fn next(&mut self) -> u64 {
        self.minted += 1;
        self.minted
    }

    /// A key that can be used.
    pub fn usable(&self, id: &str) -> Option<&AccessKey> {
        let fits = |key: &&AccessKey| key.id == id && key.active && !key.deleted;
        self.keys.iter().find(fits)
    }

    pub fn keys_of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a AccessKey> {
        let fits = move |key: &&AccessKey| key.user.as_deref() == Some(user) && !key.deleted;
        self.keys.iter().filter(fits)
    }

    /// Whether a caller may do something. Root may do everything.
    pub fn decide(&self, caller: Option<&str>, asked: &Asked<'_>) -> Decision {
        let Some(name) = caller else {
            return Decision::Allowed;
        };
        let Some(user) = self.users.get(name) else {
            return Decision::Implicit;
        };
        let own = decide(user.inline.values().chain(&user.attached), asked);
        let Some(boundary) = &user.boundary else {
            return own;
        };
        match (own, decide(self.managed.get(boundary), asked)) {
            (Decision::Allowed, bounded) => bounded,
            (Decision::Implicit, Decision::Explicit) => Decision::Explicit,
            (own, _) => own,
        }
    }
}

/// The account as it is, and as it was while changes take effect.
#[derive(Default)]
pub(super) struct Accounts {
    pub now: Account,
    /// Somebody else's account, of which nothing is known here but whose its keys are.
    pub elsewhere: Account,
    /// What an earlier account was, and until when.
    past: Vec<(i64, Account)>,
    /// How long a change takes to be in force, in microseconds.
    pub delay: i64,
}

impl Accounts {
    /// The account as it is in force: an older one while changes take effect.
    pub fn in_force(&self, now: i64) -> &Account {
        let at = now - self.delay;
        let past = self.past.iter().find(|(until, _)| *until > at);
        past.map_or(&self.now, |(_, account)| account)
    }

    /// A key of any account, whether or not it can be used.
    pub fn key(&self, id: &str) -> Option<&AccessKey> {
        let mut keys = self.now.keys.iter().chain(&self.elsewhere.keys);
        keys.find(|key| key.id == id)
    }

    /// Notes that a change is about to happen.
    pub fn changing(&mut self, now: i64) -> &mut Account {
        if self.delay > 0 {
            self.past.retain(|(until, _)| *until > now - self.delay);
            self.past.push((now, self.now.clone()));
        }
        &mut self.now
    }
}
