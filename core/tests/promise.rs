//! The promise: after every event that opens or approves a grant nothing is held above the budget,
//! and no other event of ours lets more be spent.

use proptest::prelude::*;
use slice_core::{
    books::{Books, Entry, Member, Org},
    budget::{Ask, Budget},
    event::{Actor, Event},
    grant::{End, Grant, Key, KeyState, Pause, State},
    ids::{GrantId, MemberId, OrgId, PlatformName, ServiceName, Workspace, WorkspaceId},
    life::Life,
    money::Money,
    month::Month,
    pauses,
    refusal::Refusal,
    requests::{self, Approval, Request},
    sentences::KeyFacts,
    settings::Settings,
    steps::{self, Read},
    time::Time,
    vault::{Seal, WrappedKey},
};

const ANA: u8 = 1;
const OLGA: u8 = 2;

fn member(number: u8) -> MemberId {
    MemberId::from_random([number; 16])
}

fn service() -> ServiceName {
    ServiceName::new("some-service")
}

/// Books that live in memory: what the store does with tables, done with values.
struct Ledger {
    books: Books,
    allocation: Money,
    topups: Money,
    spent: Money,
    grants: Vec<Grant>,
    random: u8,
}

impl Ledger {
    fn new() -> Self {
        let org = OrgId::from_random([9; 16]);
        let master = slice_core::books::Master {
            service: service(),
            version: 1,
            last4: "0000".into(),
            fingerprint: String::new(),
            added_at: Time::default(),
            read_at: None,
            silent_since: None,
            seal: Seal::new(""),
        };
        let platform = PlatformName::Slack;
        let org = Org {
            id: org,
            settings: Settings::default(),
            bindings: vec![],
            masters: vec![master],
            workspaces: vec![Workspace {
                platform,
                id: WorkspaceId::new("T1"),
            }],
            removed: vec![],
            installer: None,
            owners: vec![(member(OLGA), Time::default())],
            data_key: WrappedKey {
                org,
                seal: Seal::new(""),
            },
            turns_at: Time::from_micros(i64::MAX),
            zone: chrono_tz::Tz::UTC,
            next_grant: 1,
        };
        let books = Books {
            now: Time::default(),
            month: Month::of(Time::default(), chrono_tz::Tz::UTC),
            actor: Actor::Slice,
            org,
            member: None,
            other: None,
            grant: None,
            live: vec![],
            left: vec![],
            everyone: vec![],
            strays: vec![],
            strangers: vec![],
            next_stray: 1,
            spent: vec![],
            head: (0, String::new()),
            links: None,
            action: None,
            fresh: [[0; 16]; 4],
        };
        let allocation = Money::from_dollars(100);
        Self {
            books,
            allocation,
            topups: Money::ZERO,
            spent: Money::ZERO,
            grants: vec![],
            random: 10,
        }
    }

    fn budget(&self) -> Budget {
        Budget::of(self.allocation, self.topups, self.spent, self.grants.iter())
    }

    /// What a transaction about one grant (or none) sees.
    fn seen(&mut self, actor: Actor, which: Option<usize>) -> &Books {
        self.random = self.random.wrapping_add(1);
        self.books.fresh = [[self.random; 16]; 4];
        self.books.actor = actor;
        self.books.grant = which.and_then(|which| self.grants.get(which).cloned());
        self.books.live.clone_from(&self.grants);
        let live = self
            .grants
            .iter()
            .filter(|grant| !matches!(grant.state, State::Ended(_)));
        self.books.member = Some(Member {
            id: member(ANA),
            role: slice_core::role::Role::User,
            allocation: Some(self.allocation),
            left_at: None,
            warned: None,
            budget: self.budget(),
            grants: live.cloned().collect(),
        });
        &self.books
    }

    fn grant(&mut self, id: GrantId) -> &mut Grant {
        self.grants
            .iter_mut()
            .find(|grant| grant.id == id)
            .expect("a known grant")
    }

    fn key(&mut self, id: GrantId, attempt: i64) -> &mut Key {
        let keys = &mut self.grant(id).keys;
        keys.iter_mut()
            .find(|key| key.attempt == attempt)
            .expect("a known key")
    }

