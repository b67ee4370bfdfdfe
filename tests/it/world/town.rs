//! The chat platform of a world: its people and channels, and what they see. Scenarios that are
//! about no platform name none.

use slice_sandbox::{ChannelKind, Person, PersonKind, Sandbox, Sight, Slack};

#[derive(Clone)]
pub enum Town {
    Slack(Slack),
}

/// Does the same on whichever platform it is.
macro_rules! wherever {
    ($town:expr, $it:ident => $does:expr) => {
        match $town {
            Town::Slack($it) => $does,
        }
    };
}

impl Town {
    pub fn of(sandbox: &Sandbox) -> Self {
        Self::Slack(sandbox.slack.clone())
    }

    pub fn person(&self, who: &str) -> Person {
        wherever!(self, town => town.person(who))
    }

    pub fn add_person(&self, who: &str, kind: PersonKind) {
        wherever!(self, town => town.add_person(who, kind));
    }

    pub fn remove_person(&self, who: &str) {
        wherever!(self, town => town.remove_person(who));
    }

    pub fn add_channel(&self, name: &str, kind: ChannelKind) {
        wherever!(self, town => town.add_channel(name, kind));
    }

    pub fn archive(&self, channel: &str) {
        wherever!(self, town => town.archive(channel));
    }

    pub fn join(&self, channel: &str, who: &str) {
        wherever!(self, town => town.join(channel, who));
    }

    pub fn leave(&self, channel: &str, who: &str) {
        wherever!(self, town => town.leave(channel, who));
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
        wherever!(self, town => town.unacknowledged())
    }

    pub fn rate_limits(&self, on: bool) {
        wherever!(self, town => town.rate_limits(on));
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
        }
    }
}
