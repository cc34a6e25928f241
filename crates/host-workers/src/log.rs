//! Log lines go to the console: `wrangler tail`, Workers Logs, or standard output under `wrangler dev`.

use ports::{Clock as _, Log};
use serde_json::json;
use worker::console_log;

use crate::clock::JsClock;

/// `console.log`. Workers Logs reads the fields of a line that is JSON.
pub struct Console;

impl Log for Console {
    fn write(&self, line: &str) {
        console_log!("{line}");
    }
}

/// A line of this host's own, in the core's form.
pub fn line(level: &str, event: &str, problems: &[String]) -> String {
    json!({ "level": level, "time": JsClock.now().to_string(), "event": event, "problems": problems }).to_string()
}
