//! Where the providers are, and what they charge.

use super::{HTTP, Reader, Variable};
use crate::services::{self, ServicesConfig, s3::Prices};

pub const OPENROUTER_API: Variable = Variable {
    name: "SLICE_OPENROUTER_API_URL",
    about: "Where OpenRouter's API is",
    default: Some("https://openrouter.ai/api/v1"),
};
pub const AWS_ENDPOINT: Variable = Variable {
    name: "SLICE_AWS_ENDPOINT_URL",
    about: "One address for IAM, STS, S3 and CloudWatch instead of AWS's own; empty: AWS's own",
    default: Some(""),
};
pub const RUNPOD_API: Variable = Variable {
    name: "SLICE_RUNPOD_API_URL",
    about: "Where RunPod's APIs are: GraphQL at /graphql, REST at /v2",
    default: Some(services::RUNPOD_API),
};
pub const S3_PRICES: Variable = Variable {
    name: "SLICE_S3_PRICES",
    about: "A file of what S3 costs, like prices/s3.json, in the place of the table that comes with Slice",
    default: Some(""),
};

impl ServicesConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let mut services = Self::new(reader.url(&OPENROUTER_API, &HTTP));
        if !reader.text(&AWS_ENDPOINT).is_empty() {
            services.aws_endpoint = Some(reader.url(&AWS_ENDPOINT, &HTTP));
        }
        services.runpod_api = reader.url(&RUNPOD_API, &HTTP);
        services.s3_prices = prices(reader);
        services
    }
}

/// `None`: the table that comes with Slice.
fn prices(reader: &mut Reader<'_>) -> Option<Prices> {
    let file = reader.text(&S3_PRICES);
    if file.is_empty() {
        return None;
    }
    let read = std::fs::read_to_string(&file).map_err(|error| error.to_string());
    match read.and_then(|text| Prices::parse(&text)) {
        Ok(prices) => Some(prices),
        Err(why) => {
            let says = format!("{} is no table of prices: {why}.", S3_PRICES.name);
            reader.mistake(&S3_PRICES, says);
            None
        }
    }
}
