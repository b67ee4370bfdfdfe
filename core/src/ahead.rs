//! A month that a clock which ran ahead has opened before its time.

use crate::{books::Books, page::Text};
use std::time::Duration;

/// Whoever is no further from a month's beginning than this may merely be in another zone.
const ZONES: Duration = Duration::from_hours(48);

/// What owners should know while the month in force has not begun yet by the clock.
pub(crate) fn note(books: &Books) -> Option<Text> {
    let begins = books.month.start(books.org.zone);
    if begins - books.now <= ZONES {
        return None;
    }
    let text = Text::new(format!(
        "Slice's clock ran ahead and was put right. Meanwhile it had opened {}, and a month never goes back: \
         no other one begins until ",
        books.month.long()
    ));
    let text = text.time(books.org.turns_at).and(
        ". What is spent until then counts in that month, and digests cannot tell its days apart. Nothing that was \
         recorded is lost. Whoever needs more until then gets it by ",
    );
    Some(text.say("topup").and("."))
}
