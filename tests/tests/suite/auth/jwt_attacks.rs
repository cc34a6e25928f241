//! Attacks on access tokens, one test each. Whatever is wrong with a token, the answer is the same: 401 `invalid_token`; and
//! the genuine token goes on working.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use tests::Api;

use super::{
    me, oidc, refused,
    tokens::{Genuine, key, message, public, sign, sign_with, signature, with},
};

/// Every one of these tokens is refused.
async fn refuse(forge: impl Fn(&Genuine) -> Vec<String>) {
    let api = Api::start().await;
    let user = api.user().await;
    for forged in forge(&Genuine::of(&user)) {
        let answer = me(&api, &forged).await;
        assert_eq!(answer.status, 401, "{forged}");
        refused(answer, "invalid_token", "Invalid or expired token").await;
    }
    assert_eq!(me(&api, user.access_token()).await.status, 200);
}

/// A token without a signature, or with another's.
fn unsigned(header: &Value, claims: &Value, signature: &str) -> String {
    format!("{}.{signature}", message(&header.to_string(), &claims.to_string()))
}

#[tokio::test]
async fn alg_none() {
    refuse(|real| {
        let header = with(&real.header, &json!({ "alg": "none" }));
        vec![unsigned(&header, &real.claims, ""), unsigned(&header, &real.claims, real.text(2))]
    })
    .await;
}

#[tokio::test]
async fn alg_none_in_every_spelling() {
    refuse(|real| {
        let spell = |alg| unsigned(&with(&real.header, &json!({ "alg": alg })), &real.claims, "");
        ["None", "NONE", "nOnE", "none ", "", "null"].map(spell).into()
    })
    .await;
}

#[tokio::test]
async fn alg_none_over_a_right_signature() {
    refuse(|real| vec![real.with_header(&json!({ "alg": "none" }))]).await;
}

#[tokio::test]
async fn no_algorithm_at_all() {
    refuse(|real| vec![real.with_header(&json!({ "alg": null })), real.with_header(&json!({ "alg": ["HS256"] }))])
        .await;
}

#[tokio::test]
async fn an_algorithm_in_lower_case() {
    refuse(|real| vec![real.with_header(&json!({ "alg": "hs256" })), real.with_header(&json!({ "alg": "Hs256" }))])
        .await;
}

