//! `allocate`: a member's monthly budget. It also invites her.

use crate::{
    forms::form,
    grammar::{Call, Command, View},
    param::Param,
    people,
};
use futures::future::ready;
use slice_core::{
    allocations,
    books::Books,
    budget::Budget,
    ids::UserId,
    money::Money,
    page::{Page, Text},
    refusal::Refusal,
    reply::{Field, Form, Reply},
    role::Role,
};

const MEMBER: Param<UserId> = Param::member("member", "Whose budget it is");
const AMOUNT: Param<Money> =
    Param::money_or_zero("amount", "The budget of each month in US dollars");

pub const COMMAND: Command = Command {
    params: &[MEMBER.shape(), AMOUNT.shape()],
    examples: &["allocate <@U0123ABCD> 100"],
    view: View::Form,
    form: Some(|call| Box::pin(ready(Ok(make_form(&call))))),
    ..Command::plain(
        "allocate",
        "Set somebody's monthly budget; this also invites them",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

fn make_form(call: &Call<'_>) -> Form {
    let mut form = form("Allocate a budget", "allocate", call.mine());
    form.intro = Page::say("The member is told at once, and can take keys up to this every month.");
    form.submit = "Allocate".into();
    form.fields = vec![
        Field {
            initial: MEMBER
                .get(call)
                .map(|user| slice_core::inbound::mention(&user)),
            ..MEMBER.field("Who")
        },
        Field {
            initial: AMOUNT.get(call).map(Money::decimal),
            hint: Some("In US dollars, such as 100".into()),
            ..AMOUNT.field("Budget of each month")
        },
    ];
    form
}

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let (user, to) = (MEMBER.need(&call)?, AMOUNT.need(&call)?);
    let member = people::full_member(&call, user).await?;
    let decide = |books: &Books| {
        let (entry, from) = allocations::allocate(books, to)?;
        if from == Some(to) {
            return Err(Refusal::sentence(format!(
                "That person's monthly budget is {to} already. Nothing was changed."
            )));
        }
        let mut after = books
            .member
            .as_ref()
            .map(|member| member.budget)
            .unwrap_or_default();
        after.allocation = to;
        Ok((entry, (from, after)))
    };
    let (from, after) = call
        .desk()
        .record(call.scope().member(member), decide)
        .await?;
    let text = Text::new("The monthly budget of ").member(member);
    let text = match from {
        Some(from) => text.and(format!(" goes from {from} to {to}")),
        None => text.and(format!(" is {to}")),
    };
    let text = text.and(left(&after)).and(" The member has been told.");
    Ok(Page::say(text).into())
}

fn left(after: &Budget) -> String {
    let no_more = "nothing more can be taken.";
    match after.above() {
        (Money::ZERO, Money::ZERO) => format!("; {} of it is free now.", after.free()),
        (Money::ZERO, held) => format!(
            ". Keys that run now hold {held} more than that: they run on to their caps, and {no_more}"
        ),
        (spent, Money::ZERO) => {
            format!(". {spent} more than that was spent this month already, so {no_more}")
        }
        (spent, held) => format!(
            ". {spent} more than that was spent this month already, and keys that run now hold {held} \
             beside it: they run on to their caps, and {no_more}"
        ),
    }
}
