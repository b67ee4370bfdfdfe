//! A digest of more people than it has bars for.

use crate::world::World;
use slice_sandbox::{ChannelKind, PersonKind};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const PEOPLE: [&str; 10] = [
    "ada", "bert", "cleo", "dora", "emil", "finn", "gus", "hanno", "ines", "juno",
];

/// Each holds a key of $50 for a month. Gives its secret.
async fn a_key(world: &mut World, who: &str) -> String {
    world.says(who, "provision openrouter 50 for 30d").await;
    world.clicks(who, "Reveal key").await;
    let closed = world.town.person(who).close_modal();
    closed.expect("the view closes");
    world.live_keys().pop().expect("a key").secret
}

fn spend(world: &World, keys: &[String], amounts: [&str; 10]) {
    for (key, amount) in keys.iter().zip(amounts) {
        let spent = world.sandbox.openrouter.spend(key, amount);
        spent.expect("it spends");
    }
}

/// What the channel's readers newly read.
fn posted(world: &World, parts: &[&str]) -> String {
    let told = world.expect("bo", parts);
    assert_eq!(told.matches("this week").count(), 1, "{told}");
    told
}

/// Ten people spend: eight bars, three movers, and what a reader wants to know first. Then without names,
/// and weeks in which nobody spends.
pub async fn of_a_big_team(world: &mut World) {
    world.set_up().await;
    world.town.add_channel("all-hands", ChannelKind::PUBLIC);
    for who in ["olga", "bo"] {
        world.town.join("all-hands", who);
    }
    world.town.invite_bot("all-hands");
    let channel = "settings digest-channel #all-hands";
    world.says("olga", channel).await;
    let mut keys = vec![];
    for who in PEOPLE {
        world.town.add_person(who, PersonKind::Member);
        world.says("olga", &format!("allocate @{who} 100")).await;
        keys.push(a_key(world, who).await);
    }
    world.later(DAY).await;
    spend(world, &keys, ["16"; 10]);
    world.later(HOUR).await;
    world.later(7 * DAY).await;
    let more = ["24", "22", "20.40", "20"];
    spend(
        world,
        &keys,
        std::array::from_fn(|at| *more.get(at).unwrap_or(&"16")),
    );
    world.later(HOUR).await;
    world.all_read();
    world.later(6 * DAY + 19 * HOUR).await;
    let told = posted(
        world,
        &[
            "The week from 9 November to 15 November",
            "$182.40 this week, up 14 % · $342 of $1,100 used · on pace for $668 by 30 November",
            "Movers against the week before: @ada +$8.00 · @bert +$6.00 · @cleo +$4.40",
        ],
    );
    assert_eq!(told.matches(" used, ").count(), 8, "eight bars: {told}");
    assert!(!told.contains("@dora +"), "three movers: {told}");
    let named = PEOPLE
        .iter()
        .filter(|who| told.contains(&format!("@{who}")));
    assert_eq!(named.count(), 8, "each with a name: {told}");

    world.says("olga", "settings digest-names off").await;
    spend(world, &keys, ["1"; 10]);
    world.later(HOUR).await;
    world.later(6 * DAY + 23 * HOUR).await;
    let told = posted(
        world,
        &["$10.00 this week, down 95 %", "Member 1", "Member 8"],
    );
    assert_eq!(told.matches(" used, ").count(), 8, "eight bars: {told}");
    assert!(!told.contains("Movers"), "{told}");
    for who in PEOPLE {
        assert!(!told.contains(who), "nobody is named: {told}");
    }
    assert!(
        told.contains("openrouter $"),
        "the chart is by service: {told}"
    );
    quiet_weeks(world).await;
}

/// Nobody spends: that is one line, and beneath it stands what needs attention, and nothing else.
async fn quiet_weeks(world: &mut World) {
    world.later(7 * DAY).await;
    let told = world.expect(
        "bo",
        &["Nothing was spent in the week to 29 November: $352 of $1,100 used"],
    );
    assert_eq!(told.lines().count(), 1, "one line: {told}");
    a_key(world, "ada").await;
    world.says("olga", "allocate @ada 10").await;
    world.later(7 * DAY).await;
    let told = world.expect(
        "bo",
        &[
            "Nothing was spent in the week to 6 December: $0.00 of $1,010 used",
            "Needs attention",
            "Members whose budget is used up or exceeded: 1.",
        ],
    );
    assert_eq!(told.lines().count(), 3, "three lines: {told}");
}
