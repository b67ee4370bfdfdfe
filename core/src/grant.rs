//! A grant's life: its states, the legal steps between them, and the keys behind it.

use crate::{
    changes::Change,
    drift::Drift,
    ends::Notice,
    ids::{GrantId, MemberId, ServiceName},
    life::Life,
    money::Money,
    service::Facts,
    time::Time,
    unread::Unread,
    vault::Seal,
    warnings::Warned,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why an active grant stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pause {
    Capped,
    Leaver,
    Uninstalled,
    NoRoom,
    MasterDead,
}

/// How a grant ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    Denied,
    Lapsed,
    Withdrawn,
    /// The provider refused it.
    Rejected,
    /// The provider could not be reached in time.
    Failed,
    Revoked,
    Expired,
    Unclaimed,
}

/// Where a grant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum State {
    AwaitingOwner,
    Reserved,
    Issuing,
    /// Something may exist at the provider.
    InDoubt,
    Active,
    Suspended(Pause),
    /// On its way to that end.
    Revoking(End),
    Ended(End),
}

impl State {
    pub const ALL: [Self; 21] = [
        Self::AwaitingOwner,
        Self::Reserved,
        Self::Issuing,
        Self::InDoubt,
        Self::Active,
        Self::Suspended(Pause::Capped),
        Self::Suspended(Pause::Leaver),
        Self::Suspended(Pause::Uninstalled),
        Self::Suspended(Pause::NoRoom),
        Self::Suspended(Pause::MasterDead),
        Self::Revoking(End::Revoked),
        Self::Revoking(End::Expired),
        Self::Revoking(End::Unclaimed),
        Self::Ended(End::Denied),
        Self::Ended(End::Lapsed),
        Self::Ended(End::Withdrawn),
        Self::Ended(End::Rejected),
        Self::Ended(End::Failed),
        Self::Ended(End::Revoked),
        Self::Ended(End::Expired),
        Self::Ended(End::Unclaimed),
    ];

    /// The word in tables, logs and audit events.
    pub fn word(self) -> &'static str {
        match self {
            Self::AwaitingOwner => "awaiting_owner",
            Self::Reserved => "reserved",
            Self::Issuing => "issuing",
            Self::InDoubt => "in_doubt",
            Self::Active => "active",
            Self::Suspended(Pause::Capped) => "suspended(capped)",
            Self::Suspended(Pause::Leaver) => "suspended(leaver)",
            Self::Suspended(Pause::Uninstalled) => "suspended(uninstalled)",
            Self::Suspended(Pause::NoRoom) => "suspended(no_room)",
            Self::Suspended(Pause::MasterDead) => "suspended(master_dead)",
            Self::Revoking(End::Expired) => "revoking(expired)",
            Self::Revoking(End::Unclaimed) => "revoking(unclaimed)",
            Self::Revoking(_) => "revoking(revoked)",
            Self::Ended(End::Denied) => "ended(denied)",
            Self::Ended(End::Lapsed) => "ended(lapsed)",
            Self::Ended(End::Withdrawn) => "ended(withdrawn)",
            Self::Ended(End::Rejected) => "ended(rejected)",
            Self::Ended(End::Failed) => "ended(failed)",
            Self::Ended(End::Revoked) => "ended(revoked)",
            Self::Ended(End::Expired) => "ended(expired)",
            Self::Ended(End::Unclaimed) => "ended(unclaimed)",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// What a person reads.
    pub fn said(self) -> &'static str {
        match self {
            Self::AwaitingOwner => "waiting for an owner",
            Self::Reserved => "reserved",
            Self::Issuing => "being made",
            Self::InDoubt => "being made (the provider's answer is awaited)",
            Self::Active => "active",
            Self::Suspended(Pause::Capped) => "stopped at its cap",
            Self::Suspended(Pause::Leaver) => "suspended (its member left)",
            Self::Suspended(Pause::Uninstalled) => "suspended (Slice was uninstalled)",
            Self::Suspended(Pause::NoRoom) => "suspended (no room in the budget)",
            Self::Suspended(Pause::MasterDead) => "suspended (the master key is refused)",
            Self::Revoking(_) => "being ended",
            Self::Ended(End::Denied) => "denied",
            Self::Ended(End::Lapsed) => "lapsed",
            Self::Ended(End::Withdrawn) => "withdrawn",
            Self::Ended(End::Rejected) => "refused by the provider",
            Self::Ended(End::Failed) => "failed at the provider",
            Self::Ended(End::Revoked) => "revoked",
            Self::Ended(End::Expired) => "expired",
            Self::Ended(End::Unclaimed) => "never revealed, so revoked",
        }
    }

    /// Money is held from `reserved` to `revoking`, in every state between.
    pub fn holds_money(self) -> bool {
        !matches!(self, Self::AwaitingOwner | Self::Ended(_))
    }

    /// A sealed secret may stand only while the key is wanted.
    pub fn keeps_seal(self) -> bool {
        matches!(
            self,
            Self::Issuing | Self::InDoubt | Self::Active | Self::Suspended(_)
        )
    }

