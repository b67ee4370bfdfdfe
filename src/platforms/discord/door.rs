//! The way in, whichever transport was chosen.

use super::{DiscordEndpoint, DiscordGateway, DiscordPlatform, Transport};
use crate::http::Check;
use axum::Router;
use slice_core::{inbound::Reception, ports::PlatformError};
use std::sync::Arc;

/// Listens from its start until it is shut down.
pub enum DiscordDoor {
    Gateway(DiscordGateway),
    Http(DiscordEndpoint),
}

impl DiscordDoor {
    /// Registers the commands if they changed, then listens.
    pub async fn open(
        platform: &DiscordPlatform,
        reception: Arc<dyn Reception>,
    ) -> Result<Self, PlatformError> {
        platform.register().await?;
        Ok(match platform.transport() {
            Transport::Gateway { .. } => {
                Self::Gateway(DiscordGateway::start(platform, reception).await?)
            }
            Transport::Http(key) => {
                let key = key.clone();
                Self::Http(DiscordEndpoint::start(platform, key, reception).await?)
            }
        })
    }

    /// What Discord's requests go to, where it sends any.
    pub fn router(&self) -> Option<Router> {
        match self {
            Self::Gateway(_) => None,
            Self::Http(endpoint) => Some(endpoint.router()),
        }
    }

    /// For `/readyz`.
    pub fn check(&self) -> Check {
        match self {
            Self::Gateway(gateway) => gateway.check(),
            Self::Http(endpoint) => endpoint.check(),
        }
    }

    /// Takes nothing more in.
    pub async fn shutdown(&self) {
        match self {
            Self::Gateway(gateway) => gateway.shutdown().await,
            Self::Http(endpoint) => endpoint.shutdown(),
        }
    }
}
