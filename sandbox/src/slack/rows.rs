//! The rows of the fake Slack's world.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use tokio::sync::mpsc::UnboundedSender;

pub(super) use crate::chat::{Change, ChannelKind, PersonKind, Place, Sight};

pub(super) struct Team {
    pub id: String,
    pub name: String,
    pub domain: String,
    pub bot_token: String,
    pub installed: bool,
    /// The app that the token is of.
    pub app: String,
}

#[derive(Clone)]
pub(super) struct PersonRow {
    pub id: String,
    pub team: String,
    pub handle: String,
    pub kind: PersonKind,
    pub deleted: bool,
}

pub(super) struct Channel {
    pub id: String,
    pub team: String,
    pub name: String,
    pub kind: ChannelKind,
    pub archived: bool,
    pub members: BTreeSet<String>,
    /// The person at the other end, if this is the bot's direct message.
    pub im: Option<String>,
}

#[derive(Clone)]
pub(super) struct Message {
    pub channel: String,
    pub ts: String,
    pub thread_ts: Option<String>,
    pub text: String,
    pub blocks: Vec<Value>,
    pub metadata: Option<Value>,
    /// The files that the message shares, by id.
    pub files: Vec<String>,
    pub ephemeral_to: Option<String>,
    /// Text and blocks before each edit.
    pub versions: Vec<(String, Vec<Value>)>,
    pub edited: Option<String>,
    pub deleted: bool,
    pub seen: u64,
}

pub(super) struct View {
    pub id: String,
    pub hash: String,
    pub user: String,
    pub team: String,
    /// As the bot sent it, with generated block and action ids.
    pub body: Value,
    /// `block_id` → `action_id` → the state object of the input.
    pub state: Map<String, Value>,
    pub errors: BTreeMap<String, String>,
    pub previous: Option<String>,
    pub root: String,
    pub open: bool,
    pub seen: u64,
}

impl View {
    pub fn is_home(&self) -> bool {
        self.body["type"] == json!("home")
    }
}

pub(super) struct Trigger {
    pub user: String,
    pub view: Option<String>,
    pub made: i64,
    pub used: bool,
}

pub(super) struct ResponseUrl {
    pub user: String,
    pub channel: String,
    pub made: i64,
    pub uses: u32,
    /// Timestamp of the message it came from.
    pub origin: Option<String>,
}

pub(super) struct UserGroup {
    pub id: String,
    pub team: String,
    pub handle: String,
    pub users: Vec<String>,
}

pub(super) struct File {
    pub id: String,
    pub name: String,
    /// What an image shows, for those who do not see it.
    pub alt: Option<String>,
    pub length: usize,
    pub bytes: Option<Vec<u8>>,
    pub shared_in: Option<String>,
}

/// What an answer in an ack means for somebody.
#[derive(Clone)]
pub(super) enum About {
    Command { user: String, channel: String },
    Submission { view: String },
    Nothing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Waiting,
    Sent {
        socket: u64,
        at: i64,
    },
    /// By HTTP, and not answered.
    Posted {
        at: i64,
    },
    Acknowledged,
    /// By HTTP, and Slack has given up on it.
    Failed,
}

impl Delivery {
    /// Whether nothing more becomes of it.
    pub fn is_over(self) -> bool {
        matches!(self, Delivery::Acknowledged | Delivery::Failed)
    }
}

#[derive(Clone)]
pub(super) struct Envelope {
    pub id: String,
    pub kind: String,
    pub payload: Value,
    pub accepts: bool,
    pub about: About,
    pub delivery: Delivery,
    pub attempts: u32,
    /// When it may be sent again, on the sandbox clock.
    pub not_before: i64,
    /// Why it has to be.
    pub retry: Option<&'static str>,
}

pub(super) enum Frame {
    Envelope(String),
    Disconnect(&'static str),
    Cut,
}

pub(super) struct Socket {
    pub id: u64,
    pub frames: UnboundedSender<Frame>,
    /// Asked to reconnect: gets nothing new.
    pub draining: bool,
}
