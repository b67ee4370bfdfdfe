//! A month that a clock which ran ahead has opened before its time.

use crate::{books::Books, month::Month, page::Text, time::Time};
use chrono_tz::Tz;
use std::time::Duration;

/// Whoever is no further from a month's beginning than this may merely be in another zone.
pub const ZONES: Duration = Duration::from_hours(48);

/// Whether the month in force was opened by a clock that ran ahead, and not by that of a zone further east.
pub fn is_so(month: Month, zone: Tz, now: Time) -> bool {
    ZONES < month.start(zone) - now
}

/// What owners should know while the month in force has not begun yet by the clock.
pub(crate) fn note(books: &Books) -> Option<Text> {
    if !is_so(books.month, books.org.zone, books.now) {
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
