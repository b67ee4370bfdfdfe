//! What a button or form carries in its `custom_id`: what a click on it means, in which server, and
//! for which action. The edge checks that the action belongs to that server's org; who clicks is
//! what Discord says.

use super::is_id;
use slice_core::ids::{ActionId, WorkspaceId};
use std::fmt;

/// What a click or a submission means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// Do it.
    Act,
    /// Ask whether it is meant; Discord's buttons have no question of their own.
    Ask,
    /// Show the form that was remembered under this action.
    Open,
    /// The form of this action was sent.
    Form,
}

impl Means {
    const ALL: [Self; 4] = [Self::Act, Self::Ask, Self::Open, Self::Form];

    fn word(self) -> &'static str {
        match self {
            Self::Act => "act",
            Self::Ask => "ask",
            Self::Open => "open",
            Self::Form => "form",
        }
    }
}

/// A `custom_id` of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub means: Means,
    /// In a direct message nothing else tells which server is meant.
    pub guild: WorkspaceId,
    pub action: ActionId,
    /// In which letter it stands, so that the letter is found again: Discord's history does not give
    /// nonces back.
    pub letter: Option<String>,
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.means.word(), self.guild, self.action)?;
        match &self.letter {
            Some(letter) => write!(f, ":{letter}"),
            None => Ok(()),
        }
    }
}

impl Tag {
    pub fn read(custom_id: &str) -> Option<Self> {
        let mut parts = custom_id.split(':');
        let word = parts.next()?;
        let means = Means::ALL.into_iter().find(|means| means.word() == word)?;
        let guild = parts.next().filter(|id| is_id(id)).map(WorkspaceId::new)?;
        let action = parts.next()?.parse().ok()?;
        let letter = parts.next().map(str::to_owned);
        parts.next().is_none().then_some(Self {
            means,
            guild,
            action,
            letter,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUSTOM_ID_MAX: usize = 100;

    #[test]
    fn a_tag_comes_back_and_fits() {
        let letters = [None, Some("n".repeat(22))];
        let all = Means::ALL
            .into_iter()
            .flat_map(|means| letters.clone().map(|letter| (means, letter)));
        for (means, letter) in all {
            let guild = WorkspaceId::new("9".repeat(20));
            let action = ActionId::from_random([7; 16]);
            let tag = Tag {
                means,
                guild,
                action,
                letter,
            };
            let text = tag.to_string();
            assert!(text.len() <= CUSTOM_ID_MAX);
            assert_eq!(Tag::read(&text), Some(tag));
        }
        for other in [
            "",
            "act",
            "act:1",
            "act:x:7",
            "act:1:2",
            "other:1:2",
            "act:1:2:3:4",
        ] {
            assert_eq!(Tag::read(other), None, "{other}");
        }
    }
}
