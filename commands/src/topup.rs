//! `topup`: more for one month.

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
    ids::UserId,
    money::Money,
    page::{Page, Text},
    refusal::Refusal,
    reply::{Field, Form, Reply},
    role::Role,
};

const MEMBER: Param<UserId> = Param::member("member", "Whose budget it is");
const AMOUNT: Param<Money> = Param::money("amount", "What is added to this month in US dollars");

pub const COMMAND: Command = Command {
    params: &[MEMBER.shape(), AMOUNT.shape()],
    examples: &["topup <@U0123ABCD> 30"],
    view: View::Form,
    form: Some(|call| Box::pin(ready(Ok(make_form(&call))))),
    ..Command::plain(
        "topup",
        "Add to somebody's budget for this month only",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

fn make_form(call: &Call<'_>) -> Form {
    let mut form = form("Top up a budget", "topup", call.mine());
    form.intro = Page::say("For this month only. The member is told at once.");
    form.submit = "Top up".into();
    form.fields = vec![
        Field {
            initial: MEMBER
                .get(call)
                .map(|user| slice_core::inbound::mention(&user)),
            ..MEMBER.field("Who")
        },
        Field {
            initial: AMOUNT.get(call).map(Money::decimal),
            hint: Some("In US dollars, such as 30".into()),
            ..AMOUNT.field("Added to this month")
        },
    ];
    form
}

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let (user, amount) = (MEMBER.need(&call)?, AMOUNT.need(&call)?);
    let member = people::full_member(&call, user).await?;
    let decide = |books: &Books| {
        let (entry, free) = allocations::top_up(books, amount)?;
        Ok((entry, (free, books.org.turns_at)))
    };
    let (free, until) = call
        .desk()
        .record(call.scope().member(member), decide)
        .await?;
    let text = Text::new(format!("Added {amount} to this month of "))
        .member(member)
        .and(format!(": {free} is free until "))
        .time(until)
        .and(". The member has been told.");
    Ok(Page::say(text).into())
}
