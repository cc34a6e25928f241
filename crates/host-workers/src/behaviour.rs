//! For tests alone: a route that runs a behaviour suite on what this Worker really has, and answers with its report; and a store
//! that fails where the name of a run's model asks for it.

use std::sync::Arc;

use gateway::Body;
use http::{Request, Response, StatusCode};
use ports::{Database, Platform, Tasks};
use testkit::FaultyRenewals;
pub use testkit::behaviour::route::PATH;
use testkit::behaviour::route::answer;

use crate::clock::JsClock;

/// The store of chats, which fails for runs that ask for it.
pub fn faulty(database: Arc<dyn Database>, tasks: &Arc<dyn Tasks>) -> Arc<dyn Database> {
    Arc::new(FaultyRenewals::new(database, Arc::new(JsClock), Arc::clone(tasks)))
}

/// Runs the suite that the request names.
pub async fn run(platform: &Platform, request: &Request<Body>) -> Response<Body> {
    let (status, text) = match answer(platform, request.uri().query().unwrap_or_default()).await {
        Ok(report) => (StatusCode::OK, report.to_json().to_string()),
        Err(expected) => (StatusCode::BAD_REQUEST, expected.to_owned()),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}
