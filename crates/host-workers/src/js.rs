//! What JavaScript said when something failed: its message, without the stack that `Display` would add.

use wasm_bindgen::{JsCast as _, JsValue};
use worker::{Error, KvError};

/// An error's message, for the log.
pub fn text(error: &Error) -> String {
    match error {
        Error::D1(error) => {
            let error: &js_sys::Error = error.as_ref();
            // The cause is SQLite's own text; the message wraps it.
            error
                .cause()
                .dyn_into::<js_sys::Error>()
                .map_or_else(|_| error.message().into(), |cause| cause.message().into())
        }
        Error::Internal(value) => message(value),
        Error::KvError(error) => kv(error),
        Error::UnknownJsError { message, .. } => message.clone(),
        other => other.to_string(),
    }
}

/// The message of an error of Workers KV.
pub fn kv(error: &KvError) -> String {
    match error {
        KvError::JavaScript(value) => message(value),
        other => other.to_string(),
    }
}

fn message(value: &JsValue) -> String {
    let error = value.dyn_ref::<js_sys::Error>().map(|error| error.message().into());
    error.or_else(|| value.as_string()).unwrap_or_else(|| "an unknown JavaScript error".into())
}
