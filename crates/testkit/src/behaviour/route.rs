//! What a host's test-only route answers: the suite that the query names, run on the host's own platform.

use std::sync::Arc;

use ports::Platform;

use super::{Report, clock, database, entropy, http_client, key_value, mailer, rate_limiter, tasks};

/// The path of the route: `GET /__behaviour?suite=NAME`, and `&upstream=URL` of the scripted upstream for `http_client`.
pub const PATH: &str = "/__behaviour";

/// The value of a parameter. Values are taken as they stand: no name of a suite and no address needs an escape.
pub fn parameter<'a>(query: &'a str, wanted: &str) -> Option<&'a str> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

/// Runs the suite that `query` names; otherwise what it should have named.
pub async fn answer(platform: &Platform, query: &str) -> Result<Report, &'static str> {
    Ok(match parameter(query, "suite").unwrap_or_default() {
        "database" => database(platform.accounts.as_ref()).await,
        "key_value" => key_value(platform.keys.as_ref()).await,
        "rate_limiter" => rate_limiter(platform.limiter.as_ref(), platform.clock.now()).await,
        "http_client" => {
            let upstream = parameter(query, "upstream").ok_or("upstream: expected the URL of the scripted upstream")?;
            http_client(platform.http.as_ref(), upstream).await
        }
        "mailer" => mailer(platform.mail.as_ref(), "behaviour@example.com").await,
        "tasks" => tasks(Arc::clone(&platform.tasks), platform.clock.as_ref()).await,
        "clock" => clock(platform.clock.as_ref()),
        "entropy" => entropy(platform.entropy.as_ref()),
        _ => {
            return Err(
                "suite: expected database, key_value, rate_limiter, http_client, mailer, tasks, clock or entropy",
            );
        }
    })
}
