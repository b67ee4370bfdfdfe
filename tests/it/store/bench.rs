//! An org with two people, a vault and a clock that stands still.

use crate::postgres::{Kind, TestDatabase};
use slice::{
    clock::SystemClock,
    store::SqlStore,
    vault::{KeyVault, VaultKey},
};
use slice_core::{
    allocations,
    books::{Entry, GrantRef, Scope},
    budget::{Ask, Budget},
    event::{Actor, Event},
    grant::{Grant, State},
    ids::{Identity, MemberId, OrgId, PlatformName, ServiceName, UserId, Workspace, WorkspaceId},
    life::Life,
    money::Money,
    ports::{Clock, Store, Vault},
    refusal::Refusal,
    requests::{self, Opened, Request},
    secret::Secret,
    steps,
    time::Time,
    vault::SealOwner,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// 2026-11-23 12:00 UTC.
pub const NOON: i64 = 1_795_435_200_000_000;

/// Time as the test says; real chance.
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn at(micros: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(micros)))
    }

    pub fn pass(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).expect("a short time");
        self.0.fetch_add(micros, Ordering::Relaxed);
    }

    pub fn back(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).expect("a short time");
        self.0.fetch_sub(micros, Ordering::Relaxed);
    }

    pub fn set(&self, micros: i64) {
        self.0.store(micros, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::Relaxed))
    }

    fn random(&self, bytes: &mut [u8]) {
        SystemClock.random(bytes);
    }
}

pub struct Bench {
    pub store: Arc<SqlStore>,
    pub clock: Arc<TestClock>,
    pub vault: Arc<KeyVault>,
    pub database: TestDatabase,
    pub org: OrgId,
    pub olga: MemberId,
    pub ana: MemberId,
}

pub fn key_vault(clock: &Arc<TestClock>) -> Arc<KeyVault> {
    Arc::new(KeyVault::new(
        VaultKey::generate(&SystemClock),
        clock.clone(),
    ))
}

pub fn workspace(id: &str) -> Workspace {
    Workspace {
        platform: PlatformName::Slack,
        id: WorkspaceId::new(id),
    }
}

pub fn identity(user: &str) -> Identity {
    Identity {
        workspace: workspace("T1"),
        user: UserId::new(user),
    }
}

pub fn service() -> ServiceName {
    ServiceName::new("openrouter")
}

pub fn dollars(dollars: i64) -> Money {
    Money::from_dollars(dollars)
}

impl Bench {
    /// Ana has $100 a month, and there is a master key.
    pub async fn on(database: TestDatabase) -> Self {
        let clock = TestClock::at(NOON);
        let vault = key_vault(&clock);
        let store = SqlStore::open(database.url(), clock.clone(), vault.clone()).await;
        let store = Arc::new(store.expect("an open database"));
        store.migrate().await.expect("a migrated database");
        let (org, opened) = store.open_org(&workspace("T1")).await.expect("an org");
        assert!(opened);
        let olga = store.member(org, &identity("OLGA")).await.expect("olga");
        let ana = store.member(org, &identity("ANA")).await.expect("ana");
        let bench = Self {
            store,
            clock,
            vault,
            database,
            org,
            olga,
            ana,
        };
        bench.add_master().await;
        bench.allocate(dollars(100)).await.expect("an allocation");
        bench
    }

    /// Another process on the same database: what the first one only knew is gone.
    pub async fn restart(&mut self) {
        let (url, clock) = (self.database.url(), self.clock.clone());
        let store = SqlStore::open(url, clock, self.vault.clone()).await;
        self.store = Arc::new(store.expect("an open database"));
    }

    pub async fn add_master(&self) {
        let (org, vault) = (self.org, self.vault.clone());
        let added = self.by(self.olga, None, move |books| {
            let (service, version) = (service(), 1);
            let owner = SealOwner::Master {
                org,
                service: service.clone(),
                version,
            };
            let secret = Secret::new("sk-or-master".into());
            let seal = vault
                .seal(&books.org.data_key, &owner, &secret)
                .expect("a seal");
            let (last4, fingerprint) = ("ster".into(), "0123456789abcdef".into());
            let added = Event::MasterAdded {
                service,
                version,
                last4,
                fingerprint,
            };
            Ok((Entry::event(added).seal(owner, seal), ()))
        });
        added.await.expect("a master key");
    }

    /// Records as a member, about ana or one of her grants.
    pub async fn by<T: Send>(
        &self,
        who: MemberId,
        grant: Option<i64>,
        decide: impl FnOnce(&slice_core::books::Books) -> Result<(Entry, T), Refusal> + Send,
    ) -> Result<(Entry, T), Refusal> {
        let mut scope = Scope::new(self.org, Actor::Member(who)).member(self.ana);
        scope.grant = grant.map(GrantRef::Number);
        self.record(scope, decide).await
    }

