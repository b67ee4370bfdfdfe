//! `settings <name> <value>`: one command per setting, because each takes another kind of value.

use crate::{
    announce,
    args::{Kind, NAME_MAX, Shape, Value},
    forms::form,
    grammar::{Call, Command, View},
    meant,
    param::Param,
};
use slice_core::{
    books::{Books, Entry, Org},
    event::Event,
    ids::{ChannelId, Place, PlatformName},
    life::Life,
    money::Money,
    page::{Page, Text},
    refusal::{Refusal, shorten},
    reply::{Field, FieldKind, Form, Reply},
    role::{GroupKind, Role},
    settings::{self, SOLE_OWNER_DELAY, SOLE_OWNER_LOOKBACK, Setting, shown},
    time::Time,
};

const MONEY: Param<Money> = Param::money("value", "An amount in US dollars");
const LIFE: Param<Life> = Param::life("value", "12h, 7d or 2w");
const CHANNEL: Param<Option<ChannelId>> =
    Param::channel("channel", "A private channel that Slice is in, or off");
const DELIVERY: Param<&'static str> =
    Param::choice("value", "A button, or the key itself", &["reveal", "dm"]);
const SWITCH: Param<&'static str> = Param::choice("value", "On or off", &["on", "off"]);
const HOUR: Param<String> = Param::line("value", "From 0 to 23", NAME_MAX);
const DAY: Param<&'static str> = Param::choice(
    "value",
    "A day of the week, or off",
    &[
        settings::DAYS[0],
        settings::DAYS[1],
        settings::DAYS[2],
        settings::DAYS[3],
        settings::DAYS[4],
        settings::DAYS[5],
        settings::DAYS[6],
        "off",
    ],
);
const MOST: Param<String> = Param::line("value", "An amount in US dollars, or off", NAME_MAX);
const ANY_CHANNEL: Param<Option<ChannelId>> =
    Param::channel("channel", "A channel that Slice is in, or off");
const ZONE: Param<String> = Param::line("value", "Such as Europe/Paris", NAME_MAX);

