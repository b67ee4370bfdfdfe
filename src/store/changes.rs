//! What events about changes of keys that exist do to the state.

use super::{
    db::{Value, values},
    failure::{Done, wrong},
    rows, sql,
    writing::Writing,
};
use slice_core::{ends::Notice, event::Event, ids::GrantId, life::Life, money::Money};

const NO_INT: Option<i64> = None;
const NO_MONEY: Option<Money> = None;

impl Writing<'_> {
    pub(super) async fn apply_change(&mut self, event: &Event) -> Done<()> {
        match event {
            Event::ChangeAsked { .. } | Event::ChangeDenied { .. } => Ok(()),
            Event::CapChanging {
                grant,
                from,
                to,
                renews,
            } => {
                let what = values![*from, *to, NO_INT, NO_INT, NO_INT, *renews];
                self.begin_change(*grant, rows::CAP, what).await?;
                // A lower one counts only when its provider has confirmed it.
                self.set_cap(*grant, (*from).max(*to)).await
            }
            Event::CapChanged { grant, to: cap, .. } => {
                self.forget(*grant, Notice::NotRenewed).await?;
                self.end_change(*grant).await?;
                self.set_cap(*grant, *cap).await
            }
            Event::ChangeDropped { grant, cap } => {
                let row = values![self.org.id, *grant, self.now];
                self.tx.one(sql::DROP_CHANGE, row, "the grant").await?;
                self.end_change(*grant).await?;
                self.set_cap(*grant, *cap).await
            }
            Event::RotationBegun {
                grant,
                old,
                overlap,
                ends_at,
            } => {
                let hours = overlap.map(Life::hours).map(i64::from);
                let what = values![NO_MONEY, NO_MONEY, *old, hours, *ends_at, false];
                self.begin_change(*grant, rows::ROTATION, what).await
            }
            Event::RotationDone { grant, .. } => self.end_change(*grant).await,
            Event::ExtensionBegun { grant, to } => {
                let what = values![NO_MONEY, NO_MONEY, NO_INT, NO_INT, *to, false];
                self.begin_change(*grant, rows::EXTENSION, what).await
            }
            other => self.set_time(other).await,
        }
    }

    async fn set_time(&mut self, event: &Event) -> Done<()> {
        let (statement, grant, at) = match event {
            Event::OverlapBegun { grant, until } => (sql::CHANGE_LATER, *grant, *until),
            Event::GrantRenewed { grant, due, .. } => (sql::RENEW_GRANT, *grant, *due),
            Event::GrantExtended { grant, to, .. } => {
                let row = values![self.org.id, *grant];
                self.tx.run(sql::END_EXTENSION, row).await?;
                for notice in Notice::OF_ITS_END {
                    self.forget(*grant, notice).await?;
                }
                (sql::EXTEND_GRANT, *grant, *to)
            }
            _ => return wrong("not an event about a change"),
        };
        let row = values![self.org.id, grant, at];
        self.tx.one(statement, row, "the grant").await
    }

    async fn begin_change(&mut self, grant: GrantId, kind: &str, what: Vec<Value>) -> Done<()> {
        let mut row = values![self.org.id, grant, kind];
        row.extend(what);
        row.extend(values![self.now]);
        self.tx.one(sql::BEGIN_CHANGE, row, "the change").await
    }

    /// There may be none.
    pub(super) async fn end_change(&mut self, grant: GrantId) -> Done<()> {
        let row = values![self.org.id, grant];
        self.tx.run(sql::END_CHANGE, row).await.map(drop)
    }

    /// It may be said again.
    async fn forget(&mut self, grant: GrantId, notice: Notice) -> Done<()> {
        let row = values![self.org.id, grant, notice.word()];
        self.tx.one(sql::FORGET_NOTICE, row, "the grant").await
    }

    async fn set_cap(&mut self, grant: GrantId, cap: Money) -> Done<()> {
        let row = values![self.org.id, grant, cap];
        self.tx.one(sql::SET_CAP, row, "the grant's cap").await
    }
}
