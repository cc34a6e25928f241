//! Authenticator apps: adding one, signing in with it, guessing, removing it.

use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use tests::{
    Api, PASSWORD, User,
    authenticator::{Authenticator, Protected, answer, begin, codes, confirm, factors},
    token_in,
};

use super::{
    NOT_GENUINE, SOME_ID, check_tokens, login, me,
    passwords::{reset, reset_token},
    refused,
};

const WRONG: &str = "The code is wrong, too old, or was used before.";
const STALE: &str = "The challenge has expired, was answered, or was tried too often. Sign in again.";

#[tokio::test]
async fn an_app_is_added_by_showing_its_code() {
    let api = Api::start().await;
    let user = api.verified_user().await;
    let (status, begun) = user
        .post("/api/v1/auth/factors/totp", &json!({ "name": "Old phone", "password": PASSWORD }))
        .await
        .json()
        .await;
    assert_eq!(status, 201, "{begun}");
    let secret = begun["secret"].as_str().unwrap();
    assert_eq!(secret.len(), 32, "160 bits in base32");
    let account = user.email.replace('@', "%40");
    assert_eq!(
        begun["otpauth_uri"],
        format!("otpauth://totp/Littoral:{account}?secret={secret}&issuer=Littoral&algorithm=SHA1&digits=6&period=30")
    );
    let svg = begun["qr_svg"].as_str().unwrap();
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=") && svg.ends_with("</svg>"), "{svg}");

    // It does not count yet.
    assert_eq!(factors(&user).await, json!({ "factors": [], "recovery_codes_left": 0, "trusted_devices": 0 }));
    check_tokens(&login(&api, &user.email, PASSWORD).await.json().await.1);

    let app = Authenticator::new(secret);
    let (status, body) = confirm(&user, &app.wrong()).await.json().await;
    assert_eq!((status, &body["errors"][0]["pointer"]), (422, &json!("/code")), "{body}");
    let (status, body) = confirm(&user, &app.now()).await.json().await;
    assert_eq!((status, codes(&body).len()), (200, 10), "{body}");

    let listed = factors(&user).await;
    let (factor, rest) = (&listed["factors"][0], &listed["factors"][1]);
    assert_eq!((&factor["id"], &factor["kind"]), (&begun["id"], &json!("totp")));
    assert_eq!((&factor["name"], rest.is_null()), (&json!("Old phone"), true));
    assert!(factor["created_at"].is_string() && factor["last_used_at"].is_string(), "{listed}");
    assert_eq!(listed["recovery_codes_left"], 10);
    let mail = api.provider.mail_about(&user.email, "two-step").await;
    assert!(mail["text"].as_str().unwrap().contains("an authenticator app was added"), "{mail}");
}

#[tokio::test]
async fn signing_in_then_takes_the_password_and_a_code() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let (status, body) = protected.login(&json!({})).await.json().await;
    assert_eq!(status, 200);
    let token = body["challenge_token"].as_str().unwrap();
    assert_eq!(
        body,
        json!({
            "second_factor_required": true, "challenge_token": token, "methods": ["totp", "recovery_code"], "expires_in": 300,
        })
    );
    let (status, tokens) = answer(&api, token, &json!({ "code": protected.app.next() })).await.json().await;
    assert_eq!(status, 200, "{tokens}");
    check_tokens(&tokens);
    assert_eq!(me(&api, tokens["access_token"].as_str().unwrap()).await.status, 200);
    // A wrong password is refused as if there were no second factor.
    let wrong = login(&api, &protected.user.email, "wrong-Passw0rd-7").await;
    refused(wrong, "invalid_credentials", "Invalid email or password").await;
}

#[tokio::test]
async fn a_code_counts_once() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let next = protected.app.next();
    // Confirming the app used one up.
    let challenge = protected.challenge().await;
    refused(answer(&api, &challenge, &json!({ "code": protected.used })).await, "invalid_code", WRONG).await;
    assert_eq!(answer(&api, &challenge, &json!({ "code": next })).await.status, 200);
    let challenge = protected.challenge().await;
    refused(answer(&api, &challenge, &json!({ "code": next })).await, "invalid_code", WRONG).await;
}

