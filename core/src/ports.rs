//! What Slice needs from the world. Nothing else reads a clock, a database or a network.

pub use crate::service::{
    Adjusts, Asking, Bounds, Capabilities, Ceiling, CredentialField, Facts, Found, Hardness,
    Health, Issued, KeyRef, Listed, Meter, Order, ServiceAdapter, ServiceError, Share, Unmet,
};
use crate::{
    action::Action,
    audit::{Broken, Link},
    books::{Books, Claimed, Entry, Fence, Member, Message, Offer, Scope},
    calendar::{Calendar, MeterStanding},
    event::{Actor, Event},
    grant::Grant,
    home::Homes,
    ids::{
        ActionId, ChannelId, GrantId, Identity, MemberId, MessageId, OrgId, Place, PlatformName,
        ServiceName, UserId, Workspace,
    },
    install::Installations,
    linking::{Joins, OpenCode},
    metering::{Metering, Outcome},
    page::{Page, Text},
    refusal::Refusal,
    role::{Group, GroupKind, Role, Standing},
    secret::Secret,
    time::Time,
    vault::{BadSeal, Seal, SealOwner, WrappedKey},
};
use futures::future::BoxFuture;
use std::{fmt, time::Duration};

/// Time and chance.
pub trait Clock: Send + Sync {
    fn now(&self) -> Time;
    /// Fills the buffer with bytes that nobody can guess.
    fn random(&self, bytes: &mut [u8]);
}

/// Opens and closes seals. Only who holds the vault key can.
pub trait Vault: Send + Sync {
    fn seal(&self, key: &WrappedKey, owner: &SealOwner, secret: &Secret) -> Result<Seal, BadSeal>;
    fn open(&self, key: &WrappedKey, owner: &SealOwner, seal: &Seal) -> Result<Secret, BadSeal>;
}

/// The pure part of a transaction: it may refuse, and then nothing is written.
pub type Decide<'a> = Box<dyn FnOnce(&Books) -> Result<Entry, Refusal> + Send + 'a>;

/// The pure part of a transaction over two orgs.
pub type DecideBoth<'a> =
    Box<dyn FnOnce(&Books, &Books) -> Result<(Entry, Entry), Refusal> + Send + 'a>;

/// Which audit events a reader wants, newest first.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    pub member: Option<MemberId>,
    pub service: Option<ServiceName>,
    pub since: Option<Time>,
    /// Only events before this number; `None`: from the newest on.
    pub before: Option<i64>,
    pub metering: bool,
    pub limit: i64,
}

/// One audit event with the texts that it names, as far as they were not erased.
#[derive(Clone, Debug)]
pub struct AuditRow {
    pub seq: i64,
    pub at: Time,
    pub actor: Actor,
    pub event: Event,
    /// The number of the grant that the event is about.
    pub grant: Option<i64>,
    pub texts: Vec<String>,
    pub mac: String,
}

/// A grant that a worker has claimed for a while.
#[derive(Clone, Copy, Debug)]
pub struct ClaimedGrant {
    pub org: OrgId,
    pub grant: GrantId,
    pub fence: Fence,
}

/// A member whose standing a worker looks up.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    pub org: OrgId,
    pub member: MemberId,
    pub fence: Fence,
}

/// Which grants a worker takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// reserved, or issuing without progress: make the key.
    Issue,
    /// in doubt: look for the key by its label.
    Reconcile,
    /// suspended, but a key of it may still spend: disable, read.
    Suspend,
    /// active again, but its key was not enabled yet.
    Resume,
    /// revoking: disable, read, settle.
    End,
    /// ended, but a key of it still exists: delete it.
    Sweep,
    /// a view that showed the secret never said how it went: it counts as shown.
    CloseReveal,
    /// its member left, and nobody decided about it in time: revoke.
    Release,
    /// something is being changed about its key: tell the provider, read back.
    Change,
    /// its next month begins, or it waits for room in this one.
    Renew,
    /// its time has come: lapse, expire, or remind its member.
    Time,
}

/// What a walk over the chain proved: the number of events and the head, or the first broken link.
pub type Verified = Result<(i64, String), Broken>;

/// The rounds of the meter: one per master key.
pub trait Meters: Send + Sync {
    /// Claims a master key whose keys are due to be read. A claim that is not given back falls due
    /// again when its lease is over.
    fn claim_meter(&self, lease: Duration) -> BoxFuture<'_, Result<Option<Metering>, Refusal>>;
    fn metered<'a>(
        &'a self,
        metering: &'a Metering,
        outcome: &'a Outcome,
    ) -> BoxFuture<'a, Result<(), Refusal>>;
    fn meters(&self) -> BoxFuture<'_, Result<Vec<MeterStanding>, Refusal>>;
    /// Makes an org's rounds due now. Gives whether there are any.
    fn call_meters(&self, org: OrgId) -> BoxFuture<'_, Result<bool, Refusal>>;
}

