//! Workspaces that install Slice, and remove it again.

use super::{Busy, Edge};
use slice_core::{
    BoxFuture,
    books::{Entry, Message, Scope, To},
    event::Actor,
    grant::Pause,
    ids::{Identity, MemberId, OrgId, Workspace},
    inbound::{Install, Installed, Installing},
    install::{self, Tokens},
    ports::{Store, Vault},
    refusal::Refusal,
    secret::Secret,
    sentences,
    time::Time,
    vault::SealOwner,
};
use std::{sync::Arc, time::Duration};
use tracing::{error, info, warn};

/// Between looks at a workspace that is said to have removed Slice, while the platform does not
/// answer. What no look finds out, the next start does.
const LOOKS: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(3),
];

/// The tokens in the books, opened for the platform that speaks with them.
pub struct StoredTokens {
    pub store: Arc<dyn Store>,
    pub vault: Arc<dyn Vault>,
}

impl Tokens for StoredTokens {
    fn token<'a>(
        &'a self,
        workspace: &'a Workspace,
    ) -> BoxFuture<'a, Result<Option<Secret>, Refusal>> {
        Box::pin(async move {
            let Some(known) = self.store.installation(workspace).await? else {
                return Ok(None);
            };
            let owner = known.owner(workspace);
            let opened = self.vault.open(&known.data_key, &owner, &known.seal);
            let opened = opened.map_err(|bad| {
                error!(workspace.id = %workspace.id, "The token of workspace {}: {bad}", workspace.id);
                Refusal::Unavailable
            })?;
            Ok(Some(opened))
        })
    }
}

impl Installing for Edge {
    fn install(&self, install: Install) -> BoxFuture<'_, Result<Installed, Refusal>> {
        Box::pin(self.keep(install))
    }

    fn use_once<'a>(
        &'a self,
        mark: &'a str,
        good_until: Time,
    ) -> BoxFuture<'a, Result<bool, Refusal>> {
        self.desk.store.use_once(mark, good_until)
    }
}

impl Edge {
    async fn keep(&self, install: Install) -> Result<Installed, Refusal> {
        let workspace = &install.workspace;
        if !self.is_allowed(workspace).await? {
            return Ok(Installed::Unlisted);
        }
        let before = self.desk.store.installation(workspace).await?;
        if before.as_ref().is_some_and(|one| one.app != install.app) {
            return Ok(Installed::OtherApp);
        }
        let (org, _) = self.desk.store.open_org(workspace).await?;
        let version = before.map_or(0, |before| before.version) + 1;
        let first = self.seal(org, &install, version).await?;
        info!(workspace.id = %workspace.id, "Slice was installed in workspace {}", workspace.id);
        if let Some(member) = first
            && let Err(refusal) = self.desk.store.note_installer(org, member).await
        {
            // The installation stands; owners' messages have other readers.
            warn!(?refusal, "Could not note who installed Slice");
        }
        if let Err(refusal) = self.go_on(workspace).await {
            // Whoever installs it once more lets them go on.
            error!(?refusal, "Could not let suspended keys go on");
        }
        (self.wake)();
        Ok(Installed::Kept)
    }

    /// Keys that stood still because their people could not be reached go on, where there is room
    /// in the budget.
    async fn go_on(&self, workspace: &Workspace) -> Result<(), Refusal> {
        let resumed = self
            .desk
            .resume_workspace(workspace, Pause::Uninstalled)
            .await?;
        if !resumed.is_empty() {
            info!(workspace.id = %workspace.id, "Keys of {} people go on", resumed.len());
        }
        Ok(())
    }

    /// Workspaces of an org stay allowed, whatever the environment lists.
    async fn is_allowed(&self, workspace: &Workspace) -> Result<bool, Refusal> {
        let store = &self.desk.store;
        Ok(self.listed.contains(workspace)
            || store.org_of(workspace).await?.is_some()
            || store.is_invited(workspace).await?)
    }

