//! The turn of the month. Nothing is reset, because balances are derived; what is left to do is to
//! tell people what their month begins with.

use crate::{
    ahead,
    books::{Books, Entry, Member, Message, To},
    budget::Budget,
    calendar::Firing,
    event::Event,
    money::Money,
    month::Month,
    page::{Audience, Block, Button, Page, Text},
    sentences,
};

/// More members than this are not named one by one in the owners' message.
const SHOWN: usize = 8;

/// What members take from the month before into this one: the rest of it, up to `most`. `before`
/// shows them as they stood in that month.
pub fn carried_over(before: &[Member], month: Month, most: Money) -> Vec<Event> {
    let carried = before.iter().filter(|member| member.allocation.is_some());
    let carried = carried.map(|member| (member.id, member.budget.free().min(most)));
    carried
        .filter(|(_, amount)| !amount.is_zero())
        .map(|(member, amount)| Event::CarriedOver {
            member,
            month,
            amount,
        })
        .collect()
}

/// Everybody's month, added up.
pub fn whole<'a>(members: impl Iterator<Item = &'a Member>) -> Budget {
    members.fold(Budget::default(), |sum, member| Budget {
        allocation: sum.allocation + member.budget.allocation,
        topups: sum.topups + member.budget.topups,
        spent: sum.spent + member.budget.spent,
        committed: sum.committed + member.budget.committed,
    })
}

/// The month has turned: each member with something to say gets one message, the owners a summary.
pub fn turned(books: &Books, firing: &Firing) -> Entry {
    let Firing { job, due, .. } = *firing;
    let entry = Entry::event(Event::JobDone { job, due });
    if let Some(text) = ahead::note(books) {
        // What could be told would be about another month.
        let owners = books.org.owners_at().into_iter();
        return entry.say_all(owners.map(|to| Message::new(to, Page::say(text.clone()))));
    }
    let concerned: Vec<_> = books.everyone.iter().filter(|one| concerns(one)).collect();
    if concerned.is_empty() {
        return entry;
    }
    let each = concerned
        .iter()
        .filter(|member| member.left_at.is_none())
        .map(|member| Message::new(To::Member(member.id), own(books, member)));
    let summary = summary(books, &concerned);
    let owners = books.org.owners_at().into_iter();
    entry
        .say_all(each)
        .say_all(owners.map(|to| Message::new(to, summary.clone())))
}

fn concerns(member: &Member) -> bool {
    let budget = &member.budget;
    !budget.whole().is_zero() || !budget.committed.is_zero()
}

/// `2 keys`.
fn keys(member: &Member) -> String {
    let holding = member
        .grants
        .iter()
        .filter(|grant| grant.state.holds_money());
    match holding.count() {
        1 => "1 key".to_owned(),
        count => format!("{count} keys"),
    }
}

fn own(books: &Books, member: &Member) -> Page {
    let budget = &member.budget;
    let mut parts = vec![format!("{} new", budget.allocation)];
    let carried = books.carried.get(&member.id).copied().unwrap_or_default();
    let added = budget.topups - carried;
    if !carried.is_zero() {
        parts.push(format!("{carried} carried over"));
    }
    if !added.is_zero() {
        // Between the turn and this message.
        parts.push(format!("{added} added by an owner"));
    }
    if !budget.committed.is_zero() {
        parts.push(format!(
            "{} still committed to {}",
            budget.committed,
            keys(member)
        ));
    }
    if !budget.spent.is_zero() {
        // Slice was down over the turn, and read it only now.
        parts.push(format!("{} spent already", budget.spent));
    }
    let text = Text::default()
        .bold(format!("{} has begun", books.month.name()))
        .and(format!(": {}, ", parts.join(", ")))
        .bold(format!("{} free", budget.free()))
        .and(" until ")
        .time(books.org.turns_at)
        .and(".");
    let mut page = Page::say(text);
    let above = sentences::above(budget, "that");
    if !above.is_empty() {
        page = page.text(above.trim_start());
    }
    let mine = Audience::Member(member.id);
    let mut buttons = vec![];
    if !budget.free().is_zero() {
        buttons.push(Button::new("Provision a key", "provision", mine).primary());
    }
    if !budget.committed.is_zero() {
        buttons.push(Button::new("See your keys", "keys", mine));
    }
    page.buttons(buttons)
}

fn summary(books: &Books, concerned: &[&Member]) -> Page {
    let whole = whole(concerned.iter().copied());
    let (before, people) = (books.month.before(), concerned.len());
    let spent: Money = books
        .spent
        .iter()
        .filter(|spent| spent.day.month() == before)
        .map(|spent| spent.amount)
        .sum();
    let people = if people == 1 {
        "1 member".to_owned()
    } else {
        format!("{people} members")
    };
    let mut page =
        Page::titled(format!("{} has begun", books.month.name())).with(Block::Fields(vec![
            (
                format!("Spent in {}", before.name()),
                Text::new(spent.to_string()),
            ),
            (
                "Budget".into(),
                Text::new(format!("{} for {people}", whole.whole())),
            ),
            (
                "Still committed".into(),
                Text::new(whole.committed.to_string()),
            ),
        ]));
    let mut above: Vec<_> = concerned
        .iter()
        .filter(|member| !member.budget.excess().is_zero())
        .collect();
    above.sort_by_key(|member| std::cmp::Reverse(member.budget.excess()));
    for member in above.iter().take(SHOWN) {
        page = page.text(excess(member)).buttons(trim(member));
    }
    if SHOWN < above.len() {
        let more = above.len() - SHOWN;
        page = page.note(
            Text::new(format!("{more} more hold more than their budget: "))
                .say("members")
                .and(" shows them."),
        );
    }
    page
}

/// What is spent or held above a budget: keys are never ended for it without an owner's word.
pub fn excess(member: &Member) -> Text {
    let keys = format!("in {}, which run on to their caps", keys(member));
    let text = match member.budget.above() {
        (Money::ZERO, held) => format!(" holds {held} more than the budget {keys}."),
        (spent, Money::ZERO) => format!(" has spent {spent} more than the budget."),
        (spent, held) => {
            format!(" has spent {spent} more than the budget, and holds {held} beside it {keys}.")
        }
    };
    Text::default().member(member.id).and(text)
}

/// The button that lowers caps until the excess is gone.
pub fn trim(member: &Member) -> Vec<Button> {
    let held = member.grants.iter().find(|grant| grant.state.holds_money());
    let button = held.map(|grant| {
        let excess = member.budget.excess();
        // The caps are shown before any is lowered.
        let line = format!("trim holder {}", grant.number);
        Button::new(format!("Trim {excess}"), line, Audience::Owners)
    });
    button.into_iter().collect()
}
