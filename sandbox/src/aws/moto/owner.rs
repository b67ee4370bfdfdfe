//! What the owner of moto's account does there: sets it up, looks into it, and has a month's metrics counted.

use std::io;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, SecondsFormat};
use roxmltree::Document;
use serde_json::{Value, json};

use super::{Moto, send, sign};
use crate::aws::account::AccessKey;
use crate::aws::signature::Claim;
use crate::door::{Answer, Call};

const GLOBAL: &str = "us-east-1";
/// Moto looks at the signatures, not at the clock.
const DATE: &str = "20261101T120000Z";
const IAM: &str = "2010-05-08";
const CLOUDWATCH: &str = "2010-08-01";

/// A call to one of the services, as it is signed.
struct Ask<'a> {
    service: &'static str,
    region: &'a str,
    method: &'static str,
    target: &'a str,
    fields: &'a [(&'a str, &'a str)],
}

fn iam<'a>(fields: &'a [(&'a str, &'a str)]) -> Ask<'a> {
    Ask {
        service: "iam",
        region: GLOBAL,
        method: "POST",
        target: "/",
        fields,
    }
}

/// Asks moto, and gives its XML.
async fn ask(
    (http, server): (&reqwest::Client, &str),
    key: &AccessKey,
    ask: &Ask<'_>,
) -> io::Result<String> {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(ask.fields)
        .finish();
    let host = server.trim_start_matches("http://");
    let mut signed = vec!["host", "x-amz-date"];
    let mut headers = vec![("host", host), ("x-amz-date", DATE)];
    if ask.service == "s3" {
        headers.push(("x-amz-content-sha256", "UNSIGNED-PAYLOAD"));
        signed.insert(1, "x-amz-content-sha256");
    } else {
        headers.push(("content-type", "application/x-www-form-urlencoded"));
    }
    let header = |(name, value): (&'static str, &str)| {
        let value = HeaderValue::from_str(value).map_err(io::Error::other)?;
        Ok((HeaderName::from_static(name), value))
    };
    let headers: io::Result<HeaderMap> = headers.into_iter().map(header).collect();
    let mut call = Call {
        method: ask.method.to_owned(),
        path: ask.target.to_owned(),
        target: ask.target.to_owned(),
        query: vec![],
        headers: headers?,
        body: Bytes::from(body),
    };
    let claim = Claim::new(&key.id, (ask.service, ask.region), &signed);
    sign(&mut call, &claim, &key.secret).ok_or_else(|| io::Error::other("no signature"))?;
    let answer = send(http, server, &call).await.map_err(io::Error::other)?;
    read(&answer)
}

fn read(answer: &Answer) -> io::Result<String> {
    let text = answer.body.as_str().unwrap_or_default();
    if answer.status == 200 {
        return Ok(text.to_owned());
    }
    let why = format!("moto answers {}: {text}", answer.status);
    Err(io::Error::other(why))
}

/// What stands in each element of this name.
fn texts(xml: &str, name: &str) -> io::Result<Vec<String>> {
    let document = Document::parse(xml).map_err(io::Error::other)?;
    let named = document.descendants();
    let named = named.filter(|node| node.tag_name().name() == name);
    Ok(named
        .map(|node| node.text().unwrap_or_default().to_owned())
        .collect())
}

/// The secret in an answer, if it holds one.
pub(super) fn secrets(xml: &str) -> Vec<String> {
    texts(xml, "SecretAccessKey").unwrap_or_default()
}

/// What only moto has, beside AWS's services.
async fn of_moto(http: &reqwest::Client, url: String, body: &'static str) -> io::Result<()> {
    let said = http.post(url).header("content-type", "text/plain");
    let said = said.body(body).send().await.map_err(io::Error::other)?;
    said.error_for_status().map(drop).map_err(io::Error::other)
}

/// An empty account, a key of its owner, and the bot's.
pub(super) async fn set_up(
    http: &reqwest::Client,
    server: &str,
    policy: &str,
) -> io::Result<(AccessKey, AccessKey)> {
    let (reset, auth) = (
        format!("{server}/moto-api/reset"),
        format!("{server}/moto-api/reset-auth"),
    );
    of_moto(http, reset, "").await?;
    of_moto(http, auth.clone(), "inf").await?;
    let nobody = AccessKey {
        id: "AKIANOBODY0000000000".to_owned(),
        secret: "nobody".to_owned(),
        user: None,
        active: true,
        deleted: false,
    };
    let all = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }],
    });
    let at = (http, server);
    let owner = add_user(at, &nobody, ("the-owner", &all.to_string())).await?;
    let master = add_user(at, &nobody, ("the-bot", &widened(policy)?)).await?;
    of_moto(http, auth, "0").await?;
    Ok((owner, master))
}

