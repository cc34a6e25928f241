//! The suite of `ports::Mailer`. Whether mail arrives is checked by whoever plays the next hop.

use ports::{Mail, Mailer};

use super::report::{Report, text};

/// Sends a few messages to `to`.
pub async fn mailer(mailer: &dyn Mailer, to: &str) -> Report {
    let mut report = Report::default();
    for (name, subject, body) in [
        ("“hands the message over”: a plain message is taken", "A code", "Your code is 123456."),
        (
            "“hands the message over”: accents, emoji and several lines are taken",
            "Grüße 👋",
            "Eins\nzwei\n\n.\nÜber 🌊",
        ),
        ("“hands the message over”: an empty body is taken", "Nothing", ""),
    ] {
        let mail = Mail { to: to.into(), subject: subject.into(), text: body.into() };
        report.add(name, mailer.send(mail).await.map_err(text));
    }
    report
}
