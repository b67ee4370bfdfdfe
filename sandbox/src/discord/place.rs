//! What is in guilds: people, roles and channels, and the events that a change makes.

use serde_json::json;

use super::gateway::{GUILD_MEMBERS, GUILDS};
use super::payloads;
use super::permissions::{self, ADMINISTRATOR, EVERYONE, Overwrite, VIEW_CHANNEL};
use super::world::{BOT, BOT_HANDLE, Channel, Guild, Member, PersonRow, Role, World};
use crate::chat::{ChannelKind, PersonKind};

/// The role that makes administrators.
const ADMINS: &str = "Admins";
/// Where strangers are at home: a guild that the bot was never in, from which it hears all the same.
pub(super) const ELSEWHERE: &str = "Elsewhere";
/// Who made a guild, until a [`PersonKind::PrimaryOwner`] is added.
pub(super) const FOUNDER: &str = "founder";

impl World {
    pub fn person_id(&self, handle: &str) -> String {
        let fits = |one: &&PersonRow| one.handle == handle || one.id == handle;
        let found = self.people.iter().find(fits).map(|one| one.id.clone());
        found.unwrap_or_else(|| panic!("nobody is called {handle:?}"))
    }

    pub fn channel_id(&self, name: &str) -> String {
        let name = name.trim_start_matches('#');
        let fits = |one: &&Channel| one.name == name || one.id == name;
        let found = self.channels.iter().find(fits).map(|one| one.id.clone());
        found.unwrap_or_else(|| panic!("no channel is called {name:?}"))
    }

    /// Guild and id of a role by name or id.
    pub fn role_id(&self, name: &str) -> (String, String) {
        let name = name.trim_start_matches('@');
        let fits = |role: &&Role| role.name == name || role.id == name;
        let mut guilds = self.guilds.iter();
        let found = guilds.find_map(|guild| {
            let role = guild.roles.iter().find(fits)?;
            Some((guild.id.clone(), role.id.clone()))
        });
        found.unwrap_or_else(|| panic!("no role is called {name:?}"))
    }

    pub fn add_guild(&mut self, name: &str, with_bot: bool) -> String {
        let id = self.next_id();
        let everyone = Role {
            id: id.clone(),
            name: "@everyone".to_owned(),
            permissions: EVERYONE,
            position: 0,
            managed: false,
        };
        let owner = self.add_user(FOUNDER, PersonKind::Member);
        self.guilds.push(Guild {
            id: id.clone(),
            name: name.to_owned(),
            owner: owner.clone(),
            roles: vec![everyone],
            members: Vec::new(),
            with_bot: false,
            out: false,
        });
        self.enter(&id, &owner, Vec::new(), false);
        self.add_channel(&id, "general", ChannelKind::PUBLIC);
        if with_bot {
            self.install(&id);
        }
        id
    }

    /// Adds the app to a guild, and tells it.
    pub fn install(&mut self, guild: &str) {
        let role = self.add_role(guild, BOT_HANDLE, permissions::BOT, true);
        self.enter(guild, BOT, vec![role], false);
        if let Some(found) = self.guild_mut(guild) {
            found.with_bot = true;
        }
        self.tell_guild(guild);
    }

    fn add_user(&mut self, handle: &str, kind: PersonKind) -> String {
        let id = self.next_id();
        self.people.push(PersonRow {
            id: id.clone(),
            handle: handle.to_owned(),
            kind,
            dms_closed: false,
        });
        id
    }

    pub fn add_role(&mut self, guild: &str, name: &str, permissions: u64, managed: bool) -> String {
        let id = self.next_id();
        let Some(found) = self.guild_mut(guild) else {
            return id;
        };
        let role = Role {
            id: id.clone(),
            name: name.to_owned(),
            permissions,
            position: found.roles.len(),
            managed,
        };
        let shown = payloads::role(&role);
        found.roles.push(role);
        let created = json!({ "guild_id": guild, "role": shown });
        self.tell_in(guild, GUILDS, "GUILD_ROLE_CREATE", &created);
        id
    }

    pub fn add_channel(&mut self, guild: &str, name: &str, kind: ChannelKind) -> String {
        let id = self.next_id();
        let position = self.channels.len();
        let mut overwrites = Vec::new();
        if kind.private {
            overwrites.push(Overwrite {
                id: guild.to_owned(),
                of_member: false,
                allow: 0,
                deny: VIEW_CHANNEL,
            });
        }
        let channel = Channel {
            id: id.clone(),
            guild: Some(guild.to_owned()),
            name: name.to_owned(),
            overwrites,
            dm: None,
            position,
        };
        self.channels.push(channel);
        self.tell_channel("CHANNEL_CREATE", &id);
        id
    }

