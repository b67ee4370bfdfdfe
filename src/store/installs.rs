//! Installations: which workspaces brought a token, and what becomes of it.

use super::{
    SqlStore,
    db::values,
    failure::{Done, wrong},
    port::{Answer, answer},
    rows, sql,
    writing::Writing,
};
use slice_core::{
    event::Event,
    ids::Workspace,
    install::{Installation, Installations},
    refusal::Refusal,
    time::Time,
    vault::{Seal, SealOwner, WrappedKey},
};

impl SqlStore {
    async fn find_installation(&self, workspace: &Workspace) -> Done<Option<Installation>> {
        let mut tx = self.db.read().await?;
        let which = values![workspace.platform.word(), workspace.id.as_str()];
        let Some(row) = tx.first(sql::INSTALLATION, which).await? else {
            return Ok(None);
        };
        let org = row.parsed("org_id")?;
        Ok(Some(Installation {
            org,
            app: row.text("app_id")?,
            version: row.int("version")?,
            seal: Seal::new(row.text("seal")?),
            data_key: WrappedKey {
                org,
                seal: Seal::new(row.text("data_key")?),
            },
        }))
    }

    async fn all_installed(&self) -> Done<Vec<Workspace>> {
        let mut tx = self.db.read().await?;
        let rows = tx.all(sql::INSTALLATIONS, vec![]).await?;
        rows.iter()
            .map(|row| rows::workspace(row, "workspace_id"))
            .collect()
    }

    async fn find_removed(&self, workspace: &Workspace) -> Done<bool> {
        let mut tx = self.db.read().await?;
        let which = values![workspace.platform.word(), workspace.id.as_str()];
        Ok(tx.first(sql::REMOVED, which).await?.is_some())
    }

    async fn mark_used(&self, mark: &str, good_until: Time) -> Done<bool> {
        let mut tx = self.db.write().await?;
        let past = values![self.clock.now()];
        tx.run(sql::SWEEP_MARKS, past).await?;
        let first = tx.run(sql::USE_MARK, values![mark, good_until]).await? == 1;
        tx.commit().await?;
        Ok(first)
    }
}

impl Installations for SqlStore {
    fn installation<'a>(&'a self, workspace: &'a Workspace) -> Answer<'a, Option<Installation>> {
        answer(self.find_installation(workspace))
    }

    fn installed(&self) -> Answer<'_, Vec<Workspace>> {
        answer(self.all_installed())
    }

    fn is_removed<'a>(&'a self, workspace: &'a Workspace) -> Answer<'a, bool> {
        answer(self.find_removed(workspace))
    }

    fn use_once<'a>(&'a self, mark: &'a str, good_until: Time) -> Answer<'a, bool> {
        answer(self.mark_used(mark, good_until))
    }
}

impl Writing<'_> {
    pub(super) async fn apply_installation(&mut self, event: &Event) -> Done<()> {
        match event {
            Event::AppInstalled {
                workspace,
                app,
                version,
            } => self.install(workspace, app, *version).await,
            Event::AppRemoved { workspace, version } => self.uninstall(workspace, *version).await,
            Event::AppReturned { workspace } => self.let_in(workspace).await,
            _ => wrong("not an event about an installation"),
        }
    }

    async fn install(&mut self, workspace: &Workspace, app: &str, version: i64) -> Done<()> {
        let owner = SealOwner::Token {
            org: self.org.id,
            workspace: workspace.clone(),
            version,
        };
        let Some(seal) = self.take_seal(&owner) else {
            return wrong("an installation came without its seal");
        };
        let row = values![
            workspace.platform.word(),
            workspace.id.as_str(),
            self.org.id,
            app,
            version,
            self.now,
            seal.as_str(),
        ];
        if self.tx.run(sql::INSTALL, row).await? == 0 {
            return Err(somebody_was_first());
        }
        self.let_in(workspace).await
    }

    async fn let_in(&mut self, workspace: &Workspace) -> Done<()> {
        let (platform, id) = (workspace.platform.word(), workspace.id.as_str());
        let row = values![self.org.id, platform, id];
        self.tx
            .one(sql::RETURN_WORKSPACE, row, "the workspace")
            .await
    }

    async fn uninstall(&mut self, workspace: &Workspace, version: Option<i64>) -> Done<()> {
        let (platform, id) = (workspace.platform.word(), workspace.id.as_str());
        if let Some(version) = version {
            let row = values![platform, id, version];
            if self.tx.run(sql::UNINSTALL, row).await? == 0 {
                return Err(somebody_was_first());
            }
        }
        let row = values![self.org.id, platform, id, self.now];
        self.tx
            .one(sql::REMOVE_WORKSPACE, row, "the workspace")
            .await
    }
}

/// The row is of another installation by now. Nothing of the transaction stands.
fn somebody_was_first() -> super::failure::Failure {
    Refusal::Repeated.into()
}
