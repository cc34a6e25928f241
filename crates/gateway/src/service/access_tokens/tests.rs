use jsonwebtoken::{Algorithm, EncodingKey};

use super::*;
use crate::config::tests::sample;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// Shared secrets of 32 bytes, and the key pairs of RFC 8037 and RFC 7515.
const OLD: &str = "old:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
const NEW: &str = "new:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI";
const ED25519: &str = "ed:ed25519:nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const P256: &str = "es:es256:jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";

/// A config with this ring.
fn ring(keys: &'static str) -> Config {
    sample(&[("LITTORAL_JWT_KEYS", keys)])
}

fn good(config: &Config, token: &str) -> bool {
    matches!(check(config, token, NOW), Checked::Good(_))
}

fn claims() -> Claims {
    Claims {
        user: UserId::new(NOW, [1; 10]),
        session: SessionId::new(NOW, [2; 10]),
        role: Role::User,
        email_verified: true,
        generation: 3,
        authenticated_at: NOW,
    }
}

fn wire(config: &Config) -> Wire {
    Wire {
        iss: config.public_url.clone(),
        aud: AUDIENCE.into(),
        sub: claims().user.to_string(),
        sid: claims().session.to_string(),
        role: "user".into(),
        email_verified: true,
        r#gen: 0,
        auth_time: NOW.seconds(),
        iat: NOW.seconds(),
        nbf: None,
        exp: NOW.seconds() + 60,
    }
}

#[test]
fn a_token_lives_until_it_expires() {
    let config = sample(&[]);
    let token = issue(&config, claims(), NOW).unwrap();
    let Checked::Good(read) = check(&config, &token, NOW) else { panic!("refused") };
    assert_eq!((read.user, read.role, read.generation), (claims().user, Role::User, 3));
    assert_eq!(read.authenticated_at, NOW);
    assert!(matches!(check(&config, &token, NOW.plus(config.access_token)), Checked::Expired));
    assert!(matches!(check(&config, &token, NOW.minus(std::time::Duration::from_secs(61))), Checked::Refused));
    // An expired token of somebody else is not called expired.
    assert!(matches!(check(&ring(NEW), &token, NOW.plus(config.access_token)), Checked::Refused));
}

#[test]
fn rotation_signs_nobody_out_until_the_old_key_goes() {
    for (before, after, without, algorithm) in [
        (OLD, joined(&[NEW, OLD]), NEW, Algorithm::HS256),
        (OLD, joined(&[ED25519, OLD]), ED25519, Algorithm::EdDSA),
        (ED25519, joined(&[P256, ED25519]), P256, Algorithm::ES256),
        (P256, joined(&[OLD, P256]), OLD, Algorithm::HS256),
    ] {
        let token = issue(&ring(before), claims(), NOW).unwrap();
        let after = ring(after);
        assert!(good(&after, &token), "{algorithm:?}");
        let fresh = issue(&after, claims(), NOW).unwrap();
        let header = jsonwebtoken::decode_header(&fresh).unwrap();
        assert_eq!((header.alg, header.kid.as_deref()), (algorithm, without.split(':').next()));
        let without = ring(without);
        assert!(good(&without, &fresh), "{algorithm:?}");
        assert!(!good(&without, &token), "{algorithm:?}");
    }
}

/// Joins keys to a ring that lives as long as the tests.
fn joined(keys: &[&str]) -> &'static str {
    keys.join(",").leak()
}

