//! Files that ship beside the product's code.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetsError(pub String);

impl fmt::Display for AssetsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "assets: {}", self.0)
    }
}

impl std::error::Error for AssetsError {}

/// The files of `crates/gateway/assets/static`. A Wasm host keeps them outside of the script, which has to be small to start fast.
#[async_trait]
pub trait Assets: Send + Sync {
    /// The bytes of a file, exactly as they are in the folder. A name that is none of the folder's fails.
    async fn read(&self, name: &'static str) -> Result<Bytes, AssetsError>;
}
