//! What the scripted upstream plays while it is measured against, and how it is asked.

use std::{net::SocketAddr, process::Command, time::Duration};

use super::{
    client::{Connection, request},
    process::{Process, free_address},
};
use crate::{command::Result, workspace};

/// A reply of five pieces; as one JSON object to whoever does not ask to stream.
pub const SHORT: &str = "short";
/// 21 chunks and the end, in one write.
pub const BURST: &str = "burst";
/// The head, a pause of [`PAUSE`], then [`PIECES`] pieces, one every [`STEP`].
pub const PACED: &str = "paced";
/// One piece, then silence.
pub const STALL: &str = "stall";

/// Before the first piece of the paced reply.
pub const PAUSE: Duration = Duration::from_millis(30);
/// Between two of its pieces.
pub const STEP: Duration = Duration::from_millis(5);
/// How many it has.
pub const PIECES: usize = 20;
/// In every piece once, and nowhere else.
pub const MARK: u8 = b'~';
/// In every piece of text, so in every whole reply.
pub const SIGN: &str = "~tok";

/// Starts the upstream and gives it its scripts.
pub fn upstream() -> Result<Process> {
    let address = free_address()?;
    let mut program = Command::new(workspace::target().join("release/scripted-upstream"));
    let upstream = Process::start(program.args(["--listen", &address.to_string()]), address, "/")?;
    let mut connection = Connection::open(address).map_err(|error| format!("scripted upstream: {error}"))?;
    for (id, script) in scripts() {
        let put = request("PUT", &format!("/__script/{id}"), None, &script);
        match connection.call(&put) {
            Ok(200..=299) => {}
            other => return Err(format!("the upstream does not take the script `{id}`: {other:?}")),
        }
    }
    Ok(upstream)
}

/// A chat completion of this script, asked of the upstream itself.
pub fn direct(script: &str, stream: bool) -> Vec<u8> {
    let body = format!(
        r#"{{"model":"{script}","messages":[{{"role":"user","content":"Say something."}}],"max_tokens":100,"stream":{stream}}}"#
    );
    request("POST", "/v1/chat/completions", None, &body)
}

/// The same, asked of Littoral.
pub fn through(script: &str, stream: bool, token: &str) -> Vec<u8> {
    let body = format!(r#"{{"model":"{script}","prompt":"Say something.","max_tokens":100,"stream":{stream}}}"#);
    request("POST", "/api/v1/ai/complete", Some(token), &body)
}

/// Where Littoral is told that its provider is.
pub fn base_url(upstream: SocketAddr) -> String {
    format!("http://{upstream}/v1")
}

fn scripts() -> [(&'static str, String); 4] {
    let head =
        r#"{"head":{"headers":[["content-type","text/event-stream"]]}},{"delta":{"role":"assistant","content":""}}"#;
    let piece = r#"{"delta":"~tok "}"#;
    let end =
        r#"{"finish":"stop"},{"usage":{"prompt_tokens":9,"completion_tokens":20,"total_tokens":29}},{"done":true}"#;
    let pieces = |count: usize, between: &str| vec![piece; count].join(between);
    let short = pieces(5, ",");
    let plain = format!(
        r#"{{"steps":[{{"head":{{"headers":[["content-type","application/json"]],"framing":"length"}}}},{{"completion":{{"text":"{}","usage":{{"prompt_tokens":9,"completion_tokens":20,"total_tokens":29}}}}}}],"joined":true}}"#,
        "~tok ".repeat(5)
    );
    let burst = pieces(PIECES, ",");
    let paced = pieces(PIECES, &format!(r#",{{"pause_ms":{}}},"#, STEP.as_millis()));
    let pause = PAUSE.as_millis();
    [
        (SHORT, format!(r#"{{"steps":[{head},{short},{end}],"joined":true,"plain":{plain}}}"#)),
        (BURST, format!(r#"{{"steps":[{head},{burst},{end}],"joined":true}}"#)),
        (PACED, format!(r#"{{"steps":[{head},{{"pause_ms":{pause}}},{paced},{end}],"joined":true}}"#)),
        (STALL, format!(r#"{{"steps":[{head},{piece},{{"stall":true}}]}}"#)),
    ]
}
