//! `/api/v1/auth/email`: proving an address, changing it, and taking a change back.

use axum::{body::Body, response::Response};
use domain::Secret;
use http::{HeaderMap, StatusCode};

use super::{
    auth::{address, answer, maybe_new_password, required},
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
    service::{address_restoration, email_addresses, limits, one_time_tokens::MAX_TOKEN, passwords::MAX_CHARACTERS},
};

/// `POST /api/v1/auth/email/verify`
pub async fn verify(context: Context, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let token = Secret::new(fields.text("token", 1..=MAX_TOKEN));
    let password = maybe_new_password(&context, &mut fields, "password", None);
    fields.finish(())?;
    let device = device::of(&context, &headers);
    limits::recovery(&context.platform, &context.config, device.address).await?;
    let done = email_addresses::verify(&context.platform, &context.config, token, password, &device).await?;
    Ok(done.map_or_else(no_content, |done| answer(StatusCode::OK, done)))
}

/// `POST /api/v1/auth/email/resend`
pub async fn resend(context: Context, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let email = address(&mut fields, "email");
    let email = required(fields.finish(email)?, "/email")?;
    limits::recovery(&context.platform, &context.config, context.client.address).await?;
    email_addresses::resend(&context.platform, &context.config, email);
    Ok(accepted())
}

/// `POST /api/v1/auth/email/change`
pub async fn change(context: Context, caller: Caller, headers: HeaderMap, body: Body) -> Result<Response> {
    caller.session()?;
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let new = address(&mut fields, "new_email");
    let password = fields.maybe_text("password", 1..=MAX_CHARACTERS).map(Secret::new);
    let new = required(fields.finish(new)?, "/new_email")?;
    let Context { platform, config, .. } = &context;
    let device = device::of(&context, &headers);
    // It mails strangers: of many accounts together no more than this.
    limits::recovery(platform, config, device.address).await?;
    email_addresses::change(platform, config, &caller, new, password, &device).await?;
    Ok(accepted())
}

/// `POST /api/v1/auth/email/confirm`
pub async fn confirm(context: Context, caller: Caller, headers: HeaderMap, body: Body) -> Result<Response> {
    caller.session()?;
    let token = token(&context, &headers, body).await?;
    let device = device::of(&context, &headers);
    limits::recovery(&context.platform, &context.config, device.address).await?;
    email_addresses::confirm(&context.platform, &context.config, &caller, token, &device).await?;
    Ok(no_content())
}

/// `POST /api/v1/auth/email/restore`
pub async fn restore(context: Context, headers: HeaderMap, body: Body) -> Result<Response> {
    let token = token(&context, &headers, body).await?;
    let device = device::of(&context, &headers);
    limits::recovery(&context.platform, &context.config, device.address).await?;
    address_restoration::restore(&context.platform, &context.config, token, &device).await?;
    Ok(no_content())
}

async fn token(context: &Context, headers: &HeaderMap, body: Body) -> Result<Secret<String>> {
    let mut fields = Fields::new(body::object(context, headers, body, false).await?);
    let token = Secret::new(fields.text("token", 1..=MAX_TOKEN));
    fields.finish(token)
}
