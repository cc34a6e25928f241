//! Which provider answers, and what its failures mean to the caller.

use domain::Timestamp;
use ports::{HttpError, HttpErrorKind};
use providers::{Offline, OpenAi, Provider, ProviderError, ProviderErrorKind as Kind};

use super::payload::Fault;
use crate::{Config, config::OFFLINE_MODEL};

/// The provider of a model.
pub fn of(config: &Config, model: &str) -> Box<dyn Provider> {
    match &config.openai {
        Some(openai) if model != OFFLINE_MODEL => {
            Box::new(OpenAi { base_url: openai.base_url.clone(), api_key: openai.api_key.clone() })
        }
        _ => Box::new(Offline { pause: config.offline_pause }),
    }
}

/// A failure of an attempt, and whether another attempt may help.
#[derive(Debug)]
pub struct Failure {
    /// For the client.
    pub fault: Fault,
    /// Whether the provider refused in a way that may pass, before it began to answer.
    pub retryable: bool,
    /// For the log.
    pub cause: String,
}

/// What the protocol made of it.
pub fn failed(error: &ProviderError, now: Timestamp) -> Failure {
    let (status, code) = match error.kind {
        Kind::RateLimited => (429, "provider_rate_limited"),
        Kind::Quota => (429, "provider_quota_exceeded"),
        // What a broken proxy answers (an HTML 502, say) is a bad gateway; only who says "later" is unavailable.
        Kind::Overloaded if error.status.is_some_and(|status| !matches!(status, 409 | 503 | 529)) => {
            (502, "provider_unavailable")
        }
        Kind::Overloaded => (503, "provider_unavailable"),
        Kind::Timeout => (504, "provider_timeout"),
        Kind::Rejected => (400, "provider_rejected"),
        Kind::Unauthorized => (502, "provider_unauthorized"),
        Kind::Malformed => (502, "provider_malformed"),
        Kind::Incomplete => (502, "provider_incomplete"),
        Kind::Reported => (502, "provider_error"),
    };
    // Only a refusal by status is known to have cost nothing. A reply that began may have been paid for.
    let retryable = error.retryable() && error.status.is_some_and(|status| status >= 300);
    Failure {
        fault: Fault::new(status, code, error.detail).after(error.retry_after.map(|wait| wait.wait(now))),
        retryable,
        cause: format!("{error}: {}", error.source.as_deref().unwrap_or_default()),
    }
}

/// What the connection made of it. Only a request that did not arrive may be repeated.
pub fn broken(error: &HttpError, began: bool) -> Failure {
    let fault = match error.kind {
        HttpErrorKind::Connect => {
            Fault::new(503, "provider_unreachable", "The model's provider cannot be reached. Try again in a moment.")
        }
        HttpErrorKind::Denied => {
            Fault::new(502, "provider_denied", "This server may not call the configured provider.")
        }
        HttpErrorKind::Reset | HttpErrorKind::Other => Fault::new(
            502,
            "provider_incomplete",
            "The connection to the model's provider broke before the reply was finished.",
        ),
    };
    Failure { fault, retryable: error.kind == HttpErrorKind::Connect && !began, cause: error.to_string() }
}
