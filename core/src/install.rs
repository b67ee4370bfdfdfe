//! Workspaces that install Slice and remove it again: what is kept of that, and the pure part of each
//! transaction.

use crate::{
    books::{Books, Entry, Message},
    event::Event,
    ids::{OrgId, PlatformName, Workspace},
    page::Page,
    refusal::Refusal,
    secret::Secret,
    time::Time,
    vault::{Seal, SealOwner, WrappedKey},
};
use futures::future::BoxFuture;

/// The sealed token of a workspace that installed Slice itself.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The org whose data key seals it: the one that the workspace was in then.
    pub org: OrgId,
    /// The platform's id of the app that was installed.
    pub app: String,
    /// Counts up with every installation.
    pub version: i64,
    pub seal: Seal,
    pub data_key: WrappedKey,
}

impl Installation {
    pub fn owner(&self, workspace: &Workspace) -> SealOwner {
        SealOwner::Token {
            org: self.org,
            workspace: workspace.clone(),
            version: self.version,
        }
    }
}

/// What the books know of installations; a part of [`crate::ports::Store`].
pub trait Installations: Send + Sync {
    /// The token of a workspace that installed Slice itself.
    fn installation<'a>(
        &'a self,
        workspace: &'a Workspace,
    ) -> BoxFuture<'a, Result<Option<Installation>, Refusal>>;
    /// Every workspace that did.
    fn installed(&self) -> BoxFuture<'_, Result<Vec<Workspace>, Refusal>>;
    /// Whether the platform was found to let Slice into the workspace no more.
    fn is_removed<'a>(&'a self, workspace: &'a Workspace) -> BoxFuture<'a, Result<bool, Refusal>>;
    /// Whether this is the first use of something that is good for one use, until that instant.
    fn use_once<'a>(
        &'a self,
        mark: &'a str,
        good_until: Time,
    ) -> BoxFuture<'a, Result<bool, Refusal>>;
}

/// The tokens of workspaces that installed Slice themselves, opened for the platform that speaks
/// with them.
pub trait Tokens: Send + Sync {
    /// `None`: nobody installed it there.
    fn token<'a>(
        &'a self,
        workspace: &'a Workspace,
    ) -> BoxFuture<'a, Result<Option<Secret>, Refusal>>;
}

/// The token of this version was sealed: from now on Slice speaks with it.
pub fn installed(workspace: &Workspace, app: &str, version: i64) -> Event {
    Event::AppInstalled {
        workspace: workspace.clone(),
        app: app.to_owned(),
        version,
    }
}

/// The platform does not let Slice into the workspace any more. The token, if there was one, is the
/// one of this version: a newer one stays.
pub fn removed(
    books: &Books,
    workspace: &Workspace,
    version: Option<i64>,
) -> Result<Entry, Refusal> {
    if books.org.removed.contains(workspace) {
        return Err(Refusal::Repeated);
    }
    let event = Event::AppRemoved {
        workspace: workspace.clone(),
        version,
    };
    let page = page(workspace);
    let owners = books.org.owners_at().into_iter();
    Ok(Entry::event(event).say_all(owners.map(|to| Message::new(to, page.clone()))))
}

/// Slice can speak in the workspace again, with a token that no installation brought.
pub fn returned(books: &Books, workspace: &Workspace) -> Result<Entry, Refusal> {
    if !books.org.removed.contains(workspace) {
        return Err(Refusal::Repeated);
    }
    Ok(Entry::event(Event::AppReturned {
        workspace: workspace.clone(),
    }))
}

/// It reaches owners through what is left: another workspace, or another platform.
fn page(workspace: &Workspace) -> Page {
    let what = match workspace.platform {
        PlatformName::Slack => "Slack workspace",
        PlatformName::Discord => "Discord server",
    };
    let text = format!(
        "The {what} {} removed Slice: it hears and tells nobody there any more. Keys of people whom \
         only that workspace knows are suspended, and their money stays held. To let them go on, \
         install Slice there again; to end one, revoke its grant.",
        workspace.id
    );
    Page::titled("Slice was removed from a workspace").text(text.as_str())
}
