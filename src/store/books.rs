//! The books as a transaction sees them: read from rows, with balances derived on the way.

use super::{
    db::{Row, Tx, Value, values},
    failure::{Done, wrong},
    rows, sql,
};
use chrono_tz::Tz;
use slice_core::{
    books::{Books, GrantRef, Member, Org, Scope},
    budget::Budget,
    day::Day,
    grant::Grant,
    ids::{ChannelId, MemberId, OrgId, Place, Workspace},
    money::Money,
    month::Month,
    refusal::Refusal,
    settings::{self, Settings},
    time::Time,
    vault::{Seal, WrappedKey},
};
use std::collections::HashMap;

/// An org's row: where its next transaction goes on from.
pub(super) struct OrgRow {
    pub id: OrgId,
    pub data_key: Seal,
    pub audit_key: Seal,
    pub audit_count: i64,
    pub audit_head: String,
    pub month_seen: Month,
    pub zone: Tz,
    pub next_grant: i64,
    pub next_message: i64,
    pub installer: Option<MemberId>,
    /// When the org joined another one.
    pub closed_at: Option<Time>,
}

impl OrgRow {
    fn from(row: &Row) -> Done<Self> {
        Ok(Self {
            id: row.parsed("id")?,
            data_key: Seal::new(row.text("data_key")?),
            audit_key: Seal::new(row.text("audit_key")?),
            audit_count: row.int("audit_count")?,
            audit_head: row.text("audit_head")?,
            month_seen: row.parsed("month_seen")?,
            zone: row.parsed("zone")?,
            next_grant: row.int("next_grant")?,
            next_message: row.int("next_message")?,
            installer: row.maybe_parsed("installer")?,
            closed_at: row.maybe_time("closed_at")?,
        })
    }

    /// The row, locked until the transaction ends: writers of one org queue here.
    pub(super) async fn locked(tx: &mut Tx, org: OrgId) -> Done<Self> {
        Self::found(tx.first(sql::LOCK_ORG, values![org]).await?)
    }

    pub(super) async fn read(tx: &mut Tx, org: OrgId) -> Done<Self> {
        Self::found(tx.first(sql::ORG, values![org]).await?)
    }

    fn found(row: Option<Row>) -> Done<Self> {
        Self::from(&row.ok_or(Refusal::UnknownWorkspace)?)
    }
}

/// The month that an org is in, and whether it begins with this transaction.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    pub month: Month,
    pub zone: Tz,
    pub turns: bool,
}

impl Turn {
    /// A month never goes back, whatever the clock does. A new zone comes into force when one turns.
    pub(super) fn at(now: Time, org: &OrgRow, settings: &Settings) -> Self {
        let month = Month::of(now, org.zone).max(org.month_seen);
        let turns = org.month_seen < month;
        let zone = if turns { settings.zone } else { org.zone };
        Self { month, zone, turns }
    }
}

pub(super) async fn settings(tx: &mut Tx, org: OrgId) -> Done<Settings> {
    let rows = tx.all(sql::SETTINGS, values![org]).await?;
    let pairs: Vec<_> = rows
        .iter()
        .map(|row| Ok((row.text("name")?, row.text("value")?)))
        .collect::<Done<_>>()?;
    let pairs = pairs.iter();
    Ok(settings::read(
        pairs.map(|(name, value)| (name.as_str(), value.as_str())),
    ))
}

fn removed(workspaces: &[Row]) -> Done<Vec<Workspace>> {
    let mut removed = vec![];
    for row in workspaces {
        if row.maybe_time("removed_at")?.is_some() {
            removed.push(rows::workspace(row, "id")?);
        }
    }
    Ok(removed)
}

pub(super) fn lost(workspaces: &[Row]) -> Done<Vec<Place>> {
    let mut lost = vec![];
    for row in workspaces {
        if let Some(channel) = row.maybe_text("digest_lost")? {
            let workspace = rows::workspace(row, "id")?;
            let channel = ChannelId::new(channel);
            lost.push(Place { workspace, channel });
        }
    }
    Ok(lost)
}

