//! Query strings: parameters by name, wrong ones with an entry each.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Uri;

use super::fields::{MAX_UNKNOWN, is_name};
use crate::error::{Error, FieldError, Result};

/// The parameters of a request.
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads them.
    pub fn of(uri: &Uri) -> Self {
        Self(form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect())
    }

    /// Refuses parameters of other names: one that is misspelt would be left out without a word.
    pub fn demand_known(&self, names: &[&str]) -> Result<()> {
        let unknown = self.0.iter().filter(|(name, _)| !names.contains(&name.as_str())).take(MAX_UNKNOWN);
        let detail = match names {
            [] => "This parameter is not known. This operation has none.".to_owned(),
            names => format!("This parameter is not known. There are: `{}`.", names.join("`, `")),
        };
        let pointers = unknown.map(|(name, _)| format!("?{}", if is_name(name) { name } else { "" }));
        let errors: Vec<_> = pointers.map(|pointer| FieldError { pointer, detail: detail.clone() }).collect();
        if errors.is_empty() { Ok(()) } else { Err(Error::invalid(errors)) }
    }

    /// The first parameter of this name that is not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// A number, clamped into the range as seed 004 does; not a number is an error.
    pub fn clamped(&self, name: &str, default: i64, low: i64, high: i64) -> Result<i64> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || digits.len() > 64 || !digits.bytes().all(|c| c.is_ascii_digit()) {
            return Err(Error::field(format!("?{name}"), "Must be a whole number."));
        }
        // Only an overflow is left to fail: clamp it by its sign.
        Ok(text.parse().unwrap_or(if text.starts_with('-') { low } else { high }).clamp(low, high))
    }

    /// A cursor as [`cursor`] made it: its numbers and the rest.
    pub fn cursor(&self) -> Result<Option<(i64, String)>> {
        let Some(text) = self.text("cursor") else { return Ok(None) };
        let decode = |text: &str| {
            let bytes = (text.len() <= 128).then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten()?;
            let text = String::from_utf8(bytes).ok()?;
            let (number, rest) = text.split_once('.')?;
            let number = number.parse::<i64>().ok().filter(|n| (0..=1 << 53).contains(n))?;
            rest.bytes().all(|c| c.is_ascii_hexdigit() || c == b'-').then(|| (number, rest.to_owned()))
        };
        decode(text).map(Some).ok_or_else(|| Error::field("?cursor", "Must be a `next_cursor` of an earlier page."))
    }
}

/// An opaque cursor: where the next page begins.
pub fn cursor(number: i64, rest: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{number}.{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::of(&format!("/?{text}").parse().unwrap())
    }

    #[test]
    fn numbers_are_clamped_and_nonsense_is_refused() {
        assert_eq!(query("limit=0").clamped("limit", 20, 1, 100).unwrap(), 1);
        assert_eq!(query("limit=99999999999999999999").clamped("limit", 20, 1, 100).unwrap(), 100);
        assert_eq!(query("limit=").clamped("limit", 20, 1, 100).unwrap(), 20);
        for bad in ["limit=ten", "limit=-", "limit=1.5", "limit=%00"] {
            assert!(query(bad).clamped("limit", 20, 1, 100).is_err(), "{bad}");
        }
    }

    #[test]
    fn cursors_round_trip_and_absurd_ones_are_refused() {
        assert_eq!(query(&format!("cursor={}", cursor(7, "ab-1"))).cursor().unwrap(), Some((7, "ab-1".into())));
        for bad in ["x", "%00", "AAAA", &"A".repeat(10_000), &cursor(-1, ""), &cursor(1, "'; --")] {
            assert!(query(&format!("cursor={bad}")).cursor().is_err(), "{bad}");
        }
    }
}