#[tokio::test]
async fn the_algorithm_twice() {
    refuse(|real| {
        let header =
            |first: &str, second: &str| format!(r#"{{"typ":"at+jwt","alg":"{first}","alg":"{second}","kid":"test"}}"#);
        let token = |header: &str| {
            let text = message(header, &real.claims.to_string());
            let mut mac = Hmac::<Sha256>::new_from_slice(&real.key).unwrap();
            mac.update(text.as_bytes());
            format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
        };
        vec![token(&header("none", "HS256")), token(&header("HS256", "none"))]
    })
    .await;
}

#[tokio::test]
async fn another_hmac_with_the_same_key() {
    refuse(|real| {
        let text =
            |alg: &str| message(&with(&real.header, &json!({ "alg": alg })).to_string(), &real.claims.to_string());
        let (long, longer) = (text("HS384"), text("HS512"));
        let mut one = Hmac::<Sha384>::new_from_slice(&real.key).unwrap();
        one.update(long.as_bytes());
        let mut two = Hmac::<Sha512>::new_from_slice(&real.key).unwrap();
        two.update(longer.as_bytes());
        vec![
            format!("{long}.{}", URL_SAFE_NO_PAD.encode(one.finalize().into_bytes())),
            format!("{longer}.{}", URL_SAFE_NO_PAD.encode(two.finalize().into_bytes())),
        ]
    })
    .await;
}

#[tokio::test]
async fn an_hmac_that_calls_itself_a_public_key_signature() {
    refuse(|real| ["RS256", "PS256", "ES256", "EdDSA"].map(|alg| real.with_header(&json!({ "alg": alg }))).into())
        .await;
}

/// Everything that a library could take the public key of a pair for, had it mixed it up with a secret.
fn shapes_of_public_key(id: &str) -> Vec<Vec<u8>> {
    let (x, y) = public(id);
    let raw = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let (kty, crv, alg) = if id == "ed" { ("OKP", "Ed25519", "EdDSA") } else { ("EC", "P-256", "ES256") };
    let mut jwk = json!({ "use": "sig", "alg": alg, "kid": id, "kty": kty, "crv": crv, "x": x });
    let mut point = raw(x);
    if let Some(y) = y {
        jwk["y"] = json!(y);
        point = [&[4], point.as_slice(), &raw(y)].concat();
    }
    vec![raw(x), x.into(), point, jwk.to_string().into(), format!("{{\"keys\":[{jwk}]}}").into()]
}

#[tokio::test]
async fn the_public_ed25519_key_as_an_hmac_secret() {
    refuse(|real| {
        let forge = |secret: Vec<u8>| {
            ["HS256", "EdDSA", "RS256"]
                .map(|alg| sign(&with(&real.header, &json!({ "kid": "ed", "alg": alg })), &real.claims, &secret))
        };
        shapes_of_public_key("ed").into_iter().flat_map(forge).collect()
    })
    .await;
}

#[tokio::test]
async fn a_public_rsa_key_as_an_hmac_secret() {
    refuse(|real| {
        let rsa = oidc::jwk("rsa");
        let modulus = rsa["n"].as_str().unwrap();
        let shapes: [Vec<u8>; 4] = [
            URL_SAFE_NO_PAD.decode(modulus).unwrap(),
            modulus.into(),
            rsa.to_string().into(),
            format!("{{\"keys\":[{rsa}]}}").into(),
        ];
        let forge = |secret: Vec<u8>| {
            ["HS256", "RS256"].into_iter().flat_map(move |alg| {
                ["test", "rsa"]
                    .map(|id| sign(&with(&real.header, &json!({ "kid": id, "alg": alg })), &real.claims, &secret))
            })
        };
        shapes.into_iter().flat_map(forge).collect()
    })
    .await;
}

#[tokio::test]
async fn the_public_p256_key_as_an_hmac_secret() {
    refuse(|real| {
        let forge = |secret: Vec<u8>| {
            ["HS256", "ES256", "RS256"]
                .map(|alg| sign(&with(&real.header, &json!({ "kid": "es", "alg": alg })), &real.claims, &secret))
        };
        shapes_of_public_key("es").into_iter().flat_map(forge).collect()
    })
    .await;
}

#[tokio::test]
async fn a_signature_of_a_key_pair_under_the_id_of_a_shared_secret() {
    refuse(|real| {
        let forge = |(id, alg)| sign_with(id, &with(&real.header, &json!({ "alg": alg })), &real.claims);
        [("ed", "EdDSA"), ("es", "ES256"), ("ed", "HS256"), ("es", "HS256")].map(forge).into()
    })
    .await;
}

#[tokio::test]
async fn a_signature_of_one_key_pair_under_the_id_of_the_other() {
    refuse(|real| {
        let forge = |(signer, id, alg): (&str, &str, &str)| {
            sign_with(signer, &with(&real.header, &json!({ "kid": id, "alg": alg })), &real.claims)
        };
        [("ed", "es", "EdDSA"), ("ed", "es", "ES256"), ("es", "ed", "ES256"), ("es", "ed", "EdDSA")].map(forge).into()
    })
    .await;
}

#[tokio::test]
async fn a_shared_secret_under_the_id_of_a_key_pair() {
    refuse(|real| ["ed", "es"].map(|id| real.with_header(&json!({ "kid": id }))).into()).await;
}

#[tokio::test]
async fn a_key_pair_of_the_attackers() {
    refuse(|real| {
        let forge = |(id, alg)| {
            let header = with(&real.header, &json!({ "kid": id, "alg": alg }));
            let text = message(&header.to_string(), &real.claims.to_string());
            format!("{text}.{}", signature(id, &[7; 32], &text))
        };
        [("ed", "EdDSA"), ("es", "ES256")].map(forge).into()
    })
    .await;
}

#[tokio::test]
async fn a_signature_of_zeros() {
    refuse(|real| {
        let forge = |(id, alg)| {
            let header = with(&real.header, &json!({ "kid": id, "alg": alg }));
            unsigned(&header, &real.claims, &URL_SAFE_NO_PAD.encode([0; 64]))
        };
        [("test", "HS256"), ("ed", "EdDSA"), ("es", "ES256")].map(forge).into()
    })
    .await;
}

#[tokio::test]
async fn another_secret() {
    refuse(|real| {
        let guesses: [&[u8]; 5] = [b"", b"secret", b"test", &[0; 32], &Sha256::digest(b"another")];
        guesses.map(|key| sign(&real.header, &real.claims, key)).into()
    })
    .await;
}

#[tokio::test]
async fn the_secret_of_refresh_tokens() {
    refuse(|real| {
        let key = URL_SAFE_NO_PAD.decode("Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA").unwrap();
        vec![sign(&real.header, &real.claims, &key)]
    })
    .await;
}

#[tokio::test]
async fn a_wrong_type() {
    refuse(|real| {
        ["JWT", "at+JWT", "application/at+jwt", "id+jwt", "rt+jwt", ""]
            .map(|typ| real.with_header(&json!({ "typ": typ })))
            .into()
    })
    .await;
}

#[tokio::test]
async fn no_type() {
    refuse(|real| vec![real.with_header(&json!({ "typ": null }))]).await;
}

#[tokio::test]
async fn an_unknown_key_id() {
    refuse(|real| ["other", "TEST", "test ", "", "test,ed"].map(|kid| real.with_header(&json!({ "kid": kid }))).into())
        .await;
}

#[tokio::test]
async fn a_key_id_with_a_path() {
    refuse(|real| {
        let paths = ["../../etc/passwd", "/dev/null", "./test", "test/../test", "..%2ftest", "file:///dev/null"];
        // A server that reads `/dev/null` has the empty key.
        paths
            .into_iter()
            .flat_map(|kid| {
                let header = with(&real.header, &json!({ "kid": kid }));
                [sign(&header, &real.claims, &real.key), sign(&header, &real.claims, b"")]
            })
            .collect()
    })
    .await;
}

#[tokio::test]
async fn a_key_id_with_a_query() {
    refuse(|real| {
        ["' OR '1'='1", "x' UNION SELECT 'secret' --", "test'; DROP TABLE users; --", "*"]
            .into_iter()
            .flat_map(|kid| {
                let header = with(&real.header, &json!({ "kid": kid }));
                [sign(&header, &real.claims, &real.key), sign(&header, &real.claims, b"secret")]
            })
            .collect()
    })
    .await;
}

#[tokio::test]
async fn no_key_id() {
    refuse(|real| vec![real.with_header(&json!({ "kid": null })), real.with_header(&json!({ "kid": 1 }))]).await;
}

#[tokio::test]
async fn expired() {
    refuse(|real| {
        let now = real.issued();
        vec![
            real.with_claims(&json!({ "iat": now - 901, "exp": now - 1 })),
            real.with_claims(&json!({ "iat": now - 900, "exp": now })),
            real.with_claims(&json!({ "iat": 0, "exp": 1 })),
            real.with_claims(&json!({ "exp": -1 })),
        ]
    })
    .await;
}

#[tokio::test]
async fn no_expiry() {
    refuse(|real| {
        vec![
            real.with_claims(&json!({ "exp": null })),
            real.with_claims(&json!({ "exp": "9999999999" })),
            real.with_claims(&json!({ "exp": 1e300 })),
        ]
    })
    .await;
}

#[tokio::test]
async fn not_yet_valid() {
    refuse(|real| {
        let now = real.issued();
        vec![
            real.with_claims(&json!({ "nbf": now + 3600, "exp": now + 7200 })),
            real.with_claims(&json!({ "nbf": "soon" })),
        ]
    })
    .await;
}

#[tokio::test]
async fn issued_in_the_future() {
    refuse(|real| {
        let now = real.issued();
        vec![
            real.with_claims(&json!({ "iat": now + 3600, "exp": now + 7200 })),
            real.with_claims(&json!({ "iat": null })),
        ]
    })
    .await;
}

#[tokio::test]
async fn another_audience() {
    refuse(|real| {
        vec![
            real.with_claims(&json!({ "aud": "somebody-else" })),
            real.with_claims(&json!({ "aud": ["somebody-else", "littoral"] })),
            real.with_claims(&json!({ "aud": "" })),
            real.with_claims(&json!({ "aud": null })),
        ]
    })
    .await;
}

#[tokio::test]
async fn another_issuer() {
    refuse(|real| {
        let ours = real.claims["iss"].as_str().unwrap();
        vec![
            real.with_claims(&json!({ "iss": "https://evil.example.com" })),
            real.with_claims(&json!({ "iss": format!("{ours}/") })),
            real.with_claims(&json!({ "iss": [ours, "https://evil.example.com"] })),
            real.with_claims(&json!({ "iss": null })),
        ]
    })
    .await;
}

#[tokio::test]
async fn claims_that_name_nobody() {
    refuse(|real| {
        [
            json!({ "sub": null }),
            json!({ "sub": "1" }),
            json!({ "sub": 1 }),
            json!({ "sid": null }),
            json!({ "sid": "1" }),
            json!({ "sid": "../sessions" }),
        ]
        .map(|changes| real.with_claims(&changes))
        .into()
    })
    .await;
}

#[tokio::test]
async fn a_role_that_is_none() {
    refuse(|real| {
        [json!({ "role": "root" }), json!({ "role": null }), json!({ "role": ["admin"] }), json!({ "gen": null })]
            .map(|changes| real.with_claims(&changes))
            .into()
    })
    .await;
}

#[tokio::test]
async fn a_refresh_token_used_as_an_access_token() {
    refuse(|real| vec![real.refresh.clone(), real.refresh.trim_start_matches("lrt_").to_owned()]).await;
}

#[tokio::test]
async fn a_tampered_header() {
    refuse(|real| {
        let header = with(&real.header, &json!({ "x": 1 }));
        // The same members in another order mean the same and are not what was signed.
        let turned = r#"{"kid":"test","alg":"HS256","typ":"at+jwt"}"#;
        let spaced = r#"{"typ": "at+jwt", "alg": "HS256", "kid": "test"}"#;
        [header.to_string().as_str(), turned, spaced].map(|text| real.replace(0, &URL_SAFE_NO_PAD.encode(text))).into()
    })
    .await;
}

#[tokio::test]
async fn a_tampered_payload() {
    let api = Api::start().await;
    let (user, other) = (api.user().await, api.user().await);
    let (real, others) = (Genuine::of(&user), Genuine::of(&other));
    let later = with(&real.claims, &json!({ "exp": real.issued() + 86_400 }));
    let admin = with(&real.claims, &json!({ "role": "admin" }));
    for text in [
        others.text(1).to_owned(),
        URL_SAFE_NO_PAD.encode(later.to_string()),
        URL_SAFE_NO_PAD.encode(admin.to_string()),
        String::new(),
        "e30".into(),
    ] {
        refused(me(&api, &real.replace(1, &text)).await, "invalid_token", "Invalid or expired token").await;
    }
    assert_eq!(me(&api, &real.token).await.status, 200);
}

#[tokio::test]
async fn a_tampered_signature() {
    refuse(|real| {
        let text = real.text(2);
        // Each byte of the 32, and the bits of the last character that encode nothing.
        let flips = (0..32).map(|at| {
            let mut bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
            bytes[at] ^= 1;
            real.replace(2, &URL_SAFE_NO_PAD.encode(bytes))
        });
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let last = alphabet.find(&text[42..]).unwrap();
        let unused = real.replace(2, &format!("{}{}", &text[..42], &alphabet[last + 1..last + 2]));
        let short = real.replace(2, &URL_SAFE_NO_PAD.encode(&URL_SAFE_NO_PAD.decode(text).unwrap()[..16]));
        flips.chain([unused, short, format!("{}=", real.token), format!("{}A", real.token)]).collect()
    })
    .await;
}

#[tokio::test]
async fn an_empty_signature() {
    refuse(|real| vec![real.replace(2, ""), real.token.rsplit_once('.').unwrap().0.to_owned()]).await;
}

#[tokio::test]
async fn two_signatures() {
    refuse(|real| {
        let signature = real.text(2);
        let flattened = json!({ "payload": real.text(1), "protected": real.text(0), "signature": signature });
        let general = json!({ "payload": real.text(1), "signatures": [flattened.clone(), flattened.clone()] });
        vec![
            format!("{}.{signature}", real.token),
            format!("{}..{signature}", real.token.rsplit_once('.').unwrap().0),
            format!("{0} {0}", real.token),
            format!("{0},{0}", real.token),
            flattened.to_string(),
            general.to_string(),
        ]
    })
    .await;
}

#[tokio::test]
async fn a_key_embedded_in_the_header() {
    refuse(|real| {
        // The attacker's own pair, and a secret as an octet key: the token is right by the key that it brings along.
        let secret = Sha256::digest(b"another");
        let octets = json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode(secret) });
        let (x, _) = public("ed");
        let pair = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
        vec![
            sign(&with(&real.header, &json!({ "jwk": octets })), &real.claims, &secret),
            sign(&with(&real.header, &json!({ "jwk": octets, "kid": null })), &real.claims, &secret),
            sign_with("ed", &with(&real.header, &json!({ "jwk": pair, "alg": "EdDSA" })), &real.claims),
            sign_with("ed", &with(&real.header, &json!({ "jwk": pair, "alg": "EdDSA", "kid": null })), &real.claims),
            // Not even a right signature makes up for it.
            real.with_header(&json!({ "jwk": octets })),
        ]
    })
    .await;
}

