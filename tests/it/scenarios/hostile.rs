//! Texts and clicks of people who want something to break.

use crate::world::{World, services};
use serde_json::json;

pub async fn texts_stay_texts(world: &mut World) {
    world.set_up().await;
    let long = "a".repeat(40_000);
    let texts = [
        "nul\u{0}nul",
        "<!channel> <!here> @everyone",
        "<@U000000001> <@U999999999>",
        "*bold* _italic_ ~strike~ `code` ```block```",
        "<https://evil.example|click me> https://evil.example",
        "\u{202e}right to left\u{200f}",
        "🦀🦀🦀 emoji :tada:",
        "\u{1b}[31mred\u{7}",
        "'; DROP TABLE grants; --",
        &long,
    ];
    for (number, text) in texts.iter().enumerate() {
        world
            .says_raw(
                "ana",
                &format!("provision openrouter 60 as x because {text}"),
            )
            .await;
        world
            .says("olga", &format!("deny {} {text}", number + 1))
            .await;
        world.says("olga", "audit show").await;
        world.says("ana", "keys").await;
    }
    assert!(world.live_keys().is_empty());
    // In none of what she was shown did anybody's text mention olga: ana's texts name only herself.
    let alive = world.town.alive_markup();
    assert!(
        !alive
            .iter()
            .any(|alive| alive.contains("here") || alive.contains("http")),
        "{alive:?}"
    );
}

pub async fn words_that_are_no_command(world: &mut World) {
    world.set_up().await;
    for line in [
        "",
        "provison openrouter 20",
        "vualt add",
        "provision openrouter",
        "provision openrouter twenty",
        "provision nowhere 20",
        "provision openrouter 20 for ever",
        "provision openrouter 20 for 400d",
        "provision openrouter 20 30",
        "provision openrouter 20 for",
        "provision \"openrouter 20",
        "approve",
        "revoke x",
        "revoke 99",
        "revoke -1",
        "revoke 99999999999999999999999",
        "allocate ana 20",
        "allocate @ana",
        "help help help",
        "🦀",
    ] {
        world.says("olga", line).await;
    }
    assert!(world.live_keys().is_empty());
}

pub async fn buttons_of_others_and_old_buttons(world: &mut World) {
    world.set_up().await;
    world.says("ana", "provision openrouter 20").await;
    // Somebody who learned the ids of ana's buttons clicks them: identity is what the envelope says.
    world.replays_click_as("ana", "Reveal key", "bo").await;
    world.expect("bo", &["That button is for somebody else"]);
    world
        .replays_click_as("ana", "I'm done: give it back", "bo")
        .await;
    world.expect("bo", &["That button is for somebody else"]);
    world.says("bo", "provision openrouter 60").await;
    world.says("ana", "provision openrouter 60").await;
    world.replays_click_as("olga", "Approve", "ana").await;
    world.expect("ana", &["Only owners can do that"]);
    // A button of long ago.
    world
        .sandbox
        .clock
        .advance(std::time::Duration::from_hours(24 * 31));
    world.clicks("olga", "Approve").await;
    world.expect("olga", &["too old"]);
    // A button that never was.
    world.clicks_unknown_action("olga").await;
    world.expect("olga", &["too old"]);
    assert!(world.live_keys().is_empty());
}

/// No client of Discord's sends these: whoever does is told what is wrong, and nothing is done.
pub async fn options_of_the_wrong_type(world: &mut World) {
    world.set_up().await;
    let discord = world.sandbox.discord.clone();
    let (guild, channel) = (discord.guild_id(), discord.channel("general"));
    let ana = discord.person("ana").id().to_owned();
    let option = |command: &str, options: serde_json::Value| json!([{ "type": 1, "name": command, "options": options }]);
    for options in [
        option(
            "reveal",
            json!([{ "type": 4, "name": "grant", "value": "abc" }]),
        ),
        option(
            "reveal",
            json!([{ "type": 10, "name": "grant", "value": 1.5 }]),
        ),
        option(
            "reveal",
            json!([{ "type": 4, "name": "grant", "value": [1] }]),
        ),
        option("reveal", json!({ "grant": 1 })),
        option(
            "budget",
            json!([{ "type": 3, "name": "colour", "value": "red" }]),
        ),
        option("no-such-command", json!([])),
        json!([]),
        json!(7),
    ] {
        let data = json!({ "id": "1", "name": "slice", "type": 1, "options": options });
        let events = world.org_events().await;
        discord.inject_interaction(2, (&ana, Some(&guild), &channel.0), data);
        world.settled().await;
        assert_eq!(world.org_events().await, events, "{options}");
        assert!(!world.reads("ana").is_empty(), "{options}");
    }
    assert!(world.standing_keys().is_empty());
}

/// The second of two submissions of one form is told that the first was.
pub async fn a_form_sent_twice(world: &mut World) {
    world.set_up_all().await;
    world.says("olga", "allocate @ana 200").await;
    for service in services::ALL {
        let line = format!("provision {} 60", service.name);
        world.says("ana", &line).await;
        world.all_read();
        world.clicks("olga", "Approve less…").await;
        world.submits("olga", &[("Cap", "50")]).await;
        let again = world.sandbox.discord.person("olga").submit_again();
        again.expect("her client sends it");
        world.settled().await;
        world.expect("olga", &["done already"]);
        service.stands(world, 1, "the form that was sent twice");
    }
}
