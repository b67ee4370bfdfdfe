//! `vault discard`: deletes a key that was found at its provider.

use crate::{
    adopt::{KEY, find},
    grammar::{Call, Command},
};
use slice_core::{
    books::Books,
    page::{Page, Text},
    refusal::Refusal,
    reply::Reply,
    role::Role,
    strays,
};

pub const COMMAND: Command = Command {
    params: &[KEY.shape()],
    examples: &["vault discard 1"],
    ..Command::plain(
        "vault discard",
        "Delete a key that was found at its provider and that no books know",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let (_, stray) = find(&call).await?;
    let name = stray.number.to_string();
    let decide = |books: &Books| strays::discard(books, &name);
    let stray = call.desk().record(call.scope().strays(), decide).await?;
    let text = format!(
        "The {} key is being deleted at its provider. The owners' message about it says when that is done; \
         should the provider not answer, Slice goes on trying.",
        stray.service
    );
    Ok(Page::say(Text::new(text)).into())
}
