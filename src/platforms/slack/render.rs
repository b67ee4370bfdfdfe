//! Pages as Block Kit. Others' text stands in elements that Slack shows literally, so that no
//! mention, link or markup in it comes alive; everything is cut to Slack's limits.

#[cfg(test)]
mod tests;

use super::mentions::is_id;
use crate::platforms::text::{bar, someone, table};
pub(super) use crate::platforms::text::{clean, cut, filled, units};
use serde_json::{Value, json};
use slice_core::{
    ids::MemberId,
    page::{Block, Button, Page, Span, Style, Text},
    ports::{Known, Names},
    role::{Group, GroupKind},
    secret::Secret,
    time::Time,
};

pub(super) const MESSAGE_BLOCKS_MAX: usize = 50;
pub(super) const VIEW_BLOCKS_MAX: usize = 100;
const HEADER_MAX: usize = 150;
const TEXT_MAX: usize = 3000;
const NOTE_MAX: usize = 2000;
const BUTTONS_MAX: usize = 25;
const BUTTON_MAX: usize = 75;
const CONFIRM_MAX: usize = 300;
const CONFIRM_BUTTON_MAX: usize = 30;
/// All texts of one message or view together: Slack refuses longer ones at a limit of its own that
/// is nowhere written down.
const PAGE_MAX: usize = 12_000;
const FALLBACK_MAX: usize = 1000;
const DATE_FORMAT: &str = "{date_short_pretty} {time}";
/// Every button's action id begins with this; the rest is its place on the page.
pub(super) const ACTION_PREFIX: &str = "act:";

/// A page as blocks, `most` of them and never none.
pub(super) fn blocks(page: &Page, names: Names<'_>, most: usize) -> Vec<Value> {
    let mut sheet = Sheet {
        names,
        blocks: vec![],
        left: PAGE_MAX,
        buttons: 0,
    };
    for (index, block) in page.0.iter().enumerate() {
        let is_last = index + 1 == page.0.len();
        if sheet.left == 0 || (sheet.blocks.len() + 1 >= most && !is_last) {
            sheet
                .blocks
                .push(plain_note("… the rest does not fit here"));
            break;
        }
        sheet.add(block);
    }
    if sheet.blocks.is_empty() {
        sheet.blocks.push(plain_note("…"));
    }
    sheet.blocks.truncate(most);
    sheet.blocks
}

/// A secret as it stands in the message or view that shows it: never cut, never parsed.
pub(super) fn secret_block(secret: &Secret) -> Value {
    let text = json!({ "type": "text", "text": secret.expose() });
    rich(&json!({ "type": "rich_text_preformatted", "elements": [text] }))
}

/// A page as one line for notifications and screen readers: our mentions, and plain text.
pub(super) fn fallback(page: &Page, names: Names<'_>) -> String {
    let mut line = Line {
        names,
        text: String::new(),
        left: FALLBACK_MAX,
    };
    for block in &page.0 {
        match block {
            Block::Heading(heading) => line.sentence(&Text::new(heading)),
            Block::Text(text) | Block::Note(text) | Block::Bar { label: text, .. } => {
                line.sentence(text);
            }
            Block::Fields(fields) => {
                for (name, text) in fields {
                    line.sentence(&Text::new(format!("{name}: ")).join(text.clone()));
                }
            }
            Block::Table { .. } | Block::Buttons(_) | Block::Chart(_) => {}
        }
    }
    if line.text.is_empty() {
        "Slice".to_owned()
    } else {
        line.text
    }
}

/// The notification line while it grows.
struct Line<'a> {
    names: Names<'a>,
    text: String,
    left: usize,
}

impl Line<'_> {
    fn sentence(&mut self, text: &Text) {
        if !self.text.is_empty() {
            self.plain(" · ");
        }
        for span in &text.0 {
            match mention_of(span, self.names) {
                Some(Mention::User(id)) if self.left > 0 => {
                    self.text.extend(["<@", id, ">"]);
                }
                _ => self.plain(&literal(span, self.names)),
            }
        }
    }

    fn plain(&mut self, text: &str) {
        let text = clean(text).replace(['\n', '\t'], " ");
        let text = cut(&text, self.left);
        self.left = self.left.saturating_sub(units(&text));
        self.text.push_str(
            &text
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;"),
        );
    }
}

