//! What both chat platforms share: sorts of people and channels, and what people see.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

/// With which every PNG begins.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A user's id: `U000000001` on Slack, a snowflake on Discord.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub String);

/// A channel's id: `C000000001` on Slack, a snowflake on Discord.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId(pub String);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What somebody is in a workspace or guild.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum PersonKind {
    Member,
    /// Discord: has a role with the Administrator permission.
    Admin,
    /// Discord: has a role with the Administrator permission.
    Owner,
    /// Who made the workspace (Discord: owns the guild); in tests also who installed the app.
    PrimaryOwner,
    /// Slack: `is_restricted`. Discord: the member's flag `IS_GUEST`.
    Guest,
    Bot,
    /// Slack: of another organisation, seen through a shared channel. Discord: in no guild that the
    /// bot is in.
    Stranger,
}

/// What sort of channel to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelKind {
    pub private: bool,
    /// Shared with another organisation; Discord has no such thing and takes it as private.
    pub ext_shared: bool,
}

impl ChannelKind {
    pub const PUBLIC: ChannelKind = ChannelKind {
        private: false,
        ext_shared: false,
    };
    pub const PRIVATE: ChannelKind = ChannelKind {
        private: true,
        ext_shared: false,
    };
    pub const SHARED: ChannelKind = ChannelKind {
        private: true,
        ext_shared: true,
    };
}

/// Where a person saw something; channels by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Place {
    Dm,
    Channel(String),
    /// Only visible to this person, in this channel.
    Ephemeral(String),
    Modal,
    Home,
    /// A file in a conversation; the text is its name and content.
    File,
}

/// What is wrong with a file that calls itself an image: it must be one, and be described.
pub(crate) fn image_problem(name: &str, alt: Option<&str>, bytes: &[u8]) -> Option<&'static str> {
    let ending = std::path::Path::new(name).extension();
    if ending.is_none_or(|ending| ending != "png") {
        return None;
    }
    match (bytes.starts_with(PNG), alt) {
        (false, _) => Some("a .png that is none"),
        (true, None | Some("")) => Some("an image without a description"),
        (true, Some(_)) => None,
    }
}

/// A file as a person sees it: its name, and its content or what its image shows.
pub(crate) fn shown_file(name: &str, alt: Option<&str>, bytes: Option<&[u8]>) -> String {
    let bytes = bytes.unwrap_or_default();
    match alt {
        Some(alt) if bytes.starts_with(PNG) => format!("{name}\n{alt}"),
        _ => format!("{name}\n{}", String::from_utf8_lossy(bytes)),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Dm => f.write_str("DM"),
            Place::Channel(name) => write!(f, "#{name}"),
            Place::Ephemeral(name) => write!(f, "only you, in #{name}"),
            Place::Modal => f.write_str("modal"),
            Place::Home => f.write_str("home"),
            Place::File => f.write_str("file"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Change {
    New,
    Edited,
    Deleted,
}

/// One thing that one person saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sight {
    /// Counts from 1 over everybody.
    pub n: u64,
    /// The handle.
    pub person: String,
    pub place: Place,
    pub change: Change,
    /// All blocks as a person reads them. Of a deleted thing: what it said.
    pub text: String,
    /// Labels of what can be clicked.
    pub buttons: Vec<String>,
    /// The fallback text, as a notification shows it.
    pub notification: String,
    /// Slack: the message's timestamp, the view's or the file's id. Discord: the id of the message,
    /// modal or attachment.
    pub id: String,
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = match self.change {
            Change::New => "",
            Change::Edited => ", edited",
            Change::Deleted => ", deleted",
        };
        write!(f, "({}{change}) {}", self.place, self.text)
    }
}

/// Everything that anybody saw, and how far each has read.
#[derive(Default)]
pub(crate) struct Sights {
    all: Vec<Sight>,
    /// By handle.
    read: HashMap<String, u64>,
}

impl Sights {
    /// Records a sight and numbers it.
    pub fn show(&mut self, mut sight: Sight) {
        sight.n = self.newest() + 1;
        self.all.push(sight);
    }

    /// The number of the newest sight; 0 if there is none.
    pub fn newest(&self) -> u64 {
        self.all.last().map_or(0, |sight| sight.n)
    }

    pub fn since(&self, n: u64) -> Vec<Sight> {
        let fresh = self.all.iter().filter(|sight| sight.n > n);
        fresh.cloned().collect()
    }

    pub fn of(&self, handle: &str) -> Vec<Sight> {
        let hers = self.all.iter().filter(|sight| sight.person == handle);
        hers.cloned().collect()
    }

    /// What she saw since the last call, one text per sight; `(deleted)` for a message that went.
    /// That a modal closed is no news to her.
    pub fn reads(&mut self, handle: &str) -> Vec<String> {
        let newest = self.newest();
        let from = self.read.insert(handle.to_owned(), newest).unwrap_or(0);
        let hers = |sight: &&Sight| sight.person == handle && sight.n > from;
        let fresh = self.all.iter().filter(hers);
        fresh
            .filter_map(|sight| match (sight.change, &sight.place) {
                (Change::Deleted, Place::Modal) => None,
                (Change::Deleted, _) => Some("(deleted)".to_owned()),
                _ => Some(sight.text.clone()),
            })
            .collect()
    }
}
