//! Standing still and going on again: each function is the pure part of one transaction.
//!
//! A suspended grant keeps its money. The move is recorded first; a worker tells the provider next.

use crate::{
    books::{Books, Entry, Member, Scope},
    desk::Desk,
    event::{Actor, Event},
    grant::{End, Grant, KeyState, Pause, State},
    ids::{MemberId, OrgId, Workspace},
    money::Money,
    refusal::Refusal,
};

fn moved(grant: &Grant, to: State, by: Option<MemberId>) -> Event {
    Event::GrantMoved {
        grant: grant.id,
        from: grant.state,
        to,
        by,
        why: None,
    }
}

/// Suspends every active grant of the books' member that `which` picks.
pub fn suspend(member: &Member, pause: Pause, which: impl Fn(&Grant) -> bool) -> Entry {
    let to = State::Suspended(pause);
    let active = member.grants.iter().filter(|grant| {
        // A grant that is suspended for another reason stays so.
        grant.state == State::Active && which(grant)
    });
    active.fold(Entry::default(), |entry, grant| {
        entry.and(moved(grant, to, None))
    })
}

/// Lets every grant of the books' member go on that stands still for this reason. Their money was
/// held all the while; where a cut or a month's turn has left an excess since, nothing goes on.
pub fn resume(books: &Books, pause: Pause) -> Result<Entry, Refusal> {
    let member = books.member.as_ref().ok_or(Refusal::NoAllocation)?;
    let still = |grant: &&Grant| grant.state == State::Suspended(pause);
    let mut entry = Entry::default();
    for grant in member.grants.iter().filter(still) {
        entry.events.extend(resume_one(books, grant)?);
    }
    Ok(entry)
}

/// Lets one grant of the books' member go on, up to its cap, by whoever acts.
pub fn resume_one(books: &Books, grant: &Grant) -> Result<Vec<Event>, Refusal> {
    let excess = books.member.as_ref().map(|member| member.budget.excess());
    let excess = excess.unwrap_or_default();
    if excess != Money::ZERO {
        return Err(Refusal::sentence(format!(
            "Grant {} can't go on: its member's grants hold {excess} more than the budget, since \
             that was cut or the month turned. Nothing was changed. An owner can mend \
             that with `/slice allocate` or `/slice topup`, or end a grant with `/slice revoke`.",
            grant.number
        )));
    }
    let State::Suspended(_) = grant.state else {
        return Err(Refusal::LostLease);
    };
    let by = books.actor.member();
    let key = grant.key().filter(|key| key.state != KeyState::Gone);
    let Some(key) = key else {
        // Nothing is left that could go on.
        return Ok(vec![moved(grant, State::Revoking(End::Revoked), by)]);
    };
    let mut events = vec![moved(grant, State::Active, by)];
    // A key that is only being made takes the place of the old one when it is armed.
    if !matches!(key.state, KeyState::Intended | KeyState::Minted) {
        events.push(Event::KeyEnabling {
            grant: grant.id,
            attempt: key.attempt,
            cap: grant.cap_of(key),
        });
    }
    Ok(events)
}

/// The provider lets the key spend again.
pub fn enabled(books: &Books, attempt: i64) -> Result<Entry, Refusal> {
    let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
    if grant.state != State::Active {
        return Err(Refusal::LostLease);
    }
    let mut entry = Entry::event(Event::KeyEnabled {
        grant: grant.id,
        attempt,
    });
    entry.releases = true;
    Ok(entry)
}

/// The key is gone at its provider, so its grant can't stand still any longer: it ends.
pub fn lost(books: &Books) -> Result<Entry, Refusal> {
    let grant = books.grant.as_ref().ok_or(Refusal::LostLease)?;
    let to = State::Revoking(End::Revoked);
    if !grant.state.may_become(to) {
        return Err(Refusal::LostLease);
    }
    let mut entry = Entry::event(moved(grant, to, None));
    entry.releases = true;
    Ok(entry)
}

impl Desk {
    /// Suspends every active grant of those members whom nothing but this workspace knows. Gives
    /// whom it suspended grants of. Said again, it does what is left to do.
    pub async fn suspend_workspace(
        &self,
        workspace: &Workspace,
        pause: Pause,
    ) -> Result<Vec<(OrgId, MemberId)>, Refusal> {
        self.change_workspace(workspace, |books| match &books.member {
            Some(member) => Ok(suspend(member, pause, |_| true)),
            None => Ok(Entry::default()),
        })
        .await
    }

    /// Lets their grants go on that were suspended for this reason. Whose budget has no room for it
    /// is left as she is, and is not in the answer.
    pub async fn resume_workspace(
        &self,
        workspace: &Workspace,
        pause: Pause,
    ) -> Result<Vec<(OrgId, MemberId)>, Refusal> {
        self.change_workspace(workspace, |books| {
            Ok(resume(books, pause).unwrap_or_default())
        })
        .await
    }

    async fn change_workspace(
        &self,
        workspace: &Workspace,
        decide: impl Fn(&Books) -> Result<Entry, Refusal> + Send + Sync,
    ) -> Result<Vec<(OrgId, MemberId)>, Refusal> {
        let mut changed = vec![];
        for (org, member) in self.store.only_in(workspace).await? {
            let scope = Scope::new(org, Actor::Slice).member(member);
            let moved = self
                .record(scope, |books| {
                    let entry = decide(books)?;
                    let moves = !entry.events.is_empty();
                    Ok((entry, moves))
                })
                .await?;
            if moved {
                changed.push((org, member));
            }
        }
        Ok(changed)
    }
}
