//! Interactions: what answers them, how often, and till when.

use std::time::Duration;

use serde_json::{Value, json};
use slice_sandbox::Place;

use super::client::{EPHEMERAL, GUILDS, start};

const MESSAGE: u64 = 4;
const DEFERRED: u64 = 5;
const DEFERRED_UPDATE: u64 = 6;
const UPDATE: u64 = 7;
const CHOICES: u64 = 8;
const MODAL: u64 = 9;

fn buttons(labels: &[&str]) -> Value {
    let button =
        |label: &&str| json!({ "type": 2, "style": 1, "label": label, "custom_id": label });
    json!([{ "type": 1, "components": labels.iter().map(button).collect::<Vec<_>>() }])
}

fn modal() -> Value {
    let input = json!({ "type": 4, "custom_id": "amount", "label": "Amount", "style": 1,
        "min_length": 2, "placeholder": "in dollars" });
    let why = json!({ "type": 4, "custom_id": "why", "label": "Why", "style": 2,
        "required": false, "value": "tests" });
    json!({ "custom_id": "ask:1", "title": "Ask", "components": [
        { "type": 1, "components": [input] }, { "type": 1, "components": [why] } ] })
}

#[tokio::test]
async fn a_command_is_answered_once_and_for_her_alone() {
    let app = start().await;
    app.register().await;
    let mut gateway = app.ready(GUILDS).await;
    app.ana().command("/slice", "help").unwrap();
    let asked = gateway.interaction().await;
    assert_eq!(asked["data"]["options"][0]["name"], "help");
    assert_eq!(asked["member"]["user"]["id"], app.ana().id());
    assert_eq!(asked["guild_id"], app.discord.guild_id());
    assert_eq!(app.discord.unanswered(), 1);
    let text = format!("Hello <@{}>, **20** \\*left\\*", app.ana().id());
    let data = json!({ "content": text, "flags": EPHEMERAL });
    assert_eq!(
        app.answer(&asked, MESSAGE, data.clone()).await,
        (204, Value::Null)
    );
    let (status, again) = app.answer(&asked, MESSAGE, data).await;
    assert_eq!((status, &again["code"]), (400, &json!(40_060)));
    assert_eq!(app.ana().reads(), ["Hello @ana, 20 *left*"]);
    assert_eq!(app.ana().reads(), Vec::<String>::new());
    assert_eq!(
        app.ana().sees()[0].place,
        Place::Ephemeral("general".to_owned())
    );
    assert_eq!(app.olga().reads(), Vec::<String>::new());
    assert_eq!(app.discord.alive_markup(), ["user @ana"]);
    assert_eq!(app.discord.pings(), Vec::<String>::new());

    // Nobody reaches it but by the token.
    let shown = app
        .fine(&app.hook("GET", &asked, "/messages/@original"), Value::Null)
        .await;
    let (id, channel) = (
        shown["id"].as_str().unwrap(),
        shown["channel_id"].as_str().unwrap(),
    );
    for method in ["GET", "DELETE"] {
        let line = format!("{method} /channels/{channel}/messages/{id}");
        assert_eq!(app.refused(&line, Value::Null).await, (404, 10_008));
    }
    let list = format!("GET /channels/{channel}/messages");
    assert_eq!(app.fine(&list, Value::Null).await, json!([]));
    assert_eq!(app.discord.unanswered(), 0);
    assert_eq!(app.sandbox.wire.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_deferred_answer_waits_to_be_edited_and_keeps_its_flag() {
    let app = start().await;
    app.register().await;
    let mut gateway = app.ready(GUILDS).await;
    app.ana().command("/slice", "help").unwrap();
    let asked = gateway.interaction().await;
    let early = app.hook("PATCH", &asked, "/messages/@original");
    assert_eq!(
        app.refused(&early, json!({ "content": "x" })).await,
        (404, 10_015)
    );
    app.answer(&asked, DEFERRED, json!({ "flags": EPHEMERAL }))
        .await;
    assert_eq!(app.discord.unanswered(), 1);
    assert_eq!(app.ana().reads(), Vec::<String>::new());
    let shown = app
        .fine(&app.hook("GET", &asked, "/messages/@original"), Value::Null)
        .await;
    assert_eq!(shown["flags"], 64 | 128);
    let edit = json!({ "content": "done", "components": buttons(&["More"]), "flags": 0 });
    let edited = app.fine(&early, edit).await;
    assert_eq!(edited["flags"], 64);
    assert_eq!(app.discord.unanswered(), 0);
    assert_eq!(app.ana().reads(), ["done\n[More]"]);
    app.fine(&early, json!({ "content": "done again" })).await;
    assert_eq!(app.ana().reads(), ["done again\n[More]"]);
    let more = json!({ "content": "public" });
    app.fine(&app.hook("POST", &asked, ""), more).await;
    assert_eq!(app.olga().reads(), ["public"]);
    app.fine(
        &app.hook("DELETE", &asked, "/messages/@original"),
        Value::Null,
    )
    .await;
    assert_eq!(app.ana().reads(), ["public", "(deleted)"]);
    let gone = app.hook("GET", &asked, "/messages/@original");
    assert_eq!(app.refused(&gone, Value::Null).await, (404, 10_008));

    // A follow-up right after a deferral is the deferred answer, whatever its flags say.
    app.ana().command("/slice", "help").unwrap();
    let asked = gateway.interaction().await;
    app.answer(&asked, DEFERRED, json!({ "flags": EPHEMERAL }))
        .await;
    let said = app
        .fine(&app.hook("POST", &asked, ""), json!({ "content": "here" }))
        .await;
    assert_eq!(said["flags"], 64);
    assert_eq!(app.ana().reads(), ["here"]);
    assert_eq!(app.olga().reads(), Vec::<String>::new());
}

#[tokio::test]
async fn an_answer_has_three_seconds_and_a_token_fifteen_minutes() {
    let app = start().await;
    app.register().await;
    let mut gateway = app.ready(GUILDS).await;
    app.ana().command("/slice", "help").unwrap();
    let late = gateway.interaction().await;
    app.sandbox.clock.advance(Duration::from_secs(3));
    assert_eq!(app.discord.unanswered(), 0);
    let (status, why) = app.answer(&late, DEFERRED, json!({})).await;
    assert_eq!((status, &why["code"]), (404, &json!(10_062)));
    assert_eq!(app.ana().reads(), ["The application did not respond"]);
    assert_eq!(app.discord.failed(), 1);

    app.ana().command("/slice", "help").unwrap();
    let asked = gateway.interaction().await;
    app.answer(&asked, DEFERRED, json!({})).await;
    app.sandbox.clock.advance(Duration::from_secs(15 * 60 - 1));
    let edit = app.hook("PATCH", &asked, "/messages/@original");
    app.fine(&edit, json!({ "content": "just in time" })).await;
    app.sandbox.clock.advance(Duration::from_secs(1));
    assert_eq!(
        app.refused(&edit, json!({ "content": "x" })).await,
        (401, 50_027)
    );
    let mut forged = asked.clone();
    forged["token"] = json!("guessed");
    let (status, why) = app
        .answer(&forged, MESSAGE, json!({ "content": "x" }))
        .await;
    assert_eq!((status, &why["code"]), (404, &json!(10_062)));
    assert_eq!(app.discord.invalid_requests(), 1);
}

#[tokio::test]
async fn a_modal_comes_first_is_checked_by_the_client_and_is_no_answer_to_a_modal() {
    let app = start().await;
    app.register().await;
    let ana = app.ana();
    let mut gateway = app.ready(GUILDS).await;
    ana.command("/slice", "provision").unwrap();
    let asked = gateway.interaction().await;
    assert_eq!(app.answer(&asked, MODAL, modal()).await.0, 204);
    assert_eq!(
        ana.modal().unwrap(),
        "Ask\nAmount: ____\n  in dollars\nWhy: tests (optional)\n[Submit]"
    );
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
    let sent = gateway.interaction().await;
    assert_eq!(sent["type"], 5);
    assert_eq!(sent["data"]["custom_id"], "ask:1");
    let rows = &sent["data"]["components"];
    assert_eq!(rows[0]["components"][0]["value"], "50");
    assert_eq!(rows[1]["components"][0]["value"], "tests");
    assert!(ana.modal().is_some(), "it closes with the answer");
    let (status, why) = app.answer(&sent, MODAL, modal()).await;
    assert_eq!((status, &why["code"]), (400, &json!(50_035)));
    assert_eq!(
        app.answer(&sent, UPDATE, json!({ "content": "x" })).await.0,
        400
    );
    app.answer(
        &sent,
        MESSAGE,
        json!({ "content": "asked", "flags": EPHEMERAL }),
    )
    .await;
    assert_eq!(ana.modal(), None);
    ana.submit_again().unwrap();
    let again = gateway.interaction().await;
    assert_eq!(again["data"], sent["data"]);
    assert_ne!(again["id"], sent["id"]);
    app.answer(&again, DEFERRED, json!({})).await;
    let late = app.answer(&again, MODAL, modal()).await;
    assert_eq!(late.1["code"], 40_060, "not after a deferral");
    assert_eq!(app.sandbox.wire.take_violations().len(), 2);
}

#[tokio::test]
async fn a_button_can_change_its_message_open_a_form_or_say_nothing() {
    let app = start().await;
    app.register().await;
    let (ana, olga) = (app.ana(), app.olga());
    let mut gateway = app.ready(GUILDS).await;
    let general = app.discord.channel("general");
    let ask = json!({ "content": "Ana asks", "components": buttons(&["Approve", "Deny"]) });
    let posted = app
        .fine(&format!("POST /channels/{general}/messages"), ask)
        .await;
    olga.click("Approve").unwrap();
    let click = gateway.interaction().await;
    assert_eq!(click["type"], 3);
    assert_eq!(click["data"]["custom_id"], "Approve");
    assert_eq!(click["message"]["id"], posted["id"]);
    app.answer(
        &click,
        UPDATE,
        json!({ "content": "Approved", "components": [] }),
    )
    .await;
    assert_eq!(ana.reads(), ["Ana asks\n[Approve] [Deny]", "Approved"]);
    assert!(olga.click("Deny").unwrap_err().contains("sees no"));
    ana.click_stale("Deny").unwrap();
    let stale = gateway.interaction().await;
    assert_eq!(stale["data"]["custom_id"], "Deny");
    assert_eq!(
        stale["message"]["components"][0]["components"][1]["label"],
        "Deny"
    );
    app.answer(&stale, DEFERRED_UPDATE, Value::Null).await;
    let edit = app.hook("PATCH", &stale, "/messages/@original");
    app.fine(&edit, json!({ "content": "Approved for good" }))
        .await;
    assert_eq!(app.discord.unanswered(), 0);

    // A form from a button may change the message that it came from.
    let ask = json!({ "content": "Again", "components": buttons(&["Form"]) });
    app.fine(&format!("POST /channels/{general}/messages"), ask)
        .await;
    olga.click("Form").unwrap();
    let click = gateway.interaction().await;
    app.answer(&click, MODAL, modal()).await;
    olga.submit(&[("Amount", "70")]).unwrap();
    let sent = gateway.interaction().await;
    app.answer(
        &sent,
        UPDATE,
        json!({ "content": "Asked for 70", "components": [] }),
    )
    .await;
    assert_eq!(olga.reads().last().unwrap(), "Asked for 70");
    assert_eq!(app.sandbox.wire.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_click_can_be_stolen_forged_and_answered_for_the_clicker_alone() {
    let app = start().await;
    app.register().await;
    let (ana, olga) = (app.ana(), app.olga());
    let mut gateway = app.ready(GUILDS).await;
    ana.command("/slice", "help").unwrap();
    let asked = gateway.interaction().await;
    let secret = json!({ "content": "Yours", "flags": EPHEMERAL,
        "components": buttons(&["Reveal"]) });
    app.answer(&asked, MESSAGE, secret).await;
    assert!(olga.click("Reveal").is_err());
    olga.click_stolen("ana", "Reveal").unwrap();
    let stolen = gateway.interaction().await;
    assert_eq!(stolen["member"]["user"]["id"], olga.id());
    app.answer(
        &stolen,
        MESSAGE,
        json!({ "content": "Not yours", "flags": EPHEMERAL }),
    )
    .await;
    assert_eq!(olga.reads(), ["Not yours"]);
    ana.click_forged("act:other").unwrap();
    let forged = gateway.interaction().await;
    assert_eq!(forged["data"]["custom_id"], "act:other");
    let no = app.answer(&forged, CHOICES, json!({ "choices": [] })).await;
    assert_eq!(no.0, 400, "choices complete a command only");
    app.answer(&forged, DEFERRED, json!({ "flags": EPHEMERAL }))
        .await;
    let edit = app.hook("PATCH", &forged, "/messages/@original");
    app.fine(&edit, json!({ "content": "gone" })).await;
    assert_eq!(ana.reads(), ["Yours\n[Reveal]", "gone"]);
}

#[tokio::test]
async fn an_option_completes_while_it_is_typed() {
    let app = start().await;
    app.register().await;
    let ana = app.ana();
    let mut gateway = app.ready(GUILDS).await;
    let typing = tokio::spawn({
        let ana = ana.clone();
        async move { ana.completes("/slice", "provision op", "service").await }
    });
    let asked = gateway.interaction().await;
    assert_eq!(asked["type"], 4);
    let option = &asked["data"]["options"][0]["options"][0];
    assert_eq!(
        (&option["value"], &option["focused"]),
        (&json!("op"), &json!(true))
    );
    assert_eq!(app.answer(&asked, DEFERRED, json!({})).await.0, 400);
    let many: Vec<Value> = (0..26)
        .map(|n| json!({ "name": "x", "value": n.to_string() }))
        .collect();
    assert_eq!(
        app.answer(&asked, CHOICES, json!({ "choices": many }))
            .await
            .0,
        400
    );
    let one = json!({ "choices": [{ "name": "OpenRouter", "value": "openrouter" }] });
    assert_eq!(app.answer(&asked, CHOICES, one).await.0, 204);
    let choices = typing.await.unwrap().unwrap();
    assert_eq!(choices, [("OpenRouter".to_owned(), json!("openrouter"))]);
    let late = app.hook("POST", &asked, "");
    assert_eq!(
        app.refused(&late, json!({ "content": "x" })).await,
        (401, 50_027)
    );
    assert!(
        ana.completes("/slice", "provision", "amount")
            .await
            .is_err()
    );
    drop(gateway);
}
