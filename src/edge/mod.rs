//! The edge: takes what platforms hand in, finds out who speaks, says the command, and answers.

mod answer;
mod complete;
pub mod home;
mod installing;
pub mod people;

pub use installing::StoredTokens;

use complete::Completions;
use people::People;
use slice_commands::{Parsed, View};
use slice_core::{
    action::Action,
    desk::{Caller, Desk},
    ids::{ActionId, Identity, OrgId, Workspace},
    inbound::{Answers, Expected, Inbound, Notice, Reception, Said, Typing},
    page::Audience,
    ports::Clock,
    refusal::Refusal,
    role::Role,
    secret::Secret,
};
use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;
use tracing::{error, info, warn};

/// So many deliveries are remembered, to answer a repeated one only once. Those that changed
/// anything are remembered in the database as well, for ever and across replicas.
const REMEMBERED: usize = 4096;

/// What runs in every replica between the platforms and the commands.
#[derive(Clone)]
pub struct Edge {
    desk: Arc<Desk>,
    people: Arc<People>,
    /// Workspaces that may open an org, beside those that were invited.
    listed: Arc<Vec<Workspace>>,
    seen: Arc<Mutex<Seen>>,
    completions: Arc<Completions>,
    /// How many deliveries are being worked on.
    busy: watch::Sender<usize>,
    /// Called when there may be work for the workers.
    wake: Arc<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Seen {
    keys: HashSet<String>,
    order: VecDeque<String>,
}

impl Seen {
    /// Whether this is the first time.
    fn note(&mut self, key: &str) -> bool {
        if !self.keys.insert(key.to_owned()) {
            return false;
        }
        self.order.push_back(key.to_owned());
        if REMEMBERED < self.order.len()
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
        true
    }
}

/// Counts a delivery as being worked on for as long as it lives.
struct Busy(watch::Sender<usize>);

impl Busy {
    fn begin(counter: &watch::Sender<usize>) -> Self {
        counter.send_modify(|busy| *busy += 1);
        Self(counter.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.send_modify(|busy| *busy -= 1);
    }
}

/// What a delivery comes to before anybody's role is known.
struct Spoken {
    parsed: Parsed,
    action: Option<Action>,
}

impl Edge {
    pub fn new(desk: Arc<Desk>, listed: Vec<Workspace>, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self {
            people: Arc::new(People::default()),
            desk,
            listed: Arc::new(listed),
            seen: Arc::default(),
            completions: Arc::default(),
            busy: watch::Sender::new(0),
            wake,
        }
    }

    pub fn clock(&self) -> Arc<dyn Clock> {
        self.desk.clock.clone()
    }

    /// How many deliveries are being worked on; changes can be awaited.
    pub fn busy(&self) -> watch::Receiver<usize> {
        self.busy.subscribe()
    }

    async fn handle(&self, inbound: Inbound, answers: Box<dyn Answers>) {
        let Inbound {
            identity,
            delivery,
            said,
        } = inbound;
        let org = match self.org(&identity.workspace).await {
            Ok(org) => org,
            Err(refusal) => return self.refuse(None, &identity, &*answers, &refusal).await,
        };
        let reply = async {
            let spoken = self.understand(org, said).await?;
            let expected = expected(&spoken.parsed);
            answers.wait(expected).await.map_err(|error| {
                warn!(%error, "Could not show that an answer comes");
                Refusal::sentence(match expected {
                    Expected::Page => {
                        "Slice took too long to answer, or the platform refused it. Nothing was \
                         changed. Try again."
                    }
                    Expected::Form | Expected::Secret => {
                        "Slice took too long to open the view, or the platform refused it. Nothing \
                         was changed. Try again."
                    }
                })
            })?;
            let caller = self.caller(org, &identity, &delivery, &spoken).await?;
            spoken.parsed.answer(&self.desk, &caller).await
        };
        match reply.await {
            Ok(reply) => self.answer(org, &identity, &*answers, reply).await,
            Err(Refusal::Repeated) => info!(delivery, "Left a repeated delivery unanswered"),
            Err(refusal) => self.refuse(Some(org), &identity, &*answers, &refusal).await,
        }
        (self.wake)();
        if self.completions.knows(&identity) {
            self.look_up(&identity).await;
        }
    }

