//! What a person types into a modal, and what the client refuses to send.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::render::{ACTION_ROW, STRING_SELECT, TEXT_INPUT, kind};
use super::world::{Modal, World, items};

/// Something to fill in.
pub(super) struct Input {
    pub id: String,
    pub label: String,
    pub hint: Value,
    pub required: bool,
    pub component: Value,
}

/// The inputs of a modal, whether they stand in rows or in labels.
pub(super) fn inputs(body: &Value) -> Vec<Input> {
    let mut found = Vec::new();
    for row in items(&body["components"]) {
        let labelled = kind(row) != ACTION_ROW;
        let inside = if labelled {
            std::slice::from_ref(&row["component"])
        } else {
            items(&row["components"])
        };
        for component in inside {
            let label = if labelled { row } else { component };
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            found.push(Input {
                id: word(&component["custom_id"]),
                label: word(&label["label"]),
                hint: row["description"].clone(),
                required: component["required"] != json!(false),
                component: component.clone(),
            });
        }
    }
    found
}

/// What stands in the inputs of a fresh modal.
pub(super) fn first_values(body: &Value) -> BTreeMap<String, Value> {
    let first = |input: Input| {
        let component = &input.component;
        let value = if kind(component) == TEXT_INPUT {
            json!(component["value"].as_str().unwrap_or_default())
        } else {
            let chosen = items(&component["options"])
                .iter()
                .filter(|option| option["default"] == json!(true));
            chosen.map(|option| option["value"].clone()).collect()
        };
        (input.id, value)
    };
    inputs(body).into_iter().map(first).collect()
}

/// Types into the inputs with these labels.
pub(super) fn fill(world: &mut World, id: &str, fields: &[(&str, &str)]) -> Result<(), String> {
    for (label, text) in fields {
        let modal = world.modals.iter().find(|modal| modal.id == id);
        let all = inputs(&modal.ok_or("the modal is gone")?.body);
        let Some(input) = all.iter().find(|input| input.label == *label) else {
            let known: Vec<&String> = all.iter().map(|input| &input.label).collect();
            return Err(format!("no input {label:?}; there are {known:?}"));
        };
        let value = typed(world, input, text).map_err(|why| format!("{label}: {why}"))?;
        if let Some(modal) = world.modal_mut(id) {
            modal.values.insert(input.id.clone(), value);
        }
    }
    Ok(())
}

/// What a person typed or chose; several choices are separated by commas.
fn typed(world: &World, input: &Input, text: &str) -> Result<Value, String> {
    if kind(&input.component) == TEXT_INPUT {
        return Ok(json!(text));
    }
    let words = text.split(',').map(str::trim);
    let chosen = words.filter(|word| !word.is_empty()).map(|word| {
        if kind(&input.component) != STRING_SELECT {
            let name = word.trim_start_matches(['@', '#']);
            return world
                .id_called(name)
                .ok_or_else(|| format!("nobody and nothing is called {word:?}"));
        }
        let options = items(&input.component["options"]);
        let option = options.iter().find(|one| one["label"] == json!(word));
        let value = option.and_then(|option| option["value"].as_str());
        value
            .map(str::to_owned)
            .ok_or_else(|| format!("no option {word:?}"))
    });
    let chosen: Result<Vec<String>, String> = chosen.collect();
    Ok(json!(chosen?))
}

/// What the client complains about before it sends a modal.
pub(super) fn complaints(modal: &Modal) -> Vec<String> {
    let mut complaints = Vec::new();
    for input in inputs(&modal.body) {
        let label = &input.label;
        let value = modal.values.get(&input.id).unwrap_or(&Value::Null);
        let size = match value {
            Value::String(text) => text.chars().count(),
            other => items(other).len(),
        };
        if size == 0 {
            if input.required {
                complaints.push(format!("{label}: This field is required."));
            }
            continue;
        }
        let bound = |key: &str, otherwise: usize| {
            let bound = input.component[key].as_u64();
            bound.map_or(otherwise, |n| usize::try_from(n).unwrap_or(usize::MAX))
        };
        let (least, most) = if kind(&input.component) == TEXT_INPUT {
            (bound("min_length", 0), bound("max_length", 4000))
        } else {
            (bound("min_values", 1), bound("max_values", 1))
        };
        if size < least {
            complaints.push(format!("{label}: at least {least}"));
        }
        if size > most {
            complaints.push(format!("{label}: at most {most}"));
        }
    }
    complaints
}

/// The `components` of a submission: the same rows, with what was typed.
pub(super) fn submission(modal: &Modal) -> Value {
    let filled = |component: &Value| {
        let id = component["custom_id"].as_str().unwrap_or_default();
        let value = modal.values.get(id).cloned().unwrap_or(Value::Null);
        let key = if kind(component) == TEXT_INPUT {
            "value"
        } else {
            "values"
        };
        json!({
            "type": component["type"],
            "id": component["id"],
            "custom_id": id,
            key: value,
        })
    };
    let rows = items(&modal.body["components"]).iter().map(|row| {
        let mut shown = json!({ "type": row["type"], "id": row["id"] });
        if kind(row) == ACTION_ROW {
            shown["components"] = items(&row["components"]).iter().map(filled).collect();
        } else {
            shown["component"] = filled(&row["component"]);
        }
        shown
    });
    rows.collect()
}
