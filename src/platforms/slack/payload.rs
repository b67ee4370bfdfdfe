//! What Slack sends, over the socket or by HTTP, as far as Slice reads it. Identity comes from the
//! payload that Slack vouches for, alone; nothing here is ever printed.

use super::{mentions, render::ACTION_PREFIX, views::Carried, web::Wiped};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use slice_core::{
    ids::{ActionId, Identity, PlatformName, UserId, Workspace, WorkspaceId},
    inbound::{Notice, mention},
    secret::Secret,
};
use std::{borrow::Cow, collections::HashMap};
use url::Url;

/// One frame of the socket.
#[derive(Deserialize)]
pub(super) struct Frame<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    #[serde(default)]
    pub envelope_id: Option<String>,
    #[serde(default, borrow)]
    pub payload: Option<&'a RawValue>,
    #[serde(default)]
    pub reason: Option<String>,
}

/// Something a person did, and the ways back to her.
pub(super) struct Done {
    pub identity: Identity,
    pub delivery: String,
    pub what: What,
    pub trigger: Option<String>,
    pub response_url: Option<Url>,
    pub channel: Option<String>,
    /// The modal in which she did it.
    pub view: Option<String>,
    /// She did it in her home tab: answers open a modal over it.
    pub at_home: bool,
}

pub(super) enum What {
    Line(String),
    Click(ActionId),
    Submit {
        carried: Carried,
        fields: Vec<(String, Secret)>,
    },
}

#[derive(Deserialize)]
struct Command {
    team_id: String,
    user_id: String,
    channel_id: Option<String>,
    text: Option<String>,
    response_url: Option<Url>,
    trigger_id: String,
}

/// A command as the socket brings it; `None` if it cannot be read.
pub(super) fn command(payload: &str) -> Option<Done> {
    serde_json::from_str(payload).ok().map(commanded)
}

/// A command as it comes by HTTP: the same fields, as a form.
pub(super) fn command_form(body: &[u8]) -> Option<Done> {
    let fields = url::form_urlencoded::parse(body);
    let fields = fields.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())));
    let fields = Wiped(Value::Object(fields.collect()));
    Command::deserialize(&fields.0).ok().map(commanded)
}

fn commanded(command: Command) -> Done {
    Done {
        identity: identity(command.team_id, command.user_id),
        delivery: command.trigger_id.clone(),
        what: What::Line(mentions::line(command.text.as_deref().unwrap_or_default())),
        trigger: Some(command.trigger_id),
        response_url: command.response_url,
        channel: command.channel_id,
        view: None,
        at_home: false,
    }
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct Person {
    id: String,
    /// Her own workspace, where it is not the one in which she acted.
    team_id: Option<String>,
}

#[derive(Deserialize)]
struct Interaction {
    #[serde(rename = "type")]
    kind: String,
    team: Option<Named>,
    user: Person,
    trigger_id: Option<String>,
    response_url: Option<Url>,
    channel: Option<Named>,
    view: Option<View>,
    #[serde(default)]
    actions: Vec<Clicked>,
}

#[derive(Deserialize)]
struct Clicked {
    action_id: String,
    value: Option<String>,
    action_ts: Option<String>,
}

#[derive(Deserialize)]
struct View {
    id: String,
    #[serde(rename = "type", default)]
    kind: String,
    hash: Option<String>,
    #[serde(default)]
    callback_id: String,
    #[serde(default)]
    private_metadata: String,
    state: Option<State>,
}

impl View {
    fn is_home(&self) -> bool {
        self.kind == "home"
    }
}

#[derive(Deserialize)]
struct State {
    values: HashMap<String, HashMap<String, Input>>,
}

#[derive(Deserialize)]
struct Input {
    #[serde(default, deserialize_with = "secret")]
    value: Option<Secret>,
    selected_option: Option<Chosen>,
    selected_user: Option<String>,
    selected_conversation: Option<String>,
    selected_channel: Option<String>,
}

#[derive(Deserialize)]
struct Chosen {
    value: String,
}

fn secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Secret::new))
}

/// What an interaction is to us.
pub(super) enum Interacted {
    Done(Box<Done>),
    /// Something that needs no more than its acknowledgement, such as a closed view.
    Nothing,
    Unreadable,
}

pub(super) fn interaction(payload: &str) -> Interacted {
    let Ok(interaction) = serde_json::from_str::<Interaction>(payload) else {
        return Interacted::Unreadable;
    };
    let done = match interaction.kind.as_str() {
        "block_actions" => click(interaction),
        "view_submission" => submission(interaction),
        _ => return Interacted::Nothing,
    };
    done.map_or(Interacted::Unreadable, |done| {
        Interacted::Done(Box::new(done))
    })
}

