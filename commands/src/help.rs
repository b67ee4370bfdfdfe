//! `help`: what a person can say in her role, as it follows from the declarations.

use crate::{
    all::ALL,
    grammar::{Call, Command},
    meant,
    param::Param,
};
use futures::future::ready;
use slice_core::{
    ids::ServiceName,
    page::{Block, Page, Text},
    refusal::Refusal,
    reply::Reply,
    role::Role,
};

const COMMAND_MAX: u32 = 60;
const WHICH: Param<String> = Param::rest("command", "Which one", COMMAND_MAX).optional();
/// Platforms cut long texts, so no text is long.
const LINES_PER_TEXT: usize = 8;
/// Stands for a service in examples.
const SERVICE: &str = "{service}";

pub const COMMAND: Command = Command {
    params: &[WHICH.shape()],
    examples: &["help", "help provision"],
    ..Command::plain(
        "help",
        "What you can say, with examples",
        Role::Anyone,
        |call| Box::pin(ready(run(&call))),
    )
};

fn run(call: &Call<'_>) -> Result<Reply, Refusal> {
    let services = call.desk().services.names();
    let service = services.first().map_or("service", ServiceName::as_str);
    match WHICH.get(call) {
        Some(which) => one(&which, service).map(Reply::Page),
        None => Ok(all(call.caller().role, service).into()),
    }
}

fn shown() -> impl Iterator<Item = &'static Command> {
    ALL.iter().filter(|command| !command.hidden)
}

/// An example with a service that there is.
pub fn example(text: &str, service: &str) -> String {
    text.replace(SERVICE, service)
}

/// One line per command.
fn lines(commands: &[&Command]) -> Text {
    let mut text = Text::default();
    for (index, command) in commands.iter().enumerate() {
        text = if index == 0 { text } else { text.and("\n") };
        let usage = command.usage();
        text = text.say(usage).and(format!(" {}", command.about));
    }
    text
}

fn all(role: Role, service: &str) -> Page {
    let mut page = Page::titled("What you can say");
    for (needs, heading) in [
        (Role::Anyone, "Everyone"),
        (Role::User, "With a budget"),
        (Role::Owner, "Owners"),
    ] {
        let commands: Vec<_> = shown()
            .filter(|command| command.role == needs && needs <= role)
            .collect();
        if !commands.is_empty() {
            page = page.text(Text::default().bold(heading));
        }
        for some in commands.chunks(LINES_PER_TEXT) {
            page = page.text(lines(some));
        }
    }
    if role < Role::User {
        page = page.text("You have no budget yet. Ask an owner for one (`/slice allocate`).");
    }
    let last = Text::new("An example: ")
        .say(format!("provision {service} 20 for 7d"))
        .and(". More about one: ")
        .say("help provision")
        .and(".");
    page.note(last)
}

fn one(which: &str, service: &str) -> Result<Page, Refusal> {
    let which = which.trim_start_matches("/slice").trim().to_lowercase();
    let found: Vec<_> = shown()
        .filter(|command| {
            command.name == which || command.name.split(' ').next() == Some(which.as_str())
        })
        .collect();
    if found.is_empty() {
        return Err(meant::command(&which));
    }
    let mut page = Page::default();
    for command in found {
        page = page
            .text(Text::default().say(command.usage()))
            .text(Text::new(format!(
                "{}. {}",
                command.about,
                who(command.role)
            )));
        let params = command.params.iter().filter(|shape| !shape.hidden);
        let fields: Vec<_> = params
            .map(|shape| (shape.name.to_owned(), Text::new(shape.about)))
            .collect();
        if !fields.is_empty() {
            page = page.with(Block::Fields(fields));
        }
        let mut text = Text::new("For example: ");
        for (index, line) in command.examples.iter().enumerate() {
            text = if index == 0 { text } else { text.and(" · ") };
            text = text.say(example(line, service));
        }
        page = page.note(text);
    }
    Ok(page)
}

fn who(role: Role) -> &'static str {
    match role {
        Role::Anyone => "Anyone can say it.",
        Role::User => "It needs a budget.",
        Role::Owner => "It is for owners.",
    }
}

/// The README's table of commands, in Markdown.
pub fn readme_table() -> String {
    let line = |command: &Command| {
        let usage = command.usage().replace('|', "\\|");
        let (role, about) = (command.role.word(), command.about.replace('|', "\\|"));
        format!("| `{usage}` | {role} | {about} |\n")
    };
    let lines: String = shown().map(line).collect();
    format!("| command | who | what |\n|---|---|---|\n{lines}")
}
