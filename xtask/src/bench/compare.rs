//! Several targets under the same load, in turns: one number of each in every round.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use super::{
    Scale,
    client::Connection,
    figures::{Series, ms, number, quantile},
    load::{Pace, drive},
    process::{Process, cpu},
};
use crate::command::Result;

/// Something to send requests to.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where.
    pub address: SocketAddr,
    /// What: one request for each connection, taken in turn.
    pub requests: Vec<Vec<u8>>,
    /// The status that is right.
    pub status: u16,
    /// What the end of the right answer's body holds.
    pub sign: &'static str,
}

/// What a target reached.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The median time of a call, in milliseconds.
    pub p50: Series,
    /// The time that 99 of 100 calls did not exceed, in milliseconds.
    pub p99: Series,
    /// Calls a second.
    pub rate: Series,
    /// Processor time a call, in microseconds: the watched processes in their order, then the load generator.
    pub cpu: Vec<Series>,
    /// Memory of the first watched process right after, in MB.
    pub memory: Series,
}

/// The share of the body's end that is looked at for the sign.
const END: usize = 1000;

impl Target {
    /// Makes one call; how long it took. An answer that is not the right one is an error.
    pub fn call(&self, connection: &mut Connection, request: &[u8]) -> Result<Duration> {
        let started = Instant::now();
        let status = connection.call(request).map_err(|error| format!("{}: {error}", self.address))?;
        let elapsed = started.elapsed();
        self.check(connection, status)?;
        Ok(elapsed)
    }

    /// An error unless this is the right answer.
    pub fn check(&self, connection: &Connection, status: u16) -> Result {
        let body = connection.body();
        let end = &body[body.len().saturating_sub(END)..];
        let sign = self.sign.as_bytes();
        if status == self.status && (sign.is_empty() || end.windows(sign.len()).any(|part| part == sign)) {
            return Ok(());
        }
        Err(format!("{} answered {status}, not {}: {}", self.address, self.status, String::from_utf8_lossy(body)))
    }

    /// The request of this connection.
    pub fn request(&self, connection: usize) -> &[u8] {
        self.requests.get(connection % self.requests.len().max(1)).map_or(&[], Vec::as_slice)
    }
}

/// Rounds of load on each target in turn.
pub fn compare(targets: &[Target], connections: usize, scale: Scale, watched: &[&Process]) -> Result<Vec<Row>> {
    let mut rows = vec![Row { cpu: vec![Series::default(); watched.len() + 1], ..Row::default() }; targets.len()];
    let ids: Vec<String> = watched.iter().map(|process| process.id().to_string()).chain(["self".into()]).collect();
    for _ in 0..scale.rounds {
        for (target, row) in targets.iter().zip(&mut rows) {
            // What the one before left to do should not count for this one.
            thread::sleep(scale.rest);
            let callers = (0..connections)
                .map(|index| move |connection: &mut Connection| target.call(connection, target.request(index)))
                .collect();
            let before: Vec<_> = ids.iter().map(|id| cpu(id)).collect();
            let pace = Pace { length: scale.length, stagger: Duration::ZERO };
            let (times, elapsed) = drive(target.address, callers, pace)?;
            let count = number(times.len());
            row.add(times, elapsed);
            for ((id, before), series) in ids.iter().zip(before).zip(&mut row.cpu) {
                series.push(cpu(id).saturating_sub(before).as_secs_f64() * 1e6 / count);
            }
            if let Some(process) = watched.first() {
                row.memory.push(process.rss()? / 1e6);
            }
        }
    }
    Ok(rows)
}

impl Row {
    /// Adds a round.
    pub fn add(&mut self, mut times: Vec<Duration>, elapsed: Duration) {
        times.sort_unstable();
        self.p50.push(ms(quantile(&times, 50)));
        self.p99.push(ms(quantile(&times, 99)));
        self.rate.push(number(times.len()) / elapsed.as_secs_f64());
    }
}
