//! What can happen, and how often; and what people decide.

use crate::{
    ANA, OLGA, Played, able,
    ledger::Ledger,
    member, money,
    provider::Provider,
    service,
    workers::{self, Mishap},
};
use proptest::prelude::*;
use slice_core::{
    allocations,
    books::Entry,
    budget::Ask,
    caps,
    event::{Actor, Event},
    extensions,
    grant::{End, KeyState, Pause},
    life::Life,
    money::Money,
    pauses,
    refusal::Refusal,
    requests::{self, Approval, Request},
    rotations, settings, steps, trims,
};
use std::time::Duration;

const ZONES: [&str; 4] = [
    "UTC",
    "Pacific/Kiritimati",
    "Pacific/Niue",
    "America/New_York",
];

/// Something that happens; what is about one grant is about the first that it can be about, from
/// `which` on.
#[derive(Clone, Debug)]
pub struct Step {
    pub what: What,
    which: usize,
}

#[derive(Clone, Copy, Debug)]
pub enum What {
    Open {
        cents: i64,
        whole: bool,
        monthly: bool,
    },
    Approve {
        cents: Option<i64>,
    },
    Deny,
    Revoke,
    Reveal,
    Cap {
        cents: i64,
        by_owner: bool,
    },
    Rotate {
        overlap: bool,
    },
    Extend {
        days: u32,
    },
    Allocate {
        cents: i64,
    },
    TopUp {
        cents: i64,
    },
    Trim,
    CarryOver {
        dollars: i64,
    },
    Zone(usize),
    Work(Mishap),
    Refuse,
    GiveUp,
    Time,
    Meter {
        stops: bool,
    },
    Spend {
        cents: i64,
    },
    Vanish,
    VanishRaised,
    Suspend,
    Resume,
    Later {
        hours: u64,
    },
    ClockJumps {
        days: i64,
    },
    Restart,
}

impl What {
    /// Whether it is about one grant.
    fn picks(self) -> bool {
        match self {
            Self::Approve { .. }
            | Self::Deny
            | Self::Revoke
            | Self::Reveal
            | Self::Cap { .. }
            | Self::Rotate { .. }
            | Self::Extend { .. }
            | Self::Work(_)
            | Self::Refuse
            | Self::GiveUp
            | Self::Time => true,
            Self::Open { .. }
            | Self::Allocate { .. }
            | Self::TopUp { .. }
            | Self::Trim
            | Self::CarryOver { .. }
            | Self::Zone(_)
            | Self::Meter { .. }
            | Self::Spend { .. }
            | Self::Vanish
            | Self::VanishRaised
            | Self::Suspend
            | Self::Resume
            | Self::Later { .. }
            | Self::ClockJumps { .. }
            | Self::Restart => false,
        }
    }
}

fn mishap() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        8 => Just(Mishap::Nothing),
        1 => Just(Mishap::Dies),
        1 => (1i64..8_000).prop_map(Mishap::Spends),
    ]
}

/// What people, workers, the provider and the clock do, each as often as it matters.
fn what() -> impl Strategy<Value = What> {
    let (much, some) = (|| 1i64..15_000, || 100i64..4_000);
    let people = prop_oneof![
        6 => (some(), any::<bool>(), prop::bool::weighted(0.4))
            .prop_map(|(cents, whole, monthly)| What::Open { cents, whole, monthly }),
        1 => (much(), any::<bool>(), any::<bool>())
            .prop_map(|(cents, whole, monthly)| What::Open { cents, whole, monthly }),
        4 => prop::option::of(some()).prop_map(|cents| What::Approve { cents }),
        1 => Just(What::Deny),
        1 => Just(What::Revoke),
        12 => Just(What::Reveal),
        8 => (100i64..8_000, any::<bool>()).prop_map(|(cents, by_owner)| What::Cap { cents, by_owner }),
        8 => any::<bool>().prop_map(|overlap| What::Rotate { overlap }),
        2 => (1u32..60).prop_map(|days| What::Extend { days }),
        2 => much().prop_map(|cents| What::Allocate { cents }),
        1 => some().prop_map(|cents| What::TopUp { cents }),
        2 => Just(What::Trim),
        1 => (0i64..30).prop_map(|dollars| What::CarryOver { dollars }),
        1 => (0..ZONES.len()).prop_map(What::Zone),
    ];
    let workers = prop_oneof![
        24 => mishap().prop_map(What::Work),
        1 => Just(What::Refuse),
        1 => Just(What::GiveUp),
        4 => Just(What::Time),
        2 => any::<bool>().prop_map(|stops| What::Meter { stops }),
        1 => Just(What::Suspend),
        2 => Just(What::Resume),
    ];
    let world = prop_oneof![
        6 => some().prop_map(|cents| What::Spend { cents }),
        1 => Just(What::Vanish),
        4 => Just(What::VanishRaised),
        4 => (1u64..300).prop_map(|hours| What::Later { hours }),
        1 => (-40i64..40).prop_map(|days| What::ClockJumps { days }),
        1 => Just(What::Restart),
    ];
    prop_oneof![4 => people, 7 => workers, 2 => world]
}

