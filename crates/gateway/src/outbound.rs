//! Small documents of others over HTTP: bounded in bytes and time, no redirect followed. The replies of models are the run
//! engine's.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, future::Either, pin_mut};
use http::{Request, StatusCode, header, response};
use ports::{HttpClient, Platform, Tasks};

/// The body of a 200. The error is for the log only; it holds no header and no body.
pub async fn get(platform: &Platform, url: &str, most: usize, within: Duration) -> Result<Vec<u8>, String> {
    let request = Request::get(url).header(header::ACCEPT, "application/json").body(Bytes::new());
    let request = request.map_err(|error| error.to_string())?;
    match send(platform, request, most, within).await? {
        (StatusCode::OK, body) => Ok(body),
        (status, _) => Err(format!("status {}", status.as_u16())),
    }
}

/// The status and the body of any answer. The error is for the log only; it holds no header and no body.
pub async fn send(
    platform: &Platform,
    request: Request<Bytes>,
    most: usize,
    within: Duration,
) -> Result<(StatusCode, Vec<u8>), String> {
    let (head, body) = exchange(&*platform.http, &*platform.tasks, request, most, within).await?;
    Ok((head.status, body))
}

/// The same with all of the answer's head, where there is no platform yet.
pub async fn exchange(
    http: &dyn HttpClient,
    tasks: &dyn Tasks,
    request: Request<Bytes>,
    most: usize,
    within: Duration,
) -> Result<(response::Parts, Vec<u8>), String> {
    let read = async {
        let response = http.send(request).await.map_err(|error| error.to_string())?;
        let (head, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| error.to_string())?;
            if bytes.len() + chunk.len() > most {
                return Err(format!("more than {most} bytes"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((head, bytes))
    };
    let late = tasks.sleep(within);
    pin_mut!(read, late);
    match futures_util::future::select(read, late).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err("no answer in time".into()),
    }
}
