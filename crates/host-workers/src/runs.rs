//! Runs in Durable Objects, one object a run: it goes on when the Worker that asked for it, and the client, are gone.

mod object;
mod target;

use async_trait::async_trait;
use bytes::Bytes;
use domain::run::{RunKey, Seq, StopPoint};
use gateway::run::frames;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Collected};
use js_sys::Uint8Array;
use ports::{EventStream, Runs, RunsError};
use worker::{Error, ObjectNamespace, send::SendFuture};

use self::target::{Target, Verb};
use crate::{exchange::exchange, js};

/// The objects of class `Run`.
pub struct DurableRuns(pub ObjectNamespace);

#[async_trait]
impl Runs for DurableRuns {
    async fn start(&self, key: RunKey, job: Bytes) -> Result<EventStream, RunsError> {
        self.events(Target { key, verb: Verb::Start }, job).await
    }

    async fn follow(&self, key: RunKey, after: Seq) -> Result<EventStream, RunsError> {
        self.events(Target { key, verb: Verb::Follow(after) }, Bytes::new()).await
    }

    async fn close_if_dead(&self, key: RunKey) -> Result<(), RunsError> {
        self.call(Target { key, verb: Verb::CloseIfDead }, Bytes::new()).await.map(drop)
    }

    async fn stop(&self, key: RunKey, point: StopPoint) -> Result<(), RunsError> {
        self.call(Target { key, verb: Verb::Stop(point) }, Bytes::new()).await.map(drop)
    }
}

impl DurableRuns {
    async fn events(&self, target: Target, body: Bytes) -> Result<EventStream, RunsError> {
        Ok(frames::decode(self.call(target, body).await?.into_body()))
    }

    /// Asks the run's object. An answer other than 200 is an error.
    async fn call(&self, target: Target, body: Bytes) -> Result<Response<worker::Body>, RunsError> {
        let request = http::Request::builder().method(Method::POST).uri(target.url()).body(body);
        let request = request.map_err(|error| RunsError::Unavailable(error.to_string()))?;
        let name = target.object_name();
        let send = async |request| self.0.get_by_name(&name)?.fetch_with_request(request).await;
        let response = SendFuture::new(async {
            let body = Uint8Array::from(&request.body()[..]);
            exchange(&request, &body, send).await
        });
        let response = response.await.map_err(failed)?;
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::NOT_FOUND => Err(RunsError::NotFound),
            status => {
                let why = response.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
                Err(RunsError::Unavailable(format!("{status}: {}", String::from_utf8_lossy(&why))))
            }
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a mapping for `map_err`")]
fn failed(error: Error) -> RunsError {
    RunsError::Unavailable(js::text(&error))
}
