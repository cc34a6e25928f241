//! `/api/v1/auth/guest`: accounts of a device, and their upgrade.

use axum::{body::Body, response::Response};
use http::{HeaderMap, StatusCode};

use super::{
    auth::{answer, registration, tokens},
    wire::accepted,
};
use crate::{
    error::Result,
    http::{
        body,
        context::{Caller, Context},
        device,
    },
    service::{
        captcha,
        guests::{self, Upgrade},
    },
};

/// `POST /api/v1/auth/guest`
pub async fn create(context: Context, headers: HeaderMap, body: Body) -> Result<Response> {
    body::none(&context, &headers, body).await?;
    let device = device::of(&context, &headers);
    Ok(answer(StatusCode::CREATED, guests::create(&context.platform, &context.config, &device).await?))
}

/// `POST /api/v1/auth/guest/upgrade`
pub async fn upgrade(context: Context, caller: Caller, headers: HeaderMap, body: Body) -> Result<Response> {
    let (email, password, captcha) = registration(&context, &headers, body).await?;
    let device = device::of(&context, &headers);
    let (platform, config) = (&context.platform, &context.config);
    captcha::require(platform, config, captcha, &device).await?;
    Ok(match guests::upgrade(platform, config, &caller, email, password, &device).await? {
        Upgrade::Done(done) => tokens(done),
        Upgrade::Mailed => accepted(),
    })
}