#[tokio::test]
async fn a_url_of_keys_in_the_header() {
    let api = Api::start().await;
    let user = api.user().await;
    let real = Genuine::of(&user);
    // Where the keys would be: nobody may look there.
    let trap = api.provider.script(testkit::upstream::Script::reply(&["{\"keys\":[]}"])).await;
    let url = format!("{}/play/{trap}/keys", api.provider.url());
    for header in [json!({ "jku": url }), json!({ "jku": url, "kid": "far" }), json!({ "jku": "file:///dev/null" })] {
        let other = sign(&with(&real.header, &header), &real.claims, &Sha256::digest(b"another"));
        refused(me(&api, &other).await, "invalid_token", "Invalid or expired token").await;
        refused(me(&api, &real.with_header(&header)).await, "invalid_token", "Invalid or expired token").await;
    }
    assert_eq!(api.provider.count(&trap).await, 0);
}

#[tokio::test]
async fn a_certificate_in_the_header() {
    refuse(|real| {
        [
            json!({ "x5u": "https://evil.example.com/chain.pem" }),
            json!({ "x5c": ["MIIB"] }),
            json!({ "x5t": "AAAA" }),
            json!({ "x5t#S256": "AAAA" }),
        ]
        .map(|changes| real.with_header(&changes))
        .into()
    })
    .await;
}

