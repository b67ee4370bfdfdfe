//! Calls of Slack's Web API: one way to ask, one to change, each with a time limit.

use super::{OauthConfig, SlackConfig, failure::Failure};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as RawClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use slack_morphism::{
    ClientResult, SlackApiToken, SlackApiTokenValue, SlackClient, SlackClientApiCallContext,
    SlackClientHttpConnector, SlackClientId, SlackClientSecret,
    hyper_tokio::SlackClientHyperConnector,
};
use slice_core::secret::Secret;
use std::{fmt, io, sync::Arc, time::Duration};
use url::Url;
use zeroize::Zeroize;

/// The header in which Slack names what a token may do.
const SCOPES_HEADER: &str = "x-oauth-scopes";

/// From the Web API's own path.
const AUTHORIZE_PATH: &str = "../oauth/v2/authorize";

pub(super) type Https = HttpsConnector<HttpConnector>;
pub(super) type Connector = SlackClientHyperConnector<Https>;
pub(super) type Client = SlackClient<Connector>;

/// The Web API; whose token a call carries, its caller says.
pub(super) struct Web {
    pub client: Arc<Client>,
    https: Https,
    timeout: Duration,
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

impl Web {
    /// `Err` if the machine has no root certificates.
    pub fn new(config: &SlackConfig) -> io::Result<Self> {
        let https = https(&config.api_url)?;
        let connector =
            Connector::with_connector(https.clone()).with_slack_api_url(&config.api_url);
        Ok(Self {
            client: Arc::new(SlackClient::new(connector)),
            https,
            timeout: config.call_timeout,
        })
    }

    /// Asks without changing anything. Arguments go into the query, because not every such method
    /// reads a JSON body.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        token: &SlackApiToken,
        method: &str,
        arguments: &[(&str, &str)],
    ) -> Result<T, Failure> {
        let mut url = self.method(method)?;
        if !arguments.is_empty() {
            url.query_pairs_mut().extend_pairs(arguments);
        }
        let span = tracing::Span::none();
        let context = context(Some(token), &span);
        read(
            self.within(self.client.http_api.connector.http_get_uri(url, context))
                .await?,
        )
    }

    /// Changes something.
    pub async fn change<T: DeserializeOwned>(
        &self,
        token: &SlackApiToken,
        method: &str,
        body: &Value,
    ) -> Result<T, Failure> {
        read(self.post(self.method(method)?, body, Some(token)).await?)
    }

    /// Whether the app token opens connections. The connection itself is not made.
    pub async fn try_app_token(&self, app: &SlackApiToken) -> Result<(), Failure> {
        let url = self.method("apps.connections.open")?;
        let answer = self.post(url, &json!({}), Some(app)).await?;
        read::<Value>(answer).map(drop)
    }

    /// Where a person lets the app into a workspace, beside the Web API.
    pub fn authorize_url(&self) -> Result<Url, Failure> {
        let api = self.method("oauth.v2.access")?;
        api.join(AUTHORIZE_PATH).map_err(|_| Failure::NotSent)
    }

    /// What Slack gives for a code: a token, among others.
    pub async fn exchange(
        &self,
        app: &OauthConfig,
        code: &str,
        redirect_uri: &str,
    ) -> Result<Wiped, Failure> {
        let mut url = self.method("oauth.v2.access")?;
        let arguments = [("code", code), ("redirect_uri", redirect_uri)];
        url.query_pairs_mut().extend_pairs(arguments);
        let id = SlackClientId(app.client_id.clone());
        let secret = SlackClientSecret(app.client_secret.expose().to_owned());
        let connector = &self.client.http_api.connector;
        let call = connector.http_get_with_client_secret(url, &id, &secret);
        self.within(call).await.map(Wiped)
    }

    /// Answers over a `response_url`, which needs no token.
    pub async fn respond(&self, url: &Url, body: &Value) -> Result<(), Failure> {
        self.post(url.clone(), body, None).await.map(drop)
    }

    /// Sends a file's bytes to where Slack wants them.
    pub async fn upload(&self, url: Url, mime: &str, bytes: &[u8]) -> Result<(), Failure> {
        let span = tracing::Span::none();
        let context = context(None, &span);
        let connector = &self.client.http_api.connector;
        let sent: Value = self
            .within(connector.http_post_uri_binary(url, mime.to_owned(), bytes, context))
            .await?;
        drop(sent);
        Ok(())
    }

    /// The scopes of a token, as the header of any answer names them.
    pub async fn scopes(&self, token: &SlackApiToken) -> Result<Vec<String>, Failure> {
        let url = self.method("auth.test")?;
        let bearer = format!("Bearer {}", token.token_value.0);
        let request = axum::http::Request::get(url.as_str())
            .header("authorization", bearer)
            .body(String::new())
            .map_err(|_| Failure::NotSent)?;
        let client = RawClient::builder(TokioExecutor::new()).build(self.https.clone());
        let answer = tokio::time::timeout(self.timeout, client.request(request)).await;
        let answer = answer.map_err(|_| Failure::TimedOut)?;
        let answer = answer.map_err(|error| {
            if error.is_connect() {
                Failure::NotSent
            } else {
                Failure::Lost
            }
        })?;
        let header = answer
            .headers()
            .get(SCOPES_HEADER)
            .and_then(|header| header.to_str().ok());
        let scopes = header.ok_or(Failure::Malformed)?.split(',');
        Ok(scopes.map(|scope| scope.trim().to_owned()).collect())
    }

    async fn post(
        &self,
        url: Url,
        body: &Value,
        token: Option<&SlackApiToken>,
    ) -> Result<Value, Failure> {
        let span = tracing::Span::none();
        let context = context(token, &span);
        self.within(
            self.client
                .http_api
                .connector
                .http_post_uri(url, body, context),
        )
        .await
    }

    async fn within(
        &self,
        call: impl Future<Output = ClientResult<Value>>,
    ) -> Result<Value, Failure> {
        match tokio::time::timeout(self.timeout, call).await {
            Ok(answer) => answer.map_err(Failure::from),
            Err(_) => Err(Failure::TimedOut),
        }
    }

    fn method(&self, name: &str) -> Result<Url, Failure> {
        self.client
            .http_api
            .connector
            .create_method_uri_path(name)
            .map_err(|_| Failure::NotSent)
    }
}

fn context<'a>(
    token: Option<&'a SlackApiToken>,
    span: &'a tracing::Span,
) -> SlackClientApiCallContext<'a> {
    SlackClientApiCallContext {
        rate_control_params: None,
        token,
        tracing_span: span,
        is_sensitive_url: token.is_none(),
    }
}

pub(super) fn token(secret: &Secret) -> SlackApiToken {
    SlackApiToken::new(SlackApiTokenValue(secret.expose().to_owned()))
}

/// Plain HTTP only where the configuration names it, as a sandbox does.
fn https(api_url: &str) -> io::Result<Https> {
    if api_url.starts_with("http://") {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let builder = HttpsConnectorBuilder::new().with_tls_config(config);
        return Ok(builder.https_or_http().enable_all_versions().build());
    }
    let builder =
        HttpsConnectorBuilder::new().with_provider_and_native_roots(ring::default_provider())?;
    Ok(builder.https_only().enable_all_versions().build())
}

/// A proxy's page with status 200 is no answer of Slack's.
fn read<T: DeserializeOwned>(answer: Value) -> Result<T, Failure> {
    if answer["ok"] != Value::Bool(true) {
        return Err(Failure::Malformed);
    }
    serde_json::from_value(answer).map_err(|_| Failure::Malformed)
}
