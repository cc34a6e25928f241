//! `GET /docs`: the API's description, shown by a viewer that the product serves itself.

use axum::{
    extract::{Path, rejection::PathRejection},
    response::Response,
};

use crate::error::{Error, Result};

/// `GET /docs`
pub async fn page() -> Result<Response> {
    Err(Error::not_found("Page"))
}

/// `GET /docs/{file}`
pub async fn file(path: Result<Path<String>, PathRejection>) -> Result<Response> {
    let _ = path;
    Err(Error::not_found("File"))
}