pub fn step() -> impl Strategy<Value = Step> {
    (what(), 0usize..6).prop_map(|(what, which)| Step { what, which })
}

/// Carries a step out.
pub fn play(ledger: &mut Ledger, provider: &mut Provider, step: &Step) -> Played {
    let grants = ledger.state.grants.len();
    if !step.what.picks() || grants == 0 {
        return play_one(ledger, provider, (step.what, step.which));
    }
    let mut played = Err(Refusal::LostLease);
    for next in 0..grants {
        played = play_one(ledger, provider, (step.what, (step.which + next) % grants));
        if played.is_ok() || !ledger.written.is_empty() {
            break;
        }
    }
    played
}

fn play_one(ledger: &mut Ledger, provider: &mut Provider, (what, which): (What, usize)) -> Played {
    match what {
        What::Work(mishap) => workers::work(ledger, provider, (which, mishap)),
        What::Refuse => workers::refuse(ledger, provider, which),
        What::Time => workers::time(ledger, which),
        What::Meter { stops } => {
            provider.meter(ledger, stops);
            Ok(())
        }
        What::Spend { cents } => provider.spend(which, cents),
        What::Vanish => provider.vanish(ledger, which),
        What::VanishRaised => provider.vanish_raised(ledger),
        What::Later { hours } => {
            ledger.now = ledger.now + Duration::from_secs(hours * 3600);
            Ok(())
        }
        What::ClockJumps { days } => {
            let span = Duration::from_secs(24 * 3600 * days.unsigned_abs());
            ledger.now = if days < 0 {
                ledger.now - span
            } else {
                ledger.now + span
            };
            Ok(())
        }
        What::Restart => {
            let before = format!("{:?}", ledger.state);
            ledger.restart();
            assert_eq!(
                before,
                format!("{:?}", ledger.state),
                "nothing but the log counts"
            );
            Ok(())
        }
        _ => {
            let entry = decide(ledger, (what, which))?;
            ledger.write(entry);
            Ok(())
        }
    }
}