    pub async fn record<T: Send>(
        &self,
        scope: Scope,
        decide: impl FnOnce(&slice_core::books::Books) -> Result<(Entry, T), Refusal> + Send,
    ) -> Result<(Entry, T), Refusal> {
        let mut found = None;
        let slot = &mut found;
        let decide = Box::new(move |books: &slice_core::books::Books| {
            let (entry, value) = decide(books)?;
            *slot = Some(value);
            Ok(entry)
        });
        let entry = self.store.record(scope, decide).await?;
        Ok((entry, found.expect("a decision was made")))
    }

    pub async fn allocate(&self, to: Money) -> Result<(), Refusal> {
        let allocate = self.by(self.olga, None, |books| allocations::allocate(books, to));
        allocate.await.map(drop)
    }

    pub fn request(&self, cap: Money) -> Request {
        Request {
            member: self.ana,
            service: service(),
            ask: Ask {
                cap,
                life: Life::from_days(7),
                service_min: dollars(1),
            },
            terms: None,
            wants: vec![],
            caution: None,
            name: Some("notebook".into()),
            reason: Some("for the demo".into()),
            asks_for_whole: true,
            monthly: false,
            lender: None,
        }
    }

    pub async fn provision(&self, cap: Money) -> Result<(Entry, Opened), Refusal> {
        let request = self.request(cap);
        self.by(self.ana, None, move |books| requests::open(books, &request))
            .await
    }

    /// A grant whose key is active, with a seal.
    pub async fn activate(&self, cap: i64) -> i64 {
        let (_, opened) = self.provision(dollars(cap)).await.expect("a grant");
        let number = opened.number;
        let slice = self.olga;
        let (_, attempt) = self
            .by(slice, Some(number), |books| steps::intend(books, None))
            .await
            .expect("intended");
        let (org, vault) = (self.org, self.vault.clone());
        let minted = self.by(slice, Some(number), move |books| {
            let grant = books.grant.as_ref().expect("the grant").id;
            let owner = SealOwner::Key {
                org,
                grant,
                attempt,
            };
            let secret = Secret::new("sk-or-v1-of-a-test".into());
            let seal = vault
                .seal(&books.org.data_key, &owner, &secret)
                .expect("a seal");
            Ok((
                steps::minted(books, attempt, ("provider's", vec![]), seal)?,
                (),
            ))
        });
        minted.await.expect("minted");
        let armed = self.by(slice, Some(number), move |books| {
            let grant = books.grant.as_ref().expect("the grant");
            let events = [
                Event::KeyArmed {
                    grant: grant.id,
                    attempt,
                    cap: grant.cap,
                    ends_at: steps::ends_at(books, grant, None),
                    reveal_by: None,
                },
                Event::GrantMoved {
                    grant: grant.id,
                    from: grant.state,
                    to: State::Active,
                    by: None,
                    why: None,
                },
            ];
            let entry = Entry {
                events: events.into(),
                ..Entry::default()
            };
            Ok((entry, ()))
        });
        armed.await.expect("armed");
        number
    }

    pub async fn grant(&self, number: i64) -> Grant {
        let grants = self
            .store
            .grants(self.org, self.ana, 1000)
            .await
            .expect("grants");
        let grant = grants.into_iter().find(|grant| grant.number == number);
        grant.expect("a grant of that number")
    }

    pub async fn budget(&self) -> Budget {
        self.budget_of(self.ana).await
    }

    pub async fn budget_of(&self, who: MemberId) -> Budget {
        let members = self.store.members(self.org).await.expect("members");
        let found = members.into_iter().find(|member| member.id == who);
        found.expect("a member").budget
    }

    pub async fn proven(&self) -> i64 {
        let verified = self.store.verify(self.org, None).await.expect("an answer");
        verified.expect("a whole chain").0
    }

    /// What no statement of the store does.
    pub async fn by_hand(&self, sql: &'static str) -> Result<(), sqlx::Error> {
        use sqlx::Connection as _;
        let url = self.database.url();
        if url.starts_with("sqlite") {
            let mut connection = sqlx::SqliteConnection::connect(url).await?;
            sqlx::raw_sql(sql).execute(&mut connection).await.map(drop)
        } else {
            let mut connection = sqlx::PgConnection::connect(url).await?;
            sqlx::raw_sql(sql).execute(&mut connection).await.map(drop)
        }
    }

    pub async fn break_triggers(&self) {
        let sql = if self.database.kind() == Kind::Sqlite {
            "DROP TRIGGER audit_refuses_update; DROP TRIGGER audit_refuses_delete"
        } else {
            "ALTER TABLE audit DISABLE TRIGGER USER"
        };
        self.by_hand(sql).await.expect("no triggers any more");
    }
}