/// The blocks while they grow.
struct Sheet<'a> {
    names: Names<'a>,
    blocks: Vec<Value>,
    /// How much text still fits.
    left: usize,
    buttons: usize,
}

impl Sheet<'_> {
    fn add(&mut self, block: &Block) {
        match block {
            Block::Heading(heading) => {
                let heading = self.take(&clean(heading).replace('\n', " "), HEADER_MAX);
                if !heading.trim().is_empty() {
                    self.blocks
                        .push(json!({ "type": "header", "text": plain_text(&heading) }));
                }
            }
            Block::Text(text) => self.paragraph(text),
            Block::Fields(fields) => self.fields(fields),
            Block::Bar {
                label,
                used,
                committed,
                whole,
            } => {
                let bar = bar(*used, *committed, *whole);
                self.paragraph(&label.clone().and(format!("\n{bar}")));
            }
            Block::Table { columns, rows } => {
                let table = self.take(&table(columns, rows, TEXT_MAX), TEXT_MAX);
                if !table.is_empty() {
                    let text = json!({ "type": "text", "text": table });
                    let pre = json!({ "type": "rich_text_preformatted", "elements": [text] });
                    self.blocks.push(rich(&pre));
                }
            }
            Block::Buttons(buttons) => self.buttons(buttons),
            Block::Chart(chart) => self.note(&Text::new(chart.alt())),
            Block::Note(text) => self.note(text),
        }
    }

    /// As much of a text as still fits.
    fn take(&mut self, text: &str, most: usize) -> String {
        let text = cut(text, most.min(self.left));
        self.left -= units(&text).min(self.left);
        text
    }

    fn paragraph(&mut self, text: &Text) {
        let mut left = TEXT_MAX;
        let elements = self.elements(text, &mut left);
        if !elements.is_empty() {
            self.blocks.push(rich(&section(&elements)));
        }
    }

    fn fields(&mut self, fields: &[(String, Text)]) {
        let mut left = TEXT_MAX;
        let mut elements = vec![];
        for (name, value) in fields {
            let newline = if elements.is_empty() { "" } else { "\n" };
            let name = Text::default()
                .and(newline)
                .bold(format!("{name}:"))
                .and(" ");
            elements.extend(self.elements(&name.join(value.clone()), &mut left));
        }
        if !elements.is_empty() {
            self.blocks.push(rich(&section(&elements)));
        }
    }

    /// Spans as elements; `left` is what still fits into the block that they go into.
    fn elements(&mut self, text: &Text, left: &mut usize) -> Vec<Value> {
        let mut elements = vec![];
        for span in &text.0 {
            if *left == 0 || self.left == 0 {
                break;
            }
            let cost = if let Some((element, cost)) = self.alive(span) {
                elements.push(element);
                self.left -= cost.min(self.left);
                cost
            } else {
                let text = self.take(&clean(&literal(span, self.names)), *left);
                if !text.is_empty() {
                    elements.push(text_element(&text, span));
                }
                units(&text)
            };
            *left -= cost.min(*left);
        }
        elements
    }

    /// A span that Slack knows as something of its own, and what its text counts.
    fn alive(&self, span: &Span) -> Option<(Value, usize)> {
        if let Span::Time(at) = span {
            let fallback = at.short();
            let cost = units(&fallback);
            return Some((
                json!({
                    "type": "date",
                    "timestamp": seconds(*at),
                    "format": DATE_FORMAT,
                    "fallback": fallback,
                }),
                cost,
            ));
        }
        let (kind, key, id) = match mention_of(span, self.names)? {
            Mention::User(id) => ("user", "user_id", id),
            Mention::Channel(id) => ("channel", "channel_id", id),
            Mention::UserGroup(id) => ("usergroup", "usergroup_id", id),
        };
        Some((json!({ "type": kind, key: id }), units(id)))
    }

    fn note(&mut self, text: &Text) {
        if text
            .0
            .iter()
            .any(|span| mention_of(span, self.names).is_some())
        {
            return self.paragraph(text);
        }
        let words: String = text
            .0
            .iter()
            .map(|span| literal(span, self.names))
            .collect();
        let words = self.take(&clean(&words), NOTE_MAX);
        if !words.trim().is_empty() {
            self.blocks.push(plain_note(&words));
        }
    }

    fn buttons(&mut self, buttons: &[Button]) {
        let mut elements = vec![];
        for button in buttons.iter().take(BUTTONS_MAX) {
            let Some(action) = button.action else {
                continue;
            };
            let mut element = json!({
                "type": "button",
                "action_id": format!("{ACTION_PREFIX}{}", self.buttons),
                "text": plain_text(&filled(&button.label, BUTTON_MAX)),
                "value": action.to_string(),
            });
            self.buttons += 1;
            match button.style {
                Style::Plain => {}
                Style::Primary => element["style"] = json!("primary"),
                Style::Danger => element["style"] = json!("danger"),
            }
            if let Some(question) = &button.confirm {
                element["confirm"] = confirm(button, question);
            }
            elements.push(element);
        }
        if !elements.is_empty() {
            self.blocks
                .push(json!({ "type": "actions", "elements": elements }));
        }
    }
}

