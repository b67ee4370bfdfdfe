//! What a transaction sees before it decides, and what it writes when it has decided.

use crate::{
    budget::Budget,
    calendar::Spent,
    day::Day,
    event::{Actor, Event},
    grant::Grant,
    ids::{
        ActionId, GrantId, Identity, MemberId, MessageId, OrgId, Place, PlatformName, ServiceName,
        TextId, Workspace,
    },
    linking::{Asked, Links},
    money::Money,
    month::Month,
    page::{Audience, Page},
    ports::Listed,
    role::{Binding, Role},
    settings::Settings,
    strays::Stray,
    time::Time,
    vault::{Seal, SealOwner, WrappedKey},
    warnings::Warned,
};
use std::{collections::HashMap, time::Duration};

/// A master key's row, without its seal.
#[derive(Clone, Debug)]
pub struct Master {
    pub service: ServiceName,
    /// Counts up with every rotation.
    pub version: i64,
    pub last4: String,
    pub fingerprint: String,
    pub added_at: Time,
    /// When all keys made with it were last read.
    pub read_at: Option<Time>,
    /// Since when they cannot be read, once owners were told so.
    pub silent_since: Option<Time>,
    pub seal: Seal,
}

/// An org as a transaction sees it.
#[derive(Clone, Debug)]
pub struct Org {
    pub id: OrgId,
    pub settings: Settings,
    pub bindings: Vec<Binding>,
    pub masters: Vec<Master>,
    /// What owners let members take of services that want to know, as these understand it.
    pub options: Vec<(ServiceName, String)>,
    /// Linked workspaces, the first one first.
    pub workspaces: Vec<Workspace>,
    /// Those of them that do not let Slice in any more.
    pub removed: Vec<Workspace>,
    /// The digest's channels that cannot be posted to, as owners were told.
    pub lost: Vec<Place>,
    /// The person who installed Slice, if the platform says who that is.
    pub installer: Option<MemberId>,
    /// Members who were owners when they last acted, and when that was.
    pub owners: Vec<(MemberId, Time)>,
    pub data_key: WrappedKey,
    /// The month's first instant of the next month, in the zone that is in force.
    pub turns_at: Time,
    /// The zone in which the month that is in force turns.
    pub zone: chrono_tz::Tz,
    /// The number that the next grant takes.
    pub next_grant: i64,
}

impl Org {
    pub fn master(&self, service: &ServiceName) -> Option<&Master> {
        self.masters
            .iter()
            .find(|master| master.service == *service)
    }

    /// What owners let members take of a service; empty: they have not said.
    pub fn options_of(&self, service: &ServiceName) -> &str {
        let found = self.options.iter().find(|(known, _)| known == service);
        found.map_or("", |(_, options)| options.as_str())
    }

    pub fn has_binding(&self, role: Role) -> bool {
        self.bindings.iter().any(|binding| binding.role == role)
    }

    /// Where owners read: their channel, else each known owner's direct messages, else the
    /// installer's.
    pub fn owners_at(&self) -> Vec<To> {
        if self.settings.owners_channel.is_some() {
            return vec![To::OwnersChannel];
        }
        if self.owners.is_empty() {
            return self.installer.map(To::Member).into_iter().collect();
        }
        self.owners
            .iter()
            .map(|(owner, _)| To::Member(*owner))
            .collect()
    }
}

/// A member as a transaction sees her.
#[derive(Clone, Debug)]
pub struct Member {
    pub id: MemberId,
    /// The role with which she last acted.
    pub role: Role,
    /// `None`: nobody ever allocated her anything.
    pub allocation: Option<Money>,
    /// Since when no identity of hers has a role.
    pub left_at: Option<Time>,
    /// How much of a month's budget was used up when she was last warned.
    pub warned: Option<Warned>,
    pub budget: Budget,
    /// Her grants that hold money or wait for an owner.
    pub grants: Vec<Grant>,
}

