//! What the fake Discord knows: guilds, people, channels, messages, and what each person saw.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::lines::Word;
use super::permissions;
use super::rates::Rates;
use super::render;
pub(super) use super::rows::*;
use crate::chat::{Change, Place, Sight, Sights, shown_file};
use crate::clock::Clock;

/// The application, and the user that its bot is: Discord gives both the same id.
pub(super) const APP: &str = "900000000000000100";
pub(super) const BOT: &str = APP;
pub(super) const BOT_HANDLE: &str = "slice";

/// The first moment that an id can tell, in milliseconds since 1970: the start of 2015.
const EPOCH: i64 = 1_420_070_400_000;
const IDS_PER_MILLI: u64 = 1 << 22;

/// `flags` of a message.
pub(super) const EPHEMERAL: u64 = 1 << 6;
pub(super) const LOADING: u64 = 1 << 7;

pub(super) struct World {
    pub clock: Clock,
    /// `http://127.0.0.1:PORT`.
    pub base: String,
    pub token: String,
    /// The public half of the key that deliveries are signed with, as hex.
    pub verify_key: String,
    /// Privileged intents that were switched on for the application.
    pub enabled_intents: u64,
    pub guilds: Vec<Guild>,
    pub people: Vec<PersonRow>,
    pub channels: Vec<Channel>,
    pub messages: Vec<Message>,
    pub interactions: Vec<Interaction>,
    pub modals: Vec<Modal>,
    pub commands: Vec<Commands>,
    /// Which word of a line introduces which option.
    pub words: Vec<Word>,
    pub files: Vec<File>,
    pub sessions: Vec<Session>,
    /// Connections that are open, identified or not.
    pub links: BTreeSet<u64>,
    pub heartbeat_millis: u64,
    /// Where interactions go instead of to the gateway.
    pub endpoint: Option<String>,
    /// How often an endpoint was set.
    pub endpoints: u64,
    pub rates: Rates,
    pub sights: Sights,
    pub alive: Vec<String>,
    pub pings: Vec<String>,
    counters: BTreeMap<&'static str, u64>,
    last_id: u64,
}

impl World {
    pub fn new(clock: Clock, base: String, verify_key: String) -> World {
        World {
            clock,
            base,
            token: "sandbox-discord-bot-token".to_owned(),
            verify_key,
            enabled_intents: 0,
            guilds: Vec::new(),
            people: Vec::new(),
            channels: Vec::new(),
            messages: Vec::new(),
            interactions: Vec::new(),
            modals: Vec::new(),
            commands: Vec::new(),
            words: Vec::new(),
            files: Vec::new(),
            sessions: Vec::new(),
            links: BTreeSet::new(),
            heartbeat_millis: 41_250,
            endpoint: None,
            endpoints: 0,
            rates: Rates::default(),
            sights: Sights::default(),
            alive: Vec::new(),
            pings: Vec::new(),
            counters: BTreeMap::new(),
            last_id: 0,
        }
    }

    pub fn count(&mut self, what: &'static str) -> u64 {
        let n = self.counters.entry(what).or_insert(0);
        *n += 1;
        *n
    }

    /// The next id: the milliseconds of the clock, then a number; always greater than the one
    /// before, even when the clock went back.
    pub fn next_id(&mut self) -> String {
        let millis = self.clock.now().div_euclid(1_000).saturating_sub(EPOCH);
        let millis = u64::try_from(millis).unwrap_or(0);
        let first = millis.saturating_mul(IDS_PER_MILLI) + 1;
        self.last_id = first.max(self.last_id + 1);
        self.last_id.to_string()
    }

    pub fn person(&self, id: &str) -> Option<&PersonRow> {
        self.people.iter().find(|person| person.id == id)
    }

    pub fn handle(&self, id: &str) -> String {
        if id == BOT {
            return BOT_HANDLE.to_owned();
        }
        self.person(id)
            .map_or_else(|| id.to_owned(), |person| person.handle.clone())
    }

    pub fn guild(&self, id: &str) -> Option<&Guild> {
        self.guilds.iter().find(|guild| guild.id == id)
    }

    pub fn guild_mut(&mut self, id: &str) -> Option<&mut Guild> {
        self.guilds.iter_mut().find(|guild| guild.id == id)
    }

