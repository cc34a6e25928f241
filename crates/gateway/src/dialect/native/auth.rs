//! `/api/v1/auth`: signing up, in and out, as seed 004 has it.

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
        accounts::{self, Registration},
        captcha,
        passwords::{self, MAX_CHARACTERS},
        second_factors::trusted_devices,
        sessions::{self, Tokens},
        sign_in::SignIn,
    },
};

/// The longest refresh token that is looked at, in characters.
const MAX_TOKEN: usize = 512;

/// `POST /api/v1/auth/register`
pub async fn register(context: Context, headers: HeaderMap, body: Body) -> Result<Response> {
    let (email, password, captcha) = registration(&context, &headers, body).await?;
    let device = device::of(&context, &headers);
    captcha::require(&context.platform, &context.config, captcha, &device).await?;
    match accounts::register(&context.platform, &context.config, email, password, &device).await? {
        Registration::SignedIn(done) => Ok(answer(StatusCode::CREATED, done)),
        Registration::Mailed => Ok(wire::accepted()),
    }
}

/// What a new account needs: an address, a password, and the token of the captcha widget.
pub async fn registration(
    context: &Context,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Email, Secret<String>, Option<Secret<String>>)> {
    let mut fields = Fields::new(body::object(context, headers, body, false).await?);
    let email = address(&mut fields, "email");
    let about = email.as_ref().map(Email::as_str);
    let password = new_password(context, &mut fields, "password", about);
    let captcha = captcha_token(&mut fields);
    Ok((required(fields.finish(email)?, "/email")?, password, captcha))
}

/// `POST /api/v1/auth/login`
pub async fn login(context: Context, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let email = fields.text("email", 1..=Email::MAX_BYTES);
    let password = Secret::new(fields.text("password", 1..=MAX_CHARACTERS));
    let trusted = fields.maybe_text("trusted_device_token", 1..=trusted_devices::MAX_TOKEN).map(Secret::new);
    let captcha = captcha_token(&mut fields);
    fields.finish(())?;
    let device = device::of(&context, &headers);
    let (platform, config) = (&context.platform, &context.config);
    captcha::require(platform, config, captcha, &device).await?;
    let done = accounts::login(platform, config, &email, password, trusted.as_ref(), &device).await?;
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

/// A field that holds an e-mail address.
pub fn address(fields: &mut Fields, name: &'static str) -> Option<Email> {
    let text = fields.text(name, 1..=Email::MAX_BYTES);
    let parsed = Email::parse(&text);
    if parsed.is_none() && !text.is_empty() {
        fields.refuse(name, "Must be an e-mail address.");
    }
    parsed
}

/// What a field held, where there was no entry for it. (There always is one for a field that held nothing.)
pub fn required<T>(value: Option<T>, pointer: &str) -> Result<T> {
    value.ok_or_else(|| crate::Error::field(pointer, "This field is required."))
}

/// A field that holds a password to be: an entry for each rule that it breaks. `about` is its owner's address, where the
/// request says it.
pub fn new_password(context: &Context, fields: &mut Fields, name: &'static str, about: Option<&str>) -> Secret<String> {
    let password = fields.text(name, 1..=MAX_CHARACTERS);
    check_password(context, fields, name, password, about)
}

/// The same for a field that may be missing or null.
pub fn maybe_new_password(
    context: &Context,
    fields: &mut Fields,
    name: &'static str,
    about: Option<&str>,
) -> Option<Secret<String>> {
    let password = fields.maybe_text(name, 1..=MAX_CHARACTERS)?;
    Some(check_password(context, fields, name, password, about))
}

fn check_password(
    context: &Context,
    fields: &mut Fields,
    name: &'static str,
    password: String,
    about: Option<&str>,
) -> Secret<String> {
    if !password.is_empty() {
        for rule in passwords::broken_rules(&context.config, &password, about.as_slice()) {
            fields.refuse(name, rule);
        }
    }
    Secret::new(password)
}

/// The field that holds the token of the captcha service's widget.
pub fn captcha_token(fields: &mut Fields) -> Option<Secret<String>> {
    fields.maybe_text("captcha_token", 1..=captcha::MAX_TOKEN).map(Secret::new)
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
