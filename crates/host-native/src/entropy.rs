//! Randomness.

use std::{cell::RefCell, process};

use ports::Entropy;

/// Bytes fetched at once: an id takes 10, and a request makes several.
const BLOCK: usize = 1024;

/// The operating system's random number generator, asked for a block at a time by each thread. No byte is given out twice,
/// and none stays in memory after it was.
#[derive(Clone, Copy, Debug)]
pub struct SystemEntropy;

struct Block {
    bytes: [u8; BLOCK],
    used: usize,
}

thread_local! {
    static REST: RefCell<Block> = const { RefCell::new(Block { bytes: [0; BLOCK], used: BLOCK }) };
}

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() > BLOCK / 4 {
            return ask(bytes);
        }
        REST.with_borrow_mut(|block| {
            if BLOCK - block.used < bytes.len() {
                ask(&mut block.bytes);
                block.used = 0;
            }
            let given = &mut block.bytes[block.used..block.used + bytes.len()];
            bytes.copy_from_slice(given);
            given.fill(0);
            block.used += bytes.len();
        });
    }
}

fn ask(bytes: &mut [u8]) {
    if let Err(error) = getrandom::fill(bytes) {
        // Tokens and keys come from here: a process that would guess them must not go on.
        eprintln!("littoral: the system has no random numbers: {error}");
        process::abort();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_bytes_are_given_out_twice() {
        let entropy: &dyn Entropy = &SystemEntropy;
        let ids: HashSet<[u8; 10]> = (0..10_000).map(|_| entropy.bytes()).collect();
        assert_eq!(ids.len(), 10_000);
        assert_ne!(entropy.bytes::<600>(), [0; 600]);
    }
}
