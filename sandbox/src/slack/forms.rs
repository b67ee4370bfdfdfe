//! What a person types into a modal, and what the client refuses to send.

use serde_json::{Map, Value, json};

use super::Hub;
use super::render::{options, unescape};
use super::world::{Change, View, World};

/// Type of an input, the key of its state, the key of its first value, and what no choice is.
const INPUTS: &[(&str, &str, &str, &str)] = &[
    ("plain_text_input", "value", "initial_value", "null"),
    ("number_input", "value", "initial_value", "null"),
    ("email_text_input", "value", "initial_value", "null"),
    ("url_text_input", "value", "initial_value", "null"),
    ("static_select", "selected_option", "initial_option", "null"),
    (
        "external_select",
        "selected_option",
        "initial_option",
        "null",
    ),
    ("radio_buttons", "selected_option", "initial_option", "null"),
    ("checkboxes", "selected_options", "initial_options", "[]"),
    (
        "multi_static_select",
        "selected_options",
        "initial_options",
        "[]",
    ),
    ("users_select", "selected_user", "initial_user", "null"),
    (
        "multi_users_select",
        "selected_users",
        "initial_users",
        "[]",
    ),
    (
        "channels_select",
        "selected_channel",
        "initial_channel",
        "null",
    ),
    (
        "multi_channels_select",
        "selected_channels",
        "initial_channels",
        "[]",
    ),
    (
        "conversations_select",
        "selected_conversation",
        "initial_conversation",
        "null",
    ),
    (
        "multi_conversations_select",
        "selected_conversations",
        "initial_conversations",
        "[]",
    ),
    ("datepicker", "selected_date", "initial_date", "null"),
    ("timepicker", "selected_time", "initial_time", "null"),
];

fn input_keys(element: &Value) -> Option<(&'static str, &'static str, &'static str)> {
    let kind = element["type"].as_str()?;
    let (_, key, first, empty) = INPUTS.iter().find(|(known, ..)| *known == kind)?;
    Some((key, first, empty))
}

fn inputs(body: &Value) -> Vec<(&Value, &Value)> {
    let mut found = Vec::new();
    for block in body["blocks"].as_array().into_iter().flatten() {
        let many = block["elements"].as_array().into_iter().flatten();
        for element in many
            .chain(block.get("element"))
            .chain(block.get("accessory"))
        {
            if input_keys(element).is_some() {
                found.push((block, element));
            }
        }
    }
    found
}

fn place<'a>(block: &'a Value, element: &'a Value) -> (&'a str, &'a str) {
    let text = |value: &'a Value| value.as_str().unwrap_or_default();
    (text(&block["block_id"]), text(&element["action_id"]))
}

/// The state of a view's inputs: what was there under the same ids, else their first values.
pub(super) fn state_of(body: &Value, old: &Map<String, Value>) -> Map<String, Value> {
    let mut state = Map::new();
    for (block, element) in inputs(body) {
        let Some((key, first, empty)) = input_keys(element) else {
            continue;
        };
        let (block_id, action_id) = place(block, element);
        let kept = old.get(block_id).and_then(|block| block.get(action_id));
        let kept = kept
            .filter(|state| state["type"] == element["type"])
            .cloned();
        let fresh = || {
            let none = serde_json::from_str(empty).unwrap_or(Value::Null);
            let value = element.get(first).cloned().unwrap_or(none);
            json!({ "type": element["type"], key: value })
        };
        let actions = state
            .entry(block_id.to_owned())
            .or_insert_with(|| json!({}));
        actions[action_id] = kept.unwrap_or_else(fresh);
    }
    state
}

/// Types into the inputs with these labels.
pub(super) fn fill(world: &mut World, id: &str, fields: &[(&str, &str)]) -> Result<(), String> {
    for (label, text) in fields {
        let view = world.view(id).ok_or("the modal is gone")?;
        let all = inputs(&view.body);
        let labels = |block: &Value| unescape(block["label"]["text"].as_str().unwrap_or_default());
        let Some((block, element)) = all.iter().find(|(block, _)| labels(block) == *label) else {
            let known: Vec<String> = all.iter().map(|(block, _)| labels(block)).collect();
            return Err(format!("no input {label:?}; there are {known:?}"));
        };
        let value = typed(world, element, text).map_err(|why| format!("{label}: {why}"))?;
        let (block_id, action_id) = place(block, element);
        let (block_id, action_id) = (block_id.to_owned(), action_id.to_owned());
        if let Some(view) = world.view_mut(id) {
            let state = view.state.entry(block_id).or_insert_with(|| json!({}));
            state[action_id] = value;
        }
    }
    Ok(())
}

