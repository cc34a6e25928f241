//! `littoral config check`: what is in effect, and with `--live`, whether what the settings name answers.

use std::{fmt::Write as _, num::NonZero, sync::Arc, time::Duration};

use adapters::Hrana;
use gateway::service::provider_check::{self, Finding};
use ports::{Database, DatabaseError, HttpClient, MailService, Statement, Tasks};

use crate::{
    data_dir::DataDir,
    host::unusable,
    http::Reqwest,
    libsql::LibSql,
    settings::RemoteDatabase,
    start::{Settled, StartError},
    tasks::TokioTasks,
};

/// How long a libSQL server may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked of the database: something that its first page must be read for.
const QUESTION: Statement = Statement { sql: "SELECT count(*) FROM sqlite_schema", params: Vec::new() };

/// The settings in effect that a person looks for first, one a line. Shows no secret.
pub fn in_effect(settled: &Settled) -> String {
    let Settled { settings, config, secrets, .. } = settled;
    let mut text = String::from("the settings are valid\n");
    let mut line = |name: &str, value: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<12} {value}");
    };
    line("listens on", settings.listen.to_string());
    line("public URL", config.public_url.clone());
    let folder = settings.data_dir.display();
    line("data", settings.database.as_ref().map_or_else(|| folder.to_string(), |remote| place(&remote.url).to_owned()));
    line("secrets", secrets.path().display().to_string());
    let provider = |provider: &gateway::config::OpenAi| {
        let key = if provider.api_key.is_some() { "with a key" } else { "without a key" };
        format!("{}, {key}", provider.base_url)
    };
    line("provider", config.openai.as_ref().map_or_else(|| "none, the offline model answers".into(), provider));
    if let Some(fallback) = &config.fallback {
        line("fallback", provider(&fallback.provider));
    }
    line("models", config.models.join(", "));
    let none = || "none".to_owned();
    line(
        "budget",
        config.money.budget.map_or_else(none, |budget| format!("{} US dollars a user and month", usd(budget.get()))),
    );
    line("mail", mail(settled));
    line("sign-up", format!("{:?}", config.accounts.sign_up).to_lowercase());
    line("guests", if config.guests.allowed { "allowed" } else { "none" }.to_owned());
    let origins = config.cors_origins.join(", ");
    line("browsers", if origins.is_empty() { "from no other origin".to_owned() } else { format!("from {origins}") });
    text
}

fn mail(Settled { settings, config, .. }: &Settled) -> String {
    if !config.mail.enabled {
        return "off".into();
    }
    let from = &config.mail.from;
    match (&config.mail.api, &settings.smtp) {
        (Some(api), _) => {
            let service = match &api.service {
                MailService::Resend => "Resend",
                MailService::Postmark => "Postmark",
                MailService::Mailgun { .. } => "Mailgun",
            };
            format!("by {service}, from {from}")
        }
        (None, Some(_)) => format!("by SMTP, from {from}"),
        (None, None) => {
            let folder = settings.mail_dir.clone().unwrap_or_else(|| settings.data_dir.join("mail"));
            format!("sent to nobody, kept in {}", folder.display())
        }
    }
}

/// The part of a server's URL that cannot hold a secret.
fn place(url: &str) -> &str {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    url.rsplit_once('@').map_or(url, |(_, host)| host)
}

/// Nano-USD as US dollars.
fn usd(nanos: i64) -> String {
    let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Asks the providers and the database.
pub async fn live(settled: &Settled) -> Result<Vec<Finding>, StartError> {
    let http = Reqwest::new(settled.config.timeouts.connect)
        .map_err(|error| StartError::other("cannot make an HTTP client", &error))?;
    let http: Arc<dyn HttpClient> = Arc::new(http);
    let tasks: Arc<dyn Tasks> = Arc::new(TokioTasks::new(NonZero::<usize>::MIN, 0));
    let mut findings = provider_check::findings(&*http, &*tasks, &settled.config).await;
    findings.push(match &settled.settings.database {
        Some(remote) => server(remote, http, tasks).await,
        None => file(settled).await,
    });
    Ok(findings)
}

async fn server(remote: &RemoteDatabase, http: Arc<dyn HttpClient>, tasks: Arc<dyn Tasks>) -> Finding {
    let name = format!("database at {}", place(&remote.url));
    match Hrana::new(&remote.url, remote.token.clone(), http, tasks, PATIENCE) {
        Ok(database) => answers(&name, true, database.run(QUESTION).await.map(drop)),
        Err(error) => Finding::bad(format!("{name}: {error}. Check LITTORAL_DATABASE_URL and LITTORAL_DATABASE_TOKEN")),
    }
}

async fn file(Settled { settings, .. }: &Settled) -> Finding {
    let path = settings.data_dir.join("littoral.db");
    let name = format!("database {}", path.display());
    if !path.exists() {
        return Finding::good(format!("{name}: not there yet, the first start makes it"));
    }
    let folder = match DataDir::open(&settings.data_dir) {
        Ok(folder) => folder,
        Err(error) if error.is_in_use => {
            return Finding::good(format!("{name}: a littoral that is running has it open"));
        }
        Err(error) => return Finding::bad(format!("{name}: {error}")),
    };
    let asked = match LibSql::open(&folder) {
        Ok(database) => database.run(QUESTION).await.map(drop),
        Err(error) => Err(error),
    };
    answers(&name, false, asked)
}

fn answers(name: &str, is_remote: bool, asked: Result<(), DatabaseError>) -> Finding {
    match asked {
        Ok(()) => Finding::good(format!("{name}: answers")),
        Err(error) => Finding::bad(unusable(name, is_remote, &error).to_string()),
    }
}

#[cfg(test)]
mod tests;
