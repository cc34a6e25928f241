//! Who holds a connection for nothing loses it, and no network has more than its share.

use tokio::net::TcpSocket;

use super::*;

async fn connect_from(server: &Running, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    socket.connect(server.address).await.unwrap()
}

/// Whether a request on this connection is answered.
async fn is_served(stream: &mut TcpStream) -> bool {
    // The connection may be closed before or after the request is written.
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let mut seen = Vec::new();
    while !seen.ends_with(b"served") {
        if stream.read_buf(&mut seen).await.unwrap_or(0) == 0 {
            return false;
        }
    }
    true
}

#[tokio::test]
async fn one_network_has_a_quarter_of_the_seats() {
    let server = start(Limits { connections: 8, ..GENEROUS }, |_| async { text("served") }).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = connect_from(&server, "127.0.0.1").await;
        assert!(is_served(&mut stream).await);
        held.push(stream);
    }
    for _ in 0..20 {
        assert!(!is_served(&mut connect_from(&server, "127.0.0.1").await).await, "more than a quarter");
    }
    assert!(is_served(&mut connect_from(&server, "127.0.0.2").await).await);
    // A seat that was given back can be taken again.
    drop(held.pop());
    while !is_served(&mut connect_from(&server, "127.0.0.1").await).await {
        tokio::task::yield_now().await;
    }
    drop(held);
    server.stop().await;
}

#[tokio::test]
async fn behind_a_proxy_all_connections_are_the_proxys() {
    let limits = Limits { connections: 8, proxies: Proxies { count: 1, country: None }, ..GENEROUS };
    let server = start(limits, |_| async { text("served") }).await;
    let mut held = Vec::new();
    for _ in 0..8 {
        let mut stream = connect_from(&server, "127.0.0.1").await;
        assert!(is_served(&mut stream).await);
        held.push(stream);
    }
    drop(held);
    server.stop().await;
}

#[tokio::test]
async fn a_connection_that_stays_silent_is_closed() {
    let limits = Limits { connections: 1, first_byte: Duration::from_millis(50), ..GENEROUS };
    let server = start(limits, |_| async { text("served") }).await;
    let mut silent = server.connect().await;
    let mut next = server.connect().await;
    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
    assert!(is_served(&mut next).await);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_an_answer_loses_its_connection() {
    /// More than the buffers of two sockets take.
    static WHOLE: [u8; 64 << 20] = [0; 64 << 20];
    let limits = Limits { connections: 1, unread: Duration::from_millis(100), ..GENEROUS };
    let server = start(limits, |request: Request<Body>| async move {
        match request.uri().path() {
            "/whole" => Response::new(Body::from(Bytes::from_static(&WHOLE))),
            "/stream" => {
                Response::new(Body::from_stream(stream::repeat(Ok::<_, Infallible>(Bytes::from_static(&NOTHING)))))
            }
            _ => text("served"),
        }
    })
    .await;
    for path in ["/whole", "/stream"] {
        let mut deaf = server.connect().await;
        deaf.write_all(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes()).await.unwrap();
        let mut next = server.connect().await;
        assert!(is_served(&mut next).await, "{path}");
        drop(next);
    }
    server.stop().await;
}
