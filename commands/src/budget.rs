//! `budget`: one's month in numbers.

use crate::{
    grammar::{Call, Command},
    keys,
};
use slice_core::{
    books::Books,
    budget::Budget,
    ids::MemberId,
    leftover,
    money::Money,
    page::{Block, Button, Page, Text},
    refusal::Refusal,
    reply::Reply,
    role::Role,
};

pub const COMMAND: Command = Command {
    examples: &["budget"],
    ..Command::plain(
        "budget",
        "Your month: budget, spent, committed, free, and when it ends",
        Role::User,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let (org, me) = (call.caller().org, call.caller().member);
    let unread = call.desk().read_usage(org, Some(me)).await?;
    let books = call
        .desk()
        .store
        .books(call.look().member(me).live())
        .await?;
    let member = books
        .member
        .as_ref()
        .filter(|member| member.allocation.is_some());
    let budget = member.ok_or(Refusal::NoAllocation)?.budget;
    let mut page = Page::titled(format!("Your budget for {}", books.month))
        .with(bar(Text::new("This month"), &budget))
        .with(Block::Fields(fields(&budget)))
        .text(
            Text::new("The month ends ")
                .time(books.org.turns_at)
                .and(". What your keys have not spent by then stays committed in the next month."),
        );
    for (number, what, monthly) in left(&books, me) {
        page = page.text(Text::new(format!(
            "{what} stays of grant {number} and is charged to you, about {monthly} a month, above your budget \
             too, until an owner takes it over or deletes it."
        )));
    }
    let excess = budget.excess();
    if !excess.is_zero() {
        let run_on = if budget.committed.is_zero() {
            ""
        } else {
            "your keys keep running to their caps, and "
        };
        page = page.text(
            Text::default()
                .bold(format!("{excess} above the budget"))
                .and(format!(": {run_on}nothing more can be taken.")),
        );
    }
    let provision = Button::new("Provision a key", "provision", call.mine()).primary();
    let keys = Button::new("See your keys", "keys", call.mine());
    let page = page.buttons(if budget.free().is_zero() {
        vec![keys]
    } else {
        vec![provision, keys]
    });
    Ok(keys::with_doubt(page, &unread, call.desk()).into())
}

/// What stays of her ended grants: the grant's number, what it is, and what it costs a month.
fn left(books: &Books, member: MemberId) -> Vec<(i64, String, Money)> {
    let hers = books.left.iter().filter(|grant| grant.member == member);
    let keys = hers.flat_map(|grant| leftover::of(grant).map(move |key| (grant.number, key)));
    keys.filter_map(|(number, key)| {
        let (what, monthly) = key.left.clone()?;
        Some((number, what, monthly))
    })
    .collect()
}

pub fn bar(label: Text, budget: &Budget) -> Block {
    Block::Bar {
        label,
        used: budget.spent,
        committed: budget.committed,
        whole: budget.whole(),
    }
}

fn fields(budget: &Budget) -> Vec<(String, Text)> {
    let mut rows = vec![("Monthly budget", budget.allocation)];
    if !budget.topups.is_zero() {
        rows.push(("Added this month", budget.topups));
    }
    rows.extend([
        ("Spent", budget.spent),
        ("Committed", budget.committed),
        ("Free", budget.free()),
    ]);
    let excess = budget.excess();
    if !excess.is_zero() {
        rows.push(("Excess", excess));
    }
    let rows = rows.into_iter();
    rows.map(|(name, money)| (name.to_owned(), Text::new(money.to_string())))
        .collect()
}
