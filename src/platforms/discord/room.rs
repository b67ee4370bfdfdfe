//! Where interactions are taken in, whichever way they came: read, answered at once if nobody else
//! is needed for that, or handed to the edge.

use super::{
    Discord,
    answers::{Back, First, kind, open_form},
    buttons::{Means, Tag},
    forms,
    payload::{self, Done, Interaction, Token, What},
    render,
};
use serde_json::{Value, json};
use slice_commands::discord::Filled;
use slice_core::{
    ids::{ActionId, Identity, UserId},
    inbound::{Inbound, Notice, Reception, Said, Typing},
    page::Style,
    secret::Secret,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tracing::warn;

const CHOICES_MAX: usize = 25;
const CHOICE_MAX: usize = 100;

/// What both transports hand interactions to.
pub(super) struct Room {
    pub discord: Arc<Discord>,
    pub reception: Arc<dyn Reception>,
    /// Nobody but the application's owner can add the bot to a server.
    pub is_private: bool,
    is_closed: AtomicBool,
}

impl Room {
    pub fn new(discord: Arc<Discord>, reception: Arc<dyn Reception>, is_private: bool) -> Self {
        Self {
            discord,
            reception,
            is_private,
            is_closed: AtomicBool::new(false),
        }
    }

    /// Takes nothing more in.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
    }

    pub fn notice(&self, notice: Notice) {
        if !self.is_closed.load(Ordering::SeqCst) {
            self.reception.notice(notice);
        }
    }

    /// Returns at once; the first answer travels as `first` says.
    pub fn take_in(&self, value: Value, first: First) {
        if self.is_closed.load(Ordering::SeqCst) {
            return;
        }
        match payload::interaction(value) {
            Interaction::Ping => {
                if let First::Body(body) = first {
                    let _ = body.send(json!({ "type": kind::PONG }));
                }
            }
            Interaction::Unreadable => {
                warn!("Left out a Discord interaction that Slice cannot read");
            }
            Interaction::Nobody(token) => self.turn_away(token, first),
            Interaction::Done(done) => self.hand_in(*done, first),
        }
    }

    fn hand_in(&self, done: Done, first: First) {
        let Done {
            identity,
            token,
            what,
        } = done;
        self.discord.closed.forget(identity.user.as_str());
        let delivery = token.id.clone();
        let is_submission = matches!(what, What::Submit { .. });
        let discord = self.discord.clone();
        let back = Back::new(discord, identity.clone(), token, first, is_submission);
        let said = match what {
            What::Typing(filled) => return self.complete(back, identity, filled),
            What::Click {
                means: Means::Ask,
                action,
                label,
            } => return self.question(back, &identity, action, &label),
            What::Click {
                means: Means::Open,
                action,
                ..
            } => return self.open(back, &identity, action),
            What::Click { action, .. } => Said::Click(action),
            What::Command(filled) => Said::Filled {
                command: filled.command,
                arguments: filled.arguments,
            },
            What::Submit { action, fields } => {
                if let Some(wrong) = self.wrong(&identity, action, &fields) {
                    tokio::spawn(async move { back.tell(wrong).await });
                    return;
                }
                Said::Submit { action, fields }
            }
        };
        back.watch();
        let inbound = Inbound {
            identity,
            delivery,
            said,
        };
        self.reception.receive(inbound, Box::new(back));
    }

    /// Choices must be the first answer, and come from memory.
    fn complete(&self, back: Back, identity: Identity, filled: Filled) {
        let Some(focused) = filled.focused else {
            tokio::spawn(
                async move { back.at_once(kind::CHOICES, json!({ "choices": [] })).await },
            );
            return;
        };
        let mut arguments = filled.arguments.into_iter();
        let text = arguments.find(|(name, _)| *name == focused.name);
        let typing = Typing {
            identity,
            command: filled.command,
            parameter: focused.name,
            text: text.map(|(_, text)| text).unwrap_or_default(),
        };
        let choices = self.reception.complete(&typing).into_iter();
        let choice = |(value, said): (String, String)| {
            let name = crate::platforms::text::filled(&said, CHOICE_MAX);
            let value = if focused.is_number {
                json!(value.parse::<i64>().ok()?)
            } else {
                json!(value)
            };
            Some(json!({ "name": name, "value": value }))
        };
        let choices: Vec<_> = choices.filter_map(choice).take(CHOICES_MAX).collect();
        tokio::spawn(async move {
            back.at_once(kind::CHOICES, json!({ "choices": choices }))
                .await;
        });
    }

    /// The second step of a dangerous button: the question, and a button that acts.
    fn question(&self, back: Back, who: &Identity, action: ActionId, label: &str) {
        let question = self.discord.questions.of(action, label);
        let tag = Tag {
            means: Means::Act,
            guild: who.workspace.id.clone(),
            action,
            letter: None,
        };
        let label = if label.is_empty() { "Do it" } else { label };
        let button = render::button(&tag, &format!("Yes: {label}"), Style::Danger);
        let message = render::asking(&question, &button);
        tokio::spawn(async move { back.tell(message).await });
    }

    /// A form must be the first answer, so it is opened from memory.
    fn open(&self, back: Back, who: &Identity, action: ActionId) {
        let form = self.discord.forms.find(&who.user, action);
        let modal = form.and_then(|form| forms::modal(&form, &who.workspace.id).ok());
        tokio::spawn(async move {
            if let Some(modal) = modal {
                return back.at_once(kind::FORM, modal).await;
            }
            let why = "That form is too old. Nothing was changed. Say the command again.";
            back.tell(render::saying(why)).await;
        });
    }

    /// What is wrong with a form that is remembered, and the way to open it again as it was typed.
    fn wrong(
        &self,
        who: &Identity,
        action: ActionId,
        fields: &[(String, Secret)],
    ) -> Option<Value> {
        let form = self.discord.forms.find(&who.user, action)?;
        let wrong = self.reception.check_fields(&form.line, fields);
        if wrong.is_empty() {
            return None;
        }
        let mut message = render::saying(&forms::wrong(&form, &wrong));
        let form = forms::typed(form, fields);
        self.discord.forms.remember(&who.user, &form);
        message["components"] = open_form(&form, who)["components"].take();
        Some(message)
    }

    /// Somebody whom no server vouches for.
    fn turn_away(&self, token: Token, first: First) {
        let nobody = Identity {
            workspace: payload::workspace("0"),
            user: UserId::new("0"),
        };
        let back = Back::new(self.discord.clone(), nobody, token, first, false);
        let why = "Only people can use Slice, in a server that it is in. Nothing was changed.";
        tokio::spawn(async move { back.tell(render::saying(why)).await });
    }
}
