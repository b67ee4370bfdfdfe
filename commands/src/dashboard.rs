//! `dashboard`: the month as numbers and a chart. Owners see everybody's, members their own.

use crate::{
    budget,
    grammar::{Call, Command},
    keys,
};
use slice_core::{
    books::{Books, Member},
    budget::Budget,
    calendar::Spent,
    chart::{self, Chart, Whose},
    day::Day,
    digest, months,
    page::{Block, Button, Page, Text},
    refusal::Refusal,
    reply::Reply,
    role::Role,
};

/// A month has no more days.
const DAYS: u64 = 31;
/// Members with a bar of their own.
const BARS: usize = 8;

pub const COMMAND: Command = Command {
    examples: &["dashboard"],
    ..Command::plain(
        "dashboard",
        "The month as numbers and a chart: everybody's for owners, else yours",
        Role::User,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let (org, me) = (call.caller().org, call.caller().member);
    let is_owner = call.caller().role == Role::Owner;
    let unread = call.desk().read_usage(org, (!is_owner).then_some(me));
    let unread = unread.await?;
    let scope = call.look().days(DAYS);
    let page = if is_owner {
        let books = call.desk().store.books(scope.everyone()).await?;
        everybodys(&books)
    } else {
        let books = call.desk().store.books(scope.member(me)).await?;
        let member = books.member.as_ref();
        let member = member.filter(|member| member.allocation.is_some());
        own(&books, member.ok_or(Refusal::NoAllocation)?)
    };
    let page = page.buttons(vec![if is_owner {
        Button::new("See everyone", "members", call.mine())
    } else {
        Button::new("See your keys", "keys", call.mine())
    }]);
    Ok(keys::with_doubt(page, &unread, call.desk()).into())
}

fn everybodys(books: &Books) -> Page {
    let concerned = |member: &&Member| {
        let budget = &member.budget;
        member.allocation.is_some() || !(budget.spent + budget.committed).is_zero()
    };
    let mut members: Vec<_> = books.everyone.iter().filter(concerned).collect();
    let whole = months::whole(members.iter().copied());
    let mut page = Page::titled(format!("{} so far", books.month.name()))
        .text(headline(books, &whole))
        .with(budget::bar(
            Text::new(format!("All {}", members.len())),
            &whole,
        ));
    members.sort_by_key(|member| {
        let budget = &member.budget;
        (
            std::cmp::Reverse((budget.spent, budget.committed)),
            member.id,
        )
    });
    let busy = |member: &&Member| !(member.budget.spent + member.budget.committed).is_zero();
    for member in members.into_iter().filter(busy).take(BARS) {
        page = page.with(budget::bar(
            Text::default().member(member.id),
            &member.budget,
        ));
    }
    drawn(page, books, (&whole, &books.spent), |spent| {
        Whose::Member(spent.member)
    })
}

fn own(books: &Books, member: &Member) -> Page {
    let page = Page::titled(format!("Your {} so far", books.month.name()))
        .text(headline(books, &member.budget))
        .with(budget::bar(Text::new("Your budget"), &member.budget));
    let spent: Vec<_> = books
        .spent
        .iter()
        .filter(|spent| spent.member == member.id)
        .cloned()
        .collect();
    drawn(page, books, (&member.budget, &spent), |spent| {
        Whose::Service(spent.service.clone())
    })
}

/// `$611.00 used of $1,000.00 · $120.00 committed · $269.00 free · on pace for $874 by 30 November`.
fn headline(books: &Books, budget: &Budget) -> Text {
    let (spent, whole, committed) = (budget.spent, budget.whole(), budget.committed);
    let text = Text::default()
        .bold(format!("{spent} used of {whole}"))
        .and(format!(" · {committed} committed · {} free", budget.free()));
    let excess = budget.excess();
    let text = if excess.is_zero() {
        text
    } else {
        text.and(format!(" · {excess} above the budget"))
    };
    match digest::pace(books, spent) {
        Some(pace) => text.and(format!(" · {pace}")),
        None => text,
    }
}

/// The page with the month's chart, and as of when it is.
fn drawn(
    page: Page,
    books: &Books,
    (budget, spent): (&Budget, &[Spent]),
    whose: impl Fn(&Spent) -> Whose,
) -> Page {
    let (first, end) = (
        Day::first_of(books.month),
        Day::first_of(books.month.next()),
    );
    let today = Day::of(books.now, books.org.zone)
        .max(first)
        .min(end.minus(1));
    let chart = Chart {
        title: format!("Daily spending in {}", books.month.name()),
        first,
        days: end.since(first),
        parts: chart::parts(spent, first, today, whose),
        budget: Some(budget.whole()).filter(|whole| !whole.is_zero()),
        lasts: end.since(first),
        footer: format!("As of {}", books.now.short()),
    };
    page.with(Block::Chart(chart.gathered()))
        .note(Text::new("As of ").time(books.now))
}
