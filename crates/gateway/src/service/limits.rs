//! Rate limits.

use std::net::{IpAddr, Ipv6Addr};

use domain::{UserId, gcra::Quota, permission::Role};
use ports::Platform;

use super::{identity::Identity, login_attempts::Key};
use crate::{
    Config,
    error::{Error, ErrorKind, Result},
};

/// Takes one from a bucket or says when to try again.
pub async fn take(platform: &Platform, bucket: &str, quota: Quota) -> Result<()> {
    let decision = platform.limiter.take(bucket, quota, 1, platform.clock.now()).await?;
    if decision.allowed {
        return Ok(());
    }
    let retry_after = decision.retry_after;
    Err(Error::new(ErrorKind::RateLimited { retry_after }, "rate_limited", "Too many requests. Wait and try again."))
}

/// Takes one message or completion of the caller's: a guest has fewer. Each role has a bucket of its own, so that a guest who
/// becomes a user does not pay for what it did before.
pub async fn take_message(platform: &Platform, config: &Config, caller: &Identity) -> Result<()> {
    let (kind, quota) = match caller.role {
        Role::Guest => ("guest-messages", config.guests.message_limit),
        Role::User | Role::Admin => ("messages", config.message_limit),
    };
    take(platform, &format!("{kind}:{}", caller.user), quota).await
}

/// Takes one of the reads of a user that may bring much text.
pub async fn take_read(platform: &Platform, config: &Config, user: UserId) -> Result<()> {
    take(platform, &format!("reads:{user}"), config.read_limit).await
}

/// Takes one of the requests of a user that change something and are no messages.
pub async fn take_write(platform: &Platform, config: &Config, user: UserId) -> Result<()> {
    take(platform, &format!("writes:{user}"), config.write_limit).await
}

/// Takes one of the sensitive requests of one kind that a user may send.
pub async fn sensitive(platform: &Platform, config: &Config, user: UserId, kind: &str) -> Result<()> {
    take(platform, &format!("sensitive:{user}:{kind}"), config.accounts.sensitive_limit).await
}

/// Takes one of the requests about passwords and addresses that may come from one address of the network.
pub async fn recovery(platform: &Platform, config: &Config, from: Option<IpAddr>) -> Result<()> {
    take(platform, &format!("recovery:{}", network(from)), config.accounts.recovery_limit).await
}

/// Takes one of the accounts that may be made from one address of the network.
pub async fn sign_up(platform: &Platform, config: &Config, from: Option<IpAddr>) -> Result<()> {
    take(platform, &format!("sign-up:{}", network(from)), config.accounts.sign_up_limit).await
}

/// Takes one of the letters of a kind that may be sent to an e-mail address, and tells whether there was one. Who asked must not
/// learn.
pub async fn allows_mail(platform: &Platform, quota: Quota, kind: &str, to: &str) -> Result<bool> {
    let bucket = format!("mail:{}", Key::of(&format!("{kind} {to}")).as_str());
    let decision = platform.limiter.take(&bucket, quota, 1, platform.clock.now()).await?;
    Ok(decision.allowed)
}

/// Where a caller counts as the same: an IPv4 address, or the /64 that one IPv6 subscriber has all to himself.
pub fn network(address: Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        None => "unknown".into(),
        Some(IpAddr::V6(address)) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).to_string(),
        Some(address) => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_is_one_network() {
        let of = |text: &str| network(Some(text.parse().unwrap()));
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(network(None), "unknown");
    }
}
