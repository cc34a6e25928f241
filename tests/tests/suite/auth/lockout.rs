//! Guessing: pauses, locks, and that an unknown address is treated as a known one.

use std::time::Duration;

use futures_util::future::{join, join_all};
use serde_json::json;
use tests::{Answer, Api, authenticator::Protected, token_in};

use super::{PASSWORD, login};

const WRONG: &str = "canary-wrong-Passw0rd-7";

/// What a refused try was told: the code, and when to come back.
async fn refusal(answer: Answer) -> (u16, String, u64) {
    let after = answer.header("retry-after").map_or(0, |wait| wait.parse().expect("seconds"));
    let (status, body) = answer.json().await;
    (status, body["code"].as_str().expect("a code").to_owned(), after)
}

/// Sends wrong passwords, with the pauses that the server asks for, until the address is locked. Returns what the tries that
/// counted were told, and the lock.
pub async fn lock(api: &Api, email: &str) -> (Vec<u16>, (u16, String, u64)) {
    let mut counted = Vec::new();
    loop {
        let (status, code, after) = refusal(login(api, email, WRONG).await).await;
        match (status, code.as_str()) {
            (401, "invalid_credentials") => counted.push(status),
            (429, "too_many_attempts") => {
                assert!(counted.len() >= 3 && (1..=2).contains(&after), "{counted:?} {after}");
                tokio::time::sleep(Duration::from_secs(after)).await;
            }
            _ => return (counted, (status, code, after)),
        }
    }
}

#[tokio::test]
async fn a_known_and_an_unknown_address_are_locked_alike() {
    let api = Api::start().await;
    let (user, unknown) = (api.verified_user().await, Api::fresh_email());
    let (known, other) = join(lock(&api, &user.email), lock(&api, &unknown)).await;
    for (counted, (status, code, after)) in [&known, &other] {
        assert_eq!((counted.as_slice(), *status, code.as_str()), (&[401; 5][..], 429, "account_locked"));
        assert!((1700..=1800).contains(after), "{after}");
    }
    // The right password does not open a lock, in no spelling of the address.
    for email in [&user.email, &user.email.to_uppercase(), &unknown] {
        let (status, code, _) = refusal(login(&api, email, PASSWORD).await).await;
        assert_eq!((status, code.as_str()), (429, "account_locked"), "{email}");
    }
    // Who is signed in stays so, and is told.
    assert_eq!(user.get("/api/v1/auth/me").await.status, 200);
    api.provider.mail_about(&user.email, "Your account is locked").await;
    assert!(api.provider.mails_to(&unknown).await.is_empty());
}

#[tokio::test]
async fn strangers_do_not_lock_the_owner_out_of_where_they_signed_in_before() {
    let api = Api::start().await;
    let (home, far) = (api.from_network([127, 81, 0, 1]), api.from_network([127, 82, 0, 1]));
    let user = home.user().await;
    let unknown = Api::fresh_email();
    lock(&far, &user.email).await;
    lock(&far, &unknown).await;
    // Neither the right password nor another program lets strangers in, and an address that nobody has knows no device.
    for (from, email) in [(&far, &user.email), (&far, &unknown), (&home, &unknown)] {
        assert_eq!(refusal(login(from, email, PASSWORD).await).await.1, "account_locked");
    }
    assert_eq!(login(&home, &user.email, WRONG).await.status, 401);
    assert_eq!(login(&home, &user.email, PASSWORD).await.status, 200);
    assert_eq!(
        login(&home.from_network([127, 81, 200, 9]), &user.email, PASSWORD).await.status,
        200,
        "the same network"
    );
    let body = json!({ "current_password": PASSWORD, "new_password": "canary-Passw0rd-8" });
    assert_eq!(user.post("/api/v1/auth/password/change", &body).await.status, 204);

    // Where they signed in before, tries are counted all the same, and a reset unlocks everything.
    let (counted, (_, code, _)) = lock(&home, &user.email).await;
    assert_eq!((counted.len(), code.as_str()), (5, "account_locked"));
    api.post("/api/v1/auth/password/forgot", &json!({ "email": user.email })).await;
    let token = token_in(&api.provider.mail_about(&user.email, "Reset your").await);
    let body = json!({ "token": token, "new_password": "canary-Passw0rd-9" });
    assert_eq!(api.post("/api/v1/auth/password/reset", &body).await.status, 204);
    for from in [&home, &far] {
        assert_eq!(login(from, &user.email, "canary-Passw0rd-9").await.status, 200);
    }
}

