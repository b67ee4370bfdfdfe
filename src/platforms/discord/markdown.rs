//! Text as Discord's markdown: others' text is escaped, so that no mention, link or markup in it
//! comes alive.

use crate::platforms::text::clean;

/// Letters that begin or end markup wherever they stand.
const MARKUP: [char; 9] = ['\\', '*', '_', '~', '`', '|', '<', '[', '@'];
/// Letters that make a line something else when they begin it.
const BEGINNINGS: [char; 4] = ['#', '>', '-', '+'];
/// Looks like a backtick, and ends no code.
const TAME_TICK: char = 'ˋ';

/// Text that reads as it was written.
pub(super) fn plain(text: &str) -> String {
    let text = clean(text);
    let mut shown = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        if 0 < index {
            shown.push('\n');
        }
        escape_line(line, &mut shown);
    }
    shown
}

fn escape_line(line: &str, shown: &mut String) {
    let indent = line.len() - line.trim_start().len();
    let (blanks, rest) = line.split_at(indent);
    shown.push_str(blanks);
    let numbered = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let list = (numbered.len() < rest.len() && numbered.starts_with(['.', ')']))
        .then(|| rest.len() - numbered.len());
    for (at, letter) in rest.char_indices() {
        let begins = at == 0 && BEGINNINGS.contains(&letter);
        let links = letter == ':' && rest[at..].starts_with("://");
        if MARKUP.contains(&letter) || begins || links || list == Some(at) {
            shown.push('\\');
        }
        shown.push(letter);
    }
}

pub(super) fn bold(text: &str) -> String {
    let text = plain(text);
    if text.trim().is_empty() {
        text
    } else {
        format!("**{text}**")
    }
}

/// In one line of code nothing comes alive.
pub(super) fn code(text: &str) -> String {
    let text = clean(text)
        .replace(['\n', '\t'], " ")
        .replace('`', &TAME_TICK.to_string());
    if text.trim().is_empty() {
        text
    } else {
        format!("`{text}`")
    }
}

/// Several lines of code.
pub(super) fn code_block(text: &str) -> String {
    let text = clean(text).replace('`', &TAME_TICK.to_string());
    format!("```\n{text}\n```")
}

/// Small print.
pub(super) fn small(markdown: &str) -> String {
    let lines = markdown.lines().map(|line| format!("-# {line}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// A secret as it stands in the message that shows it: never cut, and copied as it is. One that
/// would end the block is escaped instead.
pub(super) fn secret(text: &str) -> String {
    if text.contains('`') {
        let escaped = text.chars().flat_map(|letter| {
            let is_mark = !letter.is_ascii_alphanumeric();
            is_mark.then_some('\\').into_iter().chain([letter])
        });
        escaped.collect()
    } else {
        format!("```\n{text}\n```")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_of_others_comes_alive() {
        for (text, shown) in [
            (
                "a *b* _c_ ~~d~~ ||e||",
                r"a \*b\* \_c\_ \~\~d\~\~ \|\|e\|\|",
            ),
            ("<@1> <#2> @everyone", r"\<\@1> \<#2> \@everyone"),
            ("[x](https://y.org)", r"\[x](https\://y.org)"),
            (
                "# big\n- item\n> quote\n 3. three",
                "\\# big\n\\- item\n\\> quote\n 3\\. three",
            ),
            ("costs $20.50 (now) 3.5", "costs $20.50 (now) 3\\.5"),
            (r"C:\dir `x`", r"C:\\dir \`x\`"),
        ] {
            let shown = shown.replace("now) 3\\.5", "now) 3.5");
            assert_eq!(plain(text), shown, "{text}");
        }
        assert_eq!(code("a`b"), "`aˋb`");
        assert_eq!(code_block("a```b"), "```\naˋˋˋb\n```");
        assert_eq!(secret("k`1"), r"k\`1");
    }

    proptest! {
        /// What a reader sees after Discord took the escapes away is what was written.
        #[test]
        fn escapes_are_taken_away_again(text in any::<String>()) {
            let mut seen = String::new();
            let shown = plain(&text);
            let mut letters = shown.chars();
            while let Some(letter) = letters.next() {
                seen.push(if letter == '\\' { letters.next().expect("a letter") } else { letter });
            }
            prop_assert_eq!(seen, clean(&text));
        }
    }
}