#[tokio::test]
async fn of_many_answers_with_one_code_at_once_one_signs_in() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let challenges = join_all((0..4).map(|_| protected.challenge())).await;
    let code = json!({ "code": protected.app.next() });
    let answers = join_all(challenges.iter().map(|challenge| answer(&api, challenge, &code))).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401, 401, 401]);
}

#[tokio::test]
async fn a_challenge_is_answered_once() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let challenge = protected.challenge().await;
    assert_eq!(answer(&api, &challenge, &json!({ "code": protected.app.next() })).await.status, 200);
    let code = json!({ "recovery_code": protected.codes[0] });
    refused(answer(&api, &challenge, &code).await, "invalid_challenge", STALE).await;
    assert_eq!(factors(&protected.user).await["recovery_codes_left"], 10, "nothing was used up");

    let challenge = protected.challenge().await;
    let proofs: Vec<_> = protected.codes[..4].iter().map(|code| json!({ "recovery_code": code })).collect();
    let answers = join_all(proofs.iter().map(|proof| answer(&api, &challenge, proof))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "one of several right answers at once");
}

#[tokio::test]
async fn a_challenge_is_tried_five_times() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let challenge = protected.challenge().await;
    for _ in 0..5 {
        let wrong = json!({ "code": protected.app.wrong() });
        refused(answer(&api, &challenge, &wrong).await, "invalid_code", WRONG).await;
    }
    let right = json!({ "code": protected.app.next() });
    refused(answer(&api, &challenge, &right).await, "invalid_challenge", STALE).await;
    assert_eq!(answer(&api, &protected.challenge().await, &right).await.status, 200, "a new one takes it");
}

#[tokio::test]
async fn ten_wrong_codes_lock_the_second_factor_and_its_user_is_told() {
    let api = Api::start().await;
    let (protected, other) = (Protected::new(&api).await, Protected::new(&api).await);
    let device = protected.sign_in(&json!({ "recovery_code": protected.codes[0], "trust_device": true })).await;
    for _ in 0..2 {
        let challenge = protected.challenge().await;
        for _ in 0..5 {
            assert_eq!(answer(&api, &challenge, &json!({ "code": protected.app.wrong() })).await.status, 401);
        }
    }
    for proof in [json!({ "code": protected.app.next() }), json!({ "recovery_code": protected.codes[1] })] {
        let locked = answer(&api, &protected.challenge().await, &proof).await;
        let wait: u64 = locked.header("retry-after").unwrap().parse().unwrap();
        assert!((1_700..=1_800).contains(&wait), "{wait}");
        let (status, body) = locked.json().await;
        assert_eq!((status, &body["code"]), (429, &json!("second_factor_locked")), "{body}");
    }
    let mail = api.provider.mail_about(&protected.user.email, "Too many wrong codes").await;
    assert!(mail["text"].as_str().unwrap().contains("change your password"), "{mail}");
    let (_, told) = protected.user.get("/api/v1/auth/events?limit=100").await.json().await;
    let locks: Vec<_> = told["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["action"] == "second_factor_locked")
        .map(|event| &event["outcome"])
        .collect();
    assert_eq!(locks, ["success"], "{told}");

    // Who is signed in or has a trusted device is not locked out, and neither is anybody else.
    assert_eq!(protected.user.get("/api/v1/auth/me").await.status, 200);
    let trusted = json!({ "trusted_device_token": device["trusted_device_token"] });
    check_tokens(&protected.login(&trusted).await.json().await.1);
    other.sign_in(&json!({ "code": other.app.next() })).await;
}

#[tokio::test]
async fn a_right_code_forgets_the_wrong_ones() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    for proof in [json!({ "code": protected.app.next() }), json!({ "recovery_code": protected.codes[0] })] {
        for _ in 0..3 {
            let challenge = protected.challenge().await;
            for _ in 0..3 {
                assert_eq!(answer(&api, &challenge, &json!({ "code": protected.app.wrong() })).await.status, 401);
            }
        }
        protected.sign_in(&proof).await;
    }
}

