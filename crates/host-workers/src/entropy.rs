//! Random bytes.

use ports::Entropy;
use worker::console_error;

/// The platform's `crypto.getRandomValues`.
pub struct WebCrypto;

impl Entropy for WebCrypto {
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            // Fails in the global scope only, where nothing of ours runs. Tokens and keys come from here: an isolate that
            // would guess them must not go on.
            console_error!("the platform has no random numbers: {error}");
            std::process::abort();
        }
    }
}
