//! Books that live in memory: what the store does with tables, done with values. Everything in them
//! follows from their log, so that a restart may forget the rest.

use crate::{ANA, OLGA, member, refold::Refold, service};
use chrono_tz::Tz;
use slice_core::{
    books::{Books, Entry, Master, Member, Org},
    budget::Budget,
    changes::{Change, What},
    ends::Notice,
    event::{Actor, Event, Reading},
    grant::{Grant, Key, KeyState, State},
    ids::{GrantId, OrgId, PlatformName, Workspace, WorkspaceId},
    money::Money,
    month::Month,
    months,
    settings::{self, Settings},
    time::Time,
    vault::{Seal, WrappedKey},
};
use std::{collections::BTreeMap, time::Duration};

/// 2026-11-20, noon UTC: a month turns soon.
const BEGIN: Time = Time::from_micros(1_795_176_000_000_000);

pub struct Ledger {
    pub now: Time,
    pub log: Vec<(Time, Event)>,
    /// The log, added up by somebody else.
    pub refold: Refold,
    pub state: Folded,
    /// What transactions recorded since somebody looked: the budget before, and after.
    pub written: Vec<(Budget, Entry, Budget)>,
    random: u64,
}

/// What follows from the log.
#[derive(Debug)]
pub struct Folded {
    pub month: Month,
    pub zone: Tz,
    pub settings: Settings,
    pub allocation: Money,
    pub topups: BTreeMap<Month, Money>,
    pub spent: BTreeMap<Month, Money>,
    pub grants: Vec<Grant>,
}

impl Folded {
    fn new() -> Self {
        Self {
            month: Month::of(BEGIN, Tz::UTC),
            zone: Tz::UTC,
            settings: Settings {
                carry_over: Some(Money::from_dollars(15)),
                ..Settings::default()
            },
            allocation: Money::from_dollars(100),
            topups: BTreeMap::new(),
            spent: BTreeMap::new(),
            grants: vec![],
        }
    }

    pub fn budget_of(&self, month: Month) -> Budget {
        let of = |sums: &BTreeMap<Month, Money>| sums.get(&month).copied().unwrap_or_default();
        let (topups, spent) = (of(&self.topups), of(&self.spent));
        Budget::of(self.allocation, topups, spent, self.grants.iter())
    }
}

impl Ledger {
    pub fn new() -> Self {
        let allocated = Event::AllocationSet {
            member: member(ANA),
            from: None,
            to: Money::from_dollars(100),
        };
        let mut refold = Refold::default();
        refold.step(&allocated);
        Self {
            now: BEGIN,
            log: vec![(BEGIN, allocated)],
            refold,
            state: Folded::new(),
            written: vec![],
            random: 10,
        }
    }

    /// Everything but the log is forgotten.
    pub fn restart(&mut self) {
        self.state = Folded::new();
        for (at, event) in &self.log {
            self.state.apply(*at, event);
        }
        self.refold = Refold::of(self.log.iter().map(|(_, event)| event));
    }

    /// The month that a transaction is in: it never goes back.
    pub fn month(&self) -> Month {
        Month::of(self.now, self.state.zone).max(self.state.month)
    }

    pub fn budget(&self) -> Budget {
        self.state.budget_of(self.month())
    }

    fn member_in(&self, month: Month) -> Member {
        let live = |grant: &&Grant| !matches!(grant.state, State::Ended(_));
        Member {
            id: member(ANA),
            role: slice_core::role::Role::User,
            allocation: Some(self.state.allocation),
            left_at: None,
            warned: None,
            budget: self.state.budget_of(month),
            grants: self.state.grants.iter().filter(live).cloned().collect(),
        }
    }

