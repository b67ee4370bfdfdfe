//! Opening and migrating databases, and the statements themselves.

use super::bench::{Bench, NOON, TestClock, key_vault};
use crate::postgres::{Kind, TestDatabase};
use slice::store::{OpenError, SqlStore, statements};
use slice_core::{audit::Broken, ports::Store as _};
use sqlx::{Connection as _, Executor as _, SqlSafeStr as _};

pub async fn every_statement_prepares_on_every_database(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let url = bench.database.url();
    for (name, sql) in statements() {
        let sql = (*sql).into_sql_str();
        let prepared = if bench.database.kind() == Kind::Sqlite {
            let mut connection = sqlx::SqliteConnection::connect(url).await.expect("SQLite");
            connection.prepare(sql).await.map(drop)
        } else {
            let mut connection = sqlx::PgConnection::connect(url).await.expect("PostgreSQL");
            connection.prepare(sql).await.map(drop)
        };
        assert!(
            prepared.is_ok(),
            "{name} on {}: {prepared:?}",
            bench.database.kind()
        );
    }
}

pub async fn migrating_twice_and_at_once_is_migrating_once(database: TestDatabase) {
    let clock = TestClock::at(NOON);
    let vault = key_vault(&clock);
    let open = || SqlStore::open(database.url(), clock.clone(), vault.clone());
    let (one, two) = (open().await.expect("open"), open().await.expect("open"));
    assert!(!one.is_current().await.expect("an answer"));
    let (first, second) = tokio::join!(one.migrate(), two.migrate());
    first.expect("migrated");
    second.expect("migrated");
    one.migrate().await.expect("migrated again");
    assert!(two.is_current().await.expect("an answer"));
}

pub async fn a_newer_database_is_refused(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let newer = "INSERT INTO _sqlx_migrations \
            (version, description, success, checksum, execution_time) \
            SELECT 999, 'later', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
    bench.by_hand(newer).await.expect("a later migration");
    let (clock, vault) = (bench.clock.clone(), bench.vault.clone());
    let opened = SqlStore::open(bench.database.url(), clock, vault).await;
    let why = opened.err().expect("a refusal");
    assert!(matches!(why, OpenError::Newer { found: 999, .. }), "{why}");
    assert!(why.to_string().contains("newer than this program"));
    let migrated = bench.store.migrate().await;
    assert!(
        matches!(migrated, Err(OpenError::Newer { .. })),
        "{migrated:?}"
    );
}

pub async fn another_vault_key_is_refused_by_name(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let other = key_vault(&bench.clock);
    let opened = SqlStore::open(bench.database.url(), bench.clock.clone(), other.clone()).await;
    let why = opened.err().expect("a refusal").to_string();
    assert!(
        why.contains(bench.vault.key_id()) && why.contains(other.key_id()),
        "{why}"
    );
    let (clock, vault) = (bench.clock.clone(), bench.vault.clone());
    let opened = SqlStore::open(bench.database.url(), clock, vault).await;
    assert!(opened.is_ok());
}

pub async fn two_programs_that_start_with_two_keys_do_not_both_start(database: TestDatabase) {
    let clock = TestClock::at(NOON);
    let open = |vault| SqlStore::open(database.url(), clock.clone(), vault);
    let one = open(key_vault(&clock)).await.expect("open");
    let two = open(key_vault(&clock)).await.expect("open");
    let (one, two) = tokio::join!(one.migrate(), two.migrate());
    assert_eq!(
        [one.is_ok(), two.is_ok()].iter().filter(|ok| **ok).count(),
        1
    );
}

pub async fn a_bad_address_is_named_and_not_repeated(_: TestDatabase) {
    let clock = TestClock::at(NOON);
    for url in [
        "mysql://root:hunter2@db/slice",
        "",
        "postgres://u:hunter2@127.0.0.1:1/x",
    ] {
        let opened = SqlStore::open(url, clock.clone(), key_vault(&clock)).await;
        let why = opened.err().expect("a refusal").to_string();
        assert!(!why.contains("hunter2"), "{why}");
    }
}

pub async fn the_trail_refuses_changes_and_shows_those_made_by_force(database: TestDatabase) {
    let bench = Bench::on(database).await;
    let (update, delete) = (
        "UPDATE audit SET event = '{\"kind\":\"org_opened\"}' WHERE seq = 5",
        "DELETE FROM audit WHERE seq = 5",
    );
    let count = bench.proven().await;
    assert!(count > 5);
    for change in [update, delete] {
        let refused = bench
            .by_hand(change)
            .await
            .expect_err("append-only")
            .to_string();
        assert!(refused.contains("append-only"), "{refused}");
    }
    assert_eq!(bench.proven().await, count);
    bench.break_triggers().await;
    bench.by_hand(update).await.expect("an altered row");
    let verified = bench
        .store
        .verify(bench.org, None)
        .await
        .expect("an answer");
    assert_eq!(verified, Err(Broken::Altered { seq: 5 }));
    bench.by_hand(delete).await.expect("a deleted row");
    let verified = bench
        .store
        .verify(bench.org, None)
        .await
        .expect("an answer");
    assert_eq!(verified, Err(Broken::Gap { after: 4, found: 6 }));
    bench
        .by_hand("DELETE FROM audit WHERE seq > 4")
        .await
        .expect("no tail");
    let verified = bench
        .store
        .verify(bench.org, None)
        .await
        .expect("an answer");
    assert_eq!(
        verified,
        Err(Broken::Head {
            counted: count,
            found: 4
        })
    );
}
