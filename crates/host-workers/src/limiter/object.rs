//! The object that is a bucket.

use std::{cell::Cell, time::Duration};

use domain::{
    Timestamp,
    gcra::{self, Quota},
};
use ports::Clock as _;
use worker::{DurableObject, Env, Request, Response, Result, SqlStorageValue, State, durable_object};

use crate::clock::JsClock;

/// How long a full bucket is kept, so that one in use is not made anew again and again.
const IDLE: Duration = Duration::from_mins(1);

/// The address of one taking: four numbers.
pub fn url(quota: Quota, cost: u32, now: Timestamp) -> String {
    format!("https://limiter/{}/{}/{cost}/{}", quota.burst, quota.period.as_millis(), now.millis())
}

/// Reads what `url` wrote.
fn parse(path: &str) -> Option<(Quota, u32, Timestamp)> {
    let mut parts = path.split('/').skip(1);
    let quota =
        Quota { burst: parts.next()?.parse().ok()?, period: Duration::from_millis(parts.next()?.parse().ok()?) };
    Some((quota, parts.next()?.parse().ok()?, Timestamp::from_millis(parts.next()?.parse().ok()?)))
}

/// A bucket: one number in the object's storage, and in its memory while it is awake.
#[durable_object(alarm)]
pub struct Limiter {
    state: State,
    tat: Cell<Option<i64>>,
}

impl DurableObject for Limiter {
    fn new(state: State, _env: Env) -> Self {
        Self { state, tat: Cell::new(None) }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let Some((quota, cost, now)) = parse(&request.path()) else {
            return Response::error("expected /burst/period_ms/cost/now_ms", 400);
        };
        let awake = self.tat.get();
        let tat = self.tat()?;
        let (decision, kept) = gcra::take(tat, quota, cost, now);
        // Between reading and keeping nothing waits, so no other request comes in between.
        if decision.allowed || kept != tat {
            self.keep(kept)?;
        }
        if awake.is_none() {
            self.look_again(kept).await?;
        }
        Response::ok(tat.to_string())
    }

    /// Deletes the bucket if it is full: one that is not there is full as well.
    async fn alarm(&self) -> Result<Response> {
        let tat = self.tat()?;
        if tat > JsClock.now().millis() {
            self.look_again(tat).await?;
        } else {
            self.tat.set(None);
            self.state.storage().delete_all().await?;
        }
        Response::empty()
    }
}

impl Limiter {
    fn tat(&self) -> Result<i64> {
        if let Some(tat) = self.tat.get() {
            return Ok(tat);
        }
        let sql = self.state.storage().sql();
        sql.exec("CREATE TABLE IF NOT EXISTS bucket (id INTEGER PRIMARY KEY, tat INTEGER NOT NULL)", None)?;
        let row = sql.exec("SELECT tat FROM bucket", None)?.raw().next().transpose()?;
        let tat = match row.as_deref() {
            Some([SqlStorageValue::Integer(tat)]) => *tat,
            _ => 0,
        };
        self.tat.set(Some(tat));
        Ok(tat)
    }

    fn keep(&self, tat: i64) -> Result<()> {
        let sql = "INSERT INTO bucket (id, tat) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET tat = excluded.tat";
        self.state.storage().sql().exec(sql, vec![SqlStorageValue::Integer(tat)])?;
        self.tat.set(Some(tat));
        Ok(())
    }

    async fn look_again(&self, tat: i64) -> Result<()> {
        let full = Timestamp::from_millis(tat).since(JsClock.now());
        self.state.storage().set_alarm(full + IDLE).await
    }
}
