//! `/api/v1/auth/factors` and what belongs to it: second factors, recovery codes, trusted devices, and proving them.

use axum::{
    body::Body,
    extract::{Path, rejection::PathRejection},
    response::Response,
};
use domain::{FactorId, Secret, factor::Factor};
use http::{HeaderMap, StatusCode};

use super::{
    auth,
    wire::{json, no_content, second_factors as own},
};
use crate::{
    config::MAX_PROVIDER_NAME,
    error::{Error, Result},
    http::{
        body,
        context::{Caller, Context},
        device,
        fields::Fields,
    },
    service::{
        id_tokens::{self, MAX_NONCE},
        limits,
        one_time_tokens::MAX_TOKEN,
        passwords::MAX_CHARACTERS,
        second_factors::{
            self, challenges,
            enrolment::{self, MAX_NAME},
            proof::{MAX_CODE, Proof},
            revocation,
        },
        step_up::{self, Evidence},
    },
};

/// `GET /api/v1/auth/factors`
pub async fn list(context: Context, caller: Caller) -> Result<Response> {
    let overview = second_factors::overview(&context.platform, caller.user).await?;
    let view = own::Factors {
        factors: overview.factors.into_iter().map(factor).collect(),
        recovery_codes_left: overview.recovery_codes,
        trusted_devices: overview.trusted_devices,
    };
    Ok(json(StatusCode::OK, &view))
}

/// `POST /api/v1/auth/factors/totp`
pub async fn begin_totp(context: Context, caller: Caller, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, true).await?);
    let name = fields.maybe_text("name", 1..=MAX_NAME);
    let given = ["password", "provider", "id_token"].map(|name| fields.has(name)).contains(&true);
    let evidence = if given { first_factor(&mut fields) } else { None };
    let (name, evidence) = fields.finish((name, evidence))?;
    let device = device::of(&context, &headers);
    let (platform, config) = (&context.platform, &context.config);
    let begun = enrolment::begin(platform, config, &caller, name.as_deref(), evidence, &device).await?;
    let view = own::TotpEnrolment {
        id: begun.id.to_string(),
        secret: begun.secret.expose().clone(),
        otpauth_uri: begun.uri.expose().clone(),
        qr_svg: begun.qr.expose().clone(),
    };
    Ok(json(StatusCode::CREATED, &view))
}

/// `POST /api/v1/auth/factors/totp/confirm`
pub async fn confirm_totp(context: Context, caller: Caller, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let code = Secret::new(fields.text("code", 1..=MAX_CODE));
    let code = fields.finish(code)?;
    let device = device::of(&context, &headers);
    let codes = enrolment::confirm(&context.platform, &context.config, caller.user, &code, &device).await?;
    Ok(json(StatusCode::OK, &recovery_codes(&codes)))
}

/// `POST /api/v1/auth/factors/undo`
pub async fn undo(context: Context, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let token = Secret::new(fields.text("token", 1..=MAX_TOKEN));
    let token = fields.finish(token)?;
    let device = device::of(&context, &headers);
    limits::recovery(&context.platform, &context.config, device.address).await?;
    revocation::revoke(&context.platform, &context.config, &token, &device).await?;
    Ok(no_content())
}

