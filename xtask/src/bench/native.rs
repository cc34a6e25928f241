//! The native host against the scripted upstream, next to calling the upstream itself.

mod conversations;
pub mod littoral;
pub mod logins;
mod paced;
mod starts;
mod streams;

use std::{fmt::Write as _, path::Path, thread, time::Duration};

use super::{
    Scale,
    compare::{Row, Target, compare},
    figures::{Series, short},
    scripts::{self, BURST, PACED, SHORT, direct, through},
    table::{markdown, verdict},
};
use crate::command::Result;

/// Connections under load.
const MANY: usize = 32;

/// The four comparisons of whole replies.
struct Replies {
    name: &'static str,
    direct: Row,
    littoral: Row,
}

/// Measures all of it.
pub fn report(folder: &Path, scale: Scale) -> Result<String> {
    let upstream = scripts::upstream()?;
    eprintln!("bench: starts");
    let starts = starts::measure(folder, &upstream, scale)?;
    eprintln!("bench: {} open streams", scale.streams);
    let weight = streams::weigh(&littoral::folder(folder, "streams")?, &upstream, scale.streams)?;

    let littoral = littoral::start(&littoral::folder(folder, "load")?, upstream.address)?;
    thread::sleep(Duration::from_millis(500));
    let idle = littoral.rss()? / 1e6;
    let tokens = littoral::register(&littoral, MANY)?;
    let targets = |script: &str, stream: bool| {
        let ends = |of_stream, of_json| if stream { of_stream } else { of_json };
        let requests = tokens.iter().map(|token| through(script, stream, token)).collect();
        [
            Target {
                address: upstream.address,
                requests: vec![direct(script, stream)],
                status: 200,
                sign: ends("[DONE]", scripts::SIGN),
            },
            Target { address: littoral.address, requests, status: 200, sign: ends("\"completed\"", scripts::SIGN) },
        ]
    };
    let mut replies = Vec::new();
    for (name, script, stream, connections) in [
        ("JSON, 1 connection", SHORT, false, 1),
        ("JSON, 32 connections", SHORT, false, MANY),
        ("SSE burst of 21 chunks, 1 connection", BURST, true, 1),
        ("SSE burst of 21 chunks, 32 connections", BURST, true, MANY),
    ] {
        eprintln!("bench: {name}");
        let rows = compare(&targets(script, stream), connections, scale, &[&littoral, &upstream])?;
        let [direct, through] = <[Row; 2]>::try_from(rows).map_err(|_| "a target has no row")?;
        replies.push(Replies { name, direct, littoral: through });
    }
    eprintln!("bench: paced streams");
    let paced = paced::compare(&targets(PACED, true), scale)?;
    eprintln!("bench: conversations");
    let conversations = conversations::measure(&littoral, &tokens, scale)?;
    let after = littoral.rss()? / 1e6;
    eprintln!("bench: a storm of logins");
    let logins = logins::measure(&littoral, &tokens, scale)?;

    let mut text = introduction();
    text += &table_of_replies(&replies);
    text += &table_of_costs(&replies);
    let Some([direct, through]) = paced.first_chunk::<2>() else { return Err("a target has no row".into()) };
    text += &table_of_paced(direct, through);
    let memory = Memory { idle, after, weight, streams: scale.streams };
    text += &table_of_logins(&logins);
    text += &table_of_lines(&replies, (direct, through), &conversations, &memory, &starts);
    Ok(text)
}

fn introduction() -> String {
    let limits: Vec<_> = littoral::LIMITS.map(|(name, value)| format!("`{name}={value}`")).into();
    format!(
        "## Native, release build\n\nLittoral checks a bearer token and the rate limit of its user (a user for each connection), makes a \
         run, and writes one log line for every request (standard error goes to `/dev/null`, so that the log shares no disk with the \
         database). Settings are the defaults, argon2id's cost too, but for {}. It asks the upstream to stream, also for a JSON reply; \
         the direct JSON call asks for one object.\n\n",
        limits.join(" and ")
    )
}

fn table_of_replies(replies: &[Replies]) -> String {
    let rows: Vec<_> = replies
        .iter()
        .map(|Replies { name, direct, littoral }| {
            [
                (*name).to_owned(),
                format!("{} / {}", direct.p50, direct.p99),
                direct.rate.to_string(),
                format!("{} / {}", littoral.p50, littoral.p99),
                littoral.rate.to_string(),
                littoral.p50.minus(&direct.p50).to_string(),
                littoral.p99.minus(&direct.p99).to_string(),
                format!("{} ×", littoral.p50.over(&direct.p50)),
            ]
        })
        .collect();
    let head = [
        "",
        "direct p50 / p99, ms",
        "direct, a second",
        "Littoral p50 / p99, ms",
        "Littoral, a second",
        "added p50, ms",
        "added p99, ms",
        "p50 to direct",
    ];
    markdown(head, &rows)
}

