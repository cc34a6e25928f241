use domain::Secret;

use super::*;
use crate::config::{Key, tests::sample};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn claims() -> Claims {
    Claims {
        user: UserId::new(NOW, [1; 10]),
        session: SessionId::new(NOW, [2; 10]),
        role: Role::User,
        generation: 3,
        authenticated_at: NOW,
    }
}

fn key(id: &str, byte: u8) -> Key {
    Key { id: id.into(), secret: Secret::new(vec![byte; 32]) }
}

fn signed(header: &Header, wire: &Wire, byte: u8) -> String {
    jsonwebtoken::encode(header, wire, &EncodingKey::from_secret(&[byte; 32])).unwrap()
}

#[test]
fn a_token_lives_until_it_expires() {
    let config = sample(&[]);
    let token = issue(&config, claims(), NOW).unwrap();
    let read = check(&config, &token, NOW).unwrap();
    assert_eq!((read.user, read.role, read.generation), (claims().user, Role::User, 3));
    assert_eq!(read.authenticated_at, NOW);
    assert!(check(&config, &token, NOW.plus(config.access_token)).is_none());
    assert!(check(&config, &token, NOW.minus(std::time::Duration::from_secs(61))).is_none());
}

#[test]
fn rotation_signs_nobody_out_until_the_old_key_goes() {
    let mut config = sample(&[]);
    config.jwt_keys = vec![key("old", 1)];
    let token = issue(&config, claims(), NOW).unwrap();
    config.jwt_keys.insert(0, key("new", 2));
    assert!(check(&config, &token, NOW).is_some());
    let fresh = issue(&config, claims(), NOW).unwrap();
    assert_eq!(jsonwebtoken::decode_header(&fresh).unwrap().kid.as_deref(), Some("new"));
    config.jwt_keys.pop();
    assert!(check(&config, &token, NOW).is_none());
}

#[test]
fn forged_tokens_are_refused() {
    let mut config = sample(&[]);
    config.jwt_keys = vec![key("k1", 1)];
    let wire = |aud: &str, iss: &str| Wire {
        iss: iss.into(),
        aud: aud.into(),
        sub: claims().user.to_string(),
        sid: claims().session.to_string(),
        role: "user".into(),
        r#gen: 0,
        auth_time: NOW.seconds(),
        iat: NOW.seconds(),
        exp: NOW.seconds() + 60,
    };
    let iss = config.public_url.clone();
    let header =
        |typ: &str, kid: &str, alg| Header { typ: Some(typ.into()), kid: Some(kid.into()), ..Header::new(alg) };
    let good = signed(&header(TYPE, "k1", Algorithm::HS256), &wire(AUDIENCE, &iss), 1);
    assert!(check(&config, &good, NOW).is_some());
    for bad in [
        signed(&header(TYPE, "k1", Algorithm::HS256), &wire(AUDIENCE, &iss), 2),
        signed(&header(TYPE, "k2", Algorithm::HS256), &wire(AUDIENCE, &iss), 1),
        signed(&header(TYPE, "../k1", Algorithm::HS256), &wire(AUDIENCE, &iss), 1),
        signed(&header("JWT", "k1", Algorithm::HS256), &wire(AUDIENCE, &iss), 1),
        signed(&header(TYPE, "k1", Algorithm::HS384), &wire(AUDIENCE, &iss), 1),
        signed(&header(TYPE, "k1", Algorithm::HS256), &wire("other", &iss), 1),
        signed(&header(TYPE, "k1", Algorithm::HS256), &wire(AUDIENCE, "https://other.example"), 1),
        // {"alg":"none","typ":"at+jwt","kid":"k1"} over the good claims
        format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0Iiwia2lkIjoiazEifQ.{}.", good.split('.').nth(1).unwrap()),
        good.replace('.', ".A"),
        String::new(),
        "a.b".into(),
        "é.é.é".into(),
    ] {
        assert!(check(&config, &bad, NOW).is_none(), "{bad}");
    }
}
