//! Clients that leave, servers that stop, and many connections at once.

use std::net::Shutdown;

use super::LONG;
use super::client::{Client, End, ask, chat};
use crate::upstream::{Script, Upstream};

#[test]
fn a_client_that_leaves_a_stall_is_noticed() {
    let upstream = Upstream::start();
    upstream.script("silent", Script::new().head(200).delta("Hel").stall());
    let mut client = Client::new(&upstream);
    client.send("POST", "/v1/chat/completions", &chat("silent", true));
    client.until("Hel");
    assert_eq!(upstream.calls("silent")[0].closed_early, None);
    drop(client);
    let call = &upstream.wait_closed("silent", LONG)[0];
    assert_eq!((call.closed_early, call.finished), (Some(true), false));
    assert!(call.closed_at_ms >= Some(call.at_ms) && call.closed_at_ms == call.ended_at_ms);
}

#[test]
fn leaving_during_a_pause_a_drip_and_before_the_head_is_noticed() {
    let upstream = Upstream::start();
    let hour = 3_600_000;
    for (id, script) in [
        ("pause", Script::new().head(200).send("x").pause(hour)),
        ("drip", Script::new().head(200).drip("xyz", 1, hour)),
        ("early", Script::new().pause(hour).head(200)),
        ("cut", Script::reply(&["x"]).stall_at(9)),
    ] {
        upstream.script(id, script);
        let mut client = Client::new(&upstream);
        client.send("POST", &format!("/play/{id}"), "");
        assert_eq!(upstream.wait_count(id, 1, LONG).len(), 1);
        client.stream.shutdown(Shutdown::Both).unwrap();
        assert_eq!(upstream.wait_closed(id, LONG)[0].closed_early, Some(true), "{id}");
    }
}

#[test]
fn a_client_that_resets_while_nothing_is_read_is_noticed() {
    let upstream = Upstream::start();
    // More than the socket buffers take, so that the upstream blocks in a write.
    upstream.script("big", Script::new().head(200).send(&"x".repeat(64 << 20)));
    let mut client = Client::new(&upstream);
    client.send("POST", "/play/big", "");
    upstream.wait_count("big", 1, LONG);
    // Unread bytes make this a reset.
    drop(client);
    let call = &upstream.wait_closed("big", LONG)[0];
    assert_eq!((call.closed_early, call.sent_bytes), (Some(true), 0));
}

#[test]
fn an_end_that_the_script_wants_is_not_the_clients() {
    let upstream = Upstream::start();
    upstream.script("close", Script::new().head(200).send("x").close());
    upstream.script("reset", Script::new().head(200).send("x").reset());
    for (id, end) in [("close", End::Fin), ("reset", End::Reset)] {
        let answer = ask(&upstream, id, true);
        assert_eq!((answer.text(), &answer.end), ("x", &end));
        let call = &upstream.wait_closed(id, LONG)[0];
        assert_eq!((call.closed_early, call.closed_at_ms, call.finished), (Some(false), None, true));
    }
}

#[test]
fn dropping_it_ends_every_connection_and_thread() {
    let upstream = Upstream::start();
    upstream.script("silent", Script::new().head(200).send("x").stall());
    let mut stalled = Client::new(&upstream);
    stalled.send("POST", "/play/silent", "");
    stalled.until("x");
    let mut waiting = Client::new(&upstream);
    waiting.send("GET", "/__calls/nobody?wait=closed&timeout_ms=120000", "");
    let mut idle = Client::new(&upstream);
    let open = std::sync::Arc::clone(&upstream.server.open);
    drop(upstream);
    assert_eq!(open.count(), 0);
    for client in [&mut stalled, &mut idle] {
        assert_ne!(client.rest().1, End::Whole);
    }
}

#[test]
fn fifteen_hundred_connections_at_once() {
    let upstream = Upstream::start();
    upstream.script("many", Script::new().head(200).send("x").stall());
    let mut clients: Vec<Client> = (0..1_500).map(|_| Client::new(&upstream)).collect();
    for client in &mut clients {
        client.send("POST", "/play/many", "");
    }
    for client in &mut clients {
        client.until("x\r\n");
    }
    assert_eq!((upstream.count("many"), upstream.connections()), (1_500, 1_500));
    assert!(upstream.calls("many").iter().all(|call| call.closed_early.is_none()));
    drop(clients);
    assert!(upstream.server.journal.wait_until(crate::upstream::socket::now() + LONG, |journal| {
        journal.calls("many").0.iter().all(|call| call.closed_early == Some(true))
    }));
}
