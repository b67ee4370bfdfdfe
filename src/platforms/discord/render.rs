//! Pages as Discord messages: markdown in the content, or in an embed where it is too long for it,
//! and buttons below. Everything is cut to Discord's limits.

#[cfg(test)]
mod tests;

use super::{
    buttons::{Means, Tag},
    is_id, markdown,
};
use crate::platforms::text::{bar, cut, filled, someone, table, units};
use serde_json::{Value, json};
use slice_core::{
    ids::WorkspaceId,
    page::{Block, Button, Page, Span, Style, Text},
    ports::{Known, Names},
    role::{Group, GroupKind},
    secret::Secret,
};

pub(super) const CONTENT_MAX: usize = 2000;
const EMBED_MAX: usize = 4096;
const BUTTON_MAX: usize = 80;
const ROW_MAX: usize = 5;
const ROWS_MAX: usize = 5;
/// An answer of more messages than this is cut.
const MESSAGES_MAX: usize = 12;
const TABLE_MAX: usize = 1800;
const HEADING_MAX: usize = 250;
const CUT: &str = "… the rest does not fit here";

/// Discord's numbers.
mod kind {
    pub const ROW: u8 = 1;
    pub const BUTTON: u8 = 2;
    pub const PRIMARY: u8 = 1;
    pub const SECONDARY: u8 = 2;
    pub const DANGER: u8 = 4;
}

/// What all pages of one reader are rendered with.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub guild: &'a WorkspaceId,
    pub names: Names<'a>,
    /// The letter that it is for, if it is one.
    pub letter: Option<&'a str>,
}

/// A part of a page that becomes one message.
#[derive(Default)]
struct Part {
    paragraphs: Vec<String>,
    buttons: Vec<Button>,
}

impl Part {
    fn is_empty(&self) -> bool {
        self.paragraphs.is_empty() && self.buttons.is_empty()
    }
}

/// A page as one message, whatever it takes.
pub(super) fn message(page: &Page, reader: Reader<'_>) -> Value {
    let mut whole = Part::default();
    for block in &page.0 {
        add(&mut whole, block, reader);
    }
    body(&whole, reader, CONTENT_MAX)
}

/// A page as the messages of an answer: a new one begins where a button would stand beside another
/// of the same name, so that each stands under what it is about.
pub(super) fn messages(page: &Page, reader: Reader<'_>) -> Vec<Value> {
    let mut parts = vec![Part::default()];
    let mut texts = Part::default();
    for block in &page.0 {
        let Block::Buttons(buttons) = block else {
            add(&mut texts, block, reader);
            continue;
        };
        let last = parts.last().map(|part| part.buttons.as_slice());
        let last = last.unwrap_or_default();
        let is_taken = |button: &Button| last.iter().any(|other| other.label == button.label);
        if buttons.iter().any(is_taken) {
            parts.push(Part::default());
        }
        let texts = std::mem::take(&mut texts);
        if let Some(part) = parts.last_mut() {
            part.paragraphs.extend(texts.paragraphs);
            part.buttons.extend(buttons.iter().cloned());
        }
    }
    if let Some(part) = parts.last_mut() {
        part.paragraphs.extend(texts.paragraphs);
    }
    parts.retain(|part| !part.is_empty());
    if MESSAGES_MAX < parts.len() {
        parts.truncate(MESSAGES_MAX);
        if let Some(last) = parts.last_mut() {
            last.paragraphs.push(markdown::small(CUT));
        }
    }
    if parts.is_empty() {
        parts.push(Part::default());
    }
    let bodies = parts.iter().map(|part| body(part, reader, CONTENT_MAX));
    bodies.collect()
}

/// A secret beside a page; the secret is never cut. It stands in an embed, because what stands in a
/// message's content is shown by notifications.
pub(super) fn with_secret(page: &Page, secret: &Secret, reader: Reader<'_>) -> Value {
    let mut whole = Part::default();
    for block in &page.0 {
        add(&mut whole, block, reader);
    }
    let mut body = body(&whole, reader, CONTENT_MAX);
    let shown = json!({ "description": markdown::secret(secret.expose()) });
    if let Some(embeds) = body["embeds"].as_array_mut() {
        embeds.insert(0, shown);
    }
    body
}

