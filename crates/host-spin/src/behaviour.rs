//! For tests alone: a route that runs a behaviour suite on what this component really has, and answers with its report; and a
//! store that fails where the name of a run's model asks for it.

use std::sync::Arc;

use gateway::Body;
use http::{Request, Response, StatusCode};
use ports::{Clock, Database, Tasks};
pub use testkit::behaviour::route::PATH;
use testkit::{
    FaultyRenewals, FixedClock,
    behaviour::{
        key_value_expiry, key_value_sweep,
        route::{answer, parameter},
    },
};

use crate::{
    instance::{Instance, swept},
    keys::SpinKeys,
};

/// The store of chats, which fails for runs that ask for it.
pub fn faulty(database: Arc<dyn Database>, clock: &Arc<dyn Clock>, tasks: &Arc<dyn Tasks>) -> Arc<dyn Database> {
    Arc::new(FaultyRenewals::new(database, Arc::clone(clock), Arc::clone(tasks)))
}

/// Runs the suite that the request names; `key_value_expiry` and `key_value_sweep` too, because expiry is this adapter's own.
pub async fn run(instance: &Instance, request: &Request<Body>) -> Response<Body> {
    let query = request.uri().query().unwrap_or_default();
    let report = if parameter(query, "suite") == Some("key_value_expiry") {
        let clock = Arc::new(FixedClock::new(instance.platform.clock.now()));
        Ok(key_value_expiry(&SpinKeys::new(clock.clone()), &clock).await)
    } else if parameter(query, "suite") == Some("key_value_sweep") {
        let clock = Arc::new(FixedClock::new(instance.platform.clock.now()));
        let stored = SpinKeys::new(clock.clone());
        let keys = swept(SpinKeys::new(clock.clone()), &instance.platform.accounts, &(clock.clone() as Arc<dyn Clock>));
        Ok(key_value_sweep(&keys, &clock, async |key| stored.holds(&key).await).await)
    } else {
        answer(&instance.platform, query).await
    };
    let (status, text) = match report {
        Ok(report) => (StatusCode::OK, report.to_json().to_string()),
        Err(expected) => (StatusCode::BAD_REQUEST, expected.to_owned()),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}
