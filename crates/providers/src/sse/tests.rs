//! One test for each rule of the standard, and the two in which this parser differs.

use super::*;

fn parse(chunks: &[&[u8]]) -> (Vec<SseEvent>, Result<(), SseError>) {
    let (mut parser, mut out) = (SseParser::with_max_event_bytes(64), Vec::new());
    let mut result = chunks.iter().try_for_each(|chunk| parser.feed(chunk, &mut out));
    if result.is_ok() {
        result = parser.finish().map(|rest| out.extend(rest));
    }
    (out, result)
}

fn data(text: &str) -> SseEvent {
    SseEvent { data: text.to_owned(), ..SseEvent::default() }
}

#[track_caller]
fn assert_events(stream: &str, expected: &[SseEvent]) {
    let expected = (expected.to_vec(), Ok(()));
    assert_eq!(parse(&[stream.as_bytes()]), expected, "in one piece");
    for at in 0..=stream.len() {
        let (left, right) = stream.as_bytes().split_at(at);
        assert_eq!(parse(&[left, right]), expected, "cut at {at}");
        assert_eq!(parse(&[left, b"", right]), expected, "cut at {at} with an empty chunk");
    }
    let bytes: Vec<_> = stream.as_bytes().chunks(1).collect();
    assert_eq!(parse(&bytes), expected, "byte by byte");
}

#[test]
fn lines_end_with_lf_cr_or_crlf() {
    for ending in ["\n", "\r", "\r\n"] {
        let stream = "data: a\ndata: b\n\ndata: ü\n\n".replace('\n', ending);
        assert_events(&stream, &[data("a\nb"), data("ü")]);
    }
    assert_events("data: a\r\n\rdata: b\n\r\n", &[data("a"), data("b")]);
}

#[test]
fn one_byte_order_mark_and_one_space_are_dropped() {
    assert_events("\u{feff}data:  a\n\n", &[data(" a")]);
    assert_events("\u{feff}\ndata:a\n\n", &[data("a")]);
    assert_events("\u{feff}\u{feff}data:a\n\n", &[]);
    assert_events("\n\u{feff}data:a\n\n", &[]);
}

#[test]
fn comments_and_unknown_fields_mean_nothing() {
    assert_events(": hb\n\n:\ndata: a\n:data: b\nfoo: c\n DATA: d\n\n: hb\n\n", &[data("a")]);
}

#[test]
fn a_field_without_a_colon_is_empty() {
    assert_events("data\ndata\n\ndata\n\n", &[data("\n"), data("")]);
}

#[test]
fn an_event_without_data_is_none() {
    assert_events("event: a\n\ndata: b\n\n", &[data("b")]);
}

#[test]
fn names_belong_to_their_event_only() {
    let named = SseEvent { id: Some("7".into()), event: Some("delta".into()), data: "a".into() };
    assert_events("id: 7\nevent: state\nevent: delta\ndata: a\n\nevent:\ndata: b\n\n", &[named, data("b")]);
}

#[test]
fn the_last_id_stays_and_one_with_nul_is_ignored() {
    let (mut parser, mut out) = (SseParser::new(), Vec::new());
    parser.feed(b"id: 1\ndata: a\n\nid: 2\n\nid: 3\0\ndata: b\n\n", &mut out).unwrap();
    assert_eq!(parser.last_event_id(), "2");
    assert_eq!(out, [SseEvent { id: Some("1".into()), ..data("a") }, data("b")]);
    parser.feed(b"id\n", &mut out).unwrap();
    assert_eq!(parser.last_event_id(), "");
}

#[test]
fn retry_takes_digits_only() {
    let (mut parser, mut out) = (SseParser::new(), Vec::new());
    for (line, expected) in
        [("-1", None), ("1500", Some(1500)), ("1s", Some(1500)), ("", Some(1500)), ("+2", Some(1500))]
    {
        parser.feed(format!("retry: {line}\n").as_bytes(), &mut out).unwrap();
        assert_eq!(parser.retry(), expected.map(Duration::from_millis), "{line:?}");
    }
}

#[test]
fn data_that_no_blank_line_closed_is_left_over() {
    assert_events("data: a\n\ndata: b\n", &[data("a"), data("b")]);
    assert_events("data: b", &[data("b")]);
    assert_events("event: b", &[]);
    assert_eq!(parse(&[b"data: \xf0\x9f"]), (vec![], Ok(())));
    assert_eq!(parse(&[b"data: \xf0\x28"]), (vec![], Err(SseError::InvalidUtf8)));
}

#[test]
fn invalid_utf_8_is_an_error_and_what_came_before_is_kept() {
    for bad in [b"data: \xff".as_slice(), b": \xc3", b"x\xed\xa0\x80"] {
        let stream = [b"data: a\n\n", bad, b"\n\ndata: b\n\n"].concat();
        for at in 0..=stream.len() {
            let (left, right) = stream.split_at(at);
            assert_eq!(parse(&[left, right]), (vec![data("a")], Err(SseError::InvalidUtf8)), "{bad:?} cut at {at}");
        }
    }
}

#[test]
fn an_event_beyond_the_limit_is_an_error_wherever_it_is_cut() {
    let too_large = Err(SseError::TooLarge { max_event_bytes: 64 });
    let long = "x".repeat(65);
    let many = "data: 123456789\n".repeat(10);
    let named = format!("event: {}\ndata: {}\n\n", &long[..40], &long[..40]);
    for bad in [long.as_bytes(), many.as_bytes(), named.as_bytes(), &[b"data: \xff", long.as_bytes(), b"\n"].concat()] {
        let stream = [b"data: a\n\n", bad].concat();
        for at in 0..=stream.len() {
            let (left, right) = stream.split_at(at);
            assert_eq!(parse(&[left, right]), (vec![data("a")], too_large), "cut at {at}");
        }
    }
    let fits = "x".repeat(58);
    assert_events(&format!("data: {fits}\n\n{}data: b\n\n", ": hb\n".repeat(50)), &[data(&fits), data("b")]);
}

#[test]
fn an_error_stays() {
    let (mut parser, mut out) = (SseParser::new(), Vec::new());
    assert_eq!(parser.feed(b"\xff\n", &mut out), Err(SseError::InvalidUtf8));
    assert_eq!(parser.feed(b"data: a\n\n", &mut out), Err(SseError::InvalidUtf8));
    assert_eq!(parser.finish(), Err(SseError::InvalidUtf8));
    assert!(out.is_empty());
}
