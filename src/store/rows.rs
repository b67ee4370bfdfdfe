//! Rows as the values that the rules know.

use super::{
    db::Row,
    failure::{Done, wrong},
};
use slice_core::{
    action::Action,
    books::{Master, To},
    changes::{Change, What},
    drift::Drift,
    ends::Notice,
    grant::{Grant, Key, KeyState, State},
    ids::{
        ChannelId, Identity, MemberId, PlatformName, ServiceName, UserId, Workspace, WorkspaceId,
    },
    life::Life,
    money::Money,
    page::Audience,
    ports::Facts,
    role::{Binding, Group, GroupKind, Role},
    unread::Unread,
    vault::Seal,
    warnings::Warned,
};

/// Grants from rows of a grant and a key each, in the order of the statement.
pub(super) fn grants(rows: &[Row]) -> Done<Vec<Grant>> {
    let mut grants: Vec<Grant> = vec![];
    for row in rows {
        let number = row.int("number")?;
        if grants.last().is_none_or(|last| last.number != number) {
            grants.push(grant(row)?);
        }
        if let (Some(grant), Some(attempt)) = (grants.last_mut(), row.maybe_int("attempt")?) {
            grant.keys.push(key(row, attempt)?);
        }
    }
    Ok(grants)
}

fn grant(row: &Row) -> Done<Grant> {
    Ok(Grant {
        id: row.parsed("id")?,
        number: row.int("number")?,
        member: row.parsed("member_id")?,
        service: ServiceName::new(row.text("service")?),
        cap: row.money("cap")?,
        life: life(row)?,
        state: row.word("state", State::from_word)?,
        moved_at: row.time("moved_at")?,
        name: row.maybe_text("name")?,
        reason: row.maybe_text("reason")?,
        terms: row.maybe_text("terms")?.unwrap_or_default(),
        opened_at: row.time("opened_at")?,
        decided_by: row.maybe_parsed("decided_by")?,
        decided_at: row.maybe_time("decided_at")?,
        ends_at: row.maybe_time("ends_at")?,
        topped_up: row.flag("topped_up")?,
        revealed_at: row.maybe_time("revealed_at")?,
        reveal_by: row.maybe_time("reveal_by")?,
        revealing_until: row.maybe_time("revealing_until")?,
        revoke_at: row.maybe_time("revoke_at")?,
        first_tried_at: row.maybe_time("first_tried_at")?,
        began_at: row.maybe_time("began_at")?,
        monthly: row.maybe_int("monthly")?.map(Money::from_micros),
        renew_at: row.maybe_time("renew_at")?,
        change: change(row)?,
        dropped_at: row.maybe_time("dropped_at")?,
        armed_at: row.maybe_time("armed_at")?,
        used_at: row.maybe_time("used_at")?,
        noticed: noticed(&row.text("noticed")?),
        warned: warned(row)?,
        keys: vec![],
    })
}

/// Words between spaces; a word that is none any more is nobody's reminder.
fn noticed(words: &str) -> Vec<Notice> {
    let known = Notice::ALL.into_iter();
    let words: Vec<_> = words.split_whitespace().collect();
    known
        .filter(|notice| words.contains(&notice.word()))
        .collect()
}

fn life(row: &Row) -> Done<Life> {
    hours(row.int("life_hours")?)
}

fn hours(hours: i64) -> Done<Life> {
    match Life::parse(&format!("{hours}h")) {
        Some(life) => Ok(life),
        None => wrong("a grant's life is none"),
    }
}

/// The words for what is being changed.
pub(super) const CAP: &str = "cap";
pub(super) const ROTATION: &str = "rotation";
pub(super) const EXTENSION: &str = "extension";

fn change(row: &Row) -> Done<Option<Change>> {
    let Some(kind) = row.maybe_text("kind")? else {
        return Ok(None);
    };
    let what = match kind.as_str() {
        CAP => What::Cap {
            from: row.money("from_cap")?,
            to: row.money("to_cap")?,
            renews: row.flag("renews")?,
        },
        ROTATION => What::Rotation {
            old: row.int("old_attempt")?,
            overlap: row.maybe_int("overlap_hours")?.map(hours).transpose()?,
            ends_at: row.maybe_time("changed_end")?,
        },
        EXTENSION => What::Extension {
            to: row.time("changed_end")?,
        },
        _ => return wrong("a change of a grant is none"),
    };
    Ok(Some(Change {
        what,
        begun_at: row.time("begun_at")?,
        due_at: row.time("due_at")?,
    }))
}

fn key(row: &Row, attempt: i64) -> Done<Key> {
    Ok(Key {
        attempt,
        label: row.text("label")?,
        provider_id: row.maybe_text("provider_id")?,
        state: row.word("key_state", KeyState::from_word)?,
        armed_cap: row.money("armed_cap")?,
        usage: row.money("usage")?,
        seal: row.maybe_text("seal")?.map(Seal::new),
        dead_man: row.maybe_time("dead_man")?,
        intended_at: row.maybe_time("intended_at")?,
        drift: match row.maybe_text("drift")? {
            Some(word) => Some(drift(&word)?),
            None => None,
        },
        facts: match serde_json::from_str(&row.text("facts")?) {
            Ok(facts) => facts,
            Err(_) => return wrong("a key's facts are none"),
        },
        cursor: row.maybe_text("meter_cursor")?,
        left: match row.maybe_text("left_what")? {
            Some(what) => Some((what, row.money("left_monthly")?)),
            None => None,
        },
        discarded_at: row.maybe_time("left_discarded_at")?,
        unread: match row.maybe_time("unread_since")? {
            Some(since) => Some(Unread {
                since,
                again_at: row.maybe_time("read_again_at")?.unwrap_or(since),
                is_told: row.maybe_time("unread_told")?.is_some(),
            }),
            None => None,
        },
        read_at: row.maybe_time("read_at")?,
    })
}