/// What people decide.
fn decide(ledger: &mut Ledger, (what, which): (What, usize)) -> Result<Entry, Refusal> {
    let (ana, olga) = (Actor::Member(member(ANA)), Actor::Member(member(OLGA)));
    let number = i64::try_from(which).unwrap_or(0) + 1;
    match what {
        What::Open {
            cents,
            whole,
            monthly,
        } => {
            let request = request(cents, whole, monthly);
            requests::open(&ledger.seen(ana, None), &request).map(|(entry, _)| entry)
        }
        What::Approve { cents } => {
            let approval = Approval {
                number,
                cap: cents.map(money),
                life: None,
                service_min: Money::ZERO,
                adding: Money::from_micros(i64::MAX),
            };
            let books = ledger.seen(olga, Some(which));
            requests::approve(&books, &approval).map(|(entry, _)| entry)
        }
        What::Deny => requests::deny(&ledger.seen(olga, Some(which)), number, None),
        What::Revoke => requests::revoke(&ledger.seen(ana, Some(which)), number, false),
        What::Reveal => {
            let (mut entry, _) = steps::reveal(&ledger.seen(ana, Some(which)), number)?;
            let grant = entry.events.first().and_then(Event::grant);
            let grant = grant.ok_or(Refusal::LostLease)?;
            if let [Event::RevealBegun { .. }] = entry.events.as_slice() {
                entry = entry.and(Event::Revealed {
                    grant,
                    certain: true,
                });
                return Ok(entry);
            }
            Err(Refusal::LostLease)
        }
        What::Allocate { cents } => {
            allocations::allocate(&ledger.seen(olga, None), money(cents)).map(|(entry, _)| entry)
        }
        What::TopUp { cents } => {
            allocations::top_up(&ledger.seen(olga, None), money(cents)).map(|(entry, _)| entry)
        }
        What::GiveUp => {
            let books = ledger.seen(Actor::Slice, Some(which));
            let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
            match grant.key().map(|key| key.state) {
                None | Some(KeyState::Gone) => steps::gave_up(&books, End::Failed, "why"),
                _ => Err(Refusal::LostLease),
            }
        }
        What::Suspend => {
            let books = ledger.seen(Actor::Slice, None);
            let member = books.member.as_ref().ok_or(Refusal::LostLease)?;
            Ok(pauses::suspend(member, Pause::Leaver, |_| true))
        }
        What::Resume => pauses::resume(&ledger.seen(Actor::Slice, None), Pause::Leaver),
        What::CarryOver { dollars: 0 } => Ok(set(ledger, "carry-over", "off")),
        What::CarryOver { dollars } => Ok(set(ledger, "carry-over", &dollars.to_string())),
        What::Zone(zone) => Ok(set(ledger, "time-zone", ZONES[zone])),
        _ => change(ledger, (what, which)),
    }
}

fn request(cents: i64, asks_for_whole: bool, monthly: bool) -> Request {
    let ask = Ask {
        cap: money(cents),
        life: Life::from_days(if monthly { 90 } else { 20 }),
        service_min: Money::ZERO,
    };
    let (name, reason) = (None, Some("because".to_owned()));
    Request {
        member: member(ANA),
        service: service(),
        ask,
        terms: None,
        wants: vec![],
        caution: None,
        name,
        reason,
        asks_for_whole,
        monthly,
        lender: None,
    }
}

fn set(ledger: &Ledger, name: &str, to: &str) -> Entry {
    let setting = settings::ALL.iter().find(|setting| setting.name == name);
    let from = setting.map(|setting| (setting.show)(&ledger.state.settings));
    Entry::event(Event::SettingChanged {
        name: name.to_owned(),
        from: from.unwrap_or_default(),
        to: to.to_owned(),
    })
}

/// What people change about keys that exist.
fn change(ledger: &mut Ledger, (what, which): (What, usize)) -> Result<Entry, Refusal> {
    let (ana, olga) = (Actor::Member(member(ANA)), Actor::Member(member(OLGA)));
    let number = i64::try_from(which).unwrap_or(0) + 1;
    let service = &able();
    match what {
        What::Cap { cents, by_owner } => {
            let wanted = caps::Wanted {
                number,
                to: money(cents),
                service,
                by_owner,
            };
            let actor = if by_owner { olga } else { ana };
            caps::change(&ledger.seen(actor, Some(which)), &wanted).map(|(entry, _)| entry)
        }
        What::Rotate { overlap } => {
            let wanted = rotations::Wanted {
                number,
                overlap: overlap.then_some(Life::from_days(1)),
                service,
                by_owner: false,
            };
            rotations::rotate(&ledger.seen(ana, Some(which)), &wanted).map(|(entry, _)| entry)
        }
        What::Extend { days } => {
            let wanted = extensions::Wanted {
                number,
                life: Life::from_days(days),
                service,
                by_owner: true,
                with_new_key: true,
            };
            extensions::extend(&ledger.seen(olga, Some(which)), &wanted).map(|(entry, _)| entry)
        }
        What::Trim => {
            let books = ledger.seen(olga, None);
            let member = books.member.as_ref().ok_or(Refusal::LostLease)?;
            let shown = trims::total(&trims::plan(member, member.budget.excess()));
            trims::trim(&books, shown).map(|(entry, _)| entry)
        }
        _ => Err(Refusal::LostLease),
    }
}
