//! `/api/v1/auth/password`: changing it, and choosing another when it is forgotten.

use axum::{body::Body, response::Response};
use domain::Secret;
use http::HeaderMap;

use super::{
    auth::{address, captcha_token, new_password, required},
    wire::{accepted, no_content},
};
use crate::{
    error::Result,
    http::{
        body,
        context::{Caller, Context},
        device,
        fields::Fields,
    },
    service::{captcha, limits, one_time_tokens::MAX_TOKEN, password_changes, passwords::MAX_CHARACTERS},
};

/// `POST /api/v1/auth/password/change`
pub async fn change(context: Context, caller: Caller, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let current = Secret::new(fields.text("current_password", 1..=MAX_CHARACTERS));
    let new = new_password(&context, &mut fields, "new_password", None);
    fields.finish(())?;
    let Context { platform, config, .. } = &context;
    let device = device::of(&context, &headers);
    password_changes::change(platform, config, &caller, current, new, &device).await?;
    Ok(no_content())
}

/// `POST /api/v1/auth/password/forgot`
pub async fn forgot(context: Context, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let email = address(&mut fields, "email");
    let captcha = captcha_token(&mut fields);
    let email = required(fields.finish(email)?, "/email")?;
    let Context { platform, config, .. } = &context;
    let device = device::of(&context, &headers);
    limits::recovery(platform, config, device.address).await?;
    captcha::require(platform, config, captcha, &device).await?;
    password_changes::forget(platform, config, email);
    Ok(accepted())
}

/// `POST /api/v1/auth/password/reset`
pub async fn reset(context: Context, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let token = Secret::new(fields.text("token", 1..=MAX_TOKEN));
    let new = new_password(&context, &mut fields, "new_password", None);
    fields.finish(())?;
    let Context { platform, config, .. } = &context;
    let device = device::of(&context, &headers);
    limits::recovery(platform, config, device.address).await?;
    password_changes::reset(platform, config, token, new, &device).await?;
    Ok(no_content())
}
