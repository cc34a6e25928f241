//! The keys that identity providers sign with (JWKS, RFC 7517): fetched, kept for an hour, and looked up anew when a token
//! names one that is not among them.

use std::time::Duration;

use domain::gcra::Quota;
use jsonwebtoken::{Algorithm, DecodingKey};
use ports::Platform;
use serde_json::Value;

use crate::{
    config::OidcProvider,
    error::{Error, Result},
    outbound,
};

/// How long fetched keys are used. A key that the provider takes back is believed for no longer.
const LIFE: Duration = Duration::from_hours(1);
/// An unknown key has the provider asked again: once a minute, whoever comes with one.
const LOOK: Quota = Quota { burst: 1, period: Duration::from_mins(1) };
/// While there are no keys, because the provider is down, it is asked so often.
const FIRST_LOOK: Quota = Quota { burst: 10, period: Duration::from_mins(1) };
/// The largest set of keys, in bytes.
const MAX_BYTES: usize = 64 << 10;
/// How long a provider may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A key, and the one algorithm that it verifies. The token has no say in it (RFC 8725, 3.1).
pub struct Key {
    /// The algorithm's name in a token's header.
    pub name: &'static str,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The key.
    pub key: DecodingKey,
}

/// The key of this id; of a token that names none, the only one there is. Fails as unavailable when the provider cannot be
/// asked, so that nobody takes an outage for a forged token.
pub async fn find(platform: &Platform, provider: &OidcProvider, id: Option<&str>) -> Result<Option<Key>> {
    // Under the URL, not the name: keys of a provider that was configured before vouch for nobody.
    let cache = format!("jwks/{}", provider.jwks_url);
    if let Some(kept) = platform.keys.get(&cache).await? {
        if let Some(key) = pick(&usable(&kept), id) {
            return Ok(Some(key));
        }
        let bucket = format!("jwks:{}", provider.name);
        if !platform.limiter.take(&bucket, LOOK, 1, platform.clock.now()).await?.allowed {
            return Ok(None);
        }
    } else {
        let bucket = format!("jwks-first:{}", provider.name);
        if !platform.limiter.take(&bucket, FIRST_LOOK, 1, platform.clock.now()).await?.allowed {
            return Err(Error::unavailable(format!("the keys of {}: asked for too often", provider.name)));
        }
    }
    let unavailable = |cause: String| Error::unavailable(format!("the keys of {}: {cause}", provider.name));
    let fresh = outbound::get(platform, &provider.jwks_url, MAX_BYTES, PATIENCE).await.map_err(unavailable)?;
    let keys = usable(&fresh);
    if keys.is_empty() {
        return Err(unavailable("none that can be used".into()));
    }
    platform.keys.put(&cache, &fresh, Some(LIFE)).await?;
    Ok(pick(&keys, id))
}

/// The keys of a set that verify signatures. What is not understood is left out, as RFC 7517, 5 asks.
fn usable(set: &[u8]) -> Vec<Value> {
    let set: Value = serde_json::from_slice(set).unwrap_or_default();
    let keys = set["keys"].as_array().into_iter().flatten();
    keys.filter(|key| read(key).is_some()).cloned().collect()
}

fn pick(keys: &[Value], id: Option<&str>) -> Option<Key> {
    match (id, keys) {
        (None, [only]) => read(only),
        (None, _) => None,
        (Some(id), _) => read(keys.iter().find(|key| key["kid"] == id)?),
    }
}

/// A key by its type (RFC 7518, 6; RFC 8037, 2). Sizes are checked here, because what verifies trusts them.
fn read(key: &Value) -> Option<Key> {
    let text = |name: &str| key[name].as_str().unwrap_or_default();
    let has = |name: &str, bytes: usize| text(name).len() == (bytes * 8).div_ceil(6);
    let (name, algorithm, decoded) = match (text("kty"), text("crv")) {
        // 2048 bits and more.
        ("RSA", "") if text("n").len() >= 342 => {
            ("RS256", Algorithm::RS256, DecodingKey::from_rsa_components(text("n"), text("e")))
        }
        ("EC", "P-256") if has("x", 32) && has("y", 32) => {
            ("ES256", Algorithm::ES256, DecodingKey::from_ec_components(text("x"), text("y")))
        }
        ("OKP", "Ed25519") if has("x", 32) => ("EdDSA", Algorithm::EdDSA, DecodingKey::from_ed_components(text("x"))),
        _ => return None,
    };
    let said = |member: &str, word: &str| key[member].is_null() || key[member] == word;
    (said("alg", name) && said("use", "sig")).then_some(())?;
    Some(Key { name, algorithm, key: decoded.ok()? })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(key: &Value) -> Option<&'static str> {
        read(key).map(|key| key.name)
    }

    #[test]
    fn the_algorithm_is_the_keys() {
        let (n, x) = ("A".repeat(342), "A".repeat(43));
        assert_eq!(names(&json!({ "kty": "RSA", "n": n, "e": "AQAB" })), Some("RS256"));
        assert_eq!(names(&json!({ "kty": "EC", "crv": "P-256", "x": x, "y": x, "use": "sig" })), Some("ES256"));
        assert_eq!(names(&json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA" })), Some("EdDSA"));
        for wrong in [
            json!({ "kty": "oct", "k": x }),
            json!({ "kty": "oct", "k": x, "alg": "HS256" }),
            json!({ "kty": "RSA", "n": n, "e": "AQAB", "alg": "HS256" }),
            json!({ "kty": "RSA", "n": n, "e": "AQAB", "alg": "PS256" }),
            json!({ "kty": "RSA", "n": n, "e": "AQAB", "use": "enc" }),
            json!({ "kty": "RSA", "n": "A".repeat(171), "e": "AQAB" }),
            json!({ "kty": "RSA", "n": n, "e": "*" }),
            json!({ "kty": "EC", "crv": "P-384", "x": x, "y": x }),
            json!({ "kty": "EC", "crv": "P-256", "x": x, "y": "" }),
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA" }),
            json!({ "kty": "OKP", "crv": "Ed25519", "x": 5 }),
            json!({ "kty": "OKP", "crv": "X25519", "x": x }),
            json!("RSA"),
            json!(null),
        ] {
            assert_eq!(names(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_token_that_names_no_key_has_it_only_if_there_is_one() {
        let key = |id: &str| json!({ "kty": "OKP", "crv": "Ed25519", "x": "A".repeat(43), "kid": id });
        let set = |keys: Value| usable(json!({ "keys": keys }).to_string().as_bytes());
        let one = set(json!([key("a"), { "kty": "oct", "kid": "b" }]));
        assert!(pick(&one, None).is_some() && pick(&one, Some("a")).is_some() && pick(&one, Some("b")).is_none());
        let two = set(json!([key("a"), key("b")]));
        assert!(pick(&two, None).is_none() && pick(&two, Some("b")).is_some());
        for nonsense in ["", "[]", "{}", "{\"keys\":{}}", "\"keys\"", "\u{1}"] {
            assert!(usable(nonsense.as_bytes()).is_empty());
        }
    }
}
