//! `transfer`: gives what is left of a grant to somebody else, with a new secret.

use crate::{
    forms::form,
    grammar::{Call, Command, View},
    param::Param,
    people,
};
use slice_core::{
    books::{Books, GrantRef},
    ids::UserId,
    leaving,
    money::Money,
    page::{Page, Text},
    ports::ServiceAdapter,
    refusal::Refusal,
    reply::{Form, Reply},
    role::Role,
};

const GRANT: Param<i64> = Param::grant("grant", "The grant's number");
const MEMBER: Param<UserId> = Param::member("member", "Who gets what is left of it");

pub const COMMAND: Command = Command {
    params: &[GRANT.shape(), MEMBER.shape()],
    examples: &["transfer 3 <@U0123ABCD>"],
    view: View::Form,
    form: Some(|call| Box::pin(make_form(call))),
    ..Command::plain(
        "transfer",
        "Give what is left of a grant to somebody else, with a new key",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

async fn make_form(call: Call<'_>) -> Result<Form, Refusal> {
    let number = GRANT.need(&call)?;
    let scope = call.look().grant(GrantRef::Number(number));
    let books = call.desk().store.books(scope).await?;
    let grant = books.grant.ok_or(Refusal::NoSuchGrant { number })?;
    let mut form = form(
        "Transfer a grant",
        format!("transfer {number}"),
        call.mine(),
    );
    let rest = (grant.cap - grant.usage()).or_zero();
    let text = Text::new(format!("{rest} of {} is left of ", grant.service))
        .member(grant.member)
        .and(format!(
            "'s grant {number}. It comes out of the budget of whoever gets it; the old key ends."
        ));
    form.intro = Page::say(text);
    form.submit = "Transfer".into();
    form.fields = vec![MEMBER.field("To whom")];
    Ok(form)
}

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let (number, user) = (GRANT.need(&call)?, MEMBER.need(&call)?);
    let desk = call.desk();
    let to = people::full_member(&call, user).await?;
    let look = call.look().grant(GrantRef::Number(number));
    if let Some(grant) = desk.store.books(look).await?.grant {
        // What was spent since the last reading is no longer left.
        desk.read_usage(call.caller().org, Some(grant.member))
            .await?;
    }
    let decide = |books: &Books| {
        let service = books.grant.as_ref().map(|grant| &grant.service);
        let adapter = service.and_then(|service| desk.services.find(service));
        if let Some(fixed) = adapter
            .map(ServiceAdapter::capabilities)
            .filter(|it| !it.adjusts.holder)
        {
            return Err(Refusal::sentence(format!(
                "What {} made for grant {number} was made for its member alone, so it can't be given to \
                 anybody else. Nothing was changed. Revoke it instead; its rest goes back.",
                fixed.title
            )));
        }
        let service_min = adapter.map_or(Money::ZERO, |found| found.capabilities().smallest_cap);
        leaving::transfer(books, number, service_min)
    };
    let scope = call.scope().grant(GrantRef::Number(number)).other(to);
    let given = desk.record(scope, decide).await?;
    let text = Text::default().member(to).and(format!(
        " gets {} as grant {} for {}: what was left of grant {number} of ",
        given.cap, given.number, given.life
    ));
    let text = text
        .member(given.from)
        .and(". The old key is being ended and the new one made; only its member will see it.");
    Ok(Page::say(text).into())
}
