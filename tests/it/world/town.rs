//! The chat platform of a world: its people and channels, and what they see. Scenarios that are
//! about no platform name none.

use slice_commands::ALL;
use slice_sandbox::{
    ChannelKind, Discord, DiscordPerson, Fault, Faults, Person, PersonKind, Sandbox, Sight, Slack,
};
use std::fmt;

/// How people and the bot reach each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    SlackSocket,
    SlackHttp,
    /// Over the gateway.
    Discord,
    DiscordHttp,
    /// Slack over its socket and Discord over the gateway at once: people begin in Slack.
    Both,
}

impl Way {
    /// The ways on which the same conversation is held.
    pub const ALL: [Self; 4] = [
        Self::SlackSocket,
        Self::SlackHttp,
        Self::Discord,
        Self::DiscordHttp,
    ];

    /// The platform in whose words a conversation reads: how it delivers changes none of them.
    pub fn platform(self) -> &'static str {
        match self {
            Self::SlackSocket | Self::SlackHttp => "slack",
            Self::Discord | Self::DiscordHttp => "discord",
            Self::Both => "both",
        }
    }

    pub fn has_discord(self) -> bool {
        matches!(self, Self::Discord | Self::DiscordHttp | Self::Both)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SlackSocket => "Slack socket",
            Self::SlackHttp => "Slack HTTP",
            Self::Discord => "Discord",
            Self::DiscordHttp => "Discord HTTP",
            Self::Both => "Slack and Discord",
        })
    }
}

#[derive(Clone)]
pub enum Town {
    Slack(Slack),
    Discord(Discord),
}

/// A person's hands, on whichever platform.
pub enum Hands {
    Slack(Person),
    Discord(DiscordPerson),
}

/// Does the same on whichever platform it is.
macro_rules! wherever {
    ($town:expr, $it:ident => $does:expr) => {
        match $town {
            Self::Slack($it) => $does,
            Self::Discord($it) => $does,
        }
    };
}

impl Hands {
    /// Types a command line. On Discord the client makes options of it, as far as it can: what it
    /// would not send is an error.
    pub fn command(&self, name: &str, line: &str) -> Result<(), String> {
        match self {
            Self::Slack(person) => {
                person.command(name, line);
                Ok(())
            }
            Self::Discord(person) => person.command(name, line),
        }
    }

    pub fn click(&self, label: &str) -> Result<(), String> {
        wherever!(self, person => person.click(label))
    }

    /// Clicks a button that an edit has taken away meanwhile.
    pub fn click_stale(&self, label: &str) -> Result<(), String> {
        wherever!(self, person => person.click_stale(label))
    }

    pub fn click_stolen(&self, other: &str, label: &str) -> Result<(), String> {
        wherever!(self, person => person.click_stolen(other, label))
    }

    /// A click on a button of an action that never was.
    pub fn click_forged(&self, action: &str) -> Result<(), String> {
        match self {
            Self::Slack(person) => person.click_forged(action),
            Self::Discord(person) => {
                let guild = person.guild();
                person.click_forged(&format!("act:{guild}:{action}"))
            }
        }
    }

    /// Fills in the open form. Discord's forms pick no people: there a mention is typed.
    pub fn submit(&self, town: &Town, fields: &[(&str, &str)]) -> Result<(), String> {
        match (self, town) {
            (Self::Discord(person), Town::Discord(discord)) => {
                let typed = |value: &str| match value.strip_prefix('@') {
                    Some(who) => format!("<@{}>", discord.person(who).id()),
                    None => value.to_owned(),
                };
                let typed: Vec<_> = fields
                    .iter()
                    .map(|(name, value)| (*name, typed(value)))
                    .collect();
                let fields: Vec<_> = typed
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect();
                person.submit(&fields)
            }
            (Self::Slack(person), _) => person.submit(fields),
            (Self::Discord(person), Town::Slack(_)) => person.submit(fields),
        }
    }

    /// Closes the open view. Discord shows nothing in views that would stay.
    pub fn close_modal(&self) -> Result<(), String> {
        match self {
            Self::Slack(person) => person.close_modal(),
            Self::Discord(_) => Ok(()),
        }
    }

    pub fn sees(&self) -> Vec<Sight> {
        wherever!(self, person => person.sees())
    }

    pub fn reads(&self) -> Vec<String> {
        wherever!(self, person => person.reads())
    }

    pub fn modal(&self) -> Option<String> {
        wherever!(self, person => person.modal())
    }

    pub fn buttons(&self) -> Vec<String> {
        wherever!(self, person => person.buttons())
    }

    /// The question that a dangerous button asks first, where that is a step of its own.
    pub fn is_asked(&self, label: &str) -> Option<String> {
        let yes = format!("Yes: {label}");
        let asks = matches!(self, Self::Discord(_)) && self.buttons().contains(&yes);
        asks.then_some(yes)
    }
}

impl Town {
    /// The town where people begin, and the other one if there is.
    pub fn of(sandbox: &Sandbox, way: Way) -> (Self, Option<Self>) {
        let slack = Self::Slack(sandbox.slack.clone());
        let discord = || {
            introduce(&sandbox.discord);
            Self::Discord(sandbox.discord.clone())
        };
        match way {
            Way::SlackSocket | Way::SlackHttp => (slack, None),
            Way::Discord | Way::DiscordHttp => (discord(), None),
            Way::Both => (slack, Some(discord())),
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Slack(_) => "Slack",
            Self::Discord(_) => "Discord",
        }
    }

