//! The official clients, with the sandbox's clock and nothing from the environment.

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, SharedHttpClient, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_async::time::TimeSource;
use aws_smithy_http_client::Builder;
use slice_sandbox::{AccessKey, Clock, Sandbox};

use crate::bot::{START, start};

/// A policy that allows everything.
pub const ADMIN: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

#[derive(Clone, Debug)]
pub struct SandboxTime(pub Clock);

impl TimeSource for SandboxTime {
    fn now(&self) -> SystemTime {
        let micros = u64::try_from(self.0.now()).expect("after 1970");
        SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
    }
}

/// One holder's clients.
pub struct Clients {
    pub iam: aws_sdk_iam::Client,
    pub sts: aws_sdk_sts::Client,
    pub s3: aws_sdk_s3::Client,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
}

macro_rules! client {
    ($sdk:ident, $parts:expr) => {{
        let parts = $parts;
        $sdk::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(parts.credentials.clone())
            .endpoint_url(parts.url.clone())
            .http_client(parts.http.clone())
            .region(Region::new(parts.region.clone()))
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_timeout(Duration::from_millis(1500))
                    .build(),
            )
            .time_source(SandboxTime(parts.clock.clone()))
    }};
}

struct ClientParts {
    credentials: Credentials,
    url: String,
    http: SharedHttpClient,
    region: String,
    clock: Clock,
}

impl Clients {
    pub fn of(sandbox: &Sandbox, key: &AccessKey) -> Clients {
        Clients::at(sandbox, (&key.id, &key.secret), "us-east-1", &sandbox.clock)
    }

    pub fn at(sandbox: &Sandbox, key: (&str, &str), region: &str, clock: &Clock) -> Clients {
        let parts = ClientParts {
            credentials: Credentials::new(key.0, key.1, None, None, "test"),
            url: sandbox.aws.url().to_owned(),
            http: Builder::new().build_http(),
            region: region.to_owned(),
            clock: clock.clone(),
        };
        Clients {
            iam: aws_sdk_iam::Client::from_conf(client!(aws_sdk_iam, &parts).build()),
            sts: aws_sdk_sts::Client::from_conf(client!(aws_sdk_sts, &parts).build()),
            s3: aws_sdk_s3::Client::from_conf(
                client!(aws_sdk_s3, &parts).force_path_style(true).build(),
            ),
            cloudwatch: aws_sdk_cloudwatch::Client::from_conf(
                client!(aws_sdk_cloudwatch, &parts).build(),
            ),
        }
    }
}

/// A sandbox with an administrator's clients.
pub async fn provider() -> (Sandbox, Clients) {
    let sandbox = start().await.sandbox;
    assert_eq!(sandbox.clock.now(), START);
    let clients = Clients::of(&sandbox, &sandbox.aws.add_user("admin", &[ADMIN]));
    (sandbox, clients)
}

/// What went wrong, in AWS's word.
pub fn code<T, E: ProvideErrorMetadata + Debug, R: Debug>(
    outcome: Result<T, SdkError<E, R>>,
) -> String {
    match outcome {
        Ok(_) => "ok".to_owned(),
        Err(SdkError::ServiceError(error)) => error.err().code().unwrap_or("none").to_owned(),
        Err(other) => format!("{other:?}"),
    }
}
