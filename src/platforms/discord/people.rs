//! Who is who in a server, asked live.

use super::{
    Discord,
    failure::Failure,
    is_id, payload,
    permissions::{self, ADMINISTRATOR, EMBED_LINKS, Overwrite, Role, SEND_MESSAGES, VIEW_CHANNEL},
};
use serde::Deserialize;
use slice_core::{
    ids::{ChannelId, Identity, UserId, Workspace},
    ports::{GroupFacts, PlatformError},
    role::{Group, GroupKind, Standing},
};

/// Discord's numbers of channels that messages are posted to, and of those that other servers may
/// follow.
const TEXT: u8 = 0;
const ANNOUNCEMENTS: u8 = 5;
/// A flag of members who were invited to one voice channel for one visit.
const GUEST: u64 = 1 << 4;
/// A flag of roles that people take for themselves when they join.
const IN_PROMPT: u64 = 1;

#[derive(Deserialize)]
pub(super) struct Guild {
    #[serde(default)]
    pub name: String,
    owner_id: String,
    pub roles: Vec<Role>,
}

#[derive(Deserialize)]
pub(super) struct Member {
    user: User,
    /// What she is called in this server, where that is not her own name.
    nick: Option<String>,
    pub roles: Vec<String>,
    /// Has not yet agreed to the server's rules.
    #[serde(default)]
    pending: bool,
    #[serde(default)]
    flags: u64,
}

#[derive(Deserialize)]
struct User {
    id: String,
    #[serde(default)]
    username: String,
    global_name: Option<String>,
    #[serde(default)]
    bot: bool,
    #[serde(default)]
    system: bool,
}

#[derive(Deserialize)]
struct Channel {
    #[serde(rename = "type")]
    kind: u8,
    guild_id: Option<String>,
    name: Option<String>,
    #[serde(default)]
    permission_overwrites: Vec<Overwrite>,
}

impl Member {
    fn is_guest(&self) -> bool {
        self.pending || self.flags & GUEST != 0
    }
}

impl Discord {
    pub(super) async fn guild(&self, id: &str) -> Result<Guild, Failure> {
        if !is_id(id) {
            return Err(Failure::BadId);
        }
        self.web.ask(&format!("guilds/{id}")).await
    }

