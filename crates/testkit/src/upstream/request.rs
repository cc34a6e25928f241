//! One HTTP/1.1 request, read off a connection's bytes with bounds (RFC 9112). It is kept as the bytes that came; what
//! they mean is worked out when asked.

use std::io;
use std::ops::Range;

/// Bytes of a request line with its headers.
const HEAD_LIMIT: usize = 64 << 10;
/// Bytes of a body, a script's included.
const BODY_LIMIT: usize = 64 << 20;

/// A request as it came.
#[derive(Debug)]
pub struct Request {
    /// Request line and headers, with the blank line.
    pub head: Box<[u8]>,
    /// Without framing.
    pub body: Box<[u8]>,
    method: Range<usize>,
    target: Range<usize>,
    /// Whether the client wants the connection closed after the answer.
    pub close: bool,
}

/// Why there is no request.
#[derive(Debug)]
pub enum ReadError {
    /// The client is gone, or never began a request.
    Gone,
    /// Answered with a 4xx.
    Refused(u16, &'static str),
}

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Where requests are read from: a connection.
pub trait Source {
    /// What was received and not used yet.
    fn input(&mut self) -> &mut Vec<u8>;
    /// Waits for more input; `Ok(0)` says that there will be none.
    fn fill(&mut self) -> io::Result<usize>;
    /// Tells the client to go on and send the body.
    fn go_on(&mut self) -> io::Result<()>;
}

impl Request {
    /// `GET`, `POST` …
    pub fn method(&self) -> &[u8] {
        &self.head[self.method.clone()]
    }

    /// Path and query.
    pub fn target(&self) -> &[u8] {
        &self.head[self.target.clone()]
    }

    /// Reads the next request.
    pub fn read(source: &mut impl Source) -> Result<Self, ReadError> {
        let end = head_end(source)?;
        let head: Box<[u8]> = source.input()[..end].into();
        consume(source.input(), end);
        let facts = Facts::of(&head).map_err(|problem| ReadError::Refused(400, problem))?;
        if facts.expects_continue {
            source.go_on()?;
        }
        let body = match facts.length {
            BodyLength::Chunked => chunked_body(source)?,
            BodyLength::Bytes(length) if length > BODY_LIMIT => return Err(TOO_LARGE),
            BodyLength::Bytes(length) => take(source, length)?,
        };
        Ok(Self { body: body.into(), method: facts.method, target: facts.target, close: facts.close, head })
    }
}

const TOO_LARGE: ReadError = ReadError::Refused(413, "the scripted upstream takes bodies of up to 64 MiB");

/// The headers of a request head as text, in order; what is no UTF-8 is replaced.
pub fn headers(head: &[u8]) -> Vec<(String, String)> {
    lines(head).skip(1).filter_map(header).map(|(name, value)| (lossy(name), lossy(value))).collect()
}

/// Bytes as text; what is no UTF-8 is replaced.
pub fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn header(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    Some((&line[..colon], line[colon + 1..].trim_ascii()))
}

enum BodyLength {
    Bytes(usize),
    Chunked,
}

/// What reading on depends on.
struct Facts {
    method: Range<usize>,
    target: Range<usize>,
    length: BodyLength,
    close: bool,
    expects_continue: bool,
}

impl Facts {
    fn of(head: &[u8]) -> Result<Self, &'static str> {
        let mut lines = lines(head);
        let first = lines.next().unwrap_or_default();
        let mut spaces = first.iter().enumerate().filter(|(_, byte)| **byte == b' ').map(|(index, _)| index);
        let (Some(one), Some(two), None) = (spaces.next(), spaces.next(), spaces.next()) else {
            return Err("the request line is not `METHOD target HTTP/1.1`");
        };
        let close = &first[two + 1..] != b"HTTP/1.1";
        let length = BodyLength::Bytes(0);
        let mut facts = Self { method: 0..one, target: one + 1..two, length, close, expects_continue: false };
        for (name, value) in lines.filter_map(header) {
            // The lengths come first because this runs for every header of every request of a benchmark.
            match name.len() {
                10 if name.eq_ignore_ascii_case(b"connection") => {
                    facts.close |= value.eq_ignore_ascii_case(b"close");
                }
                6 if name.eq_ignore_ascii_case(b"expect") => {
                    facts.expects_continue = value.eq_ignore_ascii_case(b"100-continue");
                }
                14 if name.eq_ignore_ascii_case(b"content-length") => {
                    let length = str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
                    facts.length = BodyLength::Bytes(length.ok_or("content-length is no number")?);
                }
                17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                    if !value.eq_ignore_ascii_case(b"chunked") {
                        return Err("the only transfer-encoding known here is chunked");
                    }
                    facts.length = BodyLength::Chunked;
                }
                _ => {}
            }
        }
        Ok(facts)
    }
}

fn consume(input: &mut Vec<u8>, bytes: usize) {
    if bytes == input.len() {
        input.clear();
    } else {
        input.drain(..bytes);
    }
}

/// Waits for more input, which must come.
fn more(source: &mut impl Source) -> Result<(), ReadError> {
    if source.fill()? == 0 { Err(ReadError::Gone) } else { Ok(()) }
}

/// Waits for a whole head; its length with the blank line.
fn head_end(source: &mut impl Source) -> Result<usize, ReadError> {
    let mut searched = 0_usize;
    loop {
        let input = source.input();
        // A mark may begin in the three bytes that were searched last.
        let from = searched.saturating_sub(3);
        if let Some(found) = input[from..].windows(4).position(|mark| mark == b"\r\n\r\n") {
            return Ok(from + found + 4);
        }
        if input.len() > HEAD_LIMIT {
            return Err(ReadError::Refused(431, "the scripted upstream takes heads of up to 64 KiB"));
        }
        searched = input.len();
        more(source)?;
    }
}

/// Waits for exactly this many bytes.
fn take(source: &mut impl Source, length: usize) -> Result<Vec<u8>, ReadError> {
    while source.input().len() < length {
        more(source)?;
    }
    let input = source.input();
    let taken = input[..length].to_vec();
    consume(input, length);
    Ok(taken)
}

/// Waits for a line; without its end.
fn line(source: &mut impl Source) -> Result<Vec<u8>, ReadError> {
    loop {
        let input = source.input();
        if let Some(end) = input.iter().position(|byte| *byte == b'\n') {
            let line = input[..end].trim_ascii_end().to_vec();
            consume(input, end + 1);
            return Ok(line);
        }
        if input.len() > HEAD_LIMIT {
            return Err(ReadError::Refused(400, "a line of the chunked body has no end"));
        }
        more(source)?;
    }
}

fn chunked_body(source: &mut impl Source) -> Result<Vec<u8>, ReadError> {
    let mut body = Vec::new();
    loop {
        let line = self::line(source)?;
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let size = str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let size = size.ok_or(ReadError::Refused(400, "a chunk's size is no hexadecimal number"))?;
        if size == 0 {
            break;
        }
        if size > BODY_LIMIT - body.len() {
            return Err(TOO_LARGE);
        }
        body.extend(take(source, size)?);
        self::line(source)?;
    }
    // Trailers, to the blank line.
    while !line(source)?.is_empty() {}
    Ok(body)
}
