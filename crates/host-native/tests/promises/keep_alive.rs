//! Kept-alive connections: Nagle's algorithm and delayed acknowledgements must not meet. A fresh connection would not show
//! it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use testkit::upstream::Script;
use tests::Provider;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::process::Littoral;

/// The delayed acknowledgement of Linux: a reply that meets it takes at least this long.
const STALL: Duration = Duration::from_millis(40);

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "a stall can only be seen with a watch")]
async fn a_burst_of_21_chunks_meets_no_stall_on_a_kept_alive_connection() {
    let data = tempfile::tempdir().expect("a folder");
    let provider = Arc::new(Provider::start());
    let server = Littoral::start(data.path(), &provider, &[]);
    let user = server.api.user().await;
    let parts: Vec<String> = (0..21).map(|n| format!("piece {n} ")).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let model = provider.script(Script::reply(&parts).joined()).await;
    let body = json!({ "prompt": "Hello", "model": model, "stream": true }).to_string();
    let request = format!(
        "POST /api/v1/ai/complete HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        server.address,
        user.access_token(),
        body.len()
    );
    let mut client = TcpStream::connect(&server.address).await.expect("a connection");
    let mut fastest = Duration::MAX;
    for _ in 0..20 {
        let start = Instant::now();
        client.write_all(request.as_bytes()).await.expect("a request");
        let mut read = Vec::new();
        while !read.ends_with(b"0\r\n\r\n") {
            assert!(client.read_buf(&mut read).await.expect("a reply") > 0, "the connection was not kept alive");
        }
        let text = String::from_utf8(read).expect("UTF-8");
        assert_eq!(text.matches("event: delta").count(), 21);
        fastest = fastest.min(start.elapsed());
    }
    // With a stall every one of the 20 has it; without, a busy machine may slow some, but not all.
    assert!(fastest < STALL, "the fastest of 20 replies took {fastest:?}");
    println!("the fastest of 20 replies took {fastest:?}");
}
