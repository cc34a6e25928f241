//! `/api/v1/auth`: as seed 004 has it.

use axum::{body::Body, response::Response};
use domain::{Secret, account::Email};
use http::{HeaderMap, StatusCode};

use super::{
    second_factors,
    wire::{self, json},
};
use crate::{
    error::Result,
    http::{
        body,
        context::{Caller, Context},
        device,
        fields::Fields,
    },
    service::{
        accounts,
        passwords::{MAX_CHARACTERS, MIN_CHARACTERS},
        second_factors::trusted_devices,
        sessions::{self, Tokens},
        sign_in::SignIn,
    },
};

/// The longest refresh token that is looked at, in characters.
const MAX_TOKEN: usize = 512;

/// `POST /api/v1/auth/register`
pub async fn register(context: Context, headers: HeaderMap, body: Body) -> Result<Response> {
    let (email, password) = registration(&context, &headers, body).await?;
    let device = device::of(&context, &headers);
    let done = accounts::register(&context.platform, &context.config, &email, password, &device).await?;
    Ok(answer(StatusCode::CREATED, done))
}

/// What a new account needs: an address and a password.
pub async fn registration(context: &Context, headers: &HeaderMap, body: Body) -> Result<(Email, Secret<String>)> {
    let mut fields = Fields::new(body::object(context, headers, body, false).await?);
    let email = fields.text("email", 1..=Email::MAX_BYTES);
    let password = Secret::new(fields.text("password", MIN_CHARACTERS..=MAX_CHARACTERS));
    let parsed = Email::parse(&email);
    if parsed.is_none() && !email.is_empty() {
        fields.refuse("email", "Must be an e-mail address.");
    }
    // Without an address there is at least one entry, so that `finish` fails.
    let email = fields.finish(parsed)?;
    Ok((email.ok_or_else(|| crate::Error::field("/email", "This field is required."))?, password))
}

/// `POST /api/v1/auth/login`
pub async fn login(context: Context, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let email = fields.text("email", 1..=Email::MAX_BYTES);
    let password = Secret::new(fields.text("password", 1..=MAX_CHARACTERS));
    let trusted = fields.maybe_text("trusted_device_token", 1..=trusted_devices::MAX_TOKEN).map(Secret::new);
    let email = fields.finish(Email::parse(&email))?;
    let device = device::of(&context, &headers);
    let (platform, config) = (&context.platform, &context.config);
    let done = accounts::login(platform, config, email.as_ref(), password, trusted.as_ref(), &device).await?;
    Ok(answer(StatusCode::OK, done))
}

/// `POST /api/v1/auth/refresh`
pub async fn refresh(context: Context, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let token = Secret::new(fields.text("refresh_token", 1..=MAX_TOKEN));
    let token = fields.finish(token)?;
    let device = device::of(&context, &headers);
    let tokens = sessions::refresh(&context.platform, &context.config, token.expose(), &device).await?;
    Ok(json(StatusCode::OK, &view(tokens)))
}

/// `GET /api/v1/auth/me`
pub async fn me(context: Context, caller: Caller) -> Result<Response> {
    let user = accounts::find(&context.platform, caller.user).await?;
    let me = wire::Me {
        id: user.number,
        user_id: user.id.to_string(),
        email: user.email,
        email_verified: user.email_verified_at.is_some(),
        role: user.role.as_str(),
        created_at: user.created_at.to_string(),
    };
    Ok(json(StatusCode::OK, &me))
}

/// The answer to every way of signing in.
pub fn answer(status: StatusCode, done: SignIn) -> Response {
    match done {
        SignIn::Done(tokens) => json(status, &view(tokens)),
        SignIn::SecondFactor(challenge) => json(StatusCode::OK, &second_factors::required(challenge)),
    }
}

/// The answer to whoever stays signed in.
pub fn tokens(tokens: Tokens) -> Response {
    json(StatusCode::OK, &view(tokens))
}

/// Tokens as they are sent.
pub fn view(tokens: Tokens) -> wire::Tokens {
    wire::Tokens {
        access_token: tokens.access,
        refresh_token: tokens.refresh,
        token_type: "bearer",
        expires_in: tokens.expires_in.as_secs(),
    }
}
