//! The list of a provider's models: asked for by who sets a server up, never for a reply.

use bytes::Bytes;
use http::{Request, StatusCode, header::ACCEPT, response};
use serde_json::Value;

use super::{OpenAi, failure};
use crate::{ProviderError, ProviderErrorKind};

impl OpenAi {
    /// Asks for the list.
    pub fn models_request(&self) -> Result<Request<Bytes>, ProviderError> {
        let request = Request::get(format!("{}/models", self.base_url.trim_end_matches('/')));
        self.authorized(request.header(ACCEPT, "application/json"), Bytes::new())
    }

    /// The names in its answer.
    pub fn models(&self, head: &response::Parts, body: &[u8]) -> Result<Vec<String>, ProviderError> {
        if !head.status.is_success() {
            let refusal = failure::refusal(head, body, self.api_key.as_ref());
            // No model was asked for, though the words of a 404 may hold "models", which is in its path.
            let kind = if head.status == StatusCode::NOT_FOUND { ProviderErrorKind::NotFound } else { refusal.kind };
            return Err(ProviderError { kind, ..refusal });
        }
        let value = serde_json::from_slice::<Value>(body).unwrap_or_default();
        // Some answer with the bare list.
        let list = value.get("data").unwrap_or(&value).as_array();
        let list = list.ok_or_else(|| failure::malformed().because("the body is no list of models"))?;
        // Google's names begin with the kind, and need not in requests.
        let name = |id: &str| id.strip_prefix("models/").unwrap_or(id).to_owned();
        Ok(list.iter().filter_map(|model| model["id"].as_str()).map(name).collect())
    }
}
