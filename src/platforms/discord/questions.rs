//! What dangerous buttons ask before they act. Discord's buttons have no question of their own, so
//! a click on one is answered with the question and a button that acts.

use slice_core::{
    ids::ActionId,
    page::{Block, Page},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

const REMEMBERED_MAX: usize = 4096;

/// Questions of buttons that were shown since Slice began.
#[derive(Default)]
pub(super) struct Questions(Mutex<Known>);

#[derive(Default)]
struct Known {
    questions: HashMap<ActionId, String>,
    order: VecDeque<ActionId>,
}

impl Questions {
    pub fn note(&self, page: &Page) {
        let buttons = page.0.iter().filter_map(|block| match block {
            Block::Buttons(buttons) => Some(buttons),
            _ => None,
        });
        let asking = buttons
            .flatten()
            .filter_map(|button| Some((button.action?, button.confirm.clone()?)));
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (action, question) in asking {
            if known.questions.insert(action, question).is_none() {
                known.order.push_back(action);
            }
            if REMEMBERED_MAX < known.order.len()
                && let Some(oldest) = known.order.pop_front()
            {
                known.questions.remove(&oldest);
            }
        }
    }

    /// The question of a button; one that was shown before Slice began anew is asked by its label.
    pub fn of(&self, action: ActionId, label: &str) -> String {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let question = known.questions.get(&action).cloned();
        question.unwrap_or_else(|| format!("“{label}”: are you sure?"))
    }
}
