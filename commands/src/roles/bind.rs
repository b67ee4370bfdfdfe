//! `roles bind`: makes everybody in a group an owner or a user.

use super::{GROUP, group, role};
use crate::{
    announce,
    grammar::{Call, Command},
    param::Param,
};
use slice_core::{
    books::{Books, Entry},
    event::Event,
    ids::PlatformName,
    page::{Page, Span, Text},
    ports::{Platform, PlatformError},
    refusal::Refusal,
    reply::Reply,
    role::{Binding, Group, GroupKind, Role},
};

const ROLE: Param<&'static str> = Param::choice("role", "What they become", &["owner", "user"]);

pub const COMMAND: Command = Command {
    params: &[GROUP.shape(), ROLE.shape()],
    examples: &[
        "roles bind <#C0123ABCD> owner",
        "roles bind <!subteam^S0123ABCD> user",
    ],
    ..Command::plain(
        "roles bind",
        "Make everybody in a private channel, user group or role an owner or a user",
        Role::Owner,
        |call| Box::pin(run(call)),
    )
};

fn refuse(why: &str) -> Refusal {
    Refusal::sentence(format!("{why} Nothing was changed."))
}

fn unknown(why: &PlatformError) -> Refusal {
    Refusal::RoleUnknown {
        why: why.to_string(),
    }
}

/// What can never be bound to the role, whatever the platform says of it.
fn never(group: &Group, role: Role) -> Option<&'static str> {
    let platform = group.workspace.platform;
    match (platform, group.kind) {
        (PlatformName::Slack, GroupKind::DiscordRole)
        | (PlatformName::Discord, GroupKind::UserGroup) => {
            Some("There is no such kind of group here.")
        }
        (PlatformName::Discord, GroupKind::Channel) => Some(
            "On Discord, roles are bound, not channels: who can read a channel changes too easily.",
        ),
        (PlatformName::Discord, GroupKind::DiscordRole)
            if role == Role::Owner && group.id.as_str() == group.workspace.id.as_str() =>
        {
            Some("That role is everyone's, so it can't be bound to owner.")
        }
        _ => None,
    }
}

/// Looks at the group, live.
async fn fits(platform: &dyn Platform, group: &Group, role: Role) -> Result<(), Refusal> {
    if let Some(why) = never(group, role) {
        return Err(refuse(why));
    }
    let facts = platform
        .group(&group.workspace, group.kind, &group.id)
        .await;
    let Some(facts) = facts.map_err(|why| unknown(&why))? else {
        return Err(refuse(
            "There is no such group, or Slice can't see it. If it is a private channel, invite \
             Slice to it first.",
        ));
    };
    let is_channel = group.kind == GroupKind::Channel;
    if facts.archived {
        return Err(refuse("That group is archived or disabled."));
    }
    if role == Role::Owner && is_channel && facts.shared {
        return Err(refuse(
            "That channel is shared with people outside of your workspace, so it can't make owners. \
             Take a private channel of your own, or a user group.",
        ));
    }
    if role == Role::Owner && is_channel && !facts.private {
        return Err(refuse(
            "That channel is public: anybody could join it and become an owner. Take a private \
             channel or a user group.",
        ));
    }
    if role == Role::Owner && !is_channel && !facts.private {
        return Err(refuse(
            "People give themselves that role when they join the server: anybody could become an \
             owner. Take a role that only the server's managers give.",
        ));
    }
    Ok(())
}

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let (group, role) = (group(&call, GROUP.need(&call)?), role(ROLE.need(&call)?));
    let who = &call.caller().identity;
    let platform = call
        .desk()
        .platform(who.workspace.platform)
        .ok_or(Refusal::Unavailable)?;
    fits(platform, &group, role).await?;
    let is_in = match role {
        Role::Owner => platform
            .is_in(who, &group)
            .await
            .map_err(|why| unknown(&why))?,
        _ => true,
    };
    let binding = Binding {
        group: group.clone(),
        role,
    };
    let said = Text::default().push(Span::Group(group));
    let news = Text::default()
        .member(call.caller().member)
        .and(" made everybody in ")
        .join(said.clone())
        .and(format!(" {}.", a(role)));
    let news = Page::say(news);
    let decide = |books: &Books| {
        if books.org.bindings.contains(&binding) {
            return Err(Refusal::sentence(
                "That is so already. Nothing was changed.",
            ));
        }
        let first = role == Role::Owner && !books.org.has_binding(Role::Owner);
        if first && !is_in {
            return Err(refuse(
                "You are not in that group yourself. It would be the first owner binding, with which \
                 workspace admins stop being owners, so you would lock yourself out. Join it first.",
            ));
        }
        let entry = Entry::event(Event::RoleBound {
            binding: binding.clone(),
        });
        Ok((entry.say_all(announce::loudly(&books.org, &news)), first))
    };
    let first = call.desk().record(call.scope(), decide).await?;
    let text = Text::new("Everybody in ")
        .join(said)
        .and(format!(" is {} now.", a(role)));
    let page = Page::say(text);
    Ok(match (role, first) {
        (Role::Owner, true) => page.text(
            "Workspace admins are owners no longer, unless they are in it. The owners' requests and \
             alarms go to the channel that `/slice settings owners-channel` names.",
        ),
        (Role::User, _) => page.text(
            "People outside of bound groups can take no new keys, and those that they hold are \
             suspended as if they had left; owners are asked about each.",
        ),
        _ => page,
    }
    .into())
}

fn a(role: Role) -> &'static str {
    if role == Role::Owner {
        "an owner"
    } else {
        "a user"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slice_core::ids::{ChannelId, Workspace, WorkspaceId};

    #[test]
    fn everyone_s_role_makes_no_owners() {
        let workspace = Workspace {
            platform: PlatformName::Discord,
            id: WorkspaceId::new("1"),
        };
        let group = |kind, id: &str| Group {
            workspace: workspace.clone(),
            kind,
            id: ChannelId::new(id),
        };
        assert!(never(&group(GroupKind::DiscordRole, "1"), Role::Owner).is_some());
        assert!(never(&group(GroupKind::DiscordRole, "2"), Role::Owner).is_none());
        assert!(never(&group(GroupKind::Channel, "2"), Role::User).is_some());
    }
}
