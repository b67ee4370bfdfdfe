//! Messages in direct messages and channels: posted, edited, looked up again.

use super::{
    Slack,
    failure::Failure,
    mentions::is_id,
    render::{MESSAGE_BLOCKS_MAX, blocks, fallback, secret_block},
    web::Wiped,
};
use serde::Deserialize;
use serde_json::{Value, json};
use slice_core::{
    ids::{ChannelId, Identity, MessageId, Place},
    page::Page,
    ports::{Address, Letter, Names, PlatformError, Posted},
    reply::Attachment,
};
use std::sync::PoisonError;
use url::Url;

/// Names our messages in their metadata, so that they are found again.
const EVENT_TYPE: &str = "slice_message";
/// A message whose delivery is in doubt is a few minutes old at most.
const HISTORY_PAGES: usize = 5;
const HISTORY_PAGE: &str = "100";
const FILE_NAME_MAX: usize = 100;

#[derive(Deserialize)]
struct Stands {
    channel: String,
    ts: String,
}

#[derive(Deserialize)]
struct Opened {
    channel: Conversation,
}

#[derive(Deserialize)]
struct Conversation {
    id: String,
}

#[derive(Deserialize)]
struct History {
    messages: Vec<Message>,
    #[serde(default)]
    response_metadata: super::people::Cursor,
}

#[derive(Deserialize)]
struct Message {
    ts: String,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    event_type: String,
    #[serde(default)]
    event_payload: Value,
}

#[derive(Deserialize)]
struct UploadTicket {
    upload_url: Url,
    file_id: String,
}

impl Slack {
    pub(super) async fn post(
        &self,
        to: Address<'_>,
        letter: &Letter<'_>,
    ) -> Result<Posted, PlatformError> {
        let (workspace, channel) = match to {
            Address::Person(person) => (&person.workspace, self.direct(person).await?),
            Address::Channel(place) => {
                self.is_home(&place.workspace).await?;
                (&place.workspace, place.channel.as_str().to_owned())
            }
        };
        let body = message(&channel, letter)?;
        let stands: Stands = self
            .web
            .change("chat.postMessage", &body.0)
            .await
            .map_err(Failure::of_change)?;
        let place = Place {
            workspace: workspace.clone(),
            channel: ChannelId::new(stands.channel),
        };
        Ok(Posted {
            place,
            id: stands.ts,
        })
    }

    /// Says a page in a person's direct messages, for answers that have no other way left.
    pub(super) async fn post_answer(
        &self,
        to: &Identity,
        page: &Page,
        names: Names<'_>,
    ) -> Result<(), PlatformError> {
        let mut body = content(page, names);
        body["channel"] = json!(self.direct(to).await?);
        let posted: Result<Value, _> = self.web.change("chat.postMessage", &body).await;
        posted.map(drop).map_err(Failure::of_change)
    }

    pub(super) async fn edit(
        &self,
        posted: &Posted,
        letter: &Letter<'_>,
    ) -> Result<(), PlatformError> {
        self.is_home(&posted.place.workspace).await?;
        let mut body = message(posted.place.channel.as_str(), letter)?;
        body.0["ts"] = json!(posted.id);
        if let Some(fields) = body.0.as_object_mut() {
            for only_new in ["mrkdwn", "unfurl_links", "unfurl_media"] {
                fields.remove(only_new);
            }
        }
        let edited: Result<Value, _> = self.web.change("chat.update", &body.0).await;
        edited.map(drop).map_err(Failure::of_change)
    }

