//! An org's settings: one list, from which parsing, showing and defaults follow.

use crate::{
    ids::{ChannelId, Place},
    life::Life,
    money::Money,
    page::{Span, Text},
    time::Time,
};
use chrono::Weekday;
use chrono_tz::Tz;
use std::time::Duration;

/// A setting that weakens a rule waits this long where another owner was active lately.
pub const SOLE_OWNER_DELAY: Duration = Duration::from_hours(24);
/// "Lately", for the above.
pub const SOLE_OWNER_LOOKBACK: Duration = Duration::from_hours(24 * 30);
/// An unanswered request is open for this long.
pub const REQUEST_LIFE: Duration = Duration::from_hours(72);

/// How a key reaches its member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The direct message has a [Reveal key] button.
    Reveal,
    /// The key stands in the direct message itself.
    Dm,
}

/// What owners can change about their org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A member may take up to this much at once without asking.
    pub free_hand: Money,
    pub default_life: Life,
    pub longest_life: Life,
    pub smallest_cap: Money,
    pub owners_channel: Option<Place>,
    pub delivery: Delivery,
    /// From when an owner may approve her own request; `None`: never.
    pub sole_owner_from: Option<Time>,
    pub zone: Tz,
    /// The day of the weekly digest; `None`: there is none.
    pub digest_day: Option<Weekday>,
    /// Its hour, from 0 to 23.
    pub digest_hour: u8,
    /// Where it is posted, one channel per platform; none: where owners read.
    pub digest_channels: Vec<Place>,
    /// Whether it says who spent what.
    pub digest_names: bool,
    /// The most that a member takes from one month into the next.
    pub carry_over: Option<Money>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            free_hand: Money::from_dollars(50),
            default_life: Life::from_days(7),
            longest_life: Life::from_days(90),
            smallest_cap: Money::from_dollars(1),
            owners_channel: None,
            delivery: Delivery::Reveal,
            sole_owner_from: None,
            zone: Tz::UTC,
            digest_day: Some(Weekday::Mon),
            digest_hour: 9,
            digest_channels: vec![],
            digest_names: true,
            carry_over: None,
        }
    }
}

/// One setting: its name in chat, what it is for, how it is read and written.
pub struct Setting {
    pub name: &'static str,
    pub about: &'static str,
    /// The value as people write it, and as the database keeps it.
    pub show: fn(&Settings) -> String,
    /// The value as people read it, where that is not how they write it.
    pub say: Option<fn(&Settings) -> Text>,
    /// Takes what `show` gave or a person wrote; the error is a sentence without its subject.
    pub set: fn(&mut Settings, &str) -> Result<(), &'static str>,
}

