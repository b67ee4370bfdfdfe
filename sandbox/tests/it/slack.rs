//! Conversations between people and a minimal bot.

use std::time::Duration;

use serde_json::{Value, json};
use slice_sandbox::{ChannelKind, Fate, Fault, PersonKind, Place};

use crate::bot::{Bot, start, until};

async fn workspace() -> Bot {
    let bot = start().await;
    bot.sandbox
        .slack
        .add_person("olga", PersonKind::PrimaryOwner);
    bot.sandbox.slack.add_person("ana", PersonKind::Member);
    bot
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text })
}

fn button(label: &str) -> Value {
    json!({ "type": "actions", "elements":
        [{ "type": "button", "text": plain(label), "action_id": label, "value": "7" }] })
}

fn form() -> Value {
    let element = json!({ "type": "plain_text_input", "action_id": "a", "min_length": 2 });
    json!({ "type": "modal", "title": plain("Ask"), "submit": plain("Send"), "blocks": [
        { "type": "input", "block_id": "amount", "label": plain("Amount"), "element": element },
    ] })
}

#[tokio::test]
async fn a_command_is_escaped_acknowledged_and_answered() {
    let bot = workspace().await;
    let slack = &bot.sandbox.slack;
    let ana = slack.person("ana");
    ana.command(
        "/slice",
        "allocate @olga 20 & <!channel> #general see https://a.example/?x=1&y",
    );
    let mut socket = bot.connect().await;
    let envelope = socket.next().await.unwrap();
    assert_eq!(envelope["type"], "slash_commands");
    let general = slack.channel("general");
    assert_eq!(
        envelope["payload"]["text"],
        format!(
            "allocate <@U000000001|olga> 20 &amp; &lt;!channel&gt; <#{general}|general> see \
             <https://a.example/?x=1&amp;y>"
        )
    );
    assert_eq!(slack.unacknowledged(), 1);
    socket
        .ack(
            &envelope,
            json!({ "text": "One moment, <@U000000002>: *20* &lt;!channel&gt;" }),
        )
        .await;
    until(&bot.sandbox, || slack.unacknowledged() == 0).await;
    assert_eq!(ana.reads(), ["One moment, @ana: 20 <!channel>"]);
    assert_eq!(ana.reads(), Vec::<String>::new());
    assert_eq!(ana.sees()[0].place, Place::Ephemeral("general".to_owned()));
    assert_eq!(slack.person("olga").reads(), Vec::<String>::new());
    assert_eq!(slack.alive_markup(), ["user @ana"]);
}

#[tokio::test]
async fn a_response_url_answers_five_times_within_half_an_hour() {
    let bot = workspace().await;
    let slack = &bot.sandbox.slack;
    slack.person("ana").command("/slice", "help");
    let mut socket = bot.connect().await;
    let envelope = socket.next().await.unwrap();
    socket.ack(&envelope, Value::Null).await;
    let url = envelope["payload"]["response_url"].as_str().unwrap();
    for n in 0..5 {
        let said = bot
            .post(url, None, json!({ "text": format!("answer {n}") }))
            .await;
        assert_eq!(said, (200, json!("ok")));
    }
    let (status, body) = bot.post(url, None, json!({ "text": "six" })).await;
    assert_eq!((status, &body["error"]), (404, &json!("used_url")));

    slack.person("ana").command("/slice", "help");
    let envelope = socket.next().await.unwrap();
    bot.sandbox.clock.advance(Duration::from_mins(30));
    let url = envelope["payload"]["response_url"].as_str().unwrap();
    let (status, body) = bot.post(url, None, json!({ "text": "late" })).await;
    assert_eq!((status, &body["error"]), (404, &json!("expired_url")));
    assert_eq!(slack.person("ana").reads().len(), 5);
}

#[tokio::test]
async fn a_trigger_opens_one_view_within_three_seconds() {
    let bot = workspace().await;
    let ana = bot.sandbox.slack.person("ana");
    let mut socket = bot.connect().await;
    ana.command("/slice", "provision");
    let envelope = socket.next().await.unwrap();
    socket.ack(&envelope, Value::Null).await;
    let trigger = &envelope["payload"]["trigger_id"];
    let open = |trigger: &Value| {
        bot.api(
            "views.open",
            json!({ "trigger_id": trigger, "view": form() }),
        )
    };
    assert_eq!(open(trigger).await["ok"], true);
    assert_eq!(open(trigger).await["error"], "exchanged_trigger_id");
    assert_eq!(open(&json!("1.2.3")).await["error"], "invalid_trigger_id");
    assert_eq!(ana.modal().unwrap(), "Ask\nAmount: ____\n[Send]");

    ana.command("/slice", "provision");
    let envelope = socket.next().await.unwrap();
    bot.sandbox.clock.advance(Duration::from_secs(3));
    assert_eq!(
        open(&envelope["payload"]["trigger_id"]).await["error"],
        "expired_trigger_id"
    );
}

