//! The weekly digest: where a team's money went, in one message that people read.

use crate::{
    ahead,
    books::{Books, Entry, Member, Message, To},
    calendar::{Firing, Spent},
    chart::{self, Chart, Whose},
    day::Day,
    event::Event,
    grant::{End, Grant, State},
    ids::{MemberId, PlatformName},
    leftover,
    money::Money,
    months,
    page::{Block, Page, Text},
    time::Time,
};
use std::collections::BTreeMap;

/// The days of a week.
const WEEK: u64 = 7;
/// The digest's chart shows so many days.
pub const CHART_DAYS: u64 = 28;
/// The days that the books show for a digest: a week, the one before, and today.
pub const DAYS: u64 = CHART_DAYS + 1;
/// Members with a bar of their own.
const BARS: usize = 8;
/// Members whose spending changed most.
const MOVERS: usize = 3;
/// Points of attention that are told one by one.
const POINTS: usize = 6;

/// What of a digest its readers may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    Shown,
    Private,
}

/// The numbers of a digest.
struct Week<'a> {
    books: &'a Books,
    names: Names,
    /// The first day after the week: the day on which it is told.
    today: Day,
    members: Vec<&'a Member>,
}

/// The digest is due: it goes to its channels, or where owners read.
pub fn due(books: &Books, firing: &Firing) -> Entry {
    let Firing { job, due, .. } = *firing;
    let settings = &books.org.settings;
    let names = if settings.digest_names {
        Names::Shown
    } else {
        Names::Private
    };
    let channels: Vec<_> = settings
        .digest_channels
        .iter()
        .map(|place| To::DigestChannel(place.workspace.platform))
        .collect();
    let (to, names) = if channels.is_empty() {
        (books.org.owners_at(), Names::Shown)
    } else {
        (channels, names)
    };
    let entry = Entry::event(Event::JobDone { job, due });
    if !books.everyone.iter().any(has_money) {
        // Nobody has begun yet.
        return entry;
    }
    let (page, chart) = page(books, names).apart();
    // The chart follows its digest: what is of one topic is said in its order.
    let topic = format!("digest {}", due.micros());
    let pages: Vec<_> = std::iter::once(page).chain(chart).collect();
    let said = |to: To| {
        let topic = &topic;
        pages
            .iter()
            .map(move |page| Message::new(to, page.clone()).topic(topic))
    };
    entry.say_all(to.into_iter().flat_map(said))
}

/// The digest's channel there cannot be posted to: owners read the message instead, and once why. Its
/// chart comes after it, and needs to say nothing.
pub fn lost(books: &Books, platform: PlatformName, (message, why): (&Message, &str)) -> Entry {
    let place = channel(books, platform);
    let is_new = place
        .as_ref()
        .is_some_and(|place| !books.org.lost.contains(place));
    let (mut page, mut entry) = (message.page.clone(), Entry::default());
    if let Some(place) = place.filter(|_| is_new && page.chart().is_none()) {
        let text = Text::new(format!(
            "This comes here because Slice cannot post in the digest's channel: {why}. Mend that, or choose \
             another channel with "
        ));
        let text = text.say("settings digest-channel").and(
            ". Until then the digest comes here each week, and this is not said again. For this week's at \
             any time, say ",
        );
        page = page.note(text.say("digest").and("."));
        entry = entry.and(Event::DigestLost { place });
    }
    let owners = books.org.owners_at().into_iter();
    entry.say_all(owners.map(|to| Message {
        to,
        page: page.clone(),
        ..message.clone()
    }))
}

/// The digest's channel there was posted to.
pub fn found(books: &Books, platform: PlatformName) -> Entry {
    let place = channel(books, platform).filter(|place| books.org.lost.contains(place));
    place.map_or_else(Entry::default, |place| {
        Entry::event(Event::DigestFound { place })
    })
}

/// This week's digest as of now. The books must show everyone, the live grants, and [`DAYS`] days.
pub fn page(books: &Books, names: Names) -> Page {
    let members = books.everyone.iter().filter(|member| has_money(member));
    let week = Week {
        books,
        names,
        today: books.today(),
        members: members.collect(),
    };
    week.page()
}

fn has_money(member: &Member) -> bool {
    let budget = &member.budget;
    member.allocation.is_some() || !(budget.committed + budget.spent).is_zero()
}

