//! Messages in direct messages and channels: posted, edited, looked up again.

use super::{
    Discord,
    buttons::Tag,
    failure::Failure,
    is_id, payload,
    render::{self, Reader},
    web::{Upload, Wiped},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use slice_core::{
    ids::{Identity, MessageId, Place, Workspace, WorkspaceId},
    page::Page,
    ports::{Address, Letter, Names, PlatformError, Posted},
    reply::Attachment,
};
use std::sync::PoisonError;
use tracing::warn;
use uuid::Uuid;

/// A message whose delivery is in doubt is a few minutes old at most.
const HISTORY: usize = 100;
const FILE_NAME_MAX: usize = 100;
const ALT_MAX: usize = 1024;
/// Discord's number of a direct message among kinds of channels.
const DIRECT: u8 = 1;
/// People whose direct message is remembered.
const DIRECTS_MAX: usize = 10_000;

#[derive(Deserialize)]
struct Stands {
    id: String,
    channel_id: String,
}

#[derive(Deserialize)]
struct Opened {
    id: String,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: u8,
}

#[derive(Deserialize)]
struct Written {
    id: String,
    #[serde(default)]
    components: Vec<Row>,
    #[serde(default)]
    attachments: Vec<Attached>,
}

#[derive(Deserialize)]
struct Attached {
    #[serde(default)]
    filename: String,
}

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    components: Vec<Pressed>,
}

#[derive(Deserialize)]
struct Pressed {
    #[serde(default)]
    custom_id: String,
}

impl Written {
    /// A picture names its letter in its file's name, any other in its buttons.
    fn is(&self, id: MessageId) -> bool {
        let (id, letter) = (id.to_string(), nonce(id));
        if self
            .attachments
            .iter()
            .any(|file| file.filename.contains(&id))
        {
            return true;
        }
        let mut buttons = self.components.iter().flat_map(|row| &row.components);
        buttons.any(|button| {
            let tag = Tag::read(&button.custom_id);
            tag.is_some_and(|tag| tag.letter.as_ref() == Some(&letter))
        })
    }
}

impl Discord {
    pub(super) async fn post(
        &self,
        to: Address<'_>,
        letter: &Letter<'_>,
    ) -> Result<Posted, PlatformError> {
        let (workspace, channel) = match to {
            Address::Person(person) => (&person.workspace, self.direct(person).await?),
            Address::Channel(place) => (&place.workspace, place.channel.as_str().to_owned()),
        };
        if let Some(picture) = letter.picture {
            match self.post_picture((to, &channel), letter.id, picture).await {
                Ok(stands) => return Ok(posted(workspace, &stands.channel_id, stands.id)),
                Err(PlatformError::Refused(why)) => warn!("Said a chart in words: {why}"),
                Err(other) => return Err(other),
            }
        }
        let page = &letter.in_words();
        let letter = &Letter { page, ..*letter };
        self.questions.note(letter.page);
        let is_direct = matches!(to, Address::Person(_));
        let mut body = message(letter, &workspace.id, is_direct)?;
        body.0["nonce"] = json!(nonce(letter.id));
        body.0["enforce_nonce"] = json!(true);
        let path = messages(&channel)?;
        let stands: Result<Stands, _> = self.web.change(Method::POST, &path, &body.0).await;
        let stands = stands.map_err(|failure| self.noting(to, failure).of_change())?;
        Ok(posted(workspace, &stands.channel_id, stands.id))
    }

    /// Says a page in a person's direct messages, for answers that have no other way left.
    pub(super) async fn post_answer(
        &self,
        to: &Identity,
        page: &Page,
        names: Names<'_>,
    ) -> Result<(), PlatformError> {
        self.questions.note(page);
        let guild = &to.workspace.id;
        let path = messages(&self.direct(to).await?)?;
        let reader = Reader {
            guild,
            names,
            letter: None,
        };
        for body in render::messages(page, reader) {
            let posted: Result<Value, _> = self.web.change(Method::POST, &path, &body).await;
            let noting = |failure| self.noting(Address::Person(to), failure).of_change();
            posted.map_err(noting)?;
        }
        Ok(())
    }

    pub(super) async fn edit(
        &self,
        posted: &Posted,
        letter: &Letter<'_>,
    ) -> Result<(), PlatformError> {
        self.questions.note(letter.page);
        let channel = posted.place.channel.as_str();
        let is_direct = letter.secret.is_some() && self.is_direct(channel).await?;
        let body = message(letter, &posted.place.workspace.id, is_direct)?;
        if !is_id(&posted.id) {
            return Err(Failure::BadId.of_change());
        }
        let path = format!("{}/{}", messages(channel)?, posted.id);
        let edited: Result<Value, _> = self.web.change(Method::PATCH, &path, &body.0).await;
        edited.map(drop).map_err(Failure::of_change)
    }

    /// By its buttons or its picture among the newest messages. One without either, or where the bot may not read
    /// them, counts as not delivered; Discord itself drops a second one with the nonce of the first
    /// for some minutes.
    pub(super) async fn find(
        &self,
        to: Address<'_>,
        id: MessageId,
    ) -> Result<Option<Posted>, PlatformError> {
        let (workspace, channel) = match to {
            Address::Person(person) => (&person.workspace, self.direct(person).await?),
            Address::Channel(place) => (&place.workspace, place.channel.as_str().to_owned()),
        };
        let path = format!("{}?limit={HISTORY}", messages(&channel)?);
        let written: Vec<Written> = match self.web.ask(&path).await {
            Ok(written) => written,
            Err(Failure::Api(403, _)) => return Ok(None),
            Err(failure) => return Err(failure.of_question()),
        };
        let found = written.into_iter().find(|one| one.is(id));
        Ok(found.map(|found| posted(workspace, &channel, found.id)))
    }

