//! A route for tests alone: runs a behaviour suite on what this Worker really has, and answers with its report.

use std::sync::Arc;

use gateway::Body;
use http::{HeaderValue, Request, Response, StatusCode, header};
use ports::Platform;
use testkit::behaviour;

/// `GET /__behaviour?suite=NAME`, and `&upstream=URL` of the scripted upstream for `http_client`.
pub const PATH: &str = "/__behaviour";

/// Runs the suite that the request names.
pub async fn run(platform: &Platform, request: &Request<Body>) -> Response<Body> {
    let parameter = |wanted: &str| {
        let query = request.uri().query().unwrap_or_default().as_bytes();
        form_urlencoded::parse(query).find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
    };
    let report = match parameter("suite").unwrap_or_default().as_str() {
        "database" => behaviour::database(platform.accounts.as_ref()).await,
        "key_value" => behaviour::key_value(platform.keys.as_ref()).await,
        "rate_limiter" => behaviour::rate_limiter(platform.limiter.as_ref(), platform.clock.now()).await,
        "http_client" => match parameter("upstream") {
            Some(upstream) => behaviour::http_client(platform.http.as_ref(), &upstream).await,
            None => return answer(StatusCode::BAD_REQUEST, "upstream: expected the URL of the scripted upstream"),
        },
        "tasks" => behaviour::tasks(Arc::clone(&platform.tasks), platform.clock.as_ref()).await,
        "clock" => behaviour::clock(platform.clock.as_ref()),
        "entropy" => behaviour::entropy(platform.entropy.as_ref()),
        _ => {
            let known = "suite: expected database, key_value, rate_limiter, http_client, tasks, clock or entropy";
            return answer(StatusCode::BAD_REQUEST, known);
        }
    };
    let mut response = answer(StatusCode::OK, &report.to_json().to_string());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn answer(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = status;
    response
}
