//! A command whose inputs a platform showed one by one, so that nothing has to be told apart.

use crate::{
    all::ALL,
    args::{Args, Kind, Shape},
    grammar::{Command, Parsed},
    meant,
    words::{self, LINE_CHARS_MAX, Words},
};
use slice_core::{
    refusal::{Refusal, shorten},
    secret::looks_like_a_key,
};

/// Understands a command by its name and texts by the names of its parameters. Blank ones are as if
/// never said; those that only buttons or forms say are not known here.
pub fn filled(command: &str, arguments: &[(String, String)]) -> Result<Parsed, Refusal> {
    let named = ALL
        .iter()
        .find(|known| known.name == command && !known.hidden);
    let named = named.ok_or_else(|| meant::command(command))?;
    let mut args = Args::default();
    for (name, text) in arguments {
        let shape = input(named, name).ok_or_else(|| Refusal::Usage {
            said: shorten(name),
            hint: format!("It goes like this: {}.", named.usage()),
            meant: vec![],
        })?;
        let text = readable(shape, text)?;
        if text.is_empty() {
            continue;
        }
        if let Kind::Terms(max) = shape.kind {
            wishes(&mut args, (shape, max), &text)?;
            continue;
        }
        let value = shape.read(&text).map_err(|bad| shape.refuse(&text, bad))?;
        args.set(shape.name, value);
    }
    Parsed::new(named, args, false)
}

/// Words as they stand in a typed line.
fn wishes(args: &mut Args, (shape, max): (&Shape, u32), text: &str) -> Result<(), Refusal> {
    let mut words = Words::new(text);
    while let Some(word) = words.take().unwrap_or_default() {
        args.add(shape.name, &word.text, max)
            .map_err(|bad| shape.refuse(text, bad))?;
    }
    Ok(())
}

/// The parameter that people may fill in under this name.
pub(crate) fn input(command: &'static Command, name: &str) -> Option<&'static Shape> {
    command
        .params
        .iter()
        .find(|shape| shape.name == name && !shape.hidden && shape.kind != Kind::Secret)
}

fn readable(shape: &Shape, text: &str) -> Result<String, Refusal> {
    if looks_like_a_key(text) {
        return Err(Refusal::LooksLikeAKey);
    }
    let chars = text.chars().count();
    if LINE_CHARS_MAX < chars {
        return Err(Refusal::Usage {
            said: shorten(text),
            hint: format!("It has {chars} characters; {LINE_CHARS_MAX} is the most."),
            meant: vec![],
        });
    }
    let text = words::clean(text);
    Ok(match shape.kind {
        // `2 weeks` is one life here as it is in a line.
        Kind::Life => text.split_whitespace().collect(),
        _ => text.trim().to_owned(),
    })
}
