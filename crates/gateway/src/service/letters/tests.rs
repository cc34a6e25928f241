use std::future;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use ports::{BoxFuture, Busy, Sender};

use super::*;

fn config() -> config::Mail {
    config::Mail {
        enabled: true,
        app_name: "Sea & <Sky>".into(),
        app_url: "https://sea.example/app".into(),
        from: Sender { name: "Sea".into(), address: "sea@sea.example".into() },
        api: None,
    }
}

fn written(letter: &Letter) -> (String, String, String) {
    let mail = write(&config(), "ada@example.com", letter.clone());
    assert_eq!((mail.to.as_str(), &mail.from), ("ada@example.com", &config().from));
    (mail.subject, mail.text, mail.html.unwrap())
}

fn every_letter() -> Vec<Letter> {
    let token = || Secret::from("t+k/n");
    let text = |text: &str| text.to_owned();
    vec![
        Letter::VerifyEmail { token: token() },
        Letter::ConfirmNewEmail { token: token() },
        Letter::EmailChanged { new_hint: text("VALUE"), token: token() },
        Letter::EmailRestored,
        Letter::ResetPassword { token: token() },
        Letter::PasswordChanged { ended: "VALUE" },
        Letter::NewDevice { device: text("VALUE"), place: text("VALUE"), time: text("VALUE") },
        Letter::AccountLocked { places: "VALUE", until: text("VALUE") },
        Letter::AlreadyRegistered,
        Letter::AccessChanged { title: "TITLE", what: text("VALUE") },
        Letter::SecondFactorAdded { what: text("VALUE"), token: token() },
        Letter::SecondFactorLocked { until: text("VALUE") },
        Letter::DeletionScheduled { at: text("VALUE") },
    ]
}

#[test]
fn every_letter_says_its_values_in_both_parts_and_leaves_no_place_open() {
    for letter in every_letter() {
        let (subject, text, html) = written(&letter);
        assert!(!subject.is_empty() && !subject.contains('\n'), "{subject}");
        for part in [&subject, &text, &html] {
            assert!(!part.contains("{{") && !part.contains("}}"), "{part}");
        }
        // An unknown name would leave a gap: two spaces, a space before a stop, or nothing between tags.
        for gap in ["  ", " .", ": .", ": \n", "<strong></strong>", "\"\""] {
            assert!(!text.contains(gap), "{gap:?} in {text}");
            assert!(!html.contains(gap), "{gap:?} in {html}");
        }
        for (name, value) in letter.clone().values("https://sea.example/app") {
            assert!(text.contains(&value), "{name} is not in {text}");
            assert!(html.contains(&value), "{name} is not in {html}");
        }
        assert!(text.ends_with("\n\nSea & <Sky>\nhttps://sea.example/app\n"), "{text}");
        assert!(html.contains(&format!("<title>{subject}</title>")) && html.trim_end().ends_with("</html>"), "{html}");
        assert!(html.contains("Sea &amp; &lt;Sky&gt;") && !html.contains("<Sky>"), "{html}");
    }
}

#[test]
fn a_token_is_in_a_link_and_on_a_line_of_its_own() {
    for (page, letter) in [
        ("verify-email", Letter::VerifyEmail { token: Secret::from("t+k/n") }),
        ("confirm-email", Letter::ConfirmNewEmail { token: Secret::from("t+k/n") }),
        ("reset-password", Letter::ResetPassword { token: Secret::from("t+k/n") }),
        ("restore-email", Letter::EmailChanged { new_hint: "VALUE".into(), token: Secret::from("t+k/n") }),
        ("remove-second-factor", Letter::SecondFactorAdded { what: "VALUE".into(), token: Secret::from("t+k/n") }),
    ] {
        let (_, text, html) = written(&letter);
        let link = format!("https://sea.example/app/{page}?token=t%2Bk%2Fn");
        assert!(text.lines().any(|line| line == link), "{text}");
        assert!(text.lines().any(|line| line == "t+k/n"), "{text}");
        assert!(html.contains(&format!("<a href=\"{link}\"")), "{html}");
        assert!(!format!("{letter:?}").contains("t+k/n"));
    }
}

#[test]
fn a_strangers_words_become_neither_markup_nor_links_nor_lines() {
    let device = format!("<b>\"Evil\"</b>\r\nhttp://evil.example/{{{{token}}}} \u{202e}{}", "x".repeat(100));
    let (_, text, html) = written(&Letter::NewDevice { device, place: "\n".into(), time: "now".into() });
    assert!(text.contains("\nDevice: b Evil b http evil example token xxxx"), "{text}");
    assert!(text.contains("\nPlace: unknown\n"), "{text}");
    assert!(!text.contains(&"x".repeat(64)) && !html.contains("<b>") && !html.contains("http://evil"), "{html}");
}

#[test]
fn words_that_look_like_a_host_are_broken() {
    for (said, shown) in [
        ("evil.example", "evil example"),
        ("Ada's phone. Call evil.example/login.", "Ada's phone Call evil example login"),
        ("www.evil.example.", "www evil example"),
        ("ada@evil.example", "ada evil example"),
        ("evil\u{3002}example \u{ff0e}com", "evil example com"),
        ("192.0.2.1/login", "192 0 2 1 login"),
        ("4ever.com 1.2com", "4ever com 1 2com"),
        ("iOS 18.1.2, App/7.4", "iOS 18.1.2, App 7.4"),
        ("...", "unknown"),
    ] {
        assert_eq!(harmless(said), shown, "{said}");
    }
}

#[test]
fn values_are_escaped_in_html_alone_and_never_taken_for_names() {
    let what = "{{app}} <i>'on'</i> & \"off\"";
    let (_, text, html) = written(&Letter::AccessChanged { title: "A way in", what: what.into() });
    assert!(text.contains(what), "{text}");
    assert!(html.contains("{{app}} &lt;i&gt;&#39;on&#39;&lt;/i&gt; &amp; &quot;off&quot;"), "{html}");
}

/// Its time is over at once, or never comes.
struct Timer(bool);

#[async_trait]
impl Tasks for Timer {
    fn spawn(&self, _task: BoxFuture<()>) {}

    async fn sleep(&self, _duration: Duration) {
        if !self.0 {
            future::pending::<()>().await;
        }
    }

    async fn compute(&self, _work: Box<dyn FnOnce() + Send>) -> Result<(), Busy> {
        Err(Busy)
    }
}

/// Never answers, or at once.
struct Hop(Option<Result<(), MailError>>);

#[async_trait]
impl Mailer for Hop {
    async fn send(&self, _mail: Mail) -> Result<(), MailError> {
        match &self.0 {
            Some(answer) => answer.clone(),
            None => future::pending().await,
        }
    }
}

#[test]
fn handing_over_ends_with_the_answer_or_after_its_time() {
    let mail = || write(&config(), "ada@example.com", Letter::PasswordChanged { ended: "all" });
    let end = |answer, over| hand_over(&Hop(answer), &Timer(over), mail()).now_or_never();
    let refused = MailError("no".into());
    assert_eq!(end(Some(Ok(())), false), Some(Ok(())));
    assert_eq!(end(Some(Err(refused.clone())), false), Some(Err(refused)));
    assert_eq!(end(None, false), None);
    assert_eq!(end(None, true), Some(Err(MailError("no answer within 10s".into()))));
}
