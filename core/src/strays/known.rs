//! Which keys that a provider lists are accounted for by some books.

use crate::{
    grant::{KeyState, State},
    ports::Listed,
};

/// A key of some books with the label or the id of a listed one.
#[derive(Clone, Debug)]
pub struct Alike {
    pub provider_id: Option<String>,
    pub key: KeyState,
    pub grant: State,
}

impl Alike {
    /// Whether it is the listed one, or accounts for it. A key that is being made or looked for has no id
    /// yet, and what an ended grant leaves behind is the sweeper's; but beside a grant's key that stands,
    /// a second one with its label is nobody's.
    fn knows(&self, listed: &Listed) -> bool {
        match self.provider_id.as_deref() {
            _ if self.key == KeyState::Gone => self.leaves(listed),
            Some(id) if id == listed.provider_id => true,
            Some(_) => !matches!(self.grant, State::Active | State::Suspended(_)),
            None => true,
        }
    }

    /// What was stopped and deleted may be shown for a moment longer. Nobody looks any more for what the
    /// books call gone: an order that arrives so late is a finding, and so is a key that is back and can
    /// spend.
    fn leaves(&self, listed: &Listed) -> bool {
        let can_spend = listed
            .meter
            .as_ref()
            .is_some_and(|meter| !meter.is_disabled);
        self.provider_id.as_deref() == Some(listed.provider_id.as_str()) && !can_spend
    }
}

/// Whether a listed key is one that some books know.
pub fn is_known(listed: &Listed, alike: &[Alike]) -> bool {
    alike.iter().any(|one| one.knows(listed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        grant::End,
        money::Money,
        ports::{Ceiling, Meter},
    };

    fn listed(is_disabled: bool) -> Listed {
        Listed {
            label: "slice/a/1".into(),
            provider_id: "a".into(),
            meter: Some(Meter {
                usage: Money::ZERO,
                ceiling: Ceiling::At(Money::ZERO),
                is_disabled,
                cursor: None,
                missing: None,
            }),
            facts: vec![],
        }
    }

    fn known(row: (Option<&str>, KeyState, State), is_disabled: bool) -> bool {
        let (id, key, grant) = row;
        let provider_id = id.map(str::to_owned);
        let alike = Alike {
            provider_id,
            key,
            grant,
        };
        is_known(&listed(is_disabled), &[alike])
    }

    #[test]
    fn a_key_that_is_made_looked_for_held_or_swept_is_known() {
        let ended = State::Ended(End::Revoked);
        for row in [
            (None, KeyState::Intended, State::Issuing),
            (None, KeyState::Intended, State::InDoubt),
            (None, KeyState::Intended, State::Revoking(End::Revoked)),
            (Some("a"), KeyState::Armed, State::Active),
            (Some("a"), KeyState::Disabled, ended),
            (Some("b"), KeyState::Disabled, ended),
        ] {
            assert!(known(row, false) && known(row, true), "{row:?}");
        }
        assert!(
            known((Some("a"), KeyState::Gone, ended), true),
            "just deleted"
        );
    }

    #[test]
    fn what_nobody_looks_for_is_a_finding() {
        let ended = State::Ended(End::Failed);
        for row in [
            (Some("b"), KeyState::Armed, State::Active),
            (None, KeyState::Gone, ended),
            (None, KeyState::Gone, State::Active),
            (None, KeyState::Gone, State::Reserved),
            (Some("b"), KeyState::Gone, ended),
            (Some("a"), KeyState::Gone, ended),
        ] {
            assert!(!known(row, false), "{row:?}");
        }
        assert!(!is_known(&listed(false), &[]));
    }
}
