//! Slack's escapes in a command line: live mentions stay, everything else becomes what was typed.
//!
//! With `should_escape` Slack sends mentions and links in angle brackets and typed `&`, `<`, `>` as
//! entities, so both can be told apart. The grammar sees one text, so:
//!
//! * a mentioned person becomes `<@U1>`; a channel or user group stays as Slack wrote it
//!   (`<#C1|name>`, `<!subteam^S1|@name>`);
//! * links become their typed text, broadcasts `@channel`, `@here`, `@everyone`;
//! * entities become their characters, except that a typed `<` before `@`, `#` or `!` becomes the
//!   full-width `＜`: what was typed never turns into a mention, and still reads the same.

use slice_core::{ids::UserId, inbound::mention};

const FULL_WIDTH_LESS: char = '＜';

enum Part {
    Live(String),
    Typed(String),
}

/// What a person typed after the command, as the grammar reads it.
pub(super) fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut typed = String::new();
    for part in parts(text) {
        match part {
            Part::Typed(text) => typed.push_str(&text),
            Part::Live(mention) => {
                line.push_str(&lifeless(&std::mem::take(&mut typed)));
                line.push_str(&mention);
            }
        }
    }
    line.push_str(&lifeless(&typed));
    line
}

fn parts(text: &str) -> Vec<Part> {
    let mut parts = vec![];
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        parts.push(Part::Typed(unescape(&rest[..start])));
        let inside = &rest[start + 1..];
        let Some(end) = inside
            .find(['<', '>'])
            .filter(|end| inside[*end..].starts_with('>'))
        else {
            parts.push(Part::Typed("<".to_owned()));
            rest = inside;
            continue;
        };
        parts.push(bracketed(&inside[..end]));
        rest = &inside[end + 1..];
    }
    parts.push(Part::Typed(unescape(rest)));
    parts
}

/// What stands between angle brackets that Slack wrote.
fn bracketed(inside: &str) -> Part {
    let (target, label) = match inside.split_once('|') {
        Some((target, label)) => (target, Some(label)),
        None => (inside, None),
    };
    if let Some(user) = target.strip_prefix('@').filter(|id| is_id(id)) {
        return Part::Live(mention(&UserId::new(user)));
    }
    let group = target
        .strip_prefix('#')
        .or_else(|| target.strip_prefix("!subteam^"));
    if group.is_some_and(is_id) {
        return Part::Live(format!("<{inside}>"));
    }
    Part::Typed(match (target.strip_prefix('!'), label) {
        (_, Some(label)) if !label.is_empty() => unescape(label),
        (Some(broadcast), _) => format!("@{}", unescape(broadcast)),
        (None, _) => unescape(target.strip_prefix("mailto:").unwrap_or(target)),
    })
}

/// Slack's ids are capital letters and digits.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

fn lifeless(typed: &str) -> String {
    let mut letters = typed.chars().peekable();
    let mut text = String::with_capacity(typed.len());
    while let Some(letter) = letters.next() {
        let begins = letter == '<' && letters.peek().is_some_and(|next| "@#!".contains(*next));
        text.push(if begins { FULL_WIDTH_LESS } else { letter });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_stay_and_typed_text_comes_back() {
        for (sent, read) in [
            ("allocate <@U1|ana> 100", "allocate <@U1> 100"),
            ("allocate <@U1> 100", "allocate <@U1> 100"),
            (
                "roles bind <#C1|owners> owner",
                "roles bind <#C1|owners> owner",
            ),
            (
                "roles bind <!subteam^S1|@leads> owner",
                "roles bind <!subteam^S1|@leads> owner",
            ),
            (
                "because a &lt; b &amp;&amp; c &gt; d",
                "because a < b && c > d",
            ),
            (
                "see <http://x.org|x.org> or <https://y.org>",
                "see x.org or https://y.org",
            ),
            ("mail <mailto:a@b.org|a@b.org>", "mail a@b.org"),
            ("<!channel> and <!here|here>", "@channel and here"),
            ("&amp;lt;@U1&amp;gt;", "&lt;@U1&gt;"),
            ("", ""),
        ] {
            assert_eq!(line(sent), read);
        }
    }

    #[test]
    fn typed_brackets_never_become_a_mention() {
        for sent in [
            "&lt;@U1&gt;",
            "&lt;#C1|x&gt;",
            "&lt;!subteam^S1&gt;",
            "&lt;<http://x|@U1&gt;>",
            "<http://x|&lt;@U1&gt;>",
            "<<@ U1>",
            "<@u1|x>",
            "<@",
            "&lt;&lt;@U1&gt;&gt;",
        ] {
            let read = line(sent);
            assert!(
                !["<@", "<#", "<!"].iter().any(|mark| read.contains(mark)),
                "{sent}: {read}"
            );
        }
    }
}
