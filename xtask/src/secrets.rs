//! Looks for secrets in the log of a host that the whole suite ran on. Every secret of the tests has the word `canary` in it; the
//! product's own are known by their form.

use std::{fs, path::Path};

use crate::{command::Result, tally::Tally};

/// Reads a host's log after the suite, and counts as one test.
pub fn look_for(log: &Path, tally: &mut Tally) -> Result {
    let bytes = fs::read(log).map_err(|error| format!("{}: {error}", log.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    let found: Vec<_> = (1..).zip(text.lines()).filter_map(|(number, line)| Some((number, kind(line)?))).collect();
    if found.is_empty() && !text.is_empty() {
        tally.passed += 1;
        return Ok(());
    }
    tally.failed += 1;
    for (number, kind) in &found {
        // The line itself would carry the secret on.
        println!("!! {}:{number} holds {kind}", log.display());
    }
    Err(format!("{} lines of {} hold a secret, or it is empty", found.len(), log.display()))
}

/// What secret a line holds.
fn kind(line: &str) -> Option<&'static str> {
    const MARKS: [(&str, &str, usize); 6] = [
        ("canary", "a secret of the tests", 0),
        ("lrt_", "a refresh token", 30),
        ("ltd_", "a trusted device's token", 30),
        ("lit_", "an API key", 20),
        ("eyJ", "a signed token", 40),
        ("$argon2", "a password hash", 0),
    ];
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    MARKS.into_iter().find_map(|(mark, kind, length)| {
        line.match_indices(mark)
            .any(|(at, _)| line[at + mark.len()..].chars().take_while(|c| word(*c)).count() >= length)
            .then_some(kind)
    })
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn secrets_are_known_by_their_mark_and_length() {
        assert_eq!(kind(r#"{"password":"canary-1"}"#), Some("a secret of the tests"));
        assert_eq!(kind("token lrt_0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee.1.k.mac"), Some("a refresh token"));
        assert_eq!(kind("ltd_0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee.mac"), Some("a trusted device's token"));
        assert_eq!(kind("lit_abcdefghijklmnopqrstuvwxyz"), Some("an API key"));
        assert_eq!(kind(&format!("Bearer eyJ{}", "a".repeat(40))), Some("a signed token"));
        assert_eq!(kind(r#"{"code":"split_brain","path":"/api/v1/lit_","prefix":"lrt_","field":"ltd_token"}"#), None);
    }
}
