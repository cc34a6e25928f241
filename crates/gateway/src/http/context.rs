//! What a handler knows of its request besides the request itself.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use ports::{Client, Platform};

use super::presence::Presence;
use crate::{Config, Error, service::identity::Identity};

/// The request's surroundings. Clones are cheap.
#[derive(Clone)]
pub struct Context {
    /// The host's ports.
    pub platform: Arc<Platform>,
    /// The settings.
    pub config: Arc<Config>,
    /// The request id.
    pub request_id: Arc<str>,
    /// Who is at the other end.
    pub client: Client,
    /// Whether it still waits for the answer.
    pub presence: Presence,
}

impl<S: Sync> FromRequestParts<S> for Context {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        parts.extensions.get().cloned().ok_or_else(|| Error::internal("a handler ran outside the pipeline"))
    }
}

/// The caller. Only the check in [`super::route`] puts one into a request.
pub type Caller = Identity;

impl<S: Sync> FromRequestParts<S> for Identity {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        parts.extensions.get().copied().ok_or_else(|| Error::internal("a handler wants a caller on a public route"))
    }
}
