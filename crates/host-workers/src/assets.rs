//! Workers static assets: uploaded beside the script, read through a binding. They are never served directly.

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use ports::{Assets, AssetsError};
use worker::{Fetcher, send::SendFuture};

use crate::js;

/// The binding `ASSETS`.
pub struct StaticAssets(pub Fetcher);

#[async_trait]
impl Assets for StaticAssets {
    async fn read(&self, name: &'static str) -> Result<Bytes, AssetsError> {
        let failed = |error: &worker::Error| AssetsError(format!("{name}: {}", js::text(error)));
        SendFuture::new(async {
            // The host of the address does not matter; the path is looked up.
            let response =
                self.0.fetch(format!("https://assets.invalid/{name}"), None).await.map_err(|error| failed(&error))?;
            if response.status() != 200 {
                return Err(AssetsError(format!("{name}: {}; is it in the folder of [assets]?", response.status())));
            }
            let body = response.into_body().collect().await.map_err(|error| failed(&error))?;
            Ok(body.to_bytes())
        })
        .await
    }
}
