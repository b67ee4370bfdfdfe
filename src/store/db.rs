//! One text per statement over `SQLite` and `PostgreSQL`: two kinds of pool, a closed set of values.

use super::failure::{Done, Failure, wrong};
use slice_core::{
    ids::{ActionId, GrantId, MemberId, MessageId, OrgId, ServiceName, TextId},
    money::Money,
    month::Month,
    time::Time,
};
use sqlx::{
    Connection as _, PgConnection, PgPool, Postgres, Row as _, Sqlite, SqlitePool, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions, PgRow},
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
    },
};
use std::{str::FromStr, time::Duration};

const READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 10;
/// A transaction that cannot begin for so long has not happened.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// A server that does not answer a start for so long is not there.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// `PostgreSQL` ends what takes longer, so that a lost client never keeps an org's row locked.
const POSTGRES_LIMITS: [(&str, &str); 2] = [
    ("statement_timeout", "30s"),
    ("idle_in_transaction_session_timeout", "60s"),
];

/// A database. `SQLite` has one writer: a connection of its own, where writers queue in their order.
pub(super) enum Db {
    Sqlite {
        readers: SqlitePool,
        writer: SqlitePool,
    },
    Postgres(PgPool),
}

/// A transaction; it is rolled back when dropped.
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// A value that a statement may be given. Nulls keep their type, so that nothing is inferred.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bool(bool),
}

macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::db::Value::from($value)),*] };
}
pub(super) use values;

