//! Many orgs in one process: they never see each other, unless their owners link them.

mod apart;
mod chat;
mod links;
mod parts;
mod slow;
mod still;

use crate::{postgres::Kind, world::VAULT_KEY};
use chat::{Chat, Read};
use slice::{
    edge::Edge,
    services::{self, ServicesConfig},
    store::SqlStore,
    vault::{KeyVault, VaultKey},
    work::{Bell, Workers},
};
use slice_core::{
    desk::Desk,
    ids::{ActionId, Identity, OrgId, PlatformName, Workspace, WorkspaceId},
    inbound::{Inbound, Reception as _, Said},
    ports::Clock,
    role::Standing,
    secret::Secret,
};
use slice_sandbox::Sandbox;
use std::sync::Arc;

type Test = (&'static str, fn(Kind));

/// Each on a database of its own.
pub const ALL: &[Test] = &[
    ("links::a_workspace_joins", links::a_workspace_joins),
    (
        "links::codes_that_do_not_work",
        links::codes_that_do_not_work,
    ),
    (
        "links::who_holds_something_does_not_join",
        links::who_holds_something_does_not_join,
    ),
    ("links::joining_is_asked_for", links::joining_is_asked_for),
    (
        "links::two_identities_are_one_member",
        links::two_identities_are_one_member,
    ),
    (
        "links::no_owner_by_being_an_admin",
        links::no_owner_by_being_an_admin,
    ),
    (
        "parts::in_another_orgs_bucket",
        parts::in_another_orgs_bucket,
    ),
    (
        "slow::an_account_that_does_not_answer",
        slow::an_account_that_does_not_answer,
    ),
    (
        "still::what_one_workspace_knows",
        still::what_one_workspace_knows,
    ),
    (
        "apart::orgs_never_see_each_other",
        apart::orgs_never_see_each_other,
    ),
];

/// The bot between many workspaces and one provider.
pub struct Town {
    pub sandbox: Sandbox,
    pub chat: Chat,
    pub desk: Arc<Desk>,
    pub edge: Edge,
    workers: Workers,
    deliveries: u64,
    /// Where what was read is not looked at yet.
    seen: usize,
}

pub fn workspace(platform: PlatformName, id: &str) -> Workspace {
    Workspace {
        platform,
        id: WorkspaceId::new(id),
    }
}

impl Town {
    pub async fn on(url: &str, workspaces: Vec<Workspace>) -> Self {
        let sandbox = Sandbox::start(crate::world::START)
            .await
            .expect("free ports");
        let clock: Arc<dyn Clock> =
            Arc::new(crate::world::WorldClock::new(sandbox.clock.clone(), 7));
        let key = VaultKey::read(Some(VAULT_KEY)).expect("a vault key");
        let vault = Arc::new(KeyVault::new(key, clock.clone()));
        let store = SqlStore::open(url, clock.clone(), vault.clone()).await;
        let store = store.expect("the database opens");
        store
            .migrate()
            .await
            .expect("the database is brought up to date");
        let chat = Chat::default();
        let config = ServicesConfig {
            aws_endpoint: Some(sandbox.aws.url().to_owned()),
            ..ServicesConfig::new(sandbox.openrouter.url())
        };
        let desk = Arc::new(Desk {
            store: Arc::new(store),
            vault,
            services: services::registry(&config, &clock),
            clock,
            platforms: PlatformName::ALL.map(|name| chat.on(name)).to_vec(),
        });
        let edge = Edge::new(desk.clone(), workspaces, Arc::new(|| {}));
        let workers = Workers::new(desk.clone(), Arc::new(Bell::default()), &[]);
        Self {
            sandbox,
            chat,
            desk,
            edge,
            workers,
            deliveries: 0,
            seen: 0,
        }
    }

    /// Somebody does something, and the edge has answered; workers have not worked yet.
    pub async fn hands_in(&mut self, who: &Identity, said: Said) {
        self.deliveries += 1;
        let inbound = Inbound {
            identity: who.clone(),
            delivery: format!("d{}", self.deliveries),
            said,
        };
        self.edge.receive(inbound, self.chat.answers(who));
        let mut busy = self.edge.busy();
        busy.wait_for(|busy| *busy == 0)
            .await
            .expect("the edge lives");
    }

    pub async fn works(&self) {
        self.workers
            .run_until_idle()
            .await
            .expect("the database answers");
    }

    pub async fn says(&mut self, who: &Identity, line: &str) {
        self.hands_in(who, Said::Line(line.to_owned())).await;
        self.works().await;
    }

    pub async fn clicks(&mut self, who: &Identity, action: ActionId) {
        self.hands_in(who, Said::Click(action)).await;
        self.works().await;
    }

    pub async fn submits(&mut self, who: &Identity, action: ActionId, fields: &[(&str, &str)]) {
        let field =
            |(name, value): &(&str, &str)| ((*name).to_owned(), Secret::new((*value).to_owned()));
        let fields = fields.iter().map(field).collect();
        self.hands_in(who, Said::Submit { action, fields }).await;
        self.works().await;
    }

    /// What was read by anybody since the last look.
    pub fn new_reads(&mut self) -> Vec<Read> {
        let reads = self.chat.since(self.seen);
        self.seen += reads.len();
        reads
    }

    /// What this person (or a channel of her workspace) read since the last look by anybody.
    pub fn reads(&mut self, who: &Identity) -> String {
        let reads = self.new_reads();
        let hers = reads.iter().filter(|read| {
            read.workspace == who.workspace && read.who.as_ref().is_none_or(|reader| reader == who)
        });
        hers.map(|read| read.text.clone())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The newest button with this label that this person was shown.
    pub fn button(&self, who: &Identity, label: &str) -> ActionId {
        let reads = self.chat.since(0);
        let hers = reads
            .iter()
            .rev()
            .filter(|read| read.who.as_ref() == Some(who));
        let found = hers
            .flat_map(|read| &read.actions)
            .find(|(shown, _)| shown == label);
        found
            .unwrap_or_else(|| panic!("{who:?} sees no [{label}]"))
            .1
    }

    pub async fn org(&self, who: &Identity) -> OrgId {
        let org = self.desk.store.org_of(&who.workspace).await;
        org.expect("the database answers").expect("an org")
    }

    /// Deposits a master key of the org's own, known to the provider.
    pub async fn deposit(&mut self, owner: &Identity, master: &str) {
        self.sandbox
            .openrouter
            .add_management_key(master, "team", "1000");
        self.says(owner, "vault add openrouter").await;
        let form = self.button(owner, "Check and seal");
        self.new_reads();
        self.submits(owner, form, &[("service", "openrouter"), ("key", master)])
            .await;
        let read = self.reads(owner);
        assert!(read.contains("sealed"), "{read}");
    }

    /// The number of an org's events, all of them proven.
    pub async fn proven(&self, org: OrgId) -> i64 {
        let walked = self
            .desk
            .store
            .verify(org, None)
            .await
            .expect("the database answers");
        walked.expect("a whole chain").0
    }
}

/// An owner by being an admin, and a member.
fn people(chat: &Chat, place: &Workspace, prefix: &str) -> (Identity, Identity) {
    (
        chat.person(place, &format!("{prefix}OLGA"), Standing::Admin),
        chat.person(place, &format!("{prefix}ANA"), Standing::Full),
    )
}