macro_rules! setting {
    ($(#[$doc:meta])* $constant:ident, $name:literal, $about:literal, $param:ident, $example:literal) => {
        $(#[$doc])*
        pub const $constant: Command = Command {
            params: &[$param.shape()],
            examples: &[$example],
            view: View::Form,
            form: Some(|call| Box::pin(make_form(call))),
            ..Command::plain(concat!("settings ", $name), $about, Role::Owner, |call| {
                Box::pin(run(call))
            })
        };
    };
}

setting!(
    FREE_HAND,
    "free-hand",
    "What a member may take without asking",
    MONEY,
    "settings free-hand 100"
);
setting!(
    DEFAULT_LIFE,
    "default-life",
    "How long a key lives unless said otherwise",
    LIFE,
    "settings default-life 3d"
);
setting!(
    LONGEST_LIFE,
    "longest-life",
    "How long a key may live at most",
    LIFE,
    "settings longest-life 60d"
);
setting!(
    SMALLEST_CAP,
    "smallest-cap",
    "The least a key may be capped at",
    MONEY,
    "settings smallest-cap 2"
);
setting!(
    OWNERS_CHANNEL,
    "owners-channel",
    "Where owners get requests and alarms",
    CHANNEL,
    "settings owners-channel <#C0123ABCD>"
);
setting!(
    DELIVERY_OF_KEYS,
    "delivery",
    "How a key reaches its member",
    DELIVERY,
    "settings delivery reveal"
);
setting!(
    SOLE_OWNER,
    "sole-owner",
    "Whether owners may approve requests of their own",
    SWITCH,
    "settings sole-owner on"
);
setting!(
    TIME_ZONE,
    "time-zone",
    "The zone in which months turn",
    ZONE,
    "settings time-zone Europe/Paris"
);

setting!(
    DIGEST_DAY,
    "digest-day",
    "The day of the weekly digest",
    DAY,
    "settings digest-day monday"
);
setting!(
    DIGEST_HOUR,
    "digest-hour",
    "The hour of the weekly digest",
    HOUR,
    "settings digest-hour 9"
);
setting!(
    DIGEST_CHANNEL,
    "digest-channel",
    "Where the weekly digest is posted",
    ANY_CHANNEL,
    "settings digest-channel <#C0123ABCD>"
);
setting!(
    DIGEST_NAMES,
    "digest-names",
    "Whether the digest says who spent what",
    SWITCH,
    "settings digest-names off"
);
setting!(
    CARRY_OVER,
    "carry-over",
    "What members take into the next month",
    MOST,
    "settings carry-over 20"
);

/// The setting that the call is about, and its one parameter.
fn subject(call: &Call<'_>) -> Result<(&'static Setting, &'static Shape), Refusal> {
    let name = call
        .command()
        .name
        .strip_prefix("settings ")
        .unwrap_or_default();
    let shape = call.command().params.first().ok_or(Refusal::Unavailable)?;
    settings::find(name)
        .map(|setting| (setting, shape))
        .ok_or(Refusal::Unavailable)
}

async fn make_form(call: Call<'_>) -> Result<Form, Refusal> {
    let (setting, shape) = subject(&call)?;
    let org = call.desk().store.books(call.look()).await?.org;
    let now = (setting.show)(&org.settings);
    let kind = match shape.kind {
        Kind::Channel => FieldKind::Channel,
        Kind::Choice(words) => crate::forms::choices(words),
        _ => FieldKind::Line { max: NAME_MAX },
    };
    let initial = match shape.kind {
        Kind::Channel => place_now(
            setting,
            &org.settings,
            call.caller().identity.workspace.platform,
        )
        .map(|place| format!("<#{}>", place.channel)),
        Kind::Choice(words) => words
            .iter()
            .find(|word| now.starts_with(**word))
            .map(ToString::to_string),
        _ => Some(now),
    };
    let mut form = form("Change a setting", call.command().name, call.mine());
    form.intro = Page::say(setting.about);
    form.submit = "Save".into();
    form.fields = vec![Field {
        name: shape.name.to_owned(),
        label: setting.name.to_owned(),
        kind,
        optional: false,
        initial,
        hint: Some(shape.about.to_owned()),
    }];
    Ok(form)
}

/// The channel that a form begins with.
fn place_now<'a>(
    setting: &Setting,
    settings: &'a settings::Settings,
    platform: PlatformName,
) -> Option<&'a Place> {
    if setting.name == "owners-channel" {
        return settings.owners_channel.as_ref();
    }
    let mut places = settings.digest_channels.iter();
    places.find(|place| place.workspace.platform == platform)
}

async fn run(call: Call<'_>) -> Result<Reply, Refusal> {
    let (setting, shape) = subject(&call)?;
    let value = call
        .args()
        .find(shape.name)
        .ok_or_else(|| call.command().missing(shape))?;
    let said = match value {
        Value::Channel(Some(channel)) => place(&call, setting, channel).await?,
        value => words(value),
    };
    let me = call.caller().member;
    let decide = |books: &Books| {
        let wanted = match (setting.name, said.as_str()) {
            ("sole-owner", "on") => sole_owner(books, &call)?,
            _ => said.clone(),
        };
        let mut after = books.org.settings.clone();
        (setting.set)(&mut after, &wanted).map_err(|why| refused(setting, &said, why))?;
        let (from, to) = ((setting.show)(&books.org.settings), (setting.show)(&after));
        if from == to {
            return Err(already(setting, &books.org));
        }
        let name = setting.name.to_owned();
        let event = Event::SettingChanged {
            name,
            from: from.clone(),
            to: to.clone(),
        };
        let news = Page::say(news(setting, Text::default().member(me), (&from, &to)));
        let org = Org {
            settings: after,
            ..books.org.clone()
        };
        let told = match setting.name {
            "owners-channel" | "sole-owner" | "delivery" => announce::loudly(&org, &news),
            _ => announce::to_owners(&org, &news),
        };
        Ok((Entry::event(event).say_all(told), (from, to)))
    };
    let (from, to) = call.desk().record(call.scope(), decide).await?;
    let text = Text::new(format!("{} was ", setting.name)).join(shown(setting.name, &from));
    let page = Page::say(
        text.and(" and is ")
            .join(shown(setting.name, &to))
            .and(" now."),
    );
    Ok(match setting.name {
        "time-zone" => {
            page.text("The running month ends as it began; the next one turns in the new zone.")
        }
        "sole-owner" if to != "off" => page.text(
            "Every known owner has been told. Approvals of one's own requests stand in the audit \
             trail like all others.",
        ),
        _ => page,
    }
    .into())
}

