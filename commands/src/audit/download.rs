//! `audit export`: the whole trail as files in the owner's direct messages.

use crate::{
    export,
    grammar::{Call, Command},
};
use slice_core::{
    page::{Page, Text},
    ports::{AuditQuery, AuditRow},
    refusal::Refusal,
    reply::{Attachment, Reply},
    role::Role,
};

/// So many events are read at once.
const READ: i64 = 1_000;
/// More would not fit a chat's file; whoever runs Slice can export any number.
const EVENTS_MAX: usize = 50_000;

pub const COMMAND: Command = Command {
    examples: &["audit export"],
    ..Command::plain(
        "audit export",
        "The whole trail as CSV and JSON lines, in your DM",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let (store, org) = (&call.desk().store, call.caller().org);
    let proof = match store.verify(org, None).await? {
        Ok((events, head)) => Text::new(format!(
            "The trail of {events} events is whole: none was altered, removed or inserted. Its head \
             is "
        ))
        .code(head)
        .and("."),
        Err(broken) => Text::default().bold("The trail is broken").and(format!(
            ": {broken}. Whoever runs Slice should look at it with "
        ))
        .code("slice audit verify")
        .and("."),
    };
    let rows = all(&call).await?;
    let name = |kind: &str| format!("slice-audit-{}.{kind}", day(&rows));
    let people: Vec<_> = store.members(org).await?.iter().map(|row| row.id).collect();
    let names = store
        .users(org, call.caller().identity.workspace.platform, &people)
        .await?;
    let files = vec![
        Attachment {
            name: name("csv"),
            mime: "text/csv",
            content: export::csv_named(&rows, &names).into_bytes(),
            alt: None,
        },
        Attachment {
            name: name("jsonl"),
            mime: "application/jsonl",
            content: export::jsonl(&rows).into_bytes(),
            alt: None,
        },
    ];
    let text = Text::new(format!(
        "{} events are in two files in your DM. ",
        rows.len()
    ));
    Ok(Reply::File {
        files,
        page: Page::say(text.join(proof)),
    })
}

/// Every event, oldest first.
async fn all(call: &Call<'_>) -> Result<Vec<AuditRow>, Refusal> {
    let mut query = AuditQuery {
        metering: true,
        limit: READ,
        ..AuditQuery::default()
    };
    let mut rows: Vec<AuditRow> = vec![];
    loop {
        let page = call.desk().store.audit(call.caller().org, &query).await?;
        let Some(last) = page.last() else {
            break;
        };
        query.before = Some(last.seq);
        rows.extend(page);
        if EVENTS_MAX < rows.len() {
            return Err(Refusal::sentence(format!(
                "The trail has more than {EVENTS_MAX} events, too many for a file in chat. Whoever \
                 runs Slice can export it with slice audit export."
            )));
        }
    }
    rows.reverse();
    Ok(rows)
}

/// The day of the newest event: `2026-11-23`.
fn day(rows: &[AuditRow]) -> String {
    rows.last()
        .map(|row| row.at.rfc3339().chars().take(10).collect())
        .unwrap_or_default()
}
