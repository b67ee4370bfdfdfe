//! Furnishing guilds, as tests do it: people, roles, channels, and what becomes of them.

use serde_json::{Value, json};

use super::gateway::{GUILD_MEMBERS, GUILDS};
use super::payloads;
use super::permissions::{self, ATTACH_FILES, Overwrite, SEND_MESSAGES, VIEW_CHANNEL};
use super::place::{FOUNDER, remove_bot_from};
use super::world::{BOT, World};
use super::{Discord, DiscordPerson};
use crate::chat::{ChannelId, ChannelKind, PersonKind, UserId};

/// People, channels and roles are named by handle, name or id; an unknown one panics. What changes
/// something, the app hears of over the gateway.
impl Discord {
    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let changed = change(&mut self.hub.world());
        self.hub.wire.touch();
        changed
    }

    /// Another guild with the app in it and a `#general` of its own; returns its id.
    pub fn add_guild(&self, name: &str) -> String {
        self.change(|world| world.add_guild(name, true))
    }

    /// Somebody in the first guild; a stranger is in another one, without the app. Names are unique.
    pub fn add_person(&self, handle: &str, kind: PersonKind) -> UserId {
        self.add_person_in(&self.guild_id(), handle, kind)
    }

    /// Somebody in a guild.
    pub fn add_person_in(&self, guild: &str, handle: &str, kind: PersonKind) -> UserId {
        UserId(self.change(|world| world.add_person(guild, handle, kind)))
    }

    /// Somebody who is known already joins a guild as a plain member.
    pub fn joins_guild(&self, guild: &str, person: &str) {
        self.change(|world| {
            let user = world.person_id(person);
            world.enter(guild, &user, Vec::new(), false);
        });
    }

    /// The hands and eyes of a person, in the guild that she joined first.
    pub fn person(&self, handle: &str) -> DiscordPerson {
        let world = self.hub.world();
        let id = world.person_id(handle);
        let mut guilds = world.guilds.iter();
        let guild = guilds.find(|guild| guild.member(&id).is_some());
        let guild = guild.or(world.guilds.first()).map(|one| one.id.clone());
        drop(world);
        self.person_in(&guild.unwrap_or_default(), handle)
    }

    /// The hands and eyes of a person in a guild.
    pub fn person_in(&self, guild: &str, handle: &str) -> DiscordPerson {
        let world = self.hub.world();
        let id = world.person_id(handle);
        DiscordPerson {
            discord: self.clone(),
            handle: world.handle(&id),
            id,
            guild: guild.to_owned(),
        }
    }

    /// Makes somebody something else in the first guild.
    pub fn set_kind(&self, handle: &str, kind: PersonKind) {
        let guild = self.guild_id();
        self.change(|world| {
            let id = world.person_id(handle);
            for person in world.people.iter_mut().filter(|person| person.id == id) {
                person.kind = kind;
            }
            let found = world.guild_mut(&guild);
            let guest = kind == PersonKind::Guest;
            if let Some(member) = found.and_then(|one| one.member_mut(&id)) {
                let was = std::mem::replace(&mut member.guest, guest);
                if was != guest {
                    world.tell_member("GUILD_MEMBER_UPDATE", &guild, &id);
                }
            }
            world.be(&guild, &id, kind);
        });
    }

    /// Somebody leaves the first guild.
    pub fn remove_person(&self, handle: &str) {
        self.remove_person_from(&self.guild_id(), handle);
    }

    /// Somebody leaves a guild; the app hears of it with the members intent.
    pub fn remove_person_from(&self, guild: &str, handle: &str) {
        self.change(|world| {
            let user = world.person_id(handle);
            let shown = payloads::user(world, &user);
            if let Some(found) = world.guild_mut(guild) {
                found.members.retain(|member| member.user != user);
            }
            let gone = json!({ "guild_id": guild, "user": shown });
            world.tell_in(guild, GUILD_MEMBERS, "GUILD_MEMBER_REMOVE", &gone);
        });
    }

    /// Who owns the first guild; `None` while that is nobody whom a test added.
    pub fn installer(&self) -> Option<UserId> {
        let world = self.hub.world();
        let owner = world.guilds.first().map(|guild| guild.owner.clone())?;
        (world.handle(&owner) != FOUNDER).then_some(UserId(owner))
    }

    /// A channel of the first guild; a private one is seen by nobody, not even the bot.
    pub fn add_channel(&self, name: &str, kind: ChannelKind) -> ChannelId {
        self.add_channel_in(&self.guild_id(), name, kind)
    }

    /// A channel of a guild.
    pub fn add_channel_in(&self, guild: &str, name: &str, kind: ChannelKind) -> ChannelId {
        ChannelId(self.change(|world| world.add_channel(guild, name, kind)))
    }

    /// The id of a channel by name.
    pub fn channel(&self, name: &str) -> ChannelId {
        ChannelId(self.hub.world().channel_id(name))
    }

    /// The channel is gone.
    pub fn delete_channel(&self, channel: &str) {
        self.change(|world| {
            let id = world.channel_id(channel);
            world.tell_channel("CHANNEL_DELETE", &id);
            world.channels.retain(|channel| channel.id != id);
        });
    }

    /// Makes a channel public or private: whether everybody sees it.
    pub fn set_channel_kind(&self, channel: &str, kind: ChannelKind) {
        self.change(|world| {
            let id = world.channel_id(channel);
            let guild = world.channel(&id).and_then(|one| one.guild.clone());
            let deny = if kind.private { VIEW_CHANNEL } else { 0 };
            let everyone = Overwrite {
                id: guild.unwrap_or_default(),
                of_member: false,
                allow: 0,
                deny,
            };
            world.overwrite(&id, everyone);
        });
    }

    fn member_overwrite(&self, channel: &str, user: &str, (allow, deny): (u64, u64)) {
        self.change(|world| {
            let own = Overwrite {
                id: user.to_owned(),
                of_member: true,
                allow,
                deny,
            };
            world.overwrite(channel, own);
        });
    }

    /// Lets somebody see a private channel.
    pub fn join(&self, channel: &str, person: &str) {
        let user = self.hub.world().person_id(person);
        self.member_overwrite(channel, &user, (VIEW_CHANNEL | SEND_MESSAGES, 0));
    }

    /// Takes back what [`Discord::join`] gave.
    pub fn leave(&self, channel: &str, person: &str) {
        let user = self.hub.world().person_id(person);
        self.member_overwrite(channel, &user, (0, 0));
    }

    /// Lets everybody with a role see a private channel.
    pub fn join_role(&self, channel: &str, role: &str) {
        self.change(|world| {
            let (_, id) = world.role_id(role);
            let allow = VIEW_CHANNEL | SEND_MESSAGES;
            let of_role = Overwrite {
                id,
                of_member: false,
                allow,
                deny: 0,
            };
            world.overwrite(channel, of_role);
        });
    }

    /// Lets the bot see a private channel and post there.
    pub fn invite_bot(&self, channel: &str) {
        self.member_overwrite(channel, BOT, (permissions::BOT, 0));
    }

    /// Takes the channel out of the bot's sight.
    pub fn remove_bot(&self, channel: &str) {
        self.member_overwrite(channel, BOT, (0, VIEW_CHANNEL));
    }

    /// Takes away the bot's permission to attach files in a channel where it can post.
    pub fn forbid_files(&self, channel: &str) {
        let allowed = permissions::BOT & !ATTACH_FILES;
        self.member_overwrite(channel, BOT, (allowed, ATTACH_FILES));
    }

    /// Takes away the bot's permission to post in a channel, which it still sees.
    pub fn silence_bot(&self, channel: &str) {
        self.member_overwrite(channel, BOT, (VIEW_CHANNEL, SEND_MESSAGES));
    }

    /// A role of the first guild without permissions of its own, for these people; returns its id.
    pub fn add_role(&self, name: &str, people: &[&str]) -> String {
        self.add_role_in(&self.guild_id(), name, 0, people)
    }

    /// A role with these permissions (bits as Discord has them; 8 is Administrator).
    pub fn add_role_in(
        &self,
        guild: &str,
        name: &str,
        permissions: u64,
        people: &[&str],
    ) -> String {
        self.change(|world| {
            let id = world.add_role(guild, name, permissions, false);
            for person in people {
                let user = world.person_id(person);
                world.set_role(guild, &id, (&user, true));
            }
            id
        })
    }

    /// Gives somebody a role of the guild that the role is of.
    pub fn give_role(&self, role: &str, person: &str) {
        self.has_role(role, (person, true));
    }

    /// Takes a role from somebody.
    pub fn take_role(&self, role: &str, person: &str) {
        self.has_role(role, (person, false));
    }

    fn has_role(&self, role: &str, (person, has): (&str, bool)) {
        self.change(|world| {
            let (guild, role) = world.role_id(role);
            let user = world.person_id(person);
            world.set_role(&guild, &role, (&user, has));
        });
    }

    /// Nobody has the role any more, and there is none.
    pub fn delete_role(&self, role: &str) {
        self.change(|world| {
            let (guild, role) = world.role_id(role);
            let members = world.guild(&guild).map(|guild| guild.members.clone());
            for member in members.unwrap_or_default() {
                world.set_role(&guild, &role, (&member.user, false));
            }
            if let Some(found) = world.guild_mut(&guild) {
                found.roles.retain(|one| one.id != role);
            }
            let gone = json!({ "guild_id": guild, "role_id": role });
            world.tell_in(&guild, GUILDS, "GUILD_ROLE_DELETE", &gone);
        });
    }

    /// Changes what a role may do everywhere.
    pub fn set_permissions(&self, role: &str, permissions: u64) {
        self.change(|world| {
            let (guild, id) = world.role_id(role);
            let roles = world.guild_mut(&guild).map(|guild| guild.roles.iter_mut());
            let found = roles.and_then(|mut roles| roles.find(|role| role.id == id));
            let shown = found.map_or(Value::Null, |role| {
                role.permissions = permissions;
                payloads::role(role)
            });
            let changed = json!({ "guild_id": guild, "role": shown });
            world.tell_in(&guild, GUILDS, "GUILD_ROLE_UPDATE", &changed);
        });
    }

    /// Somebody takes no direct messages from the bot any more (50007).
    pub fn close_dms(&self, person: &str) {
        self.dms_closed(person, true);
    }

    /// Somebody takes direct messages again.
    pub fn open_dms(&self, person: &str) {
        self.dms_closed(person, false);
    }

    fn dms_closed(&self, handle: &str, closed: bool) {
        self.change(|world| {
            let id = world.person_id(handle);
            for person in world.people.iter_mut().filter(|person| person.id == id) {
                person.dms_closed = closed;
            }
        });
    }

    /// The app is removed from the first guild and hears of that.
    pub fn uninstall(&self) {
        self.uninstall_from(&self.guild_id());
    }

    /// The app is removed from a guild and hears of that.
    pub fn uninstall_from(&self, guild: &str) {
        self.change(|world| remove_bot_from(world, guild));
    }

    /// The app is added to a guild again.
    pub fn install_in(&self, guild: &str) {
        self.change(|world| world.install(guild));
    }

    /// Discord has an outage in a guild, or is over it: nobody removed the app.
    pub fn outage(&self, guild: &str, out: bool) {
        self.change(|world| {
            if let Some(found) = world.guild_mut(guild) {
                found.out = out;
            }
            world.tell_guild(guild);
        });
    }
}
