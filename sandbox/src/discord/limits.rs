//! The limits of messages and modals.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::problems::Problems;
use super::render::{ACTION_ROW, BUTTON, LABEL, LINK_STYLE, STRING_SELECT, TEXT_INPUT, kind};
use super::world::items;

pub(super) const CONTENT_MAX: usize = 2000;
const EMBEDS_MAX: usize = 10;
/// All texts of all embeds of a message.
const EMBED_TEXT_MAX: usize = 6000;
const ROWS_MAX: usize = 5;
const NONCE_MAX: usize = 25;

/// Texts of an embed: where, at least and at most.
const EMBED_TEXTS: &[(&str, usize)] = &[
    ("/title", 256),
    ("/description", 4096),
    ("/author/name", 256),
    ("/footer/text", 2048),
];

/// Everything wrong with a message; paths begin with `base`, which is empty or ends in a dot.
pub(super) fn check_message(body: &Value, base: &str, problems: &mut Problems) {
    problems.text(
        &body["content"],
        &format!("{base}content"),
        (0, CONTENT_MAX),
    );
    if let Some(nonce) = body["nonce"].as_str()
        && nonce.chars().count() > NONCE_MAX
    {
        let path = format!("{base}nonce");
        problems.text(&body["nonce"], &path, (0, NONCE_MAX));
    }
    check_embeds(&body["embeds"], base, problems);
    let path = format!("{base}components");
    let mut ids = BTreeSet::new();
    for (at, row) in problems
        .list(&body["components"], &path, (0, ROWS_MAX))
        .iter()
        .enumerate()
    {
        check_row(row, &format!("{path}.{at}"), &mut ids, problems);
    }
    check_mentions(&body["allowed_mentions"], base, problems);
}

fn check_embeds(embeds: &Value, base: &str, problems: &mut Problems) {
    let path = format!("{base}embeds");
    let mut all = 0;
    for (at, embed) in problems
        .list(embeds, &path, (0, EMBEDS_MAX))
        .iter()
        .enumerate()
    {
        let here = format!("{path}.{at}");
        let mut measure = |value: &Value, path: &str, limits| {
            all += value.as_str().map_or(0, |text| text.chars().count());
            problems.text(value, path, limits);
        };
        for (text, most) in EMBED_TEXTS {
            if let Some(value) = embed.pointer(text) {
                measure(
                    value,
                    &format!("{here}{}", text.replace('/', ".")),
                    (0, *most),
                );
            }
        }
        let fields = items(&embed["fields"]);
        for (n, field) in fields.iter().enumerate() {
            let field_path = |key: &str| format!("{here}.fields.{n}.{key}");
            measure(&field["name"], &field_path("name"), (1, 256));
            measure(&field["value"], &field_path("value"), (1, 1024));
        }
        problems.list(&embed["fields"], &format!("{here}.fields"), (0, 25));
        problems.number(&embed["color"], &format!("{here}.color"), (0, 0xff_ffff));
    }
    if all > EMBED_TEXT_MAX {
        let message = format!("Embed size exceeds maximum size of {EMBED_TEXT_MAX}");
        problems.add(&path, "MAX_EMBED_SIZE_EXCEEDED", message);
    }
}