    async fn look_up(&self, who: &Identity) {
        if let Err(refusal) = self.completions.look_up(&self.desk, who).await {
            warn!(?refusal, "Could not look up what somebody could mean");
        }
    }

    /// Platforms name their workspaces again whenever they connect.
    async fn heard_of(&self, workspace: &Workspace, vouched: bool) {
        match self.desk.store.org_of(workspace).await {
            Ok(Some(org)) => {
                if let Err(refusal) = self.note_return(org, workspace).await {
                    warn!(?refusal, "Could not note that a workspace is back");
                }
            }
            _ => self.installed(workspace, vouched).await,
        }
    }

    /// Slice is in a workspace. Only one that may speak gets an org.
    pub async fn installed(&self, workspace: &Workspace, vouched: bool) {
        let welcomed = if vouched {
            self.welcome(workspace).await
        } else {
            self.org(workspace).await
        };
        match welcomed {
            Ok(_) => {}
            Err(Refusal::UnknownWorkspace) => {
                let (platform, id) = (workspace.platform.word(), &workspace.id);
                warn!(workspace.id = %id, "Slice is in workspace {id}, which it does not know: allow \
                      it with `slice invite {platform}/{id}`, or remove Slice from it");
            }
            Err(refusal) => {
                error!(workspace.id = %workspace.id, ?refusal, "Could not open the org of a workspace");
            }
        }
    }

    /// Does something in the background that counts as being worked on.
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let busy = Busy::begin(&self.busy);
        tokio::spawn(async move {
            work.await;
            drop(busy);
        });
    }

    /// The org of a workspace. One that is listed or invited opens an org when it first speaks.
    pub async fn org(&self, workspace: &Workspace) -> Result<OrgId, Refusal> {
        if let Some(org) = self.desk.store.org_of(workspace).await? {
            return Ok(org);
        }
        if !self.listed.contains(workspace) && !self.desk.store.is_invited(workspace).await? {
            return Err(Refusal::UnknownWorkspace);
        }
        self.welcome(workspace).await
    }

    /// Opens the workspace's org if it has none, and greets the person who installed Slice, once.
    pub async fn welcome(&self, workspace: &Workspace) -> Result<OrgId, Refusal> {
        let (org, _) = self.desk.store.open_org(workspace).await?;
        self.note_return(org, workspace).await?;
        people::greet(&self.desk, org, workspace).await?;
        (self.wake)();
        Ok(org)
    }

    /// Whether she still has a role is asked live by a worker. Should this get lost, its next round
    /// finds out.
    async fn look_at(&self, who: &Identity) {
        let noted = self.desk.store.check_now(who).await;
        if let Err(refusal) = noted.and(self.desk.store.want_home(who, false).await) {
            warn!(?refusal, "Could not note that a person changed");
        }
        (self.wake)();
    }

    async fn understand(&self, org: OrgId, said: Said) -> Result<Spoken, Refusal> {
        match said {
            Said::Line(line) => Ok(Spoken {
                parsed: slice_commands::parse(&line)?,
                action: None,
            }),
            Said::Filled { command, arguments } => Ok(Spoken {
                parsed: slice_commands::filled(&command, &arguments)?,
                action: None,
            }),
            Said::Click(id) => {
                let action = self.action(org, id).await?;
                let parsed = slice_commands::parse(&action.line)?;
                Ok(Spoken {
                    parsed,
                    action: Some(action),
                })
            }
            Said::Submit { action, fields } => {
                let action = self.action(org, action).await?;
                let mut parsed = slice_commands::parse(&action.line)?;
                parsed.fill(fields).map_err(|wrong| {
                    let sentences: Vec<_> = wrong.into_iter().map(|(_, why)| why).collect();
                    Refusal::sentence(sentences.join(" "))
                })?;
                Ok(Spoken {
                    parsed,
                    action: Some(action),
                })
            }
        }
    }