/// What a transaction sees: all under the lock of the org's row.
#[derive(Clone, Debug)]
pub struct Books {
    pub now: Time,
    pub month: Month,
    pub actor: Actor,
    pub org: Org,
    /// The member in question: the grant's if there is one, else the one that the scope names.
    pub member: Option<Member>,
    /// The second member that the scope names, such as a grant's recipient.
    pub other: Option<Member>,
    /// The grant that the scope names. `None` where it names none, or an unknown one.
    pub grant: Option<Grant>,
    /// Every grant of the org with a key that may have spent, if the scope asks for them.
    pub live: Vec<Grant>,
    /// Every grant behind which something stays at its provider, if the scope asks for the live ones.
    pub left: Vec<Grant>,
    /// Every member of the org, if the scope asks for them.
    pub everyone: Vec<Member>,
    /// What of the month's top-ups they took over from the month before, if the scope asks for them.
    pub carried: HashMap<MemberId, Money>,
    /// Keys that the books do not know and that wait for an owner, if the scope asks for them.
    pub strays: Vec<Stray>,
    /// Those of the scope's listed keys that no books know.
    pub strangers: Vec<Listed>,
    /// The number that the next finding takes.
    pub next_stray: i64,
    /// What was spent on the days that the scope asks for.
    pub spent: Vec<Spent>,
    /// The trail up to now: the number of its events and its head.
    pub head: (i64, String),
    /// What is known about linking, if the scope asks for it.
    pub links: Option<Links>,
    /// The action through which the actor speaks.
    pub action: Option<ActionId>,
    /// Fresh random bytes, for the ids of what is about to be recorded.
    pub fresh: [[u8; 16]; 4],
}

impl Books {
    /// The day on which this is recorded. Where the clock went back, it is the first of the month.
    pub fn today(&self) -> Day {
        Day::of(self.now, self.org.zone).max(Day::first_of(self.month))
    }
}

/// How a scope names a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantRef {
    /// As people call it.
    Number(i64),
    Id(GrantId),
}

/// A claim on a row by one worker; a result is written only while its number still stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence(pub i64);

/// What a transaction is about.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each asks for another part of the books"
)]
pub struct Scope {
    pub org: OrgId,
    pub actor: Actor,
    pub member: Option<MemberId>,
    pub other: Option<MemberId>,
    pub grant: Option<GrantRef>,
    /// Whether the books should show every live grant of the org.
    pub live: bool,
    /// Whether the books should show every member of the org.
    pub everyone: bool,
    /// Whether the books should show keys that wait for an owner.
    pub strays: bool,
    /// Keys at a provider: the books should show which of them nobody knows.
    pub listed: Vec<Listed>,
    /// The books should show what was spent on so many days up to today.
    pub days: u64,
    /// Whether the books should show what is known about linking.
    pub links: bool,
    /// Consumed together with the effect.
    pub action: Option<ActionId>,
    /// The platform's own id of the delivery; a second one has no effect.
    pub delivery: Option<String>,
    /// The worker's claim on the grant.
    pub fence: Option<Fence>,
}

impl Scope {
    pub fn new(org: OrgId, actor: Actor) -> Self {
        Self {
            org,
            actor,
            member: None,
            other: None,
            grant: None,
            live: false,
            everyone: false,
            strays: false,
            listed: vec![],
            days: 0,
            links: false,
            action: None,
            delivery: None,
            fence: None,
        }
    }

    #[must_use]
    pub fn member(self, member: MemberId) -> Self {
        Self {
            member: Some(member),
            ..self
        }
    }

    #[must_use]
    pub fn other(self, other: MemberId) -> Self {
        Self {
            other: Some(other),
            ..self
        }
    }

    #[must_use]
    pub fn grant(self, grant: GrantRef) -> Self {
        Self {
            grant: Some(grant),
            ..self
        }
    }

    #[must_use]
    pub fn live(self) -> Self {
        Self { live: true, ..self }
    }

    #[must_use]
    pub fn everyone(self) -> Self {
        Self {
            everyone: true,
            ..self
        }
    }