/// `DELETE /api/v1/auth/factors/{id}`
pub async fn remove(
    context: Context,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response> {
    let id = path.ok().and_then(|Path(text)| FactorId::parse(&text)).ok_or_else(|| Error::not_found("Factor"))?;
    caller.require_recent(&context.platform, &context.config).await?;
    let device = device::of(&context, &headers);
    enrolment::remove(&context.platform, &context.config, caller.user, id, &device).await?;
    Ok(no_content())
}

/// `POST /api/v1/auth/recovery-codes`
pub async fn renew_codes(context: Context, caller: Caller, headers: HeaderMap, body: Body) -> Result<Response> {
    body::none(&context, &headers, body).await?;
    caller.require_recent(&context.platform, &context.config).await?;
    let device = device::of(&context, &headers);
    let codes = enrolment::renew_codes(&context.platform, &context.config, caller.user, &device).await?;
    Ok(json(StatusCode::CREATED, &recovery_codes(&codes)))
}

/// `DELETE /api/v1/auth/trusted-devices`
pub async fn distrust_all(context: Context, caller: Caller, headers: HeaderMap) -> Result<Response> {
    enrolment::distrust_all(&context.platform, caller.user, &device::of(&context, &headers)).await?;
    Ok(no_content())
}

/// `POST /api/v1/auth/login/second-factor`
pub async fn answer(context: Context, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let token = Secret::new(fields.text("challenge_token", 1..=challenges::MAX_TOKEN));
    let trust = fields.maybe_bool("trust_device").unwrap_or(false);
    let proof = proof(&mut fields);
    if proof.is_none() {
        fields.refuse("code", "Send `code` or `recovery_code`, one of them.");
    }
    let Some(proof) = fields.finish(proof)? else { return Err(Error::field("/code", "This field is required.")) };
    let device = device::of(&context, &headers);
    let done = challenges::answer(&context.platform, &context.config, token.expose(), &proof, trust, &device).await?;
    let view = own::SignedIn {
        tokens: auth::view(done.tokens),
        trusted_device_token: done.trusted_device.map(|token| token.expose().clone()),
    };
    Ok(json(StatusCode::OK, &view))
}

/// `POST /api/v1/auth/step-up`
pub async fn step_up(context: Context, caller: Caller, headers: HeaderMap, body: Body) -> Result<Response> {
    let mut fields = Fields::new(body::object(&context, &headers, body, false).await?);
    let evidence = evidence(&mut fields);
    let Some(evidence) = fields.finish(evidence)? else {
        return Err(Error::field("/password", "This field is required."));
    };
    let device = device::of(&context, &headers);
    let renewed = step_up::step_up(&context.platform, &context.config, &caller, evidence, &device).await?;
    let view = own::AccessToken {
        access_token: renewed.access,
        token_type: "bearer",
        expires_in: renewed.expires_in.as_secs(),
    };
    Ok(json(StatusCode::OK, &view))
}

/// The body of a sign-in that goes on with a second factor.
pub fn required(challenge: challenges::Challenge) -> own::SecondFactorRequired {
    own::SecondFactorRequired {
        second_factor_required: true,
        challenge_token: challenge.token,
        methods: challenge.methods,
        expires_in: challenge.expires_in.as_secs(),
    }
}

/// A factor as it is sent.
pub fn factor(factor: Factor) -> own::Factor {
    own::Factor {
        id: factor.id.to_string(),
        kind: factor.kind.as_str(),
        name: factor.name,
        created_at: factor.created_at.to_string(),
        last_used_at: factor.last_used_at.map(|time| time.to_string()),
    }
}

fn proof(fields: &mut Fields) -> Option<Proof> {
    match proofs(fields) {
        (Some(proof), None) | (None, Some(proof)) => Some(proof),
        _ => None,
    }
}

/// By a code, and by a recovery code.
fn proofs(fields: &mut Fields) -> (Option<Proof>, Option<Proof>) {
    let code = fields.maybe_text("code", 1..=MAX_CODE).map(Secret::new).map(Proof::Code);
    (code, fields.maybe_text("recovery_code", 1..=MAX_CODE).map(Secret::new).map(Proof::RecoveryCode))
}

/// What is shown to step up: exactly one thing.
fn evidence(fields: &mut Fields) -> Option<Evidence> {
    let (code, recovery) = proofs(fields);
    shown(
        fields,
        code,
        recovery,
        "Send one of these: `password`, `code`, `recovery_code`, or `id_token` with its `provider`.",
    )
}

/// What is shown where there is no second factor: exactly one thing.
fn first_factor(fields: &mut Fields) -> Option<Evidence> {
    shown(fields, None, None, "Send one of these: `password`, or `id_token` with its `provider`.")
}

fn shown(fields: &mut Fields, code: Option<Proof>, recovery: Option<Proof>, otherwise: &str) -> Option<Evidence> {
    let password = fields.maybe_text("password", 1..=MAX_CHARACTERS).map(Secret::new);
    let provider = fields.maybe_text("provider", 1..=MAX_PROVIDER_NAME);
    let token = fields.maybe_text("id_token", 1..=id_tokens::MAX_TOKEN).map(Secret::new);
    let nonce = fields.maybe_text("nonce", 1..=MAX_NONCE).map(Secret::new);
    match (password, code, recovery, provider, token) {
        (Some(password), None, None, None, None) => return Some(Evidence::Password(password)),
        (None, Some(proof), None, None, None) | (None, None, Some(proof), None, None) => {
            return Some(Evidence::Factor(proof));
        }
        (None, None, None, Some(provider), Some(token)) => {
            return Some(Evidence::IdToken(provider, id_tokens::Proof { token, nonce }));
        }
        (None, None, None, None, Some(_)) => fields.refuse("provider", "Name the provider of the `id_token`."),
        (None, None, None, Some(_), None) => fields.refuse("id_token", "Send an ID token of the `provider`."),
        _ => fields.refuse("password", otherwise),
    }
    None
}

fn recovery_codes(codes: &[Secret<String>]) -> own::RecoveryCodes {
    own::RecoveryCodes { recovery_codes: codes.iter().map(|code| code.expose().clone()).collect() }
}
