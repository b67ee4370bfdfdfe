//! Stopping short of a cap that no provider enforces: what is read may be minutes old, so a key stands
//! still before its cap is reached.

use crate::{
    books::{Books, Entry, Message, To},
    event::Event,
    grant::{Grant, KeyState, Pause, State},
    ids::GrantId,
    money::Money,
    page::{Audience, Button, Page, Text},
};

/// Suspends the grants of which, with this reading, no more than their margin is left.
pub fn stops(books: &Books, read: &Entry, margins: &[(GrantId, Money)]) -> Entry {
    let readings = || {
        read.events.iter().flat_map(|event| match event {
            Event::UsageRead { readings, .. } => readings.as_slice(),
            _ => &[],
        })
    };
    let mut entry = Entry::default();
    for (id, margin) in margins {
        let grant = books.live.iter().find(|grant| grant.id == *id);
        let Some(grant) = grant.filter(|grant| is_running(grant)) else {
            continue;
        };
        let new = readings().filter(|reading| reading.grant == *id);
        let used = grant.usage() + new.map(|reading| reading.delta).sum();
        if used + *margin < grant.cap {
            continue;
        }
        entry.events.push(Event::GrantMoved {
            grant: grant.id,
            from: grant.state,
            to: State::Suspended(Pause::Capped),
            by: None,
            why: None,
        });
        let page = said(grant, used, *margin);
        entry = entry.say(Message::new(To::Member(grant.member), page));
    }
    entry
}

/// A key that is being enabled is looked at again when that is done.
fn is_running(grant: &Grant) -> bool {
    let armed = grant.keys.iter().any(|key| key.state == KeyState::Armed);
    grant.state == State::Active && armed
}

fn said(grant: &Grant, used: Money, margin: Money) -> Page {
    let (number, service, cap) = (grant.number, &grant.service, grant.cap);
    let text = Text::new(format!(
        "Your {service} key (grant {number}) was stopped: it has spent {used} of {cap}, and the last \
         {margin} are kept for what cannot be seen yet. What you stored is untouched, and goes on being \
         charged. To get the rest back into your budget, give the key back."
    ));
    let mine = Audience::Member(grant.member);
    let back = Button::new("I'm done: give it back", format!("revoke {number}"), mine);
    Page::say(text).buttons(vec![back, Button::new("See your keys", "keys", mine)])
}