impl Week<'_> {
    fn page(&self) -> Page {
        let spent = self.between(self.today.minus(WEEK), self.today.minus(1));
        if spent.is_zero() {
            return self.with_attention(Page::say(self.quiet()));
        }
        let title = format!(
            "The week from {} to {}",
            self.today.minus(WEEK).long(),
            self.today.minus(1).long()
        );
        let mut page = Page::titled(title).text(self.headline(spent));
        for bar in self.bars() {
            page = page.with(bar);
        }
        page = self.with_attention(page);
        if let Some(movers) = self.movers() {
            page = page.text(movers);
        }
        if !self.books.spent.is_empty() {
            page = page.with(Block::Chart(self.chart()));
        }
        page.note(self.footer())
    }

    fn with_attention(&self, mut page: Page) -> Page {
        let attention = self.attention();
        if attention.is_empty() {
            return page;
        }
        page = page.text(Text::default().bold("Needs attention"));
        let more = attention.len().saturating_sub(POINTS);
        for point in attention.into_iter().take(POINTS) {
            page = page.text(point);
        }
        if 0 < more {
            page = page.note(Text::new(format!("and {more} more: ")).say("members"));
        }
        page
    }

    fn budget(&self) -> Money {
        months::whole(self.members.iter().copied()).whole()
    }

    fn spent_this_month(&self) -> Money {
        months::whole(self.members.iter().copied()).spent
    }

    fn between(&self, first: Day, last: Day) -> Money {
        let spent = self.books.spent.iter();
        let spent = spent.filter(|spent| first <= spent.day && spent.day <= last);
        spent.map(|spent| spent.amount).sum()
    }

    fn quiet(&self) -> Text {
        Text::new(format!(
            "Nothing was spent in the week to {}: {} of {} used this month.",
            self.today.minus(1).long(),
            self.spent_this_month().brief(),
            self.budget().brief()
        ))
    }

    fn headline(&self, spent: Money) -> Text {
        let before = self.between(self.today.minus(2 * WEEK), self.today.minus(WEEK + 1));
        let mut text = Text::default().bold(format!("{} this week", spent.up_to_cents()));
        text = text.and(change(before, spent));
        text = text.and(format!(
            " · {} of {} used",
            self.spent_this_month().brief(),
            self.budget().brief()
        ));
        match pace(self.books, self.spent_this_month()) {
            Some(pace) => text.and(format!(" · {pace}")),
            None => text,
        }
    }

    fn bars(&self) -> Vec<Block> {
        let mut members = self.members.clone();
        members.sort_by_key(|member| {
            let budget = &member.budget;
            (
                std::cmp::Reverse((budget.spent, budget.committed)),
                member.id,
            )
        });
        members
            .iter()
            .filter(|member| !(member.budget.spent + member.budget.committed).is_zero())
            .take(BARS)
            .enumerate()
            .map(|(place, member)| Block::Bar {
                label: self.named(member.id, place),
                used: member.budget.spent,
                committed: member.budget.committed,
                whole: member.budget.whole(),
            })
            .collect()
    }

    fn named(&self, member: MemberId, place: usize) -> Text {
        match self.names {
            Names::Shown => Text::default().member(member),
            Names::Private => Text::new(format!("Member {}", place + 1)),
        }
    }

    /// What somebody should look at. Without names it is only counted.
    fn attention(&self) -> Vec<Text> {
        let mut points: Vec<_> = ahead::note(self.books).into_iter().collect();
        let excess: Vec<_> = self
            .members
            .iter()
            .filter(|member| !member.budget.excess().is_zero())
            .collect();
        let full: Vec<_> = self
            .members
            .iter()
            .filter(|member| is_used_up(member) && member.budget.excess().is_zero())
            .collect();
        let grants = || self.members.iter().flat_map(|member| &member.grants);
        let waiting = grants().filter(|grant| grant.state == State::AwaitingOwner);
        let stuck = grants().filter(|grant| self.is_stuck(grant));
        let counted = [
            (waiting.count(), "waits for an owner", "wait for an owner"),
            (
                stuck.count(),
                "can't be ended at its provider",
                "can't be ended at their provider",
            ),
        ];
        for (count, one, many) in counted {
            match count {
                0 => {}
                1 => points.push(Text::new(format!("1 grant {one}."))),
                _ => points.push(Text::new(format!("{count} grants {many}."))),
            }
        }
        points.extend(self.left_behind());
        if self.names == Names::Private {
            let people = excess.len() + full.len();
            if 0 < people {
                points.push(Text::new(format!(
                    "Members whose budget is used up or exceeded: {people}."
                )));
            }
            return points;
        }
        points.extend(excess.into_iter().map(|member| months::excess(member)));
        points.extend(full.into_iter().map(|member| {
            let (spent, whole) = (member.budget.spent, member.budget.whole());
            Text::default()
                .member(member.id)
                .and(format!(" has used {spent} of {whole}."))
        }));
        points
    }

    /// What ended grants left at their providers is charged above budgets too, until somebody decides.
    fn left_behind(&self) -> Option<Text> {
        let left = &self.books.left;
        let monthly: Money = left
            .iter()
            .flat_map(leftover::of)
            .filter_map(|key| key.left.as_ref())
            .map(|(_, monthly)| *monthly)
            .sum();
        let grants = match left.len() {
            0 => return None,
            1 => "1 ended grant".to_owned(),
            count => format!("{count} ended grants"),
        };
        Some(
            Text::new(format!(
                "What {grants} left behind costs about {monthly} a month, above budgets too: "
            ))
            .say("vault list")
            .and("."),
        )
    }

    fn is_stuck(&self, grant: &Grant) -> bool {
        let ending = matches!(
            grant.state,
            State::Revoking(End::Revoked | End::Expired | End::Unclaimed)
        );
        ending && grant.moved_at + std::time::Duration::from_hours(1) <= self.books.now
    }

    /// Whose spending changed most from the week before to this one.
    fn movers(&self) -> Option<Text> {
        if self.names == Names::Private {
            return None;
        }
        let (start, before) = (self.today.minus(WEEK), self.today.minus(2 * WEEK));
        let mut moved: BTreeMap<MemberId, Money> = BTreeMap::new();
        for spent in &self.books.spent {
            let change = moved.entry(spent.member).or_default();
            if start <= spent.day && spent.day < self.today {
                *change = *change + spent.amount;
            } else if before <= spent.day && spent.day < start {
                *change = *change - spent.amount;
            }
        }
        let mut moved: Vec<_> = moved.into_iter().filter(|(_, by)| !by.is_zero()).collect();
        moved.sort_by_key(|(member, by)| (std::cmp::Reverse(by.micros().unsigned_abs()), *member));
        let mut text: Option<Text> = None;
        for (member, by) in moved.into_iter().take(MOVERS) {
            let lead = match text {
                None => Text::new("Movers against the week before: "),
                Some(text) => text.and(" · "),
            };
            let sign = if Money::ZERO < by { "+" } else { "" };
            let by = by.up_to_cents();
            text = Some(lead.member(member).and(format!(" {sign}{by}")));
        }
        text
    }

    fn chart(&self) -> Chart {
        let first = self.today.minus(CHART_DAYS);
        let by = |spent: &Spent| match self.names {
            Names::Shown => Whose::Member(spent.member),
            Names::Private => Whose::Service(spent.service.clone()),
        };
        let month = Day::first_of(self.books.month.next()).since(Day::first_of(self.books.month));
        Chart {
            title: "Daily spending".to_owned(),
            first,
            days: usize::try_from(CHART_DAYS).unwrap_or_default(),
            parts: chart::parts(&self.books.spent, first, self.today.minus(1), by),
            budget: Some(self.budget()).filter(|budget| !budget.is_zero()),
            lasts: month,
            footer: format!("As of {}", self.books.now.short()),
        }
        .gathered()
    }

    fn footer(&self) -> Text {
        let (count, head) = &self.books.head;
        Text::new("As of ")
            .time(self.books.now)
            .and(format!(" · audit trail: {count} events, head "))
            .code(head)
    }
}

