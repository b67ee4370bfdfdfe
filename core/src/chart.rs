//! What a chart shows, without how it is drawn.

use crate::{
    calendar::Spent,
    day::Day,
    ids::{MemberId, ServiceName},
    money::Money,
};
use serde::{Deserialize, Serialize};

/// Whose spending a part of each bar is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// Drawn under the name that her platform shows for her.
    Member(MemberId),
    Service(ServiceName),
    /// So many who are too small for a colour of their own, or whose names stay private.
    Others(usize),
}

/// One colour of the bars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub whose: Whose,
    /// One amount per day from the chart's first day on; later days have none.
    pub daily: Vec<Money>,
}

impl Part {
    pub fn sum(&self) -> Money {
        self.daily.iter().copied().sum()
    }
}

/// What a chart without it was drawn for, that waited to be sent while Slice was updated.
fn days_of_a_month() -> usize {
    30
}

/// Daily spending, stacked, against the pace at which the budget is just used up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chart {
    pub title: String,
    /// The days of the axis: `first` and those after it, `days` in all.
    pub first: Day,
    pub days: usize,
    /// The parts of each bar, the biggest first and the others last.
    pub parts: Vec<Part>,
    /// The budget of the month, if there is one.
    pub budget: Option<Money>,
    /// So many days the budget is to last.
    #[serde(default = "days_of_a_month")]
    pub lasts: usize,
    /// As of when, in small print.
    pub footer: String,
}

impl Chart {
    /// More parts than this are no more told apart by their colours.
    pub const PARTS_MAX: usize = 8;

    /// Gathers all but the biggest parts, so that no more than [`Chart::PARTS_MAX`] are left. What
    /// was gathered before stays last, however much it is.
    #[must_use]
    pub fn gathered(mut self) -> Self {
        self.parts.sort_by_key(|part| {
            let is_rest = matches!(part.whose, Whose::Others(_));
            (is_rest, std::cmp::Reverse(part.sum()))
        });
        if self.parts.len() <= Self::PARTS_MAX {
            return self;
        }
        let rest = self.parts.split_off(Self::PARTS_MAX - 1);
        let mut daily = vec![Money::ZERO; self.days];
        let mut count = 0;
        for part in &rest {
            count += match part.whose {
                Whose::Others(more) => more,
                Whose::Member(_) | Whose::Service(_) => 1,
            };
            for (sum, more) in daily.iter_mut().zip(&part.daily) {
                *sum = *sum + *more;
            }
        }
        let whose = Whose::Others(count);
        self.parts.push(Part { whose, daily });
        self
    }

    pub fn sum(&self) -> Money {
        self.parts.iter().map(Part::sum).sum()
    }

    /// What is spent on each day if the budget is to last.
    pub fn pace(&self) -> Option<Money> {
        let days = i64::try_from(self.lasts).ok().filter(|days| 0 < *days)?;
        self.budget
            .map(|budget| Money::from_micros(budget.micros() / days))
    }

    /// The last day of the axis.
    pub fn last(&self) -> Day {
        self.first.plus(self.days.saturating_sub(1) as u64)
    }

    /// The chart in words, for those who do not see it. Names are left to the text around it.
    pub fn alt(&self) -> String {
        let (first, last, sum) = (self.first.short(), self.last().short(), self.sum());
        let most = self.highest().map_or_else(String::new, |(highest, day)| {
            format!(", most on {} ({highest})", day.short())
        });
        let budget = self.budget.zip(self.pace());
        let budget = budget.map_or_else(String::new, |(budget, pace)| {
            let (budget, pace) = (budget.up_to_cents(), pace.up_to_cents());
            format!("; a budget of {budget} a month, {pace} a day")
        });
        let title = &self.title;
        format!("{title} from {first} to {last}: {sum} in all{most}{budget}.")
    }

