//! Discord's permissions: what a member may do in a server, and in one of its channels.

use serde::Deserialize;

pub(super) const ADMINISTRATOR: u64 = 1 << 3;
pub(super) const VIEW_CHANNEL: u64 = 1 << 10;
pub(super) const SEND_MESSAGES: u64 = 1 << 11;
pub(super) const EMBED_LINKS: u64 = 1 << 14;
pub(super) const READ_MESSAGE_HISTORY: u64 = 1 << 16;

/// An overwrite for a role; the other kind is for a member.
const OF_ROLE: u8 = 0;

/// A set of permissions, which Discord writes as a decimal text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Permissions(pub u64);

impl TryFrom<String> for Permissions {
    type Error = std::num::ParseIntError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl Permissions {
    pub fn has(self, all: u64) -> bool {
        self.0 & all == all
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Role {
    pub id: String,
    #[serde(default)]
    pub name: String,
    pub permissions: Permissions,
    #[serde(default)]
    pub flags: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Overwrite {
    id: String,
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default)]
    allow: Permissions,
    #[serde(default)]
    deny: Permissions,
}

/// What a member's roles allow in the whole server. The role of everyone has the server's id.
pub(super) fn in_guild(guild: &str, roles: &[Role], of_member: &[String]) -> Permissions {
    let counts = |role: &&Role| role.id == guild || of_member.contains(&role.id);
    let all = roles.iter().filter(counts);
    Permissions(all.fold(0, |all, role| all | role.permissions.0))
}

/// What is left of it in a channel: everyone's overwrite first, then those of the member's roles
/// together, then the member's own.
pub(super) fn in_channel(
    base: Permissions,
    overwrites: &[Overwrite],
    guild: &str,
    (member, of_member): (&str, &[String]),
) -> Permissions {
    if base.has(ADMINISTRATOR) {
        return Permissions(u64::MAX);
    }
    let apply = |permissions: u64, chosen: &dyn Fn(&Overwrite) -> bool| {
        let chosen = || overwrites.iter().filter(|overwrite| chosen(overwrite));
        let deny = chosen().fold(0, |all, overwrite| all | overwrite.deny.0);
        let allow = chosen().fold(0, |all, overwrite| all | overwrite.allow.0);
        permissions & !deny | allow
    };
    let left = apply(base.0, &|one| one.kind == OF_ROLE && one.id == guild);
    let left = apply(left, &|one| {
        one.kind == OF_ROLE && one.id != guild && of_member.contains(&one.id)
    });
    Permissions(apply(left, &|one| one.kind != OF_ROLE && one.id == member))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(id: &str, permissions: u64) -> Role {
        Role {
            id: id.into(),
            name: String::new(),
            permissions: Permissions(permissions),
            flags: 0,
        }
    }

    fn overwrite(id: &str, kind: u8, allow: u64, deny: u64) -> Overwrite {
        Overwrite {
            id: id.into(),
            kind,
            allow: Permissions(allow),
            deny: Permissions(deny),
        }
    }

    #[test]
    fn the_nearest_overwrite_decides() {
        let roles = [
            role("1", VIEW_CHANNEL),
            role("2", SEND_MESSAGES),
            role("3", ADMINISTRATOR),
        ];
        let mine = ["2".to_owned()];
        let base = in_guild("1", &roles, &mine);
        assert!(base.has(VIEW_CHANNEL | SEND_MESSAGES) && !base.has(ADMINISTRATOR));
        let closed = overwrite("1", 0, 0, VIEW_CHANNEL);
        let open_to_2 = overwrite("2", 0, VIEW_CHANNEL, 0);
        let not_to_me = overwrite("9", 1, 0, VIEW_CHANNEL);
        let view = |overwrites: &[Overwrite]| {
            in_channel(base, overwrites, "1", ("9", &mine)).has(VIEW_CHANNEL)
        };
        assert!(!view(std::slice::from_ref(&closed)));
        assert!(view(&[open_to_2.clone(), closed.clone()]));
        assert!(!view(&[closed.clone(), open_to_2, not_to_me]));
        let all = in_channel(Permissions(ADMINISTRATOR), &[closed], "1", ("9", &[]));
        assert!(all.has(VIEW_CHANNEL));
    }
}
