//! Settings of accounts: which passwords may be chosen, how guessing is slowed, who may sign up, and what wants a confirmed
//! address.

use domain::{
    Secret,
    gcra::Quota,
    lockout,
    password::{LEAST_CHARACTERS, MAX_CHARACTERS, Policy},
};
use ports::SettingsError;

use super::{Mail, reader::Reader};

/// Who may make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUp {
    /// Everybody, at once; that an address has an account is told.
    Open,
    /// Whoever reads the mail to the address; that it has an account is told by mail alone.
    Private,
    /// Nobody.
    Closed,
}

/// A service that tells people from programs, in the form of Cloudflare Turnstile.
#[derive(Clone, Debug)]
pub struct Captcha {
    /// What the service knows this server by.
    pub secret: Secret<String>,
    /// Where it verifies tokens.
    pub url: String,
}

/// Signing up and in.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// Which passwords may be chosen.
    pub password: Policy,
    /// How many passwords, the present one among them, a new one must differ from.
    pub password_history: u32,
    /// When wrong passwords lock an address or a network.
    pub lockout: lockout::Rule,
    /// Who may make an account.
    pub sign_up: SignUp,
    /// New accounts from one address of the network.
    pub sign_up_limit: Quota,
    /// Requests about passwords and addresses from one address of the network.
    pub recovery_limit: Quota,
    /// Sensitive requests of one user, of each kind.
    pub sensitive_limit: Quota,
    /// Letters that a stranger can cause to one e-mail address.
    pub mail_limit: Quota,
    /// Whether a user whose address is not confirmed may chat.
    pub unverified_chat: bool,
    /// The service that tells people from programs, if one is asked.
    pub captcha: Option<Captcha>,
}

const SIGN_UP: &str = "LITTORAL_SIGN_UP";
const UNVERIFIED: &str = "LITTORAL_UNVERIFIED_CHAT";
const TURNSTILE: &str = "https://challenges.cloudflare.com/turnstile/v0/siteverify";

impl Accounts {
    pub(super) async fn read(read: &mut Reader<'_>, mail: &Mail) -> Result<Self, SettingsError> {
        let lengths = LEAST_CHARACTERS..=MAX_CHARACTERS;
        let strict = read.word("LITTORAL_PASSWORD_POLICY", false, &[("standard", false), ("strict", true)]).await?;
        let least = if strict { 12 } else { 10 };
        let min_length = read.number("LITTORAL_PASSWORD_MIN_LENGTH", least, lengths).await?;
        let password = Policy { min_length, strict };
        let words = [("open", SignUp::Open), ("private", SignUp::Private), ("closed", SignUp::Closed)];
        let sign_up = read.word(SIGN_UP, SignUp::Open, &words).await?;
        let unverified_chat = read.word(UNVERIFIED, true, &[("allow", true), ("deny", false)]).await?;
        if !mail.enabled && sign_up == SignUp::Private {
            read.refuse(
                SIGN_UP,
                "expected open or closed, because LITTORAL_MAIL is off and nobody could confirm an address",
            );
        }
        if !mail.enabled && !unverified_chat {
            read.refuse(UNVERIFIED, "expected allow, because LITTORAL_MAIL is off and nobody could confirm an address");
        }
        let url = read.url("LITTORAL_TURNSTILE_URL").await?.unwrap_or_else(|| TURNSTILE.into());
        let secret = read.text("LITTORAL_TURNSTILE_SECRET").await?;
        Ok(Self {
            password,
            password_history: read.number("LITTORAL_PASSWORD_HISTORY", 5, 0..=24).await?,
            lockout: lockout::Rule {
                failures: read.number("LITTORAL_LOCKOUT_FAILURES", 5, 0..=1000).await?,
                network_failures: read.number("LITTORAL_LOCKOUT_NETWORK_FAILURES", 100, 0..=100_000).await?,
                duration: read.seconds("LITTORAL_LOCKOUT_SECONDS", 1800, 1..=604_800).await?,
            },
            sign_up,
            sign_up_limit: read.quota("LITTORAL_SIGN_UP_LIMIT", 20, 3600).await?,
            recovery_limit: read.quota("LITTORAL_RECOVERY_LIMIT", 10, 60).await?,
            sensitive_limit: read.quota("LITTORAL_SENSITIVE_LIMIT", 20, 60).await?,
            mail_limit: read.quota("LITTORAL_MAIL_LIMIT", 5, 3600).await?,
            unverified_chat,
            captcha: secret.map(|secret| Captcha { secret: Secret::new(secret), url }),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::tests::load;

    #[test]
    fn the_defaults_are_the_ones_of_the_documentation() {
        let accounts = load(&[]).unwrap().accounts;
        assert_eq!(accounts.password, Policy { min_length: 10, strict: false });
        let strict = load(&[("LITTORAL_PASSWORD_POLICY", "strict")]).unwrap().accounts.password;
        assert_eq!(strict, Policy { min_length: 12, strict: true });
        let lockout = lockout::Rule { failures: 5, network_failures: 100, duration: Duration::from_mins(30) };
        assert_eq!(accounts.lockout, lockout);
        assert_eq!((accounts.password_history, accounts.sign_up, accounts.unverified_chat), (5, SignUp::Open, true));
        assert!(accounts.captcha.is_none());
    }

    #[test]
    fn words_and_numbers_are_checked_and_no_value_is_shown() {
        let error = load(&[
            ("LITTORAL_PASSWORD_MIN_LENGTH", "7"),
            ("LITTORAL_PASSWORD_POLICY", "canary"),
            ("LITTORAL_SIGN_UP", "canary"),
            ("LITTORAL_UNVERIFIED_CHAT", "canary"),
        ])
        .unwrap_err();
        assert_eq!(error.0.len(), 4, "{error}");
        assert!(error.0[2].contains("open or private or closed") && !error.to_string().contains("canary"), "{error}");
    }

    #[test]
    fn without_mail_nobody_can_be_asked_to_confirm() {
        let mail = ("LITTORAL_MAIL", "off");
        for other in [("LITTORAL_SIGN_UP", "private"), ("LITTORAL_UNVERIFIED_CHAT", "deny")] {
            let error = load(&[mail, other]).unwrap_err();
            assert!(error.0.len() == 1 && error.0[0].starts_with(other.0), "{error}");
        }
        assert!(!load(&[mail]).unwrap().mail.enabled);
    }

    #[test]
    fn a_secret_switches_the_captcha_on() {
        let captcha = load(&[("LITTORAL_TURNSTILE_SECRET", "canary")]).unwrap().accounts.captcha.unwrap();
        assert_eq!(captcha.url, TURNSTILE);
        assert!(!format!("{captcha:?}").contains("canary"));
        let url = [("LITTORAL_TURNSTILE_SECRET", "x"), ("LITTORAL_TURNSTILE_URL", "http://127.0.0.1:9/verify")];
        assert_eq!(load(&url).unwrap().accounts.captcha.unwrap().url, "http://127.0.0.1:9/verify");
    }
}
