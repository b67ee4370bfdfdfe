//! Interactions over signed HTTP.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};
use slice_sandbox::{Clock, Delivery};
use tokio::net::TcpListener;

use super::client::{App, EPHEMERAL, start};

/// An endpoint that verifies everything, and answers commands with what it is told to.
#[derive(Clone)]
struct Endpoint {
    key: VerifyingKey,
    clock: Clock,
    heard: Arc<Mutex<Vec<Value>>>,
    seen: Arc<Mutex<Vec<String>>>,
    answer: Value,
}

impl Endpoint {
    fn verifies(&self, headers: &HeaderMap, body: &[u8]) -> Option<()> {
        let header = |name: &str| headers.get(name)?.to_str().ok();
        let timestamp = header("x-signature-timestamp")?;
        let signature = header("x-signature-ed25519")?;
        let bytes: [u8; 64] = hex::decode(signature).ok()?.try_into().ok()?;
        let signed = [timestamp.as_bytes(), body].concat();
        let signature_of = Signature::from_bytes(&bytes);
        self.key.verify_strict(&signed, &signature_of).ok()?;
        let age = self.clock.now() / 1_000_000 - timestamp.parse::<i64>().ok()?;
        let mut seen = self.seen.lock().expect("nobody panics with it");
        if age > 300 || seen.iter().any(|one| one == signature) {
            return None;
        }
        seen.push(signature.to_owned());
        Some(())
    }
}

async fn endpoint(State(here): State<Endpoint>, headers: HeaderMap, body: Bytes) -> Response {
    if here.verifies(&headers, &body).is_none() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let said: Value = serde_json::from_slice(&body).expect("Discord sends JSON");
    let answer = if said["type"] == 1 {
        json!({ "type": 1 })
    } else {
        here.heard.lock().expect("nobody panics with it").push(said);
        here.answer
    };
    ([("content-type", "application/json")], answer.to_string()).into_response()
}

async fn serve(app: &App, answer: Value) -> (String, Endpoint) {
    let key = hex::decode(app.discord.public_key()).expect("a hex key");
    let here = Endpoint {
        key: VerifyingKey::from_bytes(&key.try_into().expect("32 bytes")).expect("a key"),
        clock: app.sandbox.clock.clone(),
        heard: Arc::default(),
        seen: Arc::default(),
        answer,
    };
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has free ports");
    let at: SocketAddr = listener.local_addr().expect("an address");
    let limit = axum::extract::DefaultBodyLimit::max(256 << 10);
    let app = Router::new().route("/", post(endpoint)).layer(limit);
    let app = app.with_state(here.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (format!("http://{at}/"), here)
}

#[tokio::test]
async fn a_command_is_posted_signed_and_answered_by_the_response() {
    let app = start().await;
    app.register().await;
    let answer = json!({ "type": 5, "data": { "flags": EPHEMERAL } });
    let (url, here) = serve(&app, answer).await;
    app.discord.deliver_over_http(&url).await.unwrap();
    app.ana().command("/slice", "help").unwrap();
    app.until(|| app.sandbox.wire.open_requests() == 0).await;
    let asked = here.heard.lock().unwrap()[0].clone();
    assert_eq!(asked["member"]["user"]["id"], app.ana().id());
    assert_eq!(app.discord.unanswered(), 1);
    let edit = app.hook("PATCH", &asked, "/messages/@original");
    app.fine(&edit, json!({ "content": "help" })).await;
    assert_eq!(app.ana().reads(), ["help"]);
    assert_eq!(app.discord.unanswered(), 0);
    let whats: Vec<String> = app
        .sandbox
        .wire
        .crossings()
        .into_iter()
        .map(|one| one.what)
        .collect();
    assert!(
        whats.contains(&"delivery INTERACTION_CREATE".to_owned()),
        "{whats:?}"
    );
    app.discord.deliver_over_gateway();
    app.ana().command("/slice", "help").unwrap();
    assert_eq!(app.ana().reads(), ["The application did not respond"]);
    assert_eq!(app.sandbox.wire.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_not_rightly_delivered_is_refused_by_a_careful_endpoint() {
    let app = start().await;
    app.register().await;
    let (url, here) = serve(&app, json!({ "type": 4, "data": { "content": "hi" } })).await;
    app.discord.deliver_over_http(&url).await.unwrap();
    app.ana().command("/slice", "help").unwrap();
    app.until(|| app.sandbox.wire.open_requests() == 0).await;
    assert_eq!(app.ana().reads(), ["hi"]);
    let payload = app.discord.last_interaction();
    for how in [
        Delivery::Replayed,
        Delivery::Forged,
        Delivery::Unsigned,
        Delivery::Tampered,
        Delivery::Late,
    ] {
        let reply = app.discord.deliver_raw(how, &payload).await.unwrap();
        assert_eq!(reply.status, 401, "{how:?}");
    }
    // The endpoint may hang up before it was told all of it.
    let huge = app.discord.deliver_raw(Delivery::Huge, &payload).await;
    assert!(
        huge.is_err() || huge.as_ref().is_ok_and(|reply| reply.status == 413),
        "{huge:?}"
    );
    assert_eq!(here.heard.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_does_not_check_or_does_not_answer_is_not_taken() {
    let app = start().await;
    app.register().await;
    let careless = Router::new().route("/", post(|| async { "{\"type\":1}" }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, careless).await });
    let why = app.discord.deliver_over_http(&url).await.unwrap_err();
    assert!(why.contains("wrong signature"), "{why}");
    assert!(
        app.discord
            .deliver_over_http("http://127.0.0.1:1/")
            .await
            .is_err()
    );

    let (url, _here) = serve(&app, json!({ "type": 9, "data": { "title": "" } })).await;
    app.discord.deliver_over_http(&url).await.unwrap();
    app.ana().command("/slice", "help").unwrap();
    app.until(|| app.sandbox.wire.open_requests() == 0).await;
    assert_eq!(app.ana().reads(), ["The application did not respond"]);
    assert!(!app.sandbox.wire.take_violations().is_empty());
}
