//! One connection: request after request, each routed to a script or to the control endpoints. One thread each, because
//! that plays pauses exactly and needs no runtime.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::chunk;
use super::control;
use super::form;
use super::journal::{DEFAULT, FALLBACK, Journal};
use super::mail;
use super::player::{self, Ending};
use super::request::{ReadError, Request, Source};
use super::socket;

/// Bytes read at a time.
const READ: usize = 16 << 10;
/// How long a client that was refused may be silent before it is dropped.
const LINGER: Duration = Duration::from_secs(1);

/// A client's connection.
pub struct Connection {
    /// Shared with the list of open connections, which only shuts it down.
    pub stream: Arc<TcpStream>,
    /// Received and not used yet.
    pub input: Vec<u8>,
    number: u64,
    journal: Arc<Journal>,
}

/// What a chat completion's body says about the script to play. Unknown fields are skipped without recursion, so that no
/// depth of nesting can exhaust a small stack.
#[derive(Default, Deserialize)]
struct Wanted {
    model: Option<String>,
    stream: Option<bool>,
}

impl Connection {
    /// A connection that was just accepted.
    pub fn new(stream: Arc<TcpStream>, number: u64, journal: Arc<Journal>) -> Self {
        Self { stream, input: Vec::new(), number, journal }
    }

    /// Serves until either side closes.
    pub fn serve(mut self) {
        while !self.journal.stopped() {
            let request = match Request::read(&mut self) {
                Ok(request) => request,
                Err(ReadError::Gone) => return,
                Err(ReadError::Refused(status, problem)) => {
                    let body = chunk::error("invalid_request_error", None, problem);
                    // The connection ends here whether or not the client hears why.
                    let _ = self.respond(status, &body, true).and_then(|()| self.linger());
                    return;
                }
            };
            let close = request.close;
            if !self.answer(request) || close {
                return;
            }
        }
    }

    /// True if the connection can take another request.
    fn answer(&mut self, request: Request) -> bool {
        let target = String::from_utf8_lossy(request.target()).into_owned();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        if request.method() == b"POST" && path.ends_with("/chat/completions") {
            let wanted: Wanted = serde_json::from_slice(&request.body).unwrap_or_default();
            let model = wanted.model.as_deref().unwrap_or(DEFAULT);
            let second = path.starts_with("/fallback/").then(|| format!("{FALLBACK}{model}"));
            return self.play(second.as_deref().unwrap_or(model), request, wanted.stream == Some(true));
        }
        if path.starts_with("/play/mail/") {
            let id = mail::id(&request.body);
            return self.play(&id, request, false);
        }
        if path == "/play/captcha" {
            // Turnstile's form.
            let id = format!("captcha:{}", form::field(&request.body, "response"));
            return self.play(&id, request, false);
        }
        if let Some(id) = path.strip_prefix("/play/") {
            return self.play(&decode(id), request, true);
        }
        let (status, body) = if let Some(id) = path.strip_prefix("/__script/") {
            control::put_script(&self.journal, &decode(id), &request)
        } else if let Some(id) = path.strip_prefix("/__calls/") {
            control::get_calls(&self.journal, &decode(id), query)
        } else {
            let help = "nothing is scripted here: use POST …/chat/completions, /play/{id}, /play/mail/…, /play/captcha, PUT /__script/{id} or GET /__calls/{id}";
            (404, chunk::error("invalid_request_error", Some("unknown_url"), help))
        };
        self.respond(status, &body, request.close).is_ok()
    }

    fn play(&mut self, id: &str, request: Request, streamed: bool) -> bool {
        let journal = Arc::clone(&self.journal);
        let Some(begun) = journal.begin(id, request, streamed, self.number) else { return false };
        let ending = player::play(self, &begun.plan, &begun.record);
        journal.end(&begun.record, ending != Ending::Left);
        ending == Ending::Reusable
    }

    fn respond(&mut self, status: u16, body: &Value, close: bool) -> io::Result<()> {
        let body = body.to_string();
        let connection = if close { "close" } else { "keep-alive" };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: {connection}\r\n\r\n"
        );
        self.write(&[head, body].concat().into_bytes())
    }

    /// Closes its own side and drops what the client still sends: closing with bytes unread would reset the connection,
    /// and the answer might be lost with it.
    fn linger(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        while socket::wait(&self.stream, true, Some(LINGER))? && self.receive()? > 0 {
            self.input.clear();
        }
        Ok(())
    }

    /// One write, and more only where the client reads too slowly to take it at once.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        (&*self.stream).write_all(bytes)
    }

    /// Waits for input and keeps it; 0 when the client has closed.
    pub fn receive(&mut self) -> io::Result<usize> {
        let start = self.input.len();
        self.input.resize(start + READ, 0);
        let received = loop {
            match (&*self.stream).read(&mut self.input[start..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.input.truncate(start + *received.as_ref().unwrap_or(&0));
        received
    }
}

impl Source for Connection {
    fn input(&mut self) -> &mut Vec<u8> {
        &mut self.input
    }

    fn fill(&mut self) -> io::Result<usize> {
        self.receive()
    }

    fn go_on(&mut self) -> io::Result<()> {
        self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    }
}

/// Undoes percent-encoding; what is none stays as it is.
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let digits = text.get(index + 1..index + 3).filter(|_| bytes[index] == b'%');
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            out.push(byte);
            index += 3;
        } else {
            out.push(bytes[index]);
            index += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
