//! The views that Slice opens: the short wait, a page, a form, and the one showing of a secret.

use super::{
    mentions::is_id,
    render::{VIEW_BLOCKS_MAX, blocks, clean, cut, filled, plain_text, secret_block, units},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use slice_core::{
    ids::ActionId,
    page::{Block, Page},
    ports::{Names, PlatformError},
    reply::{Field, FieldKind, Form, Reveal},
};

/// The callback id of every form; views without it are never submitted.
pub(super) const FORM: &str = "form";
/// The action id of every input; its block is named after the field.
pub(super) const INPUT: &str = "value";
const TITLE_MAX: usize = 24;
const LABEL_MAX: usize = 150;
const HINT_MAX: usize = 500;
const METADATA_MAX: usize = 3000;
const INPUT_MAX: u32 = 3000;
const OPTIONS_MAX: usize = 100;
const OPTION_TEXT_MAX: usize = 75;
const OPTION_VALUE_MAX: usize = 150;

/// What a form's submission has to bring back; Slack keeps it beside the view.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Carried {
    pub action: ActionId,
    pub line: String,
    /// The fields' names in their order.
    pub fields: Vec<String>,
}

fn view(title: &str, close: &str, blocks: &[Value]) -> Value {
    json!({
        "type": "modal",
        "title": plain_text(&filled(title, TITLE_MAX)),
        "close": plain_text(close),
        "notify_on_close": false,
        "blocks": blocks,
    })
}

/// What stands there until there is an answer: light, so that it opens within a trigger's time.
pub(super) fn waiting() -> Value {
    let text = json!({ "type": "context", "elements": [plain_text("One moment…")] });
    view("Slice", "Close", &[text])
}

pub(super) fn page(page: &Page, names: Names<'_>) -> Value {
    view("Slice", "Close", &blocks(page, names, VIEW_BLOCKS_MAX))
}

/// A person's home tab.
pub(super) fn home(page: &Page, names: Names<'_>) -> Value {
    json!({ "type": "home", "blocks": blocks(page, names, VIEW_BLOCKS_MAX) })
}

/// The secret and what stands beside it. There is nothing in the view that could send it back: no
/// input, no button, no metadata, and no word when it is closed.
pub(super) fn reveal(reveal: &Reveal, names: Names<'_>) -> Value {
    let still = reveal
        .page
        .0
        .iter()
        .filter(|block| !matches!(block, Block::Buttons(_)));
    let beside = Page(still.cloned().collect());
    let mut all = vec![secret_block(&reveal.secret)];
    all.extend(blocks(&beside, names, VIEW_BLOCKS_MAX - 1));
    view("Your key", "Close", &all)
}

/// `Err` if the form was not recorded, or is more than Slack carries.
pub(super) fn form(form: &Form, names: Names<'_>) -> Result<Value, PlatformError> {
    let unfit = || PlatformError::Refused("the form does not fit into a Slack view".to_owned());
    let action = form.action.ok_or_else(unfit)?;
    let fields = form.fields.iter().map(|field| field.name.clone()).collect();
    let carried = Carried {
        action,
        line: form.line.clone(),
        fields,
    };
    let carried = serde_json::to_string(&carried).map_err(|_| unfit())?;
    let room = VIEW_BLOCKS_MAX
        .checked_sub(form.fields.len())
        .filter(|room| *room > 0);
    if METADATA_MAX < units(&carried) {
        return Err(unfit());
    }
    let mut all = if form.intro.0.is_empty() {
        vec![]
    } else {
        blocks(&form.intro, names, room.ok_or_else(unfit)?)
    };
    all.extend(form.fields.iter().map(input));
    let mut view = view(&form.title, "Cancel", &all);
    view["submit"] = plain_text(&filled(&form.submit, TITLE_MAX));
    view["callback_id"] = json!(FORM);
    view["private_metadata"] = json!(carried);
    Ok(view)
}

fn input(field: &Field) -> Value {
    let mut block = json!({
        "type": "input",
        "block_id": field.name,
        "label": plain_text(&filled(&field.label, LABEL_MAX)),
        "element": element(field),
        "optional": field.optional,
    });
    if let Some(hint) = &field.hint {
        block["hint"] = plain_text(&filled(hint, HINT_MAX));
    }
    block
}

fn element(field: &Field) -> Value {
    let initial = field
        .initial
        .as_deref()
        .filter(|initial| !initial.is_empty());
    match &field.kind {
        FieldKind::Line { max } => text_input(*max, false, initial),
        FieldKind::Secret { max } => text_input(*max, false, None),
        FieldKind::Lines { max } => text_input(*max, true, initial),
        FieldKind::Choice(choices) => {
            let options: Vec<_> = choices
                .iter()
                .filter_map(option)
                .take(OPTIONS_MAX)
                .collect();
            if options.is_empty() {
                return text_input(INPUT_MAX, false, initial);
            }
            let chosen = options
                .iter()
                .find(|one| one["value"].as_str() == initial)
                .cloned();
            let mut select = json!({
                "type": "static_select", "action_id": INPUT, "options": options
            });
            if let Some(chosen) = chosen {
                select["initial_option"] = chosen;
            }
            select
        }
        FieldKind::Member => {
            let mut select = json!({ "type": "users_select", "action_id": INPUT });
            if let Some(user) = initial.and_then(|initial| inside(initial, "<@")) {
                select["initial_user"] = json!(user);
            }
            select
        }
        FieldKind::Channel => {
            let mut select = json!({
                "type": "conversations_select",
                "action_id": INPUT,
                "filter": { "include": ["private"], "exclude_bot_users": true },
            });
            if let Some(channel) = initial.and_then(|initial| inside(initial, "<#")) {
                select["initial_conversation"] = json!(channel);
            }
            select
        }
    }
}

fn text_input(max: u32, multiline: bool, initial: Option<&str>) -> Value {
    let max = max.clamp(1, INPUT_MAX);
    let mut input = json!({
        "type": "plain_text_input",
        "action_id": INPUT,
        "multiline": multiline,
        "max_length": max,
    });
    if let Some(initial) = initial {
        let most = usize::try_from(max).unwrap_or(usize::MAX);
        input["initial_value"] = json!(cut(&clean(initial), most));
    }
    input
}

/// A choice that Slack cannot carry is left out: a cut value would be another one.
fn option((value, text): &(String, String)) -> Option<Value> {
    let fits = !value.is_empty() && units(value) <= OPTION_VALUE_MAX;
    fits.then(|| json!({ "text": plain_text(&filled(text, OPTION_TEXT_MAX)), "value": value }))
}

/// The id in a mention such as `<@U1>` or `<#C1|name>`.
fn inside<'a>(mention: &'a str, opening: &str) -> Option<&'a str> {
    let inside = mention.strip_prefix(opening)?.strip_suffix('>')?;
    let id = inside.split_once('|').map_or(inside, |(id, _)| id);
    is_id(id).then_some(id)
}
