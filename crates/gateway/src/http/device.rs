//! What a request tells of the device it came from.

use domain::account::Device;
use http::{HeaderMap, header};

use super::context::Context;

/// How much of a `User-Agent` is kept, in characters.
const MAX_USER_AGENT: usize = 200;
/// How much of `X-Device-Name` is kept, in characters.
const MAX_NAME: usize = 64;
/// How much of `X-Device-Platform` is kept, in characters.
const MAX_PLATFORM: usize = 32;

/// Reads `X-Device-Name`, `X-Device-Platform` (or guesses it) and `User-Agent`. They are the device's own word, cut to a
/// bounded length; the address and the country are the platform's.
pub fn of(context: &Context, headers: &HeaderMap) -> Device {
    let text = |name: &str, most: usize| {
        let text = std::str::from_utf8(headers.get(name)?.as_bytes()).ok()?;
        let plain: String = text.trim().chars().filter(|c| !c.is_control()).take(most).collect();
        (!plain.is_empty()).then_some(plain)
    };
    let user_agent = text(header::USER_AGENT.as_str(), MAX_USER_AGENT);
    let platform = text("x-device-platform", MAX_PLATFORM).map(|platform| platform.to_ascii_lowercase());
    Device {
        name: text("x-device-name", MAX_NAME),
        platform: platform.or_else(|| user_agent.as_deref().and_then(guess).map(str::to_owned)),
        user_agent,
        address: context.client.address,
        country: context.client.country.clone(),
    }
}

/// The platform that a `User-Agent` tells of. The order matters: an Android says Linux, an iPhone says Mac OS.
fn guess(user_agent: &str) -> Option<&'static str> {
    let known = [
        ("android", "android"),
        ("iphone", "ios"),
        ("ipad", "ios"),
        ("cfnetwork", "ios"),
        ("dart", "mobile"),
        ("windows", "windows"),
        ("mac os", "macos"),
        ("linux", "linux"),
    ];
    let agent = user_agent.to_ascii_lowercase();
    known.into_iter().find(|(word, _)| agent.contains(word)).map(|(_, platform)| platform)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_told_apart() {
        assert_eq!(guess("Mozilla/5.0 (Linux; Android 15; Pixel 9)"), Some("android"));
        assert_eq!(guess("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"), Some("ios"));
        assert_eq!(guess("Littoral/7 CFNetwork/1568 Darwin/24.0"), Some("ios"));
        assert_eq!(guess("Dart/3.5 (dart:io)"), Some("mobile"));
        assert_eq!(guess("curl/8.5"), None);
    }
}
