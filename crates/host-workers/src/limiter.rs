//! Rate limits in Durable Objects, one object a bucket: whoever takes from a bucket, anywhere, asks the same object.

mod object;

use async_trait::async_trait;
use domain::{Timestamp, gcra};
use ports::{Decision, Quota, RateLimitError, RateLimiter};
use worker::{Error, ObjectNamespace, send::SendFuture};

use crate::js;

/// The objects of class `Limiter`.
pub struct DurableLimiter(pub ObjectNamespace);

#[async_trait]
impl RateLimiter for DurableLimiter {
    async fn take(&self, bucket: &str, quota: Quota, cost: u32, now: Timestamp) -> Result<Decision, RateLimitError> {
        let url = object::url(quota, cost, now);
        let answer = async {
            let mut response = self.0.get_by_name(bucket)?.fetch_with_str(&url).await?;
            response.text().await
        };
        let answer = SendFuture::new(answer).await.map_err(failed)?;
        // The object answers with what it decided from, and the decision is a pure function.
        let tat = answer.parse().map_err(|_| RateLimitError("the object answered with no number".into()))?;
        Ok(gcra::take(tat, quota, cost, now).0)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a mapping for `map_err`")]
fn failed(error: Error) -> RateLimitError {
    RateLimitError(js::text(&error))
}
