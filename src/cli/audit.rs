//! `slice audit`: the trail, proven and printed.

use super::{Failure, Format, said, which_org};
use crate::store::SqlStore;
use slice_core::{
    ids::OrgId,
    ports::{AuditQuery, AuditRow, Store},
};
use std::{
    fs::File,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

/// So many events are in memory at once.
const PAGE: i64 = 1_000;

pub async fn verify(
    store: &SqlStore,
    org: Option<OrgId>,
    published: Option<&str>,
) -> Result<ExitCode, Failure> {
    let org = which_org(store, org).await?;
    match store.verify(org, published).await.map_err(said)? {
        Ok((events, head)) => {
            println!("{events} events are proven: none was altered, removed or inserted.");
            println!(
                "The chain's head is {head}. Keep it: `slice audit verify --head` proves later that \
                 the trail still holds all that it held now, even against an older backup."
            );
            Ok(ExitCode::SUCCESS)
        }
        Err(broken) => {
            println!("The audit trail of org {org} is broken: {broken}.");
            Ok(ExitCode::FAILURE)
        }
    }
}

pub(super) async fn export(
    store: &SqlStore,
    org: Option<OrgId>,
    format: Format,
    to: Option<PathBuf>,
) -> Result<ExitCode, Failure> {
    let org = which_org(store, org).await?;
    let mut out: Box<dyn Write + Send> = match to {
        Some(path) => Box::new(File::create(path)?),
        None => Box::new(io::stdout()),
    };
    // The trail is read newest first, page by page, and printed oldest first.
    let mut rows: Vec<AuditRow> = vec![];
    let mut query = AuditQuery {
        metering: true,
        limit: PAGE,
        ..AuditQuery::default()
    };
    loop {
        let page = store.audit(org, &query).await.map_err(said)?;
        let Some(last) = page.last() else { break };
        query.before = Some(last.seq);
        rows.extend(page);
    }
    rows.reverse();
    let text = match format {
        Format::Csv => slice_commands::export::csv(&rows),
        Format::Jsonl => slice_commands::export::jsonl(&rows),
    };
    out.write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