#[tokio::test]
async fn a_challenge_is_worth_nothing_elsewhere_and_nothing_else_is_one() {
    let api = Api::start().await;
    let (protected, other) = (Protected::new(&api).await, Protected::new(&api).await);
    let challenge = protected.challenge().await;
    refused(me(&api, &challenge).await, "invalid_token", NOT_GENUINE).await;
    let refresh = api.post("/api/v1/auth/refresh", &json!({ "refresh_token": challenge })).await;
    assert_eq!(refresh.status, 401);
    let code = json!({ "code": protected.app.next() });
    let mut tampered = challenge.clone();
    let at = challenge.len() - 10;
    tampered.replace_range(at..=at, if &challenge[at..=at] == "A" { "B" } else { "A" });
    for bad in [protected.user.access_token(), protected.user.tokens["refresh_token"].as_str().unwrap(), &tampered, "x"]
    {
        refused(answer(&api, bad, &code).await, "invalid_challenge", STALE).await;
    }
    // Another user's code and another user's challenge.
    let theirs = answer(&api, &challenge, &json!({ "code": other.app.next() })).await;
    refused(theirs, "invalid_code", WRONG).await;
    refused(answer(&api, &other.challenge().await, &code).await, "invalid_code", WRONG).await;
    assert_eq!(answer(&api, &challenge, &code).await.status, 200);
}

#[tokio::test]
async fn one_proof_is_asked_for_and_not_two() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let challenge = protected.challenge().await;
    let both = json!({ "code": protected.app.next(), "recovery_code": protected.codes[0] });
    for proof in
        [json!({}), both, json!({ "code": null }), json!({ "code": 123_456 }), json!({ "code": "1".repeat(33) })]
    {
        let (status, body) = answer(&api, &challenge, &proof).await.json().await;
        assert_eq!((status, &body["code"]), (422, &json!("validation_failed")), "{proof}: {body}");
    }
    assert_eq!(factors(&protected.user).await["recovery_codes_left"], 10);
}

#[tokio::test]
async fn removing_the_last_app_ends_the_second_factor() {
    let api = Api::start().await;
    let (protected, other) = (Protected::new(&api).await, api.user().await);
    let listed = factors(&protected.user).await;
    let path = format!("/api/v1/auth/factors/{}", listed["factors"][0]["id"].as_str().unwrap());
    for id in [SOME_ID, "none"] {
        assert_eq!(protected.user.delete(&format!("/api/v1/auth/factors/{id}")).await.status, 404);
    }
    let (status, body) = other.delete(&path).await.json().await;
    assert_eq!((status, &body["detail"]), (404, &json!("Factor not found")), "somebody else's");

    assert_eq!(protected.user.delete(&path).await.status, 204);
    assert_eq!(
        factors(&protected.user).await,
        json!({ "factors": [], "recovery_codes_left": 0, "trusted_devices": 0 })
    );
    check_tokens(&protected.login(&json!({})).await.json().await.1);
    assert_eq!(protected.user.delete(&path).await.status, 404, "once");
    // Letters travel beside the requests, so that one may overtake another.
    let mut mails = String::new();
    for _ in 0..2 {
        mails.push_str(api.provider.mail_about(&protected.user.email, "two-step").await["text"].as_str().unwrap());
    }
    assert!(mails.contains("an authenticator app was removed"), "{mails}");
}

async fn add(user: &User) -> (Authenticator, Vec<String>) {
    let app = begin(user).await;
    let (status, body) = confirm(user, &app.now()).await.json().await;
    assert_eq!(status, 200, "{body}");
    (app, codes(&body))
}

#[tokio::test]
async fn there_are_three_apps_at_most_and_each_counts() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let (second, codes) = add(&protected.user).await;
    assert_eq!(codes, [""; 0], "the codes of before still count");
    let (third, _) = add(&protected.user).await;
    let (status, body) = protected.user.post("/api/v1/auth/factors/totp", &json!({})).await.json().await;
    assert_eq!((status, &body["code"]), (409, &json!("too_many_factors")), "{body}");
    for app in [&protected.app, &second, &third] {
        protected.sign_in(&json!({ "code": app.next() })).await;
    }
    protected.sign_in(&json!({ "recovery_code": protected.codes[9] })).await;

    let first = factors(&protected.user).await["factors"][0]["id"].clone();
    let path = format!("/api/v1/auth/factors/{}", first.as_str().unwrap());
    assert_eq!(protected.user.send(Method::DELETE, &path, &[], None).await.status, 204);
    let left = factors(&protected.user).await;
    assert_eq!((left["factors"].as_array().unwrap().len(), &left["recovery_codes_left"]), (2, &json!(9)), "{left}");
}