    pub fn tell_channel(&mut self, name: &'static str, id: &str) {
        let channel = self.channel(id).cloned();
        if let Some(channel) = channel {
            let shown = payloads::channel(self, &channel);
            let guild = channel.guild.unwrap_or_default();
            self.tell_in(&guild, GUILDS, name, &shown);
        }
    }

    /// Makes somebody a member; the app hears of it with the members intent.
    pub fn enter(&mut self, guild: &str, user: &str, roles: Vec<String>, guest: bool) {
        let joined = self.clock.now();
        let Some(found) = self.guild_mut(guild) else {
            return;
        };
        if found.member(user).is_some() {
            return;
        }
        found.members.push(Member {
            user: user.to_owned(),
            roles,
            guest,
            joined,
        });
        self.tell_member("GUILD_MEMBER_ADD", guild, user);
    }

    pub fn tell_member(&mut self, name: &'static str, guild: &str, user: &str) {
        let Some(member) = self.guild(guild).and_then(|one| one.member(user)) else {
            return;
        };
        let mut shown = payloads::member(self, member);
        shown["guild_id"] = json!(guild);
        // Of itself a bot hears without the privileged intent.
        let intent = if user == BOT { GUILDS } else { GUILD_MEMBERS };
        self.tell_in(guild, intent, name, &shown);
    }

    pub fn add_person(&mut self, guild: &str, handle: &str, kind: PersonKind) -> String {
        let id = self.add_user(handle, kind);
        let home = match kind {
            PersonKind::Stranger => self.elsewhere(),
            _ => guild.to_owned(),
        };
        self.enter(&home, &id, Vec::new(), kind == PersonKind::Guest);
        self.be(&home, &id, kind);
        id
    }

    fn elsewhere(&mut self) -> String {
        let known = self.guilds.iter().find(|guild| guild.name == ELSEWHERE);
        match known.map(|guild| guild.id.clone()) {
            Some(id) => id,
            None => self.add_guild(ELSEWHERE, false),
        }
    }

    /// Gives a member what her kind stands for, and takes what it does not.
    pub fn be(&mut self, guild: &str, user: &str, kind: PersonKind) {
        let admin = matches!(kind, PersonKind::Admin | PersonKind::Owner);
        if kind == PersonKind::PrimaryOwner {
            self.own(guild, user);
        }
        let role = self.guild(guild).and_then(|one| {
            let role = one.roles.iter().find(|role| role.name == ADMINS)?;
            Some(role.id.clone())
        });
        let role = match role {
            Some(role) => role,
            None if admin => self.add_role(guild, ADMINS, ADMINISTRATOR, false),
            None => return,
        };
        self.set_role(guild, &role, (user, admin));
    }

    /// Makes somebody a guild's owner; who only founded it goes.
    fn own(&mut self, guild: &str, user: &str) {
        let Some(found) = self.guild_mut(guild) else {
            return;
        };
        let before = std::mem::replace(&mut found.owner, user.to_owned());
        if self.handle(&before) == FOUNDER {
            let found = self.guild_mut(guild);
            if let Some(found) = found {
                found.members.retain(|member| member.user != before);
            }
        }
    }

    /// Gives or takes a role; the app hears of a change with the members intent.
    pub fn set_role(&mut self, guild: &str, role: &str, (user, has): (&str, bool)) {
        let Some(member) = self.guild_mut(guild).and_then(|one| one.member_mut(user)) else {
            return;
        };
        let before = member.roles.len();
        member.roles.retain(|one| one != role || has);
        if has && !member.roles.iter().any(|one| one == role) {
            member.roles.push(role.to_owned());
        }
        if member.roles.len() != before {
            self.tell_member("GUILD_MEMBER_UPDATE", guild, user);
        }
    }

    /// Sets what a channel gives to and takes from a member or role; nothing: removes that.
    pub fn overwrite(&mut self, channel: &str, one: Overwrite) {
        let id = self.channel_id(channel);
        let Some(channel) = self.channel_mut(&id) else {
            return;
        };
        channel
            .overwrites
            .retain(|old| old.id != one.id || old.of_member != one.of_member);
        if one.allow != 0 || one.deny != 0 {
            channel.overwrites.push(one);
        }
        self.tell_channel("CHANNEL_UPDATE", &id);
    }
}

/// The bot is not in a guild any more and hears of that.
pub(super) fn remove_bot_from(world: &mut World, guild: &str) {
    if let Some(found) = world.guild_mut(guild) {
        found.with_bot = false;
        found.members.retain(|member| member.user != BOT);
        found.roles.retain(|role| !role.managed);
    }
    world.tell(GUILDS, "GUILD_DELETE", &json!({ "id": guild }));
}
