//! The program `scripted-upstream`: that it starts, says where, serves, and refuses nonsense. What it plays is tested beside
//! the server's code.
#![cfg(feature = "native")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_scripted-upstream");

/// Kills the program also when an assertion fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn call(address: &str, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_says_where_it_listens_and_plays_what_it_is_told() {
    let mut running = Running(Command::new(PROGRAM).stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on http://").unwrap().to_owned();
    assert!(call(&address, "PUT", "/__script/x", r#"{"steps":[{"delta":"Hel"},{"close":true}]}"#).contains("200"));
    let answer = call(&address, "POST", "/v1/chat/completions", r#"{"model":"x","stream":true}"#);
    assert!(answer.contains(r#""content":"Hel""#) && !answer.ends_with("0\r\n\r\n"), "{answer}");
    assert!(call(&address, "GET", "/__calls/x?wait=closed", "").contains(r#""count":1"#));
}

#[test]
fn it_refuses_what_it_does_not_know() {
    for (arguments, expected) in
        [(&["--port", "1"][..], "unknown argument"), (&["--listen", "nowhere"][..], "cannot listen")]
    {
        let output = Command::new(PROGRAM).args(arguments).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && message.contains(expected), "{message}");
    }
}
