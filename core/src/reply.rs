//! What a handler answers: a page, a form, a file, or the one showing of a secret.

use crate::{
    ids::{ActionId, GrantId},
    page::{Audience, Page},
    secret::Secret,
};

/// One input of a form. Its name is a parameter of the form's command, or one of the answers that
/// together make a parameter: `terms.size`.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub label: String,
    pub kind: FieldKind,
    pub optional: bool,
    pub initial: Option<String>,
    pub hint: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    Line {
        max: u32,
    },
    Lines {
        max: u32,
    },
    /// One line that is never shown again once it was typed.
    Secret {
        max: u32,
    },
    /// Values and what people read for them.
    Choice(Vec<(String, String)>),
    Member,
    Channel,
}

/// A form: its submission says `line` with the fields' values as named parameters.
#[derive(Clone, Debug)]
pub struct Form {
    pub title: String,
    pub line: String,
    pub audience: Audience,
    pub intro: Page,
    pub fields: Vec<Field>,
    pub submit: String,
    /// Given by the store when the form is recorded.
    pub action: Option<ActionId>,
}

/// A file that is sent into chat.
#[derive(Clone, Debug)]
pub struct Attachment {
    pub name: String,
    pub mime: &'static str,
    pub content: Vec<u8>,
    /// What an image shows, for those who do not see it.
    pub alt: Option<String>,
}

/// What comes back from a handler.
#[derive(Debug)]
pub enum Reply {
    Page(Page),
    Form(Form),
    /// Files, sent to the asker's direct messages, and what is said beside them.
    File {
        files: Vec<Attachment>,
        page: Page,
    },
    /// The one showing of a grant's secret.
    Reveal(Reveal),
}

/// A secret on its way to the one person who may see it.
#[derive(Debug)]
pub struct Reveal {
    pub grant: GrantId,
    pub secret: Secret,
    /// What stands beside the secret: cap, life, how to use it. It does not hold the secret.
    pub page: Page,
}

impl From<Page> for Reply {
    fn from(page: Page) -> Self {
        Self::Page(page)
    }
}
