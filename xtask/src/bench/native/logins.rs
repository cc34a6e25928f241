//! A storm of logins: how many a second, and what it does to everybody else. Each costs a password hash, tens of milliseconds
//! of a core.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::littoral::{ask, connect, password};
use crate::{
    bench::{
        Scale,
        client::request,
        figures::{Series, ms, number, quantile},
        load::{Pace, drive},
        process::Process,
    },
    command::Result,
};

/// Logins at once.
pub const CONNECTIONS: usize = 100;

/// What a round saw.
#[derive(Default)]
pub struct Logins {
    /// Logins a second.
    pub rate: Series,
    /// The time of a login, the median, in milliseconds.
    pub p50: Series,
    /// A list of conversations while nobody logs in: the median and the 99th percentile, in milliseconds.
    pub calm: (Series, Series),
    /// The same during the storm.
    pub storm: (Series, Series),
    /// Resident memory right after, in MB.
    pub memory: Series,
}

/// Rounds of calm and storm, with the passwords of users that [`super::littoral::register`] made.
pub fn measure(littoral: &Process, tokens: &[String], scale: Scale) -> Result<Logins> {
    let list = request("GET", "/api/v1/chat/conversations", tokens.first().map(String::as_str), "");
    let mut logins = Logins::default();
    for _ in 0..scale.rounds {
        thread::sleep(scale.rest);
        let over = AtomicBool::new(false);
        let calm = thread::scope(|scope| {
            let listing = scope.spawn(|| lists(littoral, &list, &over));
            thread::sleep(scale.length);
            over.store(true, Ordering::Relaxed);
            listing.join().map_err(|_| "a thread of the load generator panicked")?
        })?;
        over.store(false, Ordering::Relaxed);
        let (storm, times, elapsed) = thread::scope(|scope| {
            let listing = scope.spawn(|| lists(littoral, &list, &over));
            let callers = (0..CONNECTIONS)
                .map(|index| {
                    let user = index % tokens.len().max(1);
                    let body = format!(r#"{{"email":"bench{user}@example.com","password":"{}"}}"#, password(user));
                    let login = request("POST", "/api/v1/auth/login", None, &body);
                    move |connection: &mut _| {
                        let started = Instant::now();
                        ask(connection, &login, 200).map(|()| started.elapsed())
                    }
                })
                .collect();
            // A login waits for a hundred others: a round holds a few of each connection.
            let pace = Pace { length: scale.length * 3, stagger: Duration::ZERO };
            let driven = drive(littoral.address, callers, pace);
            over.store(true, Ordering::Relaxed);
            let storm = listing.join().map_err(|_| "a thread of the load generator panicked")??;
            driven.map(|(times, elapsed)| (storm, times, elapsed))
        })?;
        logins.add(calm, storm, times, elapsed);
        logins.memory.push(littoral.rss()? / 1e6);
    }
    Ok(logins)
}

/// Lists conversations, one call after the other with a little pause, until it is over.
fn lists(littoral: &Process, list: &[u8], over: &AtomicBool) -> Result<Vec<Duration>> {
    let mut connection = connect(littoral)?;
    let mut times = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let started = Instant::now();
        ask(&mut connection, list, 200)?;
        times.push(started.elapsed());
        thread::sleep(Duration::from_millis(1));
    }
    Ok(times)
}

impl Logins {
    fn add(&mut self, mut calm: Vec<Duration>, mut storm: Vec<Duration>, mut times: Vec<Duration>, elapsed: Duration) {
        for (times, (p50, p99)) in [(&mut calm, &mut self.calm), (&mut storm, &mut self.storm)] {
            times.sort_unstable();
            p50.push(ms(quantile(times, 50)));
            p99.push(ms(quantile(times, 99)));
        }
        times.sort_unstable();
        self.p50.push(ms(quantile(&times, 50)));
        self.rate.push(number(times.len()) / elapsed.as_secs_f64());
    }
}
