//! `/healthz` (the process lives) and `/readyz` (it can do its work). Chat platforms add their own.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use futures::future::BoxFuture;
use serde::Serialize;
use std::sync::Arc;

/// One thing that must be so, and what to do where it is not.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    pub what: String,
    pub ok: bool,
    /// What was found, and the remedy where it is not good.
    pub says: String,
    /// Whether it keeps this process from doing its work.
    #[serde(skip)]
    pub is_grave: bool,
}

impl Check {
    pub fn good(what: impl Into<String>, says: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            ok: true,
            says: says.into(),
            is_grave: false,
        }
    }

    pub fn bad(what: impl Into<String>, says: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            ok: false,
            says: says.into(),
            is_grave: true,
        }
    }

    /// Not as it should be, and nothing that another process would do better.
    pub fn late(what: impl Into<String>, says: impl Into<String>) -> Self {
        Self {
            is_grave: false,
            ..Self::bad(what, says)
        }
    }
}

/// Looks now.
pub type Ready = Arc<dyn Fn() -> BoxFuture<'static, Vec<Check>> + Send + Sync>;

/// The two pages. Neither names a person, a workspace or a key.
pub fn router(ready: Ready) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(readyz))
        .with_state(ready)
}

async fn readyz(State(ready): State<Ready>) -> Response {
    let checks = ready().await;
    let status = if checks.iter().all(|check| !check.is_grave) {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(checks)).into_response()
}
