//! Many streams, slow readers, and clients that never read.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use serde_json::json;
use testkit::upstream::Script;
use tests::{Frames, Provider, User};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::process::Littoral;

/// Opens streams, a few at once, and waits until each has its first piece.
async fn open(user: &User, model: &str, count: usize) -> Vec<Frames> {
    let opening = (0..count).map(|_| async move {
        let body = json!({ "prompt": "Hello", "model": model, "stream": true });
        let mut frames = user.post("/api/v1/ai/complete", &body).await.frames().await;
        frames.until("delta").await;
        frames
    });
    stream::iter(opening).buffer_unordered(32).collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_open_streams_take_bounded_memory_and_the_next_one_is_served() {
    let data = tempfile::tempdir().expect("a folder");
    let provider = Arc::new(Provider::start());
    let server = Littoral::start(
        data.path(),
        &provider,
        &[("LITTORAL_IDLE_TIMEOUT_MS", "120000"), ("LITTORAL_TOTAL_TIMEOUT_MS", "600000")],
    );
    let user = server.api.user().await;
    let endless = provider.script(Script::new().head(200).delta("Hello").stall()).await;
    let warm = open(&user, &endless, 20).await;
    let before = server.memory();
    let streams = open(&user, &endless, 1_000).await;
    let after = server.memory();
    let each = after.saturating_sub(before) / 1_000;
    println!(
        "RSS: {} KiB before, {} KiB with 1,000 more open streams: {each} bytes a stream",
        before / 1024,
        after / 1024
    );
    assert!(each < 200 * 1024, "{each} bytes a stream");

    let model = provider.script(Script::reply(&["still ", "here"])).await;
    let conversation = user.conversation().await;
    let frames = user.stream(&conversation, &model).await.rest().await;
    assert_eq!(tests::joined(&frames), "still here");
    drop((warm, streams));
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_never_read_hold_back_nobody_and_cannot_make_memory_grow() {
    const CLIENTS: usize = 20;
    const REPLY: usize = 1 << 20;
    let data = tempfile::tempdir().expect("a folder");
    let provider = Arc::new(Provider::start());
    // A slow machine that does all of this at once is no provider that stalls.
    let patience = [
        ("LITTORAL_MAX_REPLY_BYTES", "1048576"),
        ("LITTORAL_FIRST_BYTE_TIMEOUT_MS", "60000"),
        ("LITTORAL_FIRST_TOKEN_TIMEOUT_MS", "60000"),
        ("LITTORAL_IDLE_TIMEOUT_MS", "60000"),
        ("LITTORAL_TOTAL_TIMEOUT_MS", "120000"),
        ("LITTORAL_LEASE_MS", "60000"),
    ];
    let server = Littoral::start(data.path(), &provider, &patience);
    let user = server.api.user().await;
    // Four times what a reply may have, in pieces of 1 KiB.
    let piece = "x".repeat(1024);
    let model = provider
        .script(
            (0..4096).fold(Script::new().head(200), |script, _| script.delta(&piece)).finish("stop").done().joined(),
        )
        .await;
    let conversation = user.conversation().await;
    let body = json!({ "content": "Hello", "model": model, "stream": true }).to_string();
    let request = format!(
        "POST /api/v1/chat/conversations/{conversation}/messages HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        server.address,
        user.access_token(),
        body.len()
    );
    // The first round shows what ending so many runs at once takes for a moment, which the allocator then keeps for the
    // second. What grows from there on is what the deaf clients hold.
    let (mut deaf, mut before) = (Vec::new(), 0);
    for round in 1..=2 {
        before = server.memory();
        for _ in 0..CLIENTS {
            let mut client = TcpStream::connect(&server.address).await.expect("a connection");
            client.write_all(request.as_bytes()).await.expect("a request");
            deaf.push(client);
        }
        // Their runs end all the same: nobody waits for a reader.
        let messages = loop {
            let messages = user.messages(&conversation).await;
            let of = |status: &str| messages.iter().filter(|message| message["status"] == status).count();
            if of("length") == CLIENTS * round {
                break messages;
            }
            assert_eq!((of("failed"), of("interrupted"), of("stopped")), (0, 0, 0), "a run ended in another way");
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        assert!(
            messages
                .iter()
                .filter(|message| message["role"] == "model")
                .all(|message| message["content"].as_str().map(str::len) == Some(REPLY))
        );
    }
    let grown = server.memory().saturating_sub(before) / CLIENTS as u64;
    println!("a client that never reads a reply of {} KiB costs {} KiB", REPLY / 1024, grown / 1024);
    assert!(grown < 8 * REPLY as u64, "{grown} bytes a client");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_logins_at_once_take_the_memory_of_two_and_others_are_served() {
    const HASH: u64 = 16 << 20;
    let data = tempfile::tempdir().expect("a folder");
    let provider = Arc::new(Provider::start());
    let settings = [
        ("LITTORAL_ARGON2_MEMORY_KIB", "16384"),
        ("LITTORAL_MAX_COMPUTATIONS", "2"),
        // Nobody waits so long for a password in a debug build that the connection is given up.
        ("LITTORAL_MAX_WAITING_COMPUTATIONS", "200"),
        // All are one user's, whose first session goes on being used meanwhile.
        ("LITTORAL_MAX_SESSIONS", "200"),
    ];
    let server = Littoral::start(data.path(), &provider, &settings);
    let user = server.api.user().await;
    let before = server.peak_memory();
    let body = json!({ "email": user.email, "password": tests::PASSWORD });
    let storm = futures_util::future::join_all((0..100).map(|_| server.api.post("/api/v1/auth/login", &body)));
    let others = async {
        let mut served = 0;
        loop {
            assert_eq!(user.get("/api/v1/chat/conversations").await.status, 200);
            served += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
            if served == 20 {
                return;
            }
        }
    };
    let (answers, ()) = tokio::join!(storm, others);
    let signed_in = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(signed_in, 100, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    let grown = server.peak_memory().saturating_sub(before);
    println!("100 logins of {} MiB each at once, two computed at a time: {} MiB", HASH >> 20, grown >> 20);
    // Two of them, what an allocator keeps of one, and the connections; not a hundred.
    assert!(grown < 6 * HASH, "{grown} bytes");
}