#[tokio::test]
async fn a_critical_extension() {
    refuse(|real| {
        [
            json!({ "crit": ["b64"], "b64": false }),
            json!({ "crit": ["exp"] }),
            json!({ "crit": [] }),
            json!({ "zip": "DEF" }),
        ]
        .map(|changes| real.with_header(&changes))
        .into()
    })
    .await;
}

#[tokio::test]
async fn a_very_long_token() {
    refuse(|real| {
        vec![
            "A".repeat(7_000),
            ".".repeat(7_000),
            format!("{}{}", real.token, "A".repeat(7_000)),
            real.with_claims(&json!({ "x": "x".repeat(5_000) })),
            real.with_header(&json!({ "kid": "x".repeat(5_000) })),
        ]
    })
    .await;
}

#[tokio::test]
async fn what_is_no_token_at_all() {
    refuse(|real| {
        let header = URL_SAFE_NO_PAD.encode(real.header.to_string());
        [
            "x",
            "..",
            "...",
            "{}.{}.{}",
            "null",
            "AA.AA.AA",
            &header,
            &format!("{header}.."),
            &format!("..{}", real.text(2)),
        ]
        .map(str::to_owned)
        .into()
    })
    .await;
}

/// The other side of all this: the forges are right but for one thing.
#[tokio::test]
async fn a_right_token_of_every_key_of_the_ring_is_accepted() {
    let api = Api::start().await;
    let user = api.user().await;
    let real = Genuine::of(&user);
    for (id, alg) in [("ed", "EdDSA"), ("es", "ES256")] {
        let header = with(&real.header, &json!({ "kid": id, "alg": alg }));
        assert_eq!(me(&api, &sign_with(id, &header, &real.claims)).await.status, 200, "{id}");
    }
    assert_eq!(me(&api, &sign(&real.header, &real.claims, &key("test"))).await.status, 200);
}
