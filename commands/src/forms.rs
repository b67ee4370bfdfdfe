//! Fields of forms, as they follow from parameters.

use crate::{args::Kind, param::Param};
use slice_core::{
    page::{Audience, Page},
    reply::{Field, FieldKind, Form},
};

const SHORT_MAX: u32 = 20;
const SECRET_MAX: u32 = 500;

impl<T> Param<T> {
    /// The field that asks for this parameter. What cannot be typed freely is filled in by who
    /// knows the choices.
    pub fn field(&self, label: impl Into<String>) -> Field {
        let shape = self.shape();
        let kind = match shape.kind {
            Kind::Member => FieldKind::Member,
            Kind::Channel | Kind::Group => FieldKind::Channel,
            Kind::Choice(words) => {
                let pair = |word: &&str| ((*word).to_owned(), (*word).to_owned());
                FieldKind::Choice(words.iter().map(pair).collect())
            }
            Kind::Rest(max) => FieldKind::Lines { max },
            Kind::Line(max) | Kind::Terms(max) => FieldKind::Line { max },
            Kind::Secret => FieldKind::Secret { max: SECRET_MAX },
            _ => FieldKind::Line { max: SHORT_MAX },
        };
        Field {
            name: shape.name.to_owned(),
            label: label.into(),
            kind,
            optional: !shape.required,
            initial: None,
            hint: None,
        }
    }
}

/// A form without fields yet.
pub fn form(title: &str, line: impl Into<String>, audience: Audience) -> Form {
    Form {
        title: title.to_owned(),
        line: line.into(),
        audience,
        intro: Page::default(),
        fields: vec![],
        submit: "Send".into(),
        action: None,
    }
}

/// Values that are their own names.
pub fn choices<T: ToString>(values: impl IntoIterator<Item = T>) -> FieldKind {
    let pair = |value: T| (value.to_string(), value.to_string());
    FieldKind::Choice(values.into_iter().map(pair).collect())
}