    fn write(&mut self, entry: &Entry) {
        entry.events.iter().for_each(|event| self.apply(event));
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::GrantOpened {
                grant,
                number,
                cap,
                life,
                state,
                ..
            } => {
                self.books.org.next_grant += 1;
                self.grants.push(Grant {
                    id: *grant,
                    number: *number,
                    member: member(ANA),
                    service: service(),
                    cap: *cap,
                    life: *life,
                    state: *state,
                    name: None,
                    reason: None,
                    terms: String::new(),
                    opened_at: Time::default(),
                    decided_by: None,
                    decided_at: None,
                    ends_at: None,
                    topped_up: false,
                    revealed_at: None,
                    revealing_until: None,
                    revoke_at: None,
                    first_tried_at: None,
                    began_at: None,
                    monthly: None,
                    renew_at: None,
                    change: None,
                    armed_at: None,
                    used_at: None,
                    noticed: vec![],
                    warned: None,
                    moved_at: Time::default(),
                    keys: vec![],
                });
            }
            Event::GrantApproved { grant, cap, .. } => {
                let grant = self.grant(*grant);
                (grant.cap, grant.state) = (*cap, State::Reserved);
            }
            Event::GrantMoved {
                grant, from, to, ..
            } => {
                assert!(from.may_become(*to), "{from} to {to}");
                self.grant(*grant).state = *to;
            }
            Event::AllocationSet { to, .. } => self.allocation = *to,
            Event::ToppedUp { amount, .. } => self.topups = self.topups + *amount,
            Event::UsageRead { readings, .. } => {
                for reading in readings {
                    self.key(reading.grant, reading.attempt).usage = reading.usage;
                    self.spent = self.spent + reading.delta;
                }
            }
            Event::SpendAssumed { reading, .. } => {
                self.key(reading.grant, reading.attempt).usage = reading.usage;
                self.spent = self.spent + reading.delta;
            }
            other => self.apply_to_key(other),
        }
    }

    fn apply_to_key(&mut self, event: &Event) {
        match event {
            Event::KeyIntended {
                grant,
                attempt,
                label,
                ..
            } => self.grant(*grant).keys.push(Key {
                attempt: *attempt,
                label: label.clone(),
                provider_id: None,
                state: KeyState::Intended,
                armed_cap: Money::ZERO,
                usage: Money::ZERO,
                seal: None,
                dead_man: None,
                drift: None,
                facts: vec![],
                cursor: None,
                left: None,
            }),
            Event::KeyMinted { grant, attempt, .. } => {
                self.key(*grant, *attempt).state = KeyState::Minted;
            }
            Event::KeyArmed {
                grant,
                attempt,
                cap,
                ..
            } => {
                let key = self.key(*grant, *attempt);
                (key.state, key.armed_cap) = (KeyState::Armed, *cap);
            }
            Event::KeyDisabled { grant, attempt } => {
                let key = self.key(*grant, *attempt);
                (key.state, key.armed_cap) = (KeyState::Disabled, key.usage);
            }
            Event::KeyEnabling {
                grant,
                attempt,
                cap,
            } => {
                let key = self.key(*grant, *attempt);
                (key.state, key.armed_cap) = (KeyState::Enabling, *cap);
            }
            Event::KeyEnabled { grant, attempt } => {
                self.key(*grant, *attempt).state = KeyState::Armed;
            }
            Event::KeyGone { grant, attempt } => {
                let key = self.key(*grant, *attempt);
                (key.state, key.armed_cap) = (KeyState::Gone, key.usage);
            }
            other => panic!("{other:?} does not happen here"),
        }
    }

    /// The next thing that a worker does for a grant.
    fn work(&mut self, which: usize) -> Result<Entry, Refusal> {
        let facts = KeyFacts {
            hardness: String::new(),
            usage: String::new(),
            facts: vec![],
        };
        let books = self.seen(Actor::Slice, Some(which)).clone();
        let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
        let key = grant.key().map(|key| (key.attempt, key.state));
        match (grant.state, key) {
            (State::Reserved, _) => steps::intend(&books, None).map(|(entry, _)| entry),
            (State::Issuing, Some((attempt, KeyState::Intended))) => {
                steps::minted(&books, attempt, ("id", vec![]), Seal::new(""))
            }
            (State::Issuing, Some((attempt, KeyState::Minted))) => {
                steps::armed(&books, attempt, &facts)
            }
            (State::Active, Some((attempt, KeyState::Enabling))) => {
                pauses::enabled(&books, attempt)
            }
            (
                State::Suspended(_) | State::Revoking(_),
                Some((attempt, KeyState::Armed | KeyState::Enabling)),
            ) => steps::disabled(&books, attempt),
            (State::Revoking(_), Some((attempt, KeyState::Intended | KeyState::Minted))) => {
                steps::gone(&books, attempt)
            }
            (State::Revoking(_), _) => steps::settled(&books),
            _ => Err(Refusal::LostLease),
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Open { cents: i64, whole: bool },
    Approve { which: usize, cents: Option<i64> },
    Deny { which: usize },
    Revoke { which: usize },
    Allocate { cents: i64 },
    TopUp { cents: i64 },
    Work { which: usize },
    Spend { which: usize, cents: i64 },
    Vanish { which: usize },
    GiveUp { which: usize },
    Suspend,
    Resume,
    MonthTurns,
}

fn step() -> impl Strategy<Value = Step> {
    let cents = 1i64..15_000;
    let which = 0usize..6;
    prop_oneof![
        3 => (cents.clone(), any::<bool>()).prop_map(|(cents, whole)| Step::Open { cents, whole }),
        3 => (which.clone(), prop::option::of(cents.clone()))
            .prop_map(|(which, cents)| Step::Approve { which, cents }),
        1 => which.clone().prop_map(|which| Step::Deny { which }),
        2 => which.clone().prop_map(|which| Step::Revoke { which }),
        1 => cents.clone().prop_map(|cents| Step::Allocate { cents }),
        1 => cents.clone().prop_map(|cents| Step::TopUp { cents }),
        9 => which.clone().prop_map(|which| Step::Work { which }),
        3 => (which.clone(), cents).prop_map(|(which, cents)| Step::Spend { which, cents }),
        1 => which.clone().prop_map(|which| Step::Vanish { which }),
        1 => which.prop_map(|which| Step::GiveUp { which }),
        1 => Just(Step::Suspend),
        1 => Just(Step::Resume),
        1 => Just(Step::MonthTurns),
    ]
}

fn money(cents: i64) -> Money {
    Money::from_micros(cents * 10_000)
}

/// Carries a step out; gives the entry, or the refusal that left everything as it was.
fn decide(ledger: &mut Ledger, step: &Step) -> Result<Entry, Refusal> {
    let (ana, olga) = (Actor::Member(member(ANA)), Actor::Member(member(OLGA)));
    let number = |which: usize| i64::try_from(which).unwrap_or(0) + 1;
    match *step {
        Step::Open { cents, whole } => {
            let ask = Ask {
                cap: money(cents),
                life: Life::from_days(7),
                service_min: Money::ZERO,
            };
            let (name, reason) = (None, Some("because".to_owned()));
            let member = member(ANA);
            let request = Request {
                member,
                service: service(),
                ask,
                terms: None,
                name,
                reason,
                asks_for_whole: whole,
                monthly: false,
                lender: None,
            };
            requests::open(ledger.seen(ana, None), &request).map(|(entry, _)| entry)
        }
        Step::Approve { which, cents } => {
            let cap = cents.map(money);
            let approval = Approval {
                number: number(which),
                cap,
                life: None,
                service_min: Money::ZERO,
                adding: Money::from_micros(i64::MAX),
            };
            requests::approve(ledger.seen(olga, Some(which)), &approval).map(|(entry, _)| entry)
        }
        Step::Deny { which } => requests::deny(ledger.seen(olga, Some(which)), number(which), None),
        Step::Revoke { which } => {
            requests::revoke(ledger.seen(ana, Some(which)), number(which), false)
        }
        Step::Allocate { cents } => {
            requests::allocate(ledger.seen(olga, None), money(cents)).map(|(entry, _)| entry)
        }
        Step::TopUp { cents } => {
            requests::top_up(ledger.seen(olga, None), money(cents)).map(|(entry, _)| entry)
        }
        Step::Work { which } => ledger.work(which),
        Step::Spend { .. } | Step::Vanish { .. } | Step::GiveUp { .. } => find_out(ledger, step),
        Step::Suspend => {
            let member = ledger.seen(Actor::Slice, None).member.as_ref();
            let member = member.ok_or(Refusal::LostLease)?;
            Ok(pauses::suspend(member, Pause::Leaver, |_| true))
        }
        Step::Resume => pauses::resume(ledger.seen(Actor::Slice, None), Pause::Leaver),
        Step::MonthTurns => {
            ledger.books.month = ledger.books.month.next();
            (ledger.spent, ledger.topups) = (Money::ZERO, Money::ZERO);
            Ok(Entry::default())
        }
    }
}

/// What providers do, and workers find out.
fn find_out(ledger: &mut Ledger, step: &Step) -> Result<Entry, Refusal> {
    match *step {
        Step::Spend { which, cents } => {
            let books = ledger.seen(Actor::Slice, None);
            let grant = books.live.get(which).ok_or(Refusal::LostLease)?;
            // What is suspended or resumed may spend until its provider has heard of it.
            let spends = [KeyState::Armed, KeyState::Enabling];
            let key = grant.keys.iter().find(|key| spends.contains(&key.state));
            let key = key
                .filter(|key| key.usage < key.armed_cap)
                .ok_or(Refusal::LostLease)?;
            let usage = key.usage + money(cents);
            let read = Read {
                grant: grant.id,
                attempt: key.attempt,
                usage,
                cursor: None,
            };
            let entry = steps::usage_read(books, std::slice::from_ref(&read));
            // A second reader of the same answer finds nothing new to charge.
            let mut charged = ledger.books.clone();
            for live in charged.live.iter_mut().flat_map(|live| &mut live.keys) {
                live.usage = live.usage.max(usage);
            }
            assert!(steps::usage_read(&charged, &[read]).events.is_empty());
            Ok(entry)
        }
        Step::Vanish { which } => {
            let books = ledger.seen(Actor::Slice, Some(which));
            let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
            let armed = grant.key().filter(|key| key.state == KeyState::Armed);
            let attempt = armed.ok_or(Refusal::LostLease)?.attempt;
            match grant.state {
                State::Revoking(_) => steps::assumed_spent(books, attempt),
                _ => Err(Refusal::LostLease),
            }
        }
        Step::GiveUp { which } => {
            let books = ledger.seen(Actor::Slice, Some(which));
            let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
            match grant.key().map(|key| key.state) {
                Some(KeyState::Minted | KeyState::Armed) => Err(Refusal::LostLease),
                _ => steps::gave_up(books, End::Failed, "why"),
            }
        }
        _ => Err(Refusal::LostLease),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_promise_holds(steps in prop::collection::vec(step(), 1..80)) {
        let mut ledger = Ledger::new();
        for step in steps {
            let before = ledger.budget();
            let Ok(entry) = decide(&mut ledger, &step) else {
                prop_assert_eq!(ledger.budget(), before, "a refusal changes nothing: {:?}", step);
                continue;
            };
            ledger.write(&entry);
            let after = ledger.budget();
            let takes = entry.events.iter().any(|event| match event {
                Event::GrantOpened { state, .. } => state.holds_money(),
                Event::GrantApproved { .. } | Event::KeyEnabling { .. } => true,
                _ => false,
            });
            let held = |budget: &Budget| budget.spent + budget.committed;
            if takes {
                prop_assert!(after.balance() >= Money::ZERO, "{:?} left an excess: {:?}", step, after);
            } else if !matches!(step, Step::Spend { .. } | Step::MonthTurns) {
                prop_assert!(held(&after) <= held(&before), "{:?} lets more be spent", step);
            }
            if let Step::Spend { cents, .. } = step {
                // Charged as it is: above the cap only by what a running request overshot.
                prop_assert_eq!(after.spent - before.spent, money(cents));
            }
        }
    }
}