/// Every setting there is, in the order in which they are shown.
pub const ALL: &[Setting] = &[
    Setting {
        name: "free-hand",
        about: "The most a member may take at once without asking an owner",
        show: |settings| settings.free_hand.decimal(),
        say: Some(|settings| Text::new(settings.free_hand.to_string())),
        set: |settings, text| money(text).map(|money| settings.free_hand = money),
    },
    Setting {
        name: "default-life",
        about: "How long a key lives when nobody says otherwise",
        show: |settings| settings.default_life.to_string(),
        say: None,
        set: |settings, text| match life(text)? {
            life if life > settings.longest_life => Err("is more than `longest-life`"),
            life => {
                settings.default_life = life;
                Ok(())
            }
        },
    },
    Setting {
        name: "longest-life",
        about: "How long a key may live at most",
        show: |settings| settings.longest_life.to_string(),
        say: None,
        set: |settings, text| match life(text)? {
            life if life < settings.default_life => Err("is less than `default-life`"),
            life => {
                settings.longest_life = life;
                Ok(())
            }
        },
    },
    Setting {
        name: "smallest-cap",
        about: "The least a key may be capped at",
        show: |settings| settings.smallest_cap.decimal(),
        say: Some(|settings| Text::new(settings.smallest_cap.to_string())),
        set: |settings, text| money(text).map(|money| settings.smallest_cap = money),
    },
    Setting {
        name: "owners-channel",
        about: "The private channel where requests and alarms go; `off`: each owner by DM",
        show: |settings| {
            settings
                .owners_channel
                .as_ref()
                .map_or("off".into(), show_place)
        },
        say: Some(|settings| match &settings.owners_channel {
            Some(place) => Text::default().push(Span::Channel(place.channel.clone())),
            None => Text::new("off"),
        }),
        set: |settings, text| match text {
            "off" => {
                settings.owners_channel = None;
                Ok(())
            }
            text => {
                let place = parse_place(text).ok_or("is not a channel")?;
                settings.owners_channel = Some(place);
                Ok(())
            }
        },
    },
    Setting {
        name: "delivery",
        about: "How a key reaches its member: `reveal` (a button in a DM) or `dm` (in the DM itself)",
        show: |settings| match settings.delivery {
            Delivery::Reveal => "reveal".into(),
            Delivery::Dm => "dm".into(),
        },
        say: None,
        set: |settings, text| {
            settings.delivery = match text {
                "reveal" => Delivery::Reveal,
                "dm" => Delivery::Dm,
                _ => return Err("is neither `reveal` nor `dm`"),
            };
            Ok(())
        },
    },
    Setting {
        name: "sole-owner",
        about: "Whether an owner may approve a request of her own: `on` or `off`",
        show: |settings| match settings.sole_owner_from {
            Some(from) => format!("on from {}", from.rfc3339()),
            None => "off".into(),
        },
        say: Some(|settings| match settings.sole_owner_from {
            Some(from) => Text::new("on from ").time(from),
            None => Text::new("off"),
        }),
        set: |settings, text| {
            settings.sole_owner_from = match text.strip_prefix("on from ") {
                Some(from) => Some(instant(from).ok_or("is neither `on` nor `off`")?),
                None if text == "off" => None,
                None => return Err("is neither `on` nor `off`"),
            };
            Ok(())
        },
    },
    Setting {
        name: "time-zone",
        about: "The zone in which months turn, such as Europe/Paris; in force from the next turn on",
        show: |settings| settings.zone.name().to_owned(),
        say: None,
        set: |settings, text| {
            let found = ZONES.iter().find(|zone| {
                let name = zone.name();
                name.eq_ignore_ascii_case(text)
            });
            settings.zone = *found.ok_or("is not a time zone. Write it like Europe/Paris")?;
            Ok(())
        },
    },
    Setting {
        name: "digest-day",
        about: "The day of the weekly digest, or `off`",
        show: |settings| match settings.digest_day {
            Some(day) => DAYS[day.num_days_from_monday() as usize].to_owned(),
            None => "off".into(),
        },
        say: None,
        set: |settings, text| {
            settings.digest_day = match text {
                "off" => None,
                text => Some(day(text).ok_or("is not a day. Write it like monday, or off")?),
            };
            Ok(())
        },
    },
    Setting {
        name: "digest-hour",
        about: "The hour of the weekly digest, from 0 to 23, in the org's time zone",
        show: |settings| settings.digest_hour.to_string(),
        say: Some(|settings| Text::new(format!("{:02}:00", settings.digest_hour))),
        set: |settings, text| {
            let hour = text.strip_suffix(":00").unwrap_or(text).parse();
            settings.digest_hour = hour
                .ok()
                .filter(|hour| *hour < 24)
                .ok_or("is not an hour. Write it like 9 or 17")?;
            Ok(())
        },
    },
    Setting {
        name: "digest-channel",
        about: "The channel where the weekly digest is posted, one on each platform; `off`: where owners read",
        show: |settings| match settings.digest_channels.as_slice() {
            [] => "off".into(),
            places => places.iter().map(show_place).collect::<Vec<_>>().join(" "),
        },
        say: Some(|settings| match settings.digest_channels.split_first() {
            None => Text::new("off"),
            Some((first, more)) => more.iter().fold(
                Text::default().push(Span::Channel(first.channel.clone())),
                |text, place| text.and(", ").push(Span::Channel(place.channel.clone())),
            ),
        }),
        set: |settings, text| {
            if text == "off" {
                settings.digest_channels.clear();
                return Ok(());
            }
            for text in text.split_whitespace() {
                let place = parse_place(text).ok_or("is not a channel")?;
                let platform = place.workspace.platform;
                let elsewhere = |other: &Place| other.workspace.platform != platform;
                settings.digest_channels.retain(elsewhere);
                settings.digest_channels.push(place);
            }
            Ok(())
        },
    },
    Setting {
        name: "digest-names",
        about: "Whether the weekly digest says who spent what: `on` or `off`",
        show: |settings| if settings.digest_names { "on" } else { "off" }.to_owned(),
        say: None,
        set: |settings, text| {
            settings.digest_names = match text {
                "on" => true,
                "off" => false,
                _ => return Err("is neither `on` nor `off`"),
            };
            Ok(())
        },
    },
    Setting {
        name: "carry-over",
        about: "The most that members take from one month into the next, or `off`",
        show: |settings| settings.carry_over.map_or("off".into(), Money::decimal),
        say: Some(|settings| {
            let most = settings.carry_over.map(|most| format!("up to {most}"));
            Text::new(most.unwrap_or("off".into()))
        }),
        set: |settings, text| {
            settings.carry_over = match text {
                "off" => None,
                text => Some(money(text)?),
            };
            Ok(())
        },
    },
];

