//! Log lines go to standard error, which Spin shows and keeps in `.spin/logs`.

use std::io::Write as _;

use ports::Log;

/// Standard error.
pub struct StandardError;

impl Log for StandardError {
    fn write(&self, line: &str) {
        // Line and newline in one write: all instances share the file, and each write is a call of the host's. Not `eprintln!`,
        // which panics when it cannot write; a lost line is all that may happen.
        let _ = std::io::stderr().write_all([line, "\n"].concat().as_bytes());
    }
}
