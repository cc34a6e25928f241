//! What an open stream weighs: many are begun, and the provider falls silent in each after its first piece.

use std::{path::Path, thread, time::Duration};

use super::littoral::{connect, register, start};
use crate::{
    bench::{
        figures::number,
        process::Process,
        scripts::{MARK, SHORT, STALL, through},
    },
    command::Result,
};

/// What it takes, in bytes.
pub struct Weight {
    /// Of the whole process, before.
    pub before: f64,
    /// Of the whole process, with all streams open.
    pub after: f64,
    /// One stream.
    pub each: f64,
}

/// Opens this many and weighs them. The user registers in a process before it, so that the memory of a password hash, freed
/// but kept, does not hide what streams take.
pub fn weigh(data: &Path, upstream: &Process, count: usize) -> Result<Weight> {
    let registering = start(data, upstream.address)?;
    let token = register(&registering, 1)?.concat();
    drop(registering);
    let littoral = start(data, upstream.address)?;
    connect(&littoral)?.call(&through(SHORT, false, &token)).map_err(|error| format!("littoral: {error}"))?;
    thread::sleep(Duration::from_millis(200));
    let before = littoral.rss()?;
    let begin = through(STALL, true, &token);
    let mut open = Vec::with_capacity(count);
    for number in 0..count {
        let mut connection = connect(&littoral)?;
        connection.begin(&begin, MARK).map_err(|error| format!("stream {number} of {count}: {error}"))?;
        open.push(connection);
    }
    let after = littoral.rss()?;
    Ok(Weight { before, after, each: (after - before) / number(count.max(1)) })
}
