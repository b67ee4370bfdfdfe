//! Discord's markdown as a person reads it.

use super::world::World;

/// A letter, and whether it was escaped or stands in code, so that it means itself.
type Letter = (char, bool);

/// Marks in pairs that Discord turns into bold, italic, underlined, struck or hidden text; the
/// longer ones first.
const MARKS: &[&str] = &["**", "__", "~~", "||", "*", "_"];
/// What begins a line and is not shown.
const LINE_MARKS: &[&str] = &["### ", "## ", "# ", "-# "];

/// The text as it is read; what in it is alive (mentions, links) is added to `alive`.
pub(super) fn read(world: &World, text: &str, alive: &mut Vec<String>) -> String {
    let mut letters = Vec::new();
    tokens(world, text, &mut letters, alive);
    let lines: Vec<String> = letters
        .split(|letter| *letter == ('\n', false))
        .map(line)
        .collect();
    lines.join("\n")
}

/// Mentions and links become names, escapes and code become letters that mean themselves.
fn tokens(world: &World, text: &str, letters: &mut Vec<Letter>, alive: &mut Vec<String>) {
    let literal = |letters: &mut Vec<Letter>, text: &str| {
        letters.extend(text.chars().map(|letter| (letter, true)));
    };
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '\\' => escaped(rest).map(|(letter, length)| {
                letters.push((letter, true));
                length
            }),
            '`' => code(rest).inspect(|&length| literal(letters, &rest[..length])),
            '<' => mention(world, rest, alive).map(|(name, length)| {
                literal(letters, &name);
                length
            }),
            '[' => masked(rest).map(|(label, url, length)| {
                alive.push(format!("link {url}"));
                tokens(world, label, letters, alive);
                length
            }),
            'h' if !before.is_alphanumeric() => link(rest).inspect(|&length| {
                alive.push(format!("link {}", &rest[..length]));
                literal(letters, &rest[..length]);
            }),
            _ => None,
        };
        let length = taken.unwrap_or_else(|| {
            letters.push((first, false));
            first.len_utf8()
        });
        before = first;
        rest = &rest[length..];
    }
}

fn escaped(text: &str) -> Option<(char, usize)> {
    let letter = text[1..].chars().next()?;
    letter.is_ascii_punctuation().then_some((letter, 2))
}

/// The length of a piece of code at the start of `text`, with its backticks.
fn code(text: &str) -> Option<usize> {
    let ticks = text.chars().take_while(|&letter| letter == '`').count();
    let fence = "`".repeat(ticks);
    let inner = &text[ticks..];
    let end = inner.find(&fence)?;
    (end > 0).then_some(ticks + end + ticks)
}

/// `[label](https://…)` at the start of `text`.
fn masked(text: &str) -> Option<(&str, &str, usize)> {
    let middle = text.find("](")?;
    let label = &text[1..middle];
    let end = middle + text[middle..].find(')')?;
    let url = &text[middle + 2..end];
    let whole = !label.is_empty() && !label.contains(['[', '\n']);
    (whole && link(url) == Some(url.len())).then_some((label, url, end + 1))
}

/// The length of a bare address at the start of `text`.
fn link(text: &str) -> Option<usize> {
    let scheme = ["https://", "http://"];
    let scheme = scheme.iter().find(|scheme| text.starts_with(**scheme))?;
    let end = text
        .find(|letter: char| letter.is_whitespace() || matches!(letter, '<' | '>' | ')'))
        .unwrap_or(text.len());
    (end > scheme.len()).then_some(end)
}

/// What stands between `<` and `>`, as it is shown.
fn mention(world: &World, text: &str, alive: &mut Vec<String>) -> Option<(String, usize)> {
    let end = text.find('>')?;
    let token = &text[1..end];
    let number = |id: &str| !id.is_empty() && id.bytes().all(|digit| digit.is_ascii_digit());
    let shown = if let Some(id) = token.strip_prefix("@&").filter(|id| number(id)) {
        let name = world
            .role(id)
            .map_or("deleted-role", |(_, role)| &role.name);
        alive.push(format!("role @{name}"));
        format!("@{name}")
    } else if let Some(id) = token
        .strip_prefix('@')
        .map(|id| id.trim_start_matches('!'))
        .filter(|id| number(id))
    {
        let name = world.handle(id);
        alive.push(format!("user @{name}"));
        format!("@{name}")
    } else if let Some(id) = token.strip_prefix('#').filter(|id| number(id)) {
        let name = world.channel(id).map_or("unknown", |one| &one.name);
        format!("#{name}")
    } else if let Some(time) = token.strip_prefix("t:") {
        let seconds = time.split(':').next().and_then(|text| text.parse().ok())?;
        let time = chrono::DateTime::from_timestamp(seconds, 0)?;
        time.format("%Y-%m-%d %H:%M").to_string()
    } else if let Some(command) = token.strip_prefix('/').filter(|one| one.contains(':')) {
        format!("/{}", command.split(':').next().unwrap_or_default())
    } else if link(token) == Some(token.len()) {
        alive.push(format!("link {token}"));
        token.to_owned()
    } else {
        return None;
    };
    Some((shown, end + 1))
}

