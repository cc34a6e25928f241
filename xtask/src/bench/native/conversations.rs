//! Replies of conversations: every message, run and event of theirs is in the database before the answer is whole.

use std::{thread, time::Duration};

use super::littoral::{ask, field};
use crate::{
    bench::{
        Scale,
        client::{Connection, request},
        compare::{Row, Target},
        load::{Pace, drive},
        process::Process,
        scripts::SIGN,
    },
    command::Result,
};

/// Messages that are sent to a conversation before the next one is begun. Beginning it counts in the time of the round.
pub const MESSAGES: u32 = 20;

/// Rounds of replies on as many connections as there are tokens.
pub fn measure(littoral: &Process, tokens: &[String], scale: Scale) -> Result<Row> {
    let mut row = Row::default();
    let target = Target { address: littoral.address, requests: Vec::new(), status: 200, sign: SIGN };
    for _ in 0..scale.rounds {
        thread::sleep(scale.rest);
        let callers = tokens
            .iter()
            .map(|token| {
                let (target, mut sent, mut send) = (&target, 0, Vec::new());
                move |connection: &mut Connection| {
                    if sent % MESSAGES == 0 {
                        send = begin(connection, token)?;
                    }
                    sent += 1;
                    target.call(connection, &send)
                }
            })
            .collect();
        let (times, elapsed) =
            drive(littoral.address, callers, Pace { length: scale.length, stagger: Duration::ZERO })?;
        row.add(times, elapsed);
    }
    Ok(row)
}

/// Begins a conversation; the request that sends it a message.
fn begin(connection: &mut Connection, token: &str) -> Result<Vec<u8>> {
    let create = request("POST", "/api/v1/chat/conversations", Some(token), r#"{"title":"Benchmark"}"#);
    ask(connection, &create, 201)?;
    let path = format!("/api/v1/chat/conversations/{}/messages", field(connection.body(), "id")?);
    Ok(request("POST", &path, Some(token), r#"{"content":"Say something."}"#))
}