/// How a message left the outbox.
#[derive(Clone, Debug)]
pub enum Sent {
    /// It stands in this place under this id of the platform's.
    Posted(Posted),
    /// It was an edit, and what it edits was edited (or never stood anywhere).
    Edited,
    /// It will never be delivered, and why.
    Undeliverable(String),
    /// Try again after this; `in_doubt`: it may have been delivered.
    Later { after: Duration, in_doubt: bool },
}

/// Where a message stands in chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    pub place: Place,
    /// The platform's id of the message (Slack: `ts`).
    pub id: String,
}

/// The books on disk. Each method is one transaction. An `Err` of a writing method says whether it
/// was recorded: a refusal was not, [`Refusal::Unsure`] may have been.
pub trait Store: Installations + Calendar + Meters + Homes {
    // --- the one way to change anything that is audited
    /// Locks the org's row, shows the books to `decide`, and writes what it decided: state, audit
    /// events, messages, the action's use and the delivery's mark, or nothing. Gives the entry back
    /// with its buttons' actions.
    fn record<'a>(
        &'a self,
        scope: Scope,
        decide: Decide<'a>,
    ) -> BoxFuture<'a, Result<Entry, Refusal>>;
    /// The same over two different orgs at once: the first scope's delivery and action count, and
    /// what is decided is written to both, or to neither.
    fn record_both<'a>(
        &'a self,
        scopes: (Scope, Scope),
        decide: DecideBoth<'a>,
    ) -> BoxFuture<'a, Result<(), Refusal>>;
    /// The same books, read only.
    fn books(&self, scope: Scope) -> BoxFuture<'_, Result<Books, Refusal>>;

    // --- orgs and people
    /// The org that the workspace belongs to.
    fn org_of<'a>(
        &'a self,
        workspace: &'a Workspace,
    ) -> BoxFuture<'a, Result<Option<OrgId>, Refusal>>;
    /// Opens an org for a workspace that has none, with keys of its own; else gives the one it has.
    /// The bool tells whether it was opened now.
    fn open_org<'a>(
        &'a self,
        workspace: &'a Workspace,
    ) -> BoxFuture<'a, Result<(OrgId, bool), Refusal>>;
    fn orgs(&self) -> BoxFuture<'_, Result<Vec<OrgId>, Refusal>>;
    /// Orgs that joined another one; their trails are still there to be proven.
    fn closed_orgs(&self) -> BoxFuture<'_, Result<Vec<OrgId>, Refusal>>;
    /// Codes that nobody redeemed yet, of all orgs.
    fn open_codes(&self, link: Joins) -> BoxFuture<'_, Result<Vec<OpenCode>, Refusal>>;
    /// The member with this identity; a new one if there is none.
    fn member<'a>(
        &'a self,
        org: OrgId,
        identity: &'a Identity,
    ) -> BoxFuture<'a, Result<MemberId, Refusal>>;
    /// Who the members are on one platform: those without an identity there are left out.
    fn users<'a>(
        &'a self,
        org: OrgId,
        platform: PlatformName,
        members: &'a [MemberId],
    ) -> BoxFuture<'a, Result<Vec<(MemberId, Identity)>, Refusal>>;
    /// Members with grants that have not ended, whom no other workspace knows that lets Slice in.
    fn only_in<'a>(
        &'a self,
        workspace: &'a Workspace,
    ) -> BoxFuture<'a, Result<Vec<(OrgId, MemberId)>, Refusal>>;
    /// Every identity of a member, the one with which she spoke last first.
    fn reachable(
        &self,
        org: OrgId,
        member: MemberId,
    ) -> BoxFuture<'_, Result<Vec<Identity>, Refusal>>;
    /// Notes the identity and the role with which a member acted, and whether she installed Slice.
    fn note_role<'a>(
        &'a self,
        org: OrgId,
        who: &'a Identity,
        member: MemberId,
        role: Role,
    ) -> BoxFuture<'a, Result<(), Refusal>>;
    fn note_installer(&self, org: OrgId, member: MemberId) -> BoxFuture<'_, Result<(), Refusal>>;
    /// Every member with her month.
    fn members(&self, org: OrgId) -> BoxFuture<'_, Result<Vec<Member>, Refusal>>;
    /// A member's grants, newest first, ended ones included, `limit` at the most.
    fn grants(
        &self,
        org: OrgId,
        member: MemberId,
        limit: i64,
    ) -> BoxFuture<'_, Result<Vec<Grant>, Refusal>>;
    /// Every grant of the org with a key that may still spend.
    fn live_grants(&self, org: OrgId) -> BoxFuture<'_, Result<Vec<Grant>, Refusal>>;
    /// Allows a workspace that the environment does not list.
    fn invite<'a>(&'a self, workspace: &'a Workspace) -> BoxFuture<'a, Result<(), Refusal>>;
    fn is_invited<'a>(&'a self, workspace: &'a Workspace) -> BoxFuture<'a, Result<bool, Refusal>>;
    /// Erases a member's texts and identities; the chain stays whole.
    fn forget(&self, org: OrgId, member: MemberId) -> BoxFuture<'_, Result<u64, Refusal>>;

    // --- actions
    fn action(&self, id: ActionId) -> BoxFuture<'_, Result<Option<Action>, Refusal>>;
    /// Records buttons of an answer that is no outbox message, such as a refusal's.
    fn offer<'a>(
        &'a self,
        org: OrgId,
        offers: &'a [Offer],
    ) -> BoxFuture<'a, Result<Vec<ActionId>, Refusal>>;

    // --- the audit trail
    fn audit<'a>(
        &'a self,
        org: OrgId,
        query: &'a AuditQuery,
    ) -> BoxFuture<'a, Result<Vec<AuditRow>, Refusal>>;
    /// A run of the raw chain: up to `limit` links after number `after`.
    fn links(
        &self,
        org: OrgId,
        after: i64,
        limit: i64,
    ) -> BoxFuture<'_, Result<Vec<Link>, Refusal>>;
    /// Walks the whole chain; gives the number of proven events and the head. `published`: a head
    /// that the trail must have had at some time.
    fn verify<'a>(
        &'a self,
        org: OrgId,
        published: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Verified, Refusal>>;

    // --- work
    /// Claims one grant that is due for `work`, for the length of `lease`.
    fn claim_grant(
        &self,
        work: Work,
        lease: Duration,
    ) -> BoxFuture<'_, Result<Option<ClaimedGrant>, Refusal>>;
    /// Gives a claim back, to be looked at again after a while.
    fn put_back(&self, claim: ClaimedGrant, after: Duration) -> BoxFuture<'_, Result<(), Refusal>>;
    /// Claims one member who holds a live key and was not looked up for a while. A claim that is
    /// not given back falls due again when its lease is over.
    fn claim_check(&self, lease: Duration) -> BoxFuture<'_, Result<Option<Check>, Refusal>>;
    /// Ends a look: the next one comes after this, unless one was asked for meanwhile.
    fn checked(&self, check: Check, after: Duration) -> BoxFuture<'_, Result<(), Refusal>>;
    /// Asks for a look at whoever has this identity. Nobody has it: nothing happens.
    fn check_now<'a>(&'a self, who: &'a Identity) -> BoxFuture<'a, Result<(), Refusal>>;
    /// Claims one message that is due, for the length of `lease`. Messages of one topic and reader
    /// are claimed in their order.
    fn claim_message(&self, lease: Duration) -> BoxFuture<'_, Result<Option<Claimed>, Refusal>>;
    /// Notes before sending that the platform may hear of it.
    fn sending<'a>(&'a self, claimed: &'a Claimed) -> BoxFuture<'a, Result<(), Refusal>>;
    fn sent<'a>(&'a self, claimed: &'a Claimed, sent: Sent) -> BoxFuture<'a, Result<(), Refusal>>;
    /// Where the messages of a topic stand, whoever reads them.
    fn posted<'a>(
        &'a self,
        org: OrgId,
        message: &'a Message,
    ) -> BoxFuture<'a, Result<Vec<Posted>, Refusal>>;
    /// Messages that wait, and the age of the oldest: for health checks.
    fn backlog(&self) -> BoxFuture<'_, Result<(i64, Option<Duration>), Refusal>>;
}