/// `on pace for $874 by 30 November`: what the month comes to if it goes on as it did so far. Nothing
/// is said on its first day.
pub fn pace(books: &Books, spent: Money) -> Option<String> {
    let (start, end) = (books.month.start(books.org.zone), books.org.turns_at);
    let (gone, all) = (micros(start, books.now), micros(start, end));
    if gone < micros(start, start + std::time::Duration::from_hours(24)) {
        return None;
    }
    let pace = i128::from(spent.micros()) * all / gone;
    let pace = Money::from_micros(i64::try_from(pace).ok()?);
    let last = Day::first_of(books.month.next()).minus(1);
    Some(format!("on pace for {} by {}", pace.brief(), last.long()))
}

fn is_used_up(member: &Member) -> bool {
    let budget = &member.budget;
    !budget.whole().is_zero() && budget.whole() <= budget.spent
}

/// `, up 14 %`.
fn change(before: Money, now: Money) -> String {
    if before <= Money::ZERO {
        return String::new();
    }
    let (before, now) = (i128::from(before.micros()), i128::from(now.micros()));
    let percent = ((now - before) * 200 + before).div_euclid(before * 2);
    match percent {
        0 => ", as in the week before".to_owned(),
        1.. => format!(", up {percent} %"),
        _ => format!(", down {} %", -percent),
    }
}

fn micros(from: Time, to: Time) -> i128 {
    i128::from(to.micros()) - i128::from(from.micros())
}

/// Where the digest goes on a platform, by the settings when it is sent.
pub fn channel(books: &Books, platform: PlatformName) -> Option<crate::ids::Place> {
    let mut places = books.org.settings.digest_channels.iter();
    places
        .find(|place| place.workspace.platform == platform)
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_rounded_to_whole_percents() {
        let money = Money::from_micros;
        for (before, now, said) in [
            (0, 5, ""),
            (160_000_000, 182_400_000, ", up 14 %"),
            (100, 100, ", as in the week before"),
            (1_000, 1_004, ", as in the week before"),
            (1_000, 1_005, ", up 1 %"),
            (1_000, 0, ", down 100 %"),
            (200, 150, ", down 25 %"),
            (i64::MAX, 1, ", down 100 %"),
        ] {
            assert_eq!(change(money(before), money(now)), said, "{before} {now}");
        }
    }
}
