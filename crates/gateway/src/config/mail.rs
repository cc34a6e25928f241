//! Settings of mail: what letters say about the app, who they are from, and the HTTP API that sends them. How a host sends
//! without one is the host's.

use domain::Secret;
use ports::{MailApi, MailService, Sender, SettingsError};

use super::reader::Reader;

/// Mail: what letters say and how they are sent.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Whether there is mail at all.
    pub enabled: bool,
    /// The product's name in letters.
    pub app_name: String,
    /// Where the app's pages are that letters link to, without a closing slash.
    pub app_url: String,
    /// Who letters are from.
    pub from: Sender,
    /// The HTTP API that sends them, if one is configured.
    pub api: Option<MailApi>,
}

const FROM: &str = "LITTORAL_MAIL_FROM";
const KEY: &str = "LITTORAL_MAIL_API_KEY";
const DOMAIN: &str = "LITTORAL_MAIL_DOMAIN";

impl Mail {
    pub(super) async fn read(read: &mut Reader<'_>, public_url: &str) -> Result<Self, SettingsError> {
        let enabled = read.word("LITTORAL_MAIL", true, &[("on", true), ("off", false)]).await?;
        let app_name = read.text("LITTORAL_APP_NAME").await?.unwrap_or_else(|| "Littoral".into());
        if !is_name(&app_name) {
            read.refuse("LITTORAL_APP_NAME", "expected a name of at most 100 characters in one line");
        }
        let app_url = read.url("LITTORAL_APP_URL").await?.unwrap_or_else(|| public_url.to_owned());
        let given = read.text(FROM).await?;
        let from = given.as_deref().and_then(|text| sender(text, &app_name));
        if given.is_some() && from.is_none() {
            read.refuse(FROM, "expected an address, or a name and an address, like Littoral <hello@example.com>");
        }
        let api = api(read).await?;
        if api.is_some() && given.is_none() {
            read.refuse(FROM, "expected the address that mail is sent from, because LITTORAL_MAIL_API is set");
        }
        let from = from.unwrap_or_else(|| Sender { name: app_name.clone(), address: "littoral@localhost".into() });
        Ok(Self { enabled, app_name, app_url, from, api })
    }
}

async fn api(read: &mut Reader<'_>) -> Result<Option<MailApi>, SettingsError> {
    let Some(name) = read.text("LITTORAL_MAIL_API").await? else { return Ok(None) };
    let url = read.url("LITTORAL_MAIL_API_URL").await?;
    let key = read.text(KEY).await?.unwrap_or_default();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        read.refuse(KEY, "expected the key of the mail service that LITTORAL_MAIL_API names");
    }
    let service = match name.as_str() {
        "resend" => MailService::Resend,
        "postmark" => MailService::Postmark,
        "mailgun" => {
            let domain = read.text(DOMAIN).await?.unwrap_or_default();
            let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-');
            if domain.is_empty() || domain.starts_with('.') || !domain.bytes().all(plain) {
                read.refuse(DOMAIN, "expected the sending domain at Mailgun, like mg.example.com");
            }
            MailService::Mailgun { domain }
        }
        _ => {
            read.refuse("LITTORAL_MAIL_API", "expected resend, postmark or mailgun");
            return Ok(None);
        }
    };
    Ok(Some(MailApi { service, url, key: Secret::new(key) }))
}

/// `Name <address>`, or an address, which then has the app's name.
fn sender(text: &str, app_name: &str) -> Option<Sender> {
    let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) => (name.trim().trim_matches('"'), address.trim()),
        None => (app_name, text),
    };
    let part =
        |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_graphic() && !br#"<>()[]\,;:@""#.contains(&c));
    let valid = address.len() <= 254 && address.rsplit_once('@').is_some_and(|(who, host)| part(who) && part(host));
    (valid && is_name(name)).then(|| Sender { name: name.to_owned(), address: address.to_owned() })
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= 100 && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::load;

    fn names(given: &[(&'static str, &'static str)]) -> Vec<String> {
        let error = load(given).unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
        error.0.iter().map(|problem| problem.split(':').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn nothing_need_be_set() {
        let mail = load(&[("LITTORAL_PUBLIC_URL", "https://chat.example/")]).unwrap().mail;
        assert_eq!((mail.app_name.as_str(), mail.app_url.as_str()), ("Littoral", "https://chat.example"));
        assert_eq!(mail.from.to_string(), "Littoral <littoral@localhost>");
        assert!(mail.api.is_none());
    }

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        let from = |text| load(&[("LITTORAL_APP_NAME", "Sea"), ("LITTORAL_MAIL_FROM", text)]).unwrap().mail.from;
        let sender = |name: &str| Sender { name: name.into(), address: "a.b@c.example".into() };
        assert_eq!(from("a.b@c.example"), sender("Sea"));
        assert_eq!(from("Grüße von uns <a.b@c.example>"), sender("Grüße von uns"));
        assert_eq!(from("\"Sea, Inc.\" <a.b@c.example>"), sender("Sea, Inc."));
        for bad in ["canary", "canary@", "@canary", "<canary", "canary <a b@c>", "a@b, canary@d", "canary <a@b@c>"] {
            assert_eq!(names(&[("LITTORAL_MAIL_FROM", bad)]), ["LITTORAL_MAIL_FROM"], "{bad}");
        }
    }

    #[test]
    fn an_api_wants_a_key_and_a_sender() {
        let api = |given: &[(&'static str, &'static str)]| {
            let mut all = vec![("LITTORAL_MAIL_API_KEY", "canary-key"), ("LITTORAL_MAIL_FROM", "a@b.example")];
            all.extend_from_slice(given);
            load(&all).unwrap().mail.api.unwrap()
        };
        assert_eq!(api(&[("LITTORAL_MAIL_API", "resend")]).service, MailService::Resend);
        let postmark = api(&[("LITTORAL_MAIL_API", "postmark"), ("LITTORAL_MAIL_API_URL", "http://127.0.0.1:9/x/")]);
        assert_eq!((postmark.service, postmark.url.as_deref()), (MailService::Postmark, Some("http://127.0.0.1:9/x")));
        let mailgun = api(&[("LITTORAL_MAIL_API", "mailgun"), ("LITTORAL_MAIL_DOMAIN", "mg.b.example")]);
        assert_eq!(mailgun.service, MailService::Mailgun { domain: "mg.b.example".into() });
        assert!(!format!("{mailgun:?}").contains("canary"));
    }

    #[test]
    fn what_an_api_lacks_is_named() {
        assert_eq!(names(&[("LITTORAL_MAIL_API", "resend")]), ["LITTORAL_MAIL_API_KEY", "LITTORAL_MAIL_FROM"]);
        let known = [("LITTORAL_MAIL_API_KEY", "canary"), ("LITTORAL_MAIL_FROM", "a@b.example")];
        let with = |more: &[(&'static str, &'static str)]| names(&[&known, more].concat());
        assert_eq!(with(&[("LITTORAL_MAIL_API", "canary")]), ["LITTORAL_MAIL_API"]);
        assert_eq!(with(&[("LITTORAL_MAIL_API", "mailgun")]), ["LITTORAL_MAIL_DOMAIN"]);
        let path = [("LITTORAL_MAIL_API", "mailgun"), ("LITTORAL_MAIL_DOMAIN", "canary/../x")];
        assert_eq!(with(&path), ["LITTORAL_MAIL_DOMAIN"]);
    }
}