/// Moto looks at IAM's and `CloudWatch`'s rights without resource and condition, calls the latter after what
/// is signed for, and wants the right to delete many objects on their bucket. All else is as it was pasted.
fn widened(policy: &str) -> io::Result<String> {
    let mut policy: Value = serde_json::from_str(policy)?;
    let no_list = || io::Error::other("the policy has no list of statements");
    let statements = policy["Statement"].as_array_mut().ok_or_else(no_list)?;
    for statement in statements.iter_mut() {
        let text = statement["Action"].to_string();
        if text.contains("iam:") || text.contains("cloudwatch:") {
            let renamed = text.replace("cloudwatch:", "monitoring:");
            statement["Action"] = serde_json::from_str(&renamed)?;
            statement["Resource"] = json!("*");
        }
        if let Some(statement) = statement.as_object_mut() {
            statement.remove("Condition");
        }
    }
    statements.push(json!({
        "Effect": "Allow",
        "Action": "s3:DeleteObject",
        "Resource": "arn:aws:s3:::slice-*",
    }));
    Ok(policy.to_string())
}

async fn add_user(
    at: (&reqwest::Client, &str),
    by: &AccessKey,
    (name, policy): (&str, &str),
) -> io::Result<AccessKey> {
    let user = [("Version", IAM), ("UserName", name)];
    let with = |more: &[(&'static str, &str)]| {
        let more = more
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let user = user
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        user.chain(more).collect::<Vec<_>>()
    };
    let steps = [
        with(&[("Action", "CreateUser")]),
        with(&[
            ("Action", "PutUserPolicy"),
            ("PolicyName", "rights"),
            ("PolicyDocument", policy),
        ]),
        with(&[("Action", "CreateAccessKey")]),
    ];
    let mut said = String::new();
    for step in &steps {
        let fields: Vec<_> = step
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        said = ask(at, by, &iam(&fields)).await?;
    }
    let one = |name: &str| {
        let found = texts(&said, name)?.into_iter().next();
        found.ok_or_else(|| io::Error::other(format!("moto gave no {name}")))
    };
    Ok(AccessKey {
        id: one("AccessKeyId")?,
        secret: one("SecretAccessKey")?,
        user: Some(name.to_owned()),
        active: true,
        deleted: false,
    })
}

impl Moto {
    async fn asks(&self, what: &Ask<'_>) -> io::Result<String> {
        ask((&self.hub.http, &self.hub.server), &self.hub.owner, what).await
    }

    /// The names of all users but the two that were there from the beginning.
    ///
    /// # Errors
    /// If moto does not answer.
    pub async fn users(&self) -> io::Result<Vec<String>> {
        let fields = [
            ("Version", IAM),
            ("Action", "ListUsers"),
            ("MaxItems", "1000"),
        ];
        let mut users = texts(&self.asks(&iam(&fields)).await?, "UserName")?;
        users.retain(|name| name != "the-owner" && name != "the-bot");
        Ok(users)
    }

    /// The access keys of those users, without their secrets.
    ///
    /// # Errors
    /// If moto does not answer.
    pub async fn keys(&self) -> io::Result<Vec<AccessKey>> {
        let mut keys = vec![];
        for user in self.users().await? {
            let fields = [
                ("Version", IAM),
                ("Action", "ListAccessKeys"),
                ("UserName", &user),
            ];
            let said = self.asks(&iam(&fields)).await?;
            let states = texts(&said, "Status")?;
            let found = texts(&said, "AccessKeyId")?.into_iter().zip(states);
            keys.extend(found.map(|(id, state)| AccessKey {
                id,
                secret: String::new(),
                user: Some(user.clone()),
                active: state == "Active",
                deleted: false,
            }));
        }
        Ok(keys)
    }

    /// The names of all buckets.
    ///
    /// # Errors
    /// If moto does not answer.
    pub async fn buckets(&self) -> io::Result<Vec<String>> {
        let all = Ask {
            service: "s3",
            region: GLOBAL,
            method: "GET",
            target: "/",
            fields: &[],
        };
        texts(&self.asks(&all).await?, "Name")
    }

    /// Has `CloudWatch` know what passed in a minute at a bucket: moto counts nobody's requests.
    ///
    /// # Errors
    /// If moto does not answer.
    pub async fn passed(
        &self,
        (bucket, region): (&str, &str),
        minute: i64,
        metrics: &[(&str, u64)],
    ) -> io::Result<()> {
        let at = DateTime::from_timestamp(minute, 0).unwrap_or_default();
        let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut fields = vec![
            ("Version".to_owned(), CLOUDWATCH.to_owned()),
            ("Action".to_owned(), "PutMetricData".to_owned()),
            ("Namespace".to_owned(), "AWS/S3".to_owned()),
        ];
        for (n, (metric, value)) in metrics.iter().enumerate() {
            let named = |name: &str| format!("MetricData.member.{}.{name}", n + 1);
            fields.extend([
                (named("MetricName"), (*metric).to_owned()),
                (named("Timestamp"), at.clone()),
                (named("Value"), value.to_string()),
            ]);
            for (m, (name, value)) in [("BucketName", bucket), ("FilterId", "slice")]
                .into_iter()
                .enumerate()
            {
                let dimension = |part: &str| named(&format!("Dimensions.member.{}.{part}", m + 1));
                fields.push((dimension("Name"), name.to_owned()));
                fields.push((dimension("Value"), value.to_owned()));
            }
        }
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let put = Ask {
            service: "monitoring",
            region,
            method: "POST",
            target: "/",
            fields: &fields,
        };
        self.asks(&put).await.map(drop)
    }
}
