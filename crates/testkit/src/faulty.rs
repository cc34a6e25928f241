//! A database that fails when the test says so. It never changes what the database below would answer.

mod renewals;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_channel::oneshot;
use ports::{Database, DatabaseError, DatabaseErrorKind, Outcome, Statement};

pub use self::renewals::{FaultyRenewals, Renewals};

/// On which side of the database a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing reaches the database.
    Before,
    /// Everything was kept, but the caller is told `Unavailable`: the answer got lost.
    After,
    /// Nothing reaches the database, and the caller is told `Other`, in words that no port knows.
    Refused,
    /// The call waits until [`Faulty::heal`], and then reaches the database as if nothing had been.
    Held,
    /// The caller is told `Unavailable`, and the database sees the call when the test says so: a request that was under way
    /// when the caller gave up.
    Late,
}

enum Fault {
    Write { number: u64, moment: Moment },
    Containing { text: String, moment: Moment },
}

#[derive(Default)]
struct Plan {
    writes: u64,
    faults: Vec<Fault>,
    late: Vec<Vec<Statement>>,
    held: Vec<oneshot::Sender<()>>,
}

impl Plan {
    /// Counts the batch and finds the fault that strikes it.
    fn strike(&mut self, statements: &[Statement]) -> Option<Moment> {
        let writes = statements.iter().any(|statement| !statement.reads());
        self.writes += u64::from(writes);
        self.faults.iter().find_map(|fault| match fault {
            Fault::Write { number, moment } => (writes && *number == self.writes).then_some(*moment),
            Fault::Containing { text, moment } => {
                statements.iter().any(|statement| statement.sql.contains(text.as_str())).then_some(*moment)
            }
        })
    }
}

/// Wraps a database and fails some of its calls as if the network had broken.
pub struct Faulty {
    inner: Arc<dyn Database>,
    plan: Mutex<Plan>,
}

impl Faulty {
    /// Wraps a database; without a fault it is transparent.
    pub fn new(inner: Arc<dyn Database>) -> Self {
        Self { inner, plan: Mutex::default() }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails one write: the `nth` from now, 1 being the next. A write is a call with at least one statement that writes.
    pub fn fail_write(&self, nth: u64, moment: Moment) {
        let mut plan = self.plan();
        let number = plan.writes + nth;
        plan.faults.push(Fault::Write { number, moment });
    }

    /// Fails every call, reading or writing, with a statement whose text contains `text`.
    pub fn fail_containing(&self, text: impl Into<String>, moment: Moment) {
        self.plan().faults.push(Fault::Containing { text: text.into(), moment });
    }

    /// How many calls wait ([`Moment::Held`]); some of their callers may have given up.
    pub fn held(&self) -> usize {
        self.plan().held.len()
    }

    /// Forgets all faults and lets go on what waits.
    pub fn heal(&self) {
        let mut plan = self.plan();
        plan.faults.clear();
        // Whoever waits hears that its sender is gone.
        plan.held.clear();
    }

    /// How many calls have not reached the database yet ([`Moment::Late`]).
    pub fn late(&self) -> usize {
        self.plan().late.len()
    }

    /// Lets these calls reach the database now, in their order. Their callers are gone; a test may look at the answers.
    pub async fn deliver(&self) -> Vec<Result<Vec<Outcome>, DatabaseError>> {
        let late = std::mem::take(&mut self.plan().late);
        let mut answers = Vec::with_capacity(late.len());
        for statements in late {
            answers.push(self.inner.batch(statements).await);
        }
        answers
    }

    /// How many writes were tried so far, failed ones included.
    pub fn writes(&self) -> u64 {
        self.plan().writes
    }
}

#[async_trait]
impl Database for Faulty {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Outcome>, DatabaseError> {
        let lost = |detail: &str| Err(DatabaseError::new(DatabaseErrorKind::Unavailable, detail));
        let moment = self.plan().strike(&statements);
        match moment {
            None => self.inner.batch(statements).await,
            Some(Moment::Held) => {
                let (held, released) = oneshot::channel();
                self.plan().held.push(held);
                let _ = released.await;
                self.inner.batch(statements).await
            }
            Some(Moment::Refused) => {
                Err(DatabaseError::new(DatabaseErrorKind::Other, "the test failed this call in words of its own"))
            }
            Some(Moment::Before) => lost("the test failed this call before the database saw it"),
            Some(Moment::After) => {
                self.inner.batch(statements).await?;
                lost("the test failed this call after the database kept it")
            }
            Some(Moment::Late) => {
                self.plan().late.push(statements);
                lost("the test failed this call before the database saw it; it may yet arrive")
            }
        }
    }
}
