//! What people, workers and the clock try on keys that exist.

use super::{Decided, facts};
use crate::store::bench::dollars;
use slice_core::{
    books::{Books, Entry},
    caps,
    changes::{self, What},
    ends,
    event::Event,
    extensions,
    grant::{KeyState, State},
    life::Life,
    money::Money,
    pauses,
    ports::{Adjusts, Capabilities, Hardness},
    refusal::Refusal,
    renewals,
    rotations::{self, Rotation},
    settings, steps, trims,
};

pub const ZONES: [&str; 4] = [
    "UTC",
    "Pacific/Kiritimati",
    "Pacific/Niue",
    "America/New_York",
];

fn able() -> Capabilities {
    Capabilities {
        title: "Some service",
        hardness: Hardness::Hard,
        inert: true,
        smallest_cap: Money::ZERO,
        dead_man: None,
        bills_late: None,
        credential: &[],
        adjusts: Adjusts {
            cap: true,
            end: true,
            secret: true,
            pause: true,
            holder: true,
        },
        has_options: false,
        good_within: None,
        reveal_within: None,
        caution: None,
        stays: None,
        usage: String::new(),
        master_hint: "",
    }
}

pub fn cap(books: &Books, number: i64, to: i64) -> Decided {
    let wanted = caps::Wanted {
        number,
        to: dollars(to),
        service: &able(),
        by_owner: true,
    };
    Ok(caps::change(books, &wanted)?.0)
}

pub fn rotate(books: &Books, number: i64, overlap: bool) -> Decided {
    let wanted = rotations::Wanted {
        number,
        overlap: overlap.then_some(Life::from_days(1)),
        service: &able(),
        by_owner: true,
    };
    Ok(rotations::rotate(books, &wanted)?.0)
}

/// The next thing that a worker records of what is being changed.
pub fn step(books: &Books) -> Decided {
    let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
    let change = grant.change.filter(|change| change.due_at <= books.now);
    let is_on = grant.state == State::Active;
    match change.filter(|_| is_on).ok_or(Refusal::LostLease)?.what {
        What::Extension { .. } => extensions::confirmed(books),
        What::Cap { .. } => {
            let (key, cap) = caps::order(grant).ok_or(Refusal::LostLease)?;
            caps::confirmed(books, key.attempt, cap)
        }
        What::Rotation { .. } => rotation(books, &Rotation::of(grant).ok_or(Refusal::LostLease)?),
    }
}

fn rotation(books: &Books, rotation: &Rotation<'_>) -> Decided {
    let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
    let Some(new) = rotation.new else {
        return Ok(rotations::intend(books, None)?.0);
    };
    let (old, cap) = (rotation.old, grant.cap_of(new));
    let stops = rotation.overlap.is_none() || new.state == KeyState::Armed;
    match (new.state, old.state) {
        (KeyState::Minted | KeyState::Armed, KeyState::Armed) if stops => {
            steps::disabled(books, old.attempt)
        }
        (KeyState::Minted, KeyState::Armed) if rotation.lowered(grant) < old.armed_cap => {
            rotations::lowered(books, rotation.lowered(grant))
        }
        (KeyState::Minted, _) if cap == Money::ZERO && grant.monthly.is_none() => {
            pauses::lost(books)
        }
        (KeyState::Minted, _) => rotations::armed(books, (new.attempt, cap), &facts()),
        (KeyState::Armed, _) => rotations::finished(books, (new.attempt, cap)),
        _ => Err(Refusal::LostLease),
    }
}

/// The provider refuses what is being changed.
pub fn dropped(books: &Books) -> Decided {
    let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
    let overlaps = grant
        .keys
        .iter()
        .filter(|key| key.state == KeyState::Armed)
        .count()
        > 1;
    if grant.state != State::Active || overlaps {
        return Err(Refusal::LostLease);
    }
    changes::dropped(books, "The provider refuses.")
}

pub fn reveal(books: &Books, number: i64) -> Decided {
    let (entry, _) = steps::reveal(books, number)?;
    match entry.events.as_slice() {
        [Event::RevealBegun { grant }] => {
            let (grant, certain) = (*grant, true);
            Ok(entry.and(Event::Revealed { grant, certain }))
        }
        _ => Err(Refusal::LostLease),
    }
}

/// What the clock has for a grant.
pub fn time(books: &Books) -> Decided {
    // Some move an end where others take another key.
    let end = books.grant.as_ref().is_some_and(|it| it.number % 2 == 0);
    let adjusts = Adjusts {
        end,
        ..able().adjusts
    };
    if let Some(entry) = ends::come(books, adjusts)? {
        return Ok(entry);
    }
    renewals::come(books, adjusts)?.ok_or(Refusal::LostLease)
}

/// The next key of a grant that may spend no more stands still at its provider as well.
pub fn stopped(books: &Books) -> Decided {
    let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
    if !matches!(grant.state, State::Suspended(_) | State::Revoking(_)) {
        return Err(Refusal::LostLease);
    }
    let spends = [KeyState::Armed, KeyState::Enabling];
    let key = grant.keys.iter().find(|key| spends.contains(&key.state));
    steps::disabled(books, key.ok_or(Refusal::LostLease)?.attempt)
}

pub fn trim(books: &Books) -> Decided {
    let member = books.member.as_ref().ok_or(Refusal::LostLease)?;
    let shown = trims::total(&trims::plan(member, member.budget.excess()));
    Ok(trims::trim(books, shown)?.0)
}

pub fn set(books: &Books, name: &str, to: &str) -> Entry {
    let setting = settings::ALL.iter().find(|setting| setting.name == name);
    let from = setting.map(|setting| (setting.show)(&books.org.settings));
    Entry::event(Event::SettingChanged {
        name: name.to_owned(),
        from: from.unwrap_or_default(),
        to: to.to_owned(),
    })
}
