//! `members`: everyone, with budgets and what is above them.

use crate::{
    budget,
    grammar::{Call, Command},
    keys,
    param::Param,
};
use slice_core::{
    books::Member,
    budget::Budget,
    money::Money,
    months,
    page::{Button, Page, Text},
    refusal::Refusal,
    reply::Reply,
    role::Role,
};

const SHOWN: usize = 20;
const AFTER: Param<i64> = Param::event("after", "How many were shown before")
    .named("after")
    .optional()
    .hidden();

pub const COMMAND: Command = Command {
    params: &[AFTER.shape()],
    examples: &["members"],
    ..Command::plain(
        "members",
        "Everyone: role, budget, spent, committed, free and excess",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let org = call.caller().org;
    let unread = call.desk().read_usage(org, None).await?;
    let mut rows = call.desk().store.members(org).await?;
    rows.retain(|row| row.allocation.is_some() || row.role != Role::Anyone || holds(row));
    rows.sort_by_key(|row| (row.budget.balance(), row.id));
    if rows.iter().all(|row| row.allocation.is_none()) {
        let text = "Nobody has a budget yet.";
        let button = Button::new("Allocate a budget", "allocate", call.mine()).primary();
        return Ok(Page::say(text).buttons(vec![button]).into());
    }
    let sum = |of: fn(&Budget) -> Money| rows.iter().map(|row| of(&row.budget)).sum::<Money>();
    let whole = Budget {
        allocation: sum(|budget| budget.allocation),
        topups: sum(|budget| budget.topups),
        spent: sum(|budget| budget.spent),
        committed: sum(|budget| budget.committed),
    };
    let skipped = AFTER
        .get(&call)
        .and_then(|after| usize::try_from(after).ok())
        .unwrap_or(0);
    let mut page = Page::titled("Members").with(budget::bar(
        Text::new(format!("All {}", rows.len())),
        &whole,
    ));
    for row in rows.iter().skip(skipped).take(SHOWN) {
        page = page.text(line(row));
        if !row.budget.excess().is_zero() {
            page = page.buttons(months::trim(row));
        }
    }
    let shown = skipped.saturating_add(SHOWN);
    if shown < rows.len() {
        let more = Button::new("More", format!("members after {shown}"), call.mine());
        page = page.buttons(vec![more]);
    }
    Ok(keys::with_doubt(page, &unread, call.desk()).into())
}

fn holds(row: &Member) -> bool {
    !row.budget.committed.is_zero() || !row.budget.spent.is_zero()
}

fn line(row: &Member) -> Text {
    let budget = &row.budget;
    let text = Text::default().member(row.id).and(match row.role {
        // Nothing is known of people who never said anything.
        Role::Anyone => ": ".to_owned(),
        role => format!(" ({}): ", role.word()),
    });
    let Some(allocation) = row.allocation else {
        return text.and("no budget");
    };
    let more = match budget.topups {
        Money::ZERO => String::new(),
        more => format!(" + {more} this month"),
    };
    let (spent, committed) = (budget.spent, budget.committed);
    let text = text
        .and(format!(
            "{allocation}{more} · spent {spent} · committed {committed} · free "
        ))
        .bold(budget.free());
    let excess = budget.excess();
    if excess.is_zero() {
        text
    } else {
        text.and(" · excess ").bold(excess)
    }
}
