//! What `slice check` says of Discord: a line each, with the remedy.

use super::{
    Discord, DiscordPlatform, OwnGuild,
    failure::Failure,
    permissions::{
        self, ADMINISTRATOR, EMBED_LINKS, READ_MESSAGE_HISTORY, SEND_MESSAGES, VIEW_CHANNEL,
    },
};
use crate::{http::Check, platforms::text::filled};
use slice_core::ids::Workspace;

const TOKEN: &str = "Discord bot token";
const APPLICATION: &str = "Discord application";
const GUILDS: &str = "Discord servers";
const NAME_MAX: usize = 60;
/// So many servers are looked at one by one.
const GUILDS_MAX: usize = 25;

/// What the bot needs in a server, and what Discord calls it.
const NEEDED: [(u64, &str); 4] = [
    (VIEW_CHANNEL, "View Channels"),
    (SEND_MESSAGES, "Send Messages"),
    (EMBED_LINKS, "Embed Links"),
    (READ_MESSAGE_HISTORY, "Read Message History"),
];

impl DiscordPlatform {
    /// Looks at the token, the application, and every server that the bot is in. `listed`:
    /// workspaces that the environment allows.
    pub async fn check(&self, listed: &[Workspace]) -> Vec<Check> {
        let discord = &self.discord;
        let application = match discord.application().await {
            Ok(application) => application,
            Err(failure) => {
                let how = "Copy DISCORD_BOT_TOKEN from Bot in the developer portal";
                return vec![Check::bad(TOKEN, remedy(&failure, how))];
            }
        };
        let (name, id) = (filled(&application.name, NAME_MAX), &application.id);
        let whose = if application.bot_public {
            "anybody can add it to a server, so only servers in SLICE_WORKSPACES or invited by \
             `slice invite` may use it"
        } else {
            "only its owner can add it to a server, so every server that it is in may use it"
        };
        let mut checks = vec![
            Check::good(TOKEN, format!("good for {name}")),
            Check::good(APPLICATION, format!("{id}; {whose}")),
        ];
        let guilds = match discord.own_guilds().await {
            Ok(guilds) => guilds,
            Err(failure) => {
                let why = format!("{failure}. Try again in a minute.");
                checks.push(Check::bad(GUILDS, why));
                return checks;
            }
        };
        if guilds.is_empty() {
            checks.push(Check::bad(
                GUILDS,
                format!("none. Add Slice to one: {}", invitation(id)),
            ));
        }
        let is_known = |guild: &OwnGuild| {
            !application.bot_public || listed.contains(&super::payload::workspace(&guild.id))
        };
        for guild in guilds.iter().take(GUILDS_MAX) {
            checks.push(discord.check_guild(guild, is_known(guild)).await);
        }
        checks
    }
}

impl Discord {
    async fn check_guild(&self, guild: &OwnGuild, is_known: bool) -> Check {
        let what = format!(
            "Discord server {} ({})",
            filled(&guild.name, NAME_MAX),
            guild.id
        );
        let missing = match self.missing(&guild.id).await {
            Ok(missing) => missing,
            Err(failure) => return Check::bad(what, format!("{failure}. Add Slice to it again.")),
        };
        if !missing.is_empty() {
            let missing = missing.join(", ");
            return Check::bad(
                what,
                format!("{missing} missing. Give the role of Slice these permissions."),
            );
        }
        let says = if is_known {
            "permissions complete".to_owned()
        } else {
            format!(
                "permissions complete; not in SLICE_WORKSPACES: it may use Slice only if `slice \
                 invite discord/{}` was said",
                guild.id
            )
        };
        Check::good(what, says)
    }

    async fn missing(&self, guild: &str) -> Result<Vec<&'static str>, Failure> {
        let bot = self.application().await?.id.clone();
        let known = self.guild(guild).await?;
        let member = self.member(guild, &bot).await?;
        let roles = member.map(|member| member.roles).unwrap_or_default();
        let has = permissions::in_guild(guild, &known.roles, &roles);
        let missing = NEEDED
            .iter()
            .filter(|(one, _)| !has.has(ADMINISTRATOR) && !has.has(*one));
        Ok(missing.map(|(_, name)| *name).collect())
    }
}

/// The address at which an administrator adds the bot with what it needs.
fn invitation(application: &str) -> String {
    let permissions = NEEDED.iter().fold(0, |all, (one, _)| all | one);
    format!(
        "https://discord.com/oauth2/authorize?client_id={application}\
         &scope=bot%20applications.commands&permissions={permissions}"
    )
}

/// A token is at fault only if Discord said so.
fn remedy(failure: &Failure, how: &str) -> String {
    match failure {
        Failure::BadToken | Failure::Api(..) => format!("{failure}. {how}."),
        _ => format!("{failure}. Look whether this machine can reach Discord, then try again."),
    }
}
