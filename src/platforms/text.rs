//! Text as every platform shows it, before any markup: cleaned, cut, and drawn as bars and tables.

use slice_core::{
    ids::MemberId,
    linking::title,
    money::Money,
    ports::{Known, Names},
};

const CELL_MAX: usize = 60;
const BAR_CELLS: i128 = 20;

/// A member in words, where no mention can be made: people of another platform are found there by
/// their id.
pub(super) fn someone(member: MemberId, names: Names<'_>) -> String {
    let known = names.iter().find(|(known, _)| *known == member);
    match known.map(|(_, known)| known) {
        Some(Known::Elsewhere(who)) => {
            format!(
                "someone in {} ({})",
                title(who.workspace.platform),
                who.user
            )
        }
        Some(Known::Here(_)) | None => "someone".to_owned(),
    }
}

/// A budget or cap as a bar of marks with its amounts behind it.
pub(super) fn bar(used: Money, committed: Money, whole: Money) -> String {
    let (all, used_cells) = (
        i128::from(whole.micros().max(1)),
        i128::from(used.or_zero().micros()),
    );
    let held = used_cells + i128::from(committed.or_zero().micros());
    // Something never looks like nothing.
    let cells = |part: i128| ((part * BAR_CELLS + all - 1) / all).clamp(0, BAR_CELLS);
    let (used_cells, held) = (cells(used_cells), cells(held));
    let repeat = |mark: &str, times: i128| mark.repeat(usize::try_from(times).unwrap_or(0));
    format!(
        "{}{}{} {used} used, {committed} committed, of {whole}",
        repeat("▓", used_cells),
        repeat("▒", held - used_cells),
        repeat("░", BAR_CELLS - held)
    )
}

/// A table in columns of equal width, of `most` units. Rows that do not fit are counted instead.
pub(super) fn table(columns: &[String], rows: &[Vec<String>], most: usize) -> String {
    let cell = |text: &String| cut(&clean(text).replace(['\n', '\t'], " "), CELL_MAX);
    let all: Vec<Vec<String>> = std::iter::once(columns)
        .chain(rows.iter().map(Vec::as_slice))
        .map(|row| row.iter().map(cell).collect())
        .collect();
    let count = all.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = all.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..count).map(width).collect();
    let mut text = String::new();
    for (index, row) in all.iter().enumerate() {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        let more = format!("… {} more rows", all.len() - index);
        if most < units(&text) + units(&line) + units(&more) + 2 {
            text.push_str(&more);
            return text;
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// Text that is shown: without control characters, and without those that make a line read in
/// another order than it was written.
pub(super) fn clean(text: &str) -> String {
    let is_shown = |letter: &char| match letter {
        '\n' | '\t' => true,
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => false,
        other => !other.is_control(),
    };
    text.chars().filter(is_shown).collect()
}

/// How chat platforms count a text: in UTF-16, so that an emoji is two.
pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The text, or its beginning and `…`, within `most` units.
pub(super) fn cut(text: &str, most: usize) -> String {
    if units(text) <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut left = most.saturating_sub(1);
    for letter in text.chars() {
        let Some(rest) = left.checked_sub(letter.len_utf16()) else {
            break;
        };
        left = rest;
        kept.push(letter);
    }
    if most > 0 {
        kept.push('…');
    }
    kept
}

/// A text where Slack allows no empty one.
pub(super) fn filled(text: &str, most: usize) -> String {
    let text = cut(&clean(text), most);
    if text.trim().is_empty() {
        "…".to_owned()
    } else {
        text
    }
}
