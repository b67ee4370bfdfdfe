//! Calls of Discord's REST API over a client of our own.
//!
//! Serenity's client is not used for them: with its rate limiter on it ignores the address that it
//! was given, so that tests and production would run different code; with the limiter off a 429
//! loses how long to wait; and its types print what they carry. Here every call has a time limit,
//! an outcome that says what may be concluded, and a body that can be wiped.

use super::{
    DiscordConfig,
    failure::{Failure, code},
    limits::{Limits, Until},
};
use reqwest::{Client, Method, RequestBuilder, Response, multipart, redirect};
use serde::de::DeserializeOwned;
use serde_json::Value;
use slice_core::{ports::Clock, secret::Secret};
use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tracing::error;
use zeroize::Zeroize;

/// Discord wants to know who asks.
const USER_AGENT: &str = concat!("DiscordBot (slice, ", env!("CARGO_PKG_VERSION"), ")");
/// A question waits for a bucket so long, and so often.
const PATIENCE: Duration = Duration::from_secs(5);
const TRIES: usize = 3;

/// The REST API with our token.
pub(super) struct Web {
    client: Client,
    base: String,
    token: Secret,
    /// Discord said that the token is none. Nothing is sent with it any more: each such request
    /// would bring the address closer to a ban.
    is_dead: AtomicBool,
    limits: Limits,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Web(…)")
    }
}

/// A body that holds a secret; its texts are wiped when the call is over.
pub(super) struct Wiped(pub Value);

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A file beside a message.
pub(super) struct Upload<'a> {
    pub name: String,
    pub mime: &'a str,
    pub bytes: &'a [u8],
}

impl Web {
    /// `Err` if there is no TLS to speak to Discord with.
    pub fn new(config: &DiscordConfig, clock: Arc<dyn Clock>) -> reqwest::Result<Self> {
        let builder = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .timeout(config.call_timeout);
        let is_outside = config.api_url.starts_with("https://");
        let builder = if is_outside {
            builder
        } else {
            builder.no_proxy()
        };
        let client = builder.build()?;
        Ok(Self {
            client,
            base: config.api_url.trim_end_matches('/').to_owned(),
            token: Secret::new(config.bot_token.expose().to_owned()),
            is_dead: AtomicBool::new(false),
            limits: Limits::default(),
            clock,
        })
    }

    pub fn token(&self) -> &Secret {
        &self.token
    }

    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Asks without changing anything; waits a little where Discord wants that.
    pub async fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        for _ in 1..TRIES {
            match self.call(Method::GET, path, None).await {
                Err(Failure::Limited(after)) if after <= PATIENCE => {
                    tokio::time::sleep(after).await;
                }
                other => return other.and_then(read),
            }
        }
        self.call(Method::GET, path, None).await.and_then(read)
    }

    /// Changes something, once.
    pub async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<T, Failure> {
        self.call(method, path, Some(body)).await.and_then(read)
    }

    /// Posts a message with a file.
    pub async fn upload<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
        file: &Upload<'_>,
    ) -> Result<T, Failure> {
        let part = multipart::Part::bytes(file.bytes.to_vec())
            .file_name(file.name.clone())
            .mime_str(file.mime)
            .map_err(|_| Failure::NotSent)?;
        let form = multipart::Form::new()
            .text("payload_json", body.to_string())
            .part("files[0]", part);
        let request = self.request(Method::POST, path)?.multipart(form);
        self.send(&Method::POST, path, request).await.and_then(read)
    }

    /// Says something with the token of an interaction, which stands in the path, instead of ours.
    pub async fn respond(&self, method: Method, path: &str, body: &Value) -> Result<(), Failure> {
        let request = self.client.request(method.clone(), self.url(path));
        let request = request
            .header("content-type", "application/json")
            .body(body.to_string());
        self.send(&method, path, request).await.map(drop)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let mut request = self.request(method.clone(), path)?;
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        self.send(&method, path, request).await
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Failure> {
        if self.is_dead.load(Ordering::Relaxed) {
            return Err(Failure::BadToken);
        }
        let bearer = zeroize::Zeroizing::new(format!("Bot {}", self.token.expose()));
        let mut bearer =
            reqwest::header::HeaderValue::from_str(&bearer).map_err(|_| Failure::BadToken)?;
        bearer.set_sensitive(true);
        let request = self.client.request(method, self.url(path));
        Ok(request.header("authorization", bearer))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        request: RequestBuilder,
    ) -> Result<Value, Failure> {
        let route = route(method, path);
        if let Some(left) = self.limits.left(&route, Until::now(&*self.clock)) {
            return Err(Failure::Limited(left));
        }
        let answer = request.send().await.map_err(|error| of_transport(&error))?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = body(answer).await;
        if status == 429 {
            let body = body.unwrap_or_default();
            let asked = (route.as_str(), Until::now(&*self.clock));
            return Err(Failure::Limited(
                self.limits.refused(asked, &headers, &body),
            ));
        }
        match status {
            200..=299 => body,
            401 => Err(self.unauthorized(&body.unwrap_or_default())),
            400..=499 => Err(Failure::Api(status, code_of(&body.unwrap_or_default()))),
            _ => Err(Failure::Status(status)),
        }
    }

    /// An interaction's token that has ended says nothing of ours.
    fn unauthorized(&self, body: &Value) -> Failure {
        let code = code_of(body);
        if code == code::INVALID_WEBHOOK_TOKEN {
            return Failure::Api(401, code);
        }
        if !self.is_dead.swap(true, Ordering::Relaxed) {
            error!(
                "Discord does not accept the bot token. Slice asks it nothing more until it is \
                 started with another: see `slice check`"
            );
        }
        Failure::BadToken
    }
}

/// What shares a bucket: the method and the path with its first id. Interactions have buckets of
/// their own, known by a digest of the token.
fn route(method: &Method, path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    if path.starts_with("webhooks/") || path.starts_with("interactions/") {
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        return format!("{method} {:x}", hasher.finish());
    }
    let words = path.split('/').enumerate().map(|(place, word)| {
        let is_later_id = 2 <= place && super::is_id(word);
        if is_later_id { "*" } else { word }
    });
    format!("{method} {}", words.collect::<Vec<_>>().join("/"))
}

fn of_transport(error: &reqwest::Error) -> Failure {
    if error.is_connect() || error.is_builder() {
        Failure::NotSent
    } else if error.is_timeout() {
        Failure::TimedOut
    } else {
        Failure::Lost
    }
}

/// An empty body is `null`.
async fn body(answer: Response) -> Result<Value, Failure> {
    let bytes = answer.bytes().await.map_err(|error| of_transport(&error))?;
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes).map_err(|_| Failure::Malformed)
}

fn code_of(body: &Value) -> u32 {
    let code = body["code"]
        .as_u64()
        .and_then(|code| u32::try_from(code).ok());
    code.unwrap_or_default()
}

fn read<T: DeserializeOwned>(answer: Value) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|_| Failure::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_holds_no_token_and_its_own_channel() {
        let route = |path: &str| route(&Method::POST, path);
        assert_eq!(route("channels/12/messages"), "POST channels/12/messages");
        assert_eq!(
            route("channels/12/messages/345?x=y"),
            "POST channels/12/messages/*"
        );
        let original = |token: &str| route(&format!("webhooks/1/{token}/messages/@original"));
        assert!(!original("aToken").contains("aToken"));
        assert_ne!(original("aToken"), original("another"));
    }
}