    /// What a transaction about one grant (or none) sees.
    pub fn seen(&mut self, actor: Actor, which: Option<usize>) -> Books {
        self.random += 1;
        let mut fresh = [[0; 16]; 4];
        for (slot, byte) in fresh.iter_mut().zip(0u8..) {
            slot[..8].copy_from_slice(&self.random.to_be_bytes());
            slot[15] = byte;
        }
        let month = self.month();
        let zone = if self.state.month < month {
            self.state.settings.zone
        } else {
            self.state.zone
        };
        Books {
            now: self.now,
            month,
            actor,
            org: self.org((month, zone)),
            member: Some(self.member_in(month)),
            other: None,
            grant: which.and_then(|which| self.state.grants.get(which).cloned()),
            live: self.state.grants.clone(),
            left: vec![],
            everyone: vec![],
            carried: std::collections::HashMap::new(),
            strays: vec![],
            strangers: vec![],
            next_stray: 1,
            spent: vec![],
            head: (0, String::new()),
            links: None,
            action: None,
            fresh,
        }
    }

    fn org(&self, (month, zone): (Month, Tz)) -> Org {
        let id = OrgId::from_random([9; 16]);
        let master = Master {
            service: service(),
            version: 1,
            last4: "0000".into(),
            fingerprint: String::new(),
            added_at: BEGIN,
            read_at: None,
            silent_since: None,
            seal: Seal::new(""),
        };
        Org {
            id,
            settings: self.state.settings.clone(),
            bindings: vec![],
            masters: vec![master],
            options: vec![],
            workspaces: vec![Workspace {
                platform: PlatformName::Slack,
                id: WorkspaceId::new("T1"),
            }],
            removed: vec![],
            lost: vec![],
            installer: None,
            owners: vec![(member(OLGA), BEGIN)],
            data_key: WrappedKey {
                org: id,
                seal: Seal::new(""),
            },
            turns_at: month.end(zone),
            zone,
            next_grant: i64::try_from(self.state.grants.len()).unwrap_or(0) + 1,
        }
    }

    /// One transaction. The first of a month opens it, before anything else of it.
    pub fn write(&mut self, entry: Entry) {
        let (month, before) = (self.month(), self.budget());
        if self.state.month < month {
            let before = self.member_in(month.before());
            let most = self.state.settings.carry_over.unwrap_or_default();
            self.append(&Event::MonthOpened { month });
            for carried in months::carried_over(&[before], month, most) {
                self.append(&carried);
            }
        }
        for event in &entry.events {
            self.append(event);
        }
        self.written.push((before, entry, self.budget()));
    }

    fn append(&mut self, event: &Event) {
        self.state.apply(self.now, event);
        self.refold.step(event);
        self.log.push((self.now, event.clone()));
    }
}

impl Folded {
    fn grant(&mut self, id: GrantId) -> &mut Grant {
        let mut grants = self.grants.iter_mut();
        grants.find(|grant| grant.id == id).expect("a known grant")
    }

    fn key(&mut self, id: GrantId, attempt: i64) -> &mut Key {
        let mut keys = self.grant(id).keys.iter_mut();
        keys.find(|key| key.attempt == attempt)
            .expect("a known key")
    }

    fn charge(&mut self, month: Month, reading: &Reading) {
        let key = self.key(reading.grant, reading.attempt);
        assert_eq!(key.usage + reading.delta, reading.usage, "charged once");
        key.usage = reading.usage;
        let spent = self.spent.entry(month).or_default();
        *spent = *spent + reading.delta;
    }

    fn apply(&mut self, now: Time, event: &Event) {
        match event {
            Event::MonthOpened { month } => {
                assert!(self.month < *month, "a month never goes back");
                // A new zone comes into force when a month turns.
                (self.month, self.zone) = (*month, self.settings.zone);
            }
            Event::SettingChanged { name, to, .. } => {
                let setting = settings::ALL.iter().find(|setting| setting.name == name);
                let set = setting.expect("a setting").set;
                set(&mut self.settings, to).expect("a good value");
            }
            Event::AllocationSet { to, .. } => self.allocation = *to,
            Event::ToppedUp { month, amount, .. } | Event::CarriedOver { month, amount, .. } => {
                let topups = self.topups.entry(*month).or_default();
                *topups = *topups + *amount;
            }
            Event::UsageRead { month, readings } => {
                for reading in readings {
                    self.charge(*month, reading);
                }
            }
            Event::SpendAssumed { month, reading } => self.charge(*month, reading),
            Event::GrantOpened { .. } => self.grants.push(opened(now, event)),
            other => self.apply_to_grant(now, other),
        }
    }