    pub fn person(&self, who: &str) -> Hands {
        match self {
            Self::Slack(slack) => Hands::Slack(slack.person(who)),
            Self::Discord(discord) => Hands::Discord(discord.person(who)),
        }
    }

    pub fn add_person(&self, who: &str, kind: PersonKind) {
        wherever!(self, town => town.add_person(who, kind));
    }

    pub fn set_kind(&self, who: &str, kind: PersonKind) {
        wherever!(self, town => town.set_kind(who, kind));
    }

    pub fn remove_person(&self, who: &str) {
        wherever!(self, town => town.remove_person(who));
    }

    pub fn add_channel(&self, name: &str, kind: ChannelKind) {
        wherever!(self, town => town.add_channel(name, kind));
    }

    /// Nobody can post in the channel any more.
    pub fn archive(&self, channel: &str) {
        match self {
            Self::Slack(slack) => slack.archive(channel),
            Self::Discord(discord) => discord.delete_channel(channel),
        }
    }

    pub fn join(&self, channel: &str, who: &str) {
        wherever!(self, town => town.join(channel, who));
    }

    pub fn invite_bot(&self, channel: &str) {
        wherever!(self, town => town.invite_bot(channel));
    }

    pub fn remove_bot(&self, channel: &str) {
        wherever!(self, town => town.remove_bot(channel));
    }

    /// Everything that anybody saw after the sight of that number.
    pub fn sights_since(&self, n: u64) -> Vec<Sight> {
        wherever!(self, town => town.sights_since(n))
    }

    /// Mentions, links and broadcasts that came alive in what the bot said.
    pub fn alive_markup(&self) -> Vec<String> {
        wherever!(self, town => town.alive_markup())
    }

    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        wherever!(self, town => town.file(name))
    }

    /// The platform's own credentials.
    pub fn secrets(&self) -> Vec<String> {
        wherever!(self, town => town.secrets())
    }

    /// What people did that the bot has not acknowledged.
    pub fn unacknowledged(&self) -> usize {
        match self {
            Self::Slack(slack) => slack.unacknowledged(),
            Self::Discord(discord) => discord.unanswered(),
        }
    }

    pub fn rate_limits(&self, on: bool) {
        wherever!(self, town => town.rate_limits(on));
    }

    pub fn redeliver_last(&self) {
        wherever!(self, town => town.redeliver_last());
    }

    /// A person types exactly this, escaped by nobody, as a hostile client would send it.
    pub fn types_raw(&self, who: &str, line: &str) {
        match self {
            Self::Slack(slack) => {
                let (team, user) = (slack.team_id(), slack.person(who).id().to_owned());
                let channel = slack.channel("general").to_string();
                let payload = slack.command_payload(&team, &user, &channel, line);
                slack.inject_envelope("slash_commands", payload);
            }
            // Discord's clients send options, and escape nothing in them.
            // What does not fit into an option they do not send.
            Self::Discord(discord) => {
                let _ = discord.person(who).command("/slice", line);
            }
        }
    }

    /// The person is gone, and no event tells of it.
    pub fn lose_person(&self, who: &str) {
        match self {
            Self::Slack(slack) => slack.lose_person(who),
            Self::Discord(discord) => discord.remove_person(who),
        }
    }

    /// People who can be bound to a role together: a private channel with the bot in it, or a role.
    /// Gives how they are mentioned.
    pub fn gather(&self, name: &str, people: &[&str]) -> String {
        match self {
            Self::Slack(slack) => {
                slack.add_channel(name, ChannelKind::PRIVATE);
                for who in people {
                    slack.join(name, who);
                }
                slack.invite_bot(name);
                format!("#{name}")
            }
            Self::Discord(discord) => {
                discord.add_role(name, people);
                format!("@{name}")
            }
        }
    }

    pub fn take_in(&self, name: &str, who: &str) {
        match self {
            Self::Slack(slack) => slack.join(name, who),
            Self::Discord(discord) => discord.give_role(name, who),
        }
    }

    pub fn put_out(&self, name: &str, who: &str) {
        match self {
            Self::Slack(slack) => slack.leave(name, who),
            Self::Discord(discord) => discord.take_role(name, who),
        }
    }

    /// The request with which a message is posted, for faults.
    pub fn posts(&self) -> &'static str {
        match self {
            Self::Slack(_) => "/api/chat.postMessage",
            Self::Discord(_) => "POST /api/v10/channels",
        }
    }

    /// The bot may post in the channel, and may send no files there.
    pub fn forbid_files(&self, channel: &str, faults: &Faults) {
        match self {
            Self::Slack(_) => faults.inject_on("files.getUploadURL", Fault::Forbidden403, 1),
            Self::Discord(discord) => discord.forbid_files(channel),
        }
    }

    /// The request that asks who a person is.
    pub fn looks_up(&self) -> &'static str {
        match self {
            Self::Slack(_) => "users.info",
            Self::Discord(_) => "GET /api/v10/guilds",
        }
    }

    /// The request that shows a secret.
    pub fn reveals(&self) -> &'static str {
        match self {
            Self::Slack(_) => "/api/views.update",
            Self::Discord(_) => "PATCH /api/v10/webhooks",
        }
    }
}

/// Tells Discord's clients which words of a line people fill which option with.
fn introduce(discord: &Discord) {
    for command in ALL {
        for shape in command.params {
            if let Some(word) = shape.keyword.filter(|word| *word != shape.name) {
                discord.introduces(command.name, word, shape.name, shape.positional);
            }
        }
    }
}
