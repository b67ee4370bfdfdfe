//! A line as words: blanks, quotes and backslashes, one word at a time.
//!
//! A quote opens only at the start of a word, so that `5"` and `don't` are words like any other.
//! Angle brackets of a mention hold together. What is not read as words stays as it was typed.

/// A longer line is refused before it is read.
pub const LINE_CHARS_MAX: usize = 4_000;
/// A mention is shorter than this; a `<` without its `>` nearby is a plain letter.
const MENTION_BYTES_MAX: usize = 200;

/// One word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    /// Nothing in it was quoted or escaped, so it may be a keyword.
    pub bare: bool,
}

/// A quote was opened at the start of a word and never closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unclosed;

/// Reads a line from left to right. A copy of it looks ahead.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    rest: &'a str,
}

/// Text without what no text needs: control characters other than line ends.
pub fn clean(text: &str) -> String {
    let text = text
        .replace("\r\n", "\n")
        .replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    let text = text.replace('\t', " ");
    text.chars()
        .filter(|letter| *letter == '\n' || !letter.is_control())
        .collect()
}

impl<'a> Words<'a> {
    pub fn new(line: &'a str) -> Self {
        Self { rest: line.trim() }
    }

    /// All that was not read yet, without blanks around it.
    pub fn rest(&self) -> &'a str {
        self.rest
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Leaves nothing to read.
    pub fn finish(&mut self) {
        self.rest = "";
    }

    /// The next word; `None` at the end of the line.
    pub fn take(&mut self) -> Result<Option<Word>, Unclosed> {
        let Some(first) = self.rest.chars().next() else {
            return Ok(None);
        };
        let (word, rest) = if is_quote(first) {
            quoted(self.rest, first)?
        } else if let Some(length) = mention_length(self.rest) {
            let (mention, rest) = self.rest.split_at(length);
            (
                Word {
                    text: mention.to_owned(),
                    bare: true,
                },
                rest,
            )
        } else {
            plain(self.rest)
        };
        self.rest = rest.trim_start();
        Ok(Some(word))
    }
}

pub fn is_quote(letter: char) -> bool {
    matches!(letter, '"' | '“' | '”' | '„')
}

/// A straight quote ends with a straight one; a curly one ends with any, because phones mix them.
fn closes(open: char, letter: char) -> bool {
    if open == '"' {
        letter == '"'
    } else {
        is_quote(letter)
    }
}

fn quoted(line: &str, open: char) -> Result<(Word, &str), Unclosed> {
    let mut text = String::new();
    let mut letters = line.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if closes(open, letter) {
            let rest = &line[at + letter.len_utf8()..];
            return Ok((Word { text, bare: false }, rest));
        }
        let escaped = letter == '\\'
            && letters
                .peek()
                .is_some_and(|(_, next)| *next == '\\' || is_quote(*next));
        match letters.peek() {
            Some((_, next)) if escaped => {
                text.push(*next);
                letters.next();
            }
            _ => text.push(letter),
        }
    }
    Err(Unclosed)
}

fn plain(line: &str) -> (Word, &str) {
    let mut word = Word {
        text: String::new(),
        bare: true,
    };
    let mut letters = line.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter.is_whitespace() {
            return (word, &line[at..]);
        }
        match letters.peek() {
            Some((_, next)) if letter == '\\' && is_escapable(*next) => {
                word.text.push(*next);
                word.bare = false;
                letters.next();
            }
            _ => word.text.push(letter),
        }
    }
    (word, "")
}

fn is_escapable(letter: char) -> bool {
    letter == '\\' || letter == '<' || letter.is_whitespace() || is_quote(letter)
}

/// The length in bytes of the mention that the line begins with.
fn mention_length(line: &str) -> Option<usize> {
    if !["<@", "<#", "<!"]
        .iter()
        .any(|start| line.starts_with(start))
    {
        return None;
    }
    let end = line.find(['>', '\n'])?;
    (end < MENTION_BYTES_MAX && line.as_bytes()[end] == b'>').then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use slice_core::sentences::quote;

    fn all(line: &str) -> Result<Vec<String>, Unclosed> {
        let mut words = Words::new(line);
        let mut found = vec![];
        while let Some(word) = words.take()? {
            found.push(word.text);
        }
        Ok(found)
    }

    #[test]
    fn what_people_type() {
        for (line, words) in [
            ("  a   b ", vec!["a", "b"]),
            (r#"as "my key" x"#, vec!["as", "my key", "x"]),
            ("as “my key” x", vec!["as", "my key", "x"]),
            (r#"as “my key" x"#, vec!["as", "my key", "x"]),
            (r#""a \"b\" \\ c\d""#, vec![r#"a "b" \ c\d"#]),
            (r#"5" don't C:\dir"#, vec!["5\"", "don't", r"C:\dir"]),
            (r"two\ words", vec!["two words"]),
            ("<@U1|ana maria> 5", vec!["<@U1|ana maria>", "5"]),
            ("a < b", vec!["a", "<", "b"]),
            (r#""" x"#, vec!["", "x"]),
        ] {
            assert_eq!(
                all(line),
                Ok(words.into_iter().map(str::to_owned).collect()),
                "{line}"
            );
        }
        assert_eq!(all(r#"as "my key"#), Err(Unclosed));
    }

    proptest! {
        #[test]
        fn no_line_panics(line in any::<String>()) {
            let _ = all(&clean(&line));
        }

        #[test]
        fn what_is_quoted_comes_back(text in any::<String>()) {
            let text = clean(&text);
            prop_assert_eq!(all(&quote(&text)), Ok(vec![text]));
        }
    }
}