fn table_of_costs(replies: &[Replies]) -> String {
    let cost = |row: &Row, index: usize| row.cpu.get(index).map(Series::to_string).unwrap_or_default();
    let rows: Vec<_> = replies
        .iter()
        .map(|Replies { name, direct, littoral }| {
            [
                (*name).to_owned(),
                cost(littoral, 0),
                cost(littoral, 1),
                cost(littoral, 2),
                cost(direct, 1),
                cost(direct, 2),
            ]
        })
        .collect();
    let head = [
        "processor time a reply, µs",
        "Littoral",
        "its upstream",
        "its load generator",
        "upstream, direct",
        "load generator, direct",
    ];
    markdown(head, &rows)
}

fn table_of_paced(direct: &paced::Row, through: &paced::Row) -> String {
    let row = |name: &str, of: fn(&paced::Row) -> &Series| {
        let (direct, through) = (of(direct), of(through));
        [name.to_owned(), direct.to_string(), through.to_string(), through.minus(direct).to_string()]
    };
    let rows = [
        row("time to first token, p50", |row| &row.first_p50),
        row("time to first token, p99", |row| &row.first_p99),
        row("largest gap of a stream, p50", |row| &row.gap_p50),
        row("largest gap of a stream, p99", |row| &row.gap_p99),
        row("largest gap of all streams", |row| &row.gap_max),
        row("streams a round", |row| &row.streams),
    ];
    let title = format!("paced streams, {} connections; ms", paced::CONNECTIONS);
    markdown([&title, "direct", "Littoral", "added"], &rows)
}

fn table_of_logins(logins: &logins::Logins) -> String {
    let rows = [
        ["logins a second".to_owned(), String::new(), logins.rate.to_string()],
        ["a login, p50".to_owned(), String::new(), logins.p50.to_string()],
        ["a list of conversations, p50".to_owned(), logins.calm.0.to_string(), logins.storm.0.to_string()],
        ["a list of conversations, p99".to_owned(), logins.calm.1.to_string(), logins.storm.1.to_string()],
        ["resident memory after, MB".to_owned(), String::new(), logins.memory.to_string()],
    ];
    let title = format!("{} logins at once; ms", logins::CONNECTIONS);
    markdown([&title, "calm", "storm"], &rows)
}

struct Memory {
    idle: f64,
    after: f64,
    weight: streams::Weight,
    streams: usize,
}

fn table_of_lines(
    replies: &[Replies],
    (direct, through): (&paced::Row, &paced::Row),
    conversations: &Row,
    memory: &Memory,
    starts: &starts::Starts,
) -> String {
    let added = |index: usize, of: fn(&Row) -> &Series| {
        replies.get(index).map(|reply| of(&reply.littoral).minus(of(&reply.direct))).unwrap_or_default()
    };
    let (json, many) = ((added(0, |row| &row.p50), added(0, |row| &row.p99)), replies.get(1));
    let rate = many.map(|many| many.littoral.rate.clone()).unwrap_or_default();
    let share = many.map(|many| many.littoral.rate.over(&many.direct.rate)).unwrap_or_default();
    let first = (through.first_p50.minus(&direct.first_p50), through.first_p99.minus(&direct.first_p99));
    let gap = through.gap_max.minus(&direct.gap_max);
    let peak = replies.iter().map(|reply| reply.littoral.memory.greatest()).fold(memory.after, f64::max);
    let each = memory.weight.each / 1e3;
    let below = |name: &str, line: f64, unit: &str, measured: &Series| {
        let line_text = format!("at most {line} {unit}");
        [name.to_owned(), line_text, measured.to_string(), verdict(measured.median() <= line)]
    };
    let above = |name: &str, line: f64, measured: &Series| {
        [name.to_owned(), format!("at least {line}"), measured.to_string(), verdict(measured.median() >= line)]
    };
    let rows = [
        below("added p50, JSON, 1 connection", 0.15, "ms", &json.0),
        below("added p99, JSON, 1 connection", 1.0, "ms", &json.1),
        above("replies a second, JSON, 32 connections", 15_000.0, &rate),
        below("added time to first token, p50", 0.5, "ms", &first.0),
        below("added time to first token, p99", 2.0, "ms", &first.1),
        below("largest gap above the upstream's own", 1.0, "ms", &gap),
        above("conversation replies, persisted, a second", 2_000.0, &conversations.rate),
        below("resident memory, idle", 30.0, "MB", &Series::from(memory.idle)),
        below(&format!("resident memory of an open stream, {} open", memory.streams), 30.0, "KB", &Series::from(each)),
        below("start to first answer", 50.0, "ms", &starts.again),
        below("start to first answer, empty data folder", 50.0, "ms", &starts.first),
    ];
    let mut text = markdown(["", "line to beat", "measured", ""], &rows);
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "JSON replies at 32 connections are {share} of what is possible directly. Conversation replies (32 connections, a new conversation \
         every {} messages, p50 / p99 {} / {} ms) are {} of the JSON replies. Resident memory is at most {} MB under load and {} MB after it; \
         with {} open streams it goes from {} to {} MB.\n",
        conversations::MESSAGES,
        conversations.p50,
        conversations.p99,
        conversations.rate.over(&rate),
        short(peak),
        short(memory.after),
        memory.streams,
        short(memory.weight.before / 1e6),
        short(memory.weight.after / 1e6),
    );
    text
}