#[test]
fn only_key_pairs_are_published() {
    let published = |keys| {
        let keys = public_keys(&ring(keys)).keys;
        keys.into_iter().map(|key| key.common.key_id.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(published(joined(&[OLD, NEW])), [""; 0]);
    assert_eq!(published(joined(&[OLD, P256, NEW, ED25519])), ["es", "ed"]);
    let text = serde_json::to_string(&public_keys(&ring(joined(&[OLD, P256, ED25519])))).unwrap();
    for key in [OLD, P256, ED25519] {
        assert!(!text.contains(key.rsplit(':').next().unwrap()), "{text}");
    }
}

#[test]
fn a_key_is_used_with_its_own_algorithm_only() {
    let all = ring(joined(&[OLD, ED25519, P256]));
    let wire = wire(&all);
    for (claimed, signer) in all.jwt_keys.iter().flat_map(|one| all.jwt_keys.iter().map(move |two| (one, two))) {
        // The id of one key over the algorithm and signature of another.
        let header = Header { kid: Some(claimed.id.clone()), ..header(signer) };
        let token = jsonwebtoken::encode(&header, &wire, &signer.signs).unwrap();
        assert_eq!(good(&all, &token), claimed.id == signer.id, "{} {}", claimed.id, signer.id);
    }
    // What is public of a pair, taken for a shared secret.
    for key in &all.jwt_keys[1..] {
        let public = serde_json::to_value(&key.public).unwrap();
        for secret in [public["x"].to_string(), public["x"].as_str().unwrap().to_owned(), public.to_string()] {
            let header = Header { alg: Algorithm::HS256, ..header(key) };
            let token = jsonwebtoken::encode(&header, &wire, &EncodingKey::from_secret(secret.as_bytes())).unwrap();
            assert!(!good(&all, &token), "{}", key.id);
        }
    }
}

#[test]
fn a_header_says_nothing_more_than_ours_does() {
    for key in [OLD, ED25519, P256] {
        let config = ring(key);
        let key = &config.jwt_keys[0];
        let refused = |change: &dyn Fn(&mut Header)| {
            let mut header = header(key);
            change(&mut header);
            let token = jsonwebtoken::encode(&header, &wire(&config), &key.signs).unwrap();
            !good(&config, &token)
        };
        assert!(!refused(&|_| {}));
        assert!(refused(&|header| header.typ = Some("JWT".into())));
        assert!(refused(&|header| header.typ = None));
        assert!(refused(&|header| header.kid = None));
        assert!(refused(&|header| header.cty = Some("JWT".into())));
        assert!(refused(&|header| header.jku = Some("https://evil.example.com/keys".into())));
        assert!(refused(&|header| header.x5u = Some("https://evil.example.com/chain".into())));
        assert!(refused(&|header| header.jwk.clone_from(&ring(P256).jwt_keys[0].public)));
        assert!(refused(&|header| header.crit = Some(vec!["exp".into()])));
        assert!(refused(&|header| header.extras.insert("b64", false)));
    }
}

#[test]
fn times_that_lie_ahead_are_refused_beyond_the_skew_of_clocks() {
    let config = sample(&[]);
    let key = &config.jwt_keys[0];
    let valid = |wire: Wire| {
        let token = jsonwebtoken::encode(&header(key), &wire, &key.signs).unwrap();
        good(&config, &token)
    };
    let now = NOW.seconds();
    let (skewed, ahead) = (now + CLOCK_SKEW_SECONDS, now + CLOCK_SKEW_SECONDS + 1);
    let exp = now + 600;
    assert!(valid(Wire { iat: skewed, exp, ..wire(&config) }));
    assert!(!valid(Wire { iat: ahead, exp, ..wire(&config) }));
    assert!(valid(Wire { nbf: Some(skewed), exp, ..wire(&config) }));
    assert!(!valid(Wire { nbf: Some(ahead), exp, ..wire(&config) }));
    assert!(valid(Wire { exp: now + 1, ..wire(&config) }));
    assert!(!valid(Wire { exp: now, ..wire(&config) }));
}

#[test]
fn what_is_no_token_is_refused() {
    let config = sample(&[]);
    let genuine = issue(&config, claims(), NOW).unwrap();
    for bad in [
        String::new(),
        "a.b".into(),
        "é.é.é".into(),
        genuine.replace('.', ".A"),
        format!("{genuine}{}", "A".repeat(MAX_BYTES)),
    ] {
        assert!(!good(&config, &bad));
    }
}
