//! What is said of keys that are not as they should be: changed, lost, stuck, or never delivered.

use super::{asked, own};
use crate::{
    grant::{Grant, State},
    money::Money,
    page::{Audience, Button, Page, Text},
};

pub fn assumed(grant: &Grant, delta: Money) -> Page {
    Page::say(asked(grant).and(format!(
        ": its key is gone at the provider, so its unread rest of {delta} counts as spent. An owner \
         can correct that with "
    ))
    .say(format!("settle {} <amount>", grant.number))
    .and("."))
}

/// A key whose member could not be told of it, to the owners.
pub fn untold(grant: &Grant, why: &str) -> Page {
    let revoke = format!("revoke {}", grant.number);
    let text = asked(grant)
        .and(": the message that brings the key could not be delivered (")
        .join(Text::from(why))
        .and("). It waits sealed; its member finds it with ")
        .say("keys")
        .and(", and it is revoked if nobody reveals it within a day.");
    Page::say(text).buttons(vec![
        Button::new("Revoke", revoke, Audience::Owners)
            .danger(format!("End grant {} now?", grant.number)),
    ])
}

/// A key whose provider does not do with it what it should, to the owners.
pub fn stuck(grant: &Grant, why: &str) -> Page {
    let what = match grant.state {
        State::Active => "resumed",
        State::Suspended(_) => "suspended",
        _ => "ended",
    };
    let text = asked(grant)
        .and(format!(" has been waiting to be {what} since "))
        .time(grant.moved_at)
        .and(": ")
        .join(Text::from(why));
    if grant.state == State::Active {
        return Page::say(text).text("Its money stays held. Slice keeps trying.");
    }
    Page::say(text).text(
        "Its money stays held, and its key may still spend up to its cap. Slice keeps trying; to be \
         sure, disable the key at the provider yourself.",
    )
}

/// The same, to the member.
pub fn assumed_to_member(grant: &Grant, delta: Money) -> Page {
    Page::say(Text::new(format!(
        "The key of your {} is gone at its provider, so its unread rest of {delta} counts as spent. If \
         that is wrong, an owner can correct it with ",
        own(grant)
    ))
    .say(format!("settle {} <amount>", grant.number))
    .and("."))
}
