//! What Discord refuses, and in which words.

use std::time::Duration;

use serde_json::{Value, json};
use slice_sandbox::{ChannelKind, Fault, PersonKind};

use super::client::{read, start};

fn posts(channel: &impl std::fmt::Display) -> String {
    format!("POST /channels/{channel}/messages")
}

#[tokio::test]
async fn a_bad_token_is_counted_against_the_bot() {
    let app = start().await;
    for token in [None, Some("wrong")] {
        let answer = app.send("GET /users/@me", token, Value::Null).await;
        let (status, body) = read(answer).await;
        assert_eq!(status, 401);
        assert_eq!(body, json!({ "message": "401: Unauthorized", "code": 0 }));
    }
    assert_eq!(app.discord.invalid_requests(), 2);
    assert_eq!(app.fine("GET /users/@me", Value::Null).await["bot"], true);
    let token = app.discord.bot_token();
    app.discord.revoke_token();
    assert_eq!(
        app.send("GET /users/@me", Some(&token), Value::Null)
            .await
            .status(),
        401
    );
    assert_eq!(app.discord.invalid_requests(), 3);
    let unknown = app.refused("GET /no/such/route", Value::Null).await;
    assert_eq!(unknown, (404, 0));
    let violations = app.sandbox.wire.take_violations();
    assert_eq!(
        violations,
        ["discord GET /api/v10/no/such/route: no such route"]
    );
}

#[tokio::test]
async fn dms_can_be_closed_and_need_a_guild_in_common() {
    let app = start().await;
    app.discord.add_person("sue", PersonKind::Stranger);
    app.discord.add_person("robot", PersonKind::Bot);
    let (ana, sue) = (app.dm("ana").await, app.dm("sue").await);
    let text = json!({ "content": "hi" });
    app.fine(&posts(&ana), text.clone()).await;
    app.discord.close_dms("ana");
    assert_eq!(app.refused(&posts(&ana), text.clone()).await, (403, 50_007));
    app.discord.open_dms("ana");
    app.fine(&posts(&ana), text.clone()).await;
    assert_eq!(app.refused(&posts(&sue), text.clone()).await, (403, 50_278));
    app.discord.remove_person("ana");
    assert_eq!(app.refused(&posts(&ana), text).await, (403, 50_278));
    for (recipient, refusal) in [
        (app.discord.person("robot").id().to_owned(), (403, 50_007)),
        ("404".to_owned(), (404, 10_013)),
        ("ana".to_owned(), (400, 50_035)),
    ] {
        let body = json!({ "recipient_id": recipient });
        assert_eq!(app.refused("POST /users/@me/channels", body).await, refusal);
    }
    assert_eq!(app.discord.invalid_requests(), 4);
}

#[tokio::test]
async fn a_bot_posts_where_it_may() {
    let app = start().await;
    let text = json!({ "content": "hi" });
    let owners = app.discord.add_channel("owners", ChannelKind::PRIVATE);
    assert_eq!(
        app.refused(&posts(&owners), text.clone()).await,
        (403, 50_001)
    );
    app.discord.invite_bot("owners");
    let made = app.fine(&posts(&owners), text.clone()).await;
    app.discord.silence_bot("owners");
    assert_eq!(
        app.refused(&posts(&owners), text.clone()).await,
        (403, 50_013)
    );
    let one = format!(
        "/channels/{owners}/messages/{}",
        made["id"].as_str().unwrap()
    );
    app.fine(
        &format!("PATCH {one}"),
        json!({ "content": "its own it may edit" }),
    )
    .await;
    app.discord.remove_bot("owners");
    assert_eq!(
        app.refused(&format!("GET {one}"), Value::Null).await,
        (403, 50_001)
    );
    app.discord.delete_channel("owners");
    assert_eq!(
        app.refused(&posts(&owners), text.clone()).await,
        (404, 10_003)
    );
    let general = app.discord.channel("general");
    app.discord.uninstall();
    assert_eq!(app.refused(&posts(&general), text).await, (403, 50_001));
}

#[tokio::test]
async fn a_form_that_breaks_a_limit_is_told_where() {
    let app = start().await;
    let general = app.discord.channel("general");
    let long = json!({ "content": "x".repeat(2001), "embeds": [{ "title": "x".repeat(257) }] });
    let (status, body) = app.call(&posts(&general), long).await;
    assert_eq!((status, &body["code"]), (400, &json!(50_035)));
    let errors = &body["errors"];
    assert_eq!(
        errors["content"]["_errors"][0]["code"],
        "BASE_TYPE_MAX_LENGTH"
    );
    assert!(errors["embeds"]["0"]["title"]["_errors"].is_array());
    assert_eq!(
        app.refused(&posts(&general), json!({ "content": " " }))
            .await,
        (400, 50_006)
    );
    assert!(app.sandbox.wire.take_violations().len() >= 3);
    assert_eq!(app.olga().reads(), Vec::<String>::new());
}