async fn org(tx: &mut Tx, row: &OrgRow, settings: Settings, turn: Turn) -> Done<Org> {
    let id = row.id;
    let bindings = tx.all(sql::BINDINGS, values![id]).await?;
    let masters = tx.all(sql::MASTERS, values![id]).await?;
    let options = tx.all(sql::OPTIONS, values![id]).await?;
    let workspaces = tx.all(sql::WORKSPACES, values![id]).await?;
    let owners = tx.all(sql::OWNERS, values![id]).await?;
    Ok(Org {
        id,
        settings,
        bindings: bindings.iter().map(rows::binding).collect::<Done<_>>()?,
        masters: masters.iter().map(rows::master).collect::<Done<_>>()?,
        options: options.iter().map(rows::options).collect::<Done<_>>()?,
        workspaces: workspaces
            .iter()
            .map(|row| rows::workspace(row, "id"))
            .collect::<Done<_>>()?,
        removed: removed(&workspaces)?,
        lost: lost(&workspaces)?,
        installer: row.installer,
        owners: owners
            .iter()
            .map(|row| Ok((row.parsed("id")?, row.time("role_at")?)))
            .collect::<Done<_>>()?,
        data_key: WrappedKey {
            org: id,
            seal: row.data_key.clone(),
        },
        turns_at: turn.month.end(turn.zone),
        zone: turn.zone,
        next_grant: row.next_grant,
    })
}

pub(super) async fn grants(tx: &mut Tx, sql: &'static str, values: Vec<Value>) -> Done<Vec<Grant>> {
    rows::grants(&tx.all(sql, values).await?)
}

async fn grant(tx: &mut Tx, org: OrgId, which: GrantRef) -> Done<Option<Grant>> {
    let grants = match which {
        GrantRef::Number(number) => grants(tx, sql::GRANT_BY_NUMBER, values![org, number]),
        GrantRef::Id(id) => return first(grants(tx, sql::GRANT_BY_ID, values![org, id]).await?),
    };
    first(grants.await?)
}

fn first(grants: Vec<Grant>) -> Done<Option<Grant>> {
    match grants.len() {
        0 | 1 => Ok(grants.into_iter().next()),
        _ => wrong("two grants have one number"),
    }
}

pub(super) async fn member(
    tx: &mut Tx,
    org: OrgId,
    id: MemberId,
    month: Month,
) -> Done<Option<Member>> {
    let Some(mut row) = tx.first(sql::MEMBER, values![org, id]).await? else {
        return Ok(None);
    };
    let id: MemberId = row.maybe_parsed("alias_of")?.unwrap_or(id);
    if let Some(joined) = tx.first(sql::MEMBER, values![org, id]).await? {
        row = joined;
    }
    let grants = grants(tx, sql::GRANTS_IN_BUDGET, values![org, id]).await?;
    let topups = total(tx, sql::TOPUPS_OF, id, month).await?;
    let spent = total(tx, sql::SPENT_OF, id, month).await?;
    whole(&row, id, grants, (topups, spent)).map(Some)
}

async fn total(tx: &mut Tx, sql: &'static str, member: MemberId, month: Month) -> Done<Money> {
    match tx.first(sql, values![member, month]).await? {
        Some(row) => row.money("total"),
        None => wrong("a sum has no row"),
    }
}

