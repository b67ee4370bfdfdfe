//! The provider's rules: caps, paging, expiry, credentials.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bot::{Bot, start};

const MASTER: &str = "sk-or-mgmt-master";

async fn provider() -> Bot {
    let bot = start().await;
    bot.sandbox
        .openrouter
        .add_management_key(MASTER, "acme", "100");
    bot
}

async fn minted(bot: &Bot, body: Value) -> (String, String) {
    let (status, made) = bot.provider(MASTER, "POST /keys", body).await;
    assert_eq!(status, 201, "{made}");
    let text = |value: &Value| value.as_str().expect("a new key has both").to_owned();
    (text(&made["key"]), text(&made["data"]["hash"]))
}

#[tokio::test]
async fn the_cap_holds_after_a_request_that_may_overshoot() {
    let bot = provider().await;
    let (key, hash) = minted(&bot, json!({ "name": "slice/1/1", "limit": 0 })).await;
    let openrouter = &bot.sandbox.openrouter;
    assert_eq!(openrouter.spend(&key, "0.01").unwrap_err().0, 403);

    let line = format!("PATCH /keys/{hash}");
    let (status, armed) = bot.provider(MASTER, &line, json!({ "limit": 20.5 })).await;
    assert_eq!(
        (status, armed["data"]["limit"].to_string()),
        (200, "20.5".to_owned())
    );

    let url = format!("{}/chat/completions", openrouter.url());
    let spend = |usd: &'static str| {
        let body = json!({ "model": "any", "messages": [] }).to_string();
        bot.http
            .post(&url)
            .bearer_auth(&key)
            .header("x-sandbox-cost", usd)
            .body(body)
            .send()
    };
    assert_eq!(spend("15").await.unwrap().status(), 200);
    assert_eq!(spend("15").await.unwrap().status(), 200);
    let refused = spend("0.01").await.unwrap();
    assert_eq!(refused.status(), 403);
    assert!(refused.text().await.unwrap().contains("Key limit exceeded"));

    let (_, seen) = bot
        .provider(MASTER, &format!("GET /keys/{hash}"), Value::Null)
        .await;
    assert_eq!(seen["data"]["usage"].to_string(), "30");
    assert_eq!(seen["data"]["limit_remaining"].to_string(), "-9.5");
    let (_, credits) = bot.provider(MASTER, "GET /credits", Value::Null).await;
    assert_eq!(
        credits["data"],
        json!({ "total_credits": 100, "total_usage": 30 })
    );
    assert_eq!(bot.sandbox.wire.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn lists_come_in_pages_and_hide_disabled_keys() {
    let bot = provider().await;
    for n in 0..105 {
        let (_, hash) = minted(&bot, json!({ "name": format!("key {n}"), "limit": 1 })).await;
        if n % 10 == 0 {
            bot.sandbox.openrouter.disable_behind_our_back(&hash);
        }
    }
    let list = |query: &'static str| {
        let bot = &bot;
        async move {
            let (_, page) = bot
                .provider(MASTER, &format!("GET /keys{query}"), Value::Null)
                .await;
            page["data"].as_array().unwrap().clone()
        }
    };
    assert_eq!(list("").await.len(), 94);
    let first = list("?include_disabled=true").await;
    assert_eq!((first.len(), &first[0]["name"]), (100, &json!("key 104")));
    assert_eq!(list("?include_disabled=true&offset=100").await.len(), 5);
    assert_eq!(list("?include_disabled=true&offset=200").await.len(), 0);
}

#[tokio::test]
async fn a_key_ends_by_expiry_disabling_and_deletion() {
    let bot = provider().await;
    let openrouter = &bot.sandbox.openrouter;
    let body = json!({ "name": "a", "limit": 5, "expires_at": "2023-11-15T00:00:00Z" });
    let (key, hash) = minted(&bot, body).await;
    assert!(openrouter.spend(&key, "1").is_ok());
    bot.sandbox.clock.advance(Duration::from_hours(24));
    assert_eq!(
        openrouter.spend(&key, "1"),
        Err((401, "User not found.".to_owned()))
    );
    let line = format!("DELETE /keys/{hash}");
    assert_eq!(bot.provider(MASTER, &line, Value::Null).await.0, 200);
    assert_eq!(bot.provider(MASTER, &line, Value::Null).await.0, 404);
    assert!(openrouter.key(&hash).unwrap().deleted);

    for wrong in [
        json!({ "limit": 1 }),
        json!({ "name": "", "limit": 1 }),
        json!({ "name": "a", "limit": -1 }),
        json!({ "name": "a", "disabled": true }),
        json!({ "name": "a", "expires_at": "2030-01-01T00:00Z" }),
        json!({ "name": "a", "expires_at": "2030-01-01T00:00:00+02:00" }),
    ] {
        let (status, answer) = bot.provider(MASTER, "POST /keys", wrong.clone()).await;
        assert_eq!(status, 400, "{wrong}: {answer}");
    }
    assert!(bot.sandbox.wire.take_violations().len() >= 6);
}

#[tokio::test]
async fn only_a_living_management_key_manages() {
    let bot = provider().await;
    let (key, _) = minted(&bot, json!({ "name": "a", "limit": 5 })).await;
    assert_eq!(bot.provider(&key, "GET /keys", Value::Null).await.0, 403);
    let (_, me) = bot.provider(&key, "GET /key", Value::Null).await;
    assert_eq!(me["data"]["is_management_key"], false);
    let (_, me) = bot.provider(MASTER, "GET /key", Value::Null).await;
    assert_eq!(me["data"]["is_management_key"], true);
    bot.sandbox.openrouter.set_credits("acme", "0");
    assert_eq!(bot.sandbox.openrouter.spend(&key, "1").unwrap_err().0, 402);
    bot.sandbox.openrouter.revoke_management_key(MASTER);
    assert_eq!(bot.provider(MASTER, "GET /keys", Value::Null).await.0, 401);
    assert!(bot.sandbox.openrouter.secrets().contains(&key));
    assert!(
        !bot.sandbox
            .openrouter
            .state_json()
            .to_string()
            .contains(&key)
    );
}

#[tokio::test]
async fn every_nth_request_is_too_many() {
    let bot = provider().await;
    bot.sandbox.openrouter.every_nth_is_429(Some(3));
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(bot.provider(MASTER, "GET /credits", Value::Null).await.0);
    }
    assert_eq!(statuses, [200, 200, 429, 200, 200, 429]);
}