macro_rules! value_from {
    ($($type:ty => $variant:ident, $convert:expr;)*) => { $(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(Some($convert(value)))
            }
        }
        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Self::$variant(value.map($convert))
            }
        }
    )* };
}
value_from! {
    i64 => Int, |value| value;
    Time => Int, Time::micros;
    Money => Int, Money::micros;
    String => Text, |value| value;
    &str => Text, |value: &str| value.to_owned();
    Month => Text, |value: Month| value.to_string();
    OrgId => Text, |value: OrgId| value.to_string();
    MemberId => Text, |value: MemberId| value.to_string();
    GrantId => Text, |value: GrantId| value.to_string();
    ActionId => Text, |value: ActionId| value.to_string();
    MessageId => Text, |value: MessageId| value.to_string();
    TextId => Text, |value: TextId| value.to_string();
    &ServiceName => Text, |value: &ServiceName| value.as_str().to_owned();
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// `SQLite` would take a missing value as null and a NUL as text; `PostgreSQL` would take neither.
fn check(sql: &str, values: &[Value]) -> Done<()> {
    let wanted = sql.split('$').skip(1).filter_map(|rest| {
        let end = rest.find(|letter: char| !letter.is_ascii_digit());
        rest[..end.unwrap_or(rest.len())].parse::<usize>().ok()
    });
    if wanted.max().unwrap_or(0) != values.len() {
        return wrong(format!(
            "a statement got {} values, and wants others: {sql}",
            values.len()
        ));
    }
    let nul = |value: &Value| matches!(value, Value::Text(Some(text)) if text.contains('\0'));
    if values.iter().any(nul) {
        return wrong("a text holds a NUL character");
    }
    Ok(())
}

macro_rules! bound {
    ($sql:expr, $values:expr) => {{
        let mut query = sqlx::query($sql);
        for value in $values {
            query = match value {
                Value::Int(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
                Value::Bool(value) => query.bind(value),
            };
        }
        query
    }};
}

impl Db {
    pub(super) async fn sqlite(path: &str) -> sqlx::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(WAIT_MAX)
            // What was erased shall not stand in free pages.
            .pragma("secure_delete", "on")
            .foreign_keys(true);
        let pool = |size| {
            SqlitePoolOptions::new()
                .max_connections(size)
                .acquire_timeout(WAIT_MAX)
        };
        let writer = pool(1).connect_with(options.clone()).await?;
        let readers = pool(READERS).connect_with(options).await?;
        Ok(Self::Sqlite { readers, writer })
    }

    pub(super) async fn postgres(url: &str) -> sqlx::Result<Self> {
        let options = url.parse::<PgConnectOptions>()?.options(POSTGRES_LIMITS);
        // The pool would try a server that refuses for as long as a transaction may wait.
        let first = tokio::time::timeout(CONNECT_MAX, PgConnection::connect_with(&options));
        let first = first.await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        first?.close().await?;
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(WAIT_MAX);
        Ok(Self::Postgres(pool.connect_lazy_with(options)))
    }

    /// A transaction that may write.
    pub(super) async fn write(&self) -> Done<Tx> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// A transaction that sees one instant of the database, and writes nothing.
    pub(super) async fn read(&self) -> Done<Tx> {
        const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        Ok(match self {
            Self::Sqlite { readers, .. } => Tx::Sqlite(readers.begin().await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin_with(SNAPSHOT).await?),
        })
    }

    /// Folds what was erased out of the write-ahead log too. What a reader still holds open goes with
    /// the next checkpoint.
    pub(super) async fn forget_pages(&self) {
        if let Self::Sqlite { writer, .. } = self {
            let folded = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
                .execute(writer)
                .await;
            if let Err(error) = folded {
                tracing::warn!(%error, "The write-ahead log could not be folded");
            }
        }
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Runs it; gives how many rows it wrote.
    pub(super) async fn run(&mut self, sql: &'static str, values: Vec<Value>) -> Done<u64> {
        check(sql, &values)?;
        Ok(match self {
            Self::Sqlite(tx) => bound!(sql, values)
                .execute(&mut **tx)
                .await?
                .rows_affected(),
            Self::Postgres(tx) => bound!(sql, values)
                .execute(&mut **tx)
                .await?
                .rows_affected(),
        })
    }

    /// Runs what must write just one row; anything else is an error that names what was written.
    pub(super) async fn one(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
        what: &str,
    ) -> Done<()> {
        match self.run(sql, values).await? {
            1 => Ok(()),
            rows => wrong(format!("{what} is not what the books show ({rows} rows)")),
        }
    }

    pub(super) async fn all(&mut self, sql: &'static str, values: Vec<Value>) -> Done<Vec<Row>> {
        check(sql, &values)?;
        Ok(match self {
            Self::Sqlite(tx) => {
                let rows = bound!(sql, values).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(tx) => {
                let rows = bound!(sql, values).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    pub(super) async fn first(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Done<Option<Row>> {
        Ok(self.all(sql, values).await?.into_iter().next())
    }

    pub(super) async fn commit(self) -> Done<()> {
        let committed = match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        };
        committed.map_err(Failure::Commit)
    }
}

/// A row, read by the names of its columns.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

macro_rules! column {
    ($row:expr, $column:expr) => {
        match $row {
            Row::Sqlite(row) => row.try_get($column)?,
            Row::Postgres(row) => row.try_get($column)?,
        }
    };
}

impl Row {
    pub(super) fn int(&self, column: &str) -> Done<i64> {
        Ok(column!(self, column))
    }

    pub(super) fn maybe_int(&self, column: &str) -> Done<Option<i64>> {
        Ok(column!(self, column))
    }

    pub(super) fn flag(&self, column: &str) -> Done<bool> {
        Ok(column!(self, column))
    }

    pub(super) fn text(&self, column: &str) -> Done<String> {
        Ok(column!(self, column))
    }

    pub(super) fn maybe_text(&self, column: &str) -> Done<Option<String>> {
        Ok(column!(self, column))
    }

    pub(super) fn money(&self, column: &str) -> Done<Money> {
        self.int(column).map(Money::from_micros)
    }

    pub(super) fn time(&self, column: &str) -> Done<Time> {
        self.int(column).map(Time::from_micros)
    }

    pub(super) fn maybe_time(&self, column: &str) -> Done<Option<Time>> {
        Ok(self.maybe_int(column)?.map(Time::from_micros))
    }

    pub(super) fn parsed<T: FromStr>(&self, column: &str) -> Done<T> {
        parse(column, &self.text(column)?)
    }

    pub(super) fn maybe_parsed<T: FromStr>(&self, column: &str) -> Done<Option<T>> {
        let text = self.maybe_text(column)?;
        text.map(|text| parse(column, &text)).transpose()
    }

    /// A word of one of our closed lists.
    pub(super) fn word<T>(&self, column: &str, list: fn(&str) -> Option<T>) -> Done<T> {
        match list(&self.text(column)?) {
            Some(word) => Ok(word),
            None => wrong(format!(
                "column {column} holds a word that Slice does not know"
            )),
        }
    }
}

fn parse<T: FromStr>(column: &str, text: &str) -> Done<T> {
    match text.parse() {
        Ok(value) => Ok(value),
        Err(_) => wrong(format!(
            "column {column} holds what Slice never writes there"
        )),
    }
}
