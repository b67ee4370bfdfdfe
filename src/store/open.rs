//! Opening a database: it must be reachable, not newer than this program, and of this vault key.

use super::{
    SqlStore,
    db::{Db, Tx, values},
    failure::Failure,
    mend::Mended,
    sql,
};
use crate::vault::{KeyVault, Sealed};
use slice_core::{ports::Clock, vault::Seal};
use sqlx::{
    AssertSqlSafe, SqlSafeStr as _,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};
use std::{fmt, sync::Arc};

/// Why a database cannot be used. None of the texts holds its address, which may hold a password.
#[derive(Debug)]
pub enum OpenError {
    /// The address is neither `postgres://…` nor `sqlite:<path>`.
    BadUrl,
    /// There is no such file.
    Missing(String),
    /// The database does not answer, and what the driver says.
    Unreachable(String),
    /// A later program has changed it: the number of its last migration, and of our last.
    Newer { found: i64, known: i64 },
    /// Its seals were made with another vault key.
    VaultKey(Sealed),
    /// A migration failed or was altered.
    Migration(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadUrl => f.write_str(
                "DATABASE_URL is neither postgres://… nor sqlite:<path>. Leave it out for a file of \
                 Slice's own",
            ),
            Self::Missing(path) => write!(
                f,
                "there is no database at {path}: is DATABASE_URL the right one? `slice migrate` makes \
                 one there"
            ),
            Self::Unreachable(why) => write!(f, "the database does not answer: {why}"),
            Self::Newer { found, known } => write!(
                f,
                "the database is newer than this program: its schema is number {found}, and this \
                 Slice knows {known}. Start the newer Slice"
            ),
            Self::VaultKey(sealed) => write!(
                f,
                "the database was {sealed}. Start Slice with the key that this database was made \
                 with"
            ),
            Self::Migration(why) => write!(f, "the database cannot be brought up to date: {why}"),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<Failure> for OpenError {
    fn from(failure: Failure) -> Self {
        Self::Unreachable(failure.to_string())
    }
}

const SQLITE: &str = "sqlite";
const POSTGRES: &str = "postgres";

/// Number, name, and the text for each dialect; forward only.
const MIGRATIONS: &[(i64, &str, [&str; 2])] = &[
    (
        1,
        "books",
        [include_str!("../../migrations/0001_books.sql"); 2],
    ),
    (
        2,
        "append-only audit",
        [
            include_str!("../../migrations/sqlite/0002_append_only_audit.sql"),
            include_str!("../../migrations/postgres/0002_append_only_audit.sql"),
        ],
    ),
    (
        3,
        "installations",
        [include_str!("../../migrations/0003_installations.sql"); 2],
    ),
    (
        4,
        "leaving and linking",
        [include_str!("../../migrations/0004_leaving_and_linking.sql"); 2],
    ),
    (
        5,
        "drift",
        [include_str!("../../migrations/0005_drift.sql"); 2],
    ),
    (
        6,
        "days",
        [include_str!("../../migrations/0006_days.sql"); 2],
    ),
    (
        8,
        "metering",
        [include_str!("../../migrations/0008_metering.sql"); 2],
    ),
    (
        9,
        "terms",
        [include_str!("../../migrations/0009_terms.sql"); 2],
    ),
    (
        11,
        "ends",
        [include_str!("../../migrations/0011_ends.sql"); 2],
    ),
    (
        12,
        "calendar",
        [include_str!("../../migrations/0012_calendar.sql"); 2],
    ),
    (
        13,
        "changes",
        [include_str!("../../migrations/0013_changes.sql"); 2],
    ),
    (
        15,
        "homes",
        [include_str!("../../migrations/0015_homes.sql"); 2],
    ),
    (
        17,
        "warnings",
        [include_str!("../../migrations/0017_warnings.sql"); 2],
    ),
    (
        18,
        "strays",
        [include_str!("../../migrations/0018_strays.sql"); 2],
    ),
    (
        20,
        "leftovers",
        [include_str!("../../migrations/0020_leftovers.sql"); 2],
    ),
    (
        24,
        "service options",
        [include_str!("../../migrations/0024_service_options.sql"); 2],
    ),
    (
        25,
        "reveal by",
        [include_str!("../../migrations/0025_reveal_by.sql"); 2],
    ),
    (
        26,
        "attempts",
        [include_str!("../../migrations/0026_attempts.sql"); 2],
    ),
    (
        28,
        "digest",
        [include_str!("../../migrations/0028_digest.sql"); 2],
    ),
    (
        29,
        "unread keys",
        [include_str!("../../migrations/0029_unread_keys.sql"); 2],
    ),
    (
        30,
        "refused changes",
        [include_str!("../../migrations/0030_refused_changes.sql"); 2],
    ),
    (
        31,
        "read keys",
        [include_str!("../../migrations/0031_read_keys.sql"); 2],
    ),
    (
        33,
        "discarded leftovers",
        [include_str!("../../migrations/0033_discarded_leftovers.sql"); 2],
    ),
    (
        34,
        "carried over",
        [include_str!("../../migrations/0034_carried.sql"); 2],
    ),
];

/// The number of the last migration, and the text of each for a dialect: `sqlite` or `postgres`.
pub fn migrations(dialect: &str) -> Vec<(i64, &'static str)> {
    let which = usize::from(dialect == POSTGRES);
    MIGRATIONS
        .iter()
        .map(|(number, _, texts)| (*number, texts[which]))
        .collect()
}

fn migrator(dialect: &str) -> Migrator {
    let names = MIGRATIONS.iter().map(|(_, name, _)| *name);
    let migration = |((number, text), name): ((i64, &'static str), &'static str)| {
        let text = AssertSqlSafe(text).into_sql_str();
        Migration::new(number, name.into(), MigrationType::Simple, text, false)
    };
    let migrations = migrations(dialect).into_iter().zip(names).map(migration);
    Migrator::with_migrations(migrations.collect())
}

fn known() -> i64 {
    MIGRATIONS
        .iter()
        .map(|(number, ..)| *number)
        .max()
        .unwrap_or(0)
}

fn sqlite_path(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite:")?;
    Some(path.strip_prefix("//").unwrap_or(path))
}

impl SqlStore {
    /// Makes the file of `sqlite:<path>` where there is none; it is its owner's alone, whatever the
    /// umask says, and the log beside it takes the same rights.
    pub fn make(url: &str) -> Result<(), OpenError> {
        use std::{fs::OpenOptions, io::ErrorKind::AlreadyExists, os::unix::fs::OpenOptionsExt};
        let Some(path) = sqlite_path(url) else {
            return Ok(());
        };
        let mut options = OpenOptions::new();
        let made = options.write(true).create_new(true).mode(0o600).open(path);
        match made {
            Err(error) if error.kind() != AlreadyExists => {
                Err(OpenError::Unreachable(error.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Opens `postgres://…` or `sqlite:<path>`. Changes nothing in it; [`SqlStore::migrate`] does.
    pub async fn open(
        url: &str,
        clock: Arc<dyn Clock>,
        vault: Arc<KeyVault>,
    ) -> Result<Self, OpenError> {
        let unreachable = |error: sqlx::Error| OpenError::Unreachable(error.to_string());
        let db = if let Some(path) = sqlite_path(url) {
            if !std::path::Path::new(path).exists() {
                return Err(OpenError::Missing(path.to_owned()));
            }
            Db::sqlite(path).await.map_err(unreachable)?
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Db::postgres(url).await.map_err(unreachable)?
        } else {
            return Err(OpenError::BadUrl);
        };
        let mended = Mended::default();
        let store = Self {
            db,
            clock,
            vault,
            mended,
        };
        let found = store.schema_version().await?;
        if known() < found {
            return Err(OpenError::Newer {
                found,
                known: known(),
            });
        }
        if 0 < found {
            store.check_vault().await?;
        }
        Ok(store)
    }

    /// Whether the database has every table that this program wants.
    pub async fn is_current(&self) -> Result<bool, OpenError> {
        Ok(self.schema_version().await? == known())
    }

    /// Brings the database up to date, and notes the vault key in a new one. Any number of
    /// processes may do it at once: they wait for each other.
    pub async fn migrate(&self) -> Result<(), OpenError> {
        let migrated = match &self.db {
            Db::Postgres(pool) => migrator(POSTGRES).run(pool).await,
            // SQLite has no lock for migrators, so all of it is one transaction.
            Db::Sqlite { .. } => match self.db.write().await? {
                Tx::Sqlite(mut tx) => {
                    let run = migrator(SQLITE).run_direct(None, &mut *tx, false).await;
                    match run {
                        Ok(()) => tx.commit().await.map_err(MigrateError::from),
                        failed => failed,
                    }
                }
                Tx::Postgres(_) => Ok(()),
            },
        };
        migrated.map_err(|error| match error {
            MigrateError::VersionMissing(found) => OpenError::Newer {
                found,
                known: known(),
            },
            MigrateError::Execute(error) => OpenError::Unreachable(error.to_string()),
            other => OpenError::Migration(other.to_string()),
        })?;
        let probe = self.vault.probe().map_err(OpenError::VaultKey)?;
        let mut tx = self.db.write().await?;
        let row = values![self.vault.key_id(), probe.as_str()];
        tx.run(sql::NOTE_VAULT, row).await?;
        tx.commit().await?;
        self.check_vault().await
    }

    /// The number of the last migration; 0 in a new database.
    async fn schema_version(&self) -> Result<i64, OpenError> {
        let mut tx = self.db.read().await?;
        match tx.first(sql::SCHEMA_VERSION, vec![]).await {
            Ok(Some(row)) => Ok(row.int("version")?),
            Ok(None) => Ok(0),
            Err(Failure::Database(sqlx::Error::Database(error)))
                if error.code().as_deref() == Some("42P01")
                    || error.message().starts_with("no such table") =>
            {
                Ok(0)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// A database without the row was never migrated to the end: nothing is sealed in it.
    async fn check_vault(&self) -> Result<(), OpenError> {
        let mut tx = self.db.read().await?;
        let Some(row) = tx.first(sql::VAULT, vec![]).await? else {
            return Ok(());
        };
        let probe = Seal::new(row.text("probe")?);
        self.vault.check_probe(&probe).map_err(OpenError::VaultKey)
    }
}
