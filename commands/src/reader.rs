//! The arguments of a line, read from left to right: by place, by keyword, or up to the end.

use crate::{
    args::{Args, Bad, Kind, Shape, Value},
    grammar::{Command, Parsed},
    meant,
    words::{Unclosed, Word, Words, is_quote},
};
use slice_core::refusal::{Refusal, shorten};

/// Reads the arguments of a command from left to right.
pub struct Reader<'a> {
    line: &'a str,
    command: &'static Command,
    args: Args,
    wants_form: bool,
}

impl<'a> Reader<'a> {
    pub fn new(line: &'a str, command: &'static Command) -> Self {
        Self {
            line,
            command,
            args: Args::default(),
            wants_form: false,
        }
    }

    pub fn read(mut self, mut words: Words<'_>) -> Result<Parsed, Refusal> {
        while !words.is_empty() {
            if self.asks_for_form(words) {
                self.wants_form = true;
                break;
            }
            if let Some(shape) = self.tail_is_next(words) {
                self.tail(shape, &mut words)?;
                continue;
            }
            let Some(word) = self.take(&mut words)? else {
                break;
            };
            match self.command.keyword(&word) {
                Some(shape) => self.named(shape, &word, &mut words)?,
                None => self.placed(&word, words)?,
            }
        }
        let Self {
            command,
            args,
            wants_form,
            ..
        } = self;
        Parsed::new(command, args, wants_form)
    }

    fn take(&self, words: &mut Words<'_>) -> Result<Option<Word>, Refusal> {
        words.take().map_err(|Unclosed| Refusal::Usage {
            said: shorten(self.line),
            hint: "A quote is opened and not closed.".into(),
            meant: vec![],
        })
    }

    /// The line's last word asks for the form: buttons say `approve 12 less`, `deny 12 form`.
    fn asks_for_form(&self, words: Words<'_>) -> bool {
        self.command.form.is_some() && ["form", "less"].contains(&words.rest())
    }

    /// The parameter that takes the rest of the line, if all places before it are taken and no
    /// other parameter's keyword stands here.
    fn tail_is_next(&self, mut words: Words<'_>) -> Option<&'static Shape> {
        let mut places = self.command.params.iter().filter(|shape| shape.has_place());
        let next = places.find(|shape| self.args.find(shape.name).is_none())?;
        let Kind::Rest(_) = next.kind else {
            return None;
        };
        let keyword = words
            .take()
            .ok()
            .flatten()
            .and_then(|word| self.command.keyword(&word));
        keyword.is_none().then_some(next)
    }

    fn named(
        &mut self,
        shape: &'static Shape,
        keyword: &Word,
        words: &mut Words<'_>,
    ) -> Result<(), Refusal> {
        let refuse = |hint: String| {
            Err(Refusal::Usage {
                said: shorten(self.line),
                hint,
                meant: vec![],
            })
        };
        if self.args.find(shape.name).is_some() {
            return refuse(format!("The {} is said twice.", shape.name));
        }
        if shape.kind == Kind::Flag {
            self.args.set(shape.name, Value::Flag);
            return Ok(());
        }
        if words.is_empty() {
            let (word, usage) = (&keyword.text, self.command.usage());
            return refuse(format!(
                "After “{word}” comes the {}: `/slice {usage}`.",
                shape.name
            ));
        }
        if matches!(shape.kind, Kind::Rest(_)) {
            return self.tail(shape, words);
        }
        let Some(mut word) = self.take(words)? else {
            return Ok(());
        };
        if shape.kind == Kind::Life {
            join_unit(&mut word, words);
        }
        self.set(shape, &word.text)
    }

    fn set(&mut self, shape: &'static Shape, text: &str) -> Result<(), Refusal> {
        let value = shape.read(text).map_err(|bad| shape.refuse(text, bad))?;
        self.args.set(shape.name, value);
        Ok(())
    }

    /// A word without a keyword goes to the first free place that it fits. Only optional places
    /// are passed over.
    fn placed(&mut self, word: &Word, after: Words<'_>) -> Result<(), Refusal> {
        let mut first: Option<Refusal> = None;
        let free = self.command.params.iter().filter(|shape| shape.has_place());
        for shape in free {
            if self.args.find(shape.name).is_some() {
                continue;
            }
            if let Kind::Terms(_) = shape.kind {
                continue;
            }
            match shape.read(&word.text) {
                Ok(value) => {
                    self.args.set(shape.name, value);
                    return Ok(());
                }
                Err(Bad::Key) => return Err(Refusal::LooksLikeAKey),
                Err(bad) => {
                    first = Some(first.unwrap_or_else(|| shape.refuse(&word.text, bad)));
                }
            }
            if shape.required {
                break;
            }
        }
        let guess = meant::keyword(self.command, self.line, word, after);
        if guess.is_none() && first.is_none() && self.wish(word)? {
            return Ok(());
        }
        match (guess, first) {
            (Some(guess), _) => Err(guess),
            (None, Some(refusal)) => Err(refusal),
            (None, None) => Err(self.unexpected(word)),
        }
    }

    /// What no other parameter takes is for the service, if the command has one to understand it.
    fn wish(&mut self, word: &Word) -> Result<bool, Refusal> {
        let mut params = self.command.params.iter();
        let terms = params.find_map(|shape| match shape.kind {
            Kind::Terms(max) => Some((shape, max)),
            _ => None,
        });
        let Some((shape, max)) = terms else {
            return Ok(false);
        };
        let said = shape.read(&word.text).map(|_| ());
        said.and_then(|()| self.args.add(shape.name, &word.text, max))
            .map_err(|bad| shape.refuse(&word.text, bad))?;
        Ok(true)
    }

    fn unexpected(&self, word: &Word) -> Refusal {
        let takes_secret = self
            .command
            .params
            .iter()
            .any(|shape| shape.kind == Kind::Secret);
        if takes_secret {
            return Refusal::sentence(format!(
                "Slice refused that line unread and stored nothing: a key goes into the form that \
                 “/slice {}” opens, never into a message. If what you typed was a key, it has been in a \
                 chat message now: rotate it at its provider.",
                self.command.usage()
            ));
        }
        let hint = format!(
            "It goes like this: `/slice {}`. Words that belong together go in quotes.",
            self.command.usage()
        );
        Refusal::Usage {
            said: shorten(&word.text),
            hint,
            meant: vec![],
        }
    }

    /// Everything up to the end, as it was typed; or one quoted text, if nothing but another
    /// keyword follows.
    fn tail(&mut self, shape: &'static Shape, words: &mut Words<'_>) -> Result<(), Refusal> {
        let raw = words.rest();
        if raw.starts_with(is_quote) {
            let mut after = *words;
            if let Ok(Some(word)) = after.take() {
                let next = after;
                let follows = { after }.take().ok().flatten();
                let keyword = follows.and_then(|word| self.command.keyword(&word));
                if next.is_empty() || keyword.is_some() {
                    *words = next;
                    return self.set(shape, &word.text);
                }
            }
        }
        words.finish();
        self.set(shape, raw)
    }
}

/// `2 weeks` is a life of two words.
fn join_unit(word: &mut Word, words: &mut Words<'_>) {
    let mut after = *words;
    let Ok(Some(unit)) = after.take() else {
        return;
    };
    let units = [
        "h", "hour", "hours", "d", "day", "days", "w", "week", "weeks",
    ];
    let is_number = word.text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && units.contains(&unit.text.to_lowercase().as_str()) {
        word.text = format!("{}{}", word.text, unit.text.to_lowercase());
        *words = after;
    }
}
