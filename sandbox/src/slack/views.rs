//! The `views.*` methods and the rules of triggers.

use serde_json::{Map, Value, json};

use super::api::{Asked, Outcome, Refused, refuse};
use super::limits::{self, VIEW_BYTES_MAX};
use super::payloads::view_json;
use super::world::{Change, Trigger, View, World};

const TRIGGER_LIFE: i64 = 3 * 1_000_000;
/// Modals on top of each other.
const STACK_MAX: usize = 3;

/// Who may see what a trigger opens; the trigger is used up by that.
fn pull(asked: &mut Asked) -> Result<Trigger, Refused> {
    let id = asked.needed("trigger_id")?;
    let now = asked.world.clock.now();
    let Some(trigger) = asked.world.triggers.get_mut(&id) else {
        asked.violation("invalid_trigger_id");
        return refuse("invalid_trigger_id");
    };
    if trigger.used {
        return refuse("exchanged_trigger_id");
    }
    if now - trigger.made >= TRIGGER_LIFE {
        return refuse("expired_trigger_id");
    }
    trigger.used = true;
    let (user, view, made) = (trigger.user.clone(), trigger.view.clone(), trigger.made);
    Ok(Trigger {
        user,
        view,
        made,
        used: true,
    })
}

/// The argument `view`, held to all limits.
fn checked(asked: &Asked, kind: &str) -> Result<Value, Refused> {
    let Some(view) = asked.json("view")? else {
        return Err(Refused::because(
            "invalid_arguments",
            vec!["missing view".to_owned()],
        ));
    };
    if view.to_string().len() > VIEW_BYTES_MAX {
        asked.violation("view_too_large");
        return refuse("view_too_large");
    }
    let mut problems = limits::check_view(&view);
    if view["type"] != json!(kind) {
        problems.push(format!("view/type: {kind} expected"));
    }
    for problem in &problems {
        asked.violation(problem);
    }
    for problem in asked
        .hub
        .contracts
        .iter()
        .flat_map(|it| it.check_view(&view))
    {
        asked.violation(&problem);
    }
    if problems.is_empty() {
        return Ok(view);
    }
    Err(Refused::because("invalid_arguments", problems))
}

impl World {
    /// Adds an open view of a person, on top of another one if there is a previous.
    pub(super) fn add_view(&mut self, user: &str, body: &Value, previous: Option<&str>) -> String {
        let id = self.next("V");
        let root = previous
            .and_then(|id| self.view(id))
            .map(|view| view.root.clone());
        let team = self
            .person(user)
            .map(|person| person.team.clone())
            .unwrap_or_default();
        let hash = self.next_hash();
        self.views.push(View {
            id: id.clone(),
            hash,
            user: user.to_owned(),
            team,
            body: Value::Null,
            state: Map::new(),
            errors: std::collections::BTreeMap::new(),
            previous: previous.map(str::to_owned),
            root: root.unwrap_or_else(|| id.clone()),
            open: true,
            seen: 0,
        });
        self.fill_view(&id, body, Change::New);
        id
    }

    /// Gives a view new content and shows it; inputs that are still there keep what was typed.
    pub(super) fn fill_view(&mut self, id: &str, body: &Value, change: Change) {
        let blocks = body["blocks"].as_array().cloned().unwrap_or_default();
        let mut body = body.clone();
        body["blocks"] = json!(self.with_ids(&blocks));
        let hash = self.next_hash();
        let Some(view) = self.view_mut(id) else {
            return;
        };
        view.state = super::forms::state_of(&body, &view.state);
        view.body = body;
        view.hash = hash;
        view.errors.clear();
        self.show_view(id, change);
    }

    fn next_hash(&mut self) -> String {
        let n = self.count("hash");
        format!("{}.h{n:07}", self.clock.seconds())
    }

    /// The modal on top of a person's stack.
    pub(super) fn open_modal(&self, user: &str) -> Option<&View> {
        self.views
            .iter()
            .rev()
            .find(|view| view.open && view.user == user && !view.is_home())
    }

    /// Closes one modal, or all of its stack.
    pub(super) fn close_view(&mut self, id: &str, whole_stack: bool) {
        let Some(root) = self.view(id).map(|view| view.root.clone()) else {
            return;
        };
        let closing: Vec<String> = self
            .views
            .iter()
            .filter(|view| view.open && view.root == root && (whole_stack || view.id == id))
            .map(|view| view.id.clone())
            .collect();
        for id in closing {
            self.show_view(&id, Change::Deleted);
            if let Some(view) = self.view_mut(&id) {
                view.open = false;
            }
        }
    }

    fn shown_view(&self, id: &str) -> Value {
        json!({ "view": self.view(id).map(view_json) })
    }
}

