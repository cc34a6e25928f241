//! Whether the configured providers answer and have the models that may be asked for: for who sets a server up.

use std::time::Duration;

use ports::{HttpClient, Tasks};
use providers::{OpenAi, ProviderError, ProviderErrorKind as Kind};

use crate::{
    Config,
    config::{self, OFFLINE_MODEL, names},
    outbound,
};

/// How long a provider may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest list of models, in bytes.
const MAX_BYTES: usize = 8 << 20;
/// How many names of a list are shown.
const SHOWN: usize = 5;

/// What was found out about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether it works.
    pub works: bool,
    /// What works, or what is wrong and what to do about it, in one line. Holds no secret.
    pub text: String,
}

impl Finding {
    /// It works.
    pub fn good(text: impl Into<String>) -> Self {
        Self { works: true, text: text.into() }
    }

    /// It does not.
    pub fn bad(text: impl Into<String>) -> Self {
        Self { works: false, text: text.into() }
    }
}

/// Asks each provider for the list of its models.
pub async fn findings(http: &dyn HttpClient, tasks: &dyn Tasks, config: &Config) -> Vec<Finding> {
    let Some(first) = &config.openai else {
        return vec![Finding::good(format!("provider: none is set, so that only {OFFLINE_MODEL} answers"))];
    };
    let allowed =
        || config.models.iter().map(String::as_str).filter(|name| !name.ends_with('*') && *name != OFFLINE_MODEL);
    let mut findings = ask(http, tasks, &FIRST, first, &allowed().collect::<Vec<_>>()).await;
    if let Some(second) = &config.fallback {
        let models = second.model.as_deref().map_or_else(|| allowed().collect(), |model| vec![model]);
        findings.extend(ask(http, tasks, &SECOND, &second.provider, &models).await);
    }
    findings
}

/// What a provider is called, and its settings.
struct Names {
    provider: &'static str,
    url: &'static str,
    key: &'static str,
    models: &'static str,
}

const FIRST: Names = Names {
    provider: "provider",
    url: "LITTORAL_OPENAI_BASE_URL",
    key: "LITTORAL_OPENAI_API_KEY",
    models: "LITTORAL_MODEL or LITTORAL_MODELS",
};
const SECOND: Names = Names {
    provider: "fallback provider",
    url: "LITTORAL_FALLBACK_BASE_URL",
    key: "LITTORAL_FALLBACK_API_KEY",
    models: "LITTORAL_FALLBACK_MODEL",
};

async fn ask(
    http: &dyn HttpClient,
    tasks: &dyn Tasks,
    names: &Names,
    settings: &config::OpenAi,
    models: &[&str],
) -> Vec<Finding> {
    let url = &settings.base_url;
    let who = format!("{} at {url}", names.provider);
    match list(http, tasks, url, settings).await {
        Ok(offered) => {
            let answers = Finding::good(format!("{who}: answers, and lists {} models", offered.len()));
            let lacking = models.iter().filter(|model| !offered.iter().any(|name| name == *model));
            let lacking = lacking.map(|model| Finding::bad(format!("{who}: {}", lacks(model, &offered, names.models))));
            std::iter::once(answers).chain(lacking).collect()
        }
        Err(problem) => vec![Finding::bad(match problem {
            Problem::NoAnswer(why) => format!("{who}: {why}. Check {}, and that this machine reaches it", names.url),
            Problem::Refused(error) if error.kind == Kind::Unauthorized => {
                let given = if settings.api_key.is_some() { "does not accept the key" } else { "wants a key" };
                format!("{who}: {given}{}. Check {}", status(&error), names.key)
            }
            Problem::Refused(error) if matches!(error.kind, Kind::NotFound | Kind::Malformed) => {
                let versioned = format!("{url}/v1");
                // Whatever answers there, were it a refusal of the key, is what was meant.
                let is_there = match list(http, tasks, &versioned, settings).await {
                    Ok(_) => true,
                    Err(Problem::Refused(error)) => error.kind == Kind::Unauthorized,
                    Err(Problem::NoAnswer(_)) => false,
                };
                let advice = if is_there {
                    format!("Set {} to {versioned}", names.url)
                } else {
                    format!(
                        "Check {}: it includes the version, like https://api.openai.com/v1. (A provider without a list of models can only be tried by a message)",
                        names.url
                    )
                };
                format!("{who}: there is no list of models at {url}/models{}. {advice}", status(&error))
            }
            Problem::Refused(error) => format!("{who}: {}{}", error.detail, status(&error)),
        })],
    }
}

/// The list was not to be had.
enum Problem {
    NoAnswer(String),
    Refused(ProviderError),
}

async fn list(
    http: &dyn HttpClient,
    tasks: &dyn Tasks,
    base_url: &str,
    settings: &config::OpenAi,
) -> Result<Vec<String>, Problem> {
    let provider = OpenAi { base_url: base_url.to_owned(), api_key: settings.api_key.clone() };
    let request = provider.models_request().map_err(Problem::Refused)?;
    let exchange = outbound::exchange(http, tasks, request, MAX_BYTES, PATIENCE);
    let (head, body) = exchange.await.map_err(Problem::NoAnswer)?;
    provider.models(&head, &body).map_err(Problem::Refused)
}

fn lacks(model: &str, offered: &[String], setting: &str) -> String {
    let names = || offered.iter().map(String::as_str);
    let instead = match names::nearest(model, names()) {
        Some(near) => format!("did you mean {near}?"),
        None if offered.is_empty() => "it lists none".to_owned(),
        None => {
            let more = if offered.len() > SHOWN { ", …" } else { "" };
            format!("it has {}{more}", names().take(SHOWN).collect::<Vec<_>>().join(", "))
        }
    };
    format!("its list has no model {model}; {instead} Check {setting}")
}

fn status(error: &ProviderError) -> String {
    error.status.map_or_else(String::new, |status| format!(" (status {status})"))
}
