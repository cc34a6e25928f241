//! The end of the process: what is under way gets time to end by itself, and what does not is stored as far as it came.

use std::{pin::pin, time::Duration};

use futures_util::future::{self, Either};
use gateway::{Line, LocalRuns};
use ports::{Clock as _, Log};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use crate::{clock::SystemClock, tasks::TokioTasks};

/// What storing may take after the connections are closed, where a disk is slow or a database far away.
const STORING: Duration = Duration::from_secs(2);

/// Serves until the server is `stopped`. Then it waits for the connections and for everything that was spawned: runs without a
/// reader, mail, accounts that were promised. Runs may go on for three quarters of this time. Then they end as `interrupted`,
/// with all that came, which their readers are told. The log says what did not end.
pub async fn serve(
    serving: impl Future<Output = ()>,
    stopped: oneshot::Receiver<()>,
    runs: &LocalRuns,
    tasks: &TokioTasks,
    time: Duration,
    log: &dyn Log,
) {
    let mut work = pin!(async {
        serving.await;
        tasks.idle().await;
    });
    if let Either::Left(_) = future::select(&mut work, stopped).await {
        return;
    }
    let (spared, end) = (Instant::now() + time.mul_f32(0.75), Instant::now() + time + STORING);
    runs.drain();
    if timeout_at(spared, &mut work).await.is_ok() {
        return;
    }
    if timeout_at(end, future::join(work, runs.interrupt())).await.is_err() {
        let line = Line::new(SystemClock.now(), "error", "stopped before all work was done");
        line.with("tasks", tasks.under_way()).write(log);
    }
}