fn line(letters: &[Letter]) -> String {
    let starts = |mark: &str| {
        mark.chars()
            .enumerate()
            .all(|(at, letter)| letters.get(at) == Some(&(letter, false)))
    };
    if let Some(mark) = LINE_MARKS.iter().find(|mark| starts(mark)) {
        return plain(&letters[mark.chars().count()..]);
    }
    if starts("- ") || starts("* ") {
        return format!("• {}", plain(&letters[2..]));
    }
    plain(letters)
}

/// A line without the marks that come in pairs.
fn plain(letters: &[Letter]) -> String {
    let mut read = String::new();
    let mut at = 0;
    while at < letters.len() {
        let pair = MARKS.iter().find_map(|mark| {
            let end = closing(letters, at, mark)?;
            Some((mark.len(), end))
        });
        if let Some((mark, end)) = pair {
            read.push_str(&plain(&letters[at + mark..end]));
            at = end + mark;
        } else {
            read.push(letters[at].0);
            at += 1;
        }
    }
    read
}

/// Where the mark that opens at `at` is closed.
fn closing(letters: &[Letter], at: usize, mark: &str) -> Option<usize> {
    let is = |from: usize| {
        mark.chars()
            .enumerate()
            .all(|(n, letter)| letters.get(from + n) == Some(&(letter, false)))
    };
    let letter = |at: usize| letters.get(at).map(|letter| letter.0);
    let single = mark.len() == 1;
    let word = |at: Option<usize>| {
        let letter = at.and_then(letter);
        mark == "_" && letter.is_some_and(char::is_alphanumeric)
    };
    if !is(at) || word(at.checked_sub(1)) {
        return None;
    }
    let first = at + mark.len();
    if single && letter(first).is_none_or(char::is_whitespace) {
        return None;
    }
    (first + 1..letters.len()).find(|&end| {
        let double = single && (is(end + 1) || (end > first && is(end - 1)));
        let gap = single && letter(end - 1).is_some_and(char::is_whitespace);
        is(end) && !double && !gap && !word(Some(end + mark.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Clock;

    #[test]
    fn marks_disappear_only_where_discord_would_show_them() {
        let world = World::new(Clock::new(0), String::new(), String::new());
        for (text, shown) in [
            ("**bold** and *it* or _it_", "bold and it or it"),
            ("__under__ ~~gone~~ ||hidden||", "under gone hidden"),
            ("snake_case_name 2 * 3 * 4", "snake_case_name 2 * 3 * 4"),
            ("\\*not it\\* \\_nor it\\_", "*not it* _nor it_"),
            ("`**code**` stays", "`**code**` stays"),
            ("**a *b* c**", "a b c"),
            (
                "# Title\n-# small\n- one\n\\# no title",
                "Title\nsmall\n• one\n# no title",
            ),
            ("**open", "**open"),
            (
                "<@&1> <#2> <t:0:R> </slice:7>",
                "@deleted-role #unknown 1970-01-01 00:00 /slice",
            ),
            ("a < b > c", "a < b > c"),
        ] {
            assert_eq!(read(&world, text, &mut Vec::new()), shown, "{text}");
        }
    }

    #[test]
    fn links_and_mentions_are_alive_unless_escaped() {
        let world = World::new(Clock::new(0), String::new(), String::new());
        let mut alive = Vec::new();
        let text = "[here](https://a.example/x) http://b.example <https://c.example> <@7> \
                    \\<@8> `<@9>` \\[no](https";
        let shown = read(&world, text, &mut alive);
        assert_eq!(
            shown,
            "here http://b.example https://c.example @7 <@8> `<@9>` [no](https"
        );
        assert_eq!(
            alive,
            [
                "link https://a.example/x",
                "link http://b.example",
                "link https://c.example",
                "user @7"
            ]
        );
    }
}
