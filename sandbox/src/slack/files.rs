//! Uploading a file in three steps: ask for a URL, send the bytes, share it.

use serde_json::{Value, json};

use super::Hub;
use super::api::{Asked, Outcome, refuse};
use super::world::{BOT_USER, Change, File, Message, Place, Sight, World};
use crate::chat::{image_problem, shown_file};
use crate::door::{Answer, Call};

/// Of the description of an image, in characters.
const ALT_MAX: usize = 1_000;

pub(super) fn upload_url(asked: &mut Asked) -> Outcome {
    let name = asked.needed("filename")?;
    let Ok(length) = asked.needed("length")?.parse() else {
        return refuse("invalid_arguments");
    };
    let alt = asked.text("alt_txt");
    if alt
        .as_ref()
        .is_some_and(|alt| alt.chars().count() > ALT_MAX)
    {
        asked.violation("alt_txt is longer than 1,000 characters");
        return refuse("alt_txt_too_large");
    }
    let id = asked.world.next("F");
    let url = format!("{}/upload/{id}", asked.world.base);
    let file = File {
        id: id.clone(),
        name,
        alt,
        length,
        bytes: None,
        shared_in: None,
    };
    asked.world.files.push(file);
    Ok(json!({ "upload_url": url, "file_id": id }))
}

/// `POST` of the bytes, as they are or as a form with one file.
pub(super) fn upload(hub: &Hub, id: &str, call: &Call) -> Answer {
    let mut world = hub.world();
    let kind = call.header("content-type").unwrap_or_default();
    let bytes = if kind.starts_with("multipart/form-data") {
        part(kind, &call.body)
    } else {
        Some(call.body.to_vec())
    };
    let Some(file) = world
        .files
        .iter_mut()
        .find(|file| file.id == id && file.bytes.is_none())
    else {
        return Answer::text(404, "no such upload");
    };
    match bytes {
        Some(bytes) if bytes.len() == file.length => {
            file.bytes = Some(bytes);
            Answer::text(200, &format!("OK - {}", file.length))
        }
        other => {
            let came = other.map_or(0, |bytes| bytes.len());
            hub.wire.violation(format!(
                "slack upload: {came} bytes, {} announced",
                file.length
            ));
            Answer::text(400, "the length is not the announced one")
        }
    }
}

/// The content of the first part of a multipart body.
fn part(kind: &str, body: &[u8]) -> Option<Vec<u8>> {
    let boundary = kind
        .split("boundary=")
        .nth(1)?
        .split(';')
        .next()?
        .trim_matches('"');
    let end = format!("\r\n--{boundary}");
    let find = |from: usize, what: &[u8]| {
        let rest = body.get(from..)?;
        rest.windows(what.len())
            .position(|window| window == what)
            .map(|at| from + at)
    };
    let start = find(0, b"\r\n\r\n")? + 4;
    let end = find(start, end.as_bytes())?;
    Some(body[start..end].to_vec())
}

pub(super) fn complete(asked: &mut Asked) -> Outcome {
    let files = match asked.json("files")? {
        Some(Value::Array(files)) if !files.is_empty() => files,
        _ => return refuse("invalid_arguments"),
    };
    let channel = asked.text("channel_id").filter(|id| !id.is_empty());
    if let Some(id) = &channel {
        match asked.world.channel(id) {
            Some(channel) if channel.archived || channel.team != asked.team => {
                return refuse("channel_not_found");
            }
            Some(channel) if !channel.members.contains(BOT_USER) => {
                return refuse("not_in_channel");
            }
            Some(_) => {}
            None => return refuse("invalid_channel"),
        }
    }
    let (mut shared, mut ids) = (Vec::new(), Vec::new());
    for file in &files {
        let id = file["id"].as_str().unwrap_or_default();
        let known = asked
            .world
            .files
            .iter_mut()
            .find(|one| one.id == id && one.bytes.is_some());
        let Some(known) = known else {
            return refuse("file_not_found");
        };
        known.shared_in.clone_from(&channel);
        let bytes = known.bytes.as_deref().unwrap_or_default();
        let problem = image_problem(&known.name, known.alt.as_deref(), bytes);
        let title = file["title"].as_str().unwrap_or(&known.name).to_owned();
        shared.push(json!({ "id": id, "title": title, "name": known.name }));
        let text = shown_file(&title, known.alt.as_deref(), known.bytes.as_deref());
        show(asked, channel.as_deref(), &text, id);
        if let Some(problem) = problem {
            asked.violation(problem);
        }
        ids.push(id.to_owned());
    }
    if let Some(channel) = channel {
        asked.world.note_shared(&channel, ids);
    }
    Ok(json!({ "files": shared }))
}

impl World {
    /// Sharing makes a message of the bot's, which histories show.
    fn note_shared(&mut self, channel: &str, files: Vec<String>) {
        let ts = self.next_ts();
        self.messages.push(Message {
            channel: channel.to_owned(),
            ts,
            thread_ts: None,
            text: String::new(),
            blocks: Vec::new(),
            metadata: None,
            files,
            ephemeral_to: None,
            versions: Vec::new(),
            edited: None,
            deleted: false,
            seen: 0,
        });
    }
}

fn show(asked: &mut Asked, channel: Option<&str>, text: &str, id: &str) {
    let notification = asked.text("initial_comment").unwrap_or_default();
    let members = channel
        .and_then(|id| asked.world.channel(id))
        .map(|one| one.members.clone());
    let people = members
        .into_iter()
        .flatten()
        .filter(|user| user != BOT_USER);
    for person in people.collect::<Vec<_>>() {
        asked.world.show(Sight {
            n: 0,
            person,
            place: Place::File,
            change: Change::New,
            text: text.to_owned(),
            buttons: Vec::new(),
            notification: notification.clone(),
            id: id.to_owned(),
        });
    }
}