    /// In a channel this needs a scope that Slice does not ask for; there a message in doubt counts
    /// as not delivered, and may stand twice.
    pub(super) async fn find(
        &self,
        to: Address<'_>,
        id: MessageId,
    ) -> Result<Option<Posted>, PlatformError> {
        let (workspace, channel, is_channel) = match to {
            Address::Person(person) => (&person.workspace, self.direct(person).await?, false),
            Address::Channel(place) => (&place.workspace, place.channel.as_str().to_owned(), true),
        };
        let wanted = id.to_string();
        let mut cursor = String::new();
        for _ in 0..HISTORY_PAGES {
            let arguments = [
                ("channel", channel.as_str()),
                ("include_all_metadata", "true"),
                ("limit", HISTORY_PAGE),
                ("cursor", &cursor),
            ];
            let arguments = if cursor.is_empty() {
                &arguments[..3]
            } else {
                &arguments[..]
            };
            let history = self
                .web
                .ask::<History>("conversations.history", arguments)
                .await;
            let history = match history {
                Err(failure) if is_channel && failure.code() == Some("missing_scope") => {
                    return Ok(None);
                }
                other => other.map_err(Failure::of_question)?,
            };
            if let Some(found) = history.messages.iter().find(|one| one.is(&wanted)) {
                let place = Place {
                    workspace: workspace.clone(),
                    channel: ChannelId::new(channel),
                };
                return Ok(Some(Posted {
                    place,
                    id: found.ts.clone(),
                }));
            }
            cursor = history.response_metadata.next_cursor;
            if cursor.is_empty() {
                break;
            }
        }
        Ok(None)
    }

    /// Three steps: ask where to, send the bytes, share it. Nothing is seen before the last.
    pub(super) async fn send_file(
        &self,
        to: &Identity,
        file: &Attachment,
    ) -> Result<(), PlatformError> {
        let channel = self.direct(to).await?;
        let name = file_name(&file.name);
        let length = file.content.len().to_string();
        let arguments = [("filename", name.as_str()), ("length", length.as_str())];
        let ticket: UploadTicket = self
            .web
            .ask("files.getUploadURLExternal", &arguments)
            .await
            .map_err(Failure::of_preparation)?;
        let sent = self
            .web
            .upload(ticket.upload_url, file.mime, &file.content)
            .await;
        sent.map_err(Failure::of_preparation)?;
        let share = json!({
            "files": [{ "id": ticket.file_id, "title": name }],
            "channel_id": channel,
        });
        let shared: Result<Value, _> = self
            .web
            .change("files.completeUploadExternal", &share)
            .await;
        shared.map(drop).map_err(Failure::of_change)
    }

    /// The direct message with a person; opened when it is first needed, which shows nothing.
    pub(super) async fn direct(&self, person: &Identity) -> Result<String, PlatformError> {
        self.is_home(&person.workspace).await?;
        let user = person.user.as_str();
        if let Some(known) = self.known_direct(user) {
            return Ok(known);
        }
        let opened: Opened = self
            .web
            .change("conversations.open", &json!({ "users": user }))
            .await
            .map_err(Failure::of_preparation)?;
        let id = opened.channel.id;
        let mut directs = self.directs.lock().unwrap_or_else(PoisonError::into_inner);
        directs.insert(user.to_owned(), id.clone());
        Ok(id)
    }

    fn known_direct(&self, user: &str) -> Option<String> {
        self.directs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(user)
            .cloned()
    }
}

impl Message {
    fn is(&self, id: &str) -> bool {
        self.metadata.as_ref().is_some_and(|metadata| {
            metadata.event_type == EVENT_TYPE && metadata.event_payload["id"] == json!(id)
        })
    }
}

/// A page as the content of any message: its blocks, and a notification that holds no secret.
pub(super) fn content(page: &Page, names: Names<'_>) -> Value {
    json!({
        "text": fallback(page, names),
        "blocks": blocks(page, names, MESSAGE_BLOCKS_MAX),
        "parse": "none",
    })
}

/// A secret stands only where one person reads it.
fn message(channel: &str, letter: &Letter<'_>) -> Result<Wiped, PlatformError> {
    let mut most = MESSAGE_BLOCKS_MAX;
    if letter.secret.is_some() {
        if !(channel.starts_with('D') && is_id(channel)) {
            return Err(PlatformError::Refused(
                "a key is never posted to a channel".to_owned(),
            ));
        }
        most -= 1;
    }
    let mut body = Wiped(content(letter.page, letter.names));
    let mut all = blocks(letter.page, letter.names, most);
    all.extend(letter.secret.map(secret_block));
    body.0["blocks"] = Value::Array(all);
    body.0["channel"] = json!(channel);
    body.0["metadata"] = json!({
        "event_type": EVENT_TYPE,
        "event_payload": { "id": letter.id.to_string() },
    });
    for off in ["mrkdwn", "unfurl_links", "unfurl_media"] {
        body.0[off] = json!(false);
    }
    Ok(body)
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
