//! A kept-alive HTTP/1.1 connection as small as a load generator wants it: it knows lengths and chunks, and keeps one body.
//! What is sent, how often and at what cost is measured elsewhere.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Silence after which a server counts as dead: no benchmark hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection and the last body it received.
#[derive(Debug)]
pub struct Connection {
    socket: TcpStream,
    /// Received; what is before `at` is used up.
    input: Vec<u8>,
    at: usize,
    body: Vec<u8>,
}

enum Framing {
    Length(usize),
    Chunked,
}

impl Connection {
    /// Connects, with `TCP_NODELAY`.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { socket, input: Vec::with_capacity(16 << 10), at: 0, body: Vec::new() })
    }

    /// Sends a request and reads its whole response; the status.
    pub fn call(&mut self, request: &[u8]) -> io::Result<u16> {
        self.watch(request, |_| {})
    }

    /// The same, and `hear` gets each piece of the body as it arrives.
    pub fn watch(&mut self, request: &[u8], mut hear: impl FnMut(&[u8])) -> io::Result<u16> {
        self.socket.write_all(request)?;
        self.body.clear();
        let (status, framing) = self.head()?;
        match framing {
            Framing::Length(length) => self.take(length, &mut hear)?,
            Framing::Chunked => loop {
                let size = self.line(|line| {
                    let digits = line.split(|&byte| byte == b';').next().unwrap_or_default();
                    std::str::from_utf8(digits).ok().and_then(|text| usize::from_str_radix(text.trim(), 16).ok())
                })?;
                match size.ok_or_else(|| broken("a chunk without a size"))? {
                    0 => break while !self.line(<[u8]>::is_empty)? {},
                    size => self.take(size, &mut hear)?,
                }
                if !self.line(<[u8]>::is_empty)? {
                    return Err(broken("a chunk longer than its size"));
                }
            },
        }
        Ok(status)
    }

    /// Sends a request and reads until `mark` has come; the rest of the response is left where it is.
    pub fn begin(&mut self, request: &[u8], mark: u8) -> io::Result<()> {
        self.socket.write_all(request)?;
        while !self.input[self.at..].contains(&mark) {
            self.fill()?;
        }
        self.at = self.input.len();
        // Held by the thousand: what is not needed any more should not weigh.
        self.input = Vec::new();
        self.at = 0;
        Ok(())
    }

    /// The body of the last response.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    fn head(&mut self) -> io::Result<(u16, Framing)> {
        let status = self.line(|line| std::str::from_utf8(line.get(9..12)?).ok()?.parse().ok())?;
        let status = status.ok_or_else(|| broken("no status line"))?;
        let mut framing = Framing::Length(0);
        loop {
            let (last, said) = self.line(|line| (line.is_empty(), framing_of(line)))?;
            if last {
                return Ok((status, framing));
            }
            framing = said.unwrap_or(framing);
        }
    }

    /// Reads a line and looks at it without its end.
    fn line<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
        let mut seen = 0;
        loop {
            let left = &self.input[self.at..];
            if let Some(end) = left[seen..].iter().position(|&byte| byte == b'\n') {
                let line = &left[..seen + end];
                let found = look(line.strip_suffix(b"\r").unwrap_or(line));
                self.at += seen + end + 1;
                return Ok(found);
            }
            seen = left.len();
            self.fill()?;
        }
    }

    fn take(&mut self, mut length: usize, hear: &mut impl FnMut(&[u8])) -> io::Result<()> {
        while length > 0 {
            if self.at == self.input.len() {
                self.fill()?;
            }
            let piece = &self.input[self.at..];
            let piece = &piece[..piece.len().min(length)];
            hear(piece);
            self.body.extend_from_slice(piece);
            self.at += piece.len();
            length -= piece.len();
        }
        Ok(())
    }

    fn fill(&mut self) -> io::Result<()> {
        self.input.drain(..self.at);
        self.at = 0;
        let kept = self.input.len();
        self.input.resize(kept + (16 << 10), 0);
        let received = self.socket.read(&mut self.input[kept..]);
        self.input.truncate(kept + *received.as_ref().unwrap_or(&0));
        if received? == 0 { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

/// What a header says about the end of the body, if it does.
fn framing_of(header: &[u8]) -> Option<Framing> {
    let colon = header.iter().position(|&byte| byte == b':')?;
    let (name, value) = (&header[..colon], header[colon + 1..].trim_ascii());
    if name.eq_ignore_ascii_case(b"transfer-encoding") {
        return value.eq_ignore_ascii_case(b"chunked").then_some(Framing::Chunked);
    }
    let length = name.eq_ignore_ascii_case(b"content-length").then_some(value)?;
    std::str::from_utf8(length).ok()?.parse().ok().map(Framing::Length)
}

fn broken(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// A request as bytes; a body is JSON.
pub fn request(method: &str, path: &str, token: Option<&str>, body: &str) -> Vec<u8> {
    let authorization = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
    let content = match body.len() {
        0 => String::new(),
        length => format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"),
    };
    format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}{content}\r\n{body}").into_bytes()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        thread,
    };

    use super::{Connection, request};

    #[test]
    fn lengths_and_chunks_follow_one_another_on_one_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut asked = vec![0; request("GET", "/", None, "").len()];
            socket.read_exact(&mut asked).unwrap();
            let both = "HTTP/1.1 200 OK\r\ncontent-LENGTH: 5\r\n\r\nhelloHTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n~a~\r\nb\r\n0123456789a\r\n0\r\n\r\n";
            for piece in both.as_bytes().chunks(3) {
                socket.write_all(piece).unwrap();
            }
            // Closing with bytes unread would reset the connection.
            socket.read_exact(&mut asked).unwrap();
        });
        let mut connection = Connection::open(address).unwrap();
        let request = request("GET", "/", None, "");
        assert_eq!((connection.call(&request).unwrap(), connection.body()), (200, &b"hello"[..]));
        let mut pieces = String::new();
        let status = connection.watch(&request, |piece| pieces += &String::from_utf8_lossy(piece));
        assert_eq!(
            (status.unwrap(), pieces.as_str(), connection.body()),
            (404, "~a~0123456789a", &b"~a~0123456789a"[..])
        );
        server.join().unwrap();
    }
}