fn click(interaction: Interaction) -> Option<Done> {
    let clicked = interaction.actions.first()?;
    if !clicked.action_id.starts_with(ACTION_PREFIX) {
        return None;
    }
    let action = clicked.value.as_deref()?.parse().ok()?;
    let delivery = match (&interaction.trigger_id, &clicked.action_ts) {
        (Some(trigger), _) => trigger.clone(),
        (None, Some(at)) => format!("{at}/{}", interaction.user.id),
        (None, None) => return None,
    };
    done(interaction, delivery, What::Click(action))
}

fn submission(interaction: Interaction) -> Option<Done> {
    let view = interaction.view.as_ref()?;
    if view.callback_id != super::views::FORM {
        return None;
    }
    let carried: Carried = serde_json::from_str(&view.private_metadata).ok()?;
    let delivery = format!("{}/{}", view.id, view.hash.as_deref().unwrap_or_default());
    let mut interaction = interaction;
    let state = interaction.view.as_mut()?.state.take();
    let mut values = state.map(|state| state.values).unwrap_or_default();
    let mut fields = vec![];
    for name in &carried.fields {
        let input = values
            .get_mut(name)
            .and_then(|block| block.remove(super::views::INPUT));
        fields.extend(input.and_then(said).map(|value| (name.clone(), value)));
    }
    done(interaction, delivery, What::Submit { carried, fields })
}

/// What an input holds, as the grammar reads it; `None` if it was left empty.
fn said(input: Input) -> Option<Secret> {
    let user = input.selected_user.map(|user| mention(&UserId::new(user)));
    let channel = input.selected_conversation.or(input.selected_channel);
    let channel = channel.map(|channel| format!("<#{channel}>"));
    let chosen = input
        .selected_option
        .map(|chosen| chosen.value)
        .or(user)
        .or(channel);
    let said = chosen.map(Secret::new).or(input.value)?;
    (!said.expose().is_empty()).then_some(said)
}

fn done(interaction: Interaction, delivery: String, what: What) -> Option<Done> {
    let Interaction {
        team,
        user,
        trigger_id,
        response_url,
        channel,
        view,
        ..
    } = interaction;
    // A person of another workspace speaks for that one, wherever she clicked.
    let team = user.team_id.or(team.map(|team| team.id))?;
    Some(Done {
        identity: identity(team, user.id),
        delivery,
        what,
        trigger: trigger_id,
        response_url,
        channel: channel.map(|channel| channel.id),
        at_home: view.as_ref().is_some_and(View::is_home),
        view: view.filter(|view| !view.is_home()).map(|view| view.id),
    })
}

fn identity(team: String, user: String) -> Identity {
    Identity {
        workspace: workspace(team),
        user: UserId::new(user),
    }
}

pub(super) fn workspace(team: impl Into<String>) -> Workspace {
    Workspace {
        platform: PlatformName::Slack,
        id: WorkspaceId::new(team),
    }
}

#[derive(Deserialize)]
struct EventCallback<'a> {
    team_id: String,
    #[serde(borrow)]
    event: Event<'a>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    user: Option<Subject>,
    /// Which tab was opened.
    #[serde(default, borrow)]
    tab: Option<Cow<'a, str>>,
}

/// Whom an event is about: an id, or a whole profile.
#[derive(Deserialize)]
#[serde(untagged)]
enum Subject {
    Id(String),
    Profile(Named),
    Other(serde::de::IgnoredAny),
}

