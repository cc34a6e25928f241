//! Rate limits.

use domain::gcra::Quota;
use ports::Platform;

use crate::error::{Error, ErrorKind, Result};

/// Takes one from a bucket or says when to try again.
pub async fn take(platform: &Platform, bucket: &str, quota: Quota) -> Result<()> {
    let decision = platform.limiter.take(bucket, quota, 1, platform.clock.now()).await?;
    if decision.allowed {
        return Ok(());
    }
    let retry_after = decision.retry_after;
    Err(Error::new(ErrorKind::RateLimited { retry_after }, "rate_limited", "Too many requests. Wait and try again."))
}
