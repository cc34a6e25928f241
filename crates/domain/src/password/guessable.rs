//! How much of a password is easily guessed: runs, repetition, and what its owner is called.

use super::{Flaw, KEYS};

/// The shortest run that counts; shorter ones are in every sentence.
const LEAST_RUN: usize = 3;
/// The shortest repetition, and the shortest part of an address or a name, that counts.
const LEAST_PART: usize = 4;

/// The rule that a password in lower case breaks when at least half of it is easily guessed. `about`: what its owner is called.
pub(super) fn flaw(folded: &[char], about: &[&str]) -> Option<Flaw> {
    let mut guessed = vec![false; folded.len()];
    mark_runs(folded, LEAST_RUN, &mut guessed);
    mark_repetition(folded, &mut guessed);
    if is_most(&guessed) {
        return Some(Flaw::Guessable);
    }
    mark_names(folded, about, &mut guessed);
    is_most(&guessed).then_some(Flaw::Personal)
}

/// Whether there is a run of so many characters.
pub(super) fn has_run(folded: &[char], length: usize) -> bool {
    folded.windows(length).any(is_run)
}

fn is_most(guessed: &[bool]) -> bool {
    guessed.iter().filter(|one| **one).count() * 2 >= guessed.len()
}

fn mark_runs(folded: &[char], length: usize, marked: &mut [bool]) {
    for (at, run) in folded.windows(length).enumerate() {
        if is_run(run) {
            marked[at..at + length].fill(true);
        }
    }
}

/// Whether characters are equal, in the order of the alphabet or of the digits, or keys side by side, in either direction.
fn is_run(run: &[char]) -> bool {
    let one_kind = run.iter().all(char::is_ascii_digit) || run.iter().all(char::is_ascii_lowercase);
    let steps =
        |step: i64| run.windows(2).all(|pair| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0])) == step);
    let (forth, back): (String, String) = (run.iter().collect(), run.iter().rev().collect());
    steps(0)
        || (one_kind && (steps(1) || steps(-1)))
        || KEYS.iter().any(|keys| keys.contains(&forth) || keys.contains(&back))
}

/// Marks what stood in the password before.
fn mark_repetition(folded: &[char], marked: &mut [bool]) {
    for (at, part) in folded.windows(LEAST_PART).enumerate().skip(1) {
        if folded[..at + LEAST_PART - 1].windows(LEAST_PART).any(|before| before == part) {
            marked[at..at + LEAST_PART].fill(true);
        }
    }
}

/// Marks addresses and names, and their parts.
fn mark_names(folded: &[char], about: &[&str], marked: &mut [bool]) {
    for name in about {
        let name = name.to_lowercase();
        let local = name.split_once('@').map_or(name.as_str(), |(local, _)| local);
        let joined: String = local.chars().filter(|c| c.is_alphanumeric()).collect();
        let parts = name.split(|c: char| !c.is_alphanumeric());
        for part in parts.chain([name.as_str(), local, &joined]) {
            let part: Vec<char> = part.chars().collect();
            if part.len() < LEAST_PART {
                continue;
            }
            for (at, found) in folded.windows(part.len()).enumerate() {
                if found == part {
                    marked[at..at + part.len()].fill(true);
                }
            }
        }
    }
}