/// What an event means; `Ok(None)` if nothing, `Err` if it cannot be read.
pub(super) fn event(payload: &str) -> Result<Option<Notice>, ()> {
    let callback: EventCallback<'_> = serde_json::from_str(payload).map_err(drop)?;
    let workspace = workspace(callback.team_id);
    Ok(match callback.event.kind.as_ref() {
        "app_home_opened" => match (callback.event.tab.as_deref(), callback.event.user) {
            (Some("home"), Some(Subject::Id(user))) => {
                let user = UserId::new(user);
                Some(Notice::HomeOpened(Identity { workspace, user }))
            }
            _ => None,
        },
        "user_change" | "team_join" | "member_joined_channel" | "member_left_channel" => {
            Some(match callback.event.user {
                Some(Subject::Id(user) | Subject::Profile(Named { id: user })) => {
                    let user = UserId::new(user);
                    Notice::PersonChanged(Identity { workspace, user })
                }
                _ => Notice::PeopleChanged(workspace),
            })
        }
        kind if kind.starts_with("subteam_") => Some(Notice::PeopleChanged(workspace)),
        "app_uninstalled" | "tokens_revoked" => Some(Notice::Uninstalled(workspace)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ACTION: &str = "6b1c2a52-3f51-4e0a-9a51-0a5a3f4e9c11";

    fn click_by(user: &Value) -> Value {
        json!({
            "type": "block_actions", "user": user, "team": { "id": "T1" }, "trigger_id": "1.2",
            "response_url": "https://hooks.example/1", "channel": { "id": "C1", "name": "general" },
            "actions": [{ "action_id": "act:0", "value": ACTION, "action_ts": "5.6" }],
        })
    }

    fn read(payload: &Value) -> Option<Done> {
        match interaction(&payload.to_string()) {
            Interacted::Done(done) => Some(*done),
            Interacted::Nothing | Interacted::Unreadable => None,
        }
    }

    #[test]
    fn a_person_of_another_workspace_speaks_for_her_own() {
        let own = read(&click_by(&json!({ "id": "U1", "team_id": "T1" }))).expect("a click");
        assert_eq!(own.identity.workspace.id.as_str(), "T1");
        let stranger = read(&click_by(&json!({ "id": "U9", "team_id": "T9" }))).expect("a click");
        assert_eq!(stranger.identity.workspace.id.as_str(), "T9");
        let mut org_wide = click_by(&json!({ "id": "U1", "team_id": "T1" }));
        org_wide["team"] = Value::Null;
        assert!(read(&org_wide).is_some());
        assert!(read(&click_by(&json!({ "name": "nobody" }))).is_none());
    }

    #[test]
    fn what_slice_did_not_send_is_not_a_click() {
        let mut other = click_by(&json!({ "id": "U1" }));
        other["actions"][0]["action_id"] = json!("approve");
        assert!(read(&other).is_none());
        let mut forged = click_by(&json!({ "id": "U1" }));
        forged["actions"][0]["value"] = json!("not an action");
        assert!(read(&forged).is_none());
    }

    #[test]
    fn a_submission_brings_its_fields_as_the_grammar_reads_them() {
        let carried = json!({
            "action": ACTION, "line": "vault add openrouter", "fields": ["key", "who", "where", "left"],
        });
        let payload = json!({
            "type": "view_submission", "user": { "id": "U1", "team_id": "T1" }, "team": { "id": "T1" },
            "view": { "id": "V1", "hash": "7.h", "callback_id": "form",
                "private_metadata": carried.to_string(),
                "state": { "values": {
                    "key": { "value": { "type": "plain_text_input", "value": "<@U1> & more" } },
                    "who": { "value": { "type": "users_select", "selected_user": "U7" } },
                    "where": { "value": {
                        "type": "conversations_select", "selected_conversation": "C7" } },
                    "left": { "value": { "type": "plain_text_input", "value": null } },
                    "foreign": { "value": { "type": "plain_text_input", "value": "x" } },
                } } },
        });
        let done = read(&payload).expect("a submission");
        assert_eq!(done.delivery, "V1/7.h");
        assert_eq!(done.view.as_deref(), Some("V1"));
        let What::Submit { fields, .. } = done.what else {
            panic!("no submission")
        };
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()))
            .collect();
        assert_eq!(
            fields,
            [
                ("key", "<@U1> & more"),
                ("who", "<@U7>"),
                ("where", "<#C7>")
            ]
        );
    }

    #[test]
    fn events_become_notices() {
        let of = |kind: &str| {
            event(&json!({ "team_id": "T1", "event": { "type": kind, "user": {} } }).to_string())
        };
        for kind in [
            "user_change",
            "team_join",
            "member_left_channel",
            "subteam_members_changed",
        ] {
            assert_eq!(
                of(kind),
                Ok(Some(Notice::PeopleChanged(workspace("T1")))),
                "{kind}"
            );
        }
        let ana = || Identity {
            workspace: workspace("T1"),
            user: UserId::new("U1"),
        };
        for user in [json!("U1"), json!({ "id": "U1", "deleted": true })] {
            let event = json!({ "type": "user_change", "user": user });
            let named = super::event(&json!({ "team_id": "T1", "event": event }).to_string());
            assert_eq!(named, Ok(Some(Notice::PersonChanged(ana()))));
        }
        for kind in ["app_uninstalled", "tokens_revoked"] {
            assert_eq!(
                of(kind),
                Ok(Some(Notice::Uninstalled(workspace("T1")))),
                "{kind}"
            );
        }
        let home = |tab: &str| {
            let event = json!({ "type": "app_home_opened", "user": "U1", "tab": tab });
            super::event(&json!({ "team_id": "T1", "event": event }).to_string())
        };
        assert_eq!(home("home"), Ok(Some(Notice::HomeOpened(ana()))));
        assert_eq!(home("messages"), Ok(None));
        assert_eq!(event("[]"), Err(()));
    }
}
