//! `littoral users import`: reads a file of users and reports line by line. What a row means is in `row`; taking accounts over
//! is the gateway's.

mod moment;
mod row;
mod rows;

use std::fmt;

use domain::{Timestamp, permission::Role};
use gateway::{
    Error,
    service::import::{self, Account, BATCH, Done, Rehearsal},
};
use ports::Platform;

pub use self::rows::Rows;

/// What became of all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Whether nothing was written.
    pub dry_run: bool,
    /// Accounts that are new.
    pub imported: u64,
    /// Those of them that are admins.
    pub admins: u64,
    /// Addresses that have an account already, and users that are deleted where they come from.
    pub skipped: u64,
    /// Lines that are no user.
    pub failed: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let imported = if self.dry_run { "would be imported" } else { "imported" };
        write!(f, "{} {imported}", self.imported)?;
        if self.admins > 0 {
            write!(f, " ({} of them as admin)", self.admins)?;
        }
        write!(f, ", {} skipped, {} failed", self.skipped, self.failed)
    }
}

/// A user, and which of its values are left out because they do not fit; none for one that is deleted.
type Read = Option<(Account, Vec<&'static str>)>;

fn read(row: &rows::Row, now: Timestamp) -> Result<Read, String> {
    if row::is_deleted(row) { Ok(None) } else { row::account(row, now).map(Some) }
}

/// Takes the users of all rows over, a batch at a time. Safe to run again: who is there already is skipped. Stops when the
/// database fails; what was reported until then is kept.
pub async fn run(
    platform: &Platform,
    mut rows: Rows,
    dry_run: bool,
    mut report: impl FnMut(u64, &str),
) -> Result<Summary, Error> {
    let mut summary = Summary { dry_run, ..Summary::default() };
    let mut rehearsal = Rehearsal::default();
    loop {
        let now = platform.clock.now();
        let read = |row: Result<rows::Row, String>| row.and_then(|row| read(&row, now));
        let batch: Vec<_> = rows.by_ref().take(BATCH).map(|(line, row)| (line, read(row))).collect();
        if batch.is_empty() {
            return Ok(summary);
        }
        take(platform, batch, &mut rehearsal, &mut summary, &mut report).await?;
    }
}

/// Takes a batch over and reports it in its order.
async fn take(
    platform: &Platform,
    batch: Vec<(u64, Result<Read, String>)>,
    rehearsal: &mut Rehearsal,
    summary: &mut Summary,
    report: &mut impl FnMut(u64, &str),
) -> Result<(), Error> {
    let (mut accounts, mut lines) = (Vec::new(), Vec::with_capacity(batch.len()));
    for (line, read) in batch {
        let left_out = read.map(|read| {
            read.map(|(account, left_out)| {
                accounts.push(account);
                left_out
            })
        });
        lines.push((line, left_out));
    }
    let done = if summary.dry_run {
        rehearsal.run(platform, &accounts).await?
    } else {
        import::run(platform, &accounts).await?
    };
    let verb = if summary.dry_run { "would be imported" } else { "imported" };
    let mut done = done.into_iter().zip(accounts.iter().map(|account| account.role));
    for (line, left_out) in lines {
        // Every line that is a user has its outcome.
        match left_out.map(|left_out| left_out.map(|left_out| (left_out, done.next()))) {
            Err(problem) => {
                summary.failed += 1;
                report(line, &format!("failed: {problem}"));
            }
            Ok(None) => {
                summary.skipped += 1;
                report(line, "deleted where it comes from, skipped");
            }
            Ok(Some((_, None | Some((Done::AlreadyRegistered, _))))) => {
                summary.skipped += 1;
                report(line, "address already registered, skipped");
            }
            Ok(Some((mut left_out, Some((done, role))))) => {
                summary.imported += 1;
                summary.admins += u64::from(role == Role::Admin);
                if done == Done::ImportedWithoutUsername {
                    left_out.push("username (taken)");
                }
                let words = format!("{verb} without {}", left_out.join(", "));
                report(line, if left_out.is_empty() { verb } else { &words });
            }
        }
    }
    Ok(())
}
