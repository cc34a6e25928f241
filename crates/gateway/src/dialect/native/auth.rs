//! `/api/v1/auth`: as seed 004 has it.

use axum::{body::Body, response::Response};
use domain::{Secret, account::Email};
use http::{HeaderMap, StatusCode, header};

use super::wire::{self, json, no_content};
use crate::{
    error::Result,
    http::{
        body,
        context::{Caller, Context},
        fields::Fields,
    },
    service::{
        accounts,
        passwords::{MAX_CHARACTERS, MIN_CHARACTERS},
        sessions::{self, Tokens},
    },
};

/// How much of a `User-Agent` is kept to name the device, in characters.
const MAX_USER_AGENT: usize = 200;
/// The longest refresh token that is looked at, in characters.
const MAX_TOKEN: usize = 512;

/// `POST /api/v1/auth/register`
pub async fn register(context: Context, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let email = fields.text("email", 1..=Email::MAX_BYTES);
    let password = Secret::new(fields.text("password", MIN_CHARACTERS..=MAX_CHARACTERS));
    let parsed = Email::parse(&email);
    if parsed.is_none() && !email.is_empty() {
        fields.refuse("email", "Must be an e-mail address.");
    }
    // Without an address there is at least one entry, so that `finish` fails.
    let Some(email) = fields.finish(parsed)? else {
        return Err(crate::Error::field("/email", "This field is required."));
    };
    let tokens =
        accounts::register(&context.platform, &context.config, &email, password, user_agent(&headers).as_deref())
            .await?;
    Ok(json(StatusCode::CREATED, &view(tokens)))
}

/// `POST /api/v1/auth/login`
pub async fn login(context: Context, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let email = fields.text("email", 1..=Email::MAX_BYTES);
    let password = Secret::new(fields.text("password", 1..=MAX_CHARACTERS));
    let email = fields.finish(Email::parse(&email))?;
    let agent = user_agent(&headers);
    let tokens =
        accounts::login(&context.platform, &context.config, email.as_ref(), password, agent.as_deref()).await?;
    Ok(json(StatusCode::OK, &view(tokens)))
}

/// `POST /api/v1/auth/refresh`
pub async fn refresh(context: Context, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let token = Secret::new(fields.text("refresh_token", 1..=MAX_TOKEN));
    let token = fields.finish(token)?;
    let tokens = sessions::refresh(&context.platform, &context.config, token.expose()).await?;
    Ok(json(StatusCode::OK, &view(tokens)))
}

/// `GET /api/v1/auth/me`
pub async fn me(context: Context, caller: Caller) -> Result<Response> {
    let user = accounts::find(&context.platform, caller.user).await?;
    let me = wire::Me {
        id: user.number,
        user_id: user.id.to_string(),
        email: user.email,
        created_at: user.created_at.to_string(),
    };
    Ok(json(StatusCode::OK, &me))
}

/// `POST /api/v1/auth/logout`
pub async fn logout(context: Context, caller: Caller) -> Result<Response> {
    sessions::end(&context.platform, &context.config, caller.user, caller.session).await?;
    Ok(no_content())
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(text.chars().take(MAX_USER_AGENT).collect())
}

fn view(tokens: Tokens) -> wire::Tokens {
    wire::Tokens {
        access_token: tokens.access,
        refresh_token: tokens.refresh,
        token_type: "bearer",
        expires_in: tokens.expires_in.as_secs(),
    }
}