    pub(super) async fn send_file(
        &self,
        to: &Identity,
        file: &Attachment,
    ) -> Result<(), PlatformError> {
        let path = messages(&self.direct(to).await?)?;
        let body = beside(file);
        let sent: Result<Value, _> = self.web.upload(&path, &body, &upload(file)).await;
        let sent = sent.map_err(|failure| self.noting(Address::Person(to), failure).of_change());
        sent.map(drop)
    }

    /// A message that is an image.
    async fn post_picture(
        &self,
        (to, channel): (Address<'_>, &str),
        id: MessageId,
        picture: &Attachment,
    ) -> Result<Stands, PlatformError> {
        let mut body = beside(picture);
        body["nonce"] = json!(nonce(id));
        body["enforce_nonce"] = json!(true);
        let path = messages(channel)?;
        let sent = self.web.upload(&path, &body, &upload(picture)).await;
        sent.map_err(|failure| self.noting(to, failure).of_change())
    }

    /// The direct message with a person; opened when it is first needed, which shows nothing. One
    /// that was closed is not tried again before the person speaks.
    pub(super) async fn direct(&self, person: &Identity) -> Result<String, PlatformError> {
        let user = person.user.as_str();
        if self.closed.holds(user) {
            return Err(PlatformError::Refused(
                "that person takes no direct messages from Slice".to_owned(),
            ));
        }
        let known = {
            let directs = self.directs.lock().unwrap_or_else(PoisonError::into_inner);
            directs.get(user).cloned()
        };
        if let Some(known) = known {
            return Ok(known);
        }
        if !is_id(user) {
            return Err(Failure::BadId.of_change());
        }
        let body = json!({ "recipient_id": user });
        let opened: Result<Opened, _> = self
            .web
            .change(Method::POST, "users/@me/channels", &body)
            .await;
        let noting = |failure| self.noting(Address::Person(person), failure);
        let id = opened
            .map_err(|failure| noting(failure).of_preparation())?
            .id;
        let mut directs = self.directs.lock().unwrap_or_else(PoisonError::into_inner);
        if DIRECTS_MAX <= directs.len() {
            directs.clear();
        }
        directs.insert(user.to_owned(), id.clone());
        Ok(id)
    }

    async fn is_direct(&self, channel: &str) -> Result<bool, PlatformError> {
        let is_known = {
            let directs = self.directs.lock().unwrap_or_else(PoisonError::into_inner);
            directs.values().any(|known| known == channel)
        };
        if is_known {
            return Ok(true);
        }
        if !is_id(channel) {
            return Err(Failure::BadId.of_change());
        }
        let asked: Result<Kind, _> = self.web.ask(&format!("channels/{channel}")).await;
        let asked = asked.map_err(Failure::of_preparation)?;
        Ok(asked.kind == DIRECT)
    }

    /// Remembers who takes no direct messages.
    fn noting(&self, to: Address<'_>, failure: Failure) -> Failure {
        if let Address::Person(person) = to
            && failure.is_closed()
        {
            self.closed.note(person.user.as_str());
        }
        failure
    }
}

/// A secret stands only where one person reads it.
fn message(
    letter: &Letter<'_>,
    guild: &WorkspaceId,
    is_direct: bool,
) -> Result<Wiped, PlatformError> {
    let names = letter.names;
    let nonce = nonce(letter.id);
    let reader = Reader {
        guild,
        names,
        letter: Some(&nonce),
    };
    match letter.secret {
        None => Ok(Wiped(render::message(letter.page, reader))),
        Some(secret) if is_direct => Ok(Wiped(render::with_secret(letter.page, secret, reader))),
        Some(_) => Err(PlatformError::Refused(
            "a key is never posted to a channel".to_owned(),
        )),
    }
}

fn messages(channel: &str) -> Result<String, PlatformError> {
    if is_id(channel) {
        Ok(format!("channels/{channel}/messages"))
    } else {
        Err(Failure::BadId.of_change())
    }
}

fn posted(workspace: &Workspace, channel: &str, id: String) -> Posted {
    let place = Place {
        workspace: workspace.clone(),
        channel: payload::channel(channel),
    };
    Posted { place, id }
}

/// A nonce holds 25 characters, so the id's bytes stand in it in base64.
fn nonce(id: MessageId) -> String {
    let text = id.to_string();
    match Uuid::parse_str(&text) {
        Ok(uuid) => BASE64_URL_SAFE_NO_PAD.encode(uuid.as_bytes()),
        Err(_) => text.chars().take(25).collect(),
    }
}

/// What is said of a file beside its bytes.
fn beside(file: &Attachment) -> Value {
    let mut attachment = json!({ "id": "0", "filename": file_name(&file.name) });
    if let Some(alt) = &file.alt {
        attachment["description"] = json!(alt.chars().take(ALT_MAX).collect::<String>());
    }
    json!({ "attachments": [attachment], "allowed_mentions": { "parse": [] } })
}

fn upload(file: &Attachment) -> Upload<'_> {
    Upload {
        name: file_name(&file.name),
        mime: file.mime,
        bytes: &file.content,
    }
}

fn file_name(name: &str) -> String {
    let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || "-_.".contains(*letter);
    let name: String = name.chars().filter(is_plain).take(FILE_NAME_MAX).collect();
    if name.is_empty() {
        "file".to_owned()
    } else {
        name
    }
}
