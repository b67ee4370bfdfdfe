//! A moto server, which we did not write, in the place of the sandbox's own AWS. A proxy stands before it and
//! does what it cannot: permissions boundaries, simulated policies, the metrics configurations of buckets,
//! and CBOR. What the proxy changes it signs again; all else goes through as it came, and moto proves the
//! signature.

mod owner;
mod translate;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::Value;
use tokio::net::TcpListener;

use super::account::AccessKey;
use super::front::{self, Service, service};
use super::signature::Claim;
use super::{Refused, cloudwatch};
use crate::Sandbox;
use crate::clock::Clock;
use crate::door::{self, Answer, Behind, Call, by_name};
use crate::faults::{AWS, Fault, Faults};
use crate::wire::Wire;

/// What moto says beside the body that clients look at.
const PASSED_ON: [&str; 6] = [
    "content-type",
    "etag",
    "last-modified",
    "location",
    "x-amz-bucket-region",
    "x-amz-version-id",
];
/// These belong to one connection, and each has its own.
const OF_A_CONNECTION: [HeaderName; 4] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::TRANSFER_ENCODING,
];

/// A moto server behind its proxy. Clones are the same one.
#[derive(Clone)]
pub struct Moto {
    hub: Arc<Hub>,
}

struct Hub {
    url: String,
    server: String,
    http: reqwest::Client,
    clock: Clock,
    wire: Wire,
    faults: Faults,
    /// The account's owner, who sets moto up and looks into it.
    owner: AccessKey,
    master: AccessKey,
    /// What moto does not keep.
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Buckets whose requests are counted.
    counted: BTreeSet<String>,
    /// Users that were to be bounded, with the ARN of the boundary.
    bounded: Vec<(String, String)>,
    secrets: Vec<String>,
}

impl Moto {
    /// Wipes the moto server at that address and makes the account of a team in it: a user for the bot
    /// with this policy, as far as moto can hold it. From then on moto proves each signature.
    ///
    /// # Errors
    /// If moto does not answer, or not as it should.
    pub async fn start(sandbox: &Sandbox, server: &str, policy: &str) -> std::io::Result<Moto> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(std::io::Error::other)?;
        let server = server.trim_end_matches('/').to_owned();
        let (owner, master) = owner::set_up(&http, &server, policy).await?;
        let hub = Hub {
            url: format!("http://{}", listener.local_addr()?),
            server,
            http,
            clock: sandbox.clock.clone(),
            wire: sandbox.wire.clone(),
            faults: sandbox.faults.clone(),
            owner,
            master,
            kept: Mutex::default(),
        };
        let moto = Moto { hub: Arc::new(hub) };
        door::serve(listener, moto.clone(), Router::new());
        Ok(moto)
    }

    /// The proxy's address: the endpoint of IAM, STS, S3 and `CloudWatch` for the bot.
    pub fn url(&self) -> &str {
        &self.hub.url
    }

    /// Moto's own address, for those who hold a key.
    pub fn server(&self) -> &str {
        &self.hub.server
    }

    /// The bot's key.
    pub fn master(&self) -> &AccessKey {
        &self.hub.master
    }

    /// Buckets whose requests are counted, by what the bot asked for.
    pub fn counted(&self) -> Vec<String> {
        self.kept().counted.iter().cloned().collect()
    }

    /// Users that the bot made with a boundary, and its ARN.
    pub fn bounded(&self) -> Vec<(String, String)> {
        self.kept().bounded.clone()
    }

    /// Every secret of the account, those that the bot had made too.
    pub fn secrets(&self) -> Vec<String> {
        let own = [&self.hub.owner, &self.hub.master].map(|key| key.secret.clone());
        own.into_iter()
            .chain(self.kept().secrets.iter().cloned())
            .collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        let kept = self.hub.kept.lock();
        kept.unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the bot signed it. What the proxy does itself, moto does not prove.
    fn proven(&self, call: &Call) -> Result<Claim, Refused> {
        let denied = || Refused::new(403, "AccessDenied", "Access Denied".to_owned());
        let claim = Claim::of(call).map_err(|_| denied())?;
        if claim.key != self.hub.master.id {
            return Err(denied());
        }
        let secret = &self.hub.master.secret;
        let proven = claim.prove(call, secret, self.hub.clock.now());
        proven.map(|()| claim).map_err(|_| {
            let message = "The request signature we calculated does not match.".to_owned();
            Refused::new(403, "SignatureDoesNotMatch", message)
        })
    }

    async fn handle(&self, call: &Call) -> Result<Answer, Refused> {
        let fields = by_name(call.form());
        let action = fields.get("Action").map(String::as_str);
        let has = |wanted: &str| call.query.iter().any(|(name, _)| name == wanted);
        match (service(call), action) {
            (Service::S3, _) if has("metrics") => self.count_requests(call),
            (Service::S3, _) if call.method == "GET" && has("uploadId") => {
                let mut answer = self.forward(call).await;
                let parts = answer.body.as_str().unwrap_or_default();
                // Its root is called otherwise at AWS, which the official client insists on.
                let parts = parts.replace("ListPartsResponse", "ListPartsResult");
                answer.raw = Some(parts.into());
                Ok(answer)
            }
            (Service::CloudWatch, _) => self.read_metrics(call).await,
            (Service::Iam, Some("SimulatePrincipalPolicy")) => {
                self.proven(call)?;
                let message = "not authorized to perform: iam:SimulatePrincipalPolicy".to_owned();
                Err(Refused::new(403, "AccessDenied", message))
            }
            (Service::Iam, Some("CreateUser")) if fields.contains_key("PermissionsBoundary") => {
                let claim = self.proven(call)?;
                let (user, boundary) = (&fields["UserName"], &fields["PermissionsBoundary"]);
                let bounded = (user.clone(), boundary.clone());
                let kept = call.form().into_iter();
                let kept = kept.filter(|(name, _)| name != "PermissionsBoundary");
                let answer = self
                    .forward(&self.signed_again(call, &claim, kept, None)?)
                    .await;
                if answer.status == 200 {
                    self.kept().bounded.push(bounded);
                }
                Ok(answer)
            }
            (Service::Iam, Some("CreateAccessKey")) => {
                let answer = self.forward(call).await;
                let made = owner::secrets(answer.body.as_str().unwrap_or_default());
                self.kept().secrets.extend(made);
                Ok(answer)
            }
            _ => Ok(self.forward(call).await),
        }
    }

    /// Moto would take these for the making or the deletion of the bucket itself.
    fn count_requests(&self, call: &Call) -> Result<Answer, Refused> {
        self.proven(call)?;
        let bucket = call.path.trim_matches('/').to_owned();
        let known = match call.method.as_str() {
            "PUT" => {
                self.kept().counted.insert(bucket);
                return Ok(Answer::text(200, ""));
            }
            "DELETE" => self.kept().counted.remove(&bucket),
            _ => false,
        };
        if known {
            return Ok(Answer::json(204, Value::Null));
        }
        let message = "The specified configuration does not exist.".to_owned();
        Err(Refused::new(404, "NoSuchConfiguration", message))
    }

    /// The official client speaks CBOR, moto the older protocol.
    async fn read_metrics(&self, call: &Call) -> Result<Answer, Refused> {
        let claim = self.proven(call)?;
        let odd = || Refused::new(500, "InternalFailure", "moto's answer is odd".to_owned());
        let fields = translate::form(&call.body).ok_or_else(odd)?;
        let asked = self.signed_again(call, &claim, fields.into_iter(), Some("/"))?;
        let answer = self.forward(&asked).await;
        let text = answer.body.as_str().unwrap_or_default();
        if answer.status != 200 {
            let status = answer.status;
            return Err(Refused::new(status, "InternalFailure", text.to_owned()));
        }
        let results = translate::results(text).ok_or_else(odd)?;
        Ok(cloudwatch::cbor(200, &results))
    }

    /// The same call with these fields, and with the same key's signature of what it is now.
    fn signed_again(
        &self,
        call: &Call,
        claim: &Claim,
        fields: impl Iterator<Item = (String, String)>,
        target: Option<&str>,
    ) -> Result<Call, Refused> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let mut headers = call.headers.clone();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form);
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        let target = target.unwrap_or(&call.target).to_owned();
        let mut again = Call {
            method: call.method.clone(),
            path: target.clone(),
            target,
            query: call.query.clone(),
            headers,
            body: body.into(),
        };
        sign(&mut again, claim, &self.hub.master.secret).ok_or_else(|| {
            let message = "The proxy could not sign it again".to_owned();
            Refused::new(500, "InternalFailure", message)
        })?;
        Ok(again)
    }

    async fn forward(&self, call: &Call) -> Answer {
        send(&self.hub.http, &self.hub.server, call)
            .await
            .unwrap_or_else(|why| {
                self.hub
                    .wire
                    .violation(format!("moto does not answer: {why}"));
                Answer::text(503, "moto does not answer")
            })
    }
}

