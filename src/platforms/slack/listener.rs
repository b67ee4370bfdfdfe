//! The way in that the configuration chose: sockets or signed requests.

use super::{SlackHttp, SlackPlatform, SlackSocket, Transport};
use crate::http::Check;
use axum::Router;
use slice_core::{
    inbound::{Installing, Reception},
    ports::{Clock, PlatformError},
};
use std::sync::Arc;

/// Hears Slack from its start until it is shut down or dropped.
pub enum SlackListener {
    Socket(SlackSocket),
    Http(SlackHttp),
}

impl SlackListener {
    pub async fn start(
        platform: Arc<SlackPlatform>,
        reception: Arc<dyn Reception>,
        installing: Arc<dyn Installing>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PlatformError> {
        match &platform.slack.transport {
            Transport::Socket { .. } => SlackSocket::start(platform, reception)
                .await
                .map(Self::Socket),
            Transport::Http { .. } => Ok(Self::Http(SlackHttp::new(
                &platform, reception, installing, clock,
            ))),
        }
    }

    /// What has to be served for Slack to be heard.
    pub fn routes(&self) -> Router {
        match self {
            Self::Socket(_) => Router::new(),
            Self::Http(http) => http.routes(),
        }
    }

    /// For `/readyz`.
    pub fn check(&self) -> Check {
        match self {
            Self::Socket(socket) => socket.check(),
            Self::Http(http) => http.check(),
        }
    }

    /// Takes nothing more in.
    pub async fn shutdown(&self) {
        match self {
            Self::Socket(socket) => socket.shutdown().await,
            Self::Http(http) => http.shutdown(),
        }
    }
}
