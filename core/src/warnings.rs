//! Warnings before a month's budget or a key's cap is used up: each threshold is told once a month,
//! and again where what it is measured by has grown since.

use crate::{
    books::{Entry, Member, Message, Org, To},
    event::Event,
    grant::{Grant, State},
    ids::MemberId,
    money::Money,
    month::Month,
    page::{Audience, Button, Page, Text},
    sentences,
};
use serde::{Deserialize, Serialize};

/// In percent, the gravest first. Owners hear of the gravest.
const THRESHOLDS: [u8; 2] = [ALL, 80];
const ALL: u8 = 100;
/// More keys of one member, or lines for the owners, are counted and not named.
const SHOWN: usize = 8;

/// What was last warned of: so much was used of that, in that month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warned {
    pub month: Month,
    pub percent: u8,
    pub of: Money,
}

/// The warning that is due: the gravest threshold that was reached, unless it was told in this month
/// already, of as much or more.
pub fn due(used: Money, of: Money, month: Month, last: Option<Warned>) -> Option<Warned> {
    let percent = THRESHOLDS
        .into_iter()
        .find(|percent| reaches(used, of, *percent))?;
    let told = last.filter(|last| last.month == month && of <= last.of);
    let is_told = told.is_some_and(|told| percent <= told.percent);
    (!is_told).then_some(Warned { month, percent, of })
}

fn reaches(used: Money, of: Money, percent: u8) -> bool {
    let (used, of) = (i128::from(used.micros()), i128::from(of.micros()));
    0 < of && of * i128::from(percent) <= used * 100
}

/// Whole percents, rounded down: 99.9 % is not all of it.
fn percent(used: Money, of: Money) -> i128 {
    match i128::from(of.micros()) {
        0 => 0,
        of => i128::from(used.micros()) * 100 / of,
    }
}

/// Whom these events bring nearer to the end of a month or of a cap: by a charge, or by a smaller budget.
pub fn pressed(events: &[Event]) -> Vec<MemberId> {
    let mut members: Vec<_> = events
        .iter()
        .flat_map(|event| match event {
            Event::UsageRead { readings, .. } => readings.iter().map(|one| one.member).collect(),
            Event::SpendAssumed { reading, .. } => vec![reading.member],
            Event::SpendCorrected {
                member, from, to, ..
            } if from < to => vec![*member],
            Event::AllocationSet {
                member,
                from: Some(from),
                to,
            } if to < from => vec![*member],
            _ => vec![],
        })
        .collect();
    members.sort();
    members.dedup();
    members
}

/// What a member is warned of.
struct Warning<'a> {
    member: &'a Member,
    month: Option<Warned>,
    keys: Vec<(&'a Grant, Warned)>,
}

impl<'a> Warning<'a> {
    fn of(member: &'a Member, month: Month) -> Option<Self> {
        let budget = &member.budget;
        let of_month = due(budget.spent, budget.whole(), month, member.warned);
        // A key that is ending is told of at its end.
        let active = member.grants.iter();
        let active = active.filter(|grant| grant.state == State::Active);
        let keys: Vec<_> = active
            .filter_map(|grant| {
                let warned = due(grant.usage(), grant.cap, month, grant.warned)?;
                Some((grant, warned))
            })
            .collect();
        (of_month.is_some() || !keys.is_empty()).then_some(Self {
            member,
            month: of_month,
            keys,
        })
    }

    fn events(&self) -> impl Iterator<Item = Event> {
        let member = self.member.id;
        let of_month = self
            .month
            .map(|warned| Event::MonthWarned { member, warned });
        let of_keys = self.keys.iter().map(|(grant, warned)| Event::GrantWarned {
            grant: grant.id,
            warned: *warned,
        });
        of_month.into_iter().chain(of_keys)
    }

    /// One message, however many keys it is about.
    fn to_member(&self, org: &Org) -> Page {
        let budget = &self.member.budget;
        let mut page = Page::default();
        if let Some(warned) = self.month {
            page = page.text(month_line(self.member, &warned));
        }
        for (grant, _) in self.keys.iter().take(SHOWN) {
            page = page.text(key_line(grant));
        }
        if let Some(more) = more(self.keys.len()) {
            page = page.text(Text::new(format!(
                "… and {more} more of your keys have used as much of theirs."
            )));
        }
        let free = Text::new(format!("{} of your budget is free until ", budget.free()));
        let free = free.time(org.turns_at).and(match self.month {
            Some(warned) if warned.percent == ALL => {
                ". If you need more before, ask an owner to add to your month."
            }
            _ => ".",
        });
        let mine = Audience::Member(self.member.id);
        let mut buttons = vec![];
        if !budget.free().is_zero() {
            buttons.push(Button::new("Provision a key", "provision", mine));
        }
        buttons.push(Button::new("See your keys", "keys", mine));
        page.text(free).buttons(buttons)
    }

    /// What the owners hear of it.
    fn to_owners(&self) -> impl Iterator<Item = Text> {
        let member = self.member;
        let all = |warned: &Warned| warned.percent == ALL;
        let of_month = self.month.filter(all).map(|warned| {
            let used = member.budget.spent;
            Text::default().member(member.id).and(format!(
                " has used {used} of {} for {}: all of it.",
                warned.of,
                warned.month.name()
            ))
        });
        let of_keys = self.keys.iter().filter(move |(_, warned)| all(warned));
        let of_keys = of_keys.map(|(grant, _)| {
            sentences::asked(grant).and(format!(": its key has used {}, all of it.", grant.usage()))
        });
        of_month.into_iter().chain(of_keys)
    }
}

