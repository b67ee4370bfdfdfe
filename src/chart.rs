//! Draws charts as PNGs: the same chart gives the same bytes, on every machine.
//!
//! Amounts stay whole micro-dollars until `layout` has made whole pixels of them; only `paint`
//! knows fractions, and it knows no money.

mod font;
mod layout;
mod paint;

use font::Font;
use layout::Layout;
use slice_core::{
    chart::{Chart, Whose},
    ids::MemberId,
    reply::Attachment,
};
use std::fmt;

/// What people are called on a chart.
pub type Called<'a> = &'a [(MemberId, String)];

/// More of a name than this is left to the imagination.
const NAME_MAX: usize = 40;
/// Platforms take a little more than this as a description.
const ALT_MAX: usize = 900;

/// A chart that could not be drawn. There is nothing that a reader could do about it.
#[derive(Debug)]
pub struct Undrawable(&'static str);

impl fmt::Display for Undrawable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the chart cannot be drawn: {}", self.0)
    }
}

/// The chart as an image with its description. `stem`: the file's name without its ending.
pub fn picture(chart: &Chart, called: Called<'_>, stem: &str) -> Result<Attachment, Undrawable> {
    Ok(Attachment {
        name: format!("{stem}.png"),
        mime: "image/png",
        content: draw(chart, called)?,
        alt: Some(alt(chart, called)),
    })
}

/// The chart as a PNG of a fixed size.
pub fn draw(chart: &Chart, called: Called<'_>) -> Result<Vec<u8>, Undrawable> {
    let font = Font::inter().ok_or(Undrawable("its font does not open"))?;
    let chart = chart.clone().gathered();
    let names = labels(&chart, called, |letter| font.has(letter));
    let layout = Layout::of(&chart, &names, &font);
    paint::png(&layout, &font).ok_or(Undrawable("the drawing library refused it"))
}

/// The chart in words: the core's, and whose each part is.
pub fn alt(chart: &Chart, called: Called<'_>) -> String {
    let chart = chart.clone().gathered();
    let mut alt = chart.alt();
    let names = labels(&chart, called, |_| true);
    let parts = chart.parts.iter().zip(&names).map(|(part, name)| {
        let sum = part.sum().up_to_cents();
        format!("{name} {sum}")
    });
    let parts = parts.collect::<Vec<_>>().join(", ");
    if !parts.is_empty() {
        alt = format!("{alt} {parts}.");
    }
    match alt.char_indices().nth(ALT_MAX) {
        Some((end, _)) => format!("{}…", &alt[..end]),
        None => alt,
    }
}

/// What stands beside each part's colour. Names are others' text: only letters that can be drawn are
/// left of them, on one line.
fn labels(chart: &Chart, called: Called<'_>, drawn: impl Fn(char) -> bool) -> Vec<String> {
    let name = |(at, whose): (usize, &Whose)| match whose {
        Whose::Member(member) => {
            let known = called.iter().find(|(known, _)| known == member);
            let name = known.map(|(_, name)| plain(name, &drawn));
            let name = name.filter(|name| !name.is_empty());
            name.unwrap_or_else(|| format!("Member {}", at + 1))
        }
        Whose::Service(service) => plain(service.as_str(), &drawn),
        Whose::Others(1) => "1 other".to_owned(),
        Whose::Others(count) => format!("{count} others"),
    };
    let parts = chart.parts.iter().map(|part| &part.whose);
    parts.enumerate().map(name).collect()
}

fn plain(name: &str, drawn: impl Fn(char) -> bool) -> String {
    let spaced = |letter: char| {
        if letter.is_whitespace() || letter.is_control() {
            ' '
        } else {
            letter
        }
    };
    let letters = name.chars().map(spaced);
    let kept: String = letters
        .filter(|letter| *letter == ' ' || (drawn(*letter) && !turns(*letter)))
        .collect();
    let words: Vec<_> = kept.split_whitespace().collect();
    words.join(" ").chars().take(NAME_MAX).collect()
}

/// Invisible marks that turn the direction of the text after them.
fn turns(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