/// The state of an input after a person typed or chose `text`; several choices are separated by
/// commas, people are `@ana`, channels `#owners`.
fn typed(world: &World, element: &Value, text: &str) -> Result<Value, String> {
    let (key, ..) = input_keys(element).ok_or("no input")?;
    let many = key.ends_with('s');
    let words = if many {
        text.split(',').map(str::trim).collect()
    } else {
        vec![text]
    };
    let mut chosen = Vec::new();
    for word in words.into_iter().filter(|word| !many || !word.is_empty()) {
        chosen.push(match key.trim_end_matches('s') {
            "selected_option" => option(element, word)?,
            "selected_user" => user(world, word)?,
            "selected_channel" => channel(world, word)?,
            "selected_conversation" => channel(world, word).or_else(|_| user(world, word))?,
            _ if word.is_empty() => Value::Null,
            _ => json!(word),
        });
    }
    let value = if many {
        json!(chosen)
    } else {
        chosen.pop().unwrap_or(Value::Null)
    };
    Ok(json!({ "type": element["type"], key: value }))
}

fn option(element: &Value, text: &str) -> Result<Value, String> {
    let all = options(element);
    let label = |option: &Value| unescape(option["text"]["text"].as_str().unwrap_or_default());
    if element["type"] == json!("external_select") {
        return Ok(json!({ "text": { "type": "plain_text", "text": text }, "value": text }));
    }
    if let Some(option) = all.iter().find(|one| label(one) == text) {
        return Ok((*option).clone());
    }
    let known: Vec<String> = all.iter().map(|one| label(one)).collect();
    Err(format!("no option {text:?}; there are {known:?}"))
}

fn user(world: &World, text: &str) -> Result<Value, String> {
    let handle = text.trim_start_matches('@');
    let found = world
        .people
        .iter()
        .find(|one| one.handle == handle || one.id == text);
    found
        .map(|one| json!(one.id))
        .ok_or(format!("no person {text:?}"))
}

fn channel(world: &World, text: &str) -> Result<Value, String> {
    let name = text.trim_start_matches('#');
    let found = world
        .channels
        .iter()
        .find(|one| one.name == name || one.id == text);
    found
        .map(|one| json!(one.id))
        .ok_or(format!("no channel {text:?}"))
}

/// What the client complains about before it sends a form.
pub(super) fn complaints(view: &View) -> Vec<String> {
    let mut complaints = Vec::new();
    for (block, element) in inputs(&view.body) {
        if block["type"] != json!("input") {
            continue;
        }
        let Some((key, ..)) = input_keys(element) else {
            continue;
        };
        let (block_id, action_id) = place(block, element);
        let value = view
            .state
            .get(block_id)
            .map_or(&Value::Null, |one| &one[action_id][key]);
        let empty = match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        let label = block["label"]["text"].as_str().unwrap_or(block_id);
        if empty {
            if block["optional"] != json!(true) {
                complaints.push(format!("{label}: please complete this required field"));
            }
            continue;
        }
        let text = value.as_str().unwrap_or_default();
        let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        if element["min_length"]
            .as_u64()
            .is_some_and(|min| length < min)
        {
            complaints.push(format!(
                "{label}: at least {} characters",
                element["min_length"]
            ));
        }
        if element["max_length"]
            .as_u64()
            .is_some_and(|max| length > max)
        {
            complaints.push(format!(
                "{label}: at most {} characters",
                element["max_length"]
            ));
        }
        if element["type"] == json!("number_input") && text.parse::<f64>().is_err() {
            complaints.push(format!("{label}: a number"));
        }
    }
    complaints
}

impl World {
    /// Shows the errors that the app found in a submission, under their inputs.
    pub(super) fn show_errors(&mut self, hub: &Hub, id: &str, errors: &Map<String, Value>) {
        let Some(view) = self.view_mut(id) else {
            return;
        };
        let blocks = view.body["blocks"].as_array().cloned().unwrap_or_default();
        view.errors.clear();
        for (block, error) in errors {
            let is_input =
                |one: &&Value| one["block_id"] == json!(block) && one["type"] == json!("input");
            if blocks.iter().find(is_input).is_none() {
                hub.wire
                    .violation(format!("slack view errors: no input block {block:?}"));
            }
            let error = error.as_str().unwrap_or_default().to_owned();
            view.errors.insert(block.clone(), error);
        }
        if errors.is_empty() {
            hub.wire.violation("slack view errors: none are given");
        }
        self.show_view(id, Change::Edited);
    }
}
