//! A store that does not take an owner's signs of life for a while. It compiles for the Wasm hosts, where no test can reach into
//! the process: a run asks for the fault by the name of its model.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use domain::Timestamp;
use futures_channel::oneshot;
use ports::{Clock, Database, DatabaseError, DatabaseErrorKind, Outcome, Statement, Tasks, Value};

/// What happens to the renewals of a run, and to the writes of its log, which carry them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewals {
    /// They reach the store when the fault is over, whether or not their sender still waits.
    Late,
    /// They fail.
    Fail,
    /// They reach the store, and their sender hears that it was unavailable.
    Lost,
}

impl Renewals {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Late, Self::Fail, Self::Lost];

    /// What a model's name has in it for a run to meet this.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Late => "renewals-late",
            Self::Fail => "renewals-fail",
            Self::Lost => "renewals-lost",
        }
    }
}

/// What a run asked for, and until when it has it: that is counted from the first renewal.
#[derive(Clone, Copy)]
struct Fault {
    renewals: Renewals,
    over_at: Option<Timestamp>,
}

/// By run. The instances of a Wasm host that serve one run after another share it, as they share their memory.
static FAULTS: Mutex<Option<HashMap<String, Fault>>> = Mutex::new(None);

/// Wraps a database. Runs whose model asks for no fault see nothing of it.
pub struct FaultyRenewals {
    inner: Arc<dyn Database>,
    clock: Arc<dyn Clock>,
    tasks: Arc<dyn Tasks>,
}

impl FaultyRenewals {
    /// How long a fault lasts: three leases of the suite's settings.
    pub const LASTING: Duration = Duration::from_secs(9);

    /// Wraps a database.
    pub fn new(inner: Arc<dyn Database>, clock: Arc<dyn Clock>, tasks: Arc<dyn Tasks>) -> Self {
        Self { inner, clock, tasks }
    }

    /// What strikes these statements, and until when.
    fn strike(&self, statements: &[Statement]) -> Option<(Renewals, Timestamp)> {
        let now = self.clock.now();
        let mut faults = FAULTS.lock().unwrap_or_else(PoisonError::into_inner);
        let faults = faults.get_or_insert_default();
        statements.iter().find_map(|statement| {
            let Some(Value::Text(run)) = statement.params.first() else { return None };
            if statement.sql.starts_with("INSERT INTO runs") {
                let asked = |param: &Value| match param {
                    Value::Text(text) => Renewals::ALL.into_iter().find(|renewals| text.contains(renewals.mark())),
                    _ => None,
                };
                if let Some(renewals) = statement.params.iter().find_map(asked) {
                    faults.insert(run.clone(), Fault { renewals, over_at: None });
                }
            }
            let fault = faults.get_mut(run).filter(|_| statement.sql.contains("SET status = 'running'"))?;
            let over_at = *fault.over_at.get_or_insert(now.plus(Self::LASTING));
            (now < over_at).then_some((fault.renewals, over_at))
        })
    }
}

#[async_trait]
impl Database for FaultyRenewals {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Outcome>, DatabaseError> {
        let gone = || DatabaseError::new(DatabaseErrorKind::Unavailable, "the test failed this renewal");
        match self.strike(&statements) {
            None => self.inner.batch(statements).await,
            Some((Renewals::Fail, _)) => Err(gone()),
            Some((Renewals::Lost, _)) => {
                self.inner.batch(statements).await?;
                Err(gone())
            }
            Some((Renewals::Late, over_at)) => {
                let (sender, answer) = oneshot::channel();
                let (inner, tasks) = (self.inner.clone(), self.tasks.clone());
                let pause = over_at.since(self.clock.now());
                self.tasks.spawn(Box::pin(async move {
                    tasks.sleep(pause).await;
                    // The sender may have given up long ago.
                    let _ = sender.send(inner.batch(statements).await);
                }));
                answer.await.unwrap_or_else(|_| Err(gone()))
            }
        }
    }
}
