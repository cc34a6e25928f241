//! Thousands of connections that only want to hold something.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::json;
use testkit::upstream::Script;
use tests::{Provider, User};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
};

use crate::process::Littoral;

/// What others may wait at most for a small answer meanwhile, in a debug build on a busy machine: making 500 pages of a megabyte
/// takes its processors for 8 s there.
const PATIENCE: Duration = Duration::from_secs(30);

/// What they may wait for half of their answers.
const USUAL: Duration = Duration::from_millis(500);

/// Opens connections from one network, whose clients take little at once, and sends the same on each.
async fn connect(server: &Littoral, from: &str, count: usize, request: &str) -> Vec<TcpStream> {
    let mut open = Vec::with_capacity(count);
    for _ in 0..count {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        socket.bind(format!("{from}:0").parse().expect("an address")).expect("an address of this machine");
        let mut stream = socket.connect(server.address.parse().expect("an address")).await.expect("a connection");
        stream.write_all(request.as_bytes()).await.expect("a request");
        open.push(stream);
    }
    open
}

/// A conversation with a page of about a megabyte; its path and the length of the answer.
async fn long_page(user: &User, provider: &Provider) -> (String, u64) {
    let conversation = user.conversation().await;
    let path = format!("/api/v1/chat/conversations/{conversation}/messages");
    // In JSON each of them is two bytes.
    let content = "\"".repeat(32_000);
    for _ in 0..16 {
        let model = provider.script(Script::reply(&["ok"])).await;
        let answer = user.post(&path, &json!({ "content": content, "model": model })).await;
        assert!(answer.status.is_success(), "{}", answer.status);
        answer.bytes().await;
    }
    let path = format!("{path}?limit=100");
    let length = user.get(&path).await.bytes().await.len() as u64;
    (path, length)
}

/// The longest and the middle one of what others wait for a small answer.
#[expect(clippy::disallowed_methods, reason = "latency can only be seen with a watch")]
async fn latency(user: &User) -> (Duration, Duration) {
    let mut waits = Vec::new();
    for _ in 0..40 {
        let start = Instant::now();
        assert_eq!(user.get("/api/v1/chat/conversations").await.status, 200);
        waits.push(start.elapsed());
    }
    waits.sort_unstable();
    (waits[waits.len() - 1], waits[waits.len() / 2])
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_connections_that_hold_on_take_bounded_memory_and_others_are_served() {
    host_native::descriptors::raise_limit();
    let data = tempfile::tempdir().expect("a folder");
    let provider = Arc::new(Provider::start());
    let server = Littoral::start(data.path(), &provider, &[("LITTORAL_MAX_CONNECTIONS", "4000")]);
    let user = server.api.user().await;
    let (path, page) = long_page(&user, &provider).await;
    let bearer = format!("host: {}\r\nauthorization: Bearer {}", server.address, user.access_token());
    let (longest, middle) = latency(&user).await;
    println!("alone: others wait {middle:?}, at most {longest:?}");

    let announce = format!(
        "POST /api/v1/ai/complete HTTP/1.1\r\n{bearer}\r\ncontent-type: application/json\r\ncontent-length: 1048576\r\n\r\n"
    );
    let ask = format!("GET {path} HTTP/1.1\r\n{bearer}\r\n\r\n");
    let mut held = Vec::new();
    for (name, from, count, request, each) in [
        ("announce a body of 1 MiB and send none", "127.9.0.1", 1_000, announce.as_str(), 64 * 1024),
        ("are silent", "127.9.1.1", 1_000, "", 16 * 1024),
        ("ask for the longest page and do not read", "127.9.2.1", 500, ask.as_str(), page + page / 2 + 128 * 1024),
    ] {
        let before = server.memory();
        held.push(connect(&server, from, count, request).await);
        let (longest, middle) = latency(&user).await;
        let grown = server.peak_memory().saturating_sub(before) / count as u64;
        println!(
            "{count} {name}: {} KiB each, {} MiB in all; others wait {middle:?}, at most {longest:?}",
            grown / 1024,
            server.memory() >> 20
        );
        assert!(grown < each, "{grown} bytes each");
        assert!(longest < PATIENCE && middle < USUAL, "{longest:?}, {middle:?}");
    }

    // The network that has its quarter gets no more, and others do.
    held.push(connect(&server, "127.9.4.1", 1_000, "").await);
    let more = connect_quietly(&server, "127.9.4.1", 50).await;
    assert_eq!(more, 0, "{more} of 50 were served beyond the quarter");
    assert_eq!(connect_quietly(&server, "127.9.3.1", 50).await, 50);
    drop(held);
}

/// How many of so many connections from a network are served.
async fn connect_quietly(server: &Littoral, from: &str, count: usize) -> usize {
    let api = server.api.from_network(from.parse::<std::net::Ipv4Addr>().expect("an address").octets());
    let tries = (0..count).map(|_| api.try_send(http::Method::GET, "/api/v1/health", &[], Vec::new()));
    join_all(tries).await.iter().filter(|answer| answer.is_ok()).count()
}
