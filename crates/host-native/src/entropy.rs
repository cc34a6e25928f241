//! Randomness.

use std::process;

use ports::Entropy;

/// The operating system's random number generator.
#[derive(Clone, Copy, Debug)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            // Tokens and keys come from here: a process that would guess them must not go on.
            eprintln!("littoral: the system has no random numbers: {error}");
            process::abort();
        }
    }
}
