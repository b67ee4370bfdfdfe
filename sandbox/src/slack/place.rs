//! Furnishing a workspace: people, channels and groups, and the events that this makes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::payloads::{event, person_json};
use super::world::{
    APP, About, BOT_USER, Channel, PersonRow, STRANGE_TEAM, Team, UserGroup, World,
};
use super::{ChannelId, ChannelKind, Person, PersonKind, Slack, UserId, Workspace};

impl World {
    /// Sends an event, unless the app never listened so far.
    fn tell(&mut self, team: &str, happened: Value) {
        let is_heard = !self.sockets.is_empty() || self.outlet.is_some();
        let listens = is_heard || !self.envelopes.is_empty();
        if listens && self.team(team).is_some() {
            let payload = event(self, team, happened);
            self.queue("events_api", payload, About::Nothing);
        }
    }

    fn person_id(&self, handle: &str) -> String {
        let fits = |one: &&PersonRow| one.handle == handle || one.id == handle;
        let found = self.people.iter().find(fits).map(|one| one.id.clone());
        found.unwrap_or_else(|| panic!("nobody is called {handle:?}"))
    }

    fn channel_id(&self, name: &str) -> String {
        let fits = |one: &&Channel| one.name == name || one.id == name;
        let found = self.channels.iter().find(fits).map(|one| one.id.clone());
        found.unwrap_or_else(|| panic!("no channel is called {name:?}"))
    }

    fn add_person(&mut self, team: &str, handle: &str, kind: PersonKind) -> String {
        let id = self.next("U");
        let home = if kind == PersonKind::Stranger {
            STRANGE_TEAM
        } else {
            team
        };
        self.people.push(PersonRow {
            id: id.clone(),
            team: home.to_owned(),
            handle: handle.to_owned(),
            kind,
            deleted: false,
        });
        let general = |one: &&mut Channel| one.name == "general" && one.team == home;
        if let Some(general) = self.channels.iter_mut().find(general) {
            general.members.insert(id.clone());
        }
        id
    }

    fn membership(&mut self, kind: &str, channel: &str, user: &str) {
        let Some(found) = self.channel(channel) else {
            return;
        };
        if !found.members.contains(BOT_USER) && user != BOT_USER {
            return;
        }
        let team = found.team.clone();
        let letter = if found.kind.private { "G" } else { "C" };
        let happened = json!({
            "type": kind,
            "user": user,
            "channel": channel,
            "channel_type": letter,
            "team": team,
        });
        self.tell(&team, happened);
    }

    /// Deactivates somebody, who is in no channel and group any more; gives the id.
    fn take_out(&mut self, handle: &str) -> String {
        let id = self.person_id(handle);
        for person in self.people.iter_mut().filter(|person| person.id == id) {
            person.deleted = true;
        }
        let channels = self.channels.iter_mut();
        for channel in channels.filter(|channel| channel.im.is_none()) {
            channel.members.remove(&id);
        }
        for group in &mut self.usergroups {
            group.users.retain(|user| *user != id);
        }
        id
    }

    fn user_changed(&mut self, id: &str) {
        let Some(person) = self.person(id).cloned() else {
            return;
        };
        let happened = json!({
            "type": "user_change",
            "user": person_json(&person),
            "cache_ts": self.clock.seconds(),
        });
        self.tell(&person.team, happened);
    }
}

/// People, channels and groups are named by handle, name or id; an unknown one panics.
impl Slack {
    pub(super) fn add_team(&self, id: &str, name: &str) {
        let mut world = self.hub.world();
        let domain = name.to_lowercase().replace(' ', "-");
        let bot_token = format!("xoxb-sandbox-{domain}-{id}");
        world.issued.push(bot_token.clone());
        let id = id.to_owned();
        let channel = world.next("C");
        world.teams.push(Team {
            id: id.clone(),
            name: name.to_owned(),
            domain,
            bot_token,
            installed: true,
            app: APP.to_owned(),
        });
        world.channels.push(Channel {
            id: channel,
            team: id,
            name: "general".to_owned(),
            kind: ChannelKind::PUBLIC,
            archived: false,
            members: BTreeSet::new(),
            im: None,
        });
    }

    /// Another workspace that does not know the app, with a `#general` of its own. Gives its id.
    pub fn add_bare_workspace(&self, name: &str) -> String {
        let Workspace { team_id, .. } = self.add_workspace(name);
        self.change(|world| world.set_installed(&team_id, false));
        team_id
    }

