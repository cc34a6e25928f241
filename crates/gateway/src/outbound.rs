//! Small documents of others over HTTP: bounded in bytes and time, no redirect followed. The replies of models are the run
//! engine's.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, future::Either, pin_mut};
use http::{Request, StatusCode, header};
use ports::Platform;

/// The body of a 200. The error is for the log only; it holds no header and no body.
pub async fn get(platform: &Platform, url: &str, most: usize, within: Duration) -> Result<Vec<u8>, String> {
    let request = Request::get(url).header(header::ACCEPT, "application/json").body(Bytes::new());
    let request = request.map_err(|error| error.to_string())?;
    let read = async {
        let response = platform.http.send(request).await.map_err(|error| error.to_string())?;
        if response.status() != StatusCode::OK {
            return Err(format!("status {}", response.status().as_u16()));
        }
        let (mut body, mut bytes) = (response.into_body(), Vec::new());
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| error.to_string())?;
            if bytes.len() + chunk.len() > most {
                return Err(format!("more than {most} bytes"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    let late = platform.tasks.sleep(within);
    pin_mut!(read, late);
    match futures_util::future::select(read, late).await {
        Either::Left((bytes, _)) => bytes,
        Either::Right(_) => Err("no answer in time".into()),
    }
}