/// A row of a message: up to five buttons, or one menu.
fn check_row(row: &Value, path: &str, ids: &mut BTreeSet<String>, problems: &mut Problems) {
    if kind(row) != ACTION_ROW {
        return problems.add(
            &format!("{path}.type"),
            "BASE_TYPE_CHOICES",
            "Value must be one of (1,).",
        );
    }
    let path = format!("{path}.components");
    let inside = problems.list(&row["components"], &path, (1, 5));
    let menus = inside.iter().filter(|one| kind(one) != BUTTON).count();
    if menus > 0 && inside.len() > 1 {
        let message = "A select menu takes a whole row.";
        problems.add(&path, "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message);
    }
    for (at, component) in inside.iter().enumerate() {
        let here = format!("{path}.{at}");
        match kind(component) {
            BUTTON => check_button(component, &here, problems),
            STRING_SELECT => check_select(component, &here, problems),
            5..=8 => {}
            _ => problems.add(
                &format!("{here}.type"),
                "BASE_TYPE_CHOICES",
                "Value must be one of (2, 3, 5, 6, 7, 8).",
            ),
        }
        check_custom_id(component, &here, ids, problems);
    }
}

fn check_button(button: &Value, path: &str, problems: &mut Problems) {
    problems.text(&button["label"], &format!("{path}.label"), (0, 80));
    if button["label"].as_str().is_none_or(str::is_empty) && button["emoji"].is_null() {
        let message = "A button must have a label or emoji.";
        problems.add(path, "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", message);
    }
    let style = &format!("{path}.style");
    match button["style"].as_u64() {
        Some(LINK_STYLE) => {
            problems.needed(&button["url"], &format!("{path}.url"), (1, 512));
            if !button["custom_id"].is_null() {
                let message = "A custom id and url cannot both be specified";
                problems.add(
                    path,
                    "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
                    message,
                );
            }
        }
        Some(1..=4) => {
            problems.needed(&button["custom_id"], &format!("{path}.custom_id"), (1, 100));
        }
        Some(_) => problems.add(
            style,
            "BASE_TYPE_CHOICES",
            "Value must be one of (1, 2, 3, 4, 5).",
        ),
        None => problems.add(style, "BASE_TYPE_REQUIRED", "This field is required"),
    }
}

fn check_select(select: &Value, path: &str, problems: &mut Problems) {
    problems.needed(&select["custom_id"], &format!("{path}.custom_id"), (1, 100));
    problems.text(
        &select["placeholder"],
        &format!("{path}.placeholder"),
        (0, 150),
    );
    let path = format!("{path}.options");
    let options = problems.list(&select["options"], &path, (1, 25));
    let mut values = BTreeSet::new();
    for (at, option) in options.iter().enumerate() {
        let here = format!("{path}.{at}");
        problems.needed(&option["label"], &format!("{here}.label"), (1, 100));
        problems.needed(&option["value"], &format!("{here}.value"), (1, 100));
        problems.text(
            &option["description"],
            &format!("{here}.description"),
            (0, 100),
        );
        if !values.insert(option["value"].to_string()) {
            let message = "The specified option value is already used";
            problems.add(&here, "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message);
        }
    }
}

fn check_custom_id(
    component: &Value,
    path: &str,
    ids: &mut BTreeSet<String>,
    problems: &mut Problems,
) {
    if let Some(id) = component["custom_id"].as_str()
        && !ids.insert(id.to_owned())
    {
        let message = "Component custom id cannot be duplicated";
        let path = format!("{path}.custom_id");
        problems.add(&path, "COMPONENT_CUSTOM_ID_DUPLICATED", message);
    }
}

fn check_mentions(allowed: &Value, base: &str, problems: &mut Problems) {
    for (list, kind) in [("users", "users"), ("roles", "roles")] {
        let path = format!("{base}allowed_mentions.{list}");
        let named = problems.list(&allowed[list], &path, (0, 100));
        let parsed = items(&allowed["parse"]).contains(&json!(kind));
        if parsed && !named.is_empty() {
            let message =
                format!("parse:[\"{kind}\"] and {list}: [ids...] are mutually exclusive.");
            problems.add(&path, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message);
        }
    }
}

/// Everything wrong with a modal; paths begin with `data.`.
pub(super) fn check_modal(body: &Value, problems: &mut Problems) {
    problems.needed(&body["custom_id"], "data.custom_id", (1, 100));
    problems.needed(&body["title"], "data.title", (1, 45));
    if body["components"].is_null() {
        problems.add(
            "data.components",
            "BASE_TYPE_REQUIRED",
            "This field is required",
        );
        return;
    }
    let rows = problems.list(&body["components"], "data.components", (1, ROWS_MAX));
    let mut ids = BTreeSet::new();
    for (at, row) in rows.iter().enumerate() {
        let path = format!("data.components.{at}");
        match kind(row) {
            ACTION_ROW => {
                let path = format!("{path}.components");
                let inside = problems.list(&row["components"], &path, (1, 1));
                for (n, input) in inside.iter().enumerate() {
                    let here = format!("{path}.{n}");
                    if kind(input) == TEXT_INPUT {
                        problems.needed(&input["label"], &format!("{here}.label"), (1, 45));
                    }
                    check_input(input, &here, &[TEXT_INPUT], problems);
                    check_custom_id(input, &here, &mut ids, problems);
                }
            }
            LABEL => {
                problems.needed(&row["label"], &format!("{path}.label"), (1, 45));
                problems.text(
                    &row["description"],
                    &format!("{path}.description"),
                    (0, 100),
                );
                let here = format!("{path}.component");
                let input = &row["component"];
                check_input(
                    input,
                    &here,
                    &[TEXT_INPUT, STRING_SELECT, 5, 6, 7, 8],
                    problems,
                );
                check_custom_id(input, &here, &mut ids, problems);
            }
            _ => problems.add(
                &format!("{path}.type"),
                "BASE_TYPE_CHOICES",
                "Value must be one of (1, 18).",
            ),
        }
    }
}

fn check_input(input: &Value, path: &str, kinds: &[u64], problems: &mut Problems) {
    if !kinds.contains(&kind(input)) {
        let kinds: Vec<String> = kinds.iter().map(u64::to_string).collect();
        let message = format!("Value must be one of ({}).", kinds.join(", "));
        return problems.add(&format!("{path}.type"), "BASE_TYPE_CHOICES", message);
    }
    if kind(input) == STRING_SELECT {
        return check_select(input, path, problems);
    }
    problems.needed(&input["custom_id"], &format!("{path}.custom_id"), (1, 100));
    problems.text(
        &input["placeholder"],
        &format!("{path}.placeholder"),
        (0, 100),
    );
    if kind(input) != TEXT_INPUT {
        return;
    }
    problems.text(&input["value"], &format!("{path}.value"), (0, 4000));
    problems.number(
        &input["min_length"],
        &format!("{path}.min_length"),
        (0, 4000),
    );
    problems.number(
        &input["max_length"],
        &format!("{path}.max_length"),
        (1, 4000),
    );
    if !matches!(input["style"].as_u64(), Some(1 | 2)) {
        let message = "Value must be one of (1, 2).";
        problems.add(&format!("{path}.style"), "BASE_TYPE_CHOICES", message);
    }
}

/// What completes an option: at most 25 choices with a name and a value of 1 to 100 characters.
pub(super) fn check_choices(data: &Value, problems: &mut Problems) {
    if !data["choices"].is_array() {
        problems.add(
            "data.choices",
            "BASE_TYPE_REQUIRED",
            "This field is required",
        );
    }
    let choices = problems.list(&data["choices"], "data.choices", (0, 25));
    for (at, choice) in choices.iter().enumerate() {
        let path = format!("data.choices.{at}");
        problems.needed(&choice["name"], &format!("{path}.name"), (1, 100));
        if choice["value"].is_string() {
            problems.text(&choice["value"], &format!("{path}.value"), (1, 100));
        } else if !choice["value"].is_number() {
            problems.add(
                &format!("{path}.value"),
                "BASE_TYPE_REQUIRED",
                "This field is required",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(body: &Value) -> Vec<String> {
        let mut problems = Problems::default();
        check_message(body, "", &mut problems);
        problems.lines().collect()
    }

    fn button(id: &str, label: &str) -> Value {
        json!({ "type": 2, "style": 1, "custom_id": id, "label": label })
    }

    fn row(buttons: &[Value]) -> Value {
        json!({ "type": 1, "components": buttons })
    }

    fn buttons(count: usize) -> Vec<Value> {
        (0..count).map(|n| button(&n.to_string(), "x")).collect()
    }

    #[test]
    fn what_fits_passes() {
        let full = json!({
            "content": "x".repeat(2000),
            "embeds": [{ "title": "x".repeat(256), "description": "x".repeat(4096) }],
            "components": [row(&buttons(5))],
        });
        assert_eq!(wrong(&full), Vec::<String>::new());
    }

    #[test]
    fn a_text_that_is_too_long_is_named() {
        let long = |length: usize| "x".repeat(length);
        let field = |name: usize, value: usize| json!({ "fields": [{ "name": long(name), "value": long(value) }] });
        let fields = vec![json!({ "name": "x", "value": "x" }); 26];
        let big = json!({ "description": long(3001) });
        for (body, path) in [
            (json!({ "content": long(2001) }), "content"),
            (json!({ "nonce": long(26) }), "nonce"),
            (
                json!({ "embeds": [{ "title": long(257) }] }),
                "embeds.0.title",
            ),
            (
                json!({ "embeds": [{ "description": long(4097) }] }),
                "embeds.0.description",
            ),
            (
                json!({ "embeds": [field(257, 1)] }),
                "embeds.0.fields.0.name",
            ),
            (
                json!({ "embeds": [field(1, 1025)] }),
                "embeds.0.fields.0.value",
            ),
            (
                json!({ "embeds": [field(1, 0)] }),
                "embeds.0.fields.0.value",
            ),
            (
                json!({ "embeds": [{ "fields": fields }] }),
                "embeds.0.fields",
            ),
            (json!({ "embeds": [big, big] }), "embeds"),
        ] {
            named(&body, path);
        }
    }

    #[test]
    fn a_component_that_is_out_of_bounds_is_named() {
        let one = |id: &str, label: &str| json!({ "components": [row(&[button(id, label)])] });
        let twice = [row(&[button("a", "x")]), row(&[button("a", "y")])];
        let rows: Vec<Value> = (0..6)
            .map(|n| row(&[button(&n.to_string(), "x")]))
            .collect();
        let here = "components.0.components.0";
        for (body, path) in [
            (json!({ "components": rows }), "components"),
            (
                json!({ "components": [row(&buttons(6))] }),
                "components.0.components",
            ),
            (
                json!({ "components": [row(&[])] }),
                "components.0.components",
            ),
            (
                json!({ "components": twice }),
                "components.1.components.0.custom_id",
            ),
            (one("a", &"x".repeat(81)), &format!("{here}.label")),
            (one(&"x".repeat(101), "x"), &format!("{here}.custom_id")),
            (
                json!({ "allowed_mentions": { "parse": ["users"], "users": ["1"] } }),
                "allowed_mentions.users",
            ),
        ] {
            named(&body, path);
        }
    }

    fn named(body: &Value, path: &str) {
        let lines = wrong(body);
        assert_eq!(lines.len(), 1, "{path}: {lines:?}");
        assert!(
            lines[0].starts_with(&format!("{path}: ")),
            "{path}: {lines:?}"
        );
    }

    #[test]
    fn a_modal_is_held_to_each_limit() {
        let input = |label: usize| {
            json!({ "type": 1, "components": [{ "type": 4, "custom_id": "a", "style": 1,
                "label": "x".repeat(label), "value": "x".repeat(label * 100) }] })
        };
        let check = |title: usize, rows: Vec<Value>| {
            let mut problems = Problems::default();
            let body = json!({ "custom_id": "m", "title": "x".repeat(title), "components": rows });
            check_modal(&body, &mut problems);
            problems.lines().count()
        };
        assert_eq!(check(45, vec![input(40)]), 0);
        assert_eq!(check(46, vec![input(40)]), 1);
        assert_eq!(check(45, vec![input(46)]), 2, "label and value");
        assert_eq!(check(45, vec![]), 1);
        assert_eq!(check(45, vec![input(1), input(1)]), 1, "the same id twice");
    }
}