#[tokio::test]
async fn commands_are_held_to_the_limits_and_kept_by_name() {
    let app = start().await;
    let first = app.register().await;
    let line = format!("/applications/{}/commands", app.discord.application_id());
    assert_eq!(app.fine(&format!("GET {line}"), Value::Null).await, first);
    let again = app.register().await;
    assert_eq!(again[0]["id"], first[0]["id"]);
    assert_eq!(
        first[0]["options"][0].get("options"),
        None,
        "what is empty is not kept"
    );
    let put = format!("PUT {line}");
    let command =
        |options: Value| json!([{ "name": "slice", "description": "x", "options": options }]);
    let text = |name: &str, required: bool| json!({ "type": 3, "name": name, "description": "x", "required": required });
    let sub = |name: &str| json!({ "type": 1, "name": name, "description": "x" });
    let many: Vec<Value> = (0..26).map(|n| text(&format!("o{n}"), false)).collect();
    let heavy: Vec<Value> = (0..25)
        .map(|n| {
            let options: Vec<Value> = (0..4)
                .map(|m| json!({ "type": 3, "name": format!("o{m}"), "description": "x".repeat(100) }))
                .collect();
            json!({ "type": 1, "name": format!("s{n}"), "description": "x", "options": options })
        })
        .collect();
    for bad in [
        json!([{ "name": "Slice", "description": "x" }]),
        json!([{ "name": "slice", "description": "" }]),
        json!([{ "name": "slice", "description": "x".repeat(101) }]),
        json!([{ "name": "a", "description": "x" }, { "name": "a", "description": "y" }]),
        command(json!(many)),
        command(json!([text("a", false), text("b", true)])),
        command(json!([text("a", false), text("a", false)])),
        command(json!([sub("list"), text("a", false)])),
        command(
            json!([{ "type": 2, "name": "g", "description": "x", "options": [
            { "type": 2, "name": "h", "description": "x" } ] }]),
        ),
        command(json!(heavy)),
    ] {
        assert_eq!(app.refused(&put, bad.clone()).await, (400, 50_035), "{bad}");
    }
    assert_eq!(
        json!(app.discord.commands()),
        again,
        "nothing was taken of these"
    );
    let names = |round: usize| -> Value {
        let named = |n| json!({ "name": format!("c{round}-{n}"), "description": "x" });
        (0..100).map(named).collect()
    };
    app.fine(&put, names(0)).await;
    assert_eq!(
        app.refused(&put, names(1)).await,
        (400, 30_034),
        "one was made before"
    );
    app.fine(&put, names(0)).await;
    app.sandbox.clock.advance(Duration::from_hours(24));
    app.fine(&put, names(1)).await;
    app.sandbox.wire.take_violations();
}

#[tokio::test]
async fn buckets_are_told_and_kept_when_switched_on() {
    let app = start().await;
    app.discord.rate_limits(true);
    let general = app.discord.channel("general");
    let token = app.discord.bot_token();
    let text = json!({ "content": "hi" });
    for left in (0..5).rev() {
        let sent = app.send(&posts(&general), Some(&token), text.clone()).await;
        assert_eq!(sent.status(), 200);
        let header = |name: &str| sent.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("x-ratelimit-limit"), "5");
        assert_eq!(header("x-ratelimit-remaining"), left.to_string());
        assert_eq!(header("x-ratelimit-reset-after"), "5.000");
    }
    let sent = app.send(&posts(&general), Some(&token), text.clone()).await;
    assert_eq!(sent.headers()["retry-after"], "5");
    assert_eq!(sent.headers()["x-ratelimit-scope"], "user");
    let (status, body) = read(sent).await;
    assert_eq!((status, &body["global"]), (429, &json!(false)));
    assert_eq!(body["retry_after"], json!(5.0));
    app.fine("GET /users/@me", Value::Null).await;
    app.sandbox.clock.advance(Duration::from_secs(5));
    app.fine(&posts(&general), text.clone()).await;

    app.discord.close_api(Duration::from_millis(1500));
    let sent = app.send(&posts(&general), Some(&token), text.clone()).await;
    assert_eq!(sent.headers()["x-ratelimit-global"], "true");
    let (status, body) = read(sent).await;
    assert_eq!(
        (status, &body["global"], &body["retry_after"]),
        (429, &json!(true), &json!(1.5))
    );
    app.sandbox.clock.advance(Duration::from_secs(2));
    app.fine(&posts(&general), text).await;
    assert_eq!(app.discord.invalid_requests(), 2);
}

#[tokio::test]
async fn faults_speak_discord() {
    let app = start().await;
    let dm = app.dm("ana").await;
    for (fault, refusal) in [
        (Fault::Unauthorized401, (401, 0)),
        (Fault::Forbidden403, (403, 50_001)),
        (Fault::NotFound404, (404, 0)),
        (Fault::ServerError500, (500, 0)),
        (Fault::ServerErrorAfter500, (500, 0)),
        (Fault::DmClosed, (403, 50_007)),
    ] {
        app.sandbox.faults.inject_on("discord POST", fault, 1);
        let text = json!({ "content": format!("{fault:?}") });
        assert_eq!(app.refused(&posts(&dm), text).await, refusal, "{fault:?}");
        assert_eq!(app.sandbox.faults.pending(), 0);
    }
    assert_eq!(app.ana().reads(), ["ServerErrorAfter500"]);
    app.sandbox
        .faults
        .inject(Fault::RateLimited429 { retry_after: 7 }, 1);
    let (status, body) = app.call(&posts(&dm), json!({ "content": "x" })).await;
    assert_eq!((status, &body["retry_after"]), (429, &json!(7.0)));
    assert_eq!(app.discord.invalid_requests(), 4);
}
