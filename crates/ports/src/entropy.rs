//! Randomness.

use domain::Timestamp;

/// A cryptographically secure source of random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Entropy + '_ {
    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A fresh id of any kind: `entropy.id(now, RunId::new)`.
    pub fn id<T>(&self, now: Timestamp, make: fn(Timestamp, [u8; 10]) -> T) -> T {
        make(now, self.bytes())
    }
}
