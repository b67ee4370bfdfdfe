//! What platforms hand inwards, and how they take the answer back.

use crate::{
    ids::{ActionId, Identity, UserId, Workspace},
    page::Page,
    ports::{Names, PlatformError},
    reply::{Form, Reveal},
    secret::Secret,
};
use futures::future::BoxFuture;

/// What a person did.
#[derive(Debug)]
pub enum Said {
    /// Typed a command line, without `/slice`. Mentions stand in it as [`mention`] writes them.
    Line(String),
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

/// The way back to the person who did it. What it says only she sees.
pub trait Answers: Send + Sync {
    /// Opens a light view at once, before anything is looked up: what follows will be a form or a
    /// secret. Platforms whose forms must be the first answer do nothing here.
    fn wait(&self) -> BoxFuture<'_, Result<(), PlatformError>>;
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
    /// What is known of these people's groups or standing may be wrong now.
    PeopleChanged(Workspace),
    /// The same of this one person: she may have joined, left, or changed her groups.
    PersonChanged(Identity),
    /// The app was removed, or its tokens were revoked.
    Uninstalled(Workspace),
}

/// Where platforms hand things in. Both return at once, so that a platform can acknowledge; the
/// work goes on in the background.
pub trait Reception: Send + Sync {
    fn receive(&self, inbound: Inbound, answers: Box<dyn Answers>);
    fn notice(&self, notice: Notice);
    /// Whether the fields parse, by name and sentence: asked before a form is acknowledged, so that
    /// the person can mend them in place. Looks nothing up.
    fn check_fields(&self, line: &str, fields: &[(String, Secret)]) -> Vec<(String, String)>;
}

/// How a mention of a person stands in a command line, on every platform.
pub fn mention(user: &UserId) -> String {
    format!("<@{user}>")
}
