//! What people read, without any platform's markup: each platform renders a page in its own way.
//!
//! Text of people and providers is a span like any other. Platforms render spans literally, so no
//! mention, link or markup in it can come alive.

use crate::{
    chart::{Chart, Whose},
    ids::{ActionId, ChannelId, MemberId},
    money::Money,
    role::Group,
    time::Time,
};
use serde::{Deserialize, Serialize};

/// A run of text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    Plain(String),
    Bold(String),
    Code(String),
    Member(MemberId),
    Channel(ChannelId),
    Group(Group),
    /// An instant, which platforms show in the reader's own zone.
    Time(Time),
}

/// A line or paragraph.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(pub Vec<Span>);

impl Text {
    pub fn new(text: impl Into<String>) -> Self {
        Self(vec![Span::Plain(text.into())])
    }

    #[must_use]
    pub fn and(self, text: impl Into<String>) -> Self {
        self.push(Span::Plain(text.into()))
    }

    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "amounts, numbers and literals alike"
    )]
    pub fn bold(self, text: impl ToString) -> Self {
        self.push(Span::Bold(text.to_string()))
    }

    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "amounts, numbers and literals alike"
    )]
    pub fn code(self, text: impl ToString) -> Self {
        self.push(Span::Code(text.to_string()))
    }

    /// A command line as a person types it.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "lines and literals alike")]
    pub fn say(self, line: impl ToString) -> Self {
        self.push(Span::Code(format!("/slice {}", line.to_string())))
    }

    #[must_use]
    pub fn member(self, member: MemberId) -> Self {
        self.push(Span::Member(member))
    }

    #[must_use]
    pub fn time(self, time: Time) -> Self {
        self.push(Span::Time(time))
    }

    #[must_use]
    pub fn push(mut self, span: Span) -> Self {
        self.0.push(span);
        self
    }

    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

impl From<&str> for Text {
    /// Our own sentences: `words in backticks` become code. Never use it for others' text.
    fn from(text: &str) -> Self {
        let spans = text
            .split('`')
            .enumerate()
            .filter(|(_, part)| !part.is_empty());
        Self(
            spans
                .map(|(index, part)| match index % 2 {
                    0 => Span::Plain(part.to_owned()),
                    _ => Span::Code(part.to_owned()),
                })
                .collect(),
        )
    }
}

/// Whom a button is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    Member(MemberId),
    Owners,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    #[default]
    Plain,
    Primary,
    Danger,
}

/// A command line that one click says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    pub label: String,
    /// The command line, without `/slice`.
    pub line: String,
    pub audience: Audience,
    #[serde(default)]
    pub style: Style,
    /// A question that the platform asks before it sends the click.
    #[serde(default)]
    pub confirm: Option<String>,
    /// Given by the store when the button is recorded; a button without it is not shown.
    #[serde(default)]
    pub action: Option<ActionId>,
}

impl Button {
    pub fn new(label: impl Into<String>, line: impl Into<String>, audience: Audience) -> Self {
        Self {
            label: label.into(),
            line: line.into(),
            audience,
            style: Style::Plain,
            confirm: None,
            action: None,
        }
    }

    #[must_use]
    pub fn primary(self) -> Self {
        Self {
            style: Style::Primary,
            ..self
        }
    }

    #[must_use]
    pub fn danger(self, confirm: impl Into<String>) -> Self {
        Self {
            style: Style::Danger,
            confirm: Some(confirm.into()),
            ..self
        }
    }
}

/// A part of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    Heading(String),
    Text(Text),
    /// Names and values.
    Fields(Vec<(String, Text)>),
    /// A budget or cap: what is used, what is committed beyond that, and the whole.
    Bar {
        label: Text,
        used: Money,
        committed: Money,
        whole: Money,
    },
    Table {
        columns: Vec<String>,
        rows: Vec<Vec<String>>,
    },
    Buttons(Vec<Button>),
    /// A picture of spending; who cannot see it reads [`Chart::alt`].
    Chart(Chart),
    /// Small print.
    Note(Text),
}

/// Something to read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Page(pub Vec<Block>);

impl Page {
    pub fn say(text: impl Into<Text>) -> Self {
        Self(vec![Block::Text(text.into())])
    }

    pub fn titled(heading: impl Into<String>) -> Self {
        Self(vec![Block::Heading(heading.into())])
    }

    #[must_use]
    pub fn with(mut self, block: Block) -> Self {
        self.0.push(block);
        self
    }

    #[must_use]
    pub fn text(self, text: impl Into<Text>) -> Self {
        self.with(Block::Text(text.into()))
    }

    #[must_use]
    pub fn note(self, text: impl Into<Text>) -> Self {
        self.with(Block::Note(text.into()))
    }

    #[must_use]
    pub fn buttons(self, buttons: Vec<Button>) -> Self {
        if buttons.is_empty() {
            self
        } else {
            self.with(Block::Buttons(buttons))
        }
    }

    /// Every button, so that the store can give each its action.
    pub fn buttons_mut(&mut self) -> impl Iterator<Item = &mut Button> {
        self.0.iter_mut().flat_map(|block| match block {
            Block::Buttons(buttons) => buttons.iter_mut(),
            _ => [].iter_mut(),
        })
    }

    /// Every member that the page mentions, so that a platform can look up who they are.
    pub fn members(&self) -> Vec<MemberId> {
        let texts = self.0.iter().flat_map(|block| match block {
            Block::Text(text) | Block::Note(text) | Block::Bar { label: text, .. } => vec![text],
            Block::Fields(fields) => fields.iter().map(|(_, text)| text).collect(),
            Block::Heading(_) | Block::Table { .. } | Block::Buttons(_) | Block::Chart(_) => vec![],
        });
        let members = texts
            .flat_map(|text| &text.0)
            .filter_map(|span| match span {
                Span::Member(member) => Some(*member),
                _ => None,
            });
        let drawn = self.chart().into_iter().flat_map(|chart| &chart.parts);
        let drawn = drawn.filter_map(|part| match part.whose {
            Whose::Member(member) => Some(member),
            Whose::Service(_) | Whose::Others(_) => None,
        });
        members.chain(drawn).collect()
    }

    /// The page without its chart, and a page that is the chart alone: platforms carry pictures in
    /// a message of their own.
    pub fn apart(self) -> (Self, Option<Self>) {
        let is_chart = |block: &Block| matches!(block, Block::Chart(_));
        let (chart, rest): (Vec<_>, Vec<_>) = self.0.into_iter().partition(is_chart);
        let chart = (!chart.is_empty()).then_some(Self(chart));
        (Self(rest), chart)
    }

    /// The page's chart, if it has one.
    pub fn chart(&self) -> Option<&Chart> {
        self.0.iter().find_map(|block| match block {
            Block::Chart(chart) => Some(chart),
            _ => None,
        })
    }
}
