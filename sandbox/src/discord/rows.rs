//! The rows of the fake Discord's world.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::permissions::Overwrite;
use crate::chat::PersonKind;

/// A user account; what she is in a guild stands in its [`Member`].
#[derive(Clone)]
pub(super) struct PersonRow {
    pub id: String,
    /// The username, and the name that she is shown by.
    pub handle: String,
    pub kind: PersonKind,
    /// Takes no direct messages from the bot.
    pub dms_closed: bool,
}

#[derive(Clone)]
pub(super) struct Role {
    pub id: String,
    pub name: String,
    pub permissions: u64,
    pub position: usize,
    /// Belongs to the bot: nobody can be given it.
    pub managed: bool,
}

#[derive(Clone)]
pub(super) struct Member {
    pub user: String,
    pub roles: Vec<String>,
    pub guest: bool,
    /// Microseconds.
    pub joined: i64,
}

pub(super) struct Guild {
    pub id: String,
    pub name: String,
    pub owner: String,
    pub roles: Vec<Role>,
    pub members: Vec<Member>,
    /// Whether the app is installed here.
    pub with_bot: bool,
    /// Whether Discord has an outage here.
    pub out: bool,
}

impl Guild {
    pub fn member(&self, user: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.user == user)
    }

    pub fn member_mut(&mut self, user: &str) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.user == user)
    }

    pub fn role(&self, id: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.id == id)
    }
}

#[derive(Clone)]
pub(super) struct Channel {
    pub id: String,
    /// `None`: a direct message.
    pub guild: Option<String>,
    pub name: String,
    pub overwrites: Vec<Overwrite>,
    /// The person at the other end, if this is the bot's direct message.
    pub dm: Option<String>,
    pub position: usize,
}

/// What a message says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Body {
    pub content: String,
    pub embeds: Vec<Value>,
    pub components: Vec<Value>,
    /// As Discord shows them: `id`, `filename`, `size`, `url`.
    pub attachments: Vec<Value>,
}

impl Body {
    pub fn is_empty(&self) -> bool {
        *self == Body::default()
    }
}

#[derive(Clone)]
pub(super) struct Message {
    pub id: String,
    pub channel: String,
    pub author: String,
    pub body: Body,
    pub flags: u64,
    pub nonce: Option<Value>,
    /// The only person who sees it.
    pub ephemeral_to: Option<String>,
    /// The interaction that it answers.
    pub interaction: Option<String>,
    /// Users and roles whom it pinged.
    pub mentions: (Vec<String>, Vec<String>),
    /// What it said before each edit.
    pub versions: Vec<Body>,
    /// Microseconds.
    pub made: i64,
    pub edited: Option<i64>,
    /// A deferred answer that has not been given yet.
    pub loading: bool,
    pub deleted: bool,
    pub seen: u64,
}

/// How far the answer to an interaction got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    No,
    /// Acknowledged by a "thinking…" that has not been replaced yet.
    Deferred,
    Yes,
}

/// Who has to answer an interaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Session(String),
    /// The HTTP endpoint, by how often one was set.
    Endpoint(u64),
}

#[derive(Clone)]
pub(super) struct Interaction {
    pub id: String,
    pub token: String,
    /// 2 command, 3 component, 4 autocomplete, 5 modal.
    pub kind: u64,
    pub user: String,
    pub guild: Option<String>,
    pub channel: String,
    pub payload: Value,
    /// Microseconds.
    pub made: i64,
    pub answered: Answered,
    pub holders: Vec<Holder>,
    /// The message that its first answer made or, of a component, changed.
    pub original: Option<String>,
    /// The message that its button is on.
    pub source: Option<String>,
    /// The modal that was submitted with it.
    pub modal: Option<String>,
    /// What completes the option that was being typed.
    pub choices: Option<Vec<Value>>,
    /// No answer can come any more, and the person was told so.
    pub lapsed: bool,
}

#[derive(Clone)]
pub(super) struct Modal {
    pub id: String,
    pub user: String,
    pub guild: Option<String>,
    pub channel: String,
    /// `custom_id`, `title` and `components`, as the bot sent them, with ids.
    pub body: Value,
    /// What is typed, by the `custom_id` of the input.
    pub values: BTreeMap<String, Value>,
    /// The message whose button opened it.
    pub source: Option<String>,
    pub open: bool,
}

/// A set of commands: the global one, or a guild's own.
pub(super) struct Commands {
    pub guild: Option<String>,
    pub all: Vec<Value>,
    /// When each command was made that was not there before: 200 a day are allowed.
    pub made: Vec<i64>,
}

pub(super) struct File {
    pub id: String,
    pub name: String,
    /// What an image shows, for those who do not see it.
    pub alt: Option<String>,
    pub bytes: Vec<u8>,
}

/// Something for one gateway connection to do.
pub(super) enum Frame {
    /// Send the event with this number of the connection's session.
    Event(u64),
    Reconnect,
    /// Whether it may resume.
    Invalid(bool),
    /// Neither send nor acknowledge anything any more.
    Zombie,
    Close(u16),
    Cut,
}

#[derive(Clone)]
pub(super) struct Event {
    pub seq: u64,
    pub name: &'static str,
    pub data: Value,
}

/// A gateway session. It outlives its connection, to be resumed.
pub(super) struct Session {
    pub id: String,
    pub intents: u64,
    /// Everything that was ever sent or is to be sent, from number 1.
    pub events: Vec<Event>,
    /// The connection, with its number.
    pub link: Option<(u64, UnboundedSender<Frame>)>,
    /// Asked to reconnect: new events wait for the resumption.
    pub draining: bool,
    /// Cannot be resumed.
    pub dead: bool,
    /// A session that was begun after this one lost its connection took its place.
    pub replaced: bool,
}

/// The items of a JSON array; none if it is something else.
pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