    /// Another workspace with the app in it and a `#general` of its own.
    pub fn add_workspace(&self, name: &str) -> Workspace {
        let id = self.hub.world().next("T");
        self.add_team(&id, name);
        let world = self.hub.world();
        let team = world.team(&id).expect("the workspace was just added");
        Workspace {
            team_id: id.clone(),
            bot_token: team.bot_token.clone(),
        }
    }

    /// Somebody who has been in the first workspace all along; a stranger belongs elsewhere.
    pub fn add_person(&self, handle: &str, kind: PersonKind) -> UserId {
        let team = self.team_id();
        self.add_person_in(&team, handle, kind)
    }

    /// Somebody who has been in a workspace all along.
    pub fn add_person_in(&self, team: &str, handle: &str, kind: PersonKind) -> UserId {
        UserId(self.hub.world().add_person(team, handle, kind))
    }

    /// Somebody new: the app hears `team_join`.
    pub fn joins_team(&self, handle: &str, kind: PersonKind) -> UserId {
        let mut world = self.hub.world();
        let team = world.teams[0].id.clone();
        let id = world.add_person(&team, handle, kind);
        if let Some(person) = world.person(&id).cloned() {
            world.tell(
                &team,
                json!({ "type": "team_join", "user": person_json(&person) }),
            );
        }
        drop(world);
        self.hub.wire.touch();
        UserId(id)
    }

    /// The hands and eyes of a person.
    pub fn person(&self, handle: &str) -> Person {
        let world = self.hub.world();
        let id = world.person_id(handle);
        let handle = world.handle(&id);
        drop(world);
        Person {
            slack: self.clone(),
            id,
            handle,
        }
    }

    /// Makes somebody something else; the app hears `user_change`.
    pub fn set_kind(&self, handle: &str, kind: PersonKind) {
        self.change(|world| {
            let id = world.person_id(handle);
            for person in world.people.iter_mut().filter(|person| person.id == id) {
                person.kind = kind;
            }
            world.user_changed(&id);
        });
    }

    /// Deactivates somebody: out of all channels and groups; the app hears `user_change`.
    pub fn remove_person(&self, handle: &str) {
        self.change(|world| {
            let id = world.take_out(handle);
            world.user_changed(&id);
        });
    }

    /// The same, and the event gets lost.
    pub fn lose_person(&self, handle: &str) {
        self.change(|world| drop(world.take_out(handle)));
    }

    /// Who installed the app: the first primary owner.
    pub fn installer(&self) -> Option<UserId> {
        let world = self.hub.world();
        let mut people = world.people.iter();
        let owner = people.find(|one| one.kind == PersonKind::PrimaryOwner)?;
        Some(UserId(owner.id.clone()))
    }

    /// Switches the app's Messages tab: without it nobody gets direct messages of the bot.
    pub fn set_messages_tab(&self, on: bool) {
        self.change(|world| world.messages_tab = on);
    }

    /// A channel of the first workspace with nobody in it, not even the bot.
    pub fn add_channel(&self, name: &str, kind: ChannelKind) -> ChannelId {
        let team = self.team_id();
        self.add_channel_in(&team, name, kind)
    }

    /// A channel of another workspace with nobody in it, not even the bot.
    pub fn add_channel_in(&self, team: &str, name: &str, kind: ChannelKind) -> ChannelId {
        let mut world = self.hub.world();
        let id = world.next("C");
        world.channels.push(Channel {
            id: id.clone(),
            team: team.to_owned(),
            name: name.to_owned(),
            kind,
            archived: false,
            members: BTreeSet::new(),
            im: None,
        });
        ChannelId(id)
    }

    /// The id of a channel by name.
    pub fn channel(&self, name: &str) -> ChannelId {
        ChannelId(self.hub.world().channel_id(name))
    }

    /// Somebody joins a channel; the app hears of it where it is a member.
    pub fn join(&self, channel: &str, person: &str) {
        self.change(|world| {
            let user = world.person_id(person);
            world.enter(channel, &user);
        });
    }

    /// Somebody leaves a channel; the app hears of it where it is a member.
    pub fn leave(&self, channel: &str, person: &str) {
        self.change(|world| {
            let (id, user) = (world.channel_id(channel), world.person_id(person));
            let members = world.channel_mut(&id).map(|channel| &mut channel.members);
            if members.is_some_and(|members| members.remove(&user)) {
                world.membership("member_left_channel", &id, &user);
            }
        });
    }

