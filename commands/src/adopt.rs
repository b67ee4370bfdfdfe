//! `adopt`: makes a key that was found at its provider a member's grant.

use crate::{
    forms::form,
    grammar::{Call, Command, View},
    param::Param,
    people,
};
use slice_core::{
    books::{Books, Scope},
    ids::UserId,
    life::Life,
    page::{Page, Text},
    ports::{Meter, ServiceError},
    refusal::Refusal,
    reply::{Form, Reply},
    role::Role,
    strays::{self, Adoption, Stray},
};

pub(crate) const KEY: Param<String> = Param::line(
    "key",
    "The key's label, or its number in the message about it",
    100,
);
const MEMBER: Param<UserId> = Param::member("member", "Whose budget it is charged to");
const LIFE: Param<Life> = Param::life("life", "How long it may live from now on")
    .named("for")
    .optional();

pub const COMMAND: Command = Command {
    params: &[KEY.shape(), MEMBER.shape(), LIFE.shape()],
    examples: &["adopt 1 <@U0123ABCD> for 7d"],
    view: View::Form,
    form: Some(|call| Box::pin(make_form(call))),
    ..Command::plain(
        "adopt",
        "Make a key that was found at its provider a member's grant",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

/// The finding that is meant.
pub(crate) async fn find(call: &Call<'_>) -> Result<(Books, Stray), Refusal> {
    let name = KEY.need(call)?;
    let books = call.desk().store.books(call.look().strays()).await?;
    let stray = strays::named(&books, &name)?.clone();
    Ok((books, stray))
}

async fn make_form(call: Call<'_>) -> Result<Form, Refusal> {
    let (books, stray) = find(&call).await?;
    let meter = read(&call, &books, &stray).await?;
    let mut form = form(
        "Adopt a key",
        format!("adopt {}", stray.number),
        call.mine(),
    );
    form.intro = Page::say(Text::new(format!(
        "It has spent {}. All that it may spend must fit the budget of whoever gets it; what it has spent is \
         charged there at once. Its secret stays with whoever has it.",
        meter.usage
    )));
    form.submit = "Adopt".into();
    form.fields = vec![MEMBER.field("Whose is it?"), LIFE.field("For how long?")];
    Ok(form)
}

/// As its provider shows it now.
async fn read(call: &Call<'_>, books: &Books, stray: &Stray) -> Result<Meter, Refusal> {
    let desk = call.desk();
    let known = books.org.master(&stray.service);
    let (Some(master), Some(adapter)) = (known, desk.services.find(&stray.service)) else {
        return Err(Refusal::sentence(format!(
            "There is no master key for {} in the vault any more, so Slice can't look at that key. Nothing was \
             changed.",
            stray.service
        )));
    };
    let secret = desk.master_secret(books, master)?;
    adapter.read(&secret, &stray.key()).await.map_err(|why| match why {
        ServiceError::Gone => Refusal::sentence(
            "That key is not at its provider any more. Nothing was changed, and there is nothing left to do.",
        ),
        why => Refusal::sentence(format!("That key could not be read: {why} Nothing was changed.")),
    })
}

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let user = MEMBER.need(&call)?;
    let (books, stray) = find(&call).await?;
    let to = people::full_member(&call, user).await?;
    let adoption = Adoption {
        meter: read(&call, &books, &stray).await?,
        life: LIFE.get(&call),
    };
    let scope: Scope = call.scope().strays().member(to);
    let name = stray.number.to_string();
    let decide = |books: &Books| strays::adopt(books, &name, &adoption);
    let adopted = call.desk().record(scope, decide).await?;
    let text = Text::new(format!(
        "The {} key is grant {} of ",
        stray.service, adopted.number
    ));
    let text = text.member(to).and(format!(
        " now: {} of that budget, {} of it spent already. Slice ends it ",
        adopted.cap, adopted.usage
    ));
    let text = text.time(adopted.ends_at).and(
        ". The member has been told. Whoever has its secret goes on using it: Slice does not know it.",
    );
    Ok(Page::say(text).into())
}
