use domain::Secret;
use http::Response;
use ports::{HttpError, Sender};
use testkit::FakeHttp;

use super::*;

fn api(service: MailService, url: Option<&str>) -> MailApi {
    MailApi { service, url: url.map(str::to_owned), key: Secret::from("canary-key") }
}

fn mailgun_api(url: Option<&str>) -> MailApi {
    api(MailService::Mailgun { domain: "mg.example.com".into() }, url)
}

fn mail(html: Option<&str>) -> Mail {
    Mail {
        from: Sender { name: "Sea, Inc.".into(), address: "hello@example.com".into() },
        to: "canary+1@example.com".into(),
        subject: "Grüße & more".into(),
        text: "canary line\nÜber".into(),
        html: html.map(str::to_owned),
    }
}

/// What is asked of the service, and how its answer is taken.
async fn sent(api: MailApi, mail: Mail, status: u16) -> (Request<Bytes>, Result<(), MailError>) {
    let http = Arc::new(FakeHttp::default());
    let chunks = vec![Ok(Bytes::from_static(b"canary-answer"))];
    http.answer(Response::builder().status(status).body(chunks).unwrap());
    let result = HttpMail::new(api, http.clone()).send(mail).await;
    (http.requests().remove(0), result)
}

fn header<'a>(request: &'a Request<Bytes>, name: &str) -> &'a str {
    request.headers()[name].to_str().unwrap()
}

#[tokio::test]
async fn resend_gets_a_bearer_key_and_json() {
    let (request, result) = sent(api(MailService::Resend, None), mail(Some("<p>Über</p>")), 200).await;
    assert_eq!(result, Ok(()));
    assert_eq!((request.method(), request.uri().to_string()), (&Method::POST, "https://api.resend.com/emails".into()));
    assert_eq!(header(&request, "authorization"), "Bearer canary-key");
    assert_eq!(header(&request, "content-type"), "application/json");
    assert!(header(&request, "user-agent").starts_with("littoral/"));
    assert_eq!(
        serde_json::from_slice::<Value>(request.body()).unwrap(),
        json!({
            "from": "\"Sea, Inc.\" <hello@example.com>", "to": ["canary+1@example.com"], "subject": "Grüße & more",
            "text": "canary line\nÜber", "html": "<p>Über</p>",
        })
    );
}

#[tokio::test]
async fn postmark_gets_its_own_header_and_its_own_names() {
    let (request, result) = sent(api(MailService::Postmark, None), mail(Some("<p>Über</p>")), 200).await;
    assert_eq!(result, Ok(()));
    assert_eq!(request.uri().to_string(), "https://api.postmarkapp.com/email");
    assert_eq!(header(&request, "x-postmark-server-token"), "canary-key");
    assert!(!request.headers().contains_key("authorization"));
    assert_eq!(header(&request, "accept"), "application/json");
    assert_eq!(
        serde_json::from_slice::<Value>(request.body()).unwrap(),
        json!({
            "From": "\"Sea, Inc.\" <hello@example.com>", "To": "canary+1@example.com", "Subject": "Grüße & more",
            "TextBody": "canary line\nÜber", "HtmlBody": "<p>Über</p>", "MessageStream": "outbound",
        })
    );
}

#[tokio::test]
async fn mailgun_gets_a_form_at_its_domain_and_basic_authentication() {
    let (request, result) = sent(mailgun_api(None), mail(Some("<p>Über</p>")), 200).await;
    assert_eq!(result, Ok(()));
    assert_eq!(request.uri().to_string(), "https://api.mailgun.net/v3/mg.example.com/messages");
    assert_eq!(header(&request, "authorization"), format!("Basic {}", STANDARD.encode("api:canary-key")));
    assert_eq!(header(&request, "content-type"), "application/x-www-form-urlencoded");
    let fields: Vec<(String, String)> = form_urlencoded::parse(request.body()).into_owned().collect();
    let expected = [
        ("from", "\"Sea, Inc.\" <hello@example.com>"),
        ("to", "canary+1@example.com"),
        ("subject", "Grüße & more"),
        ("text", "canary line\nÜber"),
        ("html", "<p>Über</p>"),
    ];
    assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn a_message_without_html_has_no_empty_part() {
    for (api, name) in [
        (api(MailService::Resend, None), "html"),
        (api(MailService::Postmark, None), "HtmlBody"),
        (mailgun_api(None), "html"),
    ] {
        let (request, result) = sent(api, mail(None), 202).await;
        assert_eq!(result, Ok(()));
        assert!(!String::from_utf8_lossy(request.body()).contains(name));
    }
}

#[tokio::test]
async fn the_address_can_be_another() {
    let eu = mailgun_api(Some("https://api.eu.mailgun.net"));
    assert_eq!(
        sent(eu, mail(None), 200).await.0.uri().to_string(),
        "https://api.eu.mailgun.net/v3/mg.example.com/messages"
    );
    let mock = api(MailService::Resend, Some("http://127.0.0.1:9/play/mail"));
    assert_eq!(sent(mock, mail(None), 200).await.0.uri().to_string(), "http://127.0.0.1:9/play/mail/emails");
}

#[tokio::test]
async fn a_refusal_is_its_status_and_what_to_do_and_nothing_of_the_message() {
    for (status, advice) in [
        (302, "MAIL_API_URL"),
        (401, "MAIL_API_KEY"),
        (403, "MAIL_FROM"),
        (404, "MAIL_DOMAIN"),
        (422, "MAIL_FROM"),
        (500, ""),
    ] {
        let (_, result) = sent(api(MailService::Resend, None), mail(None), status).await;
        let error = result.unwrap_err().to_string();
        assert!(error.contains(&status.to_string()) && error.contains(advice), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn a_broken_exchange_is_an_error_and_a_broken_answer_is_none() {
    let http = Arc::new(FakeHttp::default());
    let mailer = HttpMail::new(api(MailService::Resend, None), http.clone());
    http.fail(HttpError::new(HttpErrorKind::Denied, "not on the list"));
    let denied = mailer.send(mail(None)).await.unwrap_err().to_string();
    assert!(denied.contains("not on the list") && denied.contains("littoral_mail_host"), "{denied}");
    http.answer(Response::new(vec![Err(HttpError::new(HttpErrorKind::Reset, "cut"))]));
    assert_eq!(mailer.send(mail(None)).await, Ok(()));
}

#[tokio::test]
async fn without_a_service_the_error_says_what_to_set() {
    let http: Arc<dyn HttpClient> = Arc::new(FakeHttp::default());
    let error = HttpMail::configured(None, &http).send(mail(None)).await.unwrap_err().to_string();
    assert!(error.contains("LITTORAL_MAIL_API") && !error.contains("canary"), "{error}");
}
