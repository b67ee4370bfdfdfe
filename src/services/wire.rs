//! A provider's API of JSON over HTTP: one request, its answer, and what a failure proves.

use reqwest::{Client, Method, StatusCode, redirect};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use slice_core::{money::Money, ports::ServiceError, secret::Secret};
use std::{borrow::Cow, time::Duration};
use zeroize::Zeroizing;

/// Before trying again what failed on the way, or what the provider asks to slow down about.
pub(super) const PAUSE: Duration = Duration::from_secs(5);
/// Before trying again what somebody has to mend first.
pub(super) const REMEDY_PAUSE: Duration = Duration::from_mins(1);
/// No `Retry-After` is obeyed for longer.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A page of keys is some 60 KB; what is longer than this is no answer of this API's.
const BODY_MAX: usize = 1 << 20;
/// Of a list that nobody pages through, and that has no secrets in it.
const LONG_BODY_MAX: usize = 16 << 20;

/// Whose API it is: its words in sentences.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whose {
    pub title: &'static str,
    pub service: &'static str,
    /// What it means that the account has no money left.
    pub broke: &'static str,
    /// What it means that the master key may not.
    pub forbidden: &'static str,
}

/// A number or its text, unread: an amount never is a binary fraction on its way.
#[derive(Clone)]
pub(super) struct Number(Box<RawValue>);

impl Whose {
    pub fn unknown_master(&self) -> ServiceError {
        let why = format!(
            "{} refuses the master key. An owner has to replace it with `/slice vault rotate {}`.",
            self.title, self.service
        );
        later(REMEDY_PAUSE, &why)
    }

    pub fn not_allowed(&self) -> ServiceError {
        later(REMEDY_PAUSE, self.forbidden)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self)
    }
}

impl Number {
    pub fn money(&self) -> Option<Money> {
        Money::from_decimal(self.0.get().trim_matches('"'))
    }
}

/// What a request does at the provider, so what its failure can prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Reads,
    Changes,
}

/// One request to the API.
pub(super) struct Request {
    method: Method,
    path: Cow<'static, str>,
    query: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    effect: Effect,
    /// What its answer may be long.
    most: usize,
}

