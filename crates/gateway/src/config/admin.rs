//! Who becomes the first admin.

use domain::{Secret, account::Email};
use ports::SettingsError;

use super::reader::Reader;

/// The account that becomes an admin while there is none.
#[derive(Clone, Debug)]
pub struct FirstAdmin {
    /// Its address.
    pub email: Email,
    /// The password that makes the account where there is none of this address.
    pub password: Option<Secret<String>>,
}

/// The shortest password, in characters, and the longest.
const PASSWORD: std::ops::RangeInclusive<usize> = 12..=128;

impl FirstAdmin {
    pub(super) async fn read(read: &mut Reader<'_>) -> Result<Option<Self>, SettingsError> {
        let email = read.text("LITTORAL_ADMIN_EMAIL").await?;
        let password = read.text("LITTORAL_ADMIN_PASSWORD").await?;
        if password.as_ref().is_some_and(|password| !PASSWORD.contains(&password.chars().count())) {
            read.refuse("LITTORAL_ADMIN_PASSWORD", "expected 12 to 128 characters");
        }
        if password.is_some() && email.is_none() {
            read.refuse("LITTORAL_ADMIN_PASSWORD", "expected LITTORAL_ADMIN_EMAIL beside it");
        }
        let Some(text) = email else { return Ok(None) };
        let email = Email::parse(&text);
        if email.is_none() {
            read.refuse("LITTORAL_ADMIN_EMAIL", "expected an e-mail address");
        }
        Ok(email.map(|email| Self { email, password: password.map(Secret::new) }))
    }
}
