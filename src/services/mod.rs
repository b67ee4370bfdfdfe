//! The services that sub-keys are made at: adding one is a file and a line here.

mod openrouter;
mod runpod;
pub mod s3;
mod wire;

use slice_core::{desk::Services, ports::Clock};
use std::{sync::Arc, time::Duration};

/// A provider that needs longer for one request has not answered.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(20);

/// Where `RunPod`'s APIs are.
pub const RUNPOD_API: &str = "https://api.runpod.io";

/// Where the providers are, and how long one request to them may take.
#[derive(Clone, Debug)]
pub struct ServicesConfig {
    /// Base URL of `OpenRouter`'s API, such as `https://openrouter.ai/api/v1`.
    pub openrouter_api: String,
    /// One address for IAM, STS, S3 and `CloudWatch`; `None`: AWS's own ones.
    pub aws_endpoint: Option<String>,
    /// Base URL of `RunPod`'s APIs, such as `https://api.runpod.io`.
    pub runpod_api: String,
    /// `None`: the table that comes with Slice.
    pub s3_prices: Option<s3::Prices>,
    pub timeout: Duration,
}

impl ServicesConfig {
    pub fn new(openrouter_api: impl Into<String>) -> Self {
        Self {
            openrouter_api: openrouter_api.into(),
            runpod_api: RUNPOD_API.to_owned(),
            aws_endpoint: None,
            s3_prices: None,
            timeout: TIMEOUT_DEFAULT,
        }
    }
}

/// Every service there is.
pub fn registry(config: &ServicesConfig, clock: &Arc<dyn Clock>) -> Services {
    Services(vec![
        Box::new(openrouter::OpenRouter::new(config)),
        Box::new(s3::S3::new(config, clock.clone())),
        Box::new(runpod::RunPod::new(config, clock.clone())),
    ])
}
