//! Forms as Discord modals: text inputs only, no intro, and no errors in place. So forms that were
//! shown are remembered for a while: to say which field was wrong, and to open them again with what
//! was typed.

use super::{
    buttons::{Means, Tag},
    is_id,
};
use crate::platforms::text::{clean, cut, filled, units};
use serde_json::{Value, json};
use slice_core::{
    ids::{ActionId, UserId, WorkspaceId},
    ports::PlatformError,
    reply::{Field, FieldKind, Form},
    secret::Secret,
};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

const TITLE_MAX: usize = 45;
const LABEL_MAX: usize = 45;
const PLACEHOLDER_MAX: usize = 100;
const INPUTS_MAX: usize = 5;
const INPUT_MAX: u32 = 4000;
/// Longer than any mention.
const MENTION_MAX: u32 = 100;
const REMEMBERED_MAX: usize = 256;

/// Discord's numbers.
mod kind {
    pub const ROW: u8 = 1;
    pub const TEXT_INPUT: u8 = 4;
    pub const SHORT: u8 = 1;
    pub const PARAGRAPH: u8 = 2;
}

/// Forms that were shown lately, newest last, with whom they were shown to: what she typed is hers.
#[derive(Default)]
pub(super) struct Forms(Mutex<VecDeque<(UserId, Form)>>);

impl Forms {
    pub fn remember(&self, person: &UserId, form: &Form) {
        let mut forms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        forms.retain(|(_, known)| known.action != form.action);
        forms.push_back((person.clone(), form.clone()));
        if REMEMBERED_MAX < forms.len() {
            forms.pop_front();
        }
    }

    pub fn find(&self, person: &UserId, action: ActionId) -> Option<Form> {
        let forms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |known: &Form| known.action == Some(action);
        let found = forms
            .iter()
            .find(|(whose, form)| whose == person && is_it(form));
        found.map(|(_, form)| form.clone())
    }
}

/// The form with what somebody typed into it, without secrets.
pub(super) fn typed(mut form: Form, fields: &[(String, Secret)]) -> Form {
    for field in &mut form.fields {
        let value = fields.iter().find(|(name, _)| *name == field.name);
        if let Some((_, value)) = value
            && !matches!(field.kind, FieldKind::Secret { .. })
        {
            field.initial = Some(value.as_field().to_owned());
        }
    }
    form
}

/// `Err` if the form was not recorded, or is more than Discord carries.
pub(super) fn modal(form: &Form, guild: &WorkspaceId) -> Result<Value, PlatformError> {
    let unfit = || PlatformError::Refused("the form does not fit into a Discord modal".to_owned());
    let tag = Tag {
        means: Means::Form,
        guild: guild.clone(),
        action: form.action.ok_or_else(unfit)?,
        letter: None,
    };
    if !(1..=INPUTS_MAX).contains(&form.fields.len()) {
        return Err(unfit());
    }
    let rows: Vec<_> = form
        .fields
        .iter()
        .map(|field| json!({ "type": kind::ROW, "components": [input(field)] }))
        .collect();
    Ok(json!({
        "custom_id": tag.to_string(),
        "title": filled(&form.title, TITLE_MAX),
        "components": rows,
    }))
}

/// What an input holds shows in its id, so that it is known when the form comes back.
fn mark(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Member => "member",
        FieldKind::Channel => "channel",
        _ => "text",
    }
}

fn input(field: &Field) -> Value {
    let (max, style) = match &field.kind {
        FieldKind::Line { max } | FieldKind::Secret { max } => (*max, kind::SHORT),
        FieldKind::Lines { max } => (*max, kind::PARAGRAPH),
        FieldKind::Choice(choices) => (longest(choices), kind::SHORT),
        FieldKind::Member | FieldKind::Channel => (MENTION_MAX, kind::SHORT),
    };
    let max = max.clamp(1, INPUT_MAX);
    let mut input = json!({
        "type": kind::TEXT_INPUT,
        "custom_id": format!("{}:{}", mark(&field.kind), field.name),
        "style": style,
        "label": filled(&field.label, LABEL_MAX),
        "required": !field.optional,
        "max_length": max,
    });
    if let Some(hint) = hint(field) {
        input["placeholder"] = json!(cut(&clean(&hint), PLACEHOLDER_MAX));
    }
    let initial = field.initial.as_deref().map(clean);
    let initial = initial.filter(|initial| !initial.is_empty());
    if let Some(initial) = initial
        && !matches!(field.kind, FieldKind::Secret { .. })
    {
        let most = usize::try_from(max).unwrap_or(usize::MAX);
        input["value"] = json!(cut(&initial, most));
    }
    input
}

