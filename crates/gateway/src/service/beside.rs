//! Work beside the request: what is done after the answer, so that its time tells nobody anything.

use std::sync::Arc;

use ports::Platform;

use crate::{error::Result, log::Line};

/// Runs `work`. A failure is a line in the log: nobody else waits for it.
pub fn run(platform: &Arc<Platform>, what: &'static str, work: impl Future<Output = Result<()>> + Send + 'static) {
    let inner = Arc::clone(platform);
    platform.tasks.spawn(Box::pin(async move {
        if let Err(error) = work.await {
            Line::new(inner.clock.now(), "error", what).show("cause", &error).write(&*inner.log);
        }
    }));
}