    /// `None`: no member of the server.
    pub(super) async fn member(&self, guild: &str, user: &str) -> Result<Option<Member>, Failure> {
        use super::failure::code::{UNKNOWN_MEMBER, UNKNOWN_USER};
        if !is_id(guild) || !is_id(user) {
            return Ok(None);
        }
        match self
            .web
            .ask(&format!("guilds/{guild}/members/{user}"))
            .await
        {
            Ok(member) => Ok(Some(member)),
            Err(Failure::Api(404, UNKNOWN_MEMBER | UNKNOWN_USER)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    pub(super) async fn standing(&self, who: &Identity) -> Result<Standing, PlatformError> {
        let (guild, user) = (who.workspace.id.as_str(), who.user.as_str());
        let member = self.member(guild, user).await;
        let Some(member) = member.map_err(Failure::of_question)? else {
            return Ok(Standing::Gone);
        };
        if member.user.bot || member.user.system {
            return Ok(Standing::Bot);
        }
        if member.is_guest() {
            return Ok(Standing::Guest);
        }
        let known = self.guild(guild).await.map_err(Failure::of_question)?;
        let allowed = permissions::in_guild(guild, &known.roles, &member.roles);
        let is_admin = known.owner_id == member.user.id || allowed.has(ADMINISTRATOR);
        Ok(if is_admin {
            Standing::Admin
        } else {
            Standing::Full
        })
    }

    /// The name that others in the server read beside her messages.
    pub(super) async fn called(&self, who: &Identity) -> Result<Option<String>, Failure> {
        let (guild, user) = (who.workspace.id.as_str(), who.user.as_str());
        let member = self.member(guild, user).await?;
        Ok(member.map(|member| {
            let shown = member.nick.or(member.user.global_name);
            shown.unwrap_or(member.user.username)
        }))
    }

    pub(super) async fn is_in(&self, who: &Identity, group: &Group) -> Result<bool, PlatformError> {
        if who.workspace != group.workspace || group.kind != GroupKind::DiscordRole {
            return Ok(false);
        }
        let (guild, user) = (who.workspace.id.as_str(), who.user.as_str());
        let member = self.member(guild, user).await;
        let member = member.map_err(Failure::of_question)?;
        let has = |member: &Member| {
            let id = group.id.as_str();
            // The role of everyone stands in nobody's list.
            !member.is_guest() && (id == guild || member.roles.iter().any(|role| role == id))
        };
        Ok(member.as_ref().is_some_and(has))
    }

    pub(super) async fn group(
        &self,
        workspace: &Workspace,
        kind: GroupKind,
        id: &ChannelId,
    ) -> Result<Option<GroupFacts>, PlatformError> {
        let guild = workspace.id.as_str();
        let found = match kind {
            GroupKind::Channel => self.channel(guild, id.as_str()).await,
            GroupKind::DiscordRole => self.role(guild, id.as_str()).await,
            GroupKind::UserGroup => Ok(None),
        };
        found.map_err(Failure::of_question)
    }

    /// A role is as private as whoever gives it makes it; one that people take for themselves is
    /// not.
    async fn role(&self, guild: &str, id: &str) -> Result<Option<GroupFacts>, Failure> {
        let known = self.guild(guild).await?;
        let role = known.roles.into_iter().find(|role| role.id == id);
        Ok(role.map(|role| GroupFacts {
            private: role.id != guild && role.flags & IN_PROMPT == 0,
            name: role.name,
            shared: false,
            archived: false,
            can_post: false,
        }))
    }

    async fn channel(&self, guild: &str, id: &str) -> Result<Option<GroupFacts>, Failure> {
        if !is_id(id) {
            return Ok(None);
        }
        let channel: Channel = match self.web.ask(&format!("channels/{id}")).await {
            Ok(channel) => channel,
            Err(failure) if failure.is_absent() => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let is_here = channel.guild_id.as_deref() == Some(guild);
        if !is_here || ![TEXT, ANNOUNCEMENTS].contains(&channel.kind) {
            return Ok(None);
        }
        let known = self.guild(guild).await?;
        let bot = self.application().await?.id.clone();
        let roles = self.member(guild, &bot).await?;
        let roles = roles.map(|member| member.roles).unwrap_or_default();
        let may = |who: &str, of_member: &[String]| {
            let base = permissions::in_guild(guild, &known.roles, of_member);
            let overwrites = &channel.permission_overwrites;
            permissions::in_channel(base, overwrites, guild, (who, of_member))
        };
        let post = VIEW_CHANNEL | SEND_MESSAGES | EMBED_LINKS;
        Ok(Some(GroupFacts {
            private: !may("", &[]).has(VIEW_CHANNEL),
            shared: channel.kind == ANNOUNCEMENTS,
            archived: false,
            can_post: may(&bot, &roles).has(post),
            name: channel.name.unwrap_or_default(),
        }))
    }

    /// A bot sees the servers that it is in, and no other.
    pub(super) async fn is_installed(&self, workspace: &Workspace) -> Result<bool, PlatformError> {
        match self.guild(workspace.id.as_str()).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.is_absent() => Ok(false),
            Err(failure) => Err(failure.of_question()),
        }
    }

    /// The application's owner if she is in the server, else the server's.
    pub(super) async fn installer(
        &self,
        of: &Workspace,
    ) -> Result<Option<Identity>, PlatformError> {
        let guild = of.id.as_str();
        let application = self.application().await.map_err(Failure::of_question)?;
        let by_team = application.team.as_ref().map(|team| &team.owner_user_id);
        let owner = by_team.or(application.owner.as_ref().map(|owner| &owner.id));
        if let Some(owner) = owner {
            match self.member(guild, owner).await {
                Ok(Some(member)) if !member.user.bot => return Ok(Some(identity(of, owner))),
                Ok(_) => {}
                Err(failure) if failure.is_absent() => return Ok(None),
                Err(failure) => return Err(failure.of_question()),
            }
        }
        match self.guild(guild).await {
            Ok(known) => Ok(Some(identity(of, &known.owner_id))),
            Err(failure) if failure.is_absent() => Ok(None),
            Err(failure) => Err(failure.of_question()),
        }
    }
}

fn identity(of: &Workspace, user: &str) -> Identity {
    Identity {
        workspace: payload::workspace(of.id.as_str()),
        user: UserId::new(user),
    }
}
