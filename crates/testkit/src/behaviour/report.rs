//! What a suite found, and the few words its cases are written in.

use std::fmt::{Debug, Display};

use serde_json::{Value, json};

/// One checked sentence.
#[derive(Clone, Debug)]
pub struct Case {
    /// The contract's words, then what exactly was tried.
    pub name: String,
    /// What went wrong, if something did.
    pub outcome: Result<(), String>,
}

/// All cases of one suite, in order.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The cases.
    pub cases: Vec<Case>,
}

impl Report {
    pub(super) fn add(&mut self, name: &str, outcome: Outcome) {
        self.cases.push(Case { name: name.to_owned(), outcome });
    }

    /// The cases that failed.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &str)> {
        self.cases.iter().filter_map(|case| Some((case.name.as_str(), case.outcome.as_ref().err()?.as_str())))
    }

    /// `{"passed": n, "failed": n, "cases": [{"name": …, "error": …}]}`; `error` only where there is one.
    pub fn to_json(&self) -> Value {
        let cases: Vec<_> = self
            .cases
            .iter()
            .map(|case| match &case.outcome {
                Ok(()) => json!({ "name": case.name }),
                Err(error) => json!({ "name": case.name, "error": error }),
            })
            .collect();
        let failed = self.failures().count();
        json!({ "passed": cases.len() - failed, "failed": failed, "cases": cases })
    }

    /// For native tests: panics with every failed case, and when there was none at all.
    ///
    /// # Panics
    /// When a case failed or the suite is empty.
    pub fn assert_passed(&self) {
        let failures: Vec<_> = self.failures().map(|(name, error)| format!("- {name}\n    {error}")).collect();
        assert!(!self.cases.is_empty(), "the suite ran no case");
        assert!(
            failures.is_empty(),
            "{} of {} cases failed:\n{}",
            failures.len(),
            self.cases.len(),
            failures.join("\n")
        );
    }
}

/// What a case ends with.
pub(super) type Outcome = Result<(), String>;

/// An error as a case's message.
pub(super) fn text(error: impl Display) -> String {
    error.to_string()
}

/// Fails unless `holds`.
pub(super) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Fails unless both are equal.
pub(super) fn equal<T: PartialEq + Debug>(found: &T, wanted: &T) -> Outcome {
    ensure(found == wanted, || format!("found {found:?}, wanted {wanted:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_counts_and_names_failures() {
        let mut report = Report::default();
        report.add("a", Ok(()));
        report.add("b", Err("no".into()));
        assert_eq!(
            report.to_json(),
            json!({ "passed": 1, "failed": 1, "cases": [{ "name": "a" }, { "name": "b", "error": "no" }] })
        );
    }
}
