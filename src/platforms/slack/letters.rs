//! Messages in direct messages and channels: posted, edited, looked up again.

use super::{
    Slack,
    failure::Failure,
    mentions::is_id,
    payload::workspace,
    render::{MESSAGE_BLOCKS_MAX, blocks, fallback, filled, secret_block},
    teams::Team,
    views,
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
use std::sync::{Arc, PoisonError};
use tracing::warn;
use url::Url;

/// Names our messages in their metadata, so that they are found again.
const EVENT_TYPE: &str = "slice_message";
/// A message whose delivery is in doubt is a few minutes old at most.
const HISTORY_PAGES: usize = 5;
const HISTORY_PAGE: &str = "100";
const FILE_NAME_MAX: usize = 100;
const ALT_MAX: usize = 1000;

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
    #[serde(default)]
    files: Vec<Shared>,
}

#[derive(Deserialize)]
struct Shared {
    /// Deleted files have none.
    name: Option<String>,
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
        let (team, channel) = self.at(to).await?;
        if let Some(picture) = letter.picture {
            match self.share(&team, &channel, picture).await {
                Ok(file) => return Ok(posted(&team, channel, file)),
                Err(PlatformError::Refused(why)) => warn!("Said a chart in words: {why}"),
                Err(other) => return Err(other),
            }
        }
        let page = &letter.in_words();
        let letter = &Letter { page, ..*letter };
        let body = message(&channel, letter)?;
        let stands: Stands = team
            .change("chat.postMessage", &body.0)
            .await
            .map_err(Failure::of_change)?;
        Ok(posted(&team, stands.channel, stands.ts))
    }

    pub(super) async fn publish_home(
        &self,
        who: &Identity,
        page: &Page,
        names: Names<'_>,
    ) -> Result<(), PlatformError> {
        let team = self.team(&who.workspace).await;
        let team = team.map_err(Failure::of_preparation)?;
        let body = json!({ "user_id": who.user.as_str(), "view": views::home(page, names) });
        let shown: Result<Value, _> = team.change("views.publish", &body).await;
        shown.map(drop).map_err(Failure::of_change)
    }

    /// Says a page in a person's direct messages, for answers that have no other way left.
    pub(super) async fn post_answer(
        &self,
        to: &Identity,
        page: &Page,
        names: Names<'_>,
    ) -> Result<(), PlatformError> {
        let (team, channel) = self.at(Address::Person(to)).await?;
        let mut body = content(page, names);
        body["channel"] = json!(channel);
        let posted: Result<Value, _> = team.change("chat.postMessage", &body).await;
        posted.map(drop).map_err(Failure::of_change)
    }

    pub(super) async fn edit(
        &self,
        posted: &Posted,
        letter: &Letter<'_>,
    ) -> Result<(), PlatformError> {
        let team = self.team(&posted.place.workspace).await;
        let team = team.map_err(Failure::of_preparation)?;
        let mut body = message(posted.place.channel.as_str(), letter)?;
        body.0["ts"] = json!(posted.id);
        if let Some(fields) = body.0.as_object_mut() {
            for only_new in ["mrkdwn", "unfurl_links", "unfurl_media"] {
                fields.remove(only_new);
            }
        }
        let edited: Result<Value, _> = team.change("chat.update", &body.0).await;
        edited.map(drop).map_err(Failure::of_change)
    }

    /// To look into a channel takes a scope that Slice does not ask for, so it is not tried: there a
    /// message in doubt counts as not delivered, and may stand twice.
    pub(super) async fn find(
        &self,
        to: Address<'_>,
        id: MessageId,
    ) -> Result<Option<Posted>, PlatformError> {
        if let Address::Channel(_) = to {
            return Ok(None);
        }
        let (team, channel) = self.at(to).await?;
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
            let history = team
                .ask::<History>("conversations.history", arguments)
                .await;
            let history = history.map_err(Failure::of_question)?;
            if let Some(found) = history.messages.iter().find(|one| one.is(&wanted)) {
                return Ok(Some(posted(&team, channel, found.ts.clone())));
            }
            cursor = history.response_metadata.next_cursor;
            if cursor.is_empty() {
                break;
            }
        }
        Ok(None)
    }

    pub(super) async fn send_file(
        &self,
        to: &Identity,
        file: &Attachment,
    ) -> Result<(), PlatformError> {
        let (team, channel) = self.at(Address::Person(to)).await?;
        self.share(&team, &channel, file).await.map(drop)
    }

    /// Three steps: ask where to, send the bytes, share it. Nothing is seen before the last. Gives
    /// Slack's id of the file.
    async fn share(
        &self,
        team: &Team,
        channel: &str,
        file: &Attachment,
    ) -> Result<String, PlatformError> {
        let name = file_name(&file.name);
        let length = file.content.len().to_string();
        let alt = file.alt.as_deref().map(|alt| filled(alt, ALT_MAX));
        let mut arguments = vec![("filename", name.as_str()), ("length", length.as_str())];
        arguments.extend(alt.as_deref().map(|alt| ("alt_txt", alt)));
        let asked = team.ask("files.getUploadURLExternal", &arguments).await;
        let ticket: UploadTicket = asked.map_err(unless_scoped(Failure::of_preparation))?;
        let sent = self
            .web
            .upload(ticket.upload_url, file.mime, &file.content)
            .await;
        sent.map_err(Failure::of_preparation)?;
        let share = json!({
            "files": [{ "id": ticket.file_id, "title": name }],
            "channel_id": channel,
        });
        let shared: Result<Value, _> = team.change("files.completeUploadExternal", &share).await;
        shared.map_err(unless_scoped(Failure::of_change))?;
        Ok(ticket.file_id)
    }

    /// The team and the conversation at an address.
    async fn at(&self, address: Address<'_>) -> Result<(Arc<Team>, String), PlatformError> {
        let workspace = match address {
            Address::Person(person) => &person.workspace,
            Address::Channel(place) => &place.workspace,
        };
        let team = self.team(workspace).await;
        let team = team.map_err(Failure::of_preparation)?;
        let channel = match address {
            Address::Person(person) => team.direct(person.user.as_str()).await?,
            Address::Channel(place) => place.channel.as_str().to_owned(),
        };
        Ok((team, channel))
    }
}

impl Team {
    /// The direct message with a person; opened when it is first needed, which shows nothing.
    async fn direct(&self, user: &str) -> Result<String, PlatformError> {
        if let Some(known) = self.known_direct(user) {
            return Ok(known);
        }
        let opened: Opened = self
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

/// A token without the scope for files is good for all that is said in words.
fn unless_scoped(otherwise: fn(Failure) -> PlatformError) -> impl Fn(Failure) -> PlatformError {
    move |failure| match failure.code() {
        Some("missing_scope") => PlatformError::Refused(failure.to_string()),
        _ => otherwise(failure),
    }
}

fn posted(team: &Team, channel: String, id: String) -> Posted {
    let place = Place {
        workspace: workspace(team.id.as_str()),
        channel: ChannelId::new(channel),
    };
    Posted { place, id }
}

impl Message {
    /// A message names its id in its metadata, a picture in the name of its file.
    fn is(&self, id: &str) -> bool {
        let mut files = self.files.iter();
        let is_picture =
            files.any(|file| file.name.as_deref().is_some_and(|name| name.contains(id)));
        is_picture
            || self.metadata.as_ref().is_some_and(|metadata| {
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
