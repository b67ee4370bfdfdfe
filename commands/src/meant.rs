//! "Did you mean": guesses for lines that make no command.

use crate::{
    all::ALL,
    grammar::Command,
    words::{Word, Words},
};
use slice_core::{
    refusal::{Refusal, shorten},
    settings::ZONES,
};

/// More guesses would be noise.
const GUESSES_MAX: usize = 2;
/// So many commands of a group are named where its second word is unknown.
const MEMBERS_MAX: usize = 6;

/// The refusal of a line that begins with no command.
pub fn command(line: &str) -> Refusal {
    let mut words = Words::new(line);
    let mut take = || {
        let word = words.take().ok().flatten()?;
        Some((word.text.to_lowercase(), words.rest().to_owned()))
    };
    let first = take().unwrap_or_default();
    let second = take();
    let shown = || ALL.iter().filter(|command| !command.hidden);
    let guess = |command: &Command| guess(command.name, &first, second.as_ref());
    let mut guesses: Vec<_> = shown().filter_map(guess).collect();
    guesses.sort_by_key(|(far, _)| *far);
    let mut meant: Vec<_> = guesses
        .into_iter()
        .map(|(_, guess)| guess)
        .filter(|guess| guess.trim() != line.trim())
        .take(GUESSES_MAX)
        .collect();
    if meant.is_empty() {
        let group = format!("{} ", first.0);
        let members = shown().filter(|command| command.name.starts_with(&group));
        meant = members
            .map(|command| command.name.to_owned())
            .take(MEMBERS_MAX)
            .collect();
    }
    Refusal::Usage {
        said: shorten(line),
        hint: "That is no command; `/slice help` lists them.".into(),
        meant: meant.iter().map(|line| shorten(line.trim())).collect(),
    }
}

/// The line with this command's name in place of what was typed, if that is near. Words come with
/// what follows them.
fn guess(
    name: &str,
    (first, after): &(String, String),
    second: Option<&(String, String)>,
) -> Option<(usize, String)> {
    let line = |far: usize, name: &str, rest: &str| Some((far, format!("{name} {rest}")));
    match (name.split_once(' '), second) {
        (None, _) => line(near(first, name)?, name, after),
        (Some((group, member)), Some((second, rest))) => {
            line(near(first, group)? + near(second, member)?, name, rest)
        }
        (Some((group, "list" | "show")), None) => line(near(first, group)?, group, ""),
        (Some(_), None) => None,
    }
}

/// A word that has no place, but is nearly a keyword of the command.
pub fn keyword(command: &Command, line: &str, word: &Word, after: Words<'_>) -> Option<Refusal> {
    if !word.bare {
        return None;
    }
    let typed = word.text.to_lowercase();
    let keywords = command.params.iter().filter_map(|shape| shape.keyword);
    let guesses = keywords.filter_map(|keyword| Some((near(&typed, keyword)?, keyword)));
    let (_, keyword) = guesses.min()?;
    let before = line.trim_end().strip_suffix(after.rest())?.trim_end();
    let before = before.strip_suffix(word.text.as_str())?;
    let corrected = format!("{before}{keyword} {}", after.rest());
    Some(Refusal::Usage {
        said: shorten(&word.text),
        hint: format!("It goes like this: `/slice {}`.", command.usage()),
        meant: vec![shorten(corrected.trim())],
    })
}

/// The time zones whose name, or whose city's, is nearly this.
pub fn zones(typed: &str) -> Vec<&'static str> {
    let typed = typed.trim().to_lowercase().replace(' ', "_");
    let far = |name: &'static str| {
        let whole = name.to_lowercase();
        let city = whole.rsplit('/').next()?;
        let far = [whole.as_str(), city].into_iter();
        Some((far.filter_map(|one| near(&typed, one)).min()?, name))
    };
    let mut zones: Vec<_> = ZONES.iter().filter_map(|zone| far(zone.name())).collect();
    zones.sort_unstable();
    let names = zones.into_iter().map(|(_, name)| name);
    names.take(GUESSES_MAX).collect()
}

/// How far two words are apart, if they are near enough for a slip of the fingers.
fn near(typed: &str, name: &str) -> Option<usize> {
    let longest = typed.chars().count().max(name.chars().count());
    let shortest = typed.chars().count().min(name.chars().count());
    let allowed = (shortest / 3).clamp(1, 3);
    if shortest < 2 || longest > shortest + allowed {
        return None;
    }
    Some(distance(typed, name)).filter(|far| *far <= allowed)
}

/// Edits between two words: a letter more, less, or another one, or two that changed places.
fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for (i, letter) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, with) in other.iter().enumerate() {
            let swap = usize::from(letter != with);
            let mut least = (rows[i][j] + swap).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if 0 < i && 0 < j && one[i - 1] == *with && *letter == other[j - 1] {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_near_and_others_are_not() {
        assert_eq!(near("provison", "provision"), Some(1));
        assert_eq!(near("becuase", "because"), Some(1));
        assert_eq!(near("vualt add", "vault add"), Some(1));
        assert_eq!(near("hello", "provision"), None);
        assert_eq!(near("x", "as"), None);
    }

    #[test]
    fn zones_are_found_by_their_cities() {
        assert_eq!(zones("berlin"), ["Europe/Berlin"]);
        assert_eq!(zones("europe/pariss"), ["Europe/Paris"]);
        assert_eq!(zones("new york"), ["America/New_York"]);
        assert_eq!(zones("Mars/Olympus"), [""; 0]);
    }
}
