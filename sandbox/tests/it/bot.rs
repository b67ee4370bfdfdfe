//! A minimal bot: a Web API client and one Socket Mode connection.

use futures::{SinkExt, StreamExt};
use reqwest::Client;
use serde_json::{Value, json};
use slice_sandbox::Sandbox;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// 2023-11-14, in microseconds.
pub const START: i64 = 1_700_000_000_000_000;

pub struct Bot {
    pub http: Client,
    pub sandbox: Sandbox,
}

pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

pub async fn start() -> Bot {
    let sandbox = Sandbox::start(START)
        .await
        .expect("loopback has free ports");
    let http = Client::builder()
        .no_proxy()
        .build()
        .expect("a plain client can be built");
    Bot { http, sandbox }
}

impl Bot {
    pub async fn api(&self, method: &str, body: Value) -> Value {
        self.api_as(&self.sandbox.slack.bot_token(), method, body)
            .await
    }

    pub async fn api_as(&self, token: &str, method: &str, body: Value) -> Value {
        let url = format!("{}/{method}", self.sandbox.slack.api_url());
        self.post(&url, Some(token), body).await.1
    }

    pub async fn post(&self, url: &str, token: Option<&str>, body: Value) -> (u16, Value) {
        let mut request = self
            .http
            .post(url)
            .header("content-type", "application/json");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        answered(
            request
                .body(body.to_string())
                .send()
                .await
                .expect("Slack answers"),
        )
        .await
    }

    /// A call to the provider: method, path below `/api/v1`, body.
    pub async fn provider(&self, token: &str, line: &str, body: Value) -> (u16, Value) {
        let (method, path) = line.split_once(' ').expect("a line is a method and a path");
        let url = format!("{}{path}", self.sandbox.openrouter.url());
        self.ask(method, &url, token, body).await
    }

    /// A call to `RunPod`: method and path, body.
    pub async fn runpod(&self, token: &str, line: &str, body: Value) -> (u16, Value) {
        let (method, path) = line.split_once(' ').expect("a line is a method and a path");
        let url = format!("{}{path}", self.sandbox.runpod.url());
        self.ask(method, &url, token, body).await
    }

    async fn ask(&self, method: &str, url: &str, token: &str, body: Value) -> (u16, Value) {
        let request = self
            .http
            .request(method.parse().expect("a method is a token"), url)
            .bearer_auth(token);
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        answered(
            request
                .body(body)
                .send()
                .await
                .expect("the provider answers"),
        )
        .await
    }

    pub async fn connect(&self) -> Socket {
        let token = self.sandbox.slack.app_token();
        let opened = self
            .api_as(&token, "apps.connections.open", json!({}))
            .await;
        let url = opened["url"].as_str().expect("a socket has a URL");
        let (stream, _) = tokio_tungstenite::connect_async(url)
            .await
            .expect("a fresh ticket connects");
        let mut socket = Socket { stream };
        let hello = socket.next().await.expect("a socket begins with a frame");
        assert_eq!(hello["type"], "hello");
        socket
    }
}

impl Socket {
    /// The next frame; `None` when the socket is gone.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            match self.stream.next().await?.ok()? {
                Message::Text(text) => return serde_json::from_str(&text).ok(),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    pub async fn ack(&mut self, envelope: &Value, payload: Value) {
        let mut ack = json!({ "envelope_id": envelope["envelope_id"] });
        if !payload.is_null() {
            ack["payload"] = payload;
        }
        self.stream
            .send(Message::Text(ack.to_string().into()))
            .await
            .expect("the socket takes an ack");
    }
}

async fn answered(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.expect("an answer is text");
    let body = serde_json::from_str(&text).unwrap_or(Value::from(text));
    (status, body)
}

/// Waits until something is so; every activity of the sandbox is a reason to look again.
pub async fn until(sandbox: &Sandbox, mut so: impl FnMut() -> bool) {
    loop {
        let changed = sandbox.wire.changed();
        if so() {
            return;
        }
        changed.await;
    }
}
