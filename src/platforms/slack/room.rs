//! Where frames of the socket are taken in: parsed, handed to the edge, and acknowledged with what
//! the person sees meanwhile.

use super::{
    Slack,
    answers::{Back, Shown},
    failure::Failure,
    payload::{self, Done, Interacted, What},
    render::filled,
    socket::SocketStatus,
    views,
};
use serde_json::{Value, json};
use slice_core::inbound::{Inbound, Reception, Said};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;
use tracing::{error, warn};

/// Forms that are remembered, so that a repeated submission is acknowledged like the first.
const FORMS_MAX: usize = 256;
const ERROR_MAX: usize = 500;

/// What all generations of connections share.
pub(super) struct Room {
    pub slack: Arc<Slack>,
    pub reception: Arc<dyn Reception>,
    pub status: watch::Sender<SocketStatus>,
    /// Submitted forms by delivery, newest last.
    pub forms: Mutex<VecDeque<(String, Shown)>>,
}

impl Room {
    pub fn fails(&self, failure: &Failure) {
        let sentence = match failure.code() {
            Some(code) if failure.is_refusal() => {
                format!("Slack does not accept the app token ({code})")
            }
            _ => failure.to_string(),
        };
        let failing = if failure.is_refusal() {
            SocketStatus::Refused(sentence.clone())
        } else {
            SocketStatus::Unreachable(sentence.clone())
        };
        let is_news = self.status.send_replace(failing.clone()) != failing;
        if is_news {
            error!("Slack Socket Mode has no connection: {sentence}");
        }
    }

    /// Takes a frame's payload in. Gives what goes beside the acknowledgement, or nothing.
    pub fn take_in(&self, kind: &str, payload: &str) -> Option<Value> {
        match kind {
            "slash_commands" => match payload::command(payload) {
                Some(done) => self.hand_in(done),
                None => unreadable(kind),
            },
            "interactive" => match payload::interaction(payload) {
                Interacted::Done(done) => self.hand_in(*done),
                Interacted::Nothing => None,
                Interacted::Unreadable => unreadable(kind),
            },
            "events_api" => match payload::event(payload) {
                Ok(Some(notice)) => {
                    self.reception.notice(notice);
                    None
                }
                Ok(None) => None,
                Err(()) => unreadable(kind),
            },
            _ => unreadable("unknown"),
        }
    }

    fn hand_in(&self, done: Done) -> Option<Value> {
        let (shown, is_first) = match &done.what {
            What::Submit { carried, fields } => {
                let wrong = self.reception.check_fields(&carried.line, fields);
                if !wrong.is_empty() {
                    return Some(field_errors(&carried.fields, wrong));
                }
                self.remember(&done.delivery)
            }
            What::Line(_) | What::Click(_) => (Shown::default(), true),
        };
        let waits = matches!(done.what, What::Submit { .. });
        let answer = waits.then(|| updated(&shown));
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
pub(super) fn unreadable(kind: &str) -> Option<Value> {
    warn!(
        slack.envelope = kind,
        "Left out a Slack envelope that Slice cannot read"
    );
    None
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