    /// The amount of the highest bar, and its day.
    pub fn highest(&self) -> Option<(Money, Day)> {
        let bars = (0..self.days).map(|at| {
            let parts = self.parts.iter().filter_map(|part| part.daily.get(at));
            (parts.copied().sum::<Money>(), self.first.plus(at as u64))
        });
        bars.filter(|(sum, _)| *sum > Money::ZERO)
            .max_by_key(|(sum, day)| (*sum, std::cmp::Reverse(*day)))
    }
}

/// Spending as the parts of a chart's bars. Corrections that outweigh a day's spending show as none.
pub fn parts(spent: &[Spent], first: Day, last: Day, whose: impl Fn(&Spent) -> Whose) -> Vec<Part> {
    let mut parts: Vec<Part> = vec![];
    for spent in spent
        .iter()
        .filter(|spent| first <= spent.day && spent.day <= last)
    {
        let whose = whose(spent);
        let known = parts.iter().position(|part| part.whose == whose);
        let at = known.unwrap_or_else(|| {
            let daily = vec![Money::ZERO; last.since(first) + 1];
            parts.push(Part { whose, daily });
            parts.len() - 1
        });
        if let Some(day) = parts[at].daily.get_mut(spent.day.since(first)) {
            *day = *day + spent.amount;
        }
    }
    for day in parts.iter_mut().flat_map(|part| &mut part.daily) {
        *day = day.or_zero();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(parts: usize) -> Chart {
        let daily = |part: usize| vec![Money::from_dollars(i64::try_from(part).unwrap_or(0)); 3];
        Chart {
            title: "Daily spending".to_owned(),
            first: "2026-11-01".parse().expect("a day"),
            days: 30,
            parts: (1..=parts)
                .map(|part| Part {
                    whose: Whose::Service(ServiceName::new(format!("s{part}"))),
                    daily: daily(part),
                })
                .collect(),
            budget: Some(Money::from_dollars(600)),
            lasts: 30,
            footer: String::new(),
        }
    }

    #[test]
    fn gathering_keeps_the_sum_and_names_the_biggest() {
        for parts in [0, 1, 8, 9, 40, 2_000] {
            let (before, after) = (chart(parts), chart(parts).gathered());
            assert_eq!(before.sum(), after.sum());
            assert!(after.parts.len() <= Chart::PARTS_MAX);
            assert_eq!(after.clone().gathered(), after, "gathered once and for all");
            if Chart::PARTS_MAX < parts {
                let others = Whose::Others(parts + 1 - Chart::PARTS_MAX);
                assert_eq!(after.parts.last().map(|part| &part.whose), Some(&others));
            }
        }
    }

    #[test]
    fn a_chart_can_be_read_aloud() {
        assert_eq!(
            chart(2).alt(),
            "Daily spending from 1 Nov to 30 Nov: $9.00 in all, most on 1 Nov ($3.00); a budget of \
             $600.00 a month, $20.00 a day."
        );
        assert_eq!(
            Chart {
                budget: None,
                ..chart(0)
            }
            .alt(),
            "Daily spending from 1 Nov to 30 Nov: $0.00 in all."
        );
    }

    #[test]
    fn parts_add_up_to_what_was_spent() {
        let day = |text: &str| text.parse::<Day>().expect("a day");
        let spent = |at: &str, who: u8, dollars| Spent {
            day: day(at),
            member: MemberId::from_random([who; 16]),
            service: ServiceName::new("s"),
            amount: Money::from_dollars(dollars),
        };
        let books = [
            spent("2026-11-01", 1, 3),
            spent("2026-11-02", 2, 4),
            spent("2026-11-02", 1, 5),
            spent("2026-11-03", 1, -1),
            spent("2026-10-31", 1, 100),
        ];
        let by = |spent: &Spent| Whose::Member(spent.member);
        let parts = parts(&books, day("2026-11-01"), day("2026-11-03"), by);
        assert_eq!(parts.len(), 2);
        assert_eq!(
            parts.iter().map(Part::sum).sum::<Money>(),
            Money::from_dollars(12)
        );
    }
}