/// Puts the signature of a call as it is now into its header.
fn sign(call: &mut Call, claim: &Claim, secret: &str) -> Option<()> {
    let signed = claim.header(call, secret)?;
    let signed = HeaderValue::from_str(&signed).ok()?;
    call.headers.insert(header::AUTHORIZATION, signed);
    Some(())
}

async fn send(http: &reqwest::Client, server: &str, call: &Call) -> reqwest::Result<Answer> {
    let method = reqwest::Method::from_bytes(call.method.as_bytes()).unwrap_or_default();
    let mut headers = HeaderMap::new();
    for (name, value) in &call.headers {
        if !OF_A_CONNECTION.contains(name) {
            headers.append(name, value.clone());
        }
    }
    let asked = http.request(method, format!("{server}{}", call.target));
    let said = asked
        .headers(headers)
        .body(call.body.clone())
        .send()
        .await?;
    let status = said.status().as_u16();
    let there = said.headers().clone();
    let body = said.bytes().await?;
    let shown = std::str::from_utf8(&body).map_or(Value::Null, Value::from);
    let mut answer = Answer {
        raw: Some(body),
        ..Answer::json(status, shown)
    };
    for name in PASSED_ON {
        if let Some(value) = there.get(name).and_then(|value| value.to_str().ok()) {
            answer = answer.header(name, &value);
        }
    }
    Ok(answer)
}

impl Behind for Moto {
    const WIRE: &'static str = AWS;

    fn wire(&self) -> &Wire {
        &self.hub.wire
    }

    fn faults(&self) -> &Faults {
        &self.hub.faults
    }

    fn line(&self, call: &Call) -> String {
        front::line(call)
    }

    async fn answer(&self, call: &Call) -> Answer {
        let answer = self.handle(call).await;
        let answer = answer.unwrap_or_else(|refused| front::shaped(call, &refused));
        front::dated(answer, self.hub.clock.now())
    }

    fn refusal(&self, fault: Fault, call: &Call) -> Option<Answer> {
        front::refusal(fault, call, self.hub.clock.now())
    }
}