    /// Whether a grant may go from here to `next`. The one list of legal steps.
    pub fn may_become(self, next: Self) -> bool {
        use End::{Denied, Failed, Lapsed, Rejected, Revoked, Withdrawn};
        match (self, next) {
            (Self::AwaitingOwner, Self::Reserved | Self::Ended(Denied | Lapsed | Withdrawn))
            | (Self::Reserved, Self::Issuing | Self::Ended(Withdrawn | Failed | Rejected))
            | (
                Self::Issuing,
                Self::Active | Self::InDoubt | Self::Reserved | Self::Ended(Rejected | Failed),
            )
            | (Self::InDoubt, Self::Issuing | Self::Reserved | Self::Ended(Rejected | Failed))
            | (Self::Active | Self::Issuing | Self::InDoubt, Self::Revoking(Revoked))
            | (Self::Active, Self::Suspended(_) | Self::Revoking(_))
            | (Self::Suspended(_), Self::Active | Self::Revoking(_)) => true,
            (Self::Revoking(why), Self::Ended(end)) => why == end,
            _ => false,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl From<State> for String {
    fn from(state: State) -> Self {
        state.word().to_owned()
    }
}

impl TryFrom<String> for State {
    type Error = String;
    fn try_from(word: String) -> Result<Self, String> {
        Self::from_word(&word).ok_or_else(|| format!("{word} is not a state of a grant"))
    }
}

/// Where the credential behind a grant stands at its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Its label is in the books; the provider may or may not have heard of it.
    Intended,
    /// It exists and cannot spend.
    Minted,
    /// It can spend up to its armed cap.
    Armed,
    /// It is being let spend again, up to its armed cap: its provider may or may not have heard.
    Enabling,
    /// It exists and can spend no more.
    Disabled,
    /// It does not exist.
    Gone,
}

impl KeyState {
    pub const ALL: [Self; 6] = [
        Self::Intended,
        Self::Minted,
        Self::Armed,
        Self::Enabling,
        Self::Disabled,
        Self::Gone,
    ];

    /// Whether it can spend, or may be able to.
    pub fn spends(self) -> bool {
        matches!(self, Self::Armed | Self::Enabling)
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Minted => "minted",
            Self::Armed => "armed",
            Self::Enabling => "enabling",
            Self::Disabled => "disabled",
            Self::Gone => "gone",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// The credential behind one attempt of a grant.
#[derive(Clone, Debug)]
pub struct Key {
    pub attempt: i64,
    /// The name that we give it at the provider.
    pub label: String,
    pub provider_id: Option<String>,
    pub state: KeyState,
    /// What the provider will let it spend in all.
    pub armed_cap: Money,
    /// What it has spent in all, by the last reading.
    pub usage: Money,
    pub seal: Option<Seal>,
    /// When its provider ends it by itself, if that is known.
    pub dead_man: Option<Time>,
    /// When its label was committed: its provider heard of it after that, if at all.
    pub intended_at: Option<Time>,
    /// How it differs at its provider from what Slice made of it, by the last look.
    pub drift: Option<Drift>,
    pub facts: Facts,
    /// Where the last reading ended, for a service that adds up what it finds.
    pub cursor: Option<String>,
    /// What stays at the provider when the key has gone, and what it costs a month.
    pub left: Option<(String, Money)>,
    /// Since when an owner wants that deleted.
    pub discarded_at: Option<Time>,
    /// It could not be read by itself, by the last try.
    pub unread: Option<Unread>,
    /// When it was last charged, or last read before it could not be. A round that reads all of its
    /// master key's notes that there.
    pub read_at: Option<Time>,
}

/// What the labels of all our keys begin with.
pub const LABEL_PREFIX: &str = "slice/";

/// The label of an attempt: known before the provider hears of it, found by it afterwards.
pub fn label(grant: GrantId, attempt: i64) -> String {
    format!("{}{attempt}", labels(grant))
}

/// What the labels of all its keys begin with.
pub fn labels(grant: GrantId) -> String {
    format!("{LABEL_PREFIX}{grant}/")
}

/// A slice of a member's budget.
#[derive(Clone, Debug)]
pub struct Grant {
    pub id: GrantId,
    /// What people call it; counts up per org.
    pub number: i64,
    pub member: MemberId,
    pub service: ServiceName,
    pub cap: Money,
    pub life: Life,
    pub state: State,
    /// When it came into that state.
    pub moved_at: Time,
    /// What its member called it, if she did and it was not erased.
    pub name: Option<String>,
    /// Why she wants it.
    pub reason: Option<String>,
    /// What she wants of the service beside cap and life, one wish a line.
    pub terms: String,
    pub opened_at: Time,
    /// The owner who decided about it.
    pub decided_by: Option<MemberId>,
    pub decided_at: Option<Time>,
    /// When its key ends; known once it is armed.
    pub ends_at: Option<Time>,
    /// Its approval needed a top-up, so it ends with its month.
    pub topped_up: bool,
    pub revealed_at: Option<Time>,
    /// When it is ended if nobody has revealed its key.
    pub reveal_by: Option<Time>,
    /// A view is showing the secret; until then nobody else can.
    pub revealing_until: Option<Time>,
    /// Its member has left: when it is revoked, unless somebody decides otherwise.
    pub revoke_at: Option<Time>,
    /// When a worker first tried to make its key.
    pub first_tried_at: Option<Time>,
    /// Since when it has had a key that can spend: its whole life counts from here.
    pub began_at: Option<Time>,
    /// What it begins each month with, if it goes on from month to month.
    pub monthly: Option<Money>,
    /// When its next month begins.
    pub renew_at: Option<Time>,
    /// What is being changed about its key right now.
    pub change: Option<Change>,
    /// When its provider last refused such a change.
    pub dropped_at: Option<Time>,
    /// Since when its newest key can spend.
    pub armed_at: Option<Time>,
    /// When it last spent something.
    pub used_at: Option<Time>,
    /// What its member was reminded of since then.
    pub noticed: Vec<Notice>,
    /// How much of its cap was used up when its member was last warned.
    pub warned: Option<Warned>,
    /// One per attempt, in order.
    pub keys: Vec<Key>,
}

impl Grant {
    pub fn usage(&self) -> Money {
        self.keys.iter().map(|key| key.usage).sum()
    }

    /// What the grant still binds of its member's budget.
    pub fn committed(&self) -> Money {
        if !self.state.holds_money() {
            return Money::ZERO;
        }
        let spendable: Money = self
            .keys
            .iter()
            .map(|key| (key.armed_cap - key.usage).or_zero())
            .sum();
        (self.cap - self.usage()).max(spendable).or_zero()
    }

    /// What another key may spend: what those before it cost is gone, and what they may still spend theirs.
    pub fn rest(&self) -> Money {
        let theirs: Money = self
            .keys
            .iter()
            .map(|key| key.usage.max(key.armed_cap))
            .sum();
        (self.cap - theirs).or_zero()
    }

    /// What a key may spend in all, so that all of the grant's keys together keep its cap.
    pub fn cap_of(&self, key: &Key) -> Money {
        self.cap_within(self.cap, key)
    }

    /// The same under another cap. What the others may still spend is theirs.
    pub fn cap_within(&self, cap: Money, key: &Key) -> Money {
        let others = self.keys.iter().filter(|one| one.attempt != key.attempt);
        let theirs: Money = others.map(|one| one.usage.max(one.armed_cap)).sum();
        (cap - theirs).or_zero()
    }

    /// The attempt that counts: the last one that exists, or the last one that there was.
    pub fn key(&self) -> Option<&Key> {
        let mut own = self.keys.iter().filter(|key| !key.is_double());
        let last = own.clone().next_back();
        own.rfind(|key| key.state != KeyState::Gone).or(last)
    }

    /// Whether a key of it can spend, or may be able to.
    pub fn can_spend(&self) -> bool {
        self.keys.iter().any(|key| key.state.spends())
    }

    /// In the order in which they are stopped: the newest first. What an older one then leaves was never
    /// given to it.
    pub fn to_stop(&self) -> impl Iterator<Item = &Key> {
        let spending = |spends: bool| {
            let keys = self.keys.iter().rev();
            keys.filter(move |key| key.state.spends() == spends)
        };
        spending(true).chain(spending(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_state_has_its_word() {
        let words: HashSet<_> = State::ALL.into_iter().map(State::word).collect();
        assert_eq!(words.len(), State::ALL.into_iter().count());
        assert!(
            State::ALL
                .into_iter()
                .all(|state| State::from_word(state.word()) == Some(state))
        );
    }

    #[test]
    fn nothing_leaves_an_end_and_every_state_can_reach_one() {
        for end in State::ALL
            .into_iter()
            .filter(|state| matches!(state, State::Ended(_)))
        {
            assert!(
                State::ALL.into_iter().all(|next| !end.may_become(next)),
                "{end}"
            );
        }
        let mut reaching: HashSet<State> = State::ALL
            .into_iter()
            .filter(|state| matches!(state, State::Ended(_)))
            .collect();
        while let Some(more) = State::ALL.into_iter().find(|state| {
            !reaching.contains(state) && reaching.iter().any(|next| state.may_become(*next))
        }) {
            reaching.insert(more);
        }
        assert_eq!(reaching.len(), State::ALL.into_iter().count());
    }

    #[test]
    fn every_state_but_the_first_can_be_reached() {
        let mut reached = HashSet::from([State::AwaitingOwner]);
        while let Some(more) = State::ALL
            .into_iter()
            .find(|next| !reached.contains(next) && reached.iter().any(|s| s.may_become(*next)))
        {
            reached.insert(more);
        }
        assert_eq!(reached.len(), State::ALL.into_iter().count());
    }
}
