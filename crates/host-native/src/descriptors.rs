//! The files that this process may have open: every connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are kept for all else than clients' connections: the database, the log, connections to providers.
const KEPT_BACK: u64 = 256;

/// Asks the system for as many files as it allows: shells commonly allow 1,024 where the system allows many more.
pub fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // Not being allowed to is no reason not to start: there are fewer connections then.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// How many connections there may be at once, of so many that are wanted.
pub fn connections(wanted: usize) -> usize {
    within(getrlimit(Resource::Nofile).current, wanted)
}

fn within(limit: Option<u64>, wanted: usize) -> usize {
    let Some(limit) = limit else { return wanted };
    let room = limit.saturating_sub(KEPT_BACK).max(1);
    wanted.min(usize::try_from(room).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_the_rest() {
        assert_eq!(within(None, 10_000), 10_000);
        assert_eq!(within(Some(1_024), 10_000), 768);
        assert_eq!(within(Some(20_000), 10_000), 10_000);
        assert_eq!(within(Some(100), 10_000), 1);
    }
}