/// Every time zone that there is.
pub use chrono_tz::TZ_VARIANTS as ZONES;

/// The days of the week as people write them, from Monday on.
pub const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

fn day(text: &str) -> Option<Weekday> {
    let at = DAYS.iter().position(|day| *day == text)?;
    Weekday::try_from(u8::try_from(at).ok()?).ok()
}

pub fn find(name: &str) -> Option<&'static Setting> {
    ALL.iter().find(|setting| setting.name == name)
}

/// Settings from what the database keeps. A row that no longer parses keeps its default: an org
/// must stay usable after a setting was retired.
pub fn read<'a>(rows: impl Iterator<Item = (&'a str, &'a str)>) -> Settings {
    let mut settings = Settings::default();
    let rows: Vec<_> = rows.collect();
    // Twice, because the two lives bound each other and either may come first.
    for (name, value) in rows.iter().chain(&rows) {
        if let Some(setting) = find(name) {
            let _ = (setting.set)(&mut settings, value);
        }
    }
    settings
}

fn money(text: &str) -> Result<Money, &'static str> {
    Money::parse(text).map_err(crate::money::BadMoney::why)
}

fn life(text: &str) -> Result<Life, &'static str> {
    Life::parse(text).ok_or("is not a life. Write it like 12h, 7d or 2w")
}

fn instant(text: &str) -> Option<Time> {
    let instant = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(Time::from_micros(instant.timestamp_micros()))
}

impl Setting {
    /// The value as people read it: a channel by its name, an amount in dollars.
    pub fn said(&self, settings: &Settings) -> Text {
        match self.say {
            Some(say) => say(settings),
            None => Text::new((self.show)(settings)),
        }
    }
}

/// A kept value as people read it.
pub fn shown(name: &str, value: &str) -> Text {
    let mut settings = Settings::default();
    match find(name) {
        Some(setting) if (setting.set)(&mut settings, value).is_ok() => setting.said(&settings),
        _ => Text::new(value),
    }
}

/// `slack/T1/C1`: how a channel stands in the database.
pub fn show_place(place: &Place) -> String {
    let Place { workspace, channel } = place;
    format!("{}/{}/{channel}", workspace.platform.word(), workspace.id)
}

fn parse_place(text: &str) -> Option<Place> {
    let mut parts = text.split('/');
    let platform = crate::ids::PlatformName::from_word(parts.next()?)?;
    let id = crate::ids::WorkspaceId::new(parts.next()?);
    let channel = ChannelId::new(parts.next()?);
    let workspace = crate::ids::Workspace { platform, id };
    parts
        .next()
        .is_none()
        .then_some(Place { workspace, channel })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_survives_the_database() {
        let settings = Settings {
            sole_owner_from: Some(Time::from_micros(1_700_000_000_000_000)),
            owners_channel: parse_place("slack/T1/C1"),
            longest_life: Life::from_days(5),
            default_life: Life::from_days(3),
            digest_day: Some(Weekday::Sun),
            digest_hour: 23,
            digest_channels: ["slack/T1/C1", "discord/G1/C2"]
                .into_iter()
                .filter_map(parse_place)
                .collect(),
            digest_names: false,
            carry_over: Some(Money::from_dollars(20)),
            ..Settings::default()
        };
        let rows: Vec<_> = ALL
            .iter()
            .map(|setting| (setting.name, (setting.show)(&settings)))
            .collect();
        let read = read(rows.iter().map(|(name, value)| (*name, value.as_str())));
        assert_eq!(read, settings);
    }
}
