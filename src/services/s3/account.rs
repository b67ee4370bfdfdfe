//! The master credential, and the clients that speak with it.

use super::failure::not_a_master;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, SharedHttpClient,
    StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_smithy_async::time::TimeSource;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use slice_core::{
    ports::{Clock, ServiceError},
    secret::Secret,
};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// IAM has one place for the whole world, and STS answers there too.
const GLOBAL: &str = "us-east-1";
/// Where buckets can be: the regions that every account has without asking for them.
pub(super) const REGIONS: [&str; 17] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-north-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "sa-east-1",
];

/// What an owner deposits: the secret access key first, the other fields by their names.
pub(super) struct Master<'a> {
    pub key_id: &'a str,
    secret: &'a str,
    pub region: &'a str,
}

impl<'a> Master<'a> {
    pub fn read(sealed: &'a Secret) -> Result<Self, ServiceError> {
        let mut lines = sealed.expose().lines();
        let secret = lines.next().unwrap_or_default().trim();
        let (mut key_id, mut region) = ("", "");
        for line in lines {
            match line.split_once(':') {
                Some(("region", value)) => region = value.trim(),
                Some(("access-key", value)) => key_id = value.trim(),
                _ => return Err(not_a_master("It has lines that mean nothing to S3.")),
            }
        }
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !(16..=128).contains(&key_id.len()) || !plain(key_id) {
            return Err(not_a_master(
                "The access key ID is 16 to 128 letters and digits, such as AKIA….",
            ));
        }
        if secret.len() < 16 || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(not_a_master("The secret access key is not whole."));
        }
        if !REGIONS.contains(&region) {
            return Err(not_a_master("The region is none that Slice knows."));
        }
        Ok(Self {
            key_id,
            secret,
            region,
        })
    }
}

/// The SDK's clock is Slice's.
#[derive(Clone)]
struct SliceTime(Arc<dyn Clock>);

impl fmt::Debug for SliceTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SliceTime")
    }
}

impl TimeSource for SliceTime {
    fn now(&self) -> SystemTime {
        let micros = u64::try_from(self.0.now().micros()).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
    }
}

/// How AWS is reached.
pub(super) struct Reach {
    http: SharedHttpClient,
    time: SliceTime,
    /// `None`: AWS's own addresses.
    endpoint: Option<String>,
    pub timeout: Duration,
}

/// The clients of one account, in one region.
pub(super) struct Clients {
    pub iam: aws_sdk_iam::Client,
    pub sts: aws_sdk_sts::Client,
    pub s3: aws_sdk_s3::Client,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
}

/// No client reads the environment, and none tries again by itself: what a lost answer means is
/// decided by those who wrote the intent.
macro_rules! conf {
    ($sdk:ident, $reach:expr, $pair:expr, $region:expr) => {{
        let (reach, (id, secret)): (&Reach, (&str, &str)) = ($reach, $pair);
        let credentials = Credentials::new(id, secret, None, None, "vault");
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(reach.timeout)
            .build();
        let mut conf = $sdk::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(credentials)
            .http_client(reach.http.clone())
            .region(Region::new(String::from($region)))
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .time_source(reach.time.clone())
            .timeout_config(timeouts);
        conf.set_endpoint_url(reach.endpoint.clone());
        conf
    }};
}

impl Reach {
    pub fn new(endpoint: Option<String>, timeout: Duration, clock: Arc<dyn Clock>) -> Self {
        let tls = Provider::Rustls(CryptoMode::Ring);
        Self {
            http: Builder::new().tls_provider(tls).build_https(),
            time: SliceTime(clock),
            endpoint,
            timeout,
        }
    }

    /// Whole seconds since 1970.
    pub fn seconds(&self) -> i64 {
        self.time.0.now().micros().div_euclid(1_000_000)
    }

    /// Says whose a key is, given its id and its secret.
    pub fn sts(&self, pair: (&str, &str), region: &str) -> aws_sdk_sts::Client {
        aws_sdk_sts::Client::from_conf(conf!(aws_sdk_sts, self, pair, region).build())
    }

    /// The clients, buckets being in `region`.
    pub fn clients(&self, master: &Master<'_>, region: &str) -> Clients {
        let pair = (master.key_id, master.secret);
        let s3 = conf!(aws_sdk_s3, self, pair, region)
            .force_path_style(self.endpoint.is_some())
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
        Clients {
            iam: aws_sdk_iam::Client::from_conf(conf!(aws_sdk_iam, self, pair, GLOBAL).build()),
            sts: self.sts(pair, GLOBAL),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            cloudwatch: aws_sdk_cloudwatch::Client::from_conf(
                conf!(aws_sdk_cloudwatch, self, pair, region).build(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_is_whole_or_refused() {
        let whole = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY\nregion:eu-central-1\naccess-key:AKIAIOSFODNN7EXAMPLE";
        let sealed = Secret::new(whole.into());
        let master = Master::read(&sealed)
            .ok()
            .map(|master| (master.key_id, master.region));
        assert_eq!(master, Some(("AKIAIOSFODNN7EXAMPLE", "eu-central-1")));
        for (was, is) in [
            ("AKIAIOSFODNN7EXAMPLE", "AKIA IOSFODNN7EXAMPLE"),
            ("eu-central-1", "169.254.169.254"),
            ("wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY", "short"),
            ("region:", "endpoint:"),
        ] {
            let sealed = Secret::new(whole.replace(was, is));
            assert!(Master::read(&sealed).is_err(), "{is}");
        }
    }
}
