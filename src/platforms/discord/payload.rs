//! Interactions as Discord sends them, over the gateway and over HTTP alike.

use super::{
    buttons::{Means, Tag},
    forms, is_id,
    web::Wiped,
};
use serde_json::Value;
use slice_commands::discord::{Filled, filled};
use slice_core::{
    ids::{ActionId, ChannelId, Identity, PlatformName, UserId, Workspace, WorkspaceId},
    secret::Secret,
};

const FIELDS_MAX: usize = 5;

/// Discord's numbers for kinds of interactions.
mod kind {
    pub const PING: u64 = 1;
    pub const COMMAND: u64 = 2;
    pub const COMPONENT: u64 = 3;
    pub const COMPLETION: u64 = 4;
    pub const FORM: u64 = 5;
}

/// An interaction that came in.
pub(super) enum Interaction {
    /// Discord looks whether somebody is there.
    Ping,
    Done(Box<Done>),
    /// No person of a server did this: a bot or a webhook, or it happened where none is known.
    Nobody(Token),
    /// Not of a kind that Slice has to do with.
    Unreadable,
}

/// What an interaction is answered with.
#[derive(Debug)]
pub(super) struct Token {
    pub application: String,
    pub id: String,
    pub secret: Secret,
}

/// What a person did.
pub(super) struct Done {
    pub identity: Identity,
    pub token: Token,
    pub what: What,
}

pub(super) enum What {
    Command(Filled),
    Typing(Filled),
    Click {
        means: Means,
        action: ActionId,
        /// What stands on the button.
        label: String,
    },
    Submit {
        action: ActionId,
        fields: Vec<(String, Secret)>,
    },
}

pub(super) fn workspace(guild: &str) -> Workspace {
    Workspace {
        platform: PlatformName::Discord,
        id: WorkspaceId::new(guild),
    }
}

/// Reads an interaction; what it held is wiped from the memory that it came in.
pub(super) fn interaction(value: Value) -> Interaction {
    let mut value = Wiped(value);
    let number = value.0["type"].as_u64().unwrap_or_default();
    if number == kind::PING {
        return Interaction::Ping;
    }
    let Some(token) = token(&value.0) else {
        return Interaction::Unreadable;
    };
    let (what, tagged) = match number {
        kind::COMMAND => (filled(&value.0["data"]).map(What::Command), None),
        kind::COMPLETION => (filled(&value.0["data"]).map(What::Typing), None),
        kind::COMPONENT => match click(&value.0) {
            Some((what, guild)) => (Some(what), Some(guild)),
            None => (None, None),
        },
        kind::FORM => match submit(&mut value.0["data"]) {
            Some((what, guild)) => (Some(what), Some(guild)),
            None => (None, None),
        },
        _ => (None, None),
    };
    let Some(what) = what else {
        return Interaction::Unreadable;
    };
    match identity(&value.0, tagged) {
        Some(identity) => Interaction::Done(Box::new(Done {
            identity,
            token,
            what,
        })),
        None => Interaction::Nobody(token),
    }
}