#[tokio::test]
async fn what_is_begun_anew_replaces_what_was_begun() {
    let api = Api::start().await;
    let user = api.verified_user().await;
    let (status, body) = confirm(&user, "123456").await.json().await;
    assert_eq!((status, &body["code"]), (409, &json!("no_factor_to_confirm")), "{body}");
    let (first, second) = (begin(&user).await, begin(&user).await);
    assert_eq!(confirm(&user, &first.now()).await.status, 422);
    assert_eq!(confirm(&user, &second.now()).await.status, 200);
    assert_eq!(confirm(&user, &second.next()).await.status, 409, "once");
    assert_eq!(factors(&user).await["factors"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_address_is_proved_before_there_is_a_second_factor() {
    let api = Api::start().await;
    let user = api.user().await;
    let (status, body) = user.post("/api/v1/auth/factors/totp", &json!({ "password": PASSWORD })).await.json().await;
    assert_eq!((status, &body["code"]), (403, &json!("email_not_verified")), "{body}");
}

#[tokio::test]
async fn of_many_who_confirm_at_once_one_does_and_it_is_told_once() {
    let api = Api::start().await;
    let user = api.verified_user().await;
    let code = begin(&user).await.now();
    let answers = join_all((0..5).map(|_| confirm(&user, &code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 409).count(), 4);
    let path = format!("/api/v1/auth/factors/{}", factors(&user).await["factors"][0]["id"].as_str().unwrap());
    let mut removed: Vec<_> =
        join_all((0..3).map(|_| user.delete(&path))).await.iter().map(|answer| answer.status.as_u16()).collect();
    removed.sort_unstable();
    assert_eq!(removed, [204, 404, 404]);
    let (_, events) = user.get("/api/v1/auth/events").await.json().await;
    for action in ["second_factor_added", "second_factor_removed"] {
        let told = events["events"].as_array().unwrap().iter().filter(|event| event["action"] == action).count();
        assert_eq!(told, 1, "{action}: {events}");
    }
}

/// As an address is proved before, a reset never takes away what its owner has added.
#[tokio::test]
async fn a_password_reset_by_who_proved_the_address_keeps_the_second_factor() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let email = &protected.user.email;
    let token = reset_token(&api, email).await;
    assert_eq!(reset(&api, &token, "canary-Passw0rd-8").await.status, 204);
    for proof in [json!({ "code": protected.app.next() }), json!({ "recovery_code": protected.codes[0] })] {
        let (status, asked) = login(&api, email, "canary-Passw0rd-8").await.json().await;
        assert_eq!((status, &asked["second_factor_required"]), (200, &json!(true)), "{asked}");
        let (status, tokens) = answer(&api, asked["challenge_token"].as_str().unwrap(), &proof).await.json().await;
        assert_eq!(status, 200, "{tokens}");
        check_tokens(&tokens);
    }
}

#[tokio::test]
async fn a_guest_has_no_second_factor() {
    let api = Api::start().await;
    let (status, tokens) = api.send(Method::POST, "/api/v1/auth/guest", &[], Vec::new()).await.json().await;
    assert_eq!(status, 201, "{tokens}");
    let guest = User { tokens, ..api.user().await };
    let (status, body) = guest.post("/api/v1/auth/factors/totp", &json!({})).await.json().await;
    assert_eq!((status, &body["code"]), (403, &json!("guest_account")), "{body}");
}

#[tokio::test]
async fn a_challenge_ends_after_five_minutes() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let challenge = protected.challenge().await;
    if !api.pass(Duration::from_secs(299)) {
        return println!("a running host has a clock of its own");
    }
    let code = json!({ "recovery_code": protected.codes[0] });
    assert_eq!(answer(&api, &challenge, &code).await.status, 200);
    let challenge = protected.challenge().await;
    api.pass(Duration::from_secs(301));
    let code = json!({ "recovery_code": protected.codes[1] });
    refused(answer(&api, &challenge, &code).await, "invalid_challenge", STALE).await;
}

#[tokio::test]
async fn what_was_begun_ends_after_an_hour() {
    let api = Api::start().await;
    let user = api.verified_user().await;
    let app = begin(&user).await;
    if !api.pass(Duration::from_mins(61)) {
        return println!("a running host has a clock of its own");
    }
    let user = user.refreshed().await;
    let (status, body) = confirm(&user, &app.in_minutes(61)).await.json().await;
    assert_eq!((status, &body["code"]), (409, &json!("no_factor_to_confirm")), "{body}");
}

#[tokio::test]
async fn a_lock_ends_and_the_next_one_is_twice_as_long() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let mut passed = 0;
    for minutes in [30, 60] {
        for _ in 0..2 {
            let challenge = protected.challenge().await;
            for _ in 0..5 {
                assert_eq!(answer(&api, &challenge, &json!({ "code": protected.app.wrong() })).await.status, 401);
            }
        }
        let right = json!({ "code": protected.app.in_minutes(passed) });
        let locked = answer(&api, &protected.challenge().await, &right).await;
        assert_eq!(locked.status, 429);
        let wait: u64 = locked.header("retry-after").unwrap().parse().unwrap();
        assert!((minutes * 60 - 60..=minutes * 60).contains(&wait), "{wait}");
        if !api.pass(Duration::from_mins(minutes)) {
            return println!("a running host has a clock of its own");
        }
        passed += minutes;
    }
    protected.sign_in(&json!({ "code": protected.app.in_minutes(passed) })).await;
}

const UNDO: &str = "/api/v1/auth/factors/undo";

#[tokio::test]
async fn the_first_factor_wants_the_password_and_not_only_a_fresh_token() {
    let api = Api::start().await;
    let user = api.verified_user().await;
    let begin = async |body: Value| user.post("/api/v1/auth/factors/totp", &body).await.json().await;
    let (status, body) = begin(json!({})).await;
    assert_eq!((status, &body["errors"][0]["pointer"]), (422, &json!("/password")), "{body}");
    assert!(body["errors"][0]["detail"].as_str().unwrap().contains("`id_token`"), "{body}");
    let (status, body) = begin(json!({ "password": "wrong-Passw0rd-7" })).await;
    assert_eq!((status, &body["code"]), (403, &json!("step_up_failed")), "{body}");
    for given in
        [json!({ "password": PASSWORD, "id_token": "x" }), json!({ "provider": "test" }), json!({ "id_token": "x" })]
    {
        assert_eq!(begin(given.clone()).await.0, 422, "{given}");
    }
    assert_eq!(begin(json!({ "password": PASSWORD })).await.0, 201);
    // With the password, a sign-in of an hour ago does.
    let old = super::step_up::hour_old(&user);
    let body = json!({ "password": PASSWORD });
    assert_eq!(old.post("/api/v1/auth/factors/totp", &body).await.status, 201);
    // A further factor wants a proof by the first one.
    let protected = Protected::new(&api).await;
    let old = super::step_up::hour_old(&protected.user);
    let (status, body) = old.post("/api/v1/auth/factors/totp", &body).await.json().await;
    assert_eq!((status, &body["code"]), (403, &json!("step_up_required")), "{body}");
}

#[tokio::test]
async fn a_session_that_ended_adds_no_factor_even_with_the_password() {
    let api = Api::start().await;
    let user = api.verified_user().await;
    assert_eq!(user.post("/api/v1/auth/logout", &json!({})).await.status, 204);
    let answer = user.post("/api/v1/auth/factors/totp", &json!({ "password": PASSWORD })).await;
    assert_eq!(answer.status, 401);
}

/// What the letter about the newest factor carries.
async fn undo_token(api: &Api, email: &str) -> String {
    token_in(&api.provider.mail_about(email, "Your two-step").await)
}

#[tokio::test]
async fn the_letter_about_the_first_factor_takes_it_away_once() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let email = &protected.user.email;
    let token = undo_token(&api, email).await;
    // A token for something else does not.
    for wrong in ["x", reset_token(&api, email).await.as_str()] {
        let (status, body) = api.post(UNDO, &json!({ "token": wrong })).await.json().await;
        assert_eq!((status, &body["code"]), (400, &json!("invalid_token")), "{body}");
    }
    assert_eq!(factors(&protected.user).await["factors"].as_array().unwrap().len(), 1);

    let body = json!({ "token": token });
    let answers = join_all((0..3).map(|_| api.post(UNDO, &body))).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 400, 400]);
    assert_eq!(protected.user.get("/api/v1/auth/me").await.status, 401, "whoever added it is signed out");

    // Whoever added it knew the password, which signs in no more. The owner chooses another one by the mail that follows.
    let (status, refused) = login(&api, email, PASSWORD).await.json().await;
    assert_eq!((status, &refused["code"]), (403, &json!("password_change_required")), "{refused}");
    let undone = token_in(&api.provider.mail_about(email, "Reset your password").await);
    let reset = json!({ "token": undone, "new_password": "canary-Passw0rd-9" });
    assert_eq!(api.post("/api/v1/auth/password/reset", &reset).await.status, 204);
    let (status, tokens) = login(&api, email, "canary-Passw0rd-9").await.json().await;
    assert_eq!(status, 200, "{tokens}");
    check_tokens(&tokens);
    let user = User { tokens, ..protected.user.clone() };
    assert_eq!(factors(&user).await, json!({ "factors": [], "recovery_codes_left": 0, "trusted_devices": 0 }));
    let (_, events) = user.get("/api/v1/auth/events").await.json().await;
    let told = events["events"].as_array().unwrap().iter().find(|event| event["action"] == "second_factor_removed");
    assert_eq!(told.map(|event| &event["detail"]), Some(&json!("mail")), "{events}");
}