fn longest(choices: &[(String, String)]) -> u32 {
    let longest = choices.iter().map(|(value, _)| units(value)).max();
    u32::try_from(longest.unwrap_or_default().max(32)).unwrap_or(INPUT_MAX)
}

fn words(choices: &[(String, String)]) -> String {
    let words: Vec<_> = choices.iter().map(|(value, _)| value.as_str()).collect();
    words.join(", ")
}

fn hint(field: &Field) -> Option<String> {
    match &field.kind {
        FieldKind::Member => {
            Some("A mention such as <@80351110224678912>, or the person's id".into())
        }
        FieldKind::Channel => Some("A mention such as <#80351110224678912>, or the id".into()),
        FieldKind::Choice(choices) => Some(format!("One of: {}", words(choices))),
        _ => field.hint.clone(),
    }
}

/// A field of a submission by its parameter's name, with ids as the mentions that they stand for.
pub(super) fn field(custom_id: &str, value: String) -> (String, Secret) {
    let value = Secret::new(value);
    let (mark, name) = custom_id.split_once(':').unwrap_or(("text", custom_id));
    let id = value.as_field().trim();
    let mention = match mark {
        "member" if is_id(id) => Some(format!("<@{id}>")),
        "channel" if is_id(id) => Some(format!("<#{id}>")),
        _ => None,
    };
    (name.to_owned(), mention.map_or(value, Secret::new))
}

/// What was wrong, by the fields' labels, as one paragraph each.
pub(super) fn wrong(form: &Form, wrong: &[(String, String)]) -> String {
    let lines = wrong.iter().map(|(name, why)| {
        let field = form.fields.iter().find(|field| field.name == name.as_str());
        match field {
            Some(field) => format!("{}: {why}", field.label),
            None => why.clone(),
        }
    });
    let lines: Vec<_> = lines.collect();
    format!("{}\nNothing was changed.", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use slice_core::page::{Audience, Page};

    fn form(fields: Vec<Field>) -> Form {
        Form {
            title: "A title that is much longer than Discord lets it be here".into(),
            line: "allocate".into(),
            audience: Audience::Owners,
            intro: Page::default(),
            fields,
            submit: "Send".into(),
            action: Some(ActionId::from_random([7; 16])),
        }
    }

    fn of(kind: FieldKind, initial: &str) -> Field {
        Field {
            name: "value".into(),
            label: "Service".into(),
            kind,
            optional: false,
            initial: Some(initial.into()),
            hint: None,
        }
    }

    #[test]
    fn a_secret_is_never_shown_again() {
        let key = Secret::new("canary".into());
        let form = form(vec![of(FieldKind::Secret { max: 500 }, "old")]);
        let form = typed(form, &[("value".into(), key)]);
        let shown = modal(&form, &WorkspaceId::new("1"))
            .expect("a modal")
            .to_string();
        assert!(
            !shown.contains("canary") && !shown.contains("old"),
            "{shown}"
        );
    }

    #[test]
    fn inputs_fit_and_choices_are_named() {
        let choice = |word: &str| (word.to_owned(), word.to_owned());
        let choices = FieldKind::Choice(vec![choice("one"), choice("two")]);
        let form = form(vec![
            of(choices, "one"),
            of(FieldKind::Line { max: 3 }, "12345"),
        ]);
        let modal = modal(&form, &WorkspaceId::new("1")).expect("a modal");
        assert_eq!(units(modal["title"].as_str().expect("a title")), TITLE_MAX);
        let inputs = modal["components"].as_array().expect("rows");
        assert_eq!(
            inputs[0]["components"][0]["placeholder"],
            "One of: one, two"
        );
        assert_eq!(inputs[1]["components"][0]["value"], "12…");
    }

    #[test]
    fn more_than_discord_carries_is_refused() {
        let many = (0..6).map(|_| of(FieldKind::Member, "")).collect();
        for fields in [vec![], many] {
            assert!(modal(&form(fields), &WorkspaceId::new("1")).is_err());
        }
    }

    #[test]
    fn a_bare_id_is_a_mention_where_one_belongs() {
        let read = |id: &str, value: &str| {
            let (name, value) = field(id, value.to_owned());
            (name, value.expose().to_owned())
        };
        assert_eq!(read("member:who", " 123 "), ("who".into(), "<@123>".into()));
        assert_eq!(read("channel:where", "9"), ("where".into(), "<#9>".into()));
        assert_eq!(read("text:amount", "20"), ("amount".into(), "20".into()));
    }
}