/// What a failed call to a chat platform lets us conclude.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlatformError {
    /// It will not work later either; the text is ours, for people.
    Refused(String),
    /// Not delivered; try again after this.
    Later(Duration),
    /// May have been delivered.
    Unknown(String),
}

impl fmt::Display for PlatformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) | Self::Unknown(why) => f.write_str(why),
            Self::Later(_) => f.write_str("the chat platform asks to wait"),
        }
    }
}

/// How the readers of a page know a member of theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Their workspace knows them, so that they can be mentioned.
    Here(UserId),
    /// Another one does.
    Elsewhere(Identity),
}

/// Who is who for those who read a page.
pub type Names<'a> = &'a [(MemberId, Known)];

/// A message as the courier hands it to a platform.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    pub id: MessageId,
    pub page: &'a Page,
    pub names: Names<'a>,
    /// Stands in the message itself where owners chose delivery `dm`.
    pub secret: Option<&'a Secret>,
    /// The page's chart as an image: shown in the place of the page. Where it cannot be, the page
    /// says it in words.
    pub picture: Option<&'a crate::reply::Attachment>,
}

impl Letter<'_> {
    /// What is posted where the picture cannot be: all that it shows, in words.
    pub fn in_words(&self) -> Page {
        let alt = self.picture.and_then(|picture| picture.alt.as_deref());
        match alt {
            Some(alt) => Page::default().note(Text::new(alt)),
            None => self.page.clone(),
        }
    }
}