    /// Seals the token, and with it greets who brought it to an org that nobody was greeted in: the
    /// member whom it gives.
    async fn seal(
        &self,
        org: OrgId,
        install: &Install,
        version: i64,
    ) -> Result<Option<MemberId>, Refusal> {
        let Install {
            workspace,
            app,
            token,
            by,
        } = install;
        let scope = Scope::new(org, Actor::Slice);
        let books = self.desk.store.books(scope.clone()).await?;
        let owner = SealOwner::Token {
            org,
            workspace: workspace.clone(),
            version,
        };
        let sealed = self.desk.vault.seal(&books.org.data_key, &owner, token);
        let seal = sealed.map_err(|bad| {
            error!("Could not seal a token: {bad}");
            Refusal::Unavailable
        })?;
        let event = install::installed(workspace, app, version);
        let mut entry = Entry::event(event).seal(owner, seal);
        let mut first = None;
        // A workspace that joined an org brings its people, and nobody who decides.
        let is_first = books.org.workspaces.first() == Some(workspace);
        if let (true, None, Some(user)) = (is_first, books.org.installer, by) {
            let who = Identity {
                workspace: workspace.clone(),
                user: user.clone(),
            };
            let member = self.desk.store.member(org, &who).await?;
            entry = entry.say(Message::new(To::Member(member), sentences::greeting()));
            first = Some(member);
        }
        self.desk.record(scope, |_| Ok((entry, first))).await
    }

    /// Whoever removed Slice while it did not listen is found out now.
    pub async fn look_at_installations(&self) -> Result<(), Refusal> {
        for workspace in self.desk.store.installed().await? {
            self.look_at_installation(workspace);
        }
        Ok(())
    }

    /// A workspace is said to have removed Slice: only the platform itself is believed, now.
    pub(super) fn look_at_installation(&self, workspace: Workspace) {
        let (edge, busy) = (self.clone(), Busy::begin(&self.busy));
        tokio::spawn(async move {
            for pause in LOOKS {
                tokio::time::sleep(pause).await;
                if edge.note_removal(&workspace).await {
                    break;
                }
            }
            drop(busy);
        });
    }

    /// Gives whether it could be found out, and recorded if it is so.
    async fn note_removal(&self, workspace: &Workspace) -> bool {
        match self.removal(workspace).await {
            Ok(is_known) => is_known,
            Err(refusal) => {
                warn!(?refusal, "Could not record that a workspace removed Slice");
                false
            }
        }
    }

    async fn removal(&self, workspace: &Workspace) -> Result<bool, Refusal> {
        let store = &self.desk.store;
        let Some(org) = store.org_of(workspace).await? else {
            return Ok(true);
        };
        let Some(platform) = self.desk.platform(workspace.platform) else {
            return Ok(true);
        };
        // Before the platform is asked: a token that comes in meanwhile is not the dead one.
        let version = store
            .installation(workspace)
            .await?
            .map(|known| known.version);
        match platform.is_installed(workspace).await {
            Ok(true) => {
                info!(workspace.id = %workspace.id, "Slice is still installed in {}", workspace.id);
                return Ok(true);
            }
            Ok(false) => {}
            Err(error) => {
                warn!(%error, "Could not ask whether Slice is still installed");
                return Ok(false);
            }
        }
        // Before the removal is recorded: a crash between the two repeats this.
        self.desk
            .suspend_workspace(workspace, Pause::Uninstalled)
            .await?;
        let scope = Scope::new(org, Actor::Slice);
        let decide = |books: &_| Ok((install::removed(books, workspace, version)?, ()));
        match self.desk.record(scope, decide).await {
            Ok(()) => {
                error!(workspace.id = %workspace.id, "Slice was removed from workspace {}", workspace.id);
            }
            // Somebody installed it anew meanwhile.
            Err(Refusal::Repeated) if !store.is_removed(workspace).await? => {
                self.go_on(workspace).await?;
            }
            Err(Refusal::Repeated) => {}
            Err(refusal) => return Err(refusal),
        }
        (self.wake)();
        Ok(true)
    }

    /// Slice speaks in the workspace with the token of its environment: it is let in again, if it
    /// was not.
    pub(super) async fn note_return(
        &self,
        org: OrgId,
        workspace: &Workspace,
    ) -> Result<(), Refusal> {
        if !self.desk.store.is_removed(workspace).await? {
            return Ok(());
        }
        // Before the return is recorded: a crash between the two repeats this.
        self.go_on(workspace).await?;
        let scope = Scope::new(org, Actor::Slice);
        let decide = |books: &_| Ok((install::returned(books, workspace)?, ()));
        match self.desk.record(scope, decide).await {
            Err(Refusal::Repeated) => Ok(()),
            other => other,
        }
    }
}
