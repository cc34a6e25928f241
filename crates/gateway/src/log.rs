//! Structured log lines: one JSON object each, built from named fields only, never from headers, bodies or queries.

use std::fmt::Display;

use domain::Timestamp;
use ports::Log;
use serde_json::{Map, Value};

/// One line being built.
pub struct Line(Map<String, Value>);

impl Line {
    /// A line with its time, level and message.
    pub fn new(now: Timestamp, level: &'static str, message: &'static str) -> Self {
        let mut map = Map::new();
        map.insert("time".into(), now.to_string().into());
        map.insert("level".into(), level.into());
        map.insert("message".into(), message.into());
        Self(map)
    }

    /// Adds a field. Secrets cannot get here by accident: [`domain::Secret`] has no `Display`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// Adds a field in its printed form.
    #[must_use]
    pub fn show(self, name: &'static str, value: impl Display) -> Self {
        self.with(name, value.to_string())
    }

    /// Writes it.
    pub fn write(self, log: &dyn Log) {
        log.write(&Value::Object(self.0).to_string());
    }
}
