//! Letters: what the product tells its users by mail, as plain text and as HTML. The words are in `letters/`; the first line
//! of a text is its subject. When a letter is due is decided by other services, and how mail travels by the host.
//!
//! An address that nobody proved may be a stranger's to the account: it gets only what proves it and what resets the password, and
//! no letter holds words that a stranger chose. Each address gets a limited number of letters of each kind.

use std::{future::ready, pin::pin, time::Duration};

use domain::{
    Secret,
    account::{Device, User},
};
use futures_util::future::{Either, select};
use ports::{Mail, MailError, Mailer, Platform, Tasks};

use super::limits;
use crate::{Config, config, error::Result, log::Line};

/// How long handing a letter over may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Letters that strangers cause by asking for an account or an address, in the limit of their address.
pub const SIGN_UP: &str = "sign-up";
/// Letters that reset a password, counted apart: who floods an address with other letters does not keep its owner out.
pub const RESET: &str = "reset";

/// A letter. Its texts are shown as they are; times and hints are the caller's to write.
#[derive(Clone, Debug)]
pub enum Letter {
    /// To a new address: confirm it.
    VerifyEmail {
        /// Confirms it.
        token: Secret<String>,
    },
    /// To the address that an account shall have from now on: confirm it.
    ConfirmNewEmail {
        /// Confirms it.
        token: Secret<String>,
    },
    /// To the former address: the account has another.
    EmailChanged {
        /// The new address, partly hidden.
        new_hint: String,
        /// Gives the account this address back.
        token: Secret<String>,
    },
    /// To the address that an account had: it has the one before again.
    EmailRestored,
    /// A new password can be chosen.
    ResetPassword {
        /// Permits it once.
        token: Secret<String>,
    },
    /// The password was changed or reset.
    PasswordChanged {
        /// What ended with the old one.
        ended: &'static str,
    },
    /// Somebody signed in on a device that was not seen before.
    NewDevice {
        /// What it calls itself.
        device: String,
        /// Roughly where it is.
        place: String,
        /// When it did.
        time: String,
    },
    /// Too many wrong passwords.
    AccountLocked {
        /// Which places are locked: those where the owner "have" or "have not" signed in before.
        places: &'static str,
        /// When the next try counts.
        until: String,
    },
    /// Somebody signed up with an address that has an account.
    AlreadyRegistered,
    /// There is a way into the account more or less: a second factor, an identity, an API key.
    AccessChanged {
        /// What it is about: the subject.
        title: &'static str,
        /// What happened, as a sentence.
        what: String,
    },
    /// An account has a second factor from now on.
    SecondFactorAdded {
        /// What happened, as a sentence.
        what: String,
        /// Takes it away.
        token: Secret<String>,
    },
    /// Somebody who knows the password showed too many wrong second factors.
    SecondFactorLocked {
        /// When the next try counts.
        until: String,
    },
    /// The account will be deleted.
    DeletionScheduled {
        /// When.
        at: String,
    },
}

/// What was done, and on which device.
fn told(done: &str, device: &Device) -> String {
    let from = device.name.as_deref().or(device.platform.as_deref()).unwrap_or("an unnamed device");
    format!("{done}, on {}.", harmless(from))
}

/// The words of a letter.
struct Words {
    name: &'static str,
    text: &'static str,
    html: &'static str,
}

macro_rules! words {
    ($name:literal) => {
        Words {
            name: $name,
            text: include_str!(concat!("letters/", $name, ".txt")),
            html: include_str!(concat!("letters/", $name, ".html")),
        }
    };
}

/// What stands around every letter.
const FRAME: Words = words!("frame");

