//! What a client makes of typed lines.

use serde_json::{Value, json};
use slice_sandbox::{ChannelKind, PersonKind};

use super::client::{App, GUILDS, Gateway, start};

/// The options of the subcommand, by name.
async fn typed(app: &App, gateway: &mut Gateway, line: &str) -> Value {
    app.ana()
        .command("/slice", line)
        .expect("a line that can be sent");
    let data = gateway.interaction().await["data"].clone();
    let mut level = &data;
    while level["options"][0]["options"].is_array() {
        level = &level["options"][0];
    }
    let options = level["options"].as_array().expect("options");
    let pair = |one: &Value| {
        (
            one["name"].as_str().expect("a name").to_owned(),
            one["value"].clone(),
        )
    };
    options
        .iter()
        .map(pair)
        .collect::<serde_json::Map<_, _>>()
        .into()
}

async fn ready() -> (App, Gateway) {
    let app = start().await;
    app.register().await;
    for (word, option) in [("for", "life"), ("as", "name"), ("because", "reason")] {
        app.discord.introduces("provision", word, option, false);
    }
    let gateway = app.ready(GUILDS).await;
    (app, gateway)
}

#[tokio::test]
async fn words_fill_options_by_place_or_by_name() {
    let (app, mut gateway) = ready().await;
    for (line, options) in [
        ("help", json!({})),
        ("provision", json!({})),
        (
            "provision openrouter 20",
            json!({ "service": "openrouter", "amount": "20" }),
        ),
        (
            "provision openrouter 20 for 7d as \"my key\" because we test, for now",
            json!({ "service": "openrouter", "amount": "20", "life": "7d", "name": "my key",
                "reason": "we test, for now" }),
        ),
        (
            "provision amount 20 service \"for\"",
            json!({ "service": "for", "amount": "20" }),
        ),
        ("revoke 3", json!({ "grant": 3 })),
    ] {
        assert_eq!(typed(&app, &mut gateway, line).await, options, "{line}");
    }
}

#[tokio::test]
async fn names_become_ids_with_what_they_stand_for() {
    let (app, mut gateway) = ready().await;
    let owners = app.discord.add_role("owners", &["olga"]);
    gateway.event("GUILD_ROLE_CREATE").await;
    let secret = app.discord.add_channel("secret", ChannelKind::PRIVATE);
    gateway.event("CHANNEL_CREATE").await;
    app.ana().command("/slice", "allocate @olga 20").unwrap();
    let data = gateway.interaction().await["data"].clone();
    let olga = app.olga();
    assert_eq!(data["options"][0]["options"][0]["value"], olga.id());
    assert_eq!(data["resolved"]["users"][olga.id()]["username"], "olga");
    assert_eq!(
        data["resolved"]["members"][olga.id()]["roles"],
        json!([owners])
    );
    app.ana()
        .command("/slice", "roles bind @owners owner")
        .unwrap();
    let data = gateway.interaction().await["data"].clone();
    assert_eq!(data["options"][0]["name"], "roles");
    assert_eq!(data["options"][0]["options"][0]["name"], "bind");
    assert_eq!(data["resolved"]["roles"][&owners]["name"], "owners");
    let general = app.discord.channel("general");
    let said = typed(&app, &mut gateway, "owners #general").await;
    assert_eq!(
        said["channel"],
        format!("<#{general}>"),
        "text holds a mention"
    );
    let said = typed(&app, &mut gateway, "owners #secret").await;
    assert_eq!(said["channel"], "#secret", "she does not see {secret}");
    let said = typed(&app, &mut gateway, "owners @everyone").await;
    assert_eq!(said["channel"], "@everyone");
}

#[tokio::test]
async fn a_client_does_not_send_what_the_registration_does_not_allow() {
    let (app, _gateway) = ready().await;
    app.discord.add_person("sue", PersonKind::Stranger);
    for (line, why) in [
        ("", "knows no \"\" here"),
        ("provide", "knows no \"provide\" here"),
        ("roles", "there are [\"list\", \"bind\"]"),
        ("help me", "a word too many"),
        ("revoke", "grant: this option is required"),
        ("revoke three", "grant: \"three\" is no integer"),
        ("revoke 0", "grant: at least 1"),
        ("revoke 3 4", "a word too many"),
        ("allocate @olga 20 30", "a word too many"),
        ("provision openrouter 20 as my key", "a word too many"),
        ("allocate <@404> 20", "the client finds no \"<@404>\""),
        (
            "roles bind @nobody owner",
            "the client finds no \"@nobody\"",
        ),
        ("allocate @sue 20", "the client finds no \"@sue\""),
        ("roles bind", "group: this option is required"),
        ("provision for", "life: the client waits for a value"),
        ("provision \"open", "a quote is not closed"),
        (
            &format!("provision because {}", "x".repeat(301)),
            "at most 300",
        ),
    ] {
        let refused = app.ana().command("/slice", line).unwrap_err();
        assert!(refused.contains(why), "{line}: {refused}");
    }
    app.discord.add_role("owners", &[]);
    let refused = app.ana().command("/slice", "roles bind @owners guest");
    assert!(refused.unwrap_err().contains("none of"));
    assert!(app.ana().command("/other", "help").is_err());
    let in_dm = app.ana().command_in("@", "/slice", "help").unwrap_err();
    assert!(in_dm.contains("does not offer"), "{in_dm}");
    assert!(app.ana().command_in("secret", "/slice", "help").is_err());
    assert_eq!(app.discord.unanswered(), 0);
}

#[tokio::test]
async fn a_hostile_client_sends_anything() {
    let (app, mut gateway) = ready().await;
    let ana = app.ana();
    let odd = json!({ "type": 6, "value": "404" });
    let options = [
        ("grant", json!("three")),
        ("nothing", odd),
        ("x", json!(true)),
    ];
    ana.command_with("/slice revoke", &options).unwrap();
    let data = gateway.interaction().await["data"].clone();
    let sent = &data["options"][0]["options"];
    assert_eq!(
        sent[0],
        json!({ "name": "grant", "type": 3, "value": "three" })
    );
    assert_eq!(
        sent[1],
        json!({ "name": "nothing", "type": 6, "value": "404" })
    );
    assert_eq!(sent[2]["type"], 5);
    let data = json!({ "id": "1", "name": "slice", "type": 1 });
    app.discord
        .inject_interaction(2, ("77", Some("88"), "99"), data);
    let strange = gateway.interaction().await;
    assert_eq!(
        (&strange["guild_id"], &strange["channel_id"]),
        (&json!("88"), &json!("99"))
    );
    assert_eq!(
        app.answer(&strange, 4, json!({ "content": "no" })).await.0,
        204
    );
}