    fn apply_to_grant(&mut self, now: Time, event: &Event) {
        let grant = self.grant(event.grant().expect("an event about a grant"));
        match event {
            Event::GrantApproved {
                by,
                cap,
                life,
                topped_up,
                ..
            } => {
                (grant.cap, grant.life, grant.state) = (*cap, *life, State::Reserved);
                (grant.decided_by, grant.decided_at) = (Some(*by), Some(now));
                (grant.topped_up, grant.moved_at) = (*topped_up, now);
                grant.monthly = grant.monthly.map(|_| *cap);
            }
            Event::GrantMoved { from, to, .. } => {
                assert!(grant.state == *from && from.may_become(*to), "{from}, {to}");
                (grant.state, grant.moved_at) = (*to, now);
                if !to.keeps_seal() {
                    grant.change = None;
                    grant.keys.iter_mut().for_each(|key| key.seal = None);
                }
            }
            Event::GrantNoticed { notice, .. } => grant.noticed.push(*notice),
            Event::RevealBegun { .. } => grant.revealing_until = Some(now + Duration::from_mins(1)),
            Event::Revealed { .. } => {
                (grant.revealed_at, grant.revealing_until) = (Some(now), None);
                grant.keys.iter_mut().for_each(|key| key.seal = None);
            }
            other => self.apply_to_change(now, other),
        }
    }

    fn apply_to_change(&mut self, now: Time, event: &Event) {
        let grant = self.grant(event.grant().expect("an event about a grant"));
        match event {
            Event::ChangeAsked { .. } => {}
            Event::CapChanging {
                from, to, renews, ..
            } => {
                grant.cap = *from.max(to);
                let (from, to, renews) = (*from, *to, *renews);
                begin(grant, now, What::Cap { from, to, renews });
            }
            Event::CapChanged { to: cap, .. } => {
                (grant.cap, grant.change) = (*cap, None);
                grant.noticed.retain(|notice| *notice != Notice::NotRenewed);
            }
            Event::ChangeDropped { cap, .. } => {
                let change = grant.change.take();
                (grant.cap, grant.dropped_at) = (*cap, Some(now));
                if change.is_some_and(|it| matches!(it.what, What::Cap { renews: true, .. })) {
                    grant.renew_at = Some(Time::default());
                }
            }
            Event::RotationBegun {
                old,
                overlap,
                ends_at,
                ..
            } => {
                let (old, overlap, ends_at) = (*old, *overlap, *ends_at);
                let what = What::Rotation {
                    old,
                    overlap,
                    ends_at,
                };
                begin(grant, now, what);
            }
            Event::OverlapBegun { until, .. } => {
                grant.change.as_mut().expect("a change").due_at = *until;
            }
            Event::RotationDone { .. } => grant.change = None,
            Event::ExtensionBegun { to, .. } => begin(grant, now, What::Extension { to: *to }),
            Event::GrantExtended { to, .. } => {
                grant.ends_at = Some(*to);
                let is_over = |notice: &Notice| Notice::OF_ITS_END.contains(notice);
                grant.noticed.retain(|notice| !is_over(notice));
                let is_it = |change: &Change| matches!(change.what, What::Extension { .. });
                grant.change = grant.change.filter(|change| !is_it(change));
            }
            Event::GrantRenewed { due, .. } => grant.renew_at = Some(*due),
            Event::KeyIntended { attempt, label, .. } => {
                grant.first_tried_at = grant.first_tried_at.or(Some(now));
                grant.keys.push(intended(*attempt, label));
            }
            other => self.apply_to_key(now, other),
        }
    }