/// How what is known about a key stands in its column.
pub(super) fn facts_word(facts: &Facts) -> String {
    serde_json::json!(facts).to_string()
}

/// What its column says was last warned of.
pub(super) fn warned(row: &Row) -> Done<Option<Warned>> {
    match row
        .maybe_text("warned")?
        .as_deref()
        .map(serde_json::from_str)
    {
        None => Ok(None),
        Some(Ok(warned)) => Ok(Some(warned)),
        Some(Err(_)) => wrong("what was warned of is unknown"),
    }
}

/// How that stands in its column.
pub(super) fn warned_word(warned: &Warned) -> String {
    serde_json::json!(warned).to_string()
}

/// How a drift stands in its column.
pub(super) fn drift_word(drift: &Drift) -> String {
    serde_json::json!(drift).to_string()
}

fn drift(word: &str) -> Done<Drift> {
    match serde_json::from_str(word) {
        Ok(drift) => Ok(drift),
        Err(_) => wrong("a key's drift is none"),
    }
}

pub(super) fn master(row: &Row) -> Done<Master> {
    Ok(Master {
        service: ServiceName::new(row.text("service")?),
        version: row.int("version")?,
        last4: row.text("last4")?,
        fingerprint: row.text("fingerprint")?,
        added_at: row.time("added_at")?,
        read_at: row.maybe_time("read_at")?,
        silent_since: row.maybe_time("silent_since")?,
        seal: Seal::new(row.text("seal")?),
    })
}

pub(super) fn options(row: &Row) -> Done<(ServiceName, String)> {
    Ok((ServiceName::new(row.text("service")?), row.text("options")?))
}

/// A workspace whose platform stands in `platform`, and whose id in the column of that name.
pub(super) fn workspace(row: &Row, id: &str) -> Done<Workspace> {
    Ok(Workspace {
        platform: row.word("platform", PlatformName::from_word)?,
        id: WorkspaceId::new(row.text(id)?),
    })
}

pub(super) fn identity(row: &Row, platform: PlatformName) -> Done<Identity> {
    let id = WorkspaceId::new(row.text("workspace_id")?);
    Ok(Identity {
        workspace: Workspace { platform, id },
        user: UserId::new(row.text("user_id")?),
    })
}

pub(super) fn binding(row: &Row) -> Done<Binding> {
    let group = Group {
        workspace: workspace(row, "workspace_id")?,
        kind: row.word("kind", GroupKind::from_word)?,
        id: ChannelId::new(row.text("group_id")?),
    };
    Ok(Binding {
        group,
        role: row.word("role", role)?,
    })
}

pub(super) fn role(word: &str) -> Option<Role> {
    [Role::Anyone, Role::User, Role::Owner]
        .into_iter()
        .find(|role| role.word() == word)
}

pub(super) fn action(row: &Row) -> Done<Action> {
    let used_by = row.maybe_parsed("used_by")?;
    Ok(Action {
        id: row.parsed("id")?,
        org: row.parsed("org_id")?,
        line: row.text("line")?,
        audience: row.word("audience", audience)?,
        expires_at: row.time("expires_at")?,
        used: row.maybe_time("used_at")?.map(|at| (used_by, at)),
    })
}

/// The word for "all owners", as a reader and as an audience.
const OWNERS: &str = "owners";
const MEMBER: &str = "member:";
const DIGEST: &str = "digest:";

/// How one member stands as a reader and as an audience.
pub(super) fn member_word(member: MemberId) -> String {
    format!("{MEMBER}{member}")
}

fn member_of_word(word: &str) -> Option<MemberId> {
    word.strip_prefix(MEMBER)?.parse().ok()
}

pub(super) fn audience_word(audience: Audience) -> String {
    match audience {
        Audience::Owners => OWNERS.to_owned(),
        Audience::Member(member) => member_word(member),
    }
}

fn audience(word: &str) -> Option<Audience> {
    match word {
        OWNERS => Some(Audience::Owners),
        word => member_of_word(word).map(Audience::Member),
    }
}

pub(super) fn reader_word(to: To) -> String {
    match to {
        To::OwnersChannel => OWNERS.to_owned(),
        To::DigestChannel(platform) => format!("{DIGEST}{}", platform.word()),
        To::Member(member) => member_word(member),
    }
}

pub(super) fn reader(word: &str) -> Option<To> {
    match word {
        OWNERS => Some(To::OwnersChannel),
        word => match word.strip_prefix(DIGEST) {
            Some(platform) => PlatformName::from_word(platform).map(To::DigestChannel),
            None => member_of_word(word).map(To::Member),
        },
    }
}
