//! Log lines go to standard error, which Spin shows and keeps in `.spin/logs`.

use std::io::Write as _;

use ports::Log;

/// Standard error.
pub struct StandardError;

impl Log for StandardError {
    fn write(&self, line: &str) {
        // Not `eprintln!`, which panics when it cannot write; a lost line is all that may happen.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}