#[tokio::test]
async fn a_form_is_checked_by_the_client_and_answered_by_the_app() {
    let bot = workspace().await;
    let slack = &bot.sandbox.slack;
    let ana = slack.person("ana");
    let mut socket = bot.connect().await;
    ana.command("/slice", "provision");
    let envelope = socket.next().await.unwrap();
    socket.ack(&envelope, Value::Null).await;
    let trigger = &envelope["payload"]["trigger_id"];
    bot.api(
        "views.open",
        json!({ "trigger_id": trigger, "view": form() }),
    )
    .await;

    assert!(ana.submit(&[]).unwrap_err().contains("required"));
    assert!(
        ana.submit(&[("Amount", "5")])
            .unwrap_err()
            .contains("at least 2")
    );
    assert!(
        ana.submit(&[("Amout", "50")])
            .unwrap_err()
            .contains("Amount")
    );
    ana.submit(&[("Amount", "50")]).unwrap();
    let sent = socket.next().await.unwrap();
    assert_eq!(sent["payload"]["type"], "view_submission");
    assert_eq!(
        sent["payload"]["view"]["state"]["values"]["amount"]["a"]["value"],
        "50"
    );
    let errors = json!({ "response_action": "errors", "errors": { "amount": "Too much" } });
    socket.ack(&sent, errors).await;
    until(&bot.sandbox, || slack.unacknowledged() == 0).await;
    assert!(ana.modal().unwrap().contains("! Amount: Too much"));

    ana.submit(&[("Amount", "20")]).unwrap();
    let sent = socket.next().await.unwrap();
    socket.ack(&sent, Value::Null).await;
    until(&bot.sandbox, || slack.unacknowledged() == 0).await;
    assert_eq!(ana.modal(), None);
    let view = json!({ "view_id": sent["payload"]["view"]["id"], "view": form() });
    assert_eq!(bot.api("views.update", view).await["error"], "not_found");
    assert_eq!(bot.sandbox.wire.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn an_envelope_comes_again_after_its_socket_died() {
    let bot = workspace().await;
    let slack = &bot.sandbox.slack;
    bot.sandbox.faults.inject(Fault::DropSocket, 1);
    let mut first = bot.connect().await;
    slack.person("ana").command("/slice", "budget");
    let lost = first.next().await.unwrap();
    assert_eq!(first.next().await, None);
    until(&bot.sandbox, || slack.sockets() == 0).await;
    let mut second = bot.connect().await;
    let again = second.next().await.unwrap();
    assert_eq!(again["payload"], lost["payload"]);
    second.ack(&again, Value::Null).await;
    until(&bot.sandbox, || slack.unacknowledged() == 0).await;

    bot.sandbox.faults.inject(Fault::RefreshSocket, 1);
    slack.person("ana").command("/slice", "keys");
    assert_eq!(second.next().await.unwrap()["reason"], "refresh_requested");
    let mut third = bot.connect().await;
    let envelope = third.next().await.unwrap();
    assert_eq!(envelope["payload"]["text"], "keys");
    third.ack(&envelope, Value::Null).await;

    bot.sandbox.faults.inject(Fault::DuplicateDelivery, 1);
    slack.person("ana").command("/slice", "help");
    let (one, two) = (third.next().await.unwrap(), third.next().await.unwrap());
    assert_eq!(one["payload"], two["payload"]);
}

#[tokio::test]
async fn a_bot_killed_at_its_acknowledgement_hears_again() {
    let bot = workspace().await;
    let slack = &bot.sandbox.slack;
    let mut first = bot.connect().await;
    bot.sandbox.wire.on_crossing(Box::new(|crossing| {
        if crossing.what == "ack slash_commands" {
            Fate::DieBefore
        } else {
            Fate::Pass
        }
    }));
    slack.person("ana").command("/slice", "budget");
    let envelope = first.next().await.unwrap();
    first.ack(&envelope, Value::Null).await;
    until(&bot.sandbox, || {
        bot.sandbox
            .wire
            .crossings()
            .iter()
            .any(|one| one.what == "ack slash_commands")
    })
    .await;
    assert_eq!(slack.unacknowledged(), 1);
    bot.sandbox.wire.clear_hook();
    drop(first);
    let mut second = bot.connect().await;
    assert_eq!(second.next().await.unwrap()["payload"], envelope["payload"]);
}

#[tokio::test]
async fn messages_are_seen_clicked_edited_and_clicked_stale() {
    let bot = workspace().await;
    let slack = &bot.sandbox.slack;
    let owners = slack.add_channel("owners", ChannelKind::PRIVATE);
    slack.join("owners", "olga");
    let post = |channel: &str, blocks: Value| {
        bot.api(
            "chat.postMessage",
            json!({ "channel": channel, "text": "Ask", "blocks": blocks }),
        )
    };
    let blocks = json!([
        { "type": "section", "text": { "type": "mrkdwn", "text": "<@U000000002> asks" },
          "fields": [{ "type": "mrkdwn", "text": "*Cap*\n$60.00" }] },
        button("Approve"),
    ]);
    assert_eq!(
        post(&owners.0, blocks.clone()).await["error"],
        "channel_not_found"
    );
    slack.invite_bot("owners");
    let posted = post(&owners.0, blocks.clone()).await;
    assert_eq!(posted["ok"], true);
    let olga = slack.person("olga");
    assert_eq!(olga.reads(), ["@ana asks\nCap: $60.00\n[Approve]"]);
    let why = slack.person("ana").click("Approve").unwrap_err();
    assert!(why.contains("ana sees no \"Approve\""), "{why}");

    let mut socket = bot.connect().await;
    olga.click("Approve").unwrap();
    let click = socket.next().await.unwrap();
    assert_eq!(click["payload"]["actions"][0]["value"], "7");
    assert_eq!(click["payload"]["user"]["id"], "U000000001");
    socket.ack(&click, Value::Null).await;
    let done = json!({ "channel": owners.0, "ts": posted["ts"], "text": "Approved", "blocks": [] });
    assert_eq!(bot.api("chat.update", done).await["ok"], true);
    assert_eq!(olga.reads(), ["Approved"]);
    assert!(olga.click("Approve").is_err());
    olga.click_stale("Approve").unwrap();
    assert_eq!(
        socket.next().await.unwrap()["payload"]["actions"][0]["value"],
        "7"
    );

    slack.archive("owners");
    assert_eq!(post(&owners.0, blocks).await["error"], "is_archived");
}

#[tokio::test]
async fn limits_are_refused_and_recorded() {
    let bot = workspace().await;
    let too_many: Vec<Value> = (0..51).map(|_| json!({ "type": "divider" })).collect();
    let body = json!({ "channel": "U000000002", "text": "x", "blocks": too_many });
    assert_eq!(
        bot.api("chat.postMessage", body).await["error"],
        "invalid_blocks"
    );
    let body = json!({ "channel": "U000000002", "text": "x".repeat(40_001) });
    assert_eq!(
        bot.api("chat.postMessage", body).await["error"],
        "msg_too_long"
    );
    let body = json!({ "users": ["U000000002"] });
    assert_eq!(bot.api("conversations.open", body).await["ok"], true);
    assert!(bot.sandbox.wire.take_violations().len() >= 3);

    bot.sandbox.slack.rate_limits(true);
    let url = format!("{}/chat.postMessage", bot.sandbox.slack.api_url());
    let token = bot.sandbox.slack.bot_token();
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let body = json!({ "channel": "U000000002", "text": "hi" });
        statuses.push(bot.post(&url, Some(&token), body).await.0);
    }
    assert_eq!(statuses, [200, 200, 200, 429]);
}

#[tokio::test]
async fn tokens_and_scopes_are_checked() {
    let bot = workspace().await;
    let slack = &bot.sandbox.slack;
    assert_eq!(
        bot.api_as("xoxb-wrong", "auth.test", json!({})).await["error"],
        "invalid_auth"
    );
    let open = bot.api("apps.connections.open", json!({})).await;
    assert_eq!(open["error"], "not_allowed_token_type");
    let team = bot.api("team.info", json!({})).await;
    assert_eq!(
        (&team["error"], &team["needed"]),
        (&json!("missing_scope"), &json!("team:read"))
    );
    let got = bot
        .http
        .get(format!("{}/users.info?user=U000000001", slack.api_url()));
    let got = got
        .bearer_auth(slack.bot_token())
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(got.contains("\"is_primary_owner\":true"), "{got}");
    slack.uninstall();
    assert_eq!(
        bot.api("auth.test", json!({})).await["error"],
        "account_inactive"
    );
}

#[tokio::test]
async fn a_file_reaches_the_direct_message() {
    let bot = workspace().await;
    let slack = &bot.sandbox.slack;
    let dm = bot
        .api("conversations.open", json!({ "users": "U000000002" }))
        .await;
    let url = format!(
        "{}/files.getUploadURLExternal?filename=a.csv&length=4",
        slack.api_url()
    );
    let asked = bot
        .http
        .get(url)
        .bearer_auth(slack.bot_token())
        .send()
        .await
        .unwrap();
    let asked: Value = serde_json::from_str(&asked.text().await.unwrap()).unwrap();
    let upload = asked["upload_url"].as_str().unwrap();
    assert_eq!(
        bot.http
            .post(upload)
            .body("a,b\n")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let share = json!({ "files": [{ "id": asked["file_id"], "title": "The audit" }],
        "channel_id": dm["channel"]["id"] });
    assert_eq!(
        bot.api("files.completeUploadExternal", share).await["ok"],
        true
    );
    assert_eq!(slack.person("ana").reads(), ["The audit\na,b\n"]);
    assert_eq!(slack.file("a.csv").unwrap(), b"a,b\n");
}
