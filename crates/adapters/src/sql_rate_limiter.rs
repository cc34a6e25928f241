//! Rate limits in a SQL table: one statement decides, so callers on any number of machines share a bucket.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    Timestamp,
    gcra::{self, Decision, Quota},
};
use ports::{Database, DatabaseError, RateLimitError, RateLimiter, Row, Statement};

/// `?1` bucket, `?2` now, `?3` what the cost takes to fill again, `?4` what the whole burst takes; no row means refused.
/// It is [`gcra::take`], term for term, but for what a refusal keeps.
const TAKE: &str = "INSERT INTO rate_limits (bucket, tat) SELECT ?1, ?2 + ?3 WHERE ?3 <= ?4 \
    ON CONFLICT (bucket) DO UPDATE SET tat = max(min(tat, ?2 + ?4), ?2) + ?3 \
    WHERE max(min(tat, ?2 + ?4), ?2) + ?3 - ?2 <= ?4 RETURNING tat";

/// How many times a sweep asks the database at most.
const PASSES: usize = 100;

/// Rate limits in the table `rate_limits`.
pub struct SqlRateLimiter(pub Arc<dyn Database>);

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn failed(error: DatabaseError) -> RateLimitError {
    RateLimitError(error.to_string())
}

fn first(rows: &[Row]) -> Result<Option<i64>, RateLimitError> {
    rows.first().map(|row| row.integer(0)).transpose().map_err(failed)
}

#[async_trait]
impl RateLimiter for SqlRateLimiter {
    async fn take(&self, bucket: &str, quota: Quota, cost: u32, now: Timestamp) -> Result<Decision, RateLimitError> {
        let params =
            [bucket.into(), now.millis().into(), quota.refill_millis(cost).into(), quota.window_millis().into()];
        let taken = self.0.run(Statement::new(TAKE, params)).await.map_err(failed)?;
        if let Some(tat) = first(&taken.rows)? {
            return Ok(gcra::decide(true, tat.max(now.millis()) - now.millis(), 0, quota));
        }
        let sql = "SELECT tat FROM rate_limits WHERE bucket = ?1";
        let found = self.0.run(Statement::new(sql, [bucket.into()])).await.map_err(failed)?;
        let known = first(&found.rows)?.unwrap_or(0);
        let (decision, kept) = gcra::take(known, quota, cost, now);
        if !decision.allowed && kept < known {
            let sql = "UPDATE rate_limits SET tat = min(tat, ?2) WHERE bucket = ?1";
            self.0.run(Statement::new(sql, [bucket.into(), kept.into()])).await.map_err(failed)?;
        }
        // A sweep by a clock that is ahead may have emptied the row since: still, nothing was taken.
        Ok(Decision { allowed: false, ..decision })
    }

    async fn sweep(&self, now: Timestamp) -> Result<(), RateLimitError> {
        let sql = "DELETE FROM rate_limits
            WHERE bucket IN (SELECT bucket FROM rate_limits WHERE tat <= ?1 LIMIT 1000) RETURNING bucket";
        for _ in 0..PASSES {
            let deleted = self.0.run(Statement::new(sql, [now.millis().into()])).await.map_err(failed)?;
            if deleted.rows.len() < 1_000 {
                break;
            }
        }
        Ok(())
    }
}
