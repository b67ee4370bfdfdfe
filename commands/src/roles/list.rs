//! `roles list`: who is an owner, and who is a user.

use crate::grammar::{Call, Command};
use slice_core::{
    page::{Page, Span, Text},
    refusal::Refusal,
    reply::Reply,
    role::Role,
};

pub const COMMAND: Command = Command {
    examples: &["roles list"],
    ..Command::plain(
        "roles list",
        "Who is an owner, and who is a user",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let org = call.desk().store.books(call.look()).await?.org;
    let mut page = Page::titled("Roles");
    for binding in &org.bindings {
        let text = Text::new("Everyone in ").push(Span::Group(binding.group.clone()));
        let role = if binding.role == Role::Owner {
            "an owner"
        } else {
            "a user"
        };
        page = page.text(text.and(format!(" is {role}.")));
    }
    if !org.has_binding(Role::Owner) {
        page = page.text(
            "No owners are bound, so the admins of your first workspace are owners. Bind a private \
             channel or a user group with `/slice roles bind #channel owner`.",
        );
    }
    if !org.has_binding(Role::User) {
        page = page.text("No users are bound, so every full member with a budget is a user.");
    }
    let mut lately = org.owners;
    lately.sort_by_key(|(_, at)| std::cmp::Reverse(*at));
    let mut text = Text::new("Owners who acted lately: ");
    for (index, (owner, _)) in lately.iter().take(10).enumerate() {
        text = if index == 0 { text } else { text.and(", ") }.member(*owner);
    }
    Ok(if lately.is_empty() {
        page
    } else {
        page.note(text.and("."))
    }
    .into())
}