#[tokio::test]
async fn a_device_whose_session_the_owner_ended_counts_as_a_stranger() {
    let api = Api::start().await;
    let (home, far) = (api.from_network([127, 85, 0, 1]), api.from_network([127, 86, 0, 1]));
    let user = home.user().await;
    assert_eq!(login(&far, &user.email, PASSWORD).await.status, 200);
    assert_eq!(user.post("/api/v1/auth/logout?scope=others", &json!({})).await.status, 204);
    lock(&api.from_network([127, 87, 0, 1]), &user.email).await;
    assert_eq!(refusal(login(&far, &user.email, PASSWORD).await).await.1, "account_locked");
    assert_eq!(login(&home, &user.email, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_trusted_device_is_not_locked_out_by_strangers_wherever_it_is() {
    let api = Api::start().await;
    let protected = Protected::new(&api.from_network([127, 83, 0, 1])).await;
    let email = &protected.user.email;
    let trusted = protected.sign_in(&json!({ "code": protected.app.next(), "trust_device": true })).await;
    let far = api.from_network([127, 84, 0, 1]);
    lock(&far, email).await;
    let login = async |token: &str| {
        let body = json!({ "email": email, "password": PASSWORD, "trusted_device_token": token });
        far.post("/api/v1/auth/login", &body).await.status
    };
    let token = trusted["trusted_device_token"].as_str().unwrap();
    assert_eq!(login(&token.replace("ltd_0", "ltd_1")).await, 429);
    assert_eq!(login(token).await, 200);
}

#[tokio::test]
async fn a_lock_of_one_address_is_no_lock_of_another() {
    let api = Api::start().await;
    let (one, two) = (api.user().await, api.user().await);
    lock(&api, &one.email).await;
    assert_eq!(login(&api, &two.email, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_right_password_makes_wrong_ones_forgotten() {
    let api = Api::start().await;
    let user = api.user().await;
    for _ in 0..4 {
        for _ in 0..2 {
            assert_eq!(login(&api, &user.email, WRONG).await.status, 401);
        }
        assert_eq!(login(&api, &user.email, PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn of_many_guesses_at_once_no_more_count_than_one_after_the_other() {
    let api = Api::start().await;
    let user = api.user().await;
    let guesses = join_all((0..30).map(|_| login(&api, &user.email, WRONG))).await;
    let of = |status: u16| guesses.iter().filter(|answer| answer.status == status).count();
    assert!((1..=5).contains(&of(401)), "{} were answered 401", of(401));
    assert_eq!(of(401) + of(429), 30);
    if of(401) == 5 {
        let (status, code, _) = refusal(login(&api, &user.email, PASSWORD).await).await;
        assert_eq!((status, code.as_str()), (429, "account_locked"));
    }
}

#[tokio::test]
async fn a_user_name_is_locked_by_itself_and_a_reset_unlocks_it() {
    let api = Api::start().await;
    let user = api.user().await;
    let name = format!("u{}", &user.email.replace(['@', '.', '-'], "_")[5..23]);
    assert_eq!(user.patch("/api/v1/users/me", &json!({ "username": name })).await.status, 200);
    assert_eq!(login(&api, &name, PASSWORD).await.status, 200);
    // A name that nobody has is locked alike.
    for name in [name.clone(), format!("{name}x")] {
        let (counted, (_, code, _)) = lock(&api, &name).await;
        assert_eq!((counted.len(), code.as_str()), (5, "account_locked"));
    }
    let (status, code, _) = refusal(login(&api, &name.to_uppercase(), PASSWORD).await).await;
    assert_eq!((status, code.as_str()), (429, "account_locked"));
    // Whoever knows the name does not learn by this which address it has.
    assert_eq!(login(&api, &user.email, WRONG).await.status, 401);
    // Nor is the lock got rid of by another name.
    let other = format!("{name}y");
    assert_eq!(user.patch("/api/v1/users/me", &json!({ "username": other })).await.status, 200);
    let (status, code, _) = refusal(login(&api, &other, PASSWORD).await).await;
    assert_eq!((status, code.as_str()), (429, "account_locked"));

    api.post("/api/v1/auth/password/forgot", &json!({ "email": user.email })).await;
    let token = token_in(&api.provider.mail_about(&user.email, "Reset your").await);
    let body = json!({ "token": token, "new_password": "canary-Passw0rd-8" });
    assert_eq!(api.post("/api/v1/auth/password/reset", &body).await.status, 204);
    assert_eq!(login(&api, &other, "canary-Passw0rd-8").await.status, 200);
    assert_eq!(login(&api, &user.email, "canary-Passw0rd-8").await.status, 200);
}

#[tokio::test]
async fn wrong_passwords_of_who_is_signed_in_count_as_well() {
    let api = Api::start().await;
    let user = api.user().await;
    let body = json!({ "current_password": WRONG, "new_password": "canary-Passw0rd-8" });
    for _ in 0..3 {
        assert_eq!(user.post("/api/v1/auth/password/change", &body).await.status, 403);
    }
    let (counted, (_, code, _)) = lock_after(&api, &user.email, 3).await;
    assert_eq!((counted, code.as_str()), (2, "account_locked"));
    let (status, code, _) = refusal(user.post("/api/v1/auth/password/change", &body).await).await;
    assert_eq!((status, code.as_str()), (429, "account_locked"));
}

/// Like [`lock`], where so many wrong passwords were sent before.
async fn lock_after(api: &Api, email: &str, before: usize) -> (usize, (u16, String, u64)) {
    let mut counted = 0;
    loop {
        let (status, code, after) = refusal(login(api, email, WRONG).await).await;
        match status {
            401 => counted += 1,
            _ if code == "too_many_attempts" => {
                assert!(before + counted >= 3);
                tokio::time::sleep(Duration::from_secs(after)).await;
            }
            _ => return (counted, (status, code, after)),
        }
    }
}

#[tokio::test]
async fn pauses_grow_from_the_third_wrong_password_on() {
    let Some(api) = Api::with_settings(&[("LITTORAL_LOCKOUT_FAILURES", "10")]).await else {
        return println!("not here: a running host has its own settings");
    };
    let user = api.user().await;
    for _ in 0..2 {
        assert_eq!(login(&api, &user.email, WRONG).await.status, 401);
    }
    for pause in [1, 2, 4, 8] {
        assert_eq!(login(&api, &user.email, WRONG).await.status, 401);
        // Also for the right one, and a try that does not count makes it no longer.
        for password in [WRONG, PASSWORD, WRONG] {
            assert_eq!(
                refusal(login(&api, &user.email, password).await).await,
                (429, "too_many_attempts".into(), pause)
            );
        }
        api.pass(Duration::from_secs(pause));
    }
    assert_eq!(login(&api, &user.email, PASSWORD).await.status, 200);
}

mod private {
    use super::*;
    use crate::auth::sign_up::private::user;

    #[tokio::test]
    async fn locks_can_be_switched_off() {
        let api = Api::with_profile("private").await;
        let user = user(&api).await;
        for _ in 0..12 {
            assert_eq!(login(&api, &user.email, WRONG).await.status, 401);
        }
        assert_eq!(login(&api, &user.email, PASSWORD).await.status, 200);
    }
}

mod tight {
    use super::*;

    #[tokio::test]
    async fn a_lock_ends_and_counting_begins_anew() {
        let api = Api::with_profile("tight").await;
        let user = api.user().await;
        let (counted, (_, code, after)) = lock(&api, &user.email).await;
        assert_eq!((counted.len(), code.as_str()), (2, "account_locked"));
        assert!((1..=3).contains(&after), "{after}");
        assert_eq!(refusal(login(&api, &user.email, PASSWORD).await).await.1, "account_locked");
        api.wait(after).await;
        assert_eq!(login(&api, &user.email, WRONG).await.status, 401, "the first one after a lock");
        // Three seconds are what the settings say, without a lock too.
        api.wait(3).await;
        assert_eq!(login(&api, &user.email, WRONG).await.status, 401, "the one before is forgotten");
        assert_eq!(login(&api, &user.email, PASSWORD).await.status, 200);
    }
}
