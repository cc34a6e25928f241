//! `/api/v1/auth/oidc` and `/api/v1/auth/identities`: signing in by another provider's ID token, and linking one.

use axum::{
    body::Body,
    extract::{Path, rejection::PathRejection},
    response::Response,
};
use domain::Secret;
use http::{HeaderMap, StatusCode};

use super::{
    auth::answer,
    wire::{self, json, no_content},
};
use crate::{
    error::{Error, Result},
    http::{
        body,
        context::{Caller, Context},
        device,
        fields::Fields,
    },
    service::{
        id_tokens::{MAX_NAME, MAX_NONCE, MAX_TOKEN, Proof, tidy},
        identities,
    },
};

type Provider = Result<Path<String>, PathRejection>;

/// `POST /api/v1/auth/oidc/{provider}`
pub async fn sign_in(context: Context, provider: Provider, headers: HeaderMap, body: Body) -> Result<Response> {
    let (proof, given) = read(&context, &headers, body).await?;
    let device = device::of(&context, &headers);
    let (platform, config) = (&context.platform, &context.config);
    let (is_new, done) = identities::sign_in(platform, config, &name(provider)?, &proof, given, &device).await?;
    Ok(answer(if is_new { StatusCode::CREATED } else { StatusCode::OK }, done))
}

/// `POST /api/v1/auth/identities/{provider}`
pub async fn link(
    context: Context,
    caller: Caller,
    provider: Provider,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let (proof, given) = read(&context, &headers, body).await?;
    let device = device::of(&context, &headers);
    let (platform, config) = (&context.platform, &context.config);
    let (is_new, linked) =
        identities::link(platform, config, &caller, &name(provider)?, &proof, given, &device).await?;
    Ok(json(if is_new { StatusCode::CREATED } else { StatusCode::OK }, &view(linked)))
}

/// `GET /api/v1/auth/identities`
pub async fn list(context: Context, caller: Caller) -> Result<Response> {
    let identities = identities::list(&context.platform, caller.user).await?.into_iter().map(view).collect();
    Ok(json(StatusCode::OK, &wire::identities::LinkedIdentities { identities }))
}

/// `DELETE /api/v1/auth/identities/{provider}`
pub async fn unlink(context: Context, caller: Caller, provider: Provider, headers: HeaderMap) -> Result<Response> {
    let device = device::of(&context, &headers);
    identities::unlink(&context.platform, &context.config, &caller, &name(provider)?, &device).await?;
    Ok(no_content())
}

async fn read(context: &Context, headers: &HeaderMap, body: Body) -> Result<(Proof, Option<String>)> {
    let mut fields = Fields::new(body::object(context, headers, body, false).await?);
    let token = Secret::new(fields.text("id_token", 1..=MAX_TOKEN));
    let nonce = fields.maybe_text("nonce", 1..=MAX_NONCE).map(Secret::new);
    let name = fields.maybe_text("name", 1..=MAX_NAME);
    fields.finish((Proof { token, nonce }, name.as_deref().and_then(tidy)))
}

/// A path that is no text names no provider.
fn name(path: Provider) -> Result<String> {
    path.map(|Path(name)| name).map_err(|_| Error::not_found("Identity provider"))
}

/// An identity as it goes over the wire.
pub fn view(identity: identities::LinkedIdentity) -> wire::identities::LinkedIdentity {
    wire::identities::LinkedIdentity {
        provider: identity.provider,
        email: identity.email,
        name: identity.name,
        created_at: identity.created_at.to_string(),
        last_used_at: identity.last_used_at.to_string(),
    }
}
