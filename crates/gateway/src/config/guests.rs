//! Settings of guests: whether there are any, and their limits.

use std::time::Duration;

use domain::gcra::Quota;
use ports::SettingsError;

use super::reader::Reader;

/// Guests.
#[derive(Clone, Copy, Debug)]
pub struct Guests {
    /// Whether a device gets an account without an address. An operator decides for it: a guest costs no more than a request.
    pub allowed: bool,
    /// New guests from one address.
    pub limit: Quota,
    /// Messages of one guest.
    pub message_limit: Quota,
    /// A guest that nobody has used for this long is erased.
    pub unused: Duration,
}

impl Guests {
    pub(super) async fn read(read: &mut Reader<'_>) -> Result<Self, SettingsError> {
        let allowed = match read.text("LITTORAL_GUESTS").await?.as_deref() {
            None | Some("deny") => false,
            Some("allow") => true,
            Some(_) => {
                read.refuse("LITTORAL_GUESTS", "expected allow or deny");
                false
            }
        };
        let days: u64 = read.number("LITTORAL_GUEST_DAYS", 30, 1..=3650).await?;
        Ok(Self {
            allowed,
            limit: read.quota("LITTORAL_GUEST_LIMIT", 5, 3_600).await?,
            message_limit: read.quota("LITTORAL_GUEST_MESSAGE_LIMIT", 10, 3_600).await?,
            unused: Duration::from_hours(days * 24),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::load;

    #[test]
    fn guests_are_asked_for() {
        assert!(!load(&[]).unwrap().guests.allowed);
        assert!(load(&[("LITTORAL_GUESTS", "allow")]).unwrap().guests.allowed);
        let error = load(&[("LITTORAL_GUESTS", "yes")]).unwrap_err();
        assert_eq!(error.0, ["LITTORAL_GUESTS: expected allow or deny"]);
    }
}
