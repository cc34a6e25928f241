//! The object that owns a run: the engine of the gateway, with the bindings that an object has.

use std::{cell::OnceCell, rc::Rc, sync::Arc};

use gateway::{Body, LocalRuns, run::frames};
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use ports::{Runs as _, RunsError};
use worker::{DurableObject, Env, HttpRequest, Request, State, durable_object};

use super::target::{Target, Verb};
use crate::{
    bindings, isolate,
    probe::Probing,
    tasks::{Lifetime, WorkersTasks},
};

/// One run, while it is running. What stays of it is in the database; the object itself stores nothing.
#[durable_object(alarm)]
pub struct Run {
    state: Rc<State>,
    env: Env,
    runs: OnceCell<Arc<LocalRuns>>,
}

impl DurableObject for Run {
    fn new(state: State, env: Env) -> Self {
        Self { state: Rc::new(state), env, runs: OnceCell::new() }
    }

    async fn fetch(&self, request: Request) -> worker::Result<worker::Response> {
        let response = match self.answer(request.try_into()?).await {
            Ok(body) => Response::new(body),
            Err(RunsError::NotFound) => refusal(StatusCode::NOT_FOUND, "no such run".into()),
            Err(RunsError::Unavailable(why)) => refusal(StatusCode::SERVICE_UNAVAILABLE, why),
        };
        response.try_into()
    }

    /// Being called is all: it keeps the object in memory while its run goes on (see `tasks`).
    async fn alarm(&self) -> worker::Result<worker::Response> {
        worker::Response::empty()
    }
}

impl Run {
    async fn answer(&self, request: HttpRequest) -> Result<Body, RunsError> {
        let Target { key, verb } = Target::parse(request.uri().path())
            .ok_or_else(|| RunsError::Unavailable("the address names no run and what to do with it".into()))?;
        let runs = self.runs().await?;
        let events = match verb {
            Verb::Start => {
                let job = request.into_body().collect().await;
                let job = job.map_err(|_| RunsError::Unavailable("the job broke off".into()))?.to_bytes();
                runs.start(key, job).await?
            }
            Verb::Follow(after) => runs.follow(key, after).await?,
            Verb::CloseIfDead => return runs.close_if_dead(key).await.map(|()| Body::empty()),
            Verb::Stop(point) => return runs.stop(key, point).await.map(|()| Body::empty()),
        };
        Ok(Body::new(Probing::lines(frames::encode(events))))
    }

    async fn runs(&self) -> Result<&Arc<LocalRuns>, RunsError> {
        if let Some(runs) = self.runs.get() {
            return Ok(runs);
        }
        let refused = |_| RunsError::Unavailable("the object cannot serve; the log says why".into());
        let isolate = isolate::get(&self.env).await.map_err(refused)?;
        let tasks = Arc::new(WorkersTasks::new(Lifetime::Object(Rc::clone(&self.state))));
        let parts = bindings::parts(&self.env, isolate, tasks).await.map_err(refused)?;
        // Should another request have made it meanwhile, that one counts: there must be one owner.
        Ok(self.runs.get_or_init(|| LocalRuns::new(Arc::clone(&isolate.config), parts)))
    }
}

fn refusal(status: StatusCode, why: String) -> Response<Body> {
    let mut response = Response::new(Body::from(why));
    *response.status_mut() = status;
    response
}