    #[must_use]
    pub fn strays(self) -> Self {
        Self {
            strays: true,
            ..self
        }
    }

    #[must_use]
    pub fn listed(self, listed: Vec<Listed>) -> Self {
        Self { listed, ..self }
    }

    #[must_use]
    pub fn days(self, days: u64) -> Self {
        Self { days, ..self }
    }

    #[must_use]
    pub fn links(self) -> Self {
        Self {
            links: true,
            ..self
        }
    }

    #[must_use]
    pub fn fenced(self, fence: Fence) -> Self {
        Self {
            fence: Some(fence),
            ..self
        }
    }
}

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    Member(MemberId),
    /// The channel that stands in the settings when the message is sent.
    OwnersChannel,
    /// The digest's channel on that platform, likewise.
    DigestChannel(PlatformName),
}

/// Something to be said in chat, recorded in the transaction that it tells of. It never holds a
/// secret: `reveals` names the grant whose seal the courier may open at sending.
#[derive(Clone, Debug)]
pub struct Message {
    pub to: To,
    /// Messages of one topic to one reader are said in their order, and edited in place together.
    pub topic: Option<String>,
    /// Edits what stands in chat under the topic; says nothing where nothing stands.
    pub edit: bool,
    pub page: Page,
    /// Delivery `dm`: the grant whose key stands in the message.
    pub reveals: Option<GrantId>,
}

impl Message {
    pub fn new(to: To, page: Page) -> Self {
        Self {
            to,
            topic: None,
            edit: false,
            page,
            reveals: None,
        }
    }

    #[must_use]
    pub fn topic(self, topic: impl Into<String>) -> Self {
        Self {
            topic: Some(topic.into()),
            ..self
        }
    }

    #[must_use]
    pub fn edit(self) -> Self {
        Self { edit: true, ..self }
    }
}

/// What a transaction writes: state change, audit events and messages, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    pub events: Vec<Event>,
    /// Free text about a member, under the id that the events name.
    pub texts: Vec<(TextId, MemberId, String)>,
    pub messages: Vec<Message>,
    pub seals: Vec<(SealOwner, Seal)>,
    /// Who redeemed the code of that event.
    pub asked: Option<(i64, Asked)>,
    /// Members whom these events make known, by who they are.
    pub known: Vec<(MemberId, Identity)>,
    /// When a worker should look at the scope's grant again; `None`: at once.
    pub look_again: Option<Duration>,
    /// The worker is done with the scope's grant and gives the lease back.
    pub releases: bool,
}

impl Entry {
    pub fn event(event: Event) -> Self {
        Self {
            events: vec![event],
            ..Self::default()
        }
    }

    #[must_use]
    pub fn and(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    #[must_use]
    pub fn say(mut self, message: Message) -> Self {
        self.messages.push(message);
        self
    }

    #[must_use]
    pub fn say_all(mut self, messages: impl IntoIterator<Item = Message>) -> Self {
        self.messages.extend(messages);
        self
    }

    #[must_use]
    pub fn text(mut self, id: TextId, member: MemberId, text: impl Into<String>) -> Self {
        self.texts.push((id, member, text.into()));
        self
    }

    #[must_use]
    pub fn asked(mut self, code: i64, asked: Asked) -> Self {
        self.asked = Some((code, asked));
        self
    }

    #[must_use]
    pub fn known(mut self, member: MemberId, who: Identity) -> Self {
        self.known.push((member, who));
        self
    }

    #[must_use]
    pub fn seal(mut self, owner: SealOwner, seal: Seal) -> Self {
        self.seals.push((owner, seal));
        self
    }
}

/// A message that a courier has claimed.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub id: MessageId,
    pub org: OrgId,
    pub fence: Fence,
    pub message: Message,
    /// How often it was tried before.
    pub tries: i64,
    /// An earlier try may have reached the platform.
    pub in_doubt: bool,
}

/// A button or form about to be recorded.
#[derive(Clone, Debug)]
pub struct Offer {
    pub line: String,
    pub audience: Audience,
}