fn refused(setting: &Setting, said: &str, why: &str) -> Refusal {
    let meant = match setting.name {
        "time-zone" => meant::zones(said).join(" or "),
        _ => String::new(),
    };
    let why = match meant.as_str() {
        "" => why.to_owned(),
        meant => format!("is not a time zone (did you mean {meant}?)"),
    };
    Refusal::BadArgument {
        name: setting.name,
        said: shorten(said),
        why,
    }
}

fn already(setting: &Setting, org: &Org) -> Refusal {
    let text = Text::new(format!("{} is ", setting.name)).join(setting.said(&org.settings));
    let text = text.and(" already. Nothing was changed.");
    Refusal::Sentence { text, next: vec![] }
}

fn news(setting: &Setting, who: Text, (from, to): (&str, &str)) -> Text {
    let text = who.and(format!(" changed the setting {} from ", setting.name));
    let text = text
        .join(shown(setting.name, from))
        .and(" to ")
        .join(shown(setting.name, to))
        .and(".");
    if setting.name == "sole-owner" && to != "off" {
        return text.and(
            " From then on owners can approve requests of their own. If that is not meant to be, say ",
        )
        .say("settings sole-owner off")
        .and(".");
    }
    text
}

/// From when on an owner may approve her own requests: at once where she is the only one, and
/// after a day where another owner acted lately and may want to object.
fn sole_owner(books: &Books, call: &Call<'_>) -> Result<String, Refusal> {
    if books.org.settings.sole_owner_from.is_some() {
        let setting = settings::find("sole-owner").ok_or(Refusal::Unavailable)?;
        return Err(already(setting, &books.org));
    }
    let lately = books.now - SOLE_OWNER_LOOKBACK;
    let another = |(owner, at): &(_, Time)| *owner != call.caller().member && lately < *at;
    let delay = books.org.owners.iter().any(another);
    let from = if delay {
        books.now + SOLE_OWNER_DELAY
    } else {
        books.now
    };
    Ok(format!("on from {}", from.rfc3339()))
}

/// A value as the settings read it.
fn words(value: &Value) -> String {
    match value {
        Value::Money(money) => money.decimal(),
        Value::Life(life) => life.to_string(),
        Value::Choice(word) => (*word).to_owned(),
        Value::Text(text) => text.clone(),
        _ => "off".into(),
    }
}

/// Proves that Slice can post in the channel, and nobody outside reads it. Owners' channels are
/// private; a digest's readers are whoever the channel is for.
async fn place(call: &Call<'_>, setting: &Setting, channel: &ChannelId) -> Result<String, Refusal> {
    let workspace = call.caller().identity.workspace.clone();
    let refuse = |why: &str| Err(Refusal::sentence(format!("{why} Nothing was changed.")));
    let platform = call
        .desk()
        .platform(workspace.platform)
        .ok_or(Refusal::Unavailable)?;
    let facts = platform
        .group(&workspace, GroupKind::Channel, channel)
        .await;
    let facts = facts.map_err(|why| {
        Refusal::sentence(format!(
            "Slice could not look at that channel ({why}). Nothing was changed. Try again in a minute."
        ))
    })?;
    let Some(facts) = facts else {
        return refuse("Slice can't see that channel. Invite it there first, with /invite @Slice.");
    };
    if facts.archived {
        return refuse("That channel is archived, so nothing can be posted there.");
    }
    if facts.shared {
        return refuse("That channel is shared with people outside of your workspace.");
    }
    if !facts.private && setting.name == "owners-channel" {
        return refuse("That channel is public, and requests and alarms are for owners only.");
    }
    if !facts.can_post {
        return refuse(
            "Slice can't post in that channel. Invite it there first, with /invite @Slice.",
        );
    }
    let channel = channel.clone();
    Ok(settings::show_place(&Place { workspace, channel }))
}
