//! The settings that the hosts are tested with.

#[path = "../../tests/src/settings.rs"]
mod table;

/// Name and value of each, for a server at `url` whose provider is the scripted upstream at `upstream`. The suite's own
/// table, so that a host in another process and the one in the suite's are alike.
pub fn for_tests(url: &str, upstream: &str) -> Vec<(&'static str, String)> {
    let mut settings: Vec<_> = table::SETTINGS.iter().map(|&(name, value)| (name, value.to_owned())).collect();
    settings.push(("LITTORAL_PUBLIC_URL", url.to_owned()));
    settings.push(("LITTORAL_OPENAI_BASE_URL", format!("{upstream}/v1")));
    settings.push(("LITTORAL_MAIL_API_URL", format!("{upstream}/play/mail")));
    settings.push(("LITTORAL_FALLBACK_BASE_URL", format!("{upstream}/fallback/v1")));
    settings.push(("LITTORAL_OIDC_PROVIDERS", table::oidc_providers(upstream)));
    settings
}
