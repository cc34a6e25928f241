//! The suite of `ports::Tasks`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_channel::oneshot;
use futures_util::{future, future::join_all};
use ports::{Clock, Tasks};

use super::report::{Outcome, Report, ensure, equal};

/// The longest that a case waits for a detached task before it says that the task does not run.
const PATIENCE: Duration = Duration::from_secs(10);
const NAP: Duration = Duration::from_millis(30);

/// Checks an executor; `clock` must be the host's own.
pub async fn tasks(tasks: Arc<dyn Tasks>, clock: &dyn Clock) -> Report {
    let mut report = Report::default();
    report.add("“runs a future to its end, detached from the caller”: spawn returns first", detached(&tasks).await);
    report.add("“runs a future to its end”: also across waits", to_its_end(&tasks).await);
    report.add("“returns after `duration`, not before”", sleeps(&tasks, clock).await);
    report.add("“returns after `duration`”: two sleeps pass side by side", side_by_side(&tasks).await);
    report.add("“returns when it is done”: what compute did is seen after it", computes(&tasks).await);
    report.add("“a bounded number at once”: of many computations, all that are taken finish", many(&tasks).await);
    report
}

/// Waits for a signal, but not forever.
async fn within_patience(tasks: &Arc<dyn Tasks>, signal: oneshot::Receiver<()>) -> Outcome {
    match future::select(signal, tasks.sleep(PATIENCE)).await {
        future::Either::Left((Ok(()), _)) => Ok(()),
        future::Either::Left((Err(_), _)) => Err("the task was dropped before its end".into()),
        future::Either::Right(_) => Err(format!("the task did not run within {PATIENCE:?}")),
    }
}

async fn detached(tasks: &Arc<dyn Tasks>) -> Outcome {
    let (go, wait) = oneshot::channel::<()>();
    let (done, signal) = oneshot::channel();
    tasks.spawn(Box::pin(async move {
        if wait.await.is_ok() {
            let _heard = done.send(());
        }
    }));
    // Only now may the task end: a spawn that waits for it never gets here.
    go.send(()).map_err(|()| "the task was dropped at once".to_owned())?;
    within_patience(tasks, signal).await
}

async fn to_its_end(tasks: &Arc<dyn Tasks>) -> Outcome {
    let (done, signal) = oneshot::channel();
    let inner = Arc::clone(tasks);
    tasks.spawn(Box::pin(async move {
        inner.sleep(NAP).await;
        inner.sleep(NAP).await;
        let _heard = done.send(());
    }));
    within_patience(tasks, signal).await
}

async fn sleeps(tasks: &Arc<dyn Tasks>, clock: &dyn Clock) -> Outcome {
    let before = clock.now();
    tasks.sleep(NAP).await;
    let slept = clock.now().since(before);
    // The clock's millisecond may round away one.
    ensure(slept + Duration::from_millis(1) >= NAP, || format!("it slept {slept:?} instead of {NAP:?}"))
}

async fn side_by_side(tasks: &Arc<dyn Tasks>) -> Outcome {
    match future::select(tasks.sleep(PATIENCE), tasks.sleep(NAP)).await {
        future::Either::Left(_) => Err("the longer sleep ended first".into()),
        future::Either::Right(_) => Ok(()),
    }
}

async fn computes(tasks: &Arc<dyn Tasks>) -> Outcome {
    let sum = Arc::new(AtomicUsize::new(0));
    let inner = Arc::clone(&sum);
    tasks
        .compute(Box::new(move || inner.store((1..=1000).sum(), Ordering::SeqCst)))
        .await
        .map_err(|e| e.to_string())?;
    equal(&sum.load(Ordering::SeqCst), &500_500)
}

async fn many(tasks: &Arc<dyn Tasks>) -> Outcome {
    let count = Arc::new(AtomicUsize::new(0));
    let done = join_all((0..50).map(|_| {
        let count = Arc::clone(&count);
        tasks.compute(Box::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        }))
    }))
    .await;
    // A host may refuse what it has no room for; what it took is done.
    equal(&count.load(Ordering::SeqCst), &done.iter().filter(|done| done.is_ok()).count())?;
    ensure(done.iter().any(Result::is_ok), || "none was taken".to_owned())
}
