//! `/api/v1/models`: what a request may name.

use axum::response::Response;
use http::StatusCode;

use super::wire::{
    json,
    models::{Model, Models},
};
use crate::{
    error::Result,
    http::context::{Caller, Context},
    service::models,
};

/// `GET /api/v1/models`
pub async fn list(context: Context, caller: Caller) -> Result<Response> {
    let default_model = models::default_of(&context.platform, &context.config, caller.user).await?;
    let models = models::names(&context.config).map(|id| Model { id: id.to_owned() }).collect();
    Ok(json(StatusCode::OK, &Models { models, default_model }))
}
