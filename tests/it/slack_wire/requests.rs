//! What stands at a public address hears from anybody; only what Slack signed just now is taken.

use super::{Stage, line};
use crate::closing::{LOGS, log_end};
use serde_json::{Value, json};
use slice_core::inbound::Notice;
use slice_sandbox::{Fate, Forgery};
use std::{
    sync::{
        PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const CANARY: &str = "canary-in-a-forged-request";
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// Whether a text was logged since `from`.
fn is_logged(from: usize, text: &str) -> bool {
    let logs = LOGS.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&logs[from..]).contains(text)
}

/// A command, a click and an event of ana's, with a canary in each.
fn deliveries(stage: &Stage) -> [(&'static str, Value); 3] {
    let slack = &stage.sandbox.slack;
    let (team, user) = (stage.workspace().id, stage.identity("ana").user);
    let (team, user) = (team.as_str(), user.as_str());
    let channel = slack.channel("general");
    let click = json!({
        "type": "block_actions", "user": { "id": user }, "team": { "id": team },
        "trigger_id": "1.2", "actions": [{ "action_id": "act:0", "value": CANARY }],
    });
    let event = json!({
        "type": "event_callback", "team_id": team, "canary": CANARY,
        "event": { "type": "app_uninstalled" },
    });
    [
        (
            "slash_commands",
            slack.command_payload(team, user, &channel.0, CANARY),
        ),
        ("interactive", click),
        ("events_api", event),
    ]
}

pub(super) async fn forgeries(stage: Stage) {
    let slack = &stage.sandbox.slack;
    let from = log_end();
    for (kind, payload) in deliveries(&stage) {
        for forgery in Forgery::ALL {
            let from = log_end();
            let heard = slack.post_forged(kind, &payload, *forgery).await;
            let (status, said) = match forgery {
                Forgery::Huge | Forgery::HugeInParts => (413, "it is too large"),
                Forgery::Garbled => (400, "that Slice cannot read"),
                Forgery::Late | Forgery::Early => (401, "it was not signed just now"),
                Forgery::NoSignature | Forgery::NoInstant => (401, "it is not signed"),
                _ => (401, "its signature is not Slack's"),
            };
            assert_eq!(
                (heard.status, heard.body.as_str()),
                (status, ""),
                "{kind}, {forgery:?}"
            );
            // What cannot become better is not to be sent again; a clock may be mended.
            assert_eq!(heard.no_retry, status != 401, "{kind}, {forgery:?}");
            assert!(is_logged(from, said), "{kind}, {forgery:?}");
        }
    }
    assert!(!is_logged(from, CANARY), "no content is logged");
    // Nothing of all that came in: the first thing heard is what ana says now.
    stage.person("ana").command("/slice", "keys");
    assert_eq!(line(&stage.hears().await.0), "keys");
    stage.acknowledged().await;
    assert!(stage.noticed.lock().await.try_recv().is_err());
    assert!(
        stage.listener.check().ok,
        "strangers can't make it look unready"
    );

    let again = slack.replay_last().await;
    assert_eq!((again.status, again.body.as_str()), (401, ""));
    assert!(is_logged(from, "it was sent before"));
    stage.sandbox.clock.advance(Duration::from_secs(301));
    assert_eq!(slack.replay_last().await.status, 401, "too late");
}

pub(super) async fn formalities(stage: Stage) {
    let slack = &stage.sandbox.slack;
    let challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P";
    let asks = |challenge: &str| {
        json!({ "token": "t", "challenge": challenge, "type": "url_verification" }).to_string()
    };
    let short = asks(challenge);
    let heard = slack.post_signed("/slack/events", JSON, &short).await;
    assert_eq!((heard.status, heard.body.as_str()), (200, challenge));
    let long = asks(&"c".repeat(10_000));
    let heard = slack.post_signed("/slack/events", JSON, &long).await;
    assert_eq!(heard.status, 400);
    let limited = r#"{"type":"app_rate_limited","team_id":"T1","minute_rate_limited":1}"#;
    let looks = "token=t&ssl_check=1";
    for (path, kind, body) in [
        ("/slack/events", JSON, limited),
        ("/slack/commands", FORM, looks),
    ] {
        let heard = slack.post_signed(path, kind, body).await;
        assert_eq!((heard.status, heard.body.as_str()), (200, ""), "{path}");
    }
    for (path, kind) in [
        ("/slack/commands", FORM),
        ("/slack/interactions", FORM),
        ("/slack/events", JSON),
    ] {
        for body in ["", "{}", "[]", "payload=", "payload=%ff", "a=b&a=b", "null"] {
            let heard = slack.post_signed(path, kind, body).await;
            assert_eq!(heard.status, 400, "{path} {body:?}");
        }
    }
    let came = stage.heard.lock().await.try_recv();
    assert!(came.is_err(), "nothing came in");
}

/// An event whose answer is lost comes again, when Slack sends it again; one that cannot be read
/// does not.
pub(super) async fn events(stage: Stage) {
    let slack = &stage.sandbox.slack;
    let lost = AtomicUsize::new(0);
    stage.sandbox.wire.on_crossing(Box::new(move |crossing| {
        let is_event = crossing.what == "envelope events_api";
        if is_event && lost.fetch_add(1, Ordering::SeqCst) < 2 {
            Fate::DieAfter
        } else {
            Fate::Pass
        }
    }));
    let changed = Notice::PeopleChanged(stage.workspace());
    slack.inject_event(json!({ "type": "user_change", "user": {} }));
    for _ in 0..2 {
        assert_eq!(stage.notices().await, changed);
    }
    stage.acknowledged().await;
    assert_eq!(stage.bodies_of("envelope events_api").len(), 2);
    stage.sandbox.clock.advance(Duration::from_mins(1));
    assert_eq!(slack.unacknowledged(), 1, "it is time");
    assert_eq!(stage.notices().await, changed);
    stage.acknowledged().await;
    assert_eq!(stage.bodies_of("ack events_api").len(), 1);

    slack.inject_envelope("events_api", json!({ "type": "event_callback" }));
    stage.acknowledged().await;
    assert_eq!(stage.bodies_of("400 ack events_api").len(), 1);
    stage.sandbox.clock.advance(Duration::from_mins(10));
    assert_eq!(slack.unacknowledged(), 0, "it is not sent again");
}

pub(super) async fn end(stage: Stage) {
    let (slack, ana) = (&stage.sandbox.slack, stage.person("ana"));
    stage.listener.shutdown().await;
    assert!(!stage.listener.check().ok);
    ana.command("/slice", "keys");
    stage.acknowledged().await;
    let failed = "/slice failed with the error \"dispatch_failed\"";
    assert_eq!(ana.reads(), [failed], "Slack tells her to say it again");
    slack.inject_event(json!({ "type": "user_change", "user": {} }));
    stage.acknowledged().await;
    let tries = stage.bodies_of("503 ack events_api").len();
    assert_eq!(tries, 2, "Slack goes on to try");
    assert!(stage.heard.lock().await.try_recv().is_err());
    assert!(stage.noticed.lock().await.try_recv().is_err());
}