    /// The action behind a button or form of this org. Another org's is not told from none.
    async fn action(&self, org: OrgId, id: ActionId) -> Result<Action, Refusal> {
        let action = self
            .desk
            .store
            .action(id)
            .await?
            .filter(|action| action.org == org);
        let action = action.ok_or(Refusal::TooOld)?;
        match action.used {
            Some((by, at)) => Err(Refusal::AlreadyDone { by, at }),
            None if action.expires_at <= self.desk.clock.now() => Err(Refusal::TooOld),
            None => Ok(action),
        }
    }

    async fn caller(
        &self,
        org: OrgId,
        identity: &Identity,
        delivery: &str,
        spoken: &Spoken,
    ) -> Result<Caller, Refusal> {
        let for_owners = spoken
            .action
            .as_ref()
            .is_some_and(|action| action.audience == Audience::Owners);
        let needs = if for_owners {
            Role::Owner
        } else {
            spoken.parsed.command.role
        };
        let (member, role) = self.people.role(&self.desk, org, identity, needs).await?;
        match spoken.action.as_ref().map(|action| action.audience) {
            Some(Audience::Member(for_whom)) if for_whom != member => {
                return Err(Refusal::NotForYou);
            }
            Some(Audience::Owners) if role < Role::Owner => {
                return Err(Refusal::NotAllowed { needs: Role::Owner });
            }
            _ => {}
        }
        Ok(Caller {
            org,
            member,
            identity: identity.clone(),
            role,
            delivery: format!("{}/{delivery}", identity.workspace.platform.word()),
            action: consumed(spoken),
        })
    }
}

/// The action that the effect consumes. A button that only opens a form stays: what consumes is
/// the form's own action, when it is sent. So does one that reveals: the grant itself is revealed
/// once, and a view that failed may be opened again.
fn consumed(spoken: &Spoken) -> Option<ActionId> {
    let stays = spoken.parsed.wants_form || spoken.parsed.command.view == View::Reveal;
    spoken
        .action
        .as_ref()
        .filter(|_| !stays)
        .map(|action| action.id)
}

fn expected(parsed: &Parsed) -> Expected {
    match parsed.command.view {
        View::Reveal => Expected::Secret,
        View::Form if parsed.wants_form => Expected::Form,
        View::Form | View::None => Expected::Page,
    }
}

impl Reception for Edge {
    fn receive(&self, inbound: Inbound, answers: Box<dyn Answers>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.note(&inbound.delivery) {
            info!(
                delivery = inbound.delivery,
                "Left a repeated delivery unanswered"
            );
            return;
        }
        drop(seen);
        let edge = self.clone();
        self.spawn(async move { edge.handle(inbound, answers).await });
    }

    fn notice(&self, notice: Notice) {
        match notice {
            Notice::Installed { workspace, vouched } => {
                let edge = self.clone();
                self.spawn(async move { edge.heard_of(&workspace, vouched).await });
            }
            Notice::PeopleChanged(workspace) => self.people.forget(&workspace),
            Notice::PersonChanged(who) => {
                self.people.forget(&who.workspace);
                let (edge, busy) = (self.clone(), Busy::begin(&self.busy));
                tokio::spawn(async move {
                    edge.look_at(&who).await;
                    drop(busy);
                });
            }
            Notice::HomeOpened(who) => {
                let edge = self.clone();
                self.spawn(async move { edge.home_opened(&who).await });
            }
            Notice::Uninstalled(workspace) => {
                self.people.forget(&workspace);
                self.look_at_installation(workspace);
            }
        }
    }

    fn check_fields(&self, line: &str, fields: &[(String, Secret)]) -> Vec<(String, String)> {
        match slice_commands::parse(line) {
            Ok(parsed) => parsed.check(fields),
            // The action's own line decides; this one is only what the platform remembered of it.
            Err(_) => vec![],
        }
    }

    fn complete(&self, typing: &Typing) -> Vec<(String, String)> {
        let (choices, is_stale) = self.completions.say(&self.desk, typing);
        if is_stale {
            let (edge, who) = (self.clone(), typing.identity.clone());
            self.spawn(async move { edge.look_up(&who).await });
        }
        choices
    }
}
