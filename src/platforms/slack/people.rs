//! Who is who in the workspace, asked live.

use super::{Slack, failure::Failure, payload::workspace, teams::Team};
use serde::Deserialize;
use slice_core::{
    ids::{ChannelId, Identity, UserId, Workspace},
    ports::{GroupFacts, PlatformError},
    role::{Group, GroupKind, Standing},
};

const PAGE: &str = "200";
/// A workspace with more people than these pages hold is not searched further.
const PAGES_MAX: usize = 200;
/// Slack's own bot is listed as a person.
const SLACKBOT: &str = "USLACKBOT";

/// Where a list goes on; empty at its end.
#[derive(Default, Deserialize)]
pub(super) struct Cursor {
    #[serde(default)]
    pub next_cursor: String,
}

#[derive(Deserialize)]
struct UserAnswer {
    user: User,
}

#[derive(Deserialize)]
struct Users {
    members: Vec<User>,
    #[serde(default)]
    response_metadata: Cursor,
}

#[derive(Default, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact that Slack names"
)]
struct User {
    id: String,
    team_id: Option<String>,
    #[serde(rename = "enterprise_user")]
    enterprise: Option<Enterprise>,
    deleted: bool,
    is_admin: bool,
    is_owner: bool,
    is_primary_owner: bool,
    is_restricted: bool,
    is_ultra_restricted: bool,
    is_stranger: bool,
    is_bot: bool,
    is_workflow_bot: bool,
    name: String,
    profile: Profile,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Profile {
    display_name: String,
    real_name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Enterprise {
    teams: Vec<String>,
}

#[derive(Deserialize)]
struct Members {
    members: Vec<String>,
    #[serde(default)]
    response_metadata: Cursor,
}

#[derive(Deserialize)]
struct GroupUsers {
    users: Vec<String>,
}

#[derive(Deserialize)]
struct ChannelAnswer {
    channel: Channel,
}

#[derive(Default, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact that Slack names"
)]
struct Channel {
    name: Option<String>,
    is_im: bool,
    is_mpim: bool,
    is_private: bool,
    is_archived: bool,
    is_member: bool,
    is_ext_shared: bool,
    is_pending_ext_shared: bool,
    is_org_shared: bool,
    pending_shared: Vec<String>,
}

#[derive(Deserialize)]
struct UserGroups {
    usergroups: Vec<UserGroup>,
}

#[derive(Deserialize)]
struct UserGroup {
    id: String,
    #[serde(default)]
    handle: String,
    #[serde(default)]
    is_external: bool,
    #[serde(default)]
    date_delete: i64,
}

impl Slack {
    pub(super) async fn standing(&self, who: &Identity) -> Result<Standing, PlatformError> {
        let team = self
            .team(&who.workspace)
            .await
            .map_err(Failure::of_question)?;
        let answer = team
            .ask::<UserAnswer>("users.info", &[("user", who.user.as_str())])
            .await;
        match answer {
            Ok(answer) => Ok(answer.user.standing(&team.id)),
            Err(failure) => match failure.code() {
                Some("user_not_found" | "users_not_found") => Ok(Standing::Gone),
                Some("user_not_visible") => Ok(Standing::Stranger),
                _ => Err(failure.of_question()),
            },
        }
    }

    /// The name that others read beside her messages.
    pub(super) async fn called(&self, who: &Identity) -> Result<Option<String>, Failure> {
        let team = self.team(&who.workspace).await?;
        let arguments = [("user", who.user.as_str())];
        let User { name, profile, .. } =
            team.ask::<UserAnswer>("users.info", &arguments).await?.user;
        let names = [profile.display_name, profile.real_name, name];
        Ok(names.into_iter().find(|name| !name.trim().is_empty()))
    }

    pub(super) async fn is_in(&self, who: &Identity, group: &Group) -> Result<bool, PlatformError> {
        let team = self
            .team(&group.workspace)
            .await
            .map_err(Failure::of_preparation)?;
        if who.workspace != group.workspace {
            return Ok(false);
        }
        match group.kind {
            GroupKind::Channel => team.has_in_channel(who, &group.id).await,
            GroupKind::UserGroup => {
                let arguments = [("usergroup", group.id.as_str())];
                let listed: GroupUsers = team
                    .ask("usergroups.users.list", &arguments)
                    .await
                    .map_err(Failure::of_question)?;
                Ok(listed.users.iter().any(|user| user == who.user.as_str()))
            }
            GroupKind::DiscordRole => Ok(false),
        }
    }
}

impl Team {
    async fn has_in_channel(
        &self,
        who: &Identity,
        channel: &ChannelId,
    ) -> Result<bool, PlatformError> {
        let mut cursor = String::new();
        for _ in 0..PAGES_MAX {
            let arguments = [
                ("channel", channel.as_str()),
                ("limit", PAGE),
                ("cursor", cursor.as_str()),
            ];
            let arguments = if cursor.is_empty() {
                &arguments[..2]
            } else {
                &arguments[..]
            };
            let page: Members = self
                .ask("conversations.members", arguments)
                .await
                .map_err(Failure::of_question)?;
            if page
                .members
                .iter()
                .any(|member| member == who.user.as_str())
            {
                return Ok(true);
            }
            cursor = page.response_metadata.next_cursor;
            if cursor.is_empty() {
                return Ok(false);
            }
        }
        Err(PlatformError::Refused(
            "that channel has too many members to be read".to_owned(),
        ))
    }

