//! The suite of `ports::Mailer`. Whether mail arrives is checked by whoever plays the next hop.

use ports::{Mail, Mailer, Sender};

use super::report::{Report, text};

/// Sends a few messages to `to`.
pub async fn mailer(mailer: &dyn Mailer, to: &str) -> Report {
    let mut report = Report::default();
    for (name, subject, body, html) in [
        ("“hands the message over”: a plain message is taken", "A code", "Your code is 123456.", None),
        (
            "“hands the message over”: accents, emoji and several lines are taken",
            "Grüße 👋",
            "Eins\nzwei\n\n.\nÜber 🌊",
            Some("<p>Eins</p>\n.\n<p>Über 🌊</p>"),
        ),
        ("“hands the message over”: an empty body is taken", "Nothing", "", Some("")),
    ] {
        let mail = Mail {
            from: Sender { name: "Grüße, Inc.".into(), address: "littoral@example.com".into() },
            to: to.into(),
            subject: subject.into(),
            text: body.into(),
            html: html.map(str::to_owned),
        };
        report.add(name, mailer.send(mail).await.map_err(text));
    }
    report
}