/// What a name in the words stands for.
type Values = Vec<(&'static str, String)>;

impl Letter {
    /// Tells that something was done to the ways into an account, and from which device.
    pub fn access_changed(title: &'static str, done: &str, device: &Device) -> Self {
        Self::AccessChanged { title, what: told(done, device) }
    }

    /// Tells that an account has a second factor from now on, and from which device it was added.
    pub fn second_factor_added(done: &str, device: &Device, token: Secret<String>) -> Self {
        Self::SecondFactorAdded { what: told(done, device), token }
    }

    /// What it counts as in the limit of its address.
    fn kind(&self) -> &'static str {
        match self {
            Self::VerifyEmail { .. } | Self::ConfirmNewEmail { .. } | Self::AlreadyRegistered => SIGN_UP,
            Self::ResetPassword { .. } => RESET,
            other => other.words().name,
        }
    }

    fn words(&self) -> Words {
        match self {
            Self::VerifyEmail { .. } => words!("verify-email"),
            Self::ConfirmNewEmail { .. } => words!("confirm-new-email"),
            Self::EmailChanged { .. } => words!("email-changed"),
            Self::EmailRestored => words!("email-restored"),
            Self::ResetPassword { .. } => words!("reset-password"),
            Self::PasswordChanged { .. } => words!("password-changed"),
            Self::NewDevice { .. } => words!("new-device"),
            Self::AccountLocked { .. } => words!("account-locked"),
            Self::AlreadyRegistered => words!("already-registered"),
            Self::AccessChanged { .. } => words!("access-changed"),
            Self::SecondFactorAdded { .. } => words!("second-factor-added"),
            Self::SecondFactorLocked { .. } => words!("second-factor-locked"),
            Self::DeletionScheduled { .. } => words!("deletion-scheduled"),
        }
    }

    fn values(self, app_url: &str) -> Values {
        let linked = |page: &str, token: Secret<String>| {
            let link = page_link(app_url, page, token.expose());
            vec![("link", link), ("token", token.expose().clone())]
        };
        match self {
            Self::VerifyEmail { token } => linked("verify-email", token),
            Self::ConfirmNewEmail { token } => linked("confirm-email", token),
            Self::ResetPassword { token } => linked("reset-password", token),
            Self::EmailChanged { new_hint, token } => {
                let mut values = linked("restore-email", token);
                values.push(("new_hint", new_hint));
                values
            }
            Self::SecondFactorAdded { what, token } => {
                let mut values = linked("remove-second-factor", token);
                values.push(("what", what));
                values
            }
            Self::NewDevice { device, place, time } => {
                vec![("device", harmless(&device)), ("place", harmless(&place)), ("time", time)]
            }
            Self::AccountLocked { places, until } => vec![("places", places.to_owned()), ("until", until)],
            Self::SecondFactorLocked { until } => vec![("until", until)],
            Self::AccessChanged { title, what } => vec![("title", title.to_owned()), ("what", what)],
            Self::DeletionScheduled { at } => vec![("at", at)],
            Self::PasswordChanged { ended } => vec![("ended", ended.into())],
            Self::AlreadyRegistered | Self::EmailRestored => Vec::new(),
        }
    }
}

/// Tells a user of what happened in their account, if the address is proved to be theirs.
pub fn tell(platform: &Platform, config: &Config, user: &User, letter: Letter) {
    if let Some(email) = user.email.as_deref().filter(|_| user.email_verified_at.is_some()) {
        send(platform, config, email, letter);
    }
}

/// Sends a letter beside the request: the caller's answer takes no longer for it, so that time tells nobody whether an address
/// is known. An address that got too many of the kind lately gets no more of them for a while. A failure is a line in the log,
/// without address and token.
pub fn send(platform: &Platform, config: &Config, to: &str, letter: Letter) {
    let (inner, quota, kind, address) = (platform.clone(), config.accounts.mail_limit, letter.kind(), to.to_owned());
    deliver(platform, config, to, letter, async move { limits::allows_mail(&inner, quota, kind, &address).await });
}

/// The same for a letter that was taken from the limit already, because there was more to do for it than to send it.
pub fn send_allowed(platform: &Platform, config: &Config, to: &str, letter: Letter) {
    deliver(platform, config, to, letter, ready(Ok(true)));
}

