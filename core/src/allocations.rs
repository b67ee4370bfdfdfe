//! What owners give members for a month: each function is the pure part of one transaction.

use crate::{
    books::{Books, Entry, Message, To},
    event::Event,
    money::Money,
    refusal::Refusal,
    sentences,
};

/// Sets a member's monthly budget.
pub fn allocate(books: &Books, to: Money) -> Result<(Entry, Option<Money>), Refusal> {
    let member = books.member.as_ref().ok_or(Refusal::NoAllocation)?;
    let from = member.allocation;
    let event = Event::AllocationSet {
        member: member.id,
        from,
        to,
    };
    let by = books.actor.member();
    let mut after = member.budget;
    after.allocation = to;
    let told = sentences::allocated(from, &after, by, books.org.turns_at);
    Ok((
        Entry::event(event).say(Message::new(To::Member(member.id), told)),
        from,
    ))
}

/// Adds to a member's month.
pub fn top_up(books: &Books, amount: Money) -> Result<(Entry, Money), Refusal> {
    let member = books.member.as_ref().ok_or(Refusal::NoAllocation)?;
    if member.allocation.is_none() {
        return Err(Refusal::sentence(
            "That person has no budget yet, so there is nothing to top up. Nothing was changed. \
             Allocate a monthly budget first.",
        ));
    }
    let event = Event::ToppedUp {
        member: member.id,
        month: books.month,
        amount,
        grant: None,
    };
    let mut after = member.budget;
    after.topups = after.topups + amount;
    let told = sentences::topped_up(amount, &after, books.actor.member(), books.org.turns_at);
    Ok((
        Entry::event(event).say(Message::new(To::Member(member.id), told)),
        after.free(),
    ))
}