    /// A guild that the bot is in.
    pub fn joined(&self, id: &str) -> Option<&Guild> {
        self.guild(id).filter(|guild| guild.with_bot)
    }

    pub fn role(&self, id: &str) -> Option<(&Guild, &Role)> {
        self.guilds
            .iter()
            .find_map(|guild| Some((guild, guild.role(id)?)))
    }

    pub fn channel(&self, id: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.id == id)
    }

    pub fn channel_mut(&mut self, id: &str) -> Option<&mut Channel> {
        self.channels.iter_mut().find(|channel| channel.id == id)
    }

    pub fn interaction_mut(&mut self, id: &str) -> Option<&mut Interaction> {
        self.interactions.iter_mut().find(|one| one.id == id)
    }

    pub fn message_at(&self, id: &str) -> Option<usize> {
        self.messages
            .iter()
            .position(|one| one.id == id && !one.deleted)
    }

    pub fn open_modal(&self, user: &str) -> Option<&Modal> {
        let mut modals = self.modals.iter().rev();
        modals.find(|modal| modal.open && modal.user == user)
    }

    pub fn modal_mut(&mut self, id: &str) -> Option<&mut Modal> {
        self.modals.iter_mut().find(|modal| modal.id == id)
    }

    /// Whether a person and the bot are in a guild together.
    pub fn meets_bot(&self, user: &str) -> bool {
        let here = |guild: &Guild| guild.with_bot && guild.member(user).is_some();
        self.guilds.iter().any(here)
    }

    /// What somebody, or the bot, may do in a channel.
    pub fn may(&self, user: &str, channel: &Channel) -> u64 {
        match &channel.guild {
            Some(id) => self
                .guild(id)
                .map_or(0, |guild| permissions::of(guild, Some(channel), user)),
            None if channel.dm.as_deref() == Some(user) || user == BOT => permissions::IN_DM,
            None => 0,
        }
    }

    /// The bot's direct message with a person, made when first needed.
    pub fn dm(&mut self, user: &str) -> String {
        let hers = |one: &&Channel| one.dm.as_deref() == Some(user);
        if let Some(dm) = self.channels.iter().find(hers) {
            return dm.id.clone();
        }
        let id = self.next_id();
        self.channels.push(Channel {
            id: id.clone(),
            guild: None,
            name: String::new(),
            overwrites: Vec::new(),
            dm: Some(user.to_owned()),
            position: 0,
        });
        id
    }

    /// The id of a person, role or channel by its name.
    pub fn id_called(&self, name: &str) -> Option<String> {
        let person = self.people.iter().find(|one| one.handle == name);
        let person = person.map(|one| one.id.clone());
        let mut roles = self.guilds.iter().flat_map(|guild| &guild.roles);
        let role = || roles.find(|one| one.name == name).map(|one| one.id.clone());
        let channel = || self.channels.iter().find(|one| one.name == name);
        person
            .or_else(role)
            .or_else(|| channel().map(|one| one.id.clone()))
    }

    /// Adds a message and shows it to whoever can see it, unless it is still being thought about.
    pub fn post(&mut self, mut message: Message) -> usize {
        message.body.components = with_ids(&message.body.components);
        self.messages.push(message);
        let at = self.messages.len() - 1;
        if !self.messages[at].loading {
            self.show_message(at, Change::New);
        }
        at
    }

    /// Changes what a message says; a deferred answer is given by that.
    pub fn edit(&mut self, at: usize, mut body: Body) {
        body.components = with_ids(&body.components);
        let now = self.clock.now();
        let message = &mut self.messages[at];
        let old = std::mem::replace(&mut message.body, body);
        let change = if message.loading {
            message.loading = false;
            message.flags &= !LOADING;
            Change::New
        } else {
            message.versions.push(old);
            message.edited = Some(now);
            Change::Edited
        };
        self.show_message(at, change);
    }

    pub fn delete(&mut self, at: usize) {
        if !self.messages[at].loading {
            self.show_message(at, Change::Deleted);
        }
        self.messages[at].deleted = true;
    }

    /// Whether a person can see a message.
    pub fn sees(&self, user: &str, message: &Message) -> bool {
        if let Some(only) = &message.ephemeral_to {
            return only == user;
        }
        let channel = self.channel(&message.channel);
        channel.is_some_and(|channel| self.may(user, channel) & permissions::VIEW_CHANNEL != 0)
    }

    fn audience(&self, message: &Message) -> Vec<String> {
        let people = self
            .people
            .iter()
            .filter(|one| one.kind != crate::chat::PersonKind::Bot);
        people
            .map(|person| person.id.clone())
            .filter(|user| self.sees(user, message))
            .collect()
    }

    fn show_message(&mut self, at: usize, change: Change) {
        let message = self.messages[at].clone();
        let rendered = render::message(self, &message.body);
        let place = self.place(&message);
        let notification = render::markdown(self, &message.body.content, &mut Vec::new());
        let audience = self.audience(&message);
        for user in &audience {
            let sight = Sight {
                n: 0,
                person: self.handle(user),
                place: place.clone(),
                change,
                text: rendered.text.clone(),
                buttons: rendered.buttons.clone(),
                notification: notification.clone(),
                id: message.id.clone(),
            };
            self.sights.show(sight);
        }
        if change == Change::New {
            self.show_files(&message, &audience);
        }
        if change != Change::Deleted {
            self.alive.extend(rendered.alive);
        }
        self.messages[at].seen = self.sights.newest();
    }

    fn show_files(&mut self, message: &Message, audience: &[String]) {
        for attachment in &message.body.attachments {
            let id = attachment["id"].as_str().unwrap_or_default().to_owned();
            let file = self.files.iter().find(|file| file.id == id);
            let text =
                file.map(|file| shown_file(&file.name, file.alt.as_deref(), Some(&file.bytes)));
            for user in audience {
                let sight = Sight {
                    n: 0,
                    person: self.handle(user),
                    place: Place::File,
                    change: Change::New,
                    text: text.clone().unwrap_or_default(),
                    buttons: Vec::new(),
                    notification: String::new(),
                    id: id.clone(),
                };
                self.sights.show(sight);
            }
        }
    }

    pub fn place(&self, message: &Message) -> Place {
        let channel = self.channel(&message.channel);
        let in_dm = channel.is_some_and(|channel| channel.dm.is_some());
        let name = channel.map_or_else(|| message.channel.clone(), |one| one.name.clone());
        match (in_dm, &message.ephemeral_to) {
            (true, Some(_)) => Place::Ephemeral("direct message".to_owned()),
            (true, None) => Place::Dm,
            (false, Some(_)) => Place::Ephemeral(name),
            (false, None) => Place::Channel(name),
        }
    }

    pub fn show_modal(&mut self, id: &str, change: Change) {
        let Some(modal) = self.modals.iter().find(|modal| modal.id == id) else {
            return;
        };
        let rendered = render::modal(self, modal);
        let sight = Sight {
            n: 0,
            person: self.handle(&modal.user),
            place: Place::Modal,
            change,
            text: rendered.text,
            buttons: rendered.buttons,
            notification: String::new(),
            id: id.to_owned(),
        };
        self.sights.show(sight);
    }

    /// Something that Discord itself says to one person, such as that an app did not respond.
    pub fn notice(&mut self, user: &str, channel: &str, text: &str) {
        let name = self.channel(channel).map(|one| one.name.clone());
        let name = name.filter(|name| !name.is_empty());
        self.sights.show(Sight {
            n: 0,
            person: self.handle(user),
            place: Place::Ephemeral(name.unwrap_or_else(|| "direct message".to_owned())),
            change: Change::New,
            text: text.to_owned(),
            buttons: Vec::new(),
            notification: String::new(),
            id: String::new(),
        });
    }
}

/// Gives every component without one its number within the message or modal, as Discord does.
pub(super) fn with_ids(components: &[Value]) -> Vec<Value> {
    let mut n = 0;
    let mut components = components.to_vec();
    for component in &mut components {
        number(component, &mut n);
    }
    components
}

/// Numbers a component and all below it that have none.
fn number(component: &mut Value, n: &mut u64) {
    *n += 1;
    if component["id"].as_u64().is_none_or(|id| id == 0) {
        component["id"] = Value::from(*n);
    }
    for key in ["components", "component", "accessory"] {
        match component.get_mut(key) {
            Some(Value::Array(inner)) => inner.iter_mut().for_each(|one| number(one, n)),
            Some(inner @ Value::Object(_)) => number(inner, n),
            _ => {}
        }
    }
}
