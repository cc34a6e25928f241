//! Everything tests need and the product does not: fakes of the ports, the behaviour suites that every adapter passes, a
//! database as strict as D1, faults, and the scripted upstream.
//!
//! Without the feature `native` it compiles for the Wasm hosts, so that the suites run there too. No rule of the product
//! belongs here, and nothing here may be reachable from a release build.

pub mod behaviour;
mod fakes;
mod faulty;
#[cfg(feature = "native")]
mod sqld;
#[cfg(feature = "native")]
mod strict;
#[cfg(feature = "native")]
mod tokio_host;
#[cfg(feature = "native")]
pub mod upstream;

pub use self::{
    fakes::{FakeHttp, FixedClock, MemoryKeys, RecordedMail, SeededEntropy},
    faulty::{Faulty, FaultyRenewals, Moment, Renewals},
};
#[cfg(feature = "native")]
pub use self::{
    sqld::{Sqld, SqldError},
    strict::StrictDatabase,
    tokio_host::{PlainHttp, TokioTasks},
};
