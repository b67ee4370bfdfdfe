//! Lowering caps until an excess is gone: an owner's word, never a surprise.

use crate::{
    books::{Books, Entry, Member},
    caps,
    changes::{self, is_free},
    grant::{Grant, State},
    money::Money,
    refusal::Refusal,
};

/// The least that a cap can be.
const LEAST: Money = Money::from_micros(10_000);

/// One cap that would be lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub number: i64,
    pub from: Money,
    pub to: Money,
}

/// Which caps are lowered so that so much is released: the newest grants first, none below what it
/// has spent.
pub fn plan(member: &Member, by: Money) -> Vec<Cut> {
    let mut grants: Vec<_> = member
        .grants
        .iter()
        .filter(|grant| is_able(grant))
        .collect();
    grants.sort_by_key(|grant| std::cmp::Reverse(grant.number));
    let (mut left, mut cuts) = (by, vec![]);
    for grant in grants {
        let lowest = grant.usage().max(LEAST).up_to_cents();
        let most = (grant.cap - lowest).or_zero().micros();
        let most = Money::from_micros(most - most % LEAST.micros());
        let cut = most.min(left.up_to_cents());
        if left.is_zero() || cut.is_zero() {
            continue;
        }
        cuts.push(Cut {
            number: grant.number,
            from: grant.cap,
            to: grant.cap - cut,
        });
        left = (left - cut).or_zero();
    }
    cuts
}

fn is_able(grant: &Grant) -> bool {
    let stands = matches!(grant.state, State::Active | State::Suspended(_));
    stands && is_free(grant).is_ok() && caps::begin(grant, LEAST).is_ok()
}

/// What cuts release in all.
pub fn total(cuts: &[Cut]) -> Money {
    cuts.iter().map(|cut| cut.from - cut.to).sum()
}

/// Lowers caps as they were shown: by so much in all.
pub fn trim(books: &Books, shown: Money) -> Result<(Entry, Vec<Cut>), Refusal> {
    let member = books.member.as_ref().ok_or(Refusal::NoAllocation)?;
    let cuts = plan(member, member.budget.excess());
    if cuts.is_empty() || total(&cuts) != shown {
        return Err(Refusal::sentence(
            "What this member's keys hold has changed since the caps were shown, so nothing was \
             lowered. Look again with `/slice members`.",
        ));
    }
    let mut entry = Entry::default();
    for cut in &cuts {
        let grant = member
            .grants
            .iter()
            .find(|grant| grant.number == cut.number);
        let grant = grant.ok_or(Refusal::NoSuchGrant { number: cut.number })?;
        let (events, _) = caps::begin(grant, cut.to)?;
        entry.events.extend(events);
        let text = format!(
            "An owner lowers the cap of your {} key (grant {}) from {} to {}, because your keys hold more \
             than your budget.",
            grant.service, grant.number, cut.from, cut.to
        );
        entry = entry.say_all(changes::tell(books, grant, text.as_str()));
    }
    Ok((entry, cuts))
}
