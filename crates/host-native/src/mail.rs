//! Mail in development: each message becomes a file that mail programs open.

use std::{
    fmt::Write as _,
    fs::{self, DirBuilder, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::Timestamp;
use ports::{Clock, Entropy, Mail, MailError, Mailer, Sender};

/// A folder of `.eml` files (RFC 5322), one a message, named by time.
pub struct MailFolder {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl MailFolder {
    /// Creates the folder (mode 0700) where it is missing.
    pub fn open(path: &Path, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Self, MailError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| MailError(format!("cannot create the folder {}: {error}", path.display())))?;
        Ok(Self { path: path.to_owned(), clock, entropy })
    }
}

#[async_trait]
impl Mailer for MailFolder {
    async fn send(&self, mail: Mail) -> Result<(), MailError> {
        let now = self.clock.now();
        let unique = self.entropy.bytes::<8>().iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let text = message(&mail, now, &unique)?;
        let name = self.path.join(format!("{}-{unique}", now.millis()));
        tokio::task::spawn_blocking(move || store(&name, &text))
            .await
            .map_err(|error| MailError(error.to_string()))?
            .map_err(|error| MailError(format!("cannot write the message: {error}")))
    }
}

/// Under its final name a message is complete.
fn store(name: &Path, text: &str) -> std::io::Result<()> {
    let unfinished = name.with_extension("tmp");
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(&unfinished)?.write_all(text.as_bytes())?;
    fs::rename(&unfinished, name.with_extension("eml"))
}

fn message(mail: &Mail, now: Timestamp, unique: &str) -> Result<String, MailError> {
    let Sender { name, address } = &mail.from;
    // A line break would begin a header of the caller's choice.
    if [&mail.to, &mail.subject, name, address].iter().any(|text| text.chars().any(char::is_control)) {
        return Err(MailError("the sender, the recipient or the subject contains a control character".into()));
    }
    let date = UNIX_EPOCH + Duration::from_millis(u64::try_from(now.millis()).unwrap_or(0));
    let from = if name.is_ascii() { mail.from.to_string() } else { format!("{} <{address}>", encoded(name)) };
    let head = format!(
        "Date: {}\r\nFrom: {from}\r\nTo: {}\r\nSubject: {}\r\nMessage-ID: <{unique}@localhost>\r\nMIME-Version: 1.0\r\n",
        httpdate::fmt_http_date(date),
        mail.to,
        encoded(&mail.subject),
    );
    let text = part("plain", &mail.text);
    let Some(html) = &mail.html else { return Ok(head + &text) };
    // Nobody who writes a message knows the boundary's random part. The last of the parts is the best.
    let boundary = format!("=_{unique}");
    Ok(format!(
        "{head}Content-Type: multipart/alternative; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n{text}--{boundary}\r\n{}--{boundary}--\r\n",
        part("html", html),
    ))
}

fn part(kind: &str, text: &str) -> String {
    let lines = text.lines().collect::<Vec<_>>().join("\r\n");
    format!("Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{lines}\r\n")
}

/// The text of a header: as it is in ASCII, else in encoded words (RFC 2047) of at most 75 characters.
fn encoded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut words = vec![String::new()];
    for c in text.chars() {
        // 42 bytes are 56 characters of base64, 68 with their frame.
        match words.last_mut() {
            Some(word) if word.len() + c.len_utf8() <= 42 => word.push(c),
            _ => words.push(c.into()),
        }
    }
    let words: Vec<_> = words.iter().map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word))).collect();
    words.join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::SystemClock, entropy::SystemEntropy};

    fn mail(to: &str, subject: &str) -> Mail {
        Mail {
            from: Sender { name: "Meer, GmbH".into(), address: "sea@example.com".into() },
            to: to.into(),
            subject: subject.into(),
            text: "Your code is 123456.\nBye".into(),
            html: None,
        }
    }

    #[tokio::test]
    async fn a_message_is_one_private_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let parent = tempfile::tempdir().unwrap();
        let folder =
            MailFolder::open(&parent.path().join("mail"), Arc::new(SystemClock), Arc::new(SystemEntropy)).unwrap();
        folder.send(mail("ada@example.com", "Grüße")).await.unwrap();
        let files: Vec<_> =
            fs::read_dir(parent.path().join("mail")).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files.len(), 1);
        assert_eq!(fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&files[0]).unwrap();
        assert!(text.contains("\r\nFrom: \"Meer, GmbH\" <sea@example.com>\r\n"), "{text}");
        assert!(text.contains("\r\nTo: ada@example.com\r\nSubject: =?utf-8?B?R3LDvMOfZQ==?=\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\nYour code is 123456.\r\nBye\r\n"), "{text}");
    }

    #[test]
    fn headers_cannot_be_injected() {
        let from = Sender { name: "s\r\nBcc: c@d".into(), address: "a@b".into() };
        let sender = Mail { from, ..mail("a@b", "s") };
        for bad in [mail("a@b\r\nBcc: c@d", "s"), mail("a@b", "s\nBcc: c@d"), sender] {
            assert!(message(&bad, Timestamp::default(), "1").is_err());
        }
    }

    #[test]
    fn text_and_html_are_alternatives() {
        let from = Sender { name: "Grüße".into(), address: "sea@example.com".into() };
        let both = Mail { from, html: Some("<p>Your code\nis 123456.</p>".into()), ..mail("a@b", "s") };
        let text = message(&both, Timestamp::default(), "77").unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("\r\nFrom: =?utf-8?B?R3LDvMOfZQ==?= <sea@example.com>\r\n"), "{head}");
        assert!(head.ends_with("\r\nContent-Type: multipart/alternative; boundary=\"=_77\""), "{head}");
        let encoding = "charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
        assert_eq!(
            body,
            format!(
                "--=_77\r\nContent-Type: text/plain; {encoding}Your code is 123456.\r\nBye\r\n\
                 --=_77\r\nContent-Type: text/html; {encoding}<p>Your code\r\nis 123456.</p>\r\n--=_77--\r\n"
            )
        );
    }
}
