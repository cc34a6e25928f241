//! The ring of keys that access tokens are signed with. What a key is for stands in the ring, never in a token.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Secret;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    jwk::{CommonParameters, Jwk, PublicKeyUse},
};
use ports::SettingsError;

use super::reader::{self, Reader};
use crate::signatures;

/// A key of the ring.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// The id, as it appears in tokens (`kid`).
    pub id: String,
    /// The one algorithm that it is used with.
    pub algorithm: Algorithm,
    /// Signs.
    pub signs: EncodingKey,
    /// Verifies.
    pub verifies: DecodingKey,
    /// What everybody may know of it (RFC 7517); nothing of a shared secret.
    pub public: Option<Jwk>,
}

/// What precedes a key of 32 bytes in PKCS#8: Ed25519 (RFC 8410, 7).
const ED25519: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
/// And P-256 (RFC 5915, 3, in RFC 5208, 5).
const P256: &[u8] =
    b"\x30\x41\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\
                      \x04\x27\x30\x25\x02\x01\x01\x04\x20";

/// Reads a ring: `id:key`, `id:ed25519:key` or `id:es256:key`, separated by commas, the one to sign with first.
pub(super) async fn read(read: &mut Reader<'_>, name: &str) -> Result<Vec<SigningKey>, SettingsError> {
    let text = read.text(name).await?.unwrap_or_default();
    let keys: Option<Vec<SigningKey>> = text.split(',').map(parse).collect();
    let unique = |keys: &Vec<SigningKey>| (1..keys.len()).all(|at| keys[..at].iter().all(|k| k.id != keys[at].id));
    Ok(keys.filter(unique).unwrap_or_else(|| {
        read.refuse(
            name,
            "expected one or more of `id:key` (HS256, at least 32 random bytes), `id:ed25519:key` and `id:es256:key` (exactly 32), separated by commas, the keys in base64url; make one with `openssl rand -base64 32 | tr '+/' '-_'`",
        );
        Vec::new()
    }))
}

fn parse(item: &str) -> Option<SigningKey> {
    // Public parts are computed already here.
    signatures::install();
    let (id, rest) = item.trim().split_once(':').filter(|(id, _)| reader::is_key_id(id))?;
    let (kind, text) = rest.split_once(':').unwrap_or(("hs256", rest));
    let secret = Secret::new(URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?);
    let secret = secret.expose().as_slice();
    let whole = |before: &[u8]| Secret::new([before, secret].concat());
    let (algorithm, signs) = match kind {
        "hs256" if secret.len() >= 32 => {
            let (signs, verifies) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
            return Some(SigningKey { id: id.to_owned(), algorithm: Algorithm::HS256, signs, verifies, public: None });
        }
        "ed25519" if secret.len() == 32 => (Algorithm::EdDSA, EncodingKey::from_ed_der(whole(ED25519).expose())),
        "es256" if secret.len() == 32 => (Algorithm::ES256, EncodingKey::from_ec_der(whole(P256).expose())),
        _ => return None,
    };
    let mut public = Jwk::from_encoding_key(&signs, algorithm).ok()?;
    public.common = CommonParameters {
        public_key_use: Some(PublicKeyUse::Signature),
        key_id: Some(id.to_owned()),
        ..public.common
    };
    let verifies = DecodingKey::from_jwk(&public).ok()?;
    Some(SigningKey { id: id.to_owned(), algorithm, signs, verifies, public: Some(public) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key pair of RFC 8037, appendix A.
    #[test]
    fn the_public_part_of_an_ed25519_key_is_the_standards() {
        let key = parse("a:ed25519:nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let public = serde_json::to_value(key.public).unwrap();
        let wanted = serde_json::json!({
            "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid": "a", "use": "sig", "alg": "EdDSA",
        });
        assert_eq!(public, wanted);
    }

    /// The key pair of RFC 7515, appendix A.3.
    #[test]
    fn the_public_part_of_a_p256_key_is_the_standards() {
        let key = parse("b:es256:jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI").unwrap();
        let public = serde_json::to_value(key.public).unwrap();
        let wanted = serde_json::json!({
            "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", "kid": "b", "use": "sig", "alg": "ES256",
        });
        assert_eq!(public, wanted);
    }

    #[test]
    fn a_shared_secret_has_no_public_part() {
        let key = parse(&format!("c:{}", URL_SAFE_NO_PAD.encode([1; 40]))).unwrap();
        assert!(key.public.is_none() && key.algorithm == Algorithm::HS256);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let (short, right) = (URL_SAFE_NO_PAD.encode([1; 31]), URL_SAFE_NO_PAD.encode([1; 32]));
        let (long, none) = (URL_SAFE_NO_PAD.encode([1; 33]), URL_SAFE_NO_PAD.encode([0; 32]));
        for bad in [
            format!("a:{short}"),
            format!("a:ed25519:{short}"),
            format!("a:ed25519:{long}"),
            format!("a:es256:{long}"),
            // No scalar of the curve.
            format!("a:es256:{none}"),
            format!("a:rs256:{right}"),
            format!("a:none:{right}"),
            format!("a::{right}"),
            format!("a b:{right}"),
            format!(":{right}"),
            right,
            String::new(),
        ] {
            assert!(parse(&bad).is_none(), "{bad}");
        }
    }
}
