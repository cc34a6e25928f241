//! Log lines.

/// Where log lines go.
pub trait Log: Send + Sync {
    /// Writes one line: one JSON object, made by the core, without secrets and without a closing newline. Never blocks for
    /// long and never fails; a line that cannot be written is lost.
    fn write(&self, line: &str);
}
