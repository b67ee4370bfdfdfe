//! What the fake Slack knows: people, conversations, messages, views, and what each person saw.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::http::{Outlet, Parcel};
use super::oauth::Code;
use super::render;
pub(super) use super::rows::*;
use crate::chat::Sights;
use crate::clock::Clock;

pub(super) const APP: &str = "A0SLICE01";
pub(super) const BOT: &str = "B0SLICE01";
pub(super) const BOT_USER: &str = "U0SLICE01";
pub(super) const STRANGE_TEAM: &str = "T0STRANGE";

pub(super) struct World {
    pub clock: Clock,
    /// `http://127.0.0.1:PORT`.
    pub base: String,
    pub teams: Vec<Team>,
    pub people: Vec<PersonRow>,
    pub channels: Vec<Channel>,
    pub messages: Vec<Message>,
    pub views: Vec<View>,
    pub usergroups: Vec<UserGroup>,
    pub files: Vec<File>,
    pub triggers: HashMap<String, Trigger>,
    pub response_urls: HashMap<String, ResponseUrl>,
    pub envelopes: Vec<Envelope>,
    pub sockets: Vec<Socket>,
    /// Where deliveries go instead of sockets.
    pub outlet: Option<Outlet>,
    /// The last delivery by HTTP, for sending it again.
    pub last_parcel: Option<Parcel>,
    pub tickets: BTreeSet<String>,
    pub codes: HashMap<String, Code>,
    /// Every bot token that was ever given out.
    pub issued: Vec<String>,
    /// The app that codes are exchanged for.
    pub app: String,
    pub sights: Sights,
    pub alive: Vec<String>,
    pub scopes: Vec<String>,
    pub rate_limits: bool,
    /// Whether people can read what the app writes to them alone.
    pub messages_tab: bool,
    pub posts: HashMap<String, Vec<i64>>,
    counters: HashMap<&'static str, u64>,
    last_ts: i64,
}

impl World {
    pub fn new(clock: Clock, base: String, scopes: &[&str]) -> World {
        World {
            clock,
            base,
            teams: Vec::new(),
            people: Vec::new(),
            channels: Vec::new(),
            messages: Vec::new(),
            views: Vec::new(),
            usergroups: Vec::new(),
            files: Vec::new(),
            triggers: HashMap::new(),
            response_urls: HashMap::new(),
            envelopes: Vec::new(),
            sockets: Vec::new(),
            outlet: None,
            last_parcel: None,
            tickets: BTreeSet::new(),
            codes: HashMap::new(),
            issued: Vec::new(),
            app: APP.to_owned(),
            sights: Sights::default(),
            alive: Vec::new(),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            messages_tab: true,
            rate_limits: false,
            posts: HashMap::new(),
            counters: HashMap::new(),
            last_ts: 0,
        }
    }

    pub fn count(&mut self, what: &'static str) -> u64 {
        let n = self.counters.entry(what).or_insert(0);
        *n += 1;
        *n
    }

    /// The next id with this prefix, such as `U000000001`.
    pub fn next(&mut self, prefix: &'static str) -> String {
        let n = self.count(prefix);
        format!("{prefix}{n:09}")
    }

    /// A message timestamp: the clock's, but always later than the one before.
    pub fn next_ts(&mut self) -> String {
        self.last_ts = self.clock.now().max(self.last_ts + 100);
        format!(
            "{}.{:06}",
            self.last_ts.div_euclid(1_000_000),
            self.last_ts.rem_euclid(1_000_000)
        )
    }

    pub fn person(&self, id: &str) -> Option<&PersonRow> {
        self.people.iter().find(|person| person.id == id)
    }

    pub fn handle(&self, id: &str) -> String {
        if id == BOT_USER {
            return self.bot_row("").handle;
        }
        self.person(id)
            .map_or_else(|| id.to_owned(), |person| person.handle.clone())
    }