    /// The bot becomes a member of a channel and hears of it.
    pub fn invite_bot(&self, channel: &str) {
        self.change(|world| world.enter(channel, BOT_USER));
    }

    /// The bot is no member of a channel any more.
    pub fn remove_bot(&self, channel: &str) {
        self.change(|world| {
            let id = world.channel_id(channel);
            world.membership("member_left_channel", &id, BOT_USER);
            if let Some(channel) = world.channel_mut(&id) {
                channel.members.remove(BOT_USER);
            }
        });
    }

    /// Nothing can be posted to the channel any more.
    pub fn archive(&self, channel: &str) {
        self.change(|world| {
            let id = world.channel_id(channel);
            if let Some(channel) = world.channel_mut(&id) {
                channel.archived = true;
            }
        });
    }

    /// The channel is another kind from now on, for example shared with another organisation.
    pub fn set_channel_kind(&self, channel: &str, kind: ChannelKind) {
        self.change(|world| {
            let id = world.channel_id(channel);
            if let Some(channel) = world.channel_mut(&id) {
                channel.kind = kind;
            }
        });
    }

    /// A user group of these people; returns its id.
    pub fn add_usergroup(&self, handle: &str, people: &[&str]) -> String {
        let mut world = self.hub.world();
        let id = world.next("S");
        let team = world.teams[0].id.clone();
        let users = people
            .iter()
            .map(|person| world.person_id(person))
            .collect();
        world.usergroups.push(UserGroup {
            id: id.clone(),
            team,
            handle: handle.to_owned(),
            users,
        });
        id
    }

    /// Changes who is in a user group; the app hears `subteam_members_changed`.
    pub fn set_usergroup(&self, handle: &str, people: &[&str]) {
        self.change(|world| {
            let users: Vec<String> = people.iter().map(|one| world.person_id(one)).collect();
            let found = world
                .usergroups
                .iter_mut()
                .find(|group| group.handle == handle);
            let group = found.unwrap_or_else(|| panic!("no group is called {handle:?}"));
            let old = std::mem::replace(&mut group.users, users.clone());
            let (id, team) = (group.id.clone(), group.team.clone());
            let added: Vec<&String> = users.iter().filter(|user| !old.contains(user)).collect();
            let removed: Vec<&String> = old.iter().filter(|user| !users.contains(user)).collect();
            let happened = json!({
                "type": "subteam_members_changed",
                "subteam_id": id,
                "team_id": team,
                "date_update": world.clock.seconds(),
                "added_users": added,
                "added_users_count": added.len(),
                "removed_users": removed,
                "removed_users_count": removed.len(),
            });
            world.tell(&team, happened);
        });
    }

    /// The app is removed from the first workspace: its token dies, and it hears of that.
    pub fn uninstall(&self) {
        self.uninstall_from(&self.team_id());
    }

    /// The same in any workspace.
    pub fn uninstall_from(&self, team: &str) {
        self.change(|world| world.uninstall(team));
    }

    /// Whether the app is let in, with the token that it had; nobody tells it.
    pub fn set_installed(&self, team: &str, installed: bool) {
        self.change(|world| world.set_installed(team, installed));
    }

    /// The events of an uninstallation, whether there is one or not: they may be late.
    pub fn tell_of_uninstallation(&self, team: &str) {
        self.change(|world| world.tell_of_uninstallation(team));
    }

    fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.hub.world());
        self.hub.wire.touch();
    }
}

impl World {
    fn set_installed(&mut self, team: &str, installed: bool) {
        for team in self.teams.iter_mut().filter(|one| one.id == team) {
            team.installed = installed;
        }
    }

    pub(super) fn uninstall(&mut self, team: &str) {
        self.set_installed(team, false);
        self.tell_of_uninstallation(team);
    }

    fn tell_of_uninstallation(&mut self, team: &str) {
        let revoked = json!({ "type": "tokens_revoked", "tokens": { "bot": [BOT_USER] } });
        self.tell(team, revoked);
        self.tell(team, json!({ "type": "app_uninstalled" }));
    }

    fn enter(&mut self, channel: &str, user: &str) {
        let id = self.channel_id(channel);
        let members = self.channel_mut(&id).map(|channel| &mut channel.members);
        if members.is_some_and(|members| members.insert(user.to_owned())) {
            self.membership("member_joined_channel", &id, user);
        }
    }
}
