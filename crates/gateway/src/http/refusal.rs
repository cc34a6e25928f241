//! The answer of a host that cannot make its platform: the same envelope, without a gateway to ask.

use axum::response::Response;
use domain::Timestamp;
use http::HeaderValue;
use ports::Entropy;

use super::{pipeline, problem, request_id};
use crate::error::{Error, ErrorKind};

/// Why a host cannot serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The settings or bindings are not valid. Stays so until the host starts anew.
    Settings,
    /// The database cannot be brought up to date. The next request tries again.
    Database,
}

impl Refusal {
    /// A 503 that says what is wrong, but no value and no name: those are in the log.
    pub fn response(self, now: Timestamp, entropy: &dyn Entropy) -> Response {
        let (code, detail) = match self {
            Self::Settings => (
                "settings_invalid",
                "The settings of this server are not valid. Its log lists what is wrong and what is expected.",
            ),
            Self::Database => (
                "database_not_ready",
                "The database of this server could not be prepared. Try again in a moment; its log says why.",
            ),
        };
        let id = request_id::make(now, entropy);
        let error = Error::new(ErrorKind::Unavailable, code, detail);
        let mut response = problem::render(&error, &id, Response::default());
        pipeline::secure(response.headers_mut());
        if let Ok(id) = HeaderValue::try_from(id) {
            response.headers_mut().insert(request_id::HEADER, id);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    #[test]
    fn a_refusal_is_a_503_in_the_envelope() {
        let response = Refusal::Settings.response(Timestamp::from_millis(1), &Zeros);
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["retry-after"], "1");
        assert!(response.headers().contains_key("x-request-id"));
    }
}
