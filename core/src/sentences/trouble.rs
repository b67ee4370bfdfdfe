//! What is said of keys that are not as they should be: changed, lost, stuck, or never delivered.

use super::{asked, own};
use crate::{
    drift::Drift,
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
        .and(", and it is revoked by itself only at its end.");
    Page::say(text).buttons(vec![
        Button::new("Revoke", revoke, Audience::Owners)
            .danger(format!("End grant {} now?", grant.number)),
    ])
}

/// A key that was changed at its provider, or put right there, to the owners.
pub fn drifted(grant: &Grant, drift: Option<Drift>) -> Page {
    let Some(drift) = drift else {
        return Page::say(asked(grant).and(": its key is as Slice made it again."));
    };
    let revoke = Button::new(
        "Revoke",
        format!("revoke {}", grant.number),
        Audience::Owners,
    )
    .danger(format!("End grant {} now?", grant.number));
    let remedy = match drift {
        Drift::Gone => {
            "Revoke the grant; its unread rest then counts as spent, which you can correct."
        }
        Drift::Disabled => "Enable it at the provider, or revoke the grant.",
        Drift::Cap(_) | Drift::Uncapped => {
            "Set its cap right at the provider, or revoke the grant."
        }
    };
    let text = asked(grant).and(format!(
        ": somebody changed its key at the provider: it {}. {} {remedy}",
        drift.said(),
        drift_costs(drift, grant)
    ));
    Page::say(text).buttons(vec![revoke])
}

/// The same, to the member.
pub fn drifted_to_member(grant: &Grant, drift: Option<Drift>) -> Page {
    Page::say(match drift {
        Some(drift) => Text::new(format!(
            "Somebody changed the key of your {} at its provider: it {}. {} The owners know.",
            own(grant),
            drift.said(),
            drift_costs(drift, grant)
        )),
        None => Text::new(format!(
            "The key of your {} is as Slice made it again.",
            own(grant)
        )),
    })
}

fn drift_costs(drift: Drift, grant: &Grant) -> String {
    let rest = (grant.cap - grant.usage()).or_zero();
    match drift {
        Drift::Gone => format!("Until its grant ends, {rest} of the budget stays held for it."),
        Drift::Disabled => {
            format!("It can't be used, and {rest} of the budget stays held for it.")
        }
        Drift::Cap(_) | Drift::Uncapped => "What it spends is charged as it is.".into(),
    }
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
