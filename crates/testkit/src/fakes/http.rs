//! An HTTP client without a network: answers that the test queued.

use std::{
    collections::VecDeque,
    future,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use ports::{Body, HttpClient, HttpError, HttpErrorKind};

enum Answer {
    Response(Response<Vec<Result<Bytes, HttpError>>>),
    Error(HttpError),
    Silence,
}

#[derive(Default)]
struct State {
    answers: VecDeque<Answer>,
    requests: Vec<Request<Bytes>>,
}

/// Gives the queued answers in order and keeps the requests.
#[derive(Default)]
pub struct FakeHttp(Mutex<State>);

impl FakeHttp {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Queues a response; its body arrives in these chunks, and an `Err` ends it.
    pub fn answer(&self, response: Response<Vec<Result<Bytes, HttpError>>>) {
        self.with(|state| state.answers.push_back(Answer::Response(response)));
    }

    /// Queues an exchange that fails before the response's head.
    pub fn fail(&self, error: HttpError) {
        self.with(|state| state.answers.push_back(Answer::Error(error)));
    }

    /// Queues an exchange that never gets an answer.
    pub fn stay_silent(&self) {
        self.with(|state| state.answers.push_back(Answer::Silence));
    }

    /// Every request so far, oldest first.
    pub fn requests(&self) -> Vec<Request<Bytes>> {
        self.with(|state| state.requests.clone())
    }
}

#[async_trait]
impl HttpClient for FakeHttp {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, HttpError> {
        let answer = self.with(|state| {
            state.requests.push(request);
            state.answers.pop_front()
        });
        match answer {
            Some(Answer::Response(response)) => Ok(response.map(|chunks| Box::pin(stream::iter(chunks)) as Body)),
            Some(Answer::Error(error)) => Err(error),
            Some(Answer::Silence) => future::pending().await,
            None => Err(HttpError::new(HttpErrorKind::Other, "no answer is queued: call FakeHttp::answer first")),
        }
    }
}
