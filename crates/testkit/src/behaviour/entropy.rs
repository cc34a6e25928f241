//! The suite of `ports::Entropy`. It finds a source that is dead, short or stuck; quality is beyond any test of this size.

use ports::Entropy;

use super::report::{Outcome, Report, ensure};

/// More than JavaScript's `getRandomValues` gives at once (65,536 bytes).
const LARGE: usize = 100_000;

/// Checks a source of random bytes.
pub fn entropy(entropy: &dyn Entropy) -> Report {
    let mut report = Report::default();
    report.add("“fills `bytes`”: two draws of 32 bytes differ", differ(entropy));
    report.add("“fills `bytes`”: a large buffer is filled to its end", large(entropy));
    report.add("“fills `bytes`”: an empty buffer is fine", {
        entropy.fill(&mut []);
        Ok(())
    });
    report
}

fn differ(entropy: &dyn Entropy) -> Outcome {
    let mut draws = [[0; 32]; 2];
    for draw in &mut draws {
        entropy.fill(draw);
    }
    ensure(draws[0] != draws[1] && draws[0] != [0; 32], || "both draws are the same, or nothing was drawn".into())
}

fn large(entropy: &dyn Entropy) -> Outcome {
    let mut bytes = vec![0; LARGE];
    entropy.fill(&mut bytes);
    // 32 zero bytes in a row do not happen by chance.
    let dead = bytes.chunks(32).position(|chunk| chunk.iter().all(|byte| *byte == 0));
    ensure(dead.is_none(), || format!("bytes {} and following stayed zero", dead.unwrap_or(0) * 32))
}
