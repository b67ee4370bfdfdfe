//! Who signed a request, and whether the signature (`SigV4`, in headers) is good.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use chrono::NaiveDateTime;
use sha2::{Digest, Sha256};

use crate::door::Call;

/// A request is refused when its date is further away than this.
const SKEW_MAX: i64 = 15 * 60;
const DATE: &str = "%Y%m%dT%H%M%SZ";
const ALGORITHM: &str = "AWS4-HMAC-SHA256 ";
const CONTENT_HASH: &str = "x-amz-content-sha256";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const UNSIGNED_CHUNKS: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// What the `Authorization` header claims.
#[derive(Debug)]
pub(super) struct Claim {
    pub key: String,
    pub region: String,
    /// `iam`, `sts`, `s3` or `monitoring`.
    pub service: String,
    signed_headers: Vec<String>,
    signature: String,
}

/// Why a signature is not believed; each API has its own words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unproven {
    Missing,
    Malformed,
    Skewed,
    /// The payload is not the one that was signed.
    Payload,
    Different,
}

impl Claim {
    pub fn of(call: &Call) -> Result<Claim, Unproven> {
        let header = call.header("authorization").ok_or(Unproven::Missing)?;
        let fields = header
            .strip_prefix(ALGORITHM)
            .ok_or(Unproven::Malformed)?
            .split(',')
            .filter_map(|field| field.trim().split_once('='));
        let (mut credential, mut headers, mut signature) = ("", "", "");
        for (name, value) in fields {
            match name {
                "Credential" => credential = value,
                "SignedHeaders" => headers = value,
                "Signature" => signature = value,
                _ => return Err(Unproven::Malformed),
            }
        }
        let scope: Vec<&str> = credential.split('/').collect();
        let [key, _, region, service, "aws4_request"] = scope[..] else {
            return Err(Unproven::Malformed);
        };
        Ok(Claim {
            key: key.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            signed_headers: headers.split(';').map(str::to_owned).collect(),
            signature: signature.to_owned(),
        })
    }

    /// A claim of one's own, to be signed with [`Self::header`].
    pub fn new(key: &str, (service, region): (&str, &str), signed_headers: &[&str]) -> Claim {
        Claim {
            key: key.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            signed_headers: signed_headers
                .iter()
                .map(|name| (*name).to_owned())
                .collect(),
            signature: String::new(),
        }
    }

    /// The header by which the call, as it is now, is signed.
    pub fn header(&self, call: &Call, secret: &str) -> Option<String> {
        let date = call.header("x-amz-date")?;
        let seconds = NaiveDateTime::parse_from_str(date, DATE).ok()?;
        let seconds = seconds.and_utc().timestamp();
        let signature = self.again(call, secret, seconds, self.payload(call).ok()?)?;
        let Claim {
            key,
            region,
            service,
            ..
        } = self;
        let (day, headers) = (date.get(..8)?, self.signed_headers.join(";"));
        Some(format!(
            "{ALGORITHM}Credential={key}/{day}/{region}/{service}/aws4_request, \
             SignedHeaders={headers}, Signature={signature}"
        ))
    }

    /// Signs the request again with the secret that the provider knows, and compares.
    pub fn prove(&self, call: &Call, secret: &str, now: i64) -> Result<(), Unproven> {
        let date = call.header("x-amz-date").ok_or(Unproven::Malformed)?;
        let seconds = NaiveDateTime::parse_from_str(date, DATE)
            .map_err(|_| Unproven::Malformed)?
            .and_utc()
            .timestamp();
        if (seconds - now.div_euclid(1_000_000)).abs() > SKEW_MAX {
            return Err(Unproven::Skewed);
        }
        let needed = ["host", "x-amz-date"];
        let signs = |name: &str| self.signed_headers.iter().any(|signed| signed == name);
        if !needed.into_iter().all(signs) {
            return Err(Unproven::Malformed);
        }
        let body = self.payload(call)?;
        match self.again(call, secret, seconds, body) {
            Some(signature) if signature == self.signature => Ok(()),
            _ => Err(Unproven::Different),
        }
    }

    fn is_s3(&self) -> bool {
        self.service == "s3"
    }

    fn payload<'a>(&self, call: &'a Call) -> Result<SignableBody<'a>, Unproven> {
        if !self.is_s3() {
            return Ok(SignableBody::Bytes(&call.body));
        }
        let said = call.header(CONTENT_HASH).ok_or(Unproven::Malformed)?;
        match said {
            UNSIGNED => Ok(SignableBody::UnsignedPayload),
            UNSIGNED_CHUNKS => Ok(SignableBody::StreamingUnsignedPayloadTrailer),
            said if said == hex::encode(Sha256::digest(&call.body)) => {
                Ok(SignableBody::Precomputed(said.to_owned()))
            }
            _ => Err(Unproven::Payload),
        }
    }

    fn again(
        &self,
        call: &Call,
        secret: &str,
        seconds: i64,
        body: SignableBody<'_>,
    ) -> Option<String> {
        let mut settings = SigningSettings::default();
        settings.excluded_headers = None;
        if self.is_s3() {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        let identity = Credentials::new(&self.key, secret, None, None, "sandbox").into();
        let seconds = u64::try_from(seconds).ok()?;
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .settings(settings)
            .build()
            .ok()?
            .into();
        // These two are added by the signer.
        let added = ["x-amz-date", CONTENT_HASH];
        let headers = self
            .signed_headers
            .iter()
            .map(String::as_str)
            .filter(|name| !added.contains(name))
            .map(|name| (name, call.header(name).unwrap_or_default()));
        let uri = format!("http://{}{}", call.header("host")?, call.target);
        let request = SignableRequest::new(&call.method, uri, headers, body).ok()?;
        let (_, signature) = sign(request, &params).ok()?.into_parts();
        Some(signature)
    }
}
