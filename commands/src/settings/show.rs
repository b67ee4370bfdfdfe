//! `settings show`: every setting with its value.

use crate::grammar::{Call, Command};
use slice_core::{
    page::{Block, Button, Page, Text},
    refusal::Refusal,
    reply::Reply,
    role::Role,
    settings,
};

pub const COMMAND: Command = Command {
    examples: &["settings show"],
    ..Command::plain(
        "settings show",
        "Every setting with its value",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let org = call.desk().store.books(call.look()).await?.org;
    let values = &org.settings;
    let field = |setting: &settings::Setting| {
        let value = setting.said(values).and(" · ");
        (
            setting.name.to_owned(),
            value.join(Text::from(setting.about)),
        )
    };
    let page = Page::titled("Settings")
        .with(Block::Fields(settings::ALL.iter().map(field).collect()))
        .note(
            "Change one with `/slice settings <name> <value>`, such as `/slice settings free-hand 100`.",
        );
    let mut buttons = vec![];
    if values.owners_channel.is_none() {
        let button = Button::new(
            "Choose the owners' channel",
            "settings owners-channel",
            call.mine(),
        );
        buttons.push(button.primary());
    }
    Ok(page.buttons(buttons).into())
}
