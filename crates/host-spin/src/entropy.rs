//! Random bytes of WASI 0.3.

use ports::Entropy;
use spin_sdk::wasip3::random::random;

/// The host's generator, cryptographically secure by WASI's contract.
pub struct SpinEntropy;

impl Entropy for SpinEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            // WASI may return fewer bytes than asked for, though at least one.
            let some = random::get_random_bytes(rest.len() as u64);
            let count = some.len().min(rest.len());
            let (filled, missing) = rest.split_at_mut(count);
            filled.copy_from_slice(&some[..count]);
            rest = missing;
        }
    }
}
