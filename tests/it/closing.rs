//! What must hold at the end of every scenario, whatever it was about.

use crate::world::{Town, World};
use base64::{Engine, engine::general_purpose::STANDARD};
use slice_core::{
    grant::{Grant, KeyState, State},
    money::Money,
    ports::{Store, Work},
    steps::LATE_BILLING,
};
use slice_sandbox::{Change, Place};
use sqlx::Row;
use std::{
    io::Write,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

/// Everything that was logged by any bot of this process, at TRACE.
pub static LOGS: LazyLock<Mutex<Vec<u8>>> = LazyLock::new(Mutex::default);

/// A writer into [`LOGS`].
pub struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGS.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// No worker finds anything to do.
async fn nothing_is_left(store: &dyn Store) {
    for work in [
        Work::Issue,
        Work::Reconcile,
        Work::Suspend,
        Work::Resume,
        Work::End,
        Work::Sweep,
        Work::CloseReveal,
        Work::Release,
        Work::Change,
        Work::Renew,
    ] {
        let claimed = store
            .claim_grant(work, Duration::ZERO)
            .await
            .expect("it answers");
        assert!(
            claimed.is_none(),
            "nothing is left to {work:?}: {claimed:?}"
        );
    }
}

impl World {
    /// No undelivered message, no open lease, no unexpected request, books equal to the provider's
    /// state, a whole audit chain, and no secret anywhere but in its own delivery.
    pub async fn finish(&mut self) {
        self.later(LATE_BILLING).await;
        if self.has_used_aws() {
            // What S3 bills comes later than that.
            self.later(Duration::from_mins(20)).await;
        }
        if !self.slice_pods().is_empty() {
            self.all_pods_are_billed().await;
        }
        let violations = self.sandbox.wire.violations();
        assert!(
            violations.is_empty(),
            "the bot spoke as it should: {violations:#?}"
        );
        self.nothing_foreign_is_alive();
        let store = self.bot().desk.store.clone();
        let backlog = store.backlog().await.expect("the database answers");
        assert_eq!(backlog.0, 0, "no message waits: {backlog:?}");
        let missed = undelivered(&self.database_url).await;
        assert!(
            missed.is_empty() || self.may_miss,
            "every message arrived, but: {missed:?}"
        );
        nothing_is_left(store.as_ref()).await;
        let org = self.org().await;
        let desk = &self.bot().desk;
        let unread = desk
            .read_usage(org, None)
            .await
            .expect("the database answers");
        let mut grants = vec![];
        for row in store.members(org).await.expect("the database answers") {
            let more = store
                .grants(org, row.id, 10_000)
                .await
                .expect("the database answers");
            assert!(
                row.budget.spent >= Money::ZERO,
                "nobody spent less than nothing"
            );
            grants.extend(more);
        }
        if unread.is_empty() {
            self.compare(&grants);
            self.compare_aws(&grants).await;
            self.compare_pods(&grants);
        }
        let proven = store.verify(org, None).await.expect("the database answers");
        proven.expect("the audit chain is whole");
        self.look_for_secrets().await;
    }

    /// Slice mentions people, bound groups and channels; nothing else is ever alive in what it says:
    /// no broadcast, no link, nobody whom it does not know.
    fn nothing_foreign_is_alive(&self) {
        let ours = |alive: &&String| {
            ["user @", "group @", "role @", "channel #"]
                .iter()
                .any(|mark| alive.starts_with(mark))
                && !alive.contains("U999999999")
        };
        let alive: Vec<_> = self.towns().flat_map(Town::alive_markup).collect();
        let foreign: Vec<_> = alive.iter().filter(|alive| !ours(alive)).collect();
        assert!(foreign.is_empty(), "alive, and not ours: {foreign:?}");
    }

    /// The books and the provider say the same.
    fn compare(&self, grants: &[Grant]) {
        let live = self.standing_keys();
        for grant in grants
            .iter()
            .filter(|grant| grant.service.as_str() == "openrouter")
        {
            for key in &grant.keys {
                let id = key.provider_id.as_deref().unwrap_or_default();
                let there = live.iter().find(|there| there.hash == id);
                let name = format!("grant {} key {}", grant.number, key.attempt);
                match (grant.state, key.state) {
                    (State::Active, KeyState::Armed) => {
                        let there = there.unwrap_or_else(|| panic!("{name} exists"));
                        assert_eq!(there.limit_micros, Some(key.armed_cap.micros()), "{name}");
                        assert_eq!(there.usage_micros, key.usage.micros(), "{name}");
                        assert!(!there.disabled, "{name} can spend");
                    }
                    // One that another key took the place of goes when its last bill is in.
                    (State::Suspended(_) | State::Active, KeyState::Disabled) => {
                        let there = there.unwrap_or_else(|| panic!("{name} exists"));
                        assert_eq!(there.usage_micros, key.usage.micros(), "{name}");
                        assert!(there.disabled, "{name} can't spend");
                    }
                    (_, KeyState::Gone) => assert!(there.is_none(), "{name} is gone"),
                    (state, key) => panic!("{name} stands still at {state}, {key:?}"),
                }
            }
        }
        for key in live.iter().filter(|key| key.name.starts_with("slice/")) {
            let known = grants.iter().flat_map(|grant| &grant.keys);
            let known = known.filter(|known| known.provider_id.as_deref() == Some(&key.hash));
            assert_eq!(known.count(), 1, "{} is in the books", key.name);
        }
    }

    /// A user that can do something is behind each active grant, and behind nothing else.
    async fn compare_aws(&self, grants: &[Grant]) {
        let there = self.keys_at_aws().await;
        let keys = grants.iter().flat_map(|grant| {
            let ours = grant.keys.iter().filter(|_| grant.service.as_str() == "s3");
            ours.map(move |key| (grant, key))
        });
        let mut users = 0;
        for (grant, key) in keys {
            let user = key.provider_id.as_deref();
            let found = there.iter().find(|there| there.user.as_deref() == user);
            let name = format!("grant {} key {}", grant.number, key.attempt);
            match (grant.state, key.state) {
                (State::Active, KeyState::Armed) => {
                    assert!(
                        found.is_some_and(|there| there.active),
                        "{name} can be used"
                    );
                }
                (State::Suspended(_), KeyState::Disabled) => {
                    assert!(
                        found.is_some_and(|there| !there.active),
                        "{name} can't be used"
                    );
                }
                (_, KeyState::Gone) => assert!(found.is_none() || user.is_none(), "{name} is gone"),
                (state, key) => panic!("{name} stands still at {state}, {key:?}"),
            }
            users += usize::from(found.is_some());
        }
        assert_eq!(users, there.len(), "each key at AWS is in the books");
        let facts = || {
            grants
                .iter()
                .flat_map(|grant| &grant.keys)
                .flat_map(|key| &key.facts)
        };
        for bucket in self.aws_buckets() {
            let known = facts().any(|(_, fact)| *fact == bucket.name);
            assert!(known, "the bucket {} is in the books", bucket.name);
        }
    }

    async fn look_for_secrets(&self) {
        let logs = logged_since(self.log_from);
        let database = database_bytes(&self.database_url).await;
        for secret in self.secrets() {
            for shape in shapes(&secret) {
                assert!(!holds(&logs, &shape), "a secret is in the logs");
                assert!(!holds(&database, &shape), "a secret is in the database");
            }
        }
        let sights = self.towns().flat_map(|town| town.sights_since(0));
        let sights: Vec<_> = sights.collect();
        for secret in self.handed_out() {
            let standing = sights
                .iter()
                .filter(|sight| sight.change != Change::Deleted);
            let shown = standing.filter(|sight| sight.text.contains(&secret));
            assert!(shown.count() <= 1, "a key is seen once at the most");
            assert!(
                sights
                    .iter()
                    .filter(|sight| !matches!(sight.place, Place::Ephemeral(_)))
                    .all(|sight| !sight.notification.contains(&secret)),
                "no notification holds a key"
            );
        }
        let (master, pods) = (crate::world::MASTER, crate::world::pods::RUNPOD_MASTER);
        for secret in [master, pods, crate::world::VAULT_KEY] {
            // A form that closed tells what its person had typed into it.
            let mut standing = sights.iter().filter(|one| one.change != Change::Deleted);
            assert!(
                standing.all(|sight| !sight.text.contains(secret)),
                "nobody sees it again"
            );
        }
    }
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

pub fn logged_since(from: usize) -> Vec<u8> {
    LOGS.lock().unwrap_or_else(PoisonError::into_inner)[from..].to_vec()
}

/// Where the log ends now: a world looks for its secrets from here on.
pub fn log_end() -> usize {
    LOGS.lock().unwrap_or_else(PoisonError::into_inner).len()
}

/// A secret raw, in hex, and in base64 at each of its three alignments.
fn shapes(secret: &str) -> Vec<Vec<u8>> {
    let raw = secret.as_bytes().to_vec();
    let mut shapes = vec![raw.clone(), hex::encode(&raw).into_bytes()];
    for pad in 0..3 {
        let padded: Vec<u8> = std::iter::repeat_n(0, pad)
            .chain(raw.iter().copied())
            .collect();
        let coded = STANDARD.encode(padded).into_bytes();
        shapes.push(coded[(pad * 8).div_ceil(6)..coded.len() - 4].to_vec());
    }
    shapes
}

/// Everything that the database holds, as bytes.
/// Why messages never arrived, each reason once.
async fn undelivered(url: &str) -> Vec<String> {
    const WHY: &str = "SELECT DISTINCT undeliverable FROM outbox WHERE undeliverable IS NOT NULL \
        ORDER BY undeliverable";
    let rows: Vec<(String,)> = if url.starts_with("sqlite:") {
        let pool = sqlx::SqlitePool::connect(url)
            .await
            .expect("the database opens");
        let rows = sqlx::query_as(WHY).fetch_all(&pool).await.expect("rows");
        pool.close().await;
        rows
    } else {
        let pool = sqlx::PgPool::connect(url)
            .await
            .expect("the database answers");
        let rows = sqlx::query_as(WHY).fetch_all(&pool).await.expect("rows");
        pool.close().await;
        rows
    };
    rows.into_iter().map(|(why,)| why).collect()
}

pub async fn database_bytes(url: &str) -> Vec<u8> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let files = ["", "-wal"].map(|ending| std::fs::read(format!("{path}{ending}")));
        let files: Vec<_> = files.into_iter().flatten().collect();
        return files.concat();
    }
    let pool = sqlx::PgPool::connect(url)
        .await
        .expect("the database answers");
    let tables =
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
    let tables = sqlx::query(tables)
        .fetch_all(&pool)
        .await
        .expect("tables are listed");
    let mut bytes = vec![];
    for table in tables {
        let name: String = table.get(0);
        let all = sqlx::AssertSqlSafe(format!("SELECT t::text FROM \"{name}\" t"));
        for row in sqlx::query(all)
            .fetch_all(&pool)
            .await
            .expect("rows are read")
        {
            let text: String = row.get(0);
            bytes.extend(text.into_bytes());
            bytes.push(b'\n');
        }
    }
    pool.close().await;
    bytes
}
