//! Keys rotate without signing anyone out: a process that has new keys in front of the old ones, over the stores of one that has only
//! the old ones. In process, as it takes two with other settings.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use testkit::Faulty;
use tests::{
    Api, User,
    authenticator::{Protected, answer},
    settings::SETTINGS,
};

/// A new key for every ring.
const NEW: &str = "new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
const RINGS: [&str; 3] = ["LITTORAL_JWT_KEYS", "LITTORAL_REFRESH_KEYS", "LITTORAL_DATA_KEYS"];

/// A process whose rings have the new key in front; those named by `without` have no other.
async fn rotated(old: &Api, database: &Arc<Faulty>, without: &[&str]) -> Api {
    let given = |ring: &&'static str| {
        let (_, kept) = SETTINGS.iter().find(|(name, _)| name == ring).expect("a ring");
        (*ring, if without.contains(ring) { NEW.to_owned() } else { format!("{NEW},{kept}") })
    };
    let rings: Vec<_> = RINGS.iter().map(given).collect();
    let rings: Vec<_> = rings.iter().map(|(ring, keys)| (*ring, keys.as_str())).collect();
    old.with_other_settings(&rings, Arc::clone(database)).await
}

fn at(api: &Api, user: &User) -> User {
    User { api: api.clone(), ..user.clone() }
}

/// The session and the number of a refresh token: what it is in its chain, whichever key vouches for it.
fn place(user: &User) -> Vec<String> {
    let token = user.tokens["refresh_token"].as_str().expect("a refresh token");
    token.split('.').take(2).map(str::to_owned).collect()
}

fn key_of(user: &User) -> Value {
    let header = URL_SAFE_NO_PAD.decode(user.access_token().split('.').next().unwrap()).expect("base64url");
    serde_json::from_slice::<Value>(&header).expect("JSON")["kid"].clone()
}

#[tokio::test]
async fn who_is_signed_in_stays_so_also_when_a_response_was_lost() {
    let (old, _, database) = Api::two(&[]).await;
    let user = old.user().await;
    let lost = user.refreshed().await;
    assert_eq!(key_of(&lost), "test");

    let new = rotated(&old, &database, &[]).await;
    for before in [&user, &lost] {
        assert_eq!(at(&new, before).get("/api/v1/auth/me").await.status, 200);
    }
    // The same successor in the chain; what vouches for it is new.
    let again = at(&new, &user).refreshed().await;
    assert_eq!((place(&again), key_of(&again)), (place(&lost), json!("new")));
    // Either of the two goes on, and to the same place.
    let next = at(&new, &lost).refreshed().await;
    assert_eq!(again.refreshed().await.tokens["refresh_token"], next.tokens["refresh_token"]);
    assert_ne!(place(&next), place(&again));
    let (_, events) = next.get("/api/v1/auth/events").await.json().await;
    assert!(!events.to_string().contains("refresh_token_reused"), "{events}");
}

#[tokio::test]
async fn who_signs_in_across_a_rotation_is_asked_for_nothing_anew() {
    let (old, _, database) = Api::two(&[]).await;
    let protected = Protected::new(&old).await;
    let trust = json!({ "recovery_code": protected.codes[0], "trust_device": true });
    let trusted = protected.sign_in(&trust).await["trusted_device_token"].clone();
    let challenge = protected.challenge().await;

    let new = rotated(&old, &database, &[]).await;
    let moved = Protected { user: at(&new, &protected.user), ..protected };
    let (status, tokens) = answer(&new, &challenge, &json!({ "recovery_code": moved.codes[1] })).await.json().await;
    assert_eq!(status, 200, "{tokens}");
    moved.sign_in(&json!({ "code": moved.app.next() })).await;
    let (status, tokens) = moved.login(&json!({ "trusted_device_token": trusted })).await.json().await;
    assert_eq!((status, tokens["access_token"].is_string()), (200, true), "{tokens}");
    // A used code does not come back with another key.
    let (_, asked) = moved.login(&json!({})).await.json().await;
    let again = json!({ "recovery_code": moved.codes[0] });
    assert_eq!(answer(&new, asked["challenge_token"].as_str().unwrap(), &again).await.status, 401);
}

#[tokio::test]
async fn what_was_used_since_is_sealed_with_the_new_key() {
    let (old, _, database) = Api::two(&[]).await;
    let protected = Protected::new(&old).await;
    let new = rotated(&old, &database, &[]).await;
    let moved = Protected { user: at(&new, &protected.user), ..protected };
    moved.sign_in(&json!({ "code": moved.app.next() })).await;

    let last = rotated(&old, &database, &["LITTORAL_DATA_KEYS"]).await;
    last.pass(Duration::from_mins(2));
    let moved = Protected { user: at(&last, &moved.user), ..moved };
    moved.sign_in(&json!({ "code": moved.app.in_minutes(2) })).await;
}
