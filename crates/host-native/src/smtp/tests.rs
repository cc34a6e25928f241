use std::io;

use testkit::behaviour;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    task::JoinHandle,
};

use super::*;
use crate::entropy::SystemEntropy;

/// A server for `count` connections: it greets, takes everything or answers `RCPT` with `refusal`, and returns every line it
/// was sent.
async fn server(count: usize, refusal: Option<&'static str>) -> (SmtpUrl, JoinHandle<io::Result<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let mut all = Vec::new();
        for _ in 0..count {
            let (mut stream, _) = listener.accept().await?;
            let (read, mut write) = stream.split();
            let mut lines = BufReader::new(read).lines();
            write.write_all(b"220 test ESMTP\r\n").await?;
            let mut data = false;
            while let Some(line) = lines.next_line().await? {
                let answer = match line.split(' ').next().unwrap_or_default() {
                    "." if data => {
                        data = false;
                        "250 taken"
                    }
                    _ if data => "",
                    "EHLO" => "250-test\r\n250 8BITMIME",
                    "RCPT" => refusal.unwrap_or("250 yes"),
                    "DATA" => {
                        data = true;
                        "354 go on"
                    }
                    "QUIT" => "221 bye",
                    _ => "250 yes",
                };
                if !answer.is_empty() {
                    write.write_all(format!("{answer}\r\n").as_bytes()).await?;
                }
                all.push(line);
            }
        }
        Ok(all)
    });
    (SmtpUrl::parse(&format!("smtp://127.0.0.1:{port}?tls=none")).unwrap(), task)
}

fn smtp(url: &SmtpUrl) -> Smtp {
    let from = Sender { name: "Sea".into(), address: "hello@sea.example".into() };
    Smtp::new(url, &from, Arc::new(SystemEntropy)).unwrap()
}

fn mail() -> Mail {
    Mail {
        from: Sender { name: "Grüße, Inc.".into(), address: "hello@sea.example".into() },
        to: "ada@example.com".into(),
        subject: "A code\r\nBcc: eve@example.com".into(),
        text: "Your code is 123456.\n.\nBye".into(),
        html: Some("<p>Your code is 123456.</p>".into()),
    }
}

#[tokio::test]
async fn smtp_keeps_the_contract_of_mail() {
    let (url, server) = server(3, None).await;
    behaviour::mailer(&smtp(&url), "ada@example.com").await.assert_passed();
    let lines = server.await.unwrap().unwrap();
    assert_eq!(lines.iter().filter(|line| line.starts_with("RCPT TO:<ada@example.com>")).count(), 3);
}

#[tokio::test]
async fn a_message_has_both_parts_and_only_the_headers_it_should() {
    let (url, server) = server(1, None).await;
    smtp(&url).send(mail()).await.unwrap();
    let lines = server.await.unwrap().unwrap();
    let has = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
    assert_eq!(lines[0], "EHLO sea.example");
    assert_eq!((has("MAIL FROM:<hello@sea.example>"), has("RCPT TO:<ada@example.com>")), (1, 1));
    assert_eq!((has("To: "), has("Bcc"), has("RCPT"), has("Date: ")), (1, 0, 1, 1), "{lines:#?}");
    assert_eq!((has("Content-Type: multipart/alternative"), has("Message-ID: <")), (1, 1), "{lines:#?}");
    assert_eq!((has("Content-Type: text/plain"), has("Content-Type: text/html")), (1, 1), "{lines:#?}");
    assert_eq!((has("Your code is 123456."), has("<p>Your code is 123456.</p>"), has("..")), (1, 1, 1), "{lines:#?}");
}

#[tokio::test]
async fn a_refusal_is_told_by_its_code_alone() {
    let (url, _server) = server(1, Some("550 5.1.1 <ada@example.com> unknown here")).await;
    let error = smtp(&url).send(mail()).await.unwrap_err().to_string();
    assert_eq!(error, "mail: the SMTP server answered 550");
    let (url, _server) = server(1, Some("what about ada@example.com?")).await;
    let error = smtp(&url).send(mail()).await.unwrap_err().to_string();
    assert!(error.contains("no SMTP") && !error.contains("ada"), "{error}");
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_cannot_encrypt() {
    let (url, server) = server(1, None).await;
    let url = SmtpUrl::parse(&format!("smtp://user:canary@127.0.0.1:{}", url.port)).unwrap();
    let error = smtp(&url).send(mail()).await.unwrap_err().to_string();
    assert!(error.contains("STARTTLS") && !error.contains("canary"), "{error}");
    let lines = server.await.unwrap().unwrap();
    assert!(lines.iter().all(|line| line.starts_with("EHLO") || line == "QUIT"), "{lines:?}");
}

#[tokio::test]
async fn an_address_that_smtp_cannot_carry_is_refused_before_connecting() {
    let url = SmtpUrl::parse("smtps://127.0.0.1:9").unwrap();
    let bad = Mail { to: "ada@example.com>\r\nDATA".into(), ..mail() };
    let error = smtp(&url).send(bad).await.unwrap_err().to_string();
    assert_eq!(error, "mail: the recipient's address is none that SMTP can carry");
}

#[test]
fn an_url_says_where_and_how_securely() {
    let parsed = |text| SmtpUrl::parse(text).map(|url| (url.host, url.port, url.security));
    assert_eq!(parsed("smtp://u:p%40@mail.example"), Some(("mail.example".into(), 587, Security::StartTls)));
    assert_eq!(parsed("smtps://u:p@mail.example/"), Some(("mail.example".into(), 465, Security::Tls)));
    assert_eq!(parsed("smtp://localhost:1025?tls=none"), Some(("localhost".into(), 1025, Security::None)));
    assert!(!format!("{:?}", SmtpUrl::parse("smtps://canary:canary@h")).contains("canary"));
    for bad in [
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://mail.example?tls=maybe",
        "smtps://mail.example?tls=none",
        "smtp://u:p@mail.example?tls=none",
        "smtp://u@mail.example",
        "smtp://mail.example/name",
    ] {
        assert_eq!(parsed(bad), None, "{bad}");
    }
}
