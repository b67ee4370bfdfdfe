//! The services that sub-keys are made at: adding one is a file and a line here.

mod openrouter;

use slice_core::desk::Services;
use std::time::Duration;

/// A provider that needs longer for one request has not answered.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(20);

/// Where the providers are, and how long one request to them may take.
#[derive(Clone, Debug)]
pub struct ServicesConfig {
    /// Base URL of `OpenRouter`'s API, such as `https://openrouter.ai/api/v1`.
    pub openrouter_api: String,
    pub timeout: Duration,
}

impl ServicesConfig {
    pub fn new(openrouter_api: impl Into<String>) -> Self {
        Self {
            openrouter_api: openrouter_api.into(),
            timeout: TIMEOUT_DEFAULT,
        }
    }
}

/// Every service there is.
pub fn registry(config: &ServicesConfig) -> Services {
    Services(vec![Box::new(openrouter::OpenRouter::new(config))])
}
