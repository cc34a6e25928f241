use std::{
    pin::Pin,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Context,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::header;
use http_body_util::BodyExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
};

use super::*;

mod early_answers;
mod seats;

const GENEROUS: Limits = Limits {
    connections: 100,
    first_byte: Duration::from_mins(1),
    unread: Duration::from_mins(1),
    proxies: Proxies { count: 0, country: None },
    shutdown: Duration::from_mins(1),
};

/// What an endless response is made of.
static NOTHING: [u8; 64 * 1024] = [0; 64 * 1024];

/// A server of the test's own, on a port of its own.
struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

async fn start<F>(limits: Limits, answer: impl Fn(Request<Body>) -> F + Send + Sync + 'static) -> Running
where
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let handler: Handler = Arc::new(move |request| -> BoxFuture<Response<Body>> { Box::pin(answer(request)) });
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(Server::new(handler, limits).serve(listener, async { drop(stopped.await) }));
    Running { address, stop, served }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap();
    }
}

async fn get(stream: &mut TcpStream) {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
}

/// Reads until `end` has come.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(end.as_bytes()) {
        assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0, "{}", String::from_utf8_lossy(&seen));
    }
    String::from_utf8(seen).unwrap()
}

fn text(text: &'static str) -> Response<Body> {
    Response::new(Body::from(text))
}

/// A body that says when it is dropped.
struct Watched<S> {
    stream: S,
    dropped: Arc<Notify>,
}

impl<S: Stream + Unpin> Stream for Watched<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.stream.poll_next_unpin(context)
    }
}

impl<S> Drop for Watched<S> {
    fn drop(&mut self) {
        self.dropped.notify_one();
    }
}

#[tokio::test]
async fn a_connection_is_kept_alive_and_its_client_known() {
    let server = start(GENEROUS, |request: Request<Body>| async move {
        let client = request.extensions().get::<ports::Client>().cloned().unwrap();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Response::new(Body::from(format!("{} {}", client.address.unwrap(), body.len())))
    })
    .await;
    let mut stream = server.connect().await;
    for _ in 0..2 {
        let request = b"POST / HTTP/1.1\r\nhost: test\r\nx-forwarded-for: 6.6.6.6\r\ncontent-length: 3\r\n\r\nabc";
        stream.write_all(request).await.unwrap();
        read_until(&mut stream, "127.0.0.1 3").await;
    }
    server.stop().await;
}

