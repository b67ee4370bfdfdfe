//! Gateway sessions: which events they hear of, and what happens to those that nobody received.

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::gateway::{GUILD_MEMBERS, GUILDS};
use super::payloads;
use super::world::{Event, Frame, Session, World};

impl World {
    pub fn session(&self, id: &str) -> Option<&Session> {
        self.sessions.iter().find(|session| session.id == id)
    }

    pub fn session_mut(&mut self, id: &str) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id == id)
    }

    /// Whether anybody can still act on what a session was sent.
    pub fn is_live(&self, id: &str) -> bool {
        self.session(id)
            .is_some_and(|one| !one.dead && (one.link.is_some() || !one.replaced))
    }

    /// Begins a session on a connection: `READY`, then each guild.
    pub fn identify(&mut self, link: (u64, UnboundedSender<Frame>), intents: u64) -> String {
        let n = self.count("session");
        let id = format!("{n:032x}");
        for old in self.sessions.iter_mut().filter(|old| old.link.is_none()) {
            old.replaced = true;
        }
        self.lapse_orphans();
        self.sessions.push(Session {
            id: id.clone(),
            intents,
            events: Vec::new(),
            link: Some(link),
            draining: false,
            dead: false,
            replaced: false,
        });
        let at = self.sessions.len() - 1;
        let here = self.guilds.iter().filter(|guild| guild.with_bot);
        let guilds: Vec<String> = here.map(|guild| guild.id.clone()).collect();
        let unavailable = guilds
            .iter()
            .map(|id| json!({ "id": id, "unavailable": true }));
        let ready = json!({
            "v": 10,
            "user": payloads::me(self),
            "user_settings": {},
            "guilds": unavailable.collect::<Vec<_>>(),
            "private_channels": [],
            "relationships": [],
            "session_id": id,
            "session_type": "normal",
            "resume_gateway_url": self.gateway_url(),
            "shard": [0, 1],
            "application": { "id": super::world::APP, "flags": 0 },
        });
        self.emit(at, "READY", ready);
        if intents & GUILDS != 0 {
            for guild in guilds {
                self.emit_guild(at, &guild);
            }
        }
        id
    }

    /// `GUILD_CREATE` as this session may see it; during an outage there is only its lack.
    fn emit_guild(&mut self, at: usize, guild: &str) {
        let all = self.sessions[at].intents & GUILD_MEMBERS != 0;
        let Some(found) = self.guild(guild) else {
            return;
        };
        if found.out {
            let gone = json!({ "id": guild, "unavailable": true });
            return self.emit(at, "GUILD_DELETE", gone);
        }
        let whole = payloads::whole_guild(self, found, all);
        self.emit(at, "GUILD_CREATE", whole);
    }

    /// Tells every session with the intent; 0: every session.
    pub fn tell(&mut self, intent: u64, name: &'static str, data: &Value) {
        for at in 0..self.sessions.len() {
            let session = &self.sessions[at];
            if !session.dead && session.intents & intent == intent {
                self.emit(at, name, data.clone());
            }
        }
    }

    /// The same of something in a guild: a bot hears only of those that it is in.
    pub fn tell_in(&mut self, guild: &str, intent: u64, name: &'static str, data: &Value) {
        if self.joined(guild).is_some() {
            self.tell(intent, name, data);
        }
    }

    /// Tells every session that the bot is in a guild, or is there again.
    pub fn tell_guild(&mut self, guild: &str) {
        for at in 0..self.sessions.len() {
            let session = &self.sessions[at];
            if !session.dead && session.intents & GUILDS != 0 {
                self.emit_guild(at, guild);
            }
        }
    }

    /// The sessions that will receive what is told now, or when they are resumed.
    pub fn listeners(&self) -> Vec<String> {
        let live = self.sessions.iter().map(|session| session.id.clone());
        live.filter(|id| self.is_live(id)).collect()
    }

    fn emit(&mut self, at: usize, name: &'static str, data: Value) {
        let session = &mut self.sessions[at];
        let seq = u64::try_from(session.events.len()).unwrap_or(u64::MAX) + 1;
        session.events.push(Event { seq, name, data });
        if let (Some((_, frames)), false) = (&session.link, session.draining) {
            let _ = frames.send(Frame::Event(seq));
        }
    }

    /// Goes on with a session after the event that the bot saw last. `None` if that cannot be.
    pub fn resume(
        &mut self,
        id: &str,
        seq: u64,
        link: (u64, UnboundedSender<Frame>),
    ) -> Option<()> {
        let at = self
            .sessions
            .iter()
            .position(|session| session.id == id && !session.dead)?;
        let session = &mut self.sessions[at];
        let newest = u64::try_from(session.events.len()).unwrap_or(u64::MAX);
        if seq > newest {
            return None;
        }
        if let Some((_, old)) = session.link.replace(link) {
            let _ = old.send(Frame::Close(4_000));
        }
        session.draining = false;
        session.replaced = false;
        if let Some((_, frames)) = &session.link {
            for missed in seq + 1..=newest {
                let _ = frames.send(Frame::Event(missed));
            }
        }
        self.emit(at, "RESUMED", json!({ "_trace": [] }));
        Some(())
    }

    /// A connection is gone; `for_good` if the client said so.
    pub fn unlink(&mut self, link: u64, for_good: bool) {
        self.links.remove(&link);
        let hers = |one: &&mut Session| one.link.as_ref().is_some_and(|(id, _)| *id == link);
        for session in self.sessions.iter_mut().filter(hers) {
            session.link = None;
            session.dead |= for_good;
        }
    }

    /// Connections with a session.
    pub fn connected(&self) -> usize {
        let linked = |session: &&Session| session.link.is_some();
        self.sessions.iter().filter(linked).count()
    }

    pub fn send_all(&mut self, frame: impl Fn() -> Frame, draining: bool) {
        for session in &mut self.sessions {
            if let Some((_, frames)) = &session.link {
                let _ = frames.send(frame());
                session.draining |= draining;
            }
        }
    }
}
