//! Steps: each is timed, and one that fails does not stop the next.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::{command::Result, tally::Tally};

/// What happened so far.
#[derive(Debug, Default)]
pub struct Report {
    steps: Vec<(String, Duration)>,
    problems: Vec<String>,
    tally: Tally,
}

impl Report {
    /// Takes a step that counts no tests. True if it went well.
    pub fn step(&mut self, name: &str, action: impl FnOnce() -> Result) -> bool {
        self.tests(name, |_| action())
    }

    /// Takes a step that counts tests. True if it went well.
    pub fn tests(&mut self, name: &str, action: impl FnOnce(&mut Tally) -> Result) -> bool {
        println!("== {name}");
        let (started, mut tally) = (Instant::now(), Tally::default());
        let result = action(&mut tally);
        let elapsed = started.elapsed();
        if let Err(problem) = &result {
            println!("!! {name}: {problem}");
            self.problems.push(format!("{name}: {}", problem.lines().next().unwrap_or_default()));
            // A step that broke before it could count a failure is one.
            tally.failed = tally.failed.max(1);
        }
        println!("== {name}: {} in {:.1} s", if result.is_ok() { "done" } else { "FAILED" }, elapsed.as_secs_f64());
        self.steps.push((name.to_owned(), elapsed));
        self.tally.add(tally);
        result.is_ok()
    }

    /// Notes a step that cannot be taken, and why. It counts as a failure of the whole.
    pub fn skip(&mut self, name: &str, why: &str) {
        println!("!! {name}: skipped: {why}");
        self.problems.push(format!("{name}: skipped: {why}"));
        self.tally.skipped += 1;
    }

    /// Prints the times, the problems, and the closing line.
    pub fn close(self) -> ExitCode {
        println!("\ntime by step:");
        for (name, elapsed) in &self.steps {
            println!("{:>8.1} s  {name}", elapsed.as_secs_f64());
        }
        let total: Duration = self.steps.iter().map(|(_, elapsed)| *elapsed).sum();
        println!("{:>8.1} s  in all", total.as_secs_f64());
        for problem in &self.problems {
            println!("problem: {problem}");
        }
        println!("{}", self.tally);
        if self.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