#[tokio::test]
async fn the_letter_about_a_further_factor_takes_that_one_away_and_leaves_the_first() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let user = &protected.user;
    undo_token(&api, &user.email).await;
    let before = factors(user).await;
    let further = begin(user).await;
    assert_eq!(confirm(user, &further.now()).await.status, 200);
    let token = undo_token(&api, &user.email).await;
    assert_eq!(api.post(UNDO, &json!({ "token": token })).await.status, 204);

    let token = token_in(&api.provider.mail_about(&user.email, "Reset your password").await);
    let reset = json!({ "token": token, "new_password": "canary-Passw0rd-9" });
    assert_eq!(api.post("/api/v1/auth/password/reset", &reset).await.status, 204);
    let (_, asked) = login(&api, &user.email, "canary-Passw0rd-9").await.json().await;
    let challenge = asked["challenge_token"].as_str().expect("the first factor is asked for");
    assert_eq!(answer(&api, challenge, &json!({ "code": further.now() })).await.status, 401);
    let (status, tokens) = answer(&api, challenge, &json!({ "code": protected.app.next() })).await.json().await;
    assert_eq!(status, 200, "{tokens}");
    let after = factors(&User { tokens, ..user.clone() }).await;
    assert_eq!(after["factors"][0]["id"], before["factors"][0]["id"]);
    assert_eq!((after["factors"].as_array().unwrap().len(), &after["recovery_codes_left"]), (1, &json!(10)));
}

#[tokio::test]
async fn the_link_that_takes_a_factor_away_counts_for_seven_days() {
    let api = Api::start().await;
    let (one, two) = (Protected::new(&api).await, Protected::new(&api).await);
    let early = token_in(&api.provider.mail_about(&one.user.email, "two-step").await);
    let late = token_in(&api.provider.mail_about(&two.user.email, "two-step").await);
    if !api.pass(Duration::from_hours(7 * 24 - 1)) {
        return println!("not here: a running host has its own clock");
    }
    assert_eq!(api.post(UNDO, &json!({ "token": early })).await.status, 204);
    api.pass(Duration::from_hours(1));
    assert_eq!(api.post(UNDO, &json!({ "token": late })).await.status, 400);
}
