//! `approve`: an owner's yes, or yes to less.

use crate::{
    forms::form,
    grammar::{Call, Command, View},
    param::Param,
};
use slice_core::{
    books::{Books, GrantRef},
    grant::{Grant, State},
    life::Life,
    money::Money,
    page::{Audience, Button, Page, Text},
    presence::Presence,
    refusal::Refusal,
    reply::{Field, Form, Reply},
    requests::{self, Approval},
    role::Role,
};

const GRANT: Param<i64> = Param::grant("grant", "The grant's number");
const AMOUNT: Param<Money> =
    Param::money("amount", "The cap, if it is less than was asked for").optional();
const LIFE: Param<Life> = Param::life("life", "How long it may live: 12h, 7d, 2w")
    .named("for")
    .optional();

/// What the button said that the approval adds to the member's month.
const ADDING: Param<Money> = Param::money(
    "adding",
    "What it adds to the month, if the budget is short",
)
.named("adding")
.optional()
.hidden();

pub const COMMAND: Command = Command {
    params: &[GRANT.shape(), AMOUNT.shape(), LIFE.shape(), ADDING.shape()],
    examples: &["approve 3", "approve 3 50", "approve 3 50 for 3d"],
    view: View::Form,
    form: Some(|call| Box::pin(make_form(call))),
    ..Command::plain(
        "approve",
        "Say yes to a request, or yes to less",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

/// The request that a form is about, if it still waits.
pub async fn waiting(call: &Call<'_>, number: i64, cannot: &'static str) -> Result<Grant, Refusal> {
    let scope = call.look().grant(GrantRef::Number(number));
    let books = call.desk().store.books(scope).await?;
    let grant = books.grant.ok_or(Refusal::NoSuchGrant { number })?;
    if grant.state == State::AwaitingOwner {
        return Ok(grant);
    }
    let decided = grant.decided_by.zip(grant.decided_at);
    Err(Refusal::WrongState {
        number,
        state: grant.state,
        decided,
        cannot,
    })
}

async fn make_form(call: Call<'_>) -> Result<Form, Refusal> {
    let number = GRANT.need(&call)?;
    let grant = waiting(&call, number, "approved").await?;
    let mut form = form("Approve less", format!("approve {number}"), call.mine());
    form.intro = Page::say(Text::default().member(grant.member).and(format!(
        " asks for {} of {} for {}.",
        grant.cap, grant.service, grant.life
    )));
    form.submit = "Approve".into();
    let cap = AMOUNT.get(&call).unwrap_or(grant.cap);
    let life = LIFE.get(&call).unwrap_or(grant.life);
    form.fields = vec![
        Field {
            initial: Some(cap.decimal()),
            hint: Some(format!("In US dollars, {} at most", grant.cap)),
            ..AMOUNT.field("Cap")
        },
        Field {
            initial: Some(life.to_string()),
            hint: Some("12h, 7d or 2w".into()),
            ..LIFE.field("Life")
        },
    ];
    Ok(form)
}

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let number = GRANT.need(&call)?;
    let (cap, life) = (AMOUNT.get(&call), LIFE.get(&call));
    let adding = ADDING.get(&call).unwrap_or(Money::ZERO);
    let desk = call.desk();
    let grant = waiting(&call, number, "approved").await?;
    if desk.presence(call.caller().org, grant.member).await? == Presence::Left {
        return Err(Refusal::offering(
            format!(
                "Whoever asked for grant {number} has left, or has no role any more, so nobody would \
                 get the key. Nothing was approved."
            ),
            Button::new("Deny…", format!("deny {number} form"), Audience::Owners),
        ));
    }
    let decide = |books: &Books| {
        let service = books.grant.as_ref().map(|grant| &grant.service);
        let adapter = service.and_then(|service| desk.services.find(service));
        let service_min = adapter.map_or(Money::ZERO, |found| found.capabilities().smallest_cap);
        requests::approve(
            books,
            &Approval {
                number,
                cap,
                life,
                service_min,
                adding,
            },
        )
    };
    let scope = call.scope().grant(GrantRef::Number(number));
    let approved = desk.record(scope, decide).await?;
    let mut text = Text::new(format!("Approved grant {number} at {} for ", approved.cap))
        .member(approved.member);
    if !approved.top_up.is_zero() {
        text = text.and(format!(", with {} added to this month", approved.top_up));
    }
    Ok(Page::say(text.and(". The key is being made; only its member will see it.")).into())
}
