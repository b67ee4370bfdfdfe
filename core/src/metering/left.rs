//! What stays of keys that have gone, on the meter's round: read, and deleted where owners want it so.

use super::{IDLE_EVERY, READ_MAX, Round, pace::AGAIN_MIN};
use crate::{
    books::{Books, GrantRef, Scope},
    desk::Desk,
    event::Actor,
    grant::{Grant, Key},
    ids::OrgId,
    leftover,
    ports::{KeyRef, ServiceAdapter},
    secret::Secret,
    time::Time,
};

impl Round {
    /// Measuring what stays costs its member money, so a round does it no more often than each hour. What is
    /// being deleted, or could not be read, is asked for by its own times.
    pub(super) fn measures(&self, books: &Books, key: &Key) -> bool {
        let is_by_itself = key.discarded_at.is_some() || key.unread.is_some();
        let is_due = |at: Time| at + IDLE_EVERY <= books.now + AGAIN_MIN || books.now < at;
        self.patience.is_none() || is_by_itself || key.read_at.is_none_or(is_due)
    }
}

impl Desk {
    /// What stays of a key that has gone: charged until now, and deleted where owners want it so.
    pub(super) async fn read_left(
        &self,
        books: &Books,
        (adapter, secret): (&dyn ServiceAdapter, &Secret),
        (grant, key): (&Grant, &Key),
        round: &mut Round,
    ) {
        let Some(known) = KeyRef::new(grant, key) else {
            return;
        };
        let look = |left| leftover::Look {
            grant: grant.id,
            attempt: key.attempt,
            before: key.usage,
            left,
        };
        let answer = round.waits(READ_MAX, adapter.left(secret, &known)).await;
        let mut failure = answer.as_ref().err().cloned();
        // What is too much to be read in time is deleted in parts all the same.
        let may_stand = !matches!(answer, Ok(None));
        round.left.extend(answer.ok().map(look));
        if may_stand
            && key.discarded_at.is_some()
            && self.is_discarded(books.org.id, (grant, key)).await
        {
            let discarding = adapter.discard(secret, &known);
            let discarded = round.waits(READ_MAX, discarding).await;
            match discarded {
                Ok(true) => {
                    round.left.push(look(None));
                    failure = None;
                }
                // That some of it is gone says nothing of what could not be read.
                Ok(false) => round.is_deleting = true,
                Err(why) => failure = Some(why),
            }
        }
        round.tries.note(grant, key, failure);
    }

    /// Whether owners want it deleted by the books of this moment: a round takes minutes, and whoever took it
    /// over meanwhile was told that nothing more of it is deleted. Books that do not answer say no.
    async fn is_discarded(&self, org: OrgId, (grant, key): (&Grant, &Key)) -> bool {
        let scope = Scope::new(org, Actor::Slice).grant(GrantRef::Id(grant.id));
        let books = self.store.books(scope).await;
        let now = books.ok().and_then(|books| books.grant);
        now.is_some_and(|grant| {
            let mut left = leftover::of(&grant);
            left.any(|one| one.attempt == key.attempt && one.discarded_at.is_some())
        })
    }
}
