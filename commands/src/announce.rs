//! What owners are told when something of theirs changes.

use slice_core::{
    books::{Message, Org, To},
    page::Page,
};

/// Where owners read: their channel, or each of them.
pub fn to_owners(org: &Org, page: &Page) -> Vec<Message> {
    org.owners_at()
        .into_iter()
        .map(|to| Message::new(to, page.clone()))
        .collect()
}

/// Their channel as it stands after the change, and each known owner by herself: for changes that
/// weaken a rule or that say where owners read, which nobody must be able to make unseen.
pub fn loudly(after: &Org, page: &Page) -> Vec<Message> {
    let mut readers: Vec<To> = after
        .owners
        .iter()
        .map(|(owner, _)| To::Member(*owner))
        .collect();
    for to in after.owners_at() {
        if !readers.contains(&to) {
            readers.push(to);
        }
    }
    readers
        .into_iter()
        .map(|to| Message::new(to, page.clone()))
        .collect()
}