/// What a scope's transaction shows to the rules.
pub(super) async fn read(
    tx: &mut Tx,
    row: &OrgRow,
    scope: &Scope,
    (now, settings, turn): (Time, Settings, Turn),
) -> Done<Books> {
    let org = org(tx, row, settings, turn).await?;
    let grant = match scope.grant {
        Some(which) => grant(tx, row.id, which).await?,
        None => None,
    };
    let member_id = grant.as_ref().map(|grant| grant.member).or(scope.member);
    let other = match scope.other {
        Some(id) => member(tx, row.id, id, turn.month).await?,
        None => None,
    };
    let member = match member_id {
        Some(id) => member(tx, row.id, id, turn.month).await?,
        None => None,
    };
    let links = if scope.links {
        Some(super::linking::links(tx, row.id, now).await?)
    } else {
        None
    };
    let live = if scope.live {
        grants(tx, sql::LIVE_GRANTS, values![row.id]).await?
    } else {
        vec![]
    };
    let left = if scope.live {
        grants(tx, sql::LEFT_GRANTS, values![row.id]).await?
    } else {
        vec![]
    };
    let (everyone, carried) = if scope.everyone {
        let everyone = members(tx, row.id, turn.month).await?;
        let carried = totals(tx, sql::CARRIED_BY_MEMBER, row.id, turn.month).await?;
        (everyone, carried)
    } else {
        (vec![], HashMap::new())
    };
    let strays = if scope.strays {
        super::strays::waiting(tx, row.id).await?
    } else {
        vec![]
    };
    let (strangers, next_stray) = super::strays::strangers(tx, row, &scope.listed).await?;
    let today = today(now, turn);
    let spent = match scope.days.checked_sub(1) {
        Some(before) => super::spending::spent(tx, row.id, (today.minus(before), today)).await?,
        None => vec![],
    };
    Ok(Books {
        now,
        month: turn.month,
        actor: scope.actor,
        org,
        member,
        other,
        grant,
        live,
        left,
        everyone,
        carried,
        strays,
        strangers,
        next_stray,
        spent,
        head: (row.audit_count, row.audit_head.clone()),
        links,
        action: scope.action,
        fresh: [[0; 16]; 4],
    })
}

/// Every member of an org with her month.
pub(super) async fn members(tx: &mut Tx, org: OrgId, month: Month) -> Done<Vec<Member>> {
    let topups = totals(tx, sql::TOPUPS_BY_MEMBER, org, month).await?;
    let spent = totals(tx, sql::SPENT_BY_MEMBER, org, month).await?;
    let mut grants: HashMap<MemberId, Vec<Grant>> = HashMap::new();
    for grant in self::grants(tx, sql::GRANTS_IN_BUDGETS, values![org]).await? {
        grants.entry(grant.member).or_default().push(grant);
    }
    let rows = tx.all(sql::MEMBERS, values![org]).await?;
    let mut member = |row: &Row| {
        let id: MemberId = row.parsed("id")?;
        let grants = grants.remove(&id).unwrap_or_default();
        let of = |totals: &HashMap<MemberId, _>| totals.get(&id).copied().unwrap_or_default();
        whole(row, id, grants, (of(&topups), of(&spent)))
    };
    rows.iter().map(&mut member).collect()
}

fn whole(
    row: &Row,
    id: MemberId,
    grants: Vec<Grant>,
    (topups, spent): (Money, Money),
) -> Done<Member> {
    let allocation = row.maybe_int("allocation")?.map(Money::from_micros);
    Ok(Member {
        id,
        role: row.word("role", rows::role)?,
        allocation,
        left_at: row.maybe_time("left_at")?,
        warned: rows::warned(row)?,
        budget: Budget::of(allocation.unwrap_or_default(), topups, spent, grants.iter()),
        grants,
    })
}

/// The day of a transaction. Where the clock went back, it is the first of the month.
pub(super) fn today(now: Time, turn: Turn) -> Day {
    Day::of(now, turn.zone).max(Day::first_of(turn.month))
}

async fn totals(
    tx: &mut Tx,
    sql: &'static str,
    org: OrgId,
    month: Month,
) -> Done<HashMap<MemberId, Money>> {
    let rows = tx.all(sql, values![org, month]).await?;
    rows.iter()
        .map(|row| Ok((row.parsed("member_id")?, row.money("total")?)))
        .collect()
}
