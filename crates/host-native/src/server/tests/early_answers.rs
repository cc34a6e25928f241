//! Answers that are there before the request's body was read.

use super::*;

/// A server that refuses everything without a look at the body, and says when it was asked.
async fn refusing() -> (Running, Arc<Notify>) {
    let asked = Arc::new(Notify::new());
    let asking = Arc::clone(&asked);
    let server = start(GENEROUS, move |_| {
        asking.notify_one();
        async { Response::builder().status(401).body(Body::from("refused")).unwrap() }
    })
    .await;
    (server, asked)
}

async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// Reads until the server closes.
async fn read_rest(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    stream.read_to_end(&mut seen).await.unwrap();
    String::from_utf8(seen).unwrap()
}

#[tokio::test]
async fn a_small_body_in_a_packet_of_its_own_is_dropped_and_the_connection_serves_on() {
    let (server, asked) = refusing().await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        send(&mut stream, "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\n").await;
        asked.notified().await;
        send(&mut stream, "hello").await;
        let answer = read_until(&mut stream, "refused").await;
        assert!(answer.starts_with("HTTP/1.1 401") && !answer.contains("connection: close"), "{answer}");
        send(&mut stream, "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n").await;
        asked.notified().await;
        send(&mut stream, "5\r\nhello\r\n0\r\n\r\n").await;
        let answer = read_until(&mut stream, "refused").await;
        assert!(answer.starts_with("HTTP/1.1 401") && !answer.contains("connection: close"), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_answer_reaches_a_client_that_is_still_sending_20_megabytes() {
    const LENGTH: usize = 20 << 20;
    let (server, _) = refusing().await;
    for body in ["content-length: 20971520\r\n\r\n", "transfer-encoding: chunked\r\n\r\n1400000\r\n"] {
        let mut stream = server.connect().await;
        send(&mut stream, &format!("POST / HTTP/1.1\r\nhost: test\r\n{body}")).await;
        stream.write_all(&vec![b'x'; LENGTH]).await.unwrap();
        let answer = read_rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 401") && answer.ends_with("refused"), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_was_read_in_part_is_no_obstacle() {
    let server = start(GENEROUS, |request: Request<Body>| async move {
        let first = request.into_body().frame().await.unwrap().unwrap().into_data().unwrap();
        Response::new(Body::from(format!("{} read", first.len())))
    })
    .await;
    let mut stream = server.connect().await;
    send(&mut stream, "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\nhello").await;
    // The rest comes when the handler has answered: the answer waits for it.
    send(&mut stream, "hello").await;
    let answer = read_until(&mut stream, " read").await;
    assert!(!answer.contains("connection: close"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_delays_the_answer_for_a_moment_only() {
    let (server, _) = refusing().await;
    let mut stream = server.connect().await;
    send(&mut stream, "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nhell").await;
    let answer = read_rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("\r\nconnection: close\r\n"), "{answer}");
    drop(stream);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_asks_whether_to_send_is_not_told_to_go_on() {
    let (server, _) = refusing().await;
    let mut stream = server.connect().await;
    send(&mut stream, "POST / HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n").await;
    let answer = read_rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("\r\nconnection: close\r\n"), "{answer}");
    drop(stream);
    server.stop().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_while_the_client_is_still_sending_it() {
    let (server, _) = refusing().await;
    let mut stream = server.connect().await;
    let long = "b".repeat(4 << 20);
    send(&mut stream, &format!("GET / HTTP/1.1\r\nhost: test\r\na: {long}\r\n\r\n")).await;
    assert!(read_rest(&mut stream).await.starts_with("HTTP/1.1 431"));
    drop(stream);
    server.stop().await;
}
