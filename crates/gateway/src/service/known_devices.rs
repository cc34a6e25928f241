//! Whether a device that signs in was seen before, and the letter that is sent if not.
//!
//! What a device says of itself (its name, what it runs, its program) a stranger may say as well: many phones are called
//! "iPhone". So it counts only with where it is, which the platform says: in the same network or country as before. Networks are
//! taken widely, so that a mobile network is one, and nobody is mailed each time it gives out another address.

use std::{net::IpAddr, time::Duration};

use domain::{
    Secret, UserId,
    account::{Device, User},
    user_agent,
};
use ports::{DatabaseError, Outcome, Platform, Statement};

use super::{
    letters::{self, Letter},
    second_factors::trusted_devices,
};
use crate::{Config, store};

/// How long a device is known after its last use.
const KNOWN: Duration = Duration::from_hours(90 * 24);

/// The statement that reads from where such a device was used: for the batch that opens a session, before it does.
pub fn places(platform: &Platform, user: UserId, device: &Device) -> Statement {
    store::sessions::places(user, device, platform.clock.now().minus(KNOWN))
}

/// The statements that tell whether a device that signs in to an address was seen there before, for [`is_familiar`]. For an address
/// that nobody has, they are the same.
pub fn seen(platform: &Platform, email: &str, device: &Device, trusted: Option<&Secret<String>>) -> Vec<Statement> {
    let places = store::sessions::places_of(email, device, platform.clock.now().minus(KNOWN));
    std::iter::once(places)
        .chain(trusted.and_then(|token| trusted_devices::is_trusted(platform, email, token)))
        .collect()
}

/// Whether a device was seen before at the account that it signs in to. `seen` are the outcomes of [`seen`]. This decides whose
/// wrong passwords count together, so that its own word alone does not suffice, nor does its country: it shows a token of trust, or
/// comes from the same network as before.
pub fn is_familiar(seen: &[Outcome], device: &Device) -> Result<bool, DatabaseError> {
    let Some((places, trusted)) = seen.split_first() else { return Ok(false) };
    if trusted.iter().any(|trusted| !trusted.rows.is_empty()) {
        return Ok(true);
    }
    let before = store::sessions::decode_places(places, device)?;
    Ok(before.iter().any(|before| program(before) == program(device) && are_near(before, device)))
}

/// Mails the owner that somebody signed in on a device that is not known. `places` is the outcome of [`places`].
pub fn tell_unless_known(
    platform: &Platform,
    config: &Config,
    user: &User,
    places: Option<&Outcome>,
    device: &Device,
) -> Result<(), DatabaseError> {
    let before = places.map(|places| store::sessions::decode_places(places, device)).transpose()?.unwrap_or_default();
    if before.iter().any(|before| is_same(before, device)) {
        return Ok(());
    }
    let unknown = || "unknown".to_owned();
    let known_as = device.name.clone().or_else(|| device.platform.clone()).or_else(|| device.user_agent.clone());
    let letter = Letter::NewDevice {
        device: known_as.unwrap_or_else(unknown),
        place: device.country.clone().unwrap_or_else(unknown),
        time: platform.clock.now().to_minute(),
    };
    letters::tell(platform, config, user, letter);
    Ok(())
}

/// Whether a device of the same name and platform is the one that was there before, as far as one can tell.
fn is_same(before: &Device, now: &Device) -> bool {
    let placeless = now.address.is_none() && now.country.is_none();
    let compatriot = now.country.is_some() && before.country == now.country;
    program(before) == program(now) && (are_near(before, now) || compatriot || placeless)
}

fn program(device: &Device) -> Option<String> {
    device.user_agent.as_deref().and_then(user_agent::program)
}

fn are_near(one: &Device, other: &Device) -> bool {
    matches!((one.address, other.address), (Some(one), Some(other)) if is_near(one, other))
}

/// Where a device is and which program it runs, as a text that is the same for all that [`is_near`].
pub fn place(device: &Device) -> String {
    let network = match device.address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => format!("{}.{}", address.octets()[0], address.octets()[1]),
        Some(IpAddr::V6(address)) => format!("{:x}:{:x}", address.segments()[0], address.segments()[1]),
        None => String::new(),
    };
    format!("{network} {}", program(device).unwrap_or_default())
}

/// Whether two addresses are of one network, taken widely: the first half of an IPv4 address (a /16), and of an IPv6 address what
/// a provider has at least (a /32).
fn is_near(one: IpAddr, other: IpAddr) -> bool {
    match (one.to_canonical(), other.to_canonical()) {
        (IpAddr::V4(one), IpAddr::V4(other)) => one.octets()[..2] == other.octets()[..2],
        (IpAddr::V6(one), IpAddr::V6(other)) => one.segments()[..2] == other.segments()[..2],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAFARI: &str =
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Safari/604.1";

    fn device(user_agent: &str, address: &str, country: &str) -> Device {
        Device {
            user_agent: Some(user_agent.to_owned()).filter(|text| !text.is_empty()),
            address: address.parse().ok(),
            country: Some(country.to_owned()).filter(|text| !text.is_empty()),
            ..Device::default()
        }
    }

    #[test]
    fn a_device_is_known_by_its_program_together_with_its_network_or_country() {
        let before = device(SAFARI, "203.0.113.9", "IS");
        let updated = SAFARI.replace("18.0", "19.1");
        for (known, now) in [
            (true, before.clone()),
            (true, device(&updated, "203.0.200.1", "IS")),
            (true, device(SAFARI, "198.51.100.1", "IS")),
            (true, device(SAFARI, "203.0.200.1", "PT")),
            (true, device(SAFARI, "203.0.200.1", "")),
            (true, device(SAFARI, "::ffff:203.0.113.9", "")),
            (true, device(SAFARI, "", "")),
            (false, device(SAFARI, "198.51.100.1", "PT")),
            (false, device(SAFARI, "198.51.100.1", "")),
            (false, device(SAFARI, "2001:db8::1", "")),
            (false, device(SAFARI, "", "PT")),
            (false, device("curl/8.5.0", "203.0.113.9", "IS")),
            (false, device("", "203.0.113.9", "IS")),
        ] {
            assert_eq!(is_same(&before, &now), known, "{now:?}");
        }
        // What was not told before says nothing of where it is now.
        assert!(!is_same(&device(SAFARI, "", ""), &before));
        assert!(!is_same(&device(SAFARI, "", ""), &device(SAFARI, "203.0.113.9", "")));
        assert!(is_same(&device("", "2001:db8:1::1", ""), &device("", "2001:db8:ffff::1", "")));
        assert!(!is_same(&device("", "2001:db8::1", ""), &device("", "2001:db9::1", "")));
    }
}
