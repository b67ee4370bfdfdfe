//! Audit events: each is a fact, and the state in the tables is what follows from them.
//!
//! Events hold opaque ids and numbers only. Names and free text stand in a side table under a
//! [`TextId`], where they can be erased without breaking the chain.

mod about;

use crate::{
    calendar::Job,
    changes::Wish,
    drift::Drift,
    ends::Notice,
    grant::State,
    ids::{GrantId, MemberId, OrgId, Place, ServiceName, TextId, Workspace},
    life::Life,
    linking::Joins,
    money::Money,
    month::Month,
    role::Binding,
    service::Facts,
    time::Time,
    warnings::Warned,
};
use serde::{Deserialize, Serialize};

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    Member(MemberId),
    /// A worker of Slice itself.
    Slice,
    /// Somebody at the command line of the machine that runs Slice.
    Operator,
}

impl Actor {
    pub fn member(self) -> Option<MemberId> {
        match self {
            Self::Member(member) => Some(member),
            Self::Slice | Self::Operator => None,
        }
    }
}

/// One key's usage, as read at its provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    pub grant: GrantId,
    pub attempt: i64,
    pub member: MemberId,
    /// All that the key has ever spent.
    pub usage: Money,
    /// What is new since the last reading; charged to the event's month.
    pub delta: Money,
    /// Where the next reading begins, for a service that adds up what it finds: kept with the key. It may
    /// hold a name that somebody gave to something, and the trail holds no such text.
    #[serde(default, skip_serializing)]
    pub cursor: Option<String>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    OrgOpened,
    WorkspaceLinked {
        workspace: Workspace,
    },
    /// The org joined another one: the last event of its trail.
    OrgClosed {
        into: OrgId,
    },
    /// Somebody installed Slice there: its token is in the vault.
    AppInstalled {
        workspace: Workspace,
        app: String,
        version: i64,
    },
    /// The platform does not let Slice in any more: the token of this version, if any, is erased.
    AppRemoved {
        workspace: Workspace,
        version: Option<i64>,
    },
    /// Slice is let in again, with the token of its environment.
    AppReturned {
        workspace: Workspace,
    },
    MemberJoined {
        member: MemberId,
    },
    /// Two identities are one member's; `alias` stays in older events, and names her as well.
    MembersJoined {
        member: MemberId,
        alias: MemberId,
    },
    /// The code itself is nowhere; `digest` is its HMAC-SHA-256.
    LinkCodeMade {
        link: Joins,
        by: MemberId,
        digest: String,
        expires_at: Time,
    },
    /// Somebody tried to redeem a code.
    LinkTried {
        link: Joins,
        by: MemberId,
    },
    /// Somebody redeemed the code of that event, in this workspace.
    LinkAsked {
        code: i64,
        org: OrgId,
        member: MemberId,
        workspace: Workspace,
    },
    LinkAnswered {
        code: i64,
        joined: bool,
    },
    MonthOpened {
        month: Month,
    },
    /// What was left of the month before, as far as the setting allows.
    CarriedOver {
        member: MemberId,
        month: Month,
        amount: Money,
    },
    /// A job of the calendar was done for that instant.
    JobDone {
        job: Job,
        due: Time,
    },
    /// The digest cannot be posted there, and owners were told so.
    DigestLost {
        place: Place,
    },
    /// It was posted there again.
    DigestFound {
        place: Place,
    },
    SettingChanged {
        name: String,
        from: String,
        to: String,
    },
    RoleBound {
        binding: Binding,
    },
    RoleUnbound {
        binding: Binding,
    },
    /// `last4` and `fingerprint` (SHA-256, first 16 hex digits) let owners tell keys apart.
    MasterAdded {
        service: ServiceName,
        version: i64,
        last4: String,
        fingerprint: String,
    },
    MasterRotated {
        service: ServiceName,
        version: i64,
        last4: String,
        fingerprint: String,
    },
    MasterRemoved {
        service: ServiceName,
        version: i64,
    },
    /// Owners chose what members may take of the service.
    OptionsSet {
        service: ServiceName,
        options: String,
    },
    /// Owners were told that the service's keys cannot be read.
    ProviderSilent {
        service: ServiceName,
        since: Time,
    },
    ProviderBack {
        service: ServiceName,
    },
    /// Owners were told that one key cannot be read.
    KeySilent {
        grant: GrantId,
        attempt: i64,
        since: Time,
    },
    KeyReadable {
        grant: GrantId,
        attempt: i64,
    },
    AllocationSet {
        member: MemberId,
        from: Option<Money>,
        to: Money,
    },
    ToppedUp {
        member: MemberId,
        month: Month,
        amount: Money,
        grant: Option<GrantId>,
    },
    GrantOpened {
        grant: GrantId,
        number: i64,
        member: MemberId,
        service: ServiceName,
        cap: Money,
        life: Life,
        state: State,
        name: Option<TextId>,
        reason: Option<TextId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<TextId>,
        /// It begins each month with its cap.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        monthly: bool,
    },
    GrantApproved {
        grant: GrantId,
        by: MemberId,
        asked: Money,
        cap: Money,
        life: Life,
        topped_up: bool,
    },
    GrantMoved {
        grant: GrantId,
        from: State,
        to: State,
        by: Option<MemberId>,
        why: Option<TextId>,
    },
    /// No identity of hers has a role any more.
    MemberLeft {
        member: MemberId,
    },
    MemberBack {
        member: MemberId,
    },
    /// Its member was reminded of it.
    GrantNoticed {
        grant: GrantId,
        notice: Notice,
    },
    /// A member was warned of how much of her month's budget is used.
    MonthWarned {
        member: MemberId,
        warned: Warned,
    },
    /// A grant's member was warned of how much of its cap is used.
    GrantWarned {
        grant: GrantId,
        warned: Warned,
    },
    /// A leaver's grant goes on until then.
    GrantKept {
        grant: GrantId,
        by: MemberId,
        until: Time,
    },
    /// What was left of one grant was given to another member as a new one.
    GrantTransferred {
        grant: GrantId,
        to: GrantId,
        by: MemberId,
    },
    KeyIntended {
        grant: GrantId,
        attempt: i64,
        label: String,
        /// When its provider ends it by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dead_man: Option<Time>,
    },
    KeyMinted {
        grant: GrantId,
        attempt: i64,
        provider_id: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        facts: Facts,
    },
    /// A second one of what was ordered once: it belongs to the grant, and is ended at once.
    DoubleFound {
        grant: GrantId,
        attempt: i64,
        label: String,
        provider_id: String,
        facts: Facts,
    },
    KeyArmed {
        grant: GrantId,
        attempt: i64,
        cap: Money,
        ends_at: Time,
        /// Where it is ended sooner than others if nobody has revealed it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reveal_by: Option<Time>,
    },
    KeyDisabled {
        grant: GrantId,
        attempt: i64,
    },
    /// A suspended key may spend again up to `cap`; its provider hears of it next.
    KeyEnabling {
        grant: GrantId,
        attempt: i64,
        cap: Money,
    },
    KeyEnabled {
        grant: GrantId,
        attempt: i64,
    },
    KeyGone {
        grant: GrantId,
        attempt: i64,
    },
    /// Something stays at the provider when the key has gone, and costs that much a month.
    DataLeft {
        grant: GrantId,
        attempt: i64,
        what: String,
        monthly: Money,
    },
    /// An owner wants it deleted at its provider, for good.
    LeftoverDiscarded {
        grant: GrantId,
        attempt: i64,
    },
    /// It is charged no more.
    LeftoverClosed {
        grant: GrantId,
        attempt: i64,
        how: LeftoverEnd,
        by: Option<MemberId>,
    },
    /// The provider confirmed what a key that can spend may spend in all.
    KeyCapped {
        grant: GrantId,
        attempt: i64,
        cap: Money,
    },
    /// A member asks the owners for a change of her grant.
    ChangeAsked {
        grant: GrantId,
        wish: Wish,
    },
    ChangeDenied {
        grant: GrantId,
        wish: Wish,
    },
    /// A higher cap is committed from here on; the provider hears of either next.
    CapChanging {
        grant: GrantId,
        from: Money,
        to: Money,
        /// It is what the grant begins a month with: refused, the month is due again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        renews: bool,
    },
    /// A lower cap counts from here on.
    CapChanged {
        grant: GrantId,
        from: Money,
        to: Money,
    },
    /// Another key is to take the place of the attempt `old`.
    RotationBegun {
        grant: GrantId,
        old: i64,
        overlap: Option<Life>,
        ends_at: Option<Time>,
    },
    /// Both keys work until then.
    OverlapBegun {
        grant: GrantId,
        until: Time,
    },
    RotationDone {
        grant: GrantId,
        attempt: i64,
    },
    /// The provider is to move its own date first.
    ExtensionBegun {
        grant: GrantId,
        to: Time,
    },
    GrantExtended {
        grant: GrantId,
        from: Time,
        to: Time,
    },
    /// What was being changed stays as it was, with this cap.
    ChangeDropped {
        grant: GrantId,
        cap: Money,
    },
    /// It begins this month anew, and the next one then.
    GrantRenewed {
        grant: GrantId,
        month: Month,
        due: Time,
    },
    /// The key at its provider is not as Slice made it, or is so again (`None`).
    DriftSeen {
        grant: GrantId,
        attempt: i64,
        drift: Option<Drift>,
    },
    /// The provider lists a key with a label of ours that no books know. The label is its text.
    StrayFound {
        stray: i64,
        service: ServiceName,
        provider_id: String,
        label: String,
    },
    /// An owner made it a member's grant.
    StrayAdopted {
        stray: i64,
        grant: GrantId,
    },
    /// An owner wants it deleted.
    StrayDiscarded {
        stray: i64,
        service: ServiceName,
    },
    /// Owners were told that its provider does not delete it.
    StrayStuck {
        stray: i64,
        service: ServiceName,
    },
    /// It is not at its provider any more; `usage` is what it had spent, if that was read.
    StrayGone {
        stray: i64,
        service: ServiceName,
        usage: Option<Money>,
    },
    /// A view is about to show the secret.
    RevealBegun {
        grant: GrantId,
    },
    /// The view certainly did not show the secret: it may be revealed again (`revealing_until` is
    /// cleared).
    RevealFailed {
        grant: GrantId,
    },
    /// The secret was shown, or may have been.
    Revealed {
        grant: GrantId,
        certain: bool,
    },
    RevealRefused {
        grant: GrantId,
    },
    /// The meter's round: changed keys only.
    UsageRead {
        month: Month,
        readings: Vec<Reading>,
    },
    /// The provider no longer knows the key, so its rest counts as spent.
    SpendAssumed {
        month: Month,
        reading: Reading,
    },
    /// An owner says what a grant really spent in all.
    SpendCorrected {
        month: Month,
        grant: GrantId,
        member: MemberId,
        from: Money,
        to: Money,
    },
    TextErased {
        member: MemberId,
    },
}

/// What became of something that stayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftoverEnd {
    TakenOver,
    Deleted,
    /// Its provider does not know it any more.
    Gone,
}