fn unique_external_id(asked: &Asked, view: &Value, but: Option<&str>) -> Result<(), Refused> {
    let external = &view["external_id"];
    let taken = |one: &View| {
        one.team == asked.team
            && one.body["external_id"] == *external
            && but.is_none_or(|id| one.id != id)
    };
    if external.as_str().is_some_and(|id| !id.is_empty()) && asked.world.views.iter().any(taken) {
        return refuse("duplicate_external_id");
    }
    Ok(())
}

pub(super) fn open(asked: &mut Asked) -> Outcome {
    let view = checked(asked, "modal")?;
    unique_external_id(asked, &view, None)?;
    let trigger = pull(asked)?;
    while let Some(old) = asked
        .world
        .open_modal(&trigger.user)
        .map(|view| view.id.clone())
    {
        asked.world.close_view(&old, true);
    }
    let id = asked.world.add_view(&trigger.user, &view, None);
    Ok(asked.world.shown_view(&id))
}

pub(super) fn push(asked: &mut Asked) -> Outcome {
    let view = checked(asked, "modal")?;
    unique_external_id(asked, &view, None)?;
    let trigger = pull(asked)?;
    let below = asked
        .world
        .open_modal(&trigger.user)
        .map(|view| (view.id.clone(), view.root.clone()));
    let (Some(_), Some((below, root))) = (&trigger.view, below) else {
        return refuse("invalid_trigger_id");
    };
    let stack = asked
        .world
        .views
        .iter()
        .filter(|view| view.open && view.root == root)
        .count();
    if stack >= STACK_MAX {
        return refuse("push_limit_reached");
    }
    let id = asked.world.add_view(&trigger.user, &view, Some(&below));
    Ok(asked.world.shown_view(&id))
}

pub(super) fn update(asked: &mut Asked) -> Outcome {
    let view = checked(asked, "modal")?;
    let by_id = asked.text("view_id");
    let by_external = asked.text("external_id");
    let found = asked
        .world
        .views
        .iter()
        .find(|one| match (&by_id, &by_external) {
            (Some(id), _) => one.id == *id,
            (None, Some(external)) => one.body["external_id"] == json!(external),
            (None, None) => false,
        });
    let (id, hash) = match found {
        Some(found) if found.open && found.team == asked.team => {
            (found.id.clone(), found.hash.clone())
        }
        _ => return refuse("not_found"),
    };
    if asked.text("hash").is_some_and(|expected| expected != hash) {
        return refuse("hash_conflict");
    }
    unique_external_id(asked, &view, Some(&id))?;
    asked.world.fill_view(&id, &view, Change::Edited);
    Ok(asked.world.shown_view(&id))
}

pub(super) fn publish(asked: &mut Asked) -> Outcome {
    let view = checked(asked, "home")?;
    let user = asked.needed("user_id")?;
    match asked.world.person(&user) {
        Some(person) if person.team == asked.team && !person.deleted => {}
        _ => return refuse("user_not_found"),
    }
    let home = asked
        .world
        .views
        .iter()
        .find(|view| view.user == user && view.is_home());
    let home = home.map(|view| (view.id.clone(), view.hash.clone()));
    let id = match home {
        Some((_, hash)) if asked.text("hash").is_some_and(|expected| expected != hash) => {
            return refuse("hash_conflict");
        }
        Some((id, _)) => {
            asked.world.fill_view(&id, &view, Change::Edited);
            id
        }
        None => asked.world.add_view(&user, &view, None),
    };
    Ok(asked.world.shown_view(&id))
}

/// What the answer to a submission says: errors, or where the modal goes from here.
pub(super) fn after_submission(asked: &mut Asked, id: &str, answer: &Map<String, Value>) {
    let action = answer.get("response_action").and_then(Value::as_str);
    if let (Some("update" | "push"), Some(view)) = (action, answer.get("view")) {
        asked.arguments.insert("view".to_owned(), view.clone());
        let Ok(view) = checked(asked, "modal") else {
            return;
        };
        if action == Some("update") {
            asked.world.fill_view(id, &view, Change::Edited);
        } else if let Some(user) = asked.world.view(id).map(|view| view.user.clone()) {
            asked.world.add_view(&user, &view, Some(id));
        }
        return;
    }
    match action {
        None => asked.world.close_view(id, false),
        Some("clear") => asked.world.close_view(id, true),
        Some("errors") => {
            let errors = answer.get("errors").and_then(Value::as_object).cloned();
            asked
                .world
                .show_errors(asked.hub, id, &errors.unwrap_or_default());
        }
        Some(other) => asked.violation(&format!("unknown response_action {other:?}")),
    }
}