fn confirm(button: &Button, question: &str) -> Value {
    let mut dialog = json!({
        "title": plain_text("Are you sure?"),
        "text": plain_text(&filled(question, CONFIRM_MAX)),
        "confirm": plain_text(&filled(&button.label, CONFIRM_BUTTON_MAX)),
        "deny": plain_text("Cancel"),
    });
    if button.style == Style::Danger {
        dialog["style"] = json!("danger");
    }
    dialog
}

/// What Slack shows by its own name for it.
enum Mention<'a> {
    User(&'a str),
    Channel(&'a str),
    UserGroup(&'a str),
}

fn mention_of<'a>(span: &'a Span, names: Names<'a>) -> Option<Mention<'a>> {
    let mention = match span {
        Span::Member(member) => Mention::User(user(*member, names)?),
        Span::Channel(id)
        | Span::Group(Group {
            kind: GroupKind::Channel,
            id,
            ..
        }) => Mention::Channel(id.as_str()),
        Span::Group(Group {
            kind: GroupKind::UserGroup,
            id,
            ..
        }) => Mention::UserGroup(id.as_str()),
        Span::Group(_) | Span::Plain(_) | Span::Bold(_) | Span::Code(_) | Span::Time(_) => {
            return None;
        }
    };
    let (Mention::User(id) | Mention::Channel(id) | Mention::UserGroup(id)) = mention;
    is_id(id).then_some(mention)
}

fn user(member: MemberId, names: Names<'_>) -> Option<&str> {
    names
        .iter()
        .find(|(known, _)| *known == member)
        .and_then(|(_, known)| match known {
            Known::Here(user) => Some(user.as_str()),
            Known::Elsewhere(_) => None,
        })
}

/// A span in words.
fn literal(span: &Span, names: Names<'_>) -> String {
    match span {
        Span::Plain(text) | Span::Bold(text) | Span::Code(text) => text.clone(),
        Span::Member(member) => someone(*member, names),
        Span::Channel(id) => format!("#{id}"),
        Span::Group(group) => format!("{} {}", group.kind.word().replace('_', " "), group.id),
        Span::Time(at) => at.short(),
    }
}

fn text_element(text: &str, span: &Span) -> Value {
    match span {
        Span::Bold(_) => json!({ "type": "text", "text": text, "style": { "bold": true } }),
        Span::Code(_) => json!({ "type": "text", "text": text, "style": { "code": true } }),
        _ => json!({ "type": "text", "text": text }),
    }
}

fn rich(element: &Value) -> Value {
    json!({ "type": "rich_text", "elements": [element] })
}

fn section(elements: &[Value]) -> Value {
    json!({ "type": "rich_text_section", "elements": elements })
}

pub(super) fn plain_text(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": false })
}

fn plain_note(text: &str) -> Value {
    json!({ "type": "context", "elements": [plain_text(text)] })
}

fn seconds(at: Time) -> i64 {
    at.micros().max(0) / 1_000_000
}