    /// The bot's own user, which is in every workspace but no person.
    pub fn bot_row(&self, team: &str) -> PersonRow {
        let team = self.team(team).map_or("", |team| team.id.as_str());
        PersonRow {
            id: BOT_USER.to_owned(),
            team: team.to_owned(),
            handle: "slice".to_owned(),
            kind: PersonKind::Bot,
            deleted: false,
        }
    }

    pub fn channel(&self, id: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.id == id)
    }

    pub fn channel_mut(&mut self, id: &str) -> Option<&mut Channel> {
        self.channels.iter_mut().find(|channel| channel.id == id)
    }

    pub fn team(&self, id: &str) -> Option<&Team> {
        self.teams.iter().find(|team| team.id == id)
    }

    pub fn view(&self, id: &str) -> Option<&View> {
        self.views.iter().find(|view| view.id == id)
    }

    pub fn view_mut(&mut self, id: &str) -> Option<&mut View> {
        self.views.iter_mut().find(|view| view.id == id)
    }

    pub fn message_at(&self, channel: &str, ts: &str) -> Option<usize> {
        self.messages
            .iter()
            .position(|one| one.channel == channel && one.ts == ts && !one.deleted)
    }

    /// The bot's direct message with a person, made when first needed.
    pub fn dm(&mut self, user: &str) -> String {
        if let Some(dm) = self
            .channels
            .iter()
            .find(|one| one.im.as_deref() == Some(user))
        {
            return dm.id.clone();
        }
        let id = self.next("D");
        let team = self
            .person(user)
            .map(|person| person.team.clone())
            .unwrap_or_default();
        self.channels.push(Channel {
            id: id.clone(),
            team,
            name: String::new(),
            kind: ChannelKind::PRIVATE,
            archived: false,
            members: BTreeSet::from([user.to_owned(), BOT_USER.to_owned()]),
            im: Some(user.to_owned()),
        });
        id
    }

    /// Gives every block and action without an id one, as Slack does.
    pub fn with_ids(&mut self, blocks: &[Value]) -> Vec<Value> {
        let mut blocks = blocks.to_vec();
        for block in &mut blocks {
            if block["block_id"].as_str().is_none_or(str::is_empty) {
                block["block_id"] = json!(format!("b{}", self.count("block")));
            }
            for key in ["element", "accessory"] {
                if block[key].is_object() {
                    self.with_action_id(&mut block[key]);
                }
            }
            if block["type"] == json!("actions") {
                for element in block["elements"].as_array_mut().into_iter().flatten() {
                    self.with_action_id(element);
                }
            }
        }
        blocks
    }

    fn with_action_id(&mut self, element: &mut Value) {
        if element["type"] != json!("image") && element["action_id"].as_str().is_none() {
            element["action_id"] = json!(format!("a{}", self.count("action")));
        }
    }

    /// Adds a message and shows it to whoever can see it.
    pub fn post(&mut self, mut message: Message) -> usize {
        message.blocks = self.with_ids(&message.blocks);
        self.messages.push(message);
        let at = self.messages.len() - 1;
        self.show_message(at, Change::New);
        at
    }

    pub fn edit(&mut self, at: usize, text: String, blocks: &[Value]) {
        let blocks = self.with_ids(blocks);
        let ts = self.next_ts();
        let message = &mut self.messages[at];
        let text = std::mem::replace(&mut message.text, text);
        let blocks = std::mem::replace(&mut message.blocks, blocks);
        message.versions.push((text, blocks));
        message.edited = Some(ts);
        self.show_message(at, Change::Edited);
    }

    pub fn delete(&mut self, at: usize) {
        self.show_message(at, Change::Deleted);
        self.messages[at].deleted = true;
    }

    fn audience(&self, message: &Message) -> Vec<String> {
        if let Some(user) = &message.ephemeral_to {
            return vec![user.clone()];
        }
        let members = self
            .channel(&message.channel)
            .map(|channel| &channel.members);
        let sees = |user: &&String| {
            self.person(user)
                .is_some_and(|one| !one.deleted && one.kind != PersonKind::Bot)
        };
        members
            .into_iter()
            .flatten()
            .filter(sees)
            .cloned()
            .collect()
    }

    pub fn show_message(&mut self, at: usize, change: Change) {
        let message = self.messages[at].clone();
        let rendered = render::message(self, &message.text, &message.blocks);
        let place = self.place(&message);
        let notification = render::mrkdwn(self, &message.text, &mut Vec::new());
        for person in self.audience(&message) {
            let sight = Sight {
                n: 0,
                person,
                place: place.clone(),
                change,
                text: rendered.text.clone(),
                buttons: rendered.buttons.clone(),
                notification: notification.clone(),
                id: message.ts.clone(),
            };
            self.show(sight);
        }
        self.alive.extend(rendered.alive);
        self.messages[at].seen = self.seen();
    }

    fn place(&self, message: &Message) -> Place {
        match (self.channel(&message.channel), &message.ephemeral_to) {
            (Some(channel), Some(_)) if channel.im.is_some() => {
                Place::Ephemeral("direct message".to_owned())
            }
            (Some(channel), None) if channel.im.is_some() => Place::Dm,
            (Some(channel), Some(_)) => Place::Ephemeral(channel.name.clone()),
            (Some(channel), None) => Place::Channel(channel.name.clone()),
            (None, _) => Place::Channel(message.channel.clone()),
        }
    }

    pub fn show_view(&mut self, id: &str, change: Change) {
        let Some(view) = self.view(id) else { return };
        let rendered = render::view(self, view);
        let sight = Sight {
            n: 0,
            person: view.user.clone(),
            place: if view.is_home() {
                Place::Home
            } else {
                Place::Modal
            },
            change,
            text: rendered.text,
            buttons: rendered.buttons,
            notification: String::new(),
            id: id.to_owned(),
        };
        self.show(sight);
        self.alive.extend(rendered.alive);
        let seen = self.seen();
        if let Some(view) = self.view_mut(id) {
            view.seen = seen;
        }
    }

    /// Records a sight; its person is given by id and kept by handle.
    pub fn show(&mut self, mut sight: Sight) {
        sight.person = self.handle(&sight.person);
        self.sights.show(sight);
    }

    pub fn seen(&self) -> u64 {
        self.sights.newest()
    }

    pub fn queue(&mut self, kind: &str, payload: Value, about: About) {
        let n = self.count("envelope");
        let accepts = kind == "slash_commands" || matches!(about, About::Submission { .. });
        self.envelopes.push(Envelope {
            id: format!("00000000-0000-4000-8000-{n:012}"),
            kind: kind.to_owned(),
            payload,
            accepts,
            about,
            delivery: Delivery::Waiting,
            attempts: 0,
            not_before: 0,
            retry: None,
        });
        self.pump();
    }

    /// Hands every waiting envelope over: to where HTTP deliveries go, else to a socket, in turn.
    pub fn pump(&mut self) {
        let now = self.clock.now();
        if let Some(outlet) = &self.outlet {
            outlet.take(&mut self.envelopes, now);
            return;
        }
        let ready: Vec<(u64, UnboundedSender<Frame>)> = self
            .sockets
            .iter()
            .filter(|socket| !socket.draining)
            .map(|socket| (socket.id, socket.frames.clone()))
            .collect();
        if ready.is_empty() {
            return;
        }
        let mut turn = self.counters.get("turn").copied().unwrap_or(0);
        for envelope in &mut self.envelopes {
            if envelope.delivery != Delivery::Waiting {
                continue;
            }
            let at = usize::try_from(turn).unwrap_or(0) % ready.len();
            turn += 1;
            let (socket, frames) = &ready[at];
            if frames.send(Frame::Envelope(envelope.id.clone())).is_ok() {
                envelope.delivery = Delivery::Sent {
                    socket: *socket,
                    at: now,
                };
                envelope.attempts += 1;
            }
        }
        self.counters.insert("turn", turn);
    }
}
