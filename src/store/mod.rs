//! The books on disk, on `SQLite` or `PostgreSQL`. Nothing outside this folder knows SQL.

mod apply;
mod books;
mod calendar;
mod changes;
mod db;
mod failure;
mod homes;
mod installs;
mod keys;
mod linking;
mod mend;
mod meters;
mod open;
mod outbox;
mod people;
mod port;
mod rows;
mod spending;
mod sql;
mod strays;
mod trail;
mod work;
mod writing;

pub use open::{OpenError, migrations};
pub use sql::all as statements;

use crate::vault::KeyVault;
use db::Db;
use slice_core::ports::Clock;
use std::sync::Arc;

/// The store: each public method of the port is one transaction.
pub struct SqlStore {
    db: Db,
    clock: Arc<dyn Clock>,
    vault: Arc<KeyVault>,
    mended: mend::Mended,
}

impl SqlStore {
    /// Bytes for the id of something new.
    fn fresh(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.clock.random(&mut bytes);
        bytes
    }

    /// Closes every connection, once the transactions under way are done.
    pub async fn close(&self) {
        self.db.close().await;
    }
}
