//! Mail over real sockets: what the scripted upstream, in the place of a mail service, is sent.

use std::{sync::Arc, time::Duration};

use adapters::HttpMail;
use domain::Secret;
use ports::{MailApi, MailService};
use testkit::{PlainHttp, behaviour, upstream::Upstream};

#[tokio::test]
async fn http_mail_keeps_the_contract_of_mail() {
    let upstream = Upstream::start();
    let api =
        |service| MailApi { service, url: Some(format!("{}/play/mail", upstream.url())), key: Secret::from("key") };
    for (service, path) in [
        (MailService::Resend, "emails"),
        (MailService::Postmark, "email"),
        (MailService::Mailgun { domain: "mg.example.com".into() }, "v3/mg.example.com/messages"),
    ] {
        let to = format!("{}@example.com", path.len());
        let mailer = HttpMail::new(api(service), Arc::new(PlainHttp));
        behaviour::mailer(&mailer, &to).await.assert_passed();
        let calls = upstream.wait_closed(&format!("mail:{to}"), Duration::from_secs(5));
        assert_eq!(calls.len(), 3);
        assert_eq!(calls[2].closed_early, Some(false), "the answer was read to its end");
        for call in calls {
            assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", format!("/play/mail/{path}").as_str()));
        }
    }
}
