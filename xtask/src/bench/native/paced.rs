//! Streams whose pieces come one by one: when the first arrives, and how long the next ones let wait.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    bench::{
        Scale,
        client::Connection,
        compare::Target,
        figures::{Series, ms, number, quantile},
        load::{Pace, drive},
        scripts::{MARK, PAUSE, PIECES, STEP},
    },
    command::Result,
};

/// Connections at once: enough for a 99th percentile in a few seconds, too few to be a load.
pub const CONNECTIONS: usize = 8;

/// What a target reached, in milliseconds.
#[derive(Debug, Default)]
pub struct Row {
    /// Time to the first piece, the median.
    pub first_p50: Series,
    /// Time to the first piece that 99 of 100 streams did not exceed.
    pub first_p99: Series,
    /// The largest gap of a stream, the median.
    pub gap_p50: Series,
    /// The largest gap of a stream that 99 of 100 streams did not exceed.
    pub gap_p99: Series,
    /// The largest gap of all streams.
    pub gap_max: Series,
    /// Streams a round.
    pub streams: Series,
}

struct Stream {
    first: Duration,
    gap: Duration,
}

/// Rounds on each target in turn.
pub fn compare(targets: &[Target], scale: Scale) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = targets.iter().map(|_| Row::default()).collect();
    let one = PAUSE + STEP * u32::try_from(PIECES).unwrap_or(u32::MAX);
    let stagger = one / u32::try_from(CONNECTIONS).unwrap_or(1);
    // A stream takes longer than a call; a round should hold some hundreds.
    let pace = Pace { length: scale.length * 3 / 2, stagger };
    for _ in 0..scale.rounds {
        for (target, row) in targets.iter().zip(&mut rows) {
            thread::sleep(scale.rest);
            let callers = (0..CONNECTIONS)
                .map(|index| move |connection: &mut Connection| follow(target, connection, target.request(index)))
                .collect();
            let (streams, _) = drive(target.address, callers, pace)?;
            row.add(&streams);
        }
    }
    Ok(rows)
}

fn follow(target: &Target, connection: &mut Connection, request: &[u8]) -> Result<Stream> {
    let mut arrivals = Vec::with_capacity(PIECES);
    let started = Instant::now();
    let status = connection.watch(request, |piece| {
        let now = Instant::now();
        arrivals.extend(piece.iter().filter(|&&byte| byte == MARK).map(|_| now));
    });
    target.check(connection, status.map_err(|error| format!("{}: {error}", target.address))?)?;
    if arrivals.len() != PIECES {
        return Err(format!("{} sent {} pieces, not {PIECES}", target.address, arrivals.len()));
    }
    let gaps = arrivals.iter().zip(arrivals.iter().skip(1)).map(|(one, next)| *next - *one);
    Ok(Stream { first: arrivals[0] - started, gap: gaps.max().unwrap_or_default() })
}

impl Row {
    fn add(&mut self, streams: &[Stream]) {
        let sorted = |of: fn(&Stream) -> Duration| {
            let mut all: Vec<_> = streams.iter().map(of).collect();
            all.sort_unstable();
            all
        };
        let (first, gap) = (sorted(|stream| stream.first), sorted(|stream| stream.gap));
        self.first_p50.push(ms(quantile(&first, 50)));
        self.first_p99.push(ms(quantile(&first, 99)));
        self.gap_p50.push(ms(quantile(&gap, 50)));
        self.gap_p99.push(ms(quantile(&gap, 99)));
        self.gap_max.push(ms(quantile(&gap, 100)));
        self.streams.push(number(streams.len()));
    }
}
