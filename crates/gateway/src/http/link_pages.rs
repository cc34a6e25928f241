//! The pages that links in letters lead to, unless an app has its own (`LITTORAL_APP_URL`): one document, whose script does what its
//! path says. Fetching a page changes nothing, because mail scanners do; the script calls the API when a button is pressed.

use std::sync::LazyLock;

use axum::{body::Body, response::Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, header};
use sha2::{Digest as _, Sha256};

use super::context::Context;
use crate::{
    error::{Error, Result},
    service::letters,
};

const PAGE: &str = include_str!("../../assets/link-pages.html");

/// The page's own style and script, calls to where it is from, and nothing else.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
        hash("<script>", "</script>"),
        hash("<style>", "</style>"),
    )
});

/// What a policy calls the text between two tags of the page.
fn hash(open: &str, close: &str) -> String {
    let text = PAGE.split_once(open).and_then(|(_, rest)| rest.split_once(close)).map_or("", |(text, _)| text);
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// `GET /verify-email`, `/confirm-email`, `/reset-password`, `/restore-email`, `/remove-second-factor`
pub async fn page(context: Context) -> Result<Response> {
    let page = letters::fill(PAGE, &[("app", context.config.mail.app_name.clone())], letters::push_escaped);
    let mut response = Response::new(Body::from(page));
    let policy = HeaderValue::from_str(&POLICY).map_err(Error::internal)?;
    for (name, value) in [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CONTENT_SECURITY_POLICY, policy),
    ] {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes;

    #[test]
    fn the_page_calls_operations_that_there_are_and_loads_nothing() {
        let called: Vec<_> =
            PAGE.match_indices("'api/").map(|(at, _)| PAGE[at + 1..].split('\'').next().unwrap()).collect();
        assert_eq!(called.len(), 8, "{called:?}");
        for path in called {
            let known = routes().iter().any(|route| route.method == http::Method::POST && route.path[1..] == *path);
            assert!(known, "{path}");
        }
        for outside in ["http:", "https:", "src=", "//cdn", "innerHTML", " style=", " onclick"] {
            assert!(!PAGE.contains(outside), "{outside}");
        }
        assert_eq!((PAGE.matches("<script").count(), PAGE.matches("<style").count()), (1, 1));
        assert!(!POLICY.contains("unsafe") && !POLICY.contains("http"), "{}", *POLICY);
    }

    #[test]
    fn the_script_knows_every_page_that_is_served_and_letters_link_to_no_other() {
        let letters = include_str!("../service/letters.rs");
        let linked: Vec<_> =
            letters.match_indices("linked(\"").map(|(at, _)| letters[at + 8..].split('"').next().unwrap()).collect();
        assert_eq!(linked.len(), 5);
        for name in linked {
            assert!(PAGE.contains(&format!("'{name}': {{")), "{name}");
            assert!(routes().iter().any(|route| route.path[1..] == *name), "{name}");
        }
    }
}
