//! Cloudflare Turnstile's `siteverify`: one form, one JSON answer. Who has to bring a token is no matter of this module.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use domain::Secret;
use http::{Request, header};
use ports::Platform;
use serde::Deserialize;

use crate::{config::Captcha, outbound};

/// How long the service may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is read of its answer.
const MAX_BYTES: usize = 64 * 1024;

#[derive(Deserialize)]
struct Answer {
    success: bool,
}

/// Whether the service vouches for a token. An error says, for the log, why it could not be asked.
pub async fn verify(
    platform: &Platform,
    captcha: &Captcha,
    token: &Secret<String>,
    address: Option<IpAddr>,
) -> Result<bool, String> {
    let request = Request::post(&captcha.url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .body(Bytes::from(form(captcha, token, address)))
        .map_err(|_| "LITTORAL_TURNSTILE_URL is no URL that can be called".to_owned())?;
    let answer = outbound::send(platform, request, MAX_BYTES, PATIENCE).await;
    let (status, body) = answer.map_err(|error| format!("the captcha service: {error}"))?;
    // A refusal comes with 200 or 400 and the same form.
    let answer = serde_json::from_slice::<Answer>(&body);
    answer
        .map(|answer| answer.success && status.is_success())
        .map_err(|_| format!("the captcha service answered {status}"))
}

fn form(captcha: &Captcha, token: &Secret<String>, address: Option<IpAddr>) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("secret", captcha.secret.expose()).append_pair("response", token.expose());
    if let Some(address) = address {
        form.append_pair("remoteip", &address.to_string());
    }
    form.finish()
}
