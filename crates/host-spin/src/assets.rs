//! Files that the manifest mounts.

use async_trait::async_trait;
use bytes::Bytes;
use ports::{Assets, AssetsError};

/// Where `files` of `spin.toml` puts them.
const FOLDER: &str = "/assets";

/// The mounted folder.
pub struct MountedAssets;

#[async_trait]
impl Assets for MountedAssets {
    async fn read(&self, name: &'static str) -> Result<Bytes, AssetsError> {
        let read = std::fs::read(format!("{FOLDER}/{name}"));
        read.map(Bytes::from)
            .map_err(|error| AssetsError(format!("{name}: {error}; is it under `files` in spin.toml?")))
    }
}
