//! The suite of `ports::RateLimiter`. Every answer must be the one that `domain::gcra` computes.

use std::time::Duration;

use domain::{
    Timestamp,
    gcra::{self, Decision, Quota},
};
use futures_util::future::join_all;
use ports::RateLimiter;

use super::report::{Outcome, Report, ensure, equal, text};

const QUOTA: Quota = Quota { burst: 5, period: Duration::from_mins(1) };

/// Checks a limiter. `now` makes the names of the buckets, so a second run on the same store wants another one.
pub async fn rate_limiter(limiter: &dyn RateLimiter, now: Timestamp) -> Report {
    let mut report = Report::default();
    let on = |case: &'static str| Bucket { limiter, name: format!("behaviour:{}:{case}", now.millis()), now };
    report.add("“a bucket that nobody used is full”: the burst fits, one more does not", burst(on("burst")).await);
    report.add("“takes `cost` … if it holds that much, and nothing otherwise”", nothing_taken(on("nothing")).await);
    report.add("“a cost above the quota's burst is refused”: of a fresh bucket", above(on("above")).await);
    report.add("“buckets that fill over time”: refused until `retry_after`, then taken", refill(on("refill")).await);
    report.add("every answer agrees with `domain::gcra`, whatever was asked before", agrees(on("agrees")).await);
    report.add("a clock that ran ahead refuses for no longer than a bucket takes to fill", ahead(on("ahead")).await);
    report.add("“takes from the bucket”: another bucket is untouched", apart(&on("one"), &on("other")).await);
    report.add("“concurrent calls never take more than the bucket holds”", concurrent(on("concurrent")).await);
    report
}

struct Bucket<'a> {
    limiter: &'a dyn RateLimiter,
    name: String,
    now: Timestamp,
}

impl Bucket<'_> {
    /// Takes `cost` this many milliseconds after the start.
    async fn take(&self, cost: u32, after: u64) -> Result<Decision, String> {
        let at = self.now.plus(Duration::from_millis(after));
        self.limiter.take(&self.name, QUOTA, cost, at).await.map_err(text)
    }
}

async fn burst(bucket: Bucket<'_>) -> Outcome {
    for left in (0..5).rev() {
        let decision = bucket.take(1, 0).await?;
        ensure(decision.allowed && decision.remaining == left, || format!("with {left} to be left: {decision:?}"))?;
    }
    let sixth = bucket.take(1, 0).await?;
    ensure(!sixth.allowed && sixth.remaining == 0, || format!("the sixth: {sixth:?}"))
}

async fn nothing_taken(bucket: Bucket<'_>) -> Outcome {
    bucket.take(3, 0).await?;
    let refused = bucket.take(3, 0).await?;
    ensure(!refused.allowed && refused.remaining == 2, || format!("3 of 2: {refused:?}"))?;
    let taken = bucket.take(2, 0).await?;
    ensure(taken.allowed && taken.remaining == 0, || format!("2 of 2: {taken:?}"))
}

async fn above(bucket: Bucket<'_>) -> Outcome {
    let refused = bucket.take(6, 0).await?;
    ensure(!refused.allowed, || format!("6 of 5: {refused:?}"))?;
    let full = bucket.take(5, 0).await?;
    ensure(full.allowed, || format!("5 of 5 after it: {full:?}"))
}

async fn refill(bucket: Bucket<'_>) -> Outcome {
    bucket.take(5, 0).await?;
    let refused = bucket.take(2, 1_000).await?;
    // Two of five a minute: 24 s, of which one has passed.
    equal(&refused.retry_after, &Duration::from_secs(23))?;
    ensure(!bucket.take(2, 23_999).await?.allowed, || "a millisecond early it was taken".into())?;
    ensure(bucket.take(2, 24_000).await?.allowed, || "after `retry_after` it was refused".into())
}

async fn agrees(bucket: Bucket<'_>) -> Outcome {
    let mut tat = 0;
    let steps =
        [(1, 0), (0, 0), (3, 10), (2, 20), (2, 11_999), (1, 12_000), (6, 30_000), (5, 200_000), (1, 100), (4, 260_001)];
    for (cost, after) in steps {
        let (wanted, kept) = gcra::take(tat, QUOTA, cost, bucket.now.plus(Duration::from_millis(after)));
        tat = kept;
        let found = bucket.take(cost, after).await?;
        ensure(found == wanted, || format!("{cost} after {after} ms: found {found:?}, wanted {wanted:?}"))?;
    }
    Ok(())
}

async fn ahead(bucket: Bucket<'_>) -> Outcome {
    bucket.take(5, 3_600_000).await?;
    let refused = bucket.take(1, 0).await?;
    equal(&refused.retry_after, &Duration::from_secs(12))?;
    ensure(!bucket.take(1, 11_999).await?.allowed, || "a millisecond early it was taken".into())?;
    ensure(bucket.take(1, 12_000).await?.allowed, || "after `retry_after` it was refused".into())
}

async fn apart(one: &Bucket<'_>, other: &Bucket<'_>) -> Outcome {
    one.take(5, 0).await?;
    equal(&other.take(1, 0).await?.remaining, &4)
}

async fn concurrent(bucket: Bucket<'_>) -> Outcome {
    let answers = join_all((0..20).map(|_| bucket.take(1, 0))).await;
    let answers: Vec<_> = answers.into_iter().collect::<Result<_, _>>()?;
    let mut left: Vec<_> = answers.iter().filter(|answer| answer.allowed).map(|answer| answer.remaining).collect();
    left.sort_unstable();
    equal(&left, &vec![0, 1, 2, 3, 4])
}
