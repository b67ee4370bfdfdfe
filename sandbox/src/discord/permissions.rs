//! Discord's permissions: the bits, and how roles and overwrites add up.

use super::rows::{Channel, Guild};

pub(super) const ADMINISTRATOR: u64 = 1 << 3;
pub(super) const VIEW_CHANNEL: u64 = 1 << 10;
pub(super) const SEND_MESSAGES: u64 = 1 << 11;
pub(super) const MANAGE_MESSAGES: u64 = 1 << 13;
pub(super) const EMBED_LINKS: u64 = 1 << 14;
pub(super) const ATTACH_FILES: u64 = 1 << 15;
pub(super) const READ_MESSAGE_HISTORY: u64 = 1 << 16;
pub(super) const MENTION_EVERYONE: u64 = 1 << 17;
pub(super) const USE_APPLICATION_COMMANDS: u64 = 1 << 31;

/// What everybody has in a fresh guild (a part of Discord's own default).
pub(super) const EVERYONE: u64 = VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | USE_APPLICATION_COMMANDS;
/// What the bot's own role has.
pub(super) const BOT: u64 =
    VIEW_CHANNEL | SEND_MESSAGES | EMBED_LINKS | ATTACH_FILES | READ_MESSAGE_HISTORY;
/// Whoever may do everything: bits 0 to 50.
pub(super) const ALL: u64 = (1 << 51) - 1;
/// What both ends of a direct message may do.
pub(super) const IN_DM: u64 = EVERYONE;

/// What a channel gives or takes from a role or a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Overwrite {
    pub id: String,
    pub of_member: bool,
    pub allow: u64,
    pub deny: u64,
}

/// What somebody may do in a guild, or in one of its channels.
pub(super) fn of(guild: &Guild, channel: Option<&Channel>, user: &str) -> u64 {
    let Some(member) = guild.member(user) else {
        return 0;
    };
    if guild.owner == user {
        return ALL;
    }
    let has = |id: &str| id == guild.id || member.roles.iter().any(|role| role == id);
    let roles = guild.roles.iter().filter(|role| has(&role.id));
    let base = roles.fold(0, |all, role| all | role.permissions);
    if base & ADMINISTRATOR != 0 {
        return ALL;
    }
    let Some(channel) = channel else { return base };
    // Everybody's overwrite comes first, then those of roles together, then the member's own.
    let everyone = |one: &&Overwrite| !one.of_member && one.id == guild.id;
    let role = |one: &&Overwrite| !one.of_member && one.id != guild.id && has(&one.id);
    let own = |one: &&Overwrite| one.of_member && one.id == user;
    let mut left = base;
    left = applied(left, channel.overwrites.iter().filter(everyone));
    left = applied(left, channel.overwrites.iter().filter(role));
    left = applied(left, channel.overwrites.iter().filter(own));
    if left & VIEW_CHANNEL == 0 { 0 } else { left }
}

fn applied<'a>(base: u64, overwrites: impl Iterator<Item = &'a Overwrite>) -> u64 {
    let (mut allow, mut deny) = (0, 0);
    for one in overwrites {
        allow |= one.allow;
        deny |= one.deny;
    }
    (base & !deny) | allow
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discord::rows::{Member, Role};

    fn guild() -> Guild {
        let role = |id: &str, permissions| Role {
            id: id.to_owned(),
            name: id.to_owned(),
            permissions,
            position: 0,
            managed: false,
        };
        let member = |user: &str, roles: &[&str]| Member {
            user: user.to_owned(),
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            guest: false,
            joined: 0,
        };
        Guild {
            id: "g".to_owned(),
            name: "Acme".to_owned(),
            owner: "olga".to_owned(),
            roles: vec![
                role("g", EVERYONE),
                role("admins", ADMINISTRATOR),
                role("ops", 0),
            ],
            members: vec![
                member("olga", &[]),
                member("adam", &["admins"]),
                member("ana", &[]),
                member("otto", &["ops"]),
            ],
            with_bot: true,
            out: false,
        }
    }

    #[test]
    fn a_private_channel_is_seen_by_its_role_its_member_and_those_who_may_everything() {
        let overwrite = |id: &str, of_member, allow, deny| Overwrite {
            id: id.to_owned(),
            of_member,
            allow,
            deny,
        };
        let mut channel = Channel {
            id: "c".to_owned(),
            guild: Some("g".to_owned()),
            name: "owners".to_owned(),
            overwrites: vec![
                overwrite("g", false, 0, VIEW_CHANNEL),
                overwrite("ops", false, VIEW_CHANNEL, 0),
            ],
            dm: None,
            position: 0,
        };
        let sees = |channel: &Channel, user: &str| of(&guild(), Some(channel), user) != 0;
        let all = ["olga", "adam", "ana", "otto", "nobody"];
        let who = |channel: &Channel| all.map(|user| sees(channel, user));
        assert_eq!(who(&channel), [true, true, false, true, false]);
        channel
            .overwrites
            .push(overwrite("ana", true, VIEW_CHANNEL, SEND_MESSAGES));
        assert_eq!(who(&channel), [true, true, true, true, false]);
        assert_eq!(of(&guild(), Some(&channel), "ana") & SEND_MESSAGES, 0);
        channel
            .overwrites
            .push(overwrite("otto", true, 0, VIEW_CHANNEL));
        assert!(!sees(&channel, "otto"));
    }
}