#[tokio::test]
async fn each_event_goes_out_at_once_and_before_the_next_is_there() {
    let (events, given) = mpsc::unbounded_channel::<&str>();
    let given = Mutex::new(Some(given));
    let server = start(GENEROUS, move |_| {
        let given = given.lock().unwrap().take().unwrap();
        async move {
            let events = stream::unfold(given, |mut given| async {
                given.recv().await.map(|event| (Ok::<_, Infallible>(Bytes::from(event)), given))
            });
            Response::new(Body::from_stream(events))
        }
    })
    .await;
    let mut stream = server.connect().await;
    get(&mut stream).await;
    events.send("data: 1\n\n").unwrap();
    read_until(&mut stream, "\r\n\r\n9\r\ndata: 1\n\n\r\n").await;
    for event in ["data: 2\n\n", "data: 3\n\n"] {
        events.send(event).unwrap();
        // The frame is smaller than any segment and nothing else was written: one read holds all of it.
        let mut frame = [0; 64];
        let read = stream.read(&mut frame).await.unwrap();
        assert_eq!(&frame[..read], format!("9\r\n{event}\r\n").as_bytes());
    }
    drop(events);
    read_until(&mut stream, "0\r\n\r\n").await;
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_drops_the_response() {
    let dropped = Arc::new(Notify::new());
    let watched = Arc::clone(&dropped);
    let server = start(GENEROUS, move |_| {
        let endless = stream::once(async { Ok::<_, Infallible>(Bytes::from("first")) }).chain(stream::pending());
        let watched = Watched { stream: Box::pin(endless), dropped: Arc::clone(&watched) };
        async { Response::new(Body::from_stream(watched)) }
    })
    .await;
    let mut client = server.connect().await;
    get(&mut client).await;
    read_until(&mut client, "first\r\n").await;
    drop(client);
    dropped.notified().await;
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_never_reads_blocks_only_itself_and_a_bounded_number_of_bytes() {
    let (made, stuck) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (count, progress) = (Arc::clone(&made), Arc::clone(&stuck));
    let server = start(GENEROUS, move |request: Request<Body>| {
        let (count, progress) = (Arc::clone(&count), Arc::clone(&progress));
        async move {
            if request.uri().path() != "/" {
                return text("quick");
            }
            let endless = stream::repeat_with(move || {
                count.fetch_add(NOTHING.len(), Ordering::SeqCst);
                progress.notify_one();
                Ok::<_, Infallible>(Bytes::from_static(&NOTHING))
            });
            Response::new(Body::from_stream(endless))
        }
    })
    .await;
    let mut idle = server.connect().await;
    get(&mut idle).await;
    stuck.notified().await;
    let mut other = server.connect().await;
    // Other connections are served all the while; the one that is not read stops being produced for.
    let mut before = usize::MAX;
    for _ in 0..10_000 {
        other.write_all(b"GET /quick HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
        read_until(&mut other, "quick").await;
        let now = made.load(Ordering::SeqCst);
        if now == before {
            break;
        }
        before = now;
    }
    // What the two sockets' buffers take, and not more.
    assert!(before < 64 << 20, "{before} bytes were produced for a client that reads none");
    drop(idle);
    server.stop().await;
}

#[tokio::test]
async fn stopping_lets_requests_end_and_takes_no_new_ones() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (beginning, going_on) = (Arc::clone(&begun), Arc::clone(&go_on));
    let server = start(GENEROUS, move |_| {
        let (begun, go_on) = (Arc::clone(&beginning), Arc::clone(&going_on));
        async move {
            begun.notify_one();
            go_on.notified().await;
            text("ended")
        }
    })
    .await;
    let address = server.address;
    let mut client = server.connect().await;
    get(&mut client).await;
    begun.notified().await;
    server.stop.send(()).unwrap();
    // The listener is closed before anything else happens.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go_on.notify_one();
    assert!(read_until(&mut client, "ended").await.contains("connection: close"));
    server.served.await.unwrap();
}

#[tokio::test]
async fn streams_that_outlast_the_stop_are_closed_without_an_end() {
    let limits = Limits { shutdown: Duration::ZERO, ..GENEROUS };
    let server = start(limits, |_| async {
        let endless = stream::once(async { Ok::<_, Infallible>(Bytes::from("first")) }).chain(stream::pending());
        Response::new(Body::from_stream(endless))
    })
    .await;
    let mut client = server.connect().await;
    get(&mut client).await;
    read_until(&mut client, "first\r\n").await;
    server.stop().await;
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty(), "no last chunk: {rest:?}");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_seat() {
    let server = start(Limits { connections: 1, ..GENEROUS }, |_| async { text("served") }).await;
    let mut first = server.connect().await;
    get(&mut first).await;
    read_until(&mut first, "served").await;
    let mut second = server.connect().await;
    get(&mut second).await;
    drop(first);
    read_until(&mut second, "served").await;
    server.stop().await;
}

#[tokio::test]
async fn heads_are_bounded() {
    let server = start(GENEROUS, |_| async { text("served") }).await;
    let many = "a: b\r\n".repeat(HEADERS + 1);
    let long = format!("a: {}\r\n", "b".repeat(2 * BUFFER));
    for headers in [many, long] {
        let mut client = server.connect().await;
        let request = format!("GET / HTTP/1.1\r\nhost: test\r\n{headers}\r\n");
        // The server may close before it has read everything.
        let _ = client.write_all(request.as_bytes()).await;
        let mut answer = [0; 12];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 431");
    }
    server.stop().await;
}

#[tokio::test]
async fn bytes_that_are_no_http_cost_only_their_connection() {
    let server = start(GENEROUS, |_| async { text("served") }).await;
    let mut bad = server.connect().await;
    bad.write_all(b"\x16\x03\x01\x00\xff\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    let _ = bad.read_to_end(&mut rest).await;
    let mut good = server.connect().await;
    get(&mut good).await;
    assert!(read_until(&mut good, "served").await.contains(header::DATE.as_str()));
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn patience_with_a_client_that_does_not_read_ends() {
    let (near, _far) = tokio::io::duplex(1);
    let mut stream = PatientStream::new(near, Duration::from_mins(1));
    let error = stream.write_all(b"more than fits").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}