impl Request {
    pub fn read(path: impl Into<Cow<'static, str>>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            query: vec![],
            body: None,
            effect: Effect::Reads,
            most: BODY_MAX,
        }
    }

    #[must_use]
    pub fn query(self, query: Vec<(&'static str, String)>) -> Self {
        Self { query, ..self }
    }

    /// Its answer may be long. There must be no secrets in it: where it grows, copies stay behind.
    #[must_use]
    pub fn long(self) -> Self {
        Self {
            most: LONG_BODY_MAX,
            ..self
        }
    }

    pub fn delete(path: String) -> Self {
        Self {
            method: Method::DELETE,
            effect: Effect::Changes,
            ..Self::read(path)
        }
    }

    /// A question that has a body.
    pub fn ask(path: impl Into<Cow<'static, str>>, body: &impl Serialize) -> Self {
        Self {
            effect: Effect::Reads,
            ..Self::write(Method::POST, path, body)
        }
    }

    pub fn write(
        method: Method,
        path: impl Into<Cow<'static, str>>,
        body: &impl Serialize,
    ) -> Self {
        let body = serde_json::to_vec(body).expect("texts and numbers are JSON");
        Self {
            method,
            body: Some(body),
            effect: Effect::Changes,
            ..Self::read(path)
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The master key cannot even stand in a header.
    BadMaster,
    /// No connection: the provider never heard of it.
    Unsent,
    TimedOut,
    CutOff,
    Status {
        code: u16,
        retry_after: Option<Duration>,
    },
    TooLong,
    Malformed,
}

/// A request without a good answer. It holds nothing of what was sent or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    whose: &'static Whose,
    effect: Effect,
    kind: Kind,
}

impl Failure {
    pub fn status(self) -> Option<u16> {
        match self.kind {
            Kind::Status { code, .. } => Some(code),
            _ => None,
        }
    }

    /// What may be concluded.
    pub fn conclude(self) -> ServiceError {
        let Whose { title, service, .. } = self.whose;
        match self.kind {
            Kind::BadMaster => later(
                REMEDY_PAUSE,
                &format!(
                    "The master key for {title} has characters that no key has. An owner can \
                     replace it with `/slice vault rotate {service}`."
                ),
            ),
            Kind::Unsent => later(PAUSE, &format!("{title} could not be reached.")),
            Kind::TimedOut => self.unclear(&format!("{title} did not answer in time.")),
            Kind::CutOff => self.unclear(&format!("The connection to {title} broke off.")),
            Kind::TooLong => self.unclear(&format!("{title}'s answer was far too long.")),
            Kind::Malformed => self.unclear(&format!("{title}'s answer could not be read.")),
            Kind::Status { code, retry_after } => self.refused(code, retry_after),
        }
    }

    fn refused(self, code: u16, retry_after: Option<Duration>) -> ServiceError {
        let title = self.whose.title;
        match code {
            400 | 405 | 406 | 411 | 413..=415 | 422 => {
                ServiceError::Rejected(format!("{title} refused the request (status {code})."))
            }
            401 => self.whose.unknown_master(),
            402 => later(REMEDY_PAUSE, self.whose.broke),
            403 => self.whose.not_allowed(),
            404 => ServiceError::Gone,
            429 => {
                let after = retry_after.unwrap_or(PAUSE).min(RETRY_AFTER_MAX);
                later(after, &format!("{title} asks Slice to slow down."))
            }
            code => self.unclear(&format!("{title} had a problem (status {code}).")),
        }
    }

    /// Reading changes nothing; anything else may have happened.
    fn unclear(self, why: &str) -> ServiceError {
        match self.effect {
            Effect::Reads => later(PAUSE, why),
            Effect::Changes => ServiceError::Unknown(why.to_owned()),
        }
    }
}

fn later(after: Duration, why: &str) -> ServiceError {
    ServiceError::Later {
        after,
        why: why.to_owned(),
    }
}

/// The way to the provider.
pub(super) struct Wire {
    whose: &'static Whose,
    client: Client,
    base: String,
}

impl Wire {
    /// `base` without a slash at its end. A redirect is not followed, because it would carry a
    /// change elsewhere; plain HTTP, which is for loopback, goes through no proxy, because that
    /// would read the keys.
    pub fn new(whose: &'static Whose, base: &str, timeout: Duration) -> Self {
        let builder = Client::builder()
            .timeout(timeout)
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .redirect(redirect::Policy::none());
        let builder = if base.starts_with("https://") {
            builder
        } else {
            builder.no_proxy()
        };
        let client = builder
            .build()
            .expect("the TLS roots and cipher suites are compiled in");
        Self {
            whose,
            client,
            base: base.to_owned(),
        }
    }

    pub async fn call<T: DeserializeOwned>(
        &self,
        master: &Secret,
        request: Request,
    ) -> Result<T, Failure> {
        let (whose, effect) = (self.whose, request.effect);
        let body = self.send(master, request).await?;
        serde_json::from_slice(&body).map_err(|_| Failure {
            whose,
            effect,
            kind: Kind::Malformed,
        })
    }

    /// The answer as it came, which may be empty.
    pub async fn send(
        &self,
        master: &Secret,
        request: Request,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let (whose, effect) = (self.whose, request.effect);
        let answer = self.exchange(master, request).await;
        answer.map_err(|kind| Failure {
            whose,
            effect,
            kind,
        })
    }

    async fn exchange(
        &self,
        master: &Secret,
        request: Request,
    ) -> Result<Zeroizing<Vec<u8>>, Kind> {
        let url = format!("{}/{}", self.base, request.path);
        let most = request.most;
        let mut builder = self
            .client
            .request(request.method, url)
            .bearer_auth(master.expose())
            .query(&request.query);
        if let Some(body) = request.body {
            builder = builder
                .header("content-type", "application/json")
                .body(body);
        }
        let mut response = builder.send().await.map_err(|error| failed(&error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(refused(status, response.headers()));
        }
        // The answer to a new key holds its secret. Room for it all from the start, so that growing
        // leaves no copies behind.
        let mut body = Zeroizing::new(Vec::with_capacity(BODY_MAX));
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
            if most < body.len() + chunk.len() {
                return Err(Kind::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// The text of the error is left behind: it can hold what was sent.
fn failed(error: &reqwest::Error) -> Kind {
    if error.is_builder() {
        Kind::BadMaster
    } else if error.is_connect() {
        Kind::Unsent
    } else if error.is_timeout() {
        Kind::TimedOut
    } else {
        Kind::CutOff
    }
}

fn refused(status: StatusCode, headers: &reqwest::header::HeaderMap) -> Kind {
    let seconds = headers
        .get("retry-after")
        .and_then(|value| value.to_str().ok());
    let retry_after = seconds
        .and_then(|text| text.trim().parse().ok())
        .map(Duration::from_secs);
    Kind::Status {
        code: status.as_u16(),
        retry_after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOSE: Whose = Whose {
        title: "Acme",
        service: "acme",
        broke: "Acme's account is empty.",
        forbidden: "Acme does not let the master key do that.",
    };

    fn concluded(effect: Effect, kind: Kind) -> ServiceError {
        let whose = &WHOSE;
        Failure {
            whose,
            effect,
            kind,
        }
        .conclude()
    }

    fn status(code: u16) -> Kind {
        Kind::Status {
            code,
            retry_after: None,
        }
    }

    #[test]
    fn a_change_without_a_clear_answer_may_have_happened() {
        let unclear = [Kind::TimedOut, Kind::CutOff, Kind::TooLong, Kind::Malformed];
        for kind in unclear
            .into_iter()
            .chain([302, 408, 409, 500, 502, 503, 529].map(status))
        {
            let change = concluded(Effect::Changes, kind);
            assert!(matches!(change, ServiceError::Unknown(_)), "{kind:?}");
            let read = concluded(Effect::Reads, kind);
            assert!(matches!(read, ServiceError::Later { .. }), "{kind:?}");
        }
    }

    #[test]
    fn a_clear_no_is_a_fact() {
        for effect in [Effect::Reads, Effect::Changes] {
            for kind in [
                Kind::Unsent,
                Kind::BadMaster,
                status(401),
                status(402),
                status(403),
            ] {
                let why = concluded(effect, kind);
                assert!(matches!(why, ServiceError::Later { .. }), "{kind:?}");
            }
            assert!(matches!(
                concluded(effect, status(400)),
                ServiceError::Rejected(_)
            ));
            assert_eq!(concluded(effect, status(404)), ServiceError::Gone);
        }
    }

    #[test]
    fn nobody_makes_us_wait_for_ever() {
        let retry_after = Some(Duration::from_secs(u64::MAX));
        let why = concluded(
            Effect::Changes,
            Kind::Status {
                code: 429,
                retry_after,
            },
        );
        assert!(matches!(why, ServiceError::Later { after, .. } if after == RETRY_AFTER_MAX));
    }
}
