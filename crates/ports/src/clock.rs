//! The time.

use domain::Timestamp;

/// The wall clock.
pub trait Clock: Send + Sync {
    /// The time now. On Workers it stands still while code computes.
    fn now(&self) -> Timestamp;
}
