//! `roles unbind`: a group makes nobody anything any more.

use super::{GROUP, group, role};
use crate::{
    announce,
    grammar::{Call, Command},
    param::Param,
};
use slice_core::{
    books::{Books, Entry},
    event::Event,
    page::{Page, Span, Text},
    refusal::Refusal,
    reply::Reply,
    role::{Binding, Role},
};

const ROLE: Param<&'static str> = Param::choice(
    "role",
    "Which of its roles, if it has both",
    &["owner", "user"],
)
.optional();

pub const COMMAND: Command = Command {
    params: &[GROUP.shape(), ROLE.shape()],
    examples: &["roles unbind <#C0123ABCD>"],
    ..Command::plain("roles unbind", "Undo a binding", Role::Owner, |call| {
        Box::pin(run(call))
    })
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let group = group(&call, GROUP.need(&call)?);
    let only = ROLE.get(&call).map(role);
    let said = Text::default().push(Span::Group(group.clone()));
    let news = Text::default()
        .member(call.caller().member)
        .and(" unbound ")
        .join(said.clone())
        .and(": being in it makes nobody an owner or user any more.");
    let news = Page::say(match only {
        Some(role) => Text::default()
            .member(call.caller().member)
            .and(" unbound ")
            .join(said.clone())
            .and(format!(" as {}.", role.word())),
        None => news,
    });
    let decide = |books: &Books| {
        let bindings = books.org.bindings.iter();
        let goes = |binding: &&Binding| {
            binding.group == group && only.is_none_or(|role| binding.role == role)
        };
        let (gone, stay): (Vec<&Binding>, Vec<&Binding>) = bindings.partition(goes);
        if gone.is_empty() {
            return Err(Refusal::sentence(
                "That group is not bound, so there is nothing to undo. Nothing was changed. See roles \
                 list.",
            ));
        }
        let had_owners = books.org.has_binding(Role::Owner);
        let last = had_owners && stay.iter().all(|binding| binding.role != Role::Owner);
        let events = gone.into_iter().map(|binding| Event::RoleUnbound {
            binding: binding.clone(),
        });
        let entry = Entry {
            events: events.collect(),
            ..Entry::default()
        };
        Ok((entry.say_all(announce::loudly(&books.org, &news)), last))
    };
    let last = call.desk().record(call.scope(), decide).await?;
    let page = Page::say(said.and(" was unbound."));
    Ok(if last {
        page.text(
            "It was the last owner binding, so the admins of your first workspace are owners again, \
             and nobody else is.",
        )
    } else {
        page
    }
    .into())
}
