//! Messages: posting, reading, editing, nonces, files, and who is pinged.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use slice_sandbox::{ChannelKind, Place};

use super::client::{read, start};

fn posts(channel: &impl std::fmt::Display) -> String {
    format!("POST /channels/{channel}/messages")
}

#[tokio::test]
async fn a_message_is_seen_edited_listed_and_deleted() {
    let app = start().await;
    let ana = app.ana();
    let owners = app.discord.add_channel("owners", ChannelKind::PRIVATE);
    app.discord.join("owners", "olga");
    app.discord.invite_bot("owners");
    let embed = json!({ "title": "Request 3", "description": "of **Ana**", "fields": [
        { "name": "Cap", "value": "$60.00" } ], "footer": { "text": "as of now" } });
    let body = json!({ "content": "New", "embeds": [embed] });
    let made = app.fine(&posts(&owners), body).await;
    assert_eq!(made["embeds"][0]["type"], "rich");
    assert_eq!(made["edited_timestamp"], Value::Null);
    assert_eq!(
        app.olga().reads(),
        ["New\nRequest 3\nof Ana\nCap: $60.00\nas of now"]
    );
    assert_eq!(ana.reads(), Vec::<String>::new());
    assert_eq!(
        app.olga().sees()[0].place,
        Place::Channel("owners".to_owned())
    );
    let one = format!(
        "/channels/{owners}/messages/{}",
        made["id"].as_str().unwrap()
    );
    let edited = app
        .fine(&format!("PATCH {one}"), json!({ "content": "Old" }))
        .await;
    assert_eq!(edited["embeds"], made["embeds"], "what is not named stays");
    assert!(edited["edited_timestamp"].is_string());
    let empty = json!({ "content": "", "embeds": [] });
    assert_eq!(
        app.refused(&format!("PATCH {one}"), empty).await,
        (400, 50_006)
    );
    let second = app
        .fine(&posts(&owners), json!({ "content": "Second" }))
        .await;
    let list = app
        .fine(&format!("GET /channels/{owners}/messages"), Value::Null)
        .await;
    assert_eq!(list[0]["id"], second["id"]);
    assert_eq!(list[1]["content"], "Old");
    let before = format!(
        "GET /channels/{owners}/messages?limit=1&before={}",
        second["id"].as_str().unwrap()
    );
    assert_eq!(app.fine(&before, Value::Null).await[0]["content"], "Old");
    app.fine(&format!("DELETE {one}"), Value::Null).await;
    assert_eq!(
        app.refused(&format!("GET {one}"), Value::Null).await,
        (404, 10_008)
    );
    assert_eq!(app.olga().reads().last().unwrap(), "(deleted)");
}

#[tokio::test]
async fn a_nonce_is_used_once_in_three_minutes_and_lost_when_read_again() {
    let app = start().await;
    let dm = app.dm("ana").await;
    let body = json!({ "content": "a", "nonce": "n1", "enforce_nonce": true });
    let first = app.fine(&posts(&dm), body.clone()).await;
    assert_eq!(first["nonce"], "n1");
    let again = app.fine(&posts(&dm), body.clone()).await;
    assert_eq!(again["id"], first["id"]);
    assert_eq!(app.ana().reads(), ["a"]);
    let one = format!(
        "GET /channels/{dm}/messages/{}",
        first["id"].as_str().unwrap()
    );
    assert_eq!(app.fine(&one, Value::Null).await.get("nonce"), None);
    let mut loose = body.clone();
    loose["enforce_nonce"] = json!(false);
    assert_ne!(app.fine(&posts(&dm), loose).await["id"], first["id"]);
    app.sandbox.clock.advance(Duration::from_mins(3));
    assert_ne!(app.fine(&posts(&dm), body).await["id"], first["id"]);
    assert_eq!(app.ana().reads().len(), 2);
}

#[tokio::test]
async fn a_file_comes_with_its_message() {
    let app = start().await;
    let dm = app.dm("ana").await;
    let meta = json!({ "content": "The trail", "attachments": [
        { "id": 0, "filename": "audit.csv", "description": "all of it" } ] });
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\r\n{meta}\r\n\
         --b\r\nContent-Disposition: form-data; name=\"files[0]\"; filename=\"x.csv\"\r\n\
         Content-Type: text/csv\r\n\r\nn,what\r\n1,grant\r\n\r\n--b--\r\n"
    );
    let url = format!("{}/channels/{dm}/messages", app.discord.api_url());
    let request = app
        .http
        .post(url)
        .header("authorization", format!("Bot {}", app.discord.bot_token()))
        .header(CONTENT_TYPE, "multipart/form-data; boundary=b")
        .body(body);
    let (status, made) = read(request.send().await.unwrap()).await;
    assert_eq!(status, 200, "{made}");
    let file = &made["attachments"][0];
    assert_eq!(
        (&file["filename"], &file["size"]),
        (&json!("audit.csv"), &json!(17))
    );
    assert_eq!(
        app.discord.file("audit.csv").unwrap(),
        b"n,what\r\n1,grant\r\n"
    );
    let fetched = app
        .http
        .get(file["url"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(fetched.text().await.unwrap(), "n,what\r\n1,grant\r\n");
    let sees = app.ana().sees();
    assert_eq!(sees[0].text, "The trail\n[file: audit.csv]");
    assert_eq!(
        (&sees[1].place, sees[1].text.as_str()),
        (&Place::File, "audit.csv\nn,what\r\n1,grant\r\n")
    );
    assert_eq!(app.sandbox.wire.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_mention_pings_unless_it_is_suppressed() {
    let app = start().await;
    let general = app.discord.channel("general");
    let role = app.discord.add_role("owners", &["olga"]);
    let text = format!("<@{}> <@&{role}> @everyone \\@here", app.ana().id());
    let none = json!({ "content": text, "allowed_mentions": { "parse": [] } });
    app.fine(&posts(&general), none).await;
    assert_eq!(app.discord.pings(), Vec::<String>::new());
    let made = app.fine(&posts(&general), json!({ "content": text })).await;
    assert_eq!(
        app.discord.pings(),
        ["user @ana"],
        "it may not mention everyone"
    );
    assert_eq!(made["mentions"][0]["id"], app.ana().id());
    app.discord.set_permissions("slice", 1 << 17);
    let only = json!({ "content": text, "allowed_mentions": { "roles": [role] } });
    app.fine(&posts(&general), only).await;
    let all = json!({ "content": text, "allowed_mentions": { "parse": ["everyone"] } });
    app.fine(&posts(&general), all).await;
    let pings = app.discord.pings();
    assert_eq!(pings, ["user @ana", "role @owners", "@everyone", "@here"]);
    let embed = json!({ "embeds": [{ "description": text }] });
    app.fine(&posts(&general), embed).await;
    assert_eq!(app.discord.pings().len(), 4, "an embed pings nobody");
}
