//! The limits and the shape of Block Kit, as tables.

use std::collections::BTreeSet;

use serde_json::{Value, json};

#[derive(Clone, Copy)]
enum Measure {
    Characters,
    Items,
    Number,
}
use Measure::{Characters, Items, Number};

/// Type (`*`: any), path inside it (`[]`: each item), what is measured, and the most allowed.
/// Options and confirmation dialogs have no type of their own; they are named after their key.
const LIMITS: &[(&str, &str, Measure, usize)] = &[
    ("message", "blocks", Items, 50),
    ("modal", "blocks", Items, 100),
    ("home", "blocks", Items, 100),
    ("modal", "title.text", Characters, 24),
    ("modal", "submit.text", Characters, 24),
    ("modal", "close.text", Characters, 24),
    ("modal", "private_metadata", Characters, 3000),
    ("home", "private_metadata", Characters, 3000),
    ("modal", "callback_id", Characters, 255),
    ("home", "callback_id", Characters, 255),
    ("modal", "external_id", Characters, 255),
    ("*", "block_id", Characters, 255),
    ("*", "action_id", Characters, 255),
    ("*", "placeholder.text", Characters, 150),
    ("*", "options", Items, 100),
    ("*", "option_groups", Items, 100),
    ("section", "text.text", Characters, 3000),
    ("section", "fields", Items, 10),
    ("section", "fields[].text", Characters, 2000),
    ("header", "text.text", Characters, 150),
    ("context", "elements", Items, 10),
    ("actions", "elements", Items, 25),
    ("input", "label.text", Characters, 2000),
    ("input", "hint.text", Characters, 2000),
    ("image", "alt_text", Characters, 2000),
    ("image", "image_url", Characters, 3000),
    ("image", "title.text", Characters, 2000),
    ("markdown", "text", Characters, 12_000),
    ("table", "rows", Items, 100),
    ("table", "rows[]", Items, 20),
    ("button", "text.text", Characters, 75),
    ("button", "value", Characters, 2000),
    ("button", "url", Characters, 3000),
    ("button", "accessibility_label", Characters, 75),
    ("options", "text.text", Characters, 75),
    ("options", "value", Characters, 150),
    ("options", "description.text", Characters, 75),
    ("overflow", "options", Items, 5),
    ("radio_buttons", "options", Items, 10),
    ("checkboxes", "options", Items, 10),
    ("option_groups", "label.text", Characters, 75),
    ("plain_text_input", "max_length", Number, 3000),
    ("plain_text_input", "initial_value", Characters, 3000),
    ("confirm", "title.text", Characters, 100),
    ("confirm", "text.text", Characters, 300),
    ("confirm", "confirm.text", Characters, 30),
    ("confirm", "deny.text", Characters, 30),
];

/// What must be there, and with at least one character or item.
const REQUIRED: &[(&str, &str)] = &[
    ("modal", "title.text"),
    ("modal", "blocks"),
    ("home", "blocks"),
    ("header", "text.text"),
    ("context", "elements"),
    ("actions", "elements"),
    ("input", "label.text"),
    ("input", "element.type"),
    ("image", "alt_text"),
    ("rich_text", "elements"),
    ("button", "text.text"),
    ("options", "text.text"),
    ("options", "value"),
    ("plain_text", "text"),
    ("mrkdwn", "text"),
];

/// Texts that must be plain.
const PLAIN: &[(&str, &str)] = &[
    ("modal", "title"),
    ("modal", "submit"),
    ("modal", "close"),
    ("header", "text"),
    ("input", "label"),
    ("input", "hint"),
    ("button", "text"),
    ("*", "placeholder"),
];

const BLOCKS: &[&str] = &[
    "actions",
    "context",
    "divider",
    "file",
    "header",
    "image",
    "input",
    "markdown",
    "rich_text",
    "section",
    "table",
    "video",
];

/// `message text`: longer is refused with `msg_too_long`.
pub(super) const MESSAGE_TEXT_MAX: usize = 40_000;
/// A view as JSON: larger is refused with `view_too_large`.
pub(super) const VIEW_BYTES_MAX: usize = 250_000;

/// Everything wrong with a message's blocks.
pub(super) fn check_blocks(blocks: &Value) -> Vec<String> {
    if !blocks.is_array() {
        return vec!["blocks: no array".to_owned()];
    }
    check_surface(&json!({ "type": "message", "blocks": blocks }))
}

/// Everything wrong with a modal or home view.
pub(super) fn check_view(view: &Value) -> Vec<String> {
    if !matches!(view["type"].as_str(), Some("modal" | "home")) {
        return vec!["view/type: neither modal nor home".to_owned()];
    }
    let mut problems = check_surface(view);
    let inputs = blocks_of(view).any(|block| block["type"] == json!("input"));
    if inputs && view["type"] == json!("modal") && view["submit"].is_null() {
        problems.push("view/submit: required, because there is an input block".to_owned());
    }
    problems
}