    fn apply_to_key(&mut self, now: Time, event: &Event) {
        let turns_at = self.month.end(self.zone);
        match event {
            Event::KeyMinted { grant, attempt, .. } => {
                let key = self.key(*grant, *attempt);
                (key.state, key.seal) = (KeyState::Minted, Some(Seal::new("")));
            }
            Event::KeyArmed {
                grant,
                attempt,
                cap,
                ends_at,
                ..
            } => {
                let key = self.key(*grant, *attempt);
                (key.state, key.armed_cap) = (KeyState::Armed, *cap);
                let grant = self.grant(*grant);
                (grant.ends_at, grant.armed_at) = (Some(*ends_at), Some(now));
                (grant.revealed_at, grant.revealing_until) = (None, None);
                grant.noticed = vec![];
                grant.began_at = grant.began_at.or(Some(now));
                let renew_at = grant.monthly.map(|_| turns_at);
                grant.renew_at = grant.renew_at.or(renew_at);
            }
            Event::KeyCapped {
                grant,
                attempt,
                cap,
            } => {
                let key = self.key(*grant, *attempt);
                assert_eq!(key.state, KeyState::Armed, "only what can spend has a cap");
                key.armed_cap = *cap;
            }
            Event::KeyDisabled { grant, attempt } => {
                let key = self.key(*grant, *attempt);
                let spendable = key.armed_cap.min(key.usage);
                (key.state, key.armed_cap) = (KeyState::Disabled, spendable);
            }
            Event::KeyEnabling {
                grant,
                attempt,
                cap,
            } => {
                let key = self.key(*grant, *attempt);
                assert!(
                    !matches!(
                        key.state,
                        KeyState::Gone | KeyState::Intended | KeyState::Minted
                    ),
                    "only what was armed is enabled"
                );
                (key.state, key.armed_cap) = (KeyState::Enabling, *cap);
            }
            Event::KeyEnabled { grant, attempt } => {
                self.key(*grant, *attempt).state = KeyState::Armed;
            }
            Event::KeyGone { grant, attempt } => {
                let key = self.key(*grant, *attempt);
                (key.state, key.armed_cap, key.seal) = (KeyState::Gone, key.usage, None);
            }
            other => panic!("{other:?} does not happen here"),
        }
    }
}

fn begin(grant: &mut Grant, now: Time, what: What) {
    assert!(grant.change.is_none(), "a grant has one change at a time");
    grant.change = Some(Change {
        what,
        begun_at: now,
        due_at: Time::default(),
    });
}

fn intended(attempt: i64, label: &str) -> Key {
    Key {
        attempt,
        label: label.to_owned(),
        provider_id: None,
        state: KeyState::Intended,
        armed_cap: Money::ZERO,
        usage: Money::ZERO,
        seal: None,
        dead_man: None,
        intended_at: None,
        drift: None,
        facts: vec![],
        cursor: None,
        left: None,
        discarded_at: None,
        unread: None,
        read_at: None,
    }
}

fn opened(now: Time, event: &Event) -> Grant {
    let Event::GrantOpened {
        grant,
        number,
        member,
        service,
        cap,
        life,
        state,
        monthly,
        ..
    } = event
    else {
        panic!("{event:?} opens no grant");
    };
    Grant {
        id: *grant,
        number: *number,
        member: *member,
        service: service.clone(),
        cap: *cap,
        life: *life,
        state: *state,
        name: None,
        reason: None,
        terms: String::new(),
        opened_at: now,
        decided_by: None,
        decided_at: None,
        ends_at: None,
        topped_up: false,
        revealed_at: None,
        reveal_by: None,
        revealing_until: None,
        revoke_at: None,
        first_tried_at: None,
        began_at: None,
        monthly: monthly.then_some(*cap),
        renew_at: None,
        change: None,
        dropped_at: None,
        armed_at: None,
        used_at: None,
        noticed: vec![],
        warned: None,
        moved_at: now,
        keys: vec![],
    }
}