fn token(value: &Value) -> Option<Token> {
    let id = |name: &str| {
        let id = value[name].as_str().filter(|id| is_id(id));
        id.map(str::to_owned)
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let token = value["token"].as_str();
    let token = token.filter(|token| !token.is_empty() && token.bytes().all(is_plain))?;
    Some(Token {
        application: id("application_id")?,
        id: id("id")?,
        secret: Secret::new(token.to_owned()),
    })
}

/// Who it was, as the envelope says. In a server, what a button carries must name the same server;
/// in a direct message it is all that tells which one is meant, and the edge checks that the action
/// and the person belong there.
fn identity(value: &Value, tagged: Option<WorkspaceId>) -> Option<Identity> {
    let guild = value["guild_id"].as_str().filter(|id| is_id(id));
    let (person, guild) = match guild {
        Some(guild) => (&value["member"]["user"], guild.to_owned()),
        None => (&value["user"], tagged.clone()?.as_str().to_owned()),
    };
    let is_ours = tagged.is_none_or(|tagged| tagged.as_str() == guild);
    let id = person["id"].as_str().filter(|id| is_id(id))?;
    let is_person = person["bot"] != true && person["system"] != true;
    (is_ours && is_person).then(|| Identity {
        workspace: workspace(&guild),
        user: UserId::new(id),
    })
}

fn click(value: &Value) -> Option<(What, WorkspaceId)> {
    let custom_id = value["data"]["custom_id"].as_str()?;
    let tag = Tag::read(custom_id).filter(|tag| tag.means != Means::Form)?;
    let label = label(&value["message"]["components"], custom_id).unwrap_or_default();
    let what = What::Click {
        means: tag.means,
        action: tag.action,
        label,
    };
    Some((what, tag.guild))
}

fn label(rows: &Value, custom_id: &str) -> Option<String> {
    let rows = rows.as_array()?.iter();
    let mut all = rows
        .filter_map(|row| row["components"].as_array())
        .flatten();
    let button = all.find(|button| button["custom_id"] == custom_id)?;
    button["label"].as_str().map(str::to_owned)
}

/// Takes the values out, because they may be secrets.
fn submit(data: &mut Value) -> Option<(What, WorkspaceId)> {
    let tag = Tag::read(data["custom_id"].as_str()?).filter(|tag| tag.means == Means::Form)?;
    let rows = data["components"].as_array_mut()?;
    let inputs = rows.iter_mut().take(FIELDS_MAX);
    let inputs = inputs.filter_map(|row| row["components"].as_array_mut()?.first_mut());
    let mut fields = vec![];
    for input in inputs {
        let name = input["custom_id"].as_str()?.to_owned();
        let value = match input["value"].take() {
            Value::String(text) => text,
            Value::Null => String::new(),
            _ => return None,
        };
        fields.push(forms::field(&name, value));
    }
    let action = tag.action;
    Some((What::Submit { action, fields }, tag.guild))
}

/// A server that an event names.
pub(super) fn guild_of(event: &Value, name: &str) -> Option<Workspace> {
    let id = event[name].as_str().filter(|id| is_id(id))?;
    Some(workspace(id))
}

/// A channel of a server.
pub(super) fn channel(id: &str) -> ChannelId {
    ChannelId::new(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn click_in(guild: Option<&str>, tagged: &str, person: &Value) -> Interaction {
        let action = ActionId::from_random([7; 16]);
        let mut value = json!({
            "type": 3, "id": "5", "application_id": "1", "token": "aToken",
            "data": { "custom_id": format!("act:{tagged}:{action}"), "component_type": 2 },
        });
        match guild {
            Some(guild) => {
                value["guild_id"] = json!(guild);
                value["member"] = json!({ "user": person });
            }
            None => value["user"] = person.clone(),
        }
        interaction(value)
    }

    #[test]
    fn a_button_counts_for_its_own_server_alone() {
        let ana = json!({ "id": "50" });
        for guild in [Some("20"), None] {
            let Interaction::Done(done) = click_in(guild, "20", &ana) else {
                panic!("ana clicked");
            };
            assert_eq!(done.identity.workspace, workspace("20"));
            assert_eq!(done.identity.user.as_str(), "50");
        }
        let other = click_in(Some("21"), "20", &ana);
        assert!(matches!(other, Interaction::Nobody(_)));
    }

    #[test]
    fn bots_are_nobody_and_nonsense_is_unreadable() {
        let bot = click_in(Some("20"), "20", &json!({ "id": "50", "bot": true }));
        assert!(matches!(bot, Interaction::Nobody(_)));
        for nonsense in [
            json!(null),
            json!({ "type": 3, "id": "x", "application_id": "1", "token": "t" }),
            json!({ "type": 2, "id": "1", "application_id": "1", "token": "t/../x", "data": {} }),
            json!({ "type": 5, "id": "1", "application_id": "1", "token": "t",
                    "data": { "custom_id": "form:1:2", "components": [] } }),
        ] {
            assert!(matches!(interaction(nonsense), Interaction::Unreadable));
        }
        assert!(matches!(
            interaction(json!({ "type": 1 })),
            Interaction::Ping
        ));
    }
}