fn blocks_of(surface: &Value) -> impl Iterator<Item = &Value> {
    surface["blocks"].as_array().into_iter().flatten()
}

fn check_surface(surface: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    walk(surface, "", "", &mut problems);
    let mut ids = BTreeSet::new();
    for (at, block) in blocks_of(surface).enumerate() {
        let kind = block["type"].as_str().unwrap_or_default();
        if !BLOCKS.contains(&kind) {
            problems.push(format!("/blocks/{at}: unsupported block type {kind:?}"));
        }
        if kind == "section" && block["text"].is_null() && block["fields"].is_null() {
            problems.push(format!("/blocks/{at}: a section needs text or fields"));
        }
        if let Some(id) = block["block_id"].as_str().filter(|id| !id.is_empty())
            && !ids.insert(id)
        {
            problems.push(format!("/blocks/{at}/block_id: {id:?} is there twice"));
        }
        let mut actions = BTreeSet::new();
        for element in block["elements"].as_array().into_iter().flatten() {
            if let Some(id) = element["action_id"].as_str()
                && !actions.insert(id)
            {
                problems.push(format!("/blocks/{at}: action_id {id:?} is there twice"));
            }
        }
    }
    problems
}

fn walk(value: &Value, key: &str, path: &str, problems: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                walk(item, key, &format!("{path}/{at}"), problems);
            }
        }
        Value::Object(fields) => {
            check_one(value, value["type"].as_str().unwrap_or(key), path, problems);
            for (name, field) in fields {
                walk(field, name, &format!("{path}/{name}"), problems);
            }
        }
        _ => {}
    }
}

fn check_one(value: &Value, kind: &str, path: &str, problems: &mut Vec<String>) {
    for (of, field, measure, max) in LIMITS {
        if *of != "*" && *of != kind {
            continue;
        }
        for found in pick(value, field) {
            let size = measure_of(found, *measure);
            if size > *max {
                problems.push(format!("{path}/{field} of {kind}: {size}, at most {max}"));
            }
        }
    }
    for (of, field) in REQUIRED {
        let filled = |found: &&Value| match found {
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty() || *field == "blocks",
            other => !other.is_null(),
        };
        if *of == kind && !pick(value, field).iter().any(filled) {
            problems.push(format!("{path}/{field} of {kind}: required and not empty"));
        }
    }
    for (of, field) in PLAIN {
        let text = &value[*field];
        if (*of == kind || *of == "*") && text.is_object() && text["type"] != json!("plain_text") {
            problems.push(format!("{path}/{field} of {kind}: must be plain_text"));
        }
    }
}

/// The values at a path such as `fields[].text`.
fn pick<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = vec![value];
    for step in path.split('.') {
        let (name, each) = step
            .strip_suffix("[]")
            .map_or((step, false), |name| (name, true));
        found = found
            .into_iter()
            .filter_map(|value| value.get(name))
            .collect();
        if each {
            found = found
                .into_iter()
                .filter_map(Value::as_array)
                .flatten()
                .collect();
        }
    }
    found
}

fn measure_of(value: &Value, measure: Measure) -> usize {
    match measure {
        Characters => value.as_str().map_or(0, |text| text.chars().count()),
        Items => value.as_array().map_or(0, Vec::len),
        Number => value
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(text: &str) -> Value {
        json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
    }

    #[test]
    fn what_fits_passes_and_what_does_not_is_named() {
        assert_eq!(
            check_blocks(&json!([section(&"x".repeat(3000))])),
            Vec::<String>::new()
        );
        let problems = check_blocks(&json!([section(&"x".repeat(3001))]));
        assert_eq!(
            problems,
            ["/blocks/0/text.text of section: 3001, at most 3000"]
        );
        assert_eq!(check_blocks(&json!(vec![section("x"); 51])).len(), 1);
        assert_eq!(check_blocks(&json!([section("")])).len(), 1);
        let button = json!({ "type": "button", "action_id": "a",
            "text": { "type": "plain_text", "text": "x".repeat(76) } });
        let twice = json!([{ "type": "actions", "elements": [button, button] }]);
        assert_eq!(check_blocks(&twice).len(), 3);
    }

    #[test]
    fn a_modal_with_inputs_needs_a_submit_button() {
        let input = json!({ "type": "input", "label": { "type": "plain_text", "text": "Amount" },
            "element": { "type": "plain_text_input", "max_length": 3001 } });
        let view = json!({ "type": "modal", "blocks": [input],
            "title": { "type": "plain_text", "text": "A title of over 24 letters" } });
        let problems = check_view(&view);
        assert_eq!(problems.len(), 3, "{problems:?}");
    }
}