fn deliver(
    platform: &Platform,
    config: &Config,
    to: &str,
    letter: Letter,
    allowed: impl Future<Output = Result<bool>> + Send + 'static,
) {
    if !config.mail.enabled {
        return;
    }
    let name = letter.words().name;
    let mail = write(&config.mail, to, letter);
    let (mailer, tasks) = (platform.mail.clone(), platform.tasks.clone());
    let (clock, log) = (platform.clock.clone(), platform.log.clone());
    platform.tasks.spawn(Box::pin(async move {
        // If the limit cannot be asked, too many letters are better than none.
        if !allowed.await.unwrap_or(true) {
            return;
        }
        if let Err(error) = hand_over(&*mailer, &*tasks, mail).await {
            // Where no mail service is configured, as in development, nothing broke.
            let level = if mailer.delivers() { "error" } else { "warn" };
            Line::new(clock.now(), level, "mail could not be sent")
                .with("letter", name)
                .show("cause", error)
                .write(&*log);
        }
    }));
}

async fn hand_over(mailer: &dyn Mailer, tasks: &dyn Tasks, mail: Mail) -> std::result::Result<(), MailError> {
    match select(pin!(mailer.send(mail)), pin!(tasks.sleep(PATIENCE))).await {
        Either::Left((sent, _)) => sent,
        Either::Right(_) => Err(MailError(format!("no answer within {PATIENCE:?}"))),
    }
}

fn write(config: &config::Mail, to: &str, letter: Letter) -> Mail {
    let words = letter.words();
    let (subject, text) = words.text.split_once('\n').unwrap_or((words.text, ""));
    let mut values = letter.values(&config.app_url);
    values.extend([("app", config.app_name.clone()), ("app_url", config.app_url.clone())]);
    let subject = fill(subject, &values, String::push_str);
    values.push(("subject", subject.clone()));
    Mail {
        from: config.from.clone(),
        to: to.to_owned(),
        subject,
        text: framed(FRAME.text, text, &values, String::push_str),
        html: Some(framed(FRAME.html, words.html, &values, push_escaped)),
    }
}

/// The words in their frame. Each of the parts is filled by itself, so that no value is ever taken for a name.
fn framed(frame: &str, words: &str, values: &Values, put: fn(&mut String, &str)) -> String {
    let (head, foot) = frame.split_once("{{body}}").unwrap_or_default();
    [head, words.trim(), foot].map(|part| fill(part, values, put)).concat()
}

/// Puts values in the place of `{{name}}`.
pub fn fill(words: &str, values: &[(&'static str, String)], put: fn(&mut String, &str)) -> String {
    let mut filled = String::with_capacity(words.len() + 256);
    let mut rest = words;
    while let Some((before, (name, after))) =
        rest.split_once("{{").and_then(|(before, after)| Some((before, after.split_once("}}")?)))
    {
        filled.push_str(before);
        if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
            put(&mut filled, value);
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// Appends a text to HTML.
pub fn push_escaped(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(c),
        }
    }
}

fn page_link(app_url: &str, page: &str, token: &str) -> String {
    let token: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
    format!("{app_url}/{page}?token={token}")
}

/// What a stranger's device says about itself, without what mail programs would make a link or a new line of.
pub fn harmless(text: &str) -> String {
    let kept = text.chars().take(64).map(|c| if c.is_alphanumeric() || "-_.,'()+;".contains(c) { c } else { ' ' });
    let text: String = kept.collect();
    let words: Vec<_> = text.split_whitespace().map(broken).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "unknown".into() } else { words.join(" ") }
}

/// A word without the dots that make it look like the name of a host; the number of a version keeps them.
fn broken(word: &str) -> String {
    let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '.');
    let is_version = bare.matches('.').count() <= 2 && bare.chars().all(|c| c.is_ascii_digit() || c == '.');
    if is_version {
        word.to_owned()
    } else {
        word.split('.').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests;