fn more(lines: usize) -> Option<usize> {
    lines.checked_sub(SHOWN).filter(|more| 0 < *more)
}

fn month_line(member: &Member, warned: &Warned) -> Text {
    let budget = &member.budget;
    let (used, of) = (budget.spent, warned.of);
    let text = Text::new("You have used ").bold(used).and(format!(
        " of your {of} for {} ({} %).",
        warned.month.name(),
        percent(used, of)
    ));
    let left = (of - used).or_zero();
    let text = match left {
        Money::ZERO => text.and(" Nothing of it is left"),
        left => text.and(format!(" {left} of it is left")),
    };
    match (budget.committed, left) {
        (Money::ZERO, _) => text.and("."),
        (held, Money::ZERO) => text.and(format!(
            ", and your keys may still spend {held}: they run on to their caps."
        )),
        (held, _) => text.and(format!(", and your keys hold {held}.")),
    }
}

fn key_line(grant: &Grant) -> Text {
    let (used, cap) = (grant.usage(), grant.cap);
    let text = Text::new(format!("Your {} has used ", sentences::key(grant)))
        .bold(used)
        .and(format!(" of its {cap} ({} %)", percent(used, cap)));
    let left = (cap - used).or_zero();
    if left.is_zero() {
        return text.and(": nothing is left of it.");
    }
    let text = text.and(format!(": {left} is left"));
    match grant.ends_at {
        Some(end) => text.and(" until it ends ").time(end).and("."),
        None => text.and("."),
    }
}

/// Members as they stand after what pressed them: who is warned of what, once.
pub fn told(org: &Org, month: Month, members: &[Member]) -> Entry {
    let warnings: Vec<_> = members
        .iter()
        .filter_map(|member| Warning::of(member, month))
        .collect();
    let mut entry = Entry {
        events: warnings.iter().flat_map(Warning::events).collect(),
        ..Entry::default()
    };
    let here = |warning: &&Warning| warning.member.left_at.is_none();
    entry = entry.say_all(
        warnings
            .iter()
            .filter(here)
            .map(|one| Message::new(To::Member(one.member.id), one.to_member(org))),
    );
    let lines: Vec<_> = warnings.iter().flat_map(Warning::to_owners).collect();
    if lines.is_empty() {
        return entry;
    }
    let count = lines.len();
    let mut page = lines
        .into_iter()
        .take(SHOWN)
        .fold(Page::default(), Page::text);
    if let Some(more) = more(count) {
        page = page.text(Text::new(format!("… and {more} more like that.")));
    }
    let remedy = Text::new("New budgets begin ")
        .time(org.turns_at)
        .and("; before that, ")
        .say("topup")
        .and(" adds to a month.");
    let page = page.note(remedy);
    entry.say_all(
        org.owners_at()
            .into_iter()
            .map(|to| Message::new(to, page.clone())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn month(text: &str) -> Month {
        text.parse().expect("a month")
    }

    fn usd(dollars: i64) -> Money {
        Money::from_dollars(dollars)
    }

    #[test]
    fn each_threshold_is_told_once_a_month() {
        let november = month("2026-11");
        let warn = |used, last| due(usd(used), usd(100), november, last).map(|one| one.percent);
        assert_eq!(warn(79, None), None);
        assert_eq!(warn(80, None), Some(80));
        let told = due(usd(80), usd(100), november, None);
        assert_eq!(warn(99, told), None);
        assert_eq!(warn(100, told), Some(100));
        let told = due(usd(100), usd(100), november, told);
        assert_eq!(warn(130, told), None);
        let december = due(usd(80), usd(100), month("2026-12"), told);
        assert_eq!(december.map(|one| one.percent), Some(80));
    }

    #[test]
    fn a_rise_arms_it_again_and_a_cut_does_not() {
        let november = month("2026-11");
        let told = due(usd(100), usd(100), november, None);
        assert_eq!(due(usd(100), usd(150), november, told), None);
        let again = due(usd(120), usd(150), november, told);
        assert_eq!(again.map(|one| one.percent), Some(80));
        assert_eq!(
            due(usd(120), usd(110), november, told).map(|one| one.percent),
            Some(100)
        );
        assert_eq!(due(usd(120), usd(90), november, told), None);
        assert_eq!(
            due(usd(1), Money::ZERO, november, None),
            None,
            "there is no budget"
        );
    }

    proptest! {
        /// However spending comes in, and whatever the budget does meanwhile: what was told is told
        /// again only after a rise, and whoever has used it all was told so.
        #[test]
        fn told_once_and_never_missed(
            steps in prop::collection::vec((0i64..40_000_000, prop::option::of(0i64..300_000_000)), 1..60),
        ) {
            let november = month("2026-11");
            let (mut used, mut of) = (0, 100_000_000);
            let mut last = None;
            let mut told: Vec<(u8, bool)> = vec![];
            for (spent, change) in steps {
                used += spent;
                let rises = change.is_some_and(|change| of < change);
                of = change.unwrap_or(of);
                for (_, risen) in &mut told {
                    *risen |= rises;
                }
                let (now, whole) = (Money::from_micros(used), Money::from_micros(of));
                if let Some(warned) = due(now, whole, november, last) {
                    let again = told.iter().any(|(told, risen)| warned.percent <= *told && !risen);
                    prop_assert!(!again);
                    told.push((warned.percent, false));
                    last = Some(warned);
                }
                if 0 < of && of <= used {
                    prop_assert!(told.iter().any(|(percent, _)| *percent == ALL));
                }
            }
        }
    }
}
