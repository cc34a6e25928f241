//! The smallest HTTP/1.1 client that sees how a response really ended.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use super::LONG;
use crate::upstream::Upstream;

pub struct Client {
    pub stream: TcpStream,
    input: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The framing says that this was all.
    Whole,
    /// FIN before that, or FIN where only FIN ends the body.
    Fin,
    Reset,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
    pub end: End,
}

impl Answer {
    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// The body of a chat completion request.
pub fn chat(model: &str, stream: bool) -> String {
    format!(r#"{{"model":"{model}","stream":{stream},"messages":[]}}"#)
}

/// One call on a connection of its own.
pub fn ask(upstream: &Upstream, model: &str, stream: bool) -> Answer {
    Client::new(upstream).ask(model, stream)
}

impl Client {
    pub fn new(upstream: &Upstream) -> Self {
        let stream = TcpStream::connect(upstream.address()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, input: Vec::new() }
    }

    pub fn send(&mut self, method: &str, path: &str, body: &str) {
        let length = body.len();
        self.send_raw(&format!("{method} {path} HTTP/1.1\r\nhost: upstream\r\ncontent-length: {length}\r\n\r\n{body}"));
    }

    pub fn send_raw(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    pub fn ask(&mut self, model: &str, stream: bool) -> Answer {
        self.send("POST", "/v1/chat/completions", &chat(model, stream));
        self.answer()
    }

    pub fn call(&mut self, method: &str, path: &str, body: &str) -> Answer {
        self.send(method, path, body);
        self.answer()
    }

    /// The head alone.
    pub fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.input.windows(4).position(|mark| mark == b"\r\n\r\n") {
                return String::from_utf8(self.input.drain(..end + 4).collect()).unwrap();
            }
            assert_eq!(self.fill(), None, "the connection ended within the head: {:?}", self.input);
        }
    }

    pub fn answer(&mut self) -> Answer {
        let head = self.head();
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut body = Vec::new();
        let end = if head.contains("transfer-encoding: chunked") {
            self.chunks(&mut body)
        } else if let Some(length) = head.split("content-length: ").nth(1) {
            let length = length.split("\r\n").next().unwrap().parse().unwrap();
            self.exactly(length, &mut body)
        } else if matches!(status, 100..200 | 204 | 304) {
            End::Whole
        } else {
            self.exactly(usize::MAX, &mut body)
        };
        Answer { status, head, body, end }
    }

    /// Everything to the connection's end.
    pub fn rest(&mut self) -> (Vec<u8>, End) {
        let mut bytes = Vec::new();
        let end = self.exactly(usize::MAX, &mut bytes);
        (bytes, end)
    }

    /// Reads until the input holds `text`.
    pub fn until(&mut self, text: &str) {
        while !self.input.windows(text.len()).any(|window| window == text.as_bytes()) {
            assert_eq!(self.fill(), None, "the connection ended before {text:?}: {:?}", self.input);
        }
    }

    fn chunks(&mut self, body: &mut Vec<u8>) -> End {
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                let end = self.exactly(1, &mut line);
                if end != End::Whole {
                    return end;
                }
            }
            let size = usize::from_str_radix(str::from_utf8(&line).unwrap().trim_end(), 16).unwrap();
            let mut closing = Vec::new();
            for (length, into) in [(size, &mut *body), (2, &mut closing)] {
                let end = self.exactly(length, into);
                if end != End::Whole {
                    return end;
                }
            }
            assert_eq!(closing, b"\r\n");
            if size == 0 {
                return End::Whole;
            }
        }
    }

    fn exactly(&mut self, length: usize, into: &mut Vec<u8>) -> End {
        let mut left = length;
        loop {
            let taken = left.min(self.input.len());
            into.extend(self.input.drain(..taken));
            left -= taken;
            if left == 0 {
                return End::Whole;
            }
            if let Some(end) = self.fill() {
                return end;
            }
        }
    }

    /// Reads once; says how the connection ended if it did.
    fn fill(&mut self) -> Option<End> {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => Some(End::Fin),
            Ok(read) => {
                self.input.extend_from_slice(&buffer[..read]);
                None
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Some(End::Reset),
            Err(error) => panic!("no answer in {LONG:?}: {error}"),
        }
    }
}
