//! Health: alive, ready, database; and the root.

use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use super::context::Context;
use crate::{dialect::native::wire::json as respond, error::Result, service::health};

/// `GET /`
pub async fn root() -> Response {
    let body = json!({ "status": "ok", "app": "littoral", "version": env!("CARGO_PKG_VERSION"), "docs": "/docs" });
    respond(StatusCode::OK, &body)
}

/// `GET /api/v1/health`: this process answers. Exactly seed 004's body.
pub async fn live() -> Response {
    respond(StatusCode::OK, &json!({ "status": "ok" }))
}

/// `GET /api/v1/health/ready`: everything that a request needs answers.
pub async fn ready(context: Context) -> Response {
    let ready = health::readiness(&context.platform).await;
    let word = |fine| if fine { "connected" } else { "unreachable" };
    let fine = ready.database && ready.keys;
    let body = json!({
        "status": if fine { "ok" } else { "not ready" },
        "checks": { "database": word(ready.database), "keys": word(ready.keys) },
    });
    respond(if fine { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &body)
}

/// `GET /api/v1/health/db`
pub async fn database(context: Context) -> Result<Response> {
    health::ping(&*context.platform.accounts).await.map_err(crate::Error::unavailable)?;
    Ok(respond(StatusCode::OK, &json!({ "status": "ok", "database": "connected" })))
}
