//! Reads the log of a host that the whole suite ran on: each of the product's lines is one JSON object, on a line of its own.

use std::{fs, path::Path};

use serde_json::{Map, Value};

use crate::{command::Result, tally::Tally};

/// Reads a host's log after the suite, and counts as one test.
pub fn demand_whole(log: &Path, tally: &mut Tally) -> Result {
    let bytes = fs::read(log).map_err(|error| format!("{}: {error}", log.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    // What follows the last newline may still be written.
    let lines = text.rsplit_once('\n').map_or("", |(lines, _)| lines).lines();
    let ours: Vec<_> = (1..).zip(lines).filter(|(_, line)| line.contains("\"level\":")).collect();
    let broken: Vec<_> = ours.iter().filter(|(_, line)| !is_one_object(line)).map(|(number, _)| number).collect();
    if broken.is_empty() && !ours.is_empty() {
        tally.passed += 1;
        return Ok(());
    }
    tally.failed += 1;
    for number in &broken {
        println!("!! {}:{number} is not one JSON object", log.display());
    }
    Err(format!("of {} lines in {}, {} are not one JSON object", ours.len(), log.display(), broken.len()))
}

/// Whether the line is one object, perhaps behind a prefix of the program that wrote the log.
fn is_one_object(line: &str) -> bool {
    let start = line.find('{').unwrap_or_default();
    serde_json::from_str::<Map<String, Value>>(&line[start..]).is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_one_object;

    #[test]
    fn a_line_holds_one_object() {
        assert!(is_one_object(r#"{"level":"info","problems":["a"]}"#));
        assert!(is_one_object(r#"[component] {"level":"info"}"#));
        assert!(!is_one_object(r#"{"level":"info"}{"level":"info"}"#));
        assert!(!is_one_object(r#"{"level":"in"#));
        assert!(!is_one_object(r#""level":"info"}"#));
    }
}