    async fn channel(&self, id: &ChannelId) -> Result<Option<GroupFacts>, PlatformError> {
        let answer = self
            .ask::<ChannelAnswer>("conversations.info", &[("channel", id.as_str())])
            .await;
        match answer {
            Ok(answer) => Ok(answer.channel.facts()),
            Err(failure) if failure.code() == Some("channel_not_found") => Ok(None),
            Err(failure) => Err(failure.of_question()),
        }
    }
}

impl Slack {
    pub(super) async fn group(
        &self,
        workspace: &Workspace,
        kind: GroupKind,
        id: &ChannelId,
    ) -> Result<Option<GroupFacts>, PlatformError> {
        let team = self.team(workspace).await;
        let team = team.map_err(Failure::of_preparation)?;
        match kind {
            GroupKind::Channel => team.channel(id).await,
            GroupKind::UserGroup => {
                let listed: UserGroups = team
                    .ask("usergroups.list", &[("include_disabled", "true")])
                    .await
                    .map_err(Failure::of_question)?;
                let group = listed
                    .usergroups
                    .into_iter()
                    .find(|one| one.id == id.as_str());
                Ok(group.map(UserGroup::facts))
            }
            GroupKind::DiscordRole => Ok(None),
        }
    }

    /// Slack does not say who installed an app; the workspace's first owner stands in for her.
    pub(super) async fn installer(
        &self,
        of: &Workspace,
    ) -> Result<Option<Identity>, PlatformError> {
        let team = self.team(of).await.map_err(Failure::of_preparation)?;
        let mut cursor = String::new();
        for _ in 0..PAGES_MAX {
            let arguments = [("limit", PAGE), ("cursor", cursor.as_str())];
            let arguments = if cursor.is_empty() {
                &arguments[..1]
            } else {
                &arguments[..]
            };
            let page: Users = team
                .ask("users.list", arguments)
                .await
                .map_err(Failure::of_question)?;
            let first = page
                .members
                .into_iter()
                .find(|user| user.is_primary_owner && !user.deleted);
            if let Some(first) = first {
                let workspace = workspace(of.id.as_str());
                return Ok(Some(Identity {
                    workspace,
                    user: UserId::new(first.id),
                }));
            }
            cursor = page.response_metadata.next_cursor;
            if cursor.is_empty() {
                break;
            }
        }
        Ok(None)
    }
}

impl User {
    fn standing(&self, home: &str) -> Standing {
        let teams = self
            .enterprise
            .as_ref()
            .map(|of| of.teams.as_slice())
            .unwrap_or_default();
        let is_ours = self.team_id.as_deref().is_none_or(|team| team == home)
            || teams.iter().any(|team| team == home);
        if self.deleted {
            Standing::Gone
        } else if self.is_bot || self.is_workflow_bot || self.id == SLACKBOT {
            Standing::Bot
        } else if self.is_stranger || !is_ours {
            Standing::Stranger
        } else if self.is_restricted || self.is_ultra_restricted {
            Standing::Guest
        } else if self.is_admin || self.is_owner || self.is_primary_owner {
            Standing::Admin
        } else {
            Standing::Full
        }
    }
}

impl Channel {
    /// Direct messages of two or more are no group that roles could be bound to.
    fn facts(self) -> Option<GroupFacts> {
        if self.is_im || self.is_mpim {
            return None;
        }
        let pending = self.is_pending_ext_shared || !self.pending_shared.is_empty();
        Some(GroupFacts {
            name: self.name.unwrap_or_default(),
            private: self.is_private,
            shared: self.is_ext_shared || self.is_org_shared || pending,
            archived: self.is_archived,
            can_post: self.is_member && !self.is_archived,
        })
    }
}

impl UserGroup {
    /// Nobody joins a user group by herself, as nobody joins a private channel.
    fn facts(self) -> GroupFacts {
        GroupFacts {
            name: self.handle,
            private: true,
            shared: self.is_external,
            archived: self.date_delete != 0,
            can_post: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_fact_decides_a_standing() {
        let admin = || User {
            id: "U1".into(),
            team_id: Some("T1".into()),
            is_admin: true,
            ..User::default()
        };
        assert_eq!(admin().standing("T1"), Standing::Admin);
        assert_eq!(admin().standing("T2"), Standing::Stranger);
        assert_eq!(
            User {
                is_stranger: true,
                ..admin()
            }
            .standing("T1"),
            Standing::Stranger
        );
        assert_eq!(
            User {
                is_restricted: true,
                ..admin()
            }
            .standing("T1"),
            Standing::Guest
        );
        assert_eq!(
            User {
                is_bot: true,
                ..admin()
            }
            .standing("T1"),
            Standing::Bot
        );
        assert_eq!(
            User {
                deleted: true,
                ..admin()
            }
            .standing("T1"),
            Standing::Gone
        );
        let of_org = Enterprise {
            teams: vec!["T2".into()],
        };
        let of_org = User {
            enterprise: Some(of_org),
            ..admin()
        };
        assert_eq!(of_org.standing("T2"), Standing::Admin);
    }

    #[test]
    fn a_channel_that_may_soon_be_shared_is_shared() {
        let pending = Channel {
            pending_shared: vec!["T9".into()],
            ..Channel::default()
        };
        assert!(pending.facts().is_some_and(|facts| facts.shared));
        let direct = Channel {
            is_mpim: true,
            ..Channel::default()
        };
        assert_eq!(direct.facts(), None);
    }
}
