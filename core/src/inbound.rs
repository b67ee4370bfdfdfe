//! What platforms hand inwards, and how they take the answer back.

use crate::{
    ids::{ActionId, Identity, UserId, Workspace},
    page::Page,
    ports::{Names, PlatformError},
    refusal::Refusal,
    reply::{Form, Reveal},
    secret::Secret,
    time::Time,
};
use futures::future::BoxFuture;

/// What a person did.
#[derive(Debug)]
pub enum Said {
    /// Typed a command line, without `/slice`. Mentions stand in it as [`mention`] writes them.
    Line(String),
    /// Filled in a command's own inputs, where a platform has them: the command's name, and texts by
    /// the names of its parameters. Mentions stand in them as [`mention`] writes them.
    Filled {
        command: String,
        arguments: Vec<(String, String)>,
    },
    /// Clicked a button.
    Click(ActionId),
    /// Sent a form: the fields by name. Values are secrets until the command's parameter says
    /// otherwise.
    Submit {
        action: ActionId,
        fields: Vec<(String, Secret)>,
    },
}

/// One delivery from a platform, whose envelope said who it is from.
#[derive(Debug)]
pub struct Inbound {
    pub identity: Identity,
    /// The platform's own id of what was done: the same for every repeated delivery of it.
    pub delivery: String,
    pub said: Said,
}

/// What the answer will be, as far as the command tells before it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Page,
    Form,
    Secret,
}

/// An input that a person is typing into.
#[derive(Clone, Debug)]
pub struct Typing {
    pub identity: Identity,
    pub command: String,
    pub parameter: String,
    /// What stands there so far.
    pub text: String,
}

/// The way back to the person who did it. What it says only she sees.
pub trait Answers: Send + Sync {
    /// Shows that Slice works on it, before anything is looked up, in the way in which the answer
    /// will come: a light view for a form or a secret, a deferred message for a page. Platforms do
    /// nothing where they need not, or where a form must be the first answer. `Err`: there is no way
    /// to answer any more, so nothing must be done.
    fn wait(&self, expected: Expected) -> BoxFuture<'_, Result<(), PlatformError>>;
    /// Says it: in the open view if there is one, else privately where the command was typed.
    fn say<'a>(
        &'a self,
        page: &'a Page,
        names: Names<'a>,
    ) -> BoxFuture<'a, Result<(), PlatformError>>;
    fn form<'a>(
        &'a self,
        form: &'a Form,
        names: Names<'a>,
    ) -> BoxFuture<'a, Result<(), PlatformError>>;
    /// Shows the secret. `Ok` only when the platform confirmed it.
    fn reveal<'a>(
        &'a self,
        reveal: &'a Reveal,
        names: Names<'a>,
    ) -> BoxFuture<'a, Result<(), PlatformError>>;
}

/// Something that happened on a platform without anybody asking Slice for anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The app was added to this workspace, or was in it already when Slice began to listen.
    /// `vouched`: nobody but the app's own owner can add it anywhere.
    Installed { workspace: Workspace, vouched: bool },
    /// What is known of these people's groups or standing may be wrong now.
    PeopleChanged(Workspace),
    /// The same of this one person: she may have joined, left, or changed her groups.
    PersonChanged(Identity),
    /// She opened her home tab.
    HomeOpened(Identity),
    /// The app was removed, or its tokens were revoked.
    Uninstalled(Workspace),
}

/// Where platforms hand things in. All return at once, so that a platform can acknowledge; the
/// work goes on in the background.
pub trait Reception: Send + Sync {
    fn receive(&self, inbound: Inbound, answers: Box<dyn Answers>);
    fn notice(&self, notice: Notice);
    /// Whether the fields parse, by name and sentence: asked before a form is acknowledged, so that
    /// the person can mend them in place. Looks nothing up.
    fn check_fields(&self, line: &str, fields: &[(String, Secret)]) -> Vec<(String, String)>;
    /// What could be meant: values and what people read for them. Says what is in memory; what is
    /// not there is looked up for the next time. Writes nothing.
    fn complete(&self, typing: &Typing) -> Vec<(String, String)>;
}

/// A workspace in which somebody installed Slice, as the platform proved it.
#[derive(Debug)]
pub struct Install {
    pub workspace: Workspace,
    /// The platform's id of the app.
    pub app: String,
    /// With which Slice speaks there from now on.
    pub token: Secret,
    /// Who installed it.
    pub by: Option<UserId>,
}

/// What becomes of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installed {
    /// The token is kept, in the place of an older one.
    Kept,
    /// Nothing is kept: the workspace is neither known, nor listed, nor invited.
    Unlisted,
    /// Nothing is kept: the workspace has an installation of another app.
    OtherApp,
}

/// Where platforms hand installations in.
pub trait Installing: Send + Sync {
    /// Keeps the token, and greets who brought it to a new workspace.
    fn install(&self, install: Install) -> BoxFuture<'_, Result<Installed, Refusal>>;
    /// Whether this is the first use of something that is good for one use, until that instant.
    fn use_once<'a>(
        &'a self,
        mark: &'a str,
        good_until: Time,
    ) -> BoxFuture<'a, Result<bool, Refusal>>;
}

/// How a mention of a person stands in a command line, on every platform.
pub fn mention(user: &UserId) -> String {
    format!("<@{user}>")
}
