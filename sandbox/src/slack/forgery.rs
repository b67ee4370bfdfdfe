//! Requests that Slack never sent, or not so: what a bot behind a public address has to refuse.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Slack;
use super::http::{self, Parcel};

const WRONG_SECRET: &str = "ffffffffffffffffffffffffffffffff";
/// Just beyond the five minutes for which a signature is good.
const TOO_LONG: i64 = 301;
const HUGE: usize = 10 << 20;
const CHUNK: usize = 64 << 10;

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// Signed with another secret.
    WrongSecret,
    /// Signed, and altered afterwards.
    OtherBody,
    /// Signed, but for another instant than it names.
    OtherInstant,
    NoSignature,
    NoInstant,
    /// Signed properly, more than five minutes ago.
    Late,
    /// Signed properly, for an instant more than five minutes ahead.
    Early,
    /// Signed properly, with a body of 10 MB.
    Huge,
    /// The same without saying so in advance.
    HugeInParts,
    /// Signed properly, with a body that makes no sense.
    Garbled,
}

impl Forgery {
    pub const ALL: &'static [Forgery] = &[
        Forgery::WrongSecret,
        Forgery::OtherBody,
        Forgery::OtherInstant,
        Forgery::NoSignature,
        Forgery::NoInstant,
        Forgery::Late,
        Forgery::Early,
        Forgery::Huge,
        Forgery::HugeInParts,
        Forgery::Garbled,
    ];
}

/// What a bot answered to a request that a test made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub status: u16,
    /// Whether it asked Slack not to send it again.
    pub no_retry: bool,
    pub body: String,
}

/// These need [`Slack::deliver_over_http`] first, and panic where nobody answers.
impl Slack {
    /// Sends a payload of this kind (as [`Slack::inject_envelope`] names them), forged.
    pub async fn post_forged(&self, kind: &str, payload: &Value, forgery: Forgery) -> Heard {
        let (path, content_type, mut body) = http::content(kind, payload);
        match forgery {
            Forgery::Huge | Forgery::HugeInParts => body = vec![b'a'; HUGE],
            Forgery::Garbled => body = b"{\"payload\":".to_vec(),
            _ => {}
        }
        let (secret, now) = self.secret_and_seconds();
        let (secret, instant) = match forgery {
            Forgery::WrongSecret => (WRONG_SECRET, now),
            Forgery::Late => (secret.as_str(), now - TOO_LONG),
            Forgery::Early => (secret.as_str(), now + TOO_LONG),
            _ => (secret.as_str(), now),
        };
        let mut headers = http::signed(secret, instant, &body);
        headers.push(("content-type", content_type.to_owned()));
        match forgery {
            Forgery::OtherBody => body.push(b' '),
            Forgery::NoSignature => headers.retain(|(name, _)| *name != "x-slack-signature"),
            Forgery::NoInstant => headers.retain(|(name, _)| !name.ends_with("timestamp")),
            Forgery::OtherInstant => {
                for (_, value) in headers.iter_mut().filter(|it| it.0.ends_with("timestamp")) {
                    *value = (now + 1).to_string();
                }
            }
            _ => {}
        }
        let parcel = Parcel {
            path,
            headers,
            body,
        };
        match forgery {
            Forgery::Huge | Forgery::HugeInParts => {
                self.pour(parcel, forgery == Forgery::HugeInParts).await
            }
            _ => self.post(parcel).await,
        }
    }

    /// Sends the last delivery again, byte for byte.
    pub async fn replay_last(&self) -> Heard {
        let last = self.hub.world().last_parcel.clone();
        self.post(last.expect("something was delivered by HTTP"))
            .await
    }

    /// Sends any body, properly signed.
    pub async fn post_signed(&self, path: &'static str, content_type: &str, body: &str) -> Heard {
        let (secret, now) = self.secret_and_seconds();
        let mut headers = http::signed(&secret, now, body.as_bytes());
        headers.push(("content-type", content_type.to_owned()));
        self.post(Parcel {
            path,
            headers,
            body: body.as_bytes().to_vec(),
        })
        .await
    }

    async fn post(&self, parcel: Parcel) -> Heard {
        let reply = http::send(&self.hub, parcel).await;
        let reply = reply.expect("the bot answers");
        self.hub.wire.touch();
        Heard {
            status: reply.status.as_u16(),
            no_retry: reply.no_retry,
            body: reply.body,
        }
    }

    fn secret_and_seconds(&self) -> (String, i64) {
        let world = self.hub.world();
        let outlet = world.outlet.as_ref().expect("deliveries go by HTTP");
        (outlet.secret.clone(), world.clock.seconds())
    }

    /// Sends a body that is refused before its end: the answer is read while it is still being
    /// written, as no ordinary client does.
    async fn pour(&self, parcel: Parcel, in_parts: bool) -> Heard {
        let base = {
            let world = self.hub.world();
            let outlet = world.outlet.as_ref().expect("deliveries go by HTTP");
            outlet.base.trim_start_matches("http://").to_owned()
        };
        let stream = TcpStream::connect(&base).await.expect("the bot listens");
        let (mut from, mut to) = stream.into_split();
        let length = if in_parts {
            ("transfer-encoding", "chunked".to_owned())
        } else {
            ("content-length", parcel.body.len().to_string())
        };
        let mut head = vec![
            format!("POST {} HTTP/1.1", parcel.path),
            format!("host: {base}"),
        ];
        let headers = parcel.headers.iter().chain([&length]);
        head.extend(headers.map(|(name, value)| format!("{name}: {value}")));
        let head = head.join("\r\n") + "\r\n\r\n";
        let pouring = async move {
            to.write_all(head.as_bytes()).await?;
            for part in parcel.body.chunks(CHUNK) {
                if in_parts {
                    to.write_all(format!("{:x}\r\n", part.len()).as_bytes())
                        .await?;
                }
                to.write_all(part).await?;
                if in_parts {
                    to.write_all(b"\r\n").await?;
                }
            }
            std::io::Result::Ok(to)
        };
        // It ends early when the bot hangs up, which it may.
        let pouring = tokio::spawn(pouring);
        let mut said = Vec::new();
        while !said.windows(4).any(|four| four == b"\r\n\r\n") {
            let read = from.read_buf(&mut said).await.expect("an answer");
            assert!(read > 0, "the bot hung up without an answer");
        }
        pouring.abort();
        let said = String::from_utf8_lossy(&said).to_lowercase();
        let status = said
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Heard {
            status: status.expect("an answer has a status"),
            no_retry: said.contains("x-slack-no-retry: 1"),
            body: String::new(),
        }
    }
}
