//! The sandbox's own answers, and some right and wrong requests, against the official descriptions.

use std::io::Write;

use serde_json::{Value, json};
use slice_sandbox::Contracts;

use crate::bot::start;

fn contracts() -> Option<Contracts> {
    let contracts = Contracts::from_env();
    if contracts.is_none() {
        // Not `eprintln!`: the test harness would swallow it.
        let skipped = "SKIPPED: SLICE_CONTRACTS names no folder: no official description checked";
        let _ = writeln!(std::io::stderr(), "{skipped}");
    }
    contracts
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text })
}

#[test]
fn blocks_and_views_are_held_to_block_kit() {
    let Some(contracts) = contracts() else { return };
    let section = json!({ "type": "section", "text": { "type": "mrkdwn", "text": "hello" } });
    assert_eq!(
        contracts.check_blocks(std::slice::from_ref(&section)),
        Vec::<String>::new()
    );
    let wrong = json!({ "type": "header", "text": plain("a"), "colour": "red" });
    assert!(contracts.check_blocks(&[section.clone(), wrong])[0].starts_with("/blocks/1"));
    assert_eq!(
        contracts.check_blocks(&[json!({ "type": "poem" })]).len(),
        1
    );
    let view = json!({ "type": "modal", "title": plain("T"), "blocks": [section] });
    assert_eq!(contracts.check_view(&view), Vec::<String>::new());
    assert_eq!(
        contracts
            .check_view(&json!({ "type": "modal", "blocks": [] }))
            .len(),
        1
    );
}

#[test]
fn arguments_are_held_to_the_method_reference() {
    let Some(contracts) = contracts() else { return };
    let check = |method: &str, arguments: Value| {
        let Value::Object(arguments) = arguments else {
            panic!("arguments are an object")
        };
        contracts.check_arguments(method, &arguments, true)
    };
    assert_eq!(
        check("chat.postMessage", json!({ "channel": "C1", "blocks": [] })),
        [""; 0]
    );
    assert_eq!(
        check("chat.postMessage", json!({ "channle": "C1" })).len(),
        2
    );
    assert_eq!(
        check("conversations.open", json!({ "users": ["U1"] })).len(),
        1
    );
    assert_eq!(check("no.such", json!({})).len(), 1);
}

#[test]
fn manifests_and_commands_are_held_to_their_schemas() {
    let Some(contracts) = contracts() else { return };
    let manifest = json!({
        "_metadata": { "major_version": 1, "minor_version": 1 },
        "display_information": { "name": "Slice" },
        "features": {
            "bot_user": { "display_name": "slice", "always_online": true },
            "slash_commands": [{ "command": "/slice", "description": "Keys", "should_escape": true }],
        },
        "oauth_config": { "scopes": { "bot": ["commands", "chat:write"] } },
        "settings": { "socket_mode_enabled": true },
    });
    assert_eq!(contracts.check_manifest(&manifest), Vec::<String>::new());
    assert!(
        !contracts
            .check_manifest(&json!({ "features": {} }))
            .is_empty()
    );
    let command = json!([{ "name": "slice", "description": "Keys", "type": 1 }]);
    assert_eq!(
        contracts.check_discord_commands(&command),
        Vec::<String>::new()
    );
    assert!(
        !contracts
            .check_discord_commands(&json!([{ "name": "x".repeat(33) }]))
            .is_empty()
    );
}

#[tokio::test]
async fn the_provider_keeps_its_own_contract() {
    if contracts().is_none() {
        return;
    }
    let bot = start().await;
    let master = "sk-or-mgmt-master";
    bot.sandbox
        .openrouter
        .add_management_key(master, "acme", "100");
    let body = json!({ "name": "a", "limit": 20, "expires_at": "2030-01-01T00:00:00Z",
        "include_byok_in_limit": true });
    let (_, made) = bot.provider(master, "POST /keys", body).await;
    let key = format!("/keys/{}", made["data"]["hash"].as_str().unwrap());
    bot.provider(
        master,
        &format!("PATCH {key}"),
        json!({ "limit": 10, "disabled": true }),
    )
    .await;
    for line in ["GET /key", "GET /credits", "GET /keys", "GET /workspaces"] {
        assert_eq!(
            bot.provider(master, line, Value::Null).await.0,
            200,
            "{line}"
        );
    }
    bot.provider(master, &format!("GET {key}"), Value::Null)
        .await;
    bot.provider(master, &format!("DELETE {key}"), Value::Null)
        .await;
    bot.provider(master, &format!("GET {key}"), Value::Null)
        .await;
    bot.provider("wrong", "GET /keys", Value::Null).await;
    assert_eq!(bot.sandbox.wire.violations(), Vec::<String>::new());
    bot.provider(master, "POST /keys", json!({ "name": 7 }))
        .await;
    let violations = bot.sandbox.wire.violations();
    assert!(
        violations[0].starts_with("openrouter POST /keys: request /name:"),
        "{violations:?}"
    );
}
