//! Where deliveries are taken in, however they came: handed to the edge, and acknowledged with what
//! the person sees meanwhile.

use super::{
    Slack,
    answers::{Back, Shown},
    payload::{self, Done, Interacted, What},
    render::filled,
    views,
};
use serde_json::{Value, json};
use slice_core::inbound::{Inbound, Reception, Said};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use tracing::warn;

/// Forms that are remembered, so that a repeated submission is acknowledged like the first.
const FORMS_MAX: usize = 256;
const ERROR_MAX: usize = 500;

/// What all ways in share.
pub(super) struct Room {
    pub slack: Arc<Slack>,
    reception: Arc<dyn Reception>,
    /// Submitted forms by delivery, newest last.
    forms: Mutex<VecDeque<(String, Shown)>>,
}

/// What becomes of a delivery.
#[derive(Debug, PartialEq)]
pub(super) enum Taken {
    /// Its acknowledgement brings this along.
    Answered(Value),
    /// Its acknowledgement says nothing.
    Silently,
    /// It is nothing that Slice knows.
    Not,
}

impl Room {
    pub fn new(slack: Arc<Slack>, reception: Arc<dyn Reception>) -> Self {
        Self {
            slack,
            reception,
            forms: Mutex::default(),
        }
    }

    pub fn command(&self, done: Option<Done>) -> Taken {
        done.map_or_else(|| unreadable("command"), |done| self.hand_in(done))
    }

    pub fn interaction(&self, payload: &str) -> Taken {
        match payload::interaction(payload) {
            Interacted::Done(done) => self.hand_in(*done),
            Interacted::Nothing => Taken::Silently,
            Interacted::Unreadable => unreadable("interaction"),
        }
    }

    pub fn event(&self, payload: &str) -> Taken {
        match payload::event(payload) {
            Ok(notice) => {
                if let Some(notice) = notice {
                    self.reception.notice(notice);
                }
                Taken::Silently
            }
            Err(()) => unreadable("event"),
        }
    }

    fn hand_in(&self, done: Done) -> Taken {
        let (shown, is_first) = match &done.what {
            What::Submit { carried, fields } => {
                let wrong = self.reception.check_fields(&carried.line, fields);
                if !wrong.is_empty() {
                    return Taken::Answered(field_errors(&carried.fields, wrong));
                }
                self.remember(&done.delivery)
            }
            What::Line(_) | What::Click(_) => (Shown::default(), true),
        };
        let waits = matches!(done.what, What::Submit { .. });
        let answer = if waits {
            Taken::Answered(updated(&shown))
        } else {
            Taken::Silently
        };
        if is_first {
            let back = Back::new(self.slack.clone(), &done, waits, shown);
            let said = match done.what {
                What::Line(line) => Said::Line(line),
                What::Click(action) => Said::Click(action),
                What::Submit { carried, fields } => Said::Submit {
                    action: carried.action,
                    fields,
                },
            };
            let inbound = Inbound {
                identity: done.identity,
                delivery: done.delivery,
                said,
            };
            self.reception.receive(inbound, Box::new(back));
        }
        answer
    }

    /// What the form's view shows, and whether this is its first submission. A repeated one is not
    /// handed in again while the first is remembered; after that, the books know it.
    fn remember(&self, delivery: &str) -> (Shown, bool) {
        let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, shown)) = forms.iter().find(|(known, _)| known == delivery) {
            return (shown.clone(), false);
        }
        let shown = Shown::default();
        forms.push_back((delivery.to_owned(), shown.clone()));
        if FORMS_MAX < forms.len() {
            forms.pop_front();
        }
        (shown, true)
    }
}

/// Only the kind is logged: a body may hold what somebody typed.
pub(super) fn unreadable(kind: &str) -> Taken {
    warn!(
        slack.delivery = kind,
        "Left out a Slack delivery that Slice cannot read"
    );
    Taken::Not
}

fn updated(shown: &Shown) -> Value {
    let view = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
    json!({ "response_action": "update", "view": view.unwrap_or_else(views::waiting) })
}

/// Errors stand at the fields of the form; one that names none of them, at the first.
fn field_errors(fields: &[String], wrong: Vec<(String, String)>) -> Value {
    let mut errors = serde_json::Map::new();
    for (name, sentence) in wrong {
        let at = fields
            .iter()
            .find(|field| **field == name)
            .or(fields.first());
        let at = at.cloned().unwrap_or(name);
        errors
            .entry(at)
            .or_insert_with(|| json!(filled(&sentence, ERROR_MAX)));
    }
    json!({ "response_action": "errors", "errors": errors })
}
