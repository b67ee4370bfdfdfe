//! `deny`: an owner's no, with a reason for the member.

use crate::{
    approve,
    args::REASON_MAX,
    forms::form,
    grammar::{Call, Command, View},
    param::Param,
};
use slice_core::{
    books::{Books, GrantRef},
    page::{Page, Text},
    refusal::Refusal,
    reply::{Field, Form, Reply},
    requests,
    role::Role,
};

const GRANT: Param<i64> = Param::grant("grant", "The grant's number");
const REASON: Param<String> = Param::rest("reason", "Why, for its member to read", REASON_MAX)
    .perhaps("because")
    .optional();

pub const COMMAND: Command = Command {
    params: &[GRANT.shape(), REASON.shape()],
    examples: &["deny 3", "deny 3 take the shared key for this"],
    view: View::Form,
    form: Some(|call| Box::pin(make_form(call))),
    ..Command::plain("deny", "Say no to a request", Role::Owner, |call| {
        Box::pin(run(call))
    })
};

async fn make_form(call: Call<'_>) -> Result<Form, Refusal> {
    let number = GRANT.need(&call)?;
    let grant = approve::waiting(&call, number, "denied").await?;
    let mut form = form("Deny", format!("deny {number}"), call.mine());
    form.intro = Page::say(Text::default().member(grant.member).and(format!(
        " asks for {} of {} for {}.",
        grant.cap, grant.service, grant.life
    )));
    form.submit = "Deny".into();
    form.fields = vec![Field {
        initial: REASON.get(&call),
        hint: Some("The member reads it".into()),
        ..REASON.field("Reason")
    }];
    Ok(form)
}

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let (number, reason) = (GRANT.need(&call)?, REASON.get(&call));
    let scope = call.scope().grant(GrantRef::Number(number));
    let decide = |books: &Books| Ok((requests::deny(books, number, reason.as_deref())?, ()));
    call.desk().record(scope, decide).await?;
    let text = format!("Denied grant {number}. Its member has been told, and nothing was taken.");
    Ok(Page::say(Text::new(text)).into())
}