fn add(part: &mut Part, block: &Block, reader: Reader<'_>) {
    let paragraph = match block {
        Block::Heading(heading) => markdown::bold(&cut(heading, HEADING_MAX)),
        Block::Text(text) => said(text, reader),
        Block::Fields(fields) => {
            let lines = fields.iter().map(|(name, value)| {
                let name = markdown::bold(&format!("{name}:"));
                format!("{name} {}", said(value, reader))
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        Block::Bar {
            label,
            used,
            committed,
            whole,
        } => format!(
            "{}\n{}",
            said(label, reader),
            bar(*used, *committed, *whole)
        ),
        Block::Table { columns, rows } => {
            let table = table(columns, rows, TABLE_MAX);
            if table.is_empty() {
                return;
            }
            markdown::code_block(&table)
        }
        Block::Buttons(buttons) => return part.buttons.extend(buttons.iter().cloned()),
        Block::Chart(chart) => markdown::small(&said(&Text::new(chart.alt()), reader)),
        Block::Note(text) => markdown::small(&said(text, reader)),
    };
    if !paragraph.trim().is_empty() {
        part.paragraphs.push(paragraph);
    }
}

/// `most`: what the content may hold; a longer text goes into an embed.
fn body(part: &Part, reader: Reader<'_>, most: usize) -> Value {
    let text = joined(&part.paragraphs, usize::MAX);
    let fits = units(&text) <= most;
    let embeds = if fits {
        vec![]
    } else {
        vec![json!({ "description": joined(&part.paragraphs, EMBED_MAX) })]
    };
    let rows = rows(&part.buttons, reader);
    let content = match (fits, text.is_empty(), rows.is_empty()) {
        (true, true, true) => "…".to_owned(),
        (true, ..) => text,
        (false, ..) => String::new(),
    };
    json!({
        "content": content,
        "embeds": embeds,
        "components": rows,
        "allowed_mentions": { "parse": [] },
    })
}

/// Whole paragraphs as far as they fit: half a paragraph might end within its markup. One that is
/// too long by itself ends with its last whole line that fits.
fn joined(paragraphs: &[String], most: usize) -> String {
    let mut text = String::new();
    let room = most.saturating_sub(units(CUT) + 4);
    for (index, paragraph) in paragraphs.iter().enumerate() {
        let newline = if index == 0 { "" } else { "\n" };
        let is_last = index + 1 == paragraphs.len();
        let fits_to = if is_last { most } else { room };
        if units(&text) + units(newline) + units(paragraph) <= fits_to {
            text.extend([newline, paragraph]);
            continue;
        }
        let mut begun = newline;
        for line in paragraph.lines() {
            if line.starts_with("```") || room < units(&text) + units(begun) + units(line) {
                break;
            }
            text.extend([begun, line]);
            begun = "\n";
        }
        text.extend(["\n", &markdown::small(CUT)]);
        break;
    }
    text.trim_start_matches('\n').to_owned()
}

/// A text in markdown: spans of others' are escaped, names are mentions that ping nobody.
fn said(text: &Text, reader: Reader<'_>) -> String {
    text.0.iter().map(|span| markup(span, reader)).collect()
}

fn markup(span: &Span, reader: Reader<'_>) -> String {
    match span {
        Span::Plain(text) => markdown::plain(text),
        Span::Bold(text) => markdown::bold(text),
        Span::Code(text) => markdown::code(text),
        Span::Member(member) => {
            let known = reader.names.iter().find(|(known, _)| known == member);
            match known.map(|(_, known)| known) {
                Some(Known::Here(user)) if is_id(user.as_str()) => format!("<@{user}>"),
                _ => markdown::plain(&someone(*member, reader.names)),
            }
        }
        Span::Channel(id)
        | Span::Group(Group {
            kind: GroupKind::Channel,
            id,
            ..
        }) if is_id(id.as_str()) => format!("<#{id}>"),
        Span::Group(Group {
            kind: GroupKind::DiscordRole,
            id,
            ..
        }) if is_id(id.as_str()) => format!("<@&{id}>"),
        Span::Channel(id) => markdown::plain(&format!("#{id}")),
        Span::Group(group) => {
            let kind = group.kind.word().replace('_', " ");
            markdown::plain(&format!("{kind} {}", group.id))
        }
        Span::Time(at) => format!("<t:{}:f>", at.micros().max(0) / 1_000_000),
    }
}

/// Rows of buttons; those without an action lead nowhere and are left out.
fn rows(buttons: &[Button], reader: Reader<'_>) -> Vec<Value> {
    let alive = buttons.iter().filter_map(|button| alive(button, reader));
    let alive: Vec<_> = alive.take(ROW_MAX * ROWS_MAX).collect();
    let rows = alive.chunks(ROW_MAX);
    rows.map(|row| json!({ "type": kind::ROW, "components": row }))
        .collect()
}

fn alive(one: &Button, reader: Reader<'_>) -> Option<Value> {
    let tag = Tag {
        means: if one.confirm.is_some() {
            Means::Ask
        } else {
            Means::Act
        },
        guild: reader.guild.clone(),
        action: one.action?,
        letter: reader.letter.map(str::to_owned),
    };
    Some(button(&tag, &one.label, one.style))
}

/// One button with what a click on it means.
pub(super) fn button(tag: &Tag, label: &str, style: Style) -> Value {
    let style = match style {
        Style::Plain => kind::SECONDARY,
        Style::Primary => kind::PRIMARY,
        Style::Danger => kind::DANGER,
    };
    json!({
        "type": kind::BUTTON,
        "style": style,
        "label": filled(label, BUTTON_MAX),
        "custom_id": tag.to_string(),
    })
}

/// Sentences of ours.
pub(super) fn saying(text: &str) -> Value {
    json!({
        "content": cut(&markdown::plain(text), CONTENT_MAX),
        "allowed_mentions": { "parse": [] },
    })
}

/// Sentences of ours with one button below.
pub(super) fn asking(text: &str, button: &Value) -> Value {
    let mut message = saying(text);
    message["components"] = json!([{ "type": kind::ROW, "components": [button] }]);
    message
}
