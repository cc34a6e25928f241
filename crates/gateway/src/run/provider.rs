//! Which providers may answer, and what their failures mean to the caller.

use std::time::Duration;

use domain::{Timestamp, chat::Turn};
use ports::{HttpError, HttpErrorKind};
use providers::{Offline, OpenAi, Provider, ProviderError, ProviderErrorKind as Kind};

use super::payload::Fault;
use crate::{
    Config,
    config::{self, OFFLINE_MODEL},
};

/// A way to a reply.
pub struct Route {
    /// Which one, for the log.
    pub name: &'static str,
    /// The model to ask for.
    pub model: String,
    /// Who is asked.
    pub provider: Box<dyn Provider>,
}

/// The ways to a reply of a model, in the order in which they are tried. With a budget, a second provider whose model has
/// no price is left out: nothing could be reserved for it.
pub fn routes(config: &Config, model: &str, at: Timestamp) -> Vec<Route> {
    let Some(first) = config.openai.as_ref().filter(|_| model != OFFLINE_MODEL) else {
        let provider = Box::new(Offline { pause: config.offline_pause });
        return vec![Route { name: "offline", model: model.to_owned(), provider }];
    };
    let open = |name, settings: &config::OpenAi, model: &str| Route {
        name,
        model: model.to_owned(),
        provider: Box::new(OpenAi { base_url: settings.base_url.clone(), api_key: settings.api_key.clone() }),
    };
    let fallback = config
        .fallback
        .as_ref()
        .map(|fallback| open("fallback", &fallback.provider, fallback.model.as_deref().unwrap_or(model)));
    let affordable = |route: &Route| config.money.budget.is_none() || config.money.rates(&route.model, at).is_some();
    [open("primary", first, model)].into_iter().chain(fallback.filter(affordable)).collect()
}

/// The longest wait of a provider's that is passed on.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// What to do about a 404 that is not about the model.
const WRONG_URL: &str = "The model's provider has nothing at this address. This server's operator must check \
    LITTORAL_OPENAI_BASE_URL (of a second provider: LITTORAL_FALLBACK_BASE_URL): it includes the version, like https://api.openai.com/v1.";
/// What to do where the host refuses to call the provider.
const ALLOW: &str = "allow this host to call the provider: on Spin, set the variable littoral_outbound_host (of a second provider: \
    littoral_fallback_host) to its scheme and host, like https://api.openai.com";

/// A failure of an attempt, and what may help.
#[derive(Debug)]
pub struct Failure {
    /// For the client.
    pub fault: Fault,
    /// Whether the provider refused in a way that may pass, before it began to answer.
    pub retryable: bool,
    /// Whether the provider is known not to have taken the request, so that it cost nothing.
    pub refused: bool,
    /// Whether, being refused, the request may be taken by another provider.
    pub elsewhere: bool,
    /// For the log.
    pub cause: String,
}

impl Failure {
    /// The failure of a request that was never sent.
    #[must_use]
    pub fn unsent(self) -> Self {
        Self { refused: true, elsewhere: true, ..self }
    }
}

/// The failure of a run whose owner went away, or is about to.
pub fn interrupted() -> Failure {
    Failure {
        fault: Fault::new(503, "interrupted", "The server that wrote this reply went away. What had arrived is kept."),
        retryable: false,
        refused: false,
        elsewhere: false,
        cause: "the process ends".to_owned(),
    }
}

/// The fewest bytes of a message that count as its repetition.
const QUOTED: usize = 12;

/// Whether a text repeats a part of what was said in a conversation.
fn repeats(text: &str, turns: &[Turn]) -> bool {
    let quotes = |said: &str| {
        let long =
            text.as_bytes().windows(QUOTED).any(|part| said.as_bytes().windows(QUOTED).any(|other| other == part));
        long || (!said.trim().is_empty() && said.len() < QUOTED && text.contains(said.trim()))
    };
    turns.iter().any(|turn| quotes(&turn.content))
}

/// What the protocol made of it. `turns` is what was sent; none of it reaches the log.
pub fn failed(error: &ProviderError, turns: &[Turn], now: Timestamp) -> Failure {
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
        Kind::NotFound => (502, "provider_not_found"),
        Kind::Unauthorized => (502, "provider_unauthorized"),
        Kind::Malformed => (502, "provider_malformed"),
        Kind::Incomplete => (502, "provider_incomplete"),
        Kind::Reported => (502, "provider_error"),
    };
    // Only a refusal by status is known to have cost nothing. A reply that began may have been paid for.
    let refused = error.status.is_some_and(|status| status >= 300);
    // What is wrong with the request itself, another provider would refuse too.
    let ours = matches!(error.kind, Kind::Rejected | Kind::Malformed | Kind::Incomplete | Kind::Reported);
    let mut cause = format!("{error}: {}", error.source.as_deref().unwrap_or_default());
    if let Some(prose) = error.prose.as_deref().filter(|prose| !repeats(prose, turns)) {
        cause = format!("{cause}; it says: {prose}");
    }
    let detail = if error.kind == Kind::NotFound { WRONG_URL } else { error.detail };
    Failure {
        fault: Fault::new(status, code, detail).after(error.retry_after.map(|wait| wait.wait(now).min(LONGEST_WAIT))),
        retryable: refused && error.retryable(),
        refused,
        elsewhere: refused && !ours,
        cause,
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
    let refused = !began && matches!(error.kind, HttpErrorKind::Connect | HttpErrorKind::Denied);
    Failure {
        fault,
        retryable: error.kind == HttpErrorKind::Connect && !began,
        refused,
        elsewhere: refused,
        cause: if error.kind == HttpErrorKind::Denied { format!("{error}; {ALLOW}") } else { error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use domain::chat::Role;

    use super::*;

    #[test]
    fn a_wrong_url_is_named_and_its_prose_logged_unless_it_repeats_what_was_said() {
        let turns = |said: &str| [Turn { role: Role::User, content: said.to_owned() }];
        let error = ProviderError {
            prose: Some("Invalid URL (POST /chat/completions)".into()),
            ..ProviderError::new(Kind::NotFound)
        };
        let now = Timestamp::from_millis(0);
        let failure = failed(&error, &turns("Hello"), now);
        assert!(failure.fault.detail.contains("LITTORAL_OPENAI_BASE_URL"));
        assert!(failure.cause.ends_with("it says: Invalid URL (POST /chat/completions)"), "{}", failure.cause);
        for said in ["my secret is (POST /chat/comp", "Invalid", " URL "] {
            assert!(!failed(&error, &turns(said), now).cause.contains("it says"), "{said}");
        }
    }

    #[test]
    fn a_call_that_the_host_denies_names_spins_variable() {
        let failure = broken(&HttpError::new(HttpErrorKind::Denied, "no"), false);
        assert!(failure.cause.contains("littoral_outbound_host"), "{}", failure.cause);
    }
}