/// Where a letter goes.
#[derive(Clone, Copy, Debug)]
pub enum Address<'a> {
    Person(&'a Identity),
    Channel(&'a Place),
}

/// What a platform says of a channel, group or role.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four facts that a platform states"
)]
pub struct GroupFacts {
    pub name: String,
    pub private: bool,
    /// People of other workspaces are in it.
    pub shared: bool,
    pub archived: bool,
    /// The bot can post there (channels only).
    pub can_post: bool,
}

/// A chat platform, as far as Slice speaks first. Answers to a command or click go back the way
/// that they came, inside the platform's own module.
pub trait Platform: Send + Sync {
    fn name(&self) -> PlatformName;
    fn post<'a>(
        &'a self,
        to: Address<'a>,
        letter: &'a Letter<'a>,
    ) -> BoxFuture<'a, Result<Posted, PlatformError>>;
    fn edit<'a>(
        &'a self,
        posted: &'a Posted,
        letter: &'a Letter<'a>,
    ) -> BoxFuture<'a, Result<(), PlatformError>>;
    /// Looks for a letter whose delivery is in doubt.
    fn find<'a>(
        &'a self,
        to: Address<'a>,
        id: MessageId,
    ) -> BoxFuture<'a, Result<Option<Posted>, PlatformError>>;
    /// A file into a person's direct messages.
    fn send_file<'a>(
        &'a self,
        to: &'a Identity,
        file: &'a crate::reply::Attachment,
    ) -> BoxFuture<'a, Result<(), PlatformError>>;
    fn standing<'a>(&'a self, who: &'a Identity) -> BoxFuture<'a, Result<Standing, PlatformError>>;
    /// Whether the person is in the group, live.
    fn is_in<'a>(
        &'a self,
        who: &'a Identity,
        group: &'a Group,
    ) -> BoxFuture<'a, Result<bool, PlatformError>>;
    /// What the platform says of a group; `None`: there is none such, or the bot cannot see it.
    fn group<'a>(
        &'a self,
        workspace: &'a Workspace,
        kind: GroupKind,
        id: &'a ChannelId,
    ) -> BoxFuture<'a, Result<Option<GroupFacts>, PlatformError>>;
    /// Shows a page in a person's home tab, where the platform has one.
    fn publish_home<'a>(
        &'a self,
        _who: &'a Identity,
        _page: &'a Page,
        _names: Names<'a>,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        Box::pin(futures::future::ready(Ok(())))
    }
    /// What people call a person there; `None`: this platform does not say. It is her own text.
    fn called<'a>(
        &'a self,
        _who: &'a Identity,
    ) -> BoxFuture<'a, Result<Option<String>, PlatformError>> {
        Box::pin(futures::future::ready(Ok(None)))
    }
    /// What people call a workspace; `None`: this platform does not say.
    fn workspace_name<'a>(
        &'a self,
        workspace: &'a Workspace,
    ) -> BoxFuture<'a, Result<Option<String>, PlatformError>>;
    /// Whether the platform still lets Slice into the workspace, asked live.
    fn is_installed<'a>(
        &'a self,
        workspace: &'a Workspace,
    ) -> BoxFuture<'a, Result<bool, PlatformError>>;
    /// The person who installed the bot, or the workspace's first owner.
    fn installer<'a>(
        &'a self,
        workspace: &'a Workspace,
    ) -> BoxFuture<'a, Result<Option<Identity>, PlatformError>>;
}
