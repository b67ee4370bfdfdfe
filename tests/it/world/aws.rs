//! A team's account at AWS, and what its keys do there.

use super::World;
use slice::services::s3::policy;
use slice_sandbox::{AccessKey, Act, BucketState, Crossing, Direction, Fate, Moto};

/// Where the team's buckets are.
pub const REGION: &str = "eu-central-1";

impl World {
    /// A policy that owners paste: `master` or `boundary`.
    fn pasted(&self, name: &str) -> String {
        let pasted = policy::manifest()[name].to_string();
        pasted.replace("ACCOUNT_ID", self.sandbox.aws.account_id())
    }

    /// A user for Slice with the policy that owners paste, and the boundary beside it; gives its key.
    pub fn aws_master(&self) -> AccessKey {
        self.aws_master_named("the-bot")
    }

    /// The same, of another name.
    pub fn aws_master_named(&self, name: &str) -> AccessKey {
        let aws = &self.sandbox.aws;
        aws.add_managed_policy("slice-boundary", &self.pasted("boundary"));
        aws.add_user(name, &[&self.pasted("master")])
    }

    /// Whenever Slice asks AWS for that, this happens there just before AWS hears it.
    pub fn before_aws_hears(
        &self,
        call: &'static str,
        happens: impl Fn(&Crossing) + Send + Sync + 'static,
    ) {
        self.sandbox.wire.on_crossing(Box::new(move |crossing| {
            if crossing.direction == Direction::In && crossing.what.contains(call) {
                happens(crossing);
            }
            Fate::Pass
        }));
    }

    /// Where AWS is.
    pub(super) fn aws_url(&self) -> &str {
        self.moto.as_ref().map_or(self.sandbox.aws.url(), Moto::url)
    }

    /// The moto server in AWS's place.
    pub fn moto(&self) -> Moto {
        self.moto.clone().expect("the story is set at moto")
    }

    /// The team of `set_up`, with S3 in its vault as well: the account is one at a moto server.
    pub async fn set_up_moto(&mut self, server: &str) {
        let moto = Moto::start(&self.sandbox, server, &self.pasted("master")).await;
        let moto = moto.expect("moto answers as it should");
        let master = moto.master().clone();
        self.moto = Some(moto);
        self.set_up().await;
        self.deposits_aws(&master).await;
        let sealed = "The master key for s3 was checked and sealed.";
        self.expect("olga", &[sealed]);
        self.all_read();
    }

    /// The access keys that stand at AWS, wherever that is.
    pub async fn keys_at_aws(&self) -> Vec<AccessKey> {
        match &self.moto {
            None => self.aws_keys(),
            Some(moto) => moto.keys().await.expect("moto answers"),
        }
    }

    /// Whether anything was made at AWS: then its bills come late.
    pub fn has_used_aws(&self) -> bool {
        self.moto.is_some() || !self.sandbox.aws.buckets_made().is_empty()
    }

    /// An owner puts a key of AWS into the vault.
    pub async fn deposits_aws(&mut self, key: &AccessKey) {
        self.says("olga", "vault add s3").await;
        self.submits_aws(key).await;
    }

    /// An owner fills a key of AWS into the open form.
    pub async fn submits_aws(&mut self, key: &AccessKey) {
        let fields = [
            ("Master key", key.secret.as_str()),
            ("Region of the buckets", REGION),
            ("Access key ID", &key.id),
        ];
        self.submits("olga", &fields).await;
    }

    /// The team of `set_up`, with S3 in its vault as well.
    pub async fn set_up_s3(&mut self) {
        self.set_up().await;
        let master = self.aws_master();
        self.deposits_aws(&master).await;
        self.expect("olga", &["The master key for s3 was checked and sealed."]);
        self.all_read();
    }

    /// The access keys that Slice made and that exist.
    pub fn aws_keys(&self) -> Vec<AccessKey> {
        let mut keys = self.aws_keys_made();
        keys.retain(|key| !key.deleted);
        keys
    }

    /// All that Slice ever made.
    pub fn aws_keys_made(&self) -> Vec<AccessKey> {
        let mut keys = self.sandbox.aws.keys();
        let ours = |key: &AccessKey| {
            key.user
                .as_deref()
                .is_some_and(|user| user.starts_with("slice-"))
        };
        keys.retain(ours);
        keys
    }

    /// How often AWS was asked for something.
    pub fn asked_aws(&self, what: &str) -> usize {
        let crossings = self.sandbox.wire.crossings();
        let asked = crossings.iter().filter(|one| {
            one.wire == "aws" && one.direction == Direction::In && one.what.contains(what)
        });
        asked.count()
    }

    /// The buckets that stand.
    pub fn aws_buckets(&self) -> Vec<BucketState> {
        let mut buckets = self.sandbox.aws.buckets_made();
        buckets.retain(|bucket| !bucket.deleted);
        buckets
    }

    /// Who holds the newest key does this in the newest bucket; gives AWS's word.
    pub fn acts(&mut self, act: Act<'_>) -> String {
        let key = self.aws_keys().pop().expect("a key");
        let bucket = self.aws_buckets().pop().expect("a bucket").name;
        let done = self.sandbox.aws.act(&key.id, &bucket, act);
        let word = done.map_or_else(|(_, code)| code, |()| "done".to_owned());
        self.note(Some(format!("who holds the key: {act:?}: {word}")));
        word
    }

    /// Who holds the newest key stores a GiB.
    pub fn stores_a_gib(&mut self) {
        let stored = self.acts(Act::Put {
            key: "a",
            size: 1 << 30,
        });
        assert_eq!(stored, "done");
    }

    /// Who holds the newest key downloads that so often; gives AWS's word.
    pub fn downloads(&mut self, times: u64) -> String {
        self.acts(Act::Get { key: "a", times })
    }
}
