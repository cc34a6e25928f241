//! The upstream under raw TCP clients: what it plays, what it notices, what it keeps. No test looks at how long a thing took.

mod client;
mod leaving;
mod playing;
mod recording;
mod scripts;

use std::time::Duration;

/// Longer than any machine needs; only a failing test waits for it.
const LONG: Duration = Duration::from_secs(30);
