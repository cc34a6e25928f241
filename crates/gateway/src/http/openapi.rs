//! `GET /openapi.json`: the description of the API. It is written by hand, and a test holds it against the list of routes. A host
//! may keep it beside the code, as [`super::docs`] says.

use axum::{body::Body, response::Response};
use http::{HeaderValue, header};

use super::context::Context;
use crate::error::{Error, Result};

/// Where it is, among the [`ports::Assets`].
const FILE: &str = "openapi.json";

/// `GET /openapi.json`
pub async fn document(context: Context) -> Result<Response> {
    let document = context.platform.assets.read(FILE).await.map_err(Error::internal)?;
    let mut response = Response::new(Body::from(document));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    Ok(response)
}

#[cfg(test)]
mod tests;
