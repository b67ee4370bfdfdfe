//! Messages and modals as a person reads them.

use serde_json::{Value, json};

use super::forms;
use super::markdown;
use super::world::{Body, Modal, World, items};

pub(super) const ACTION_ROW: u64 = 1;
pub(super) const BUTTON: u64 = 2;
pub(super) const STRING_SELECT: u64 = 3;
pub(super) const TEXT_INPUT: u64 = 4;
pub(super) const LABEL: u64 = 18;
/// A button that opens an address; the app does not hear of its click.
pub(super) const LINK_STYLE: u64 = 5;

/// What a person sees of a message or a modal.
pub(super) struct Rendered {
    pub text: String,
    pub buttons: Vec<String>,
    /// Mentions and links: markup that does something.
    pub alive: Vec<String>,
}

pub(super) fn kind(component: &Value) -> u64 {
    component["type"].as_u64().unwrap_or(0)
}

/// A message: content, embeds, then rows of buttons and menus.
pub(super) fn message(world: &World, body: &Body) -> Rendered {
    let mut alive = Vec::new();
    let mut lines = vec![markdown::read(world, &body.content, &mut alive)];
    for one in &body.embeds {
        embed(world, one, &mut lines, &mut alive);
    }
    for attachment in &body.attachments {
        let name = attachment["filename"].as_str().unwrap_or_default();
        lines.push(format!("[file: {name}]"));
    }
    for row in &body.components {
        let shown = items(&row["components"]).iter().map(|one| {
            if let Some(url) = one["url"].as_str() {
                alive.push(format!("link {url}"));
            }
            component(one)
        });
        lines.push(shown.collect::<Vec<_>>().join(" "));
    }
    lines.retain(|line| !line.is_empty());
    let clicks = clickables(&body.components);
    Rendered {
        text: lines.join("\n"),
        buttons: clicks.into_iter().map(|one| one.label).collect(),
        alive,
    }
}

fn embed(world: &World, embed: &Value, lines: &mut Vec<String>, alive: &mut Vec<String>) {
    let plain = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    lines.push(plain(&embed["author"]["name"]));
    let mut read = |value: &Value| markdown::read(world, value.as_str().unwrap_or_default(), alive);
    lines.push(read(&embed["title"]));
    lines.push(read(&embed["description"]));
    for field in items(&embed["fields"]) {
        let name = read(&field["name"]);
        let value = read(&field["value"]);
        lines.push(format!("{}: {value}", name.trim_end_matches(':')));
    }
    lines.push(plain(&embed["footer"]["text"]));
    if let Some(url) = embed["image"]["url"].as_str() {
        lines.push(format!("[image: {url}]"));
    }
    if let Some(url) = embed["url"].as_str() {
        alive.push(format!("link {url}"));
    }
}

fn component(component: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if kind(component) == BUTTON {
        let label = match (&component["emoji"]["name"], word(&component["label"])) {
            (Value::String(emoji), label) if label.is_empty() => emoji.clone(),
            (Value::String(emoji), label) => format!("{emoji} {label}"),
            (_, label) => label,
        };
        return if component["disabled"] == json!(true) {
            format!("({label})")
        } else {
            format!("[{label}]")
        };
    }
    let options = items(&component["options"]);
    let labels: Vec<String> = options.iter().map(|one| word(&one["label"])).collect();
    let hint = component["placeholder"].as_str().unwrap_or("choose");
    format!("[{hint}: {}]", labels.join(" | "))
}

/// A modal with its title, what is typed so far, and its submit button, which always says "Submit".
pub(super) fn modal(world: &World, modal: &Modal) -> Rendered {
    let mut lines = vec![modal.body["title"].as_str().unwrap_or_default().to_owned()];
    for input in forms::inputs(&modal.body) {
        let typed = modal.values.get(&input.id).map(shown);
        let typed = typed.filter(|text| !text.is_empty());
        let mut line = format!(
            "{}: {}",
            input.label,
            typed.unwrap_or_else(|| "____".to_owned())
        );
        let choices = items(&input.component["options"]);
        if !choices.is_empty() {
            let labels = choices.iter().filter_map(|one| one["label"].as_str());
            line = format!("{line} ({})", labels.collect::<Vec<_>>().join(" | "));
        }
        if !input.required {
            line.push_str(" (optional)");
        }
        for hint in [&input.hint, &input.component["placeholder"]] {
            if let Some(hint) = hint.as_str() {
                line = format!("{line}\n  {}", markdown::read(world, hint, &mut Vec::new()));
            }
        }
        lines.push(line);
    }
    lines.push(format!("[{SUBMIT}]"));
    Rendered {
        text: lines.join("\n"),
        buttons: vec![SUBMIT.to_owned()],
        alive: Vec::new(),
    }
}

/// The label of every modal's submit button.
pub(super) const SUBMIT: &str = "Submit";

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => {
            let texts = all.iter().filter_map(Value::as_str);
            texts.collect::<Vec<_>>().join(", ")
        }
        _ => String::new(),
    }
}

/// Something that a click does something to: a button, or an option of a menu.
#[derive(Clone)]
pub(super) struct Clickable {
    pub label: String,
    pub component: Value,
    /// The value of the option.
    pub option: Option<String>,
}

/// What can be clicked; links and disabled buttons tell the app nothing.
pub(super) fn clickables(components: &[Value]) -> Vec<Clickable> {
    let mut found = Vec::new();
    let rows = components.iter().flat_map(|row| items(&row["components"]));
    for component in rows.filter(|one| one["disabled"] != json!(true)) {
        let click = |label: &Value, option: Option<&str>| Clickable {
            label: label.as_str().unwrap_or_default().to_owned(),
            component: component.clone(),
            option: option.map(str::to_owned),
        };
        if kind(component) == BUTTON && component["custom_id"].is_string() {
            found.push(click(&component["label"], None));
        }
        for option in items(&component["options"]) {
            found.push(click(&option["label"], option["value"].as_str()));
        }
    }
    found
}

/// Discord's markdown as a person reads it.
pub(super) fn markdown(world: &World, text: &str, alive: &mut Vec<String>) -> String {
    markdown::read(world, text, alive)
}
