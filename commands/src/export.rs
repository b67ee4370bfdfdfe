//! The audit trail as CSV and JSON lines. Events hold ids and numbers, so neither can hold a secret.

use slice_core::{
    event::Actor,
    ids::{Identity, MemberId},
    page::{Span, Text},
    ports::AuditRow,
    trail,
};

const COLUMNS: [&str; 9] = [
    "number", "at", "actor", "event", "grant", "what", "member", "data", "mac",
];

/// Comma-separated values with a line of names, members by our ids.
pub fn csv(rows: &[AuditRow]) -> String {
    csv_named(rows, &[])
}

/// The same, with members as they are known on a platform, where they are.
pub fn csv_named(rows: &[AuditRow], names: &[(MemberId, Identity)]) -> String {
    let mut text = line(&COLUMNS.map(str::to_owned));
    for row in rows {
        let event = serde_json::to_value(&row.event).unwrap_or_default();
        let kind = event
            .get("kind")
            .and_then(|kind| kind.as_str())
            .unwrap_or_default();
        let actor = match row.actor {
            Actor::Member(member) => name(member, names),
            Actor::Slice => "slice".into(),
            Actor::Operator => "operator".into(),
        };
        text.push_str(&line(&[
            row.seq.to_string(),
            row.at.rfc3339(),
            actor,
            kind.to_owned(),
            row.grant.map(|grant| grant.to_string()).unwrap_or_default(),
            plain(&trail::sentence(row), names),
            row.event
                .member()
                .map(|member| name(member, names))
                .unwrap_or_default(),
            event.to_string(),
            row.mac.clone(),
        ]));
    }
    text
}

/// One JSON object per line.
pub fn jsonl(rows: &[AuditRow]) -> String {
    let object = |row: &AuditRow| {
        let object = serde_json::json!({
            "number": row.seq,
            "at": row.at.rfc3339(),
            "at_micros": row.at.micros(),
            "actor": row.actor,
            "event": row.event,
            "grant": row.grant,
            "texts": row.texts,
            "mac": row.mac,
        });
        format!("{object}\n")
    };
    rows.iter().map(object).collect()
}

fn name(member: MemberId, names: &[(MemberId, Identity)]) -> String {
    let known = names.iter().find(|(known, _)| *known == member);
    known.map_or_else(
        || member.to_string(),
        |(_, identity)| identity.user.to_string(),
    )
}

fn plain(text: &Text, names: &[(MemberId, Identity)]) -> String {
    let spans = text.0.iter().map(|span| match span {
        Span::Plain(text) | Span::Bold(text) | Span::Code(text) => text.clone(),
        Span::Member(member) => name(*member, names),
        Span::Channel(channel) => channel.to_string(),
        Span::Group(group) => format!("{} {}", group.kind.word(), group.id),
        Span::Time(time) => time.rfc3339(),
    });
    spans.collect()
}

fn line(cells: &[String]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| self::cell(cell)).collect();
    format!("{}\r\n", cells.join(","))
}

/// A quoted cell. One that a spreadsheet would run as a formula is defused by an apostrophe.
fn cell(text: &str) -> String {
    let runs =
        text.trim_start().starts_with(['=', '+', '-', '@']) || text.starts_with(['\t', '\r']);
    let guard = if runs { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use slice_core::{event::Event, time::Time};

    #[test]
    fn formulas_are_defused_and_quotes_doubled() {
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
        assert_eq!(cell(" @SUM(A1)"), "\"' @SUM(A1)\"");
        assert_eq!(cell("say \"hi\"\nthere"), "\"say \"\"hi\"\"\nthere\"");
        assert_eq!(cell("plain"), "\"plain\"");
    }

    #[test]
    fn both_files_tell_every_event() {
        let row = AuditRow {
            seq: 1,
            at: Time::from_micros(0),
            actor: Actor::Slice,
            event: Event::OrgOpened,
            grant: None,
            texts: vec!["=cmd".into()],
            mac: "00".into(),
        };
        let rows = [row.clone(), AuditRow { seq: 2, ..row }];
        assert_eq!(csv(&rows).lines().count(), 3);
        assert_eq!(jsonl(&rows).lines().count(), 2);
        assert!(csv(&rows).contains("org_opened"));
    }
}
