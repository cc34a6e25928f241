//! A route for tests alone: runs a behaviour suite on what this Worker really has, and answers with its report.

use gateway::Body;
use http::{Request, Response, StatusCode};
use ports::Platform;
pub use testkit::behaviour::route::PATH;
use testkit::behaviour::route::answer;

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
