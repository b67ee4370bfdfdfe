//! What faults and kill points do to a request and its effect.

use std::time::Duration;

use serde_json::{Value, json};
use slice_sandbox::{Direction, Fate, Fault, PersonKind};

use crate::bot::{Bot, start, until};

const MASTER: &str = "sk-or-mgmt-master";

/// One request that mints a key; the client gives up after a moment.
async fn mint(bot: &Bot) -> Result<(u16, String), String> {
    let url = format!("{}/keys", bot.sandbox.openrouter.url());
    let body = json!({ "name": "a", "limit": 0 }).to_string();
    let request = bot.http.post(url).bearer_auth(MASTER).body(body);
    let said = |error: reqwest::Error| error.to_string();
    let response = request
        .timeout(Duration::from_millis(1500))
        .send()
        .await
        .map_err(said)?;
    let status = response.status().as_u16();
    Ok((status, response.text().await.map_err(said)?))
}

#[tokio::test]
async fn every_fault_has_its_effect_or_not() {
    for &fault in Fault::ALL {
        let on_requests = fault.wires().contains(&"openrouter");
        if !on_requests {
            continue;
        }
        let bot = start().await;
        bot.sandbox
            .openrouter
            .add_management_key(MASTER, "acme", "100");
        bot.sandbox.faults.inject_on("POST /api/v1/keys", fault, 1);
        let answer = mint(&bot).await;
        let usual = answer.as_ref().is_ok_and(|(status, text)| {
            *status == 201 && serde_json::from_str::<Value>(text).is_ok() && text.len() < 10_000
        });
        assert_eq!(usual, matches!(fault, Fault::Slow { .. }), "{fault:?}");
        let made = bot.sandbox.openrouter.keys().len();
        assert_eq!(made, usize::from(fault.has_effect()), "{fault:?}");
        until(&bot.sandbox, || bot.sandbox.wire.open_requests() == 0).await;
        assert_eq!(bot.sandbox.faults.pending(), 0, "{fault:?}");
        assert_eq!(mint(&bot).await.unwrap().0, 201);
    }
}

#[tokio::test]
async fn what_is_delayed_arrives_when_it_is_let() {
    let bot = start().await;
    let sandbox = &bot.sandbox;
    sandbox.openrouter.add_management_key(MASTER, "acme", "100");
    sandbox.faults.delay_on("POST /api/v1/keys ");
    assert!(mint(&bot).await.is_err());
    assert_eq!(mint(&bot).await.unwrap().0, 201, "only one is delayed");
    assert_eq!(sandbox.openrouter.keys().len(), 1);
    assert_eq!(sandbox.faults.arrive().await, 1);
    assert_eq!(sandbox.openrouter.keys().len(), 2);
    assert_eq!(sandbox.faults.arrive().await, 0, "it arrives once");
}

#[tokio::test]
async fn a_hook_kills_before_or_after_the_effect() {
    for (fate, made) in [(Fate::DieBefore, 0), (Fate::DieAfter, 1)] {
        let bot = start().await;
        bot.sandbox
            .openrouter
            .add_management_key(MASTER, "acme", "100");
        bot.sandbox.wire.on_crossing(Box::new(move |crossing| {
            if crossing.what == "POST /api/v1/keys" {
                fate
            } else {
                Fate::Pass
            }
        }));
        assert!(mint(&bot).await.is_err());
        assert_eq!(bot.sandbox.openrouter.keys().len(), made);
        until(&bot.sandbox, || bot.sandbox.wire.open_requests() == 0).await;
        bot.sandbox.wire.clear_hook();
        assert_eq!(mint(&bot).await.unwrap().0, 201);
    }
}

#[tokio::test]
async fn crossings_are_recorded_in_order() {
    let bot = start().await;
    bot.api("auth.test", json!({})).await;
    let crossings = bot.sandbox.wire.crossings();
    let lines: Vec<(u64, Direction, &str)> = crossings
        .iter()
        .map(|one| (one.n, one.direction, one.what.as_str()))
        .collect();
    let expected = [
        (1, Direction::In, "POST /api/auth.test"),
        (2, Direction::Out, "200 POST /api/auth.test"),
    ];
    assert_eq!(lines, expected);
    bot.api("no.such", json!({})).await;
    let violations = bot.sandbox.wire.violations();
    assert_eq!(violations.last().unwrap(), "slack no.such: unknown method");
}

#[tokio::test]
async fn slack_says_what_is_wrong_in_its_own_words() {
    let bot = start().await;
    bot.sandbox.slack.add_person("ana", PersonKind::Member);
    let mut said = Vec::new();
    for &fault in Fault::ALL.iter().filter(|fault| fault.wires() == ["slack"]) {
        bot.sandbox.faults.inject(fault, 1);
        let body = json!({ "channel": "U000000001", "user": "U000000001", "text": "hi" });
        for method in ["chat.postEphemeral", "views.open"] {
            let error = bot.api(method, body.clone()).await["error"].clone();
            said.extend(error.as_str().map(str::to_owned));
        }
        bot.sandbox.faults.clear();
    }
    said.retain(|error| error != "invalid_arguments");
    let expected = [
        "expired_trigger_id",
        "is_archived",
        "not_in_channel",
        "user_not_in_channel",
        "token_revoked",
    ];
    assert_eq!(said, expected);
}
