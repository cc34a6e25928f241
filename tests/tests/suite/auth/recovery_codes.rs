//! Recovery codes: each counts once, for its user, until there are new ones.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;
use tests::{
    Api,
    authenticator::{Protected, answer, codes, factors, post_nothing},
};

const PATH: &str = "/api/v1/auth/recovery-codes";

#[tokio::test]
async fn each_signs_in_once_however_it_is_typed() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let different: BTreeSet<_> = protected.codes.iter().collect();
    assert_eq!(different.len(), 10);
    for code in &protected.codes {
        assert!(code.len() == 11 && code.as_bytes()[5] == b'-', "{code}");
    }
    let spellings = [
        protected.codes[0].clone(),
        protected.codes[1].to_uppercase(),
        protected.codes[2].replace('-', ""),
        format!(" {} ", protected.codes[3].replace('-', " ")),
    ];
    for (used, code) in spellings.iter().enumerate() {
        protected.sign_in(&json!({ "recovery_code": code })).await;
        assert_eq!(factors(&protected.user).await["recovery_codes_left"], 9 - used);
        let again = answer(&api, &protected.challenge().await, &json!({ "recovery_code": code })).await;
        assert_eq!(again.json().await.1["code"], "invalid_code", "{code}");
    }
    // Letters travel beside the requests, so that one may overtake another.
    let mut mails = String::new();
    for _ in 0..5 {
        mails.push_str(api.provider.mail_about(&protected.user.email, "two-step").await["text"].as_str().unwrap());
    }
    for told in ["an authenticator app was added", "a recovery code was used, 9 are left", ", 6 are left"] {
        assert!(mails.contains(told), "{told}: {mails}");
    }
    assert!(!mails.contains(&protected.codes[0]), "{mails}");
}

#[tokio::test]
async fn of_many_uses_at_once_one_counts() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    let challenges = join_all((0..4).map(|_| protected.challenge())).await;
    let proof = json!({ "recovery_code": protected.codes[5] });
    let answers = join_all(challenges.iter().map(|challenge| answer(&api, challenge, &proof))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(factors(&protected.user).await["recovery_codes_left"], 9);
}

#[tokio::test]
async fn the_last_one_used_up_is_asked_for_no_more() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    for code in &protected.codes {
        protected.sign_in(&json!({ "recovery_code": code })).await;
    }
    let (_, body) = protected.login(&json!({})).await.json().await;
    assert_eq!(body["methods"], json!(["totp"]));
}

#[tokio::test]
async fn new_ones_replace_the_old_ones() {
    let api = Api::start().await;
    let protected = Protected::new(&api).await;
    protected.sign_in(&json!({ "recovery_code": protected.codes[0] })).await;
    let (status, body) = post_nothing(&protected.user, PATH).await.json().await;
    assert_eq!((status, codes(&body).len()), (201, 10), "{body}");
    assert_eq!(factors(&protected.user).await["recovery_codes_left"], 10);
    let old = answer(&api, &protected.challenge().await, &json!({ "recovery_code": protected.codes[1] })).await;
    assert_eq!(old.status, 401);
    protected.sign_in(&json!({ "recovery_code": codes(&body)[0] })).await;
}

#[tokio::test]
async fn they_go_with_a_second_factor() {
    let api = Api::start().await;
    let user = api.user().await;
    let (status, body) = post_nothing(&user, PATH).await.json().await;
    assert_eq!((status, &body["code"]), (409, &json!("no_second_factor")), "{body}");
    assert_eq!(factors(&user).await["recovery_codes_left"], 0);
}

#[tokio::test]
async fn they_are_one_users() {
    let api = Api::start().await;
    let (one, two) = (Protected::new(&api).await, Protected::new(&api).await);
    let theirs = answer(&api, &one.challenge().await, &json!({ "recovery_code": two.codes[0] })).await;
    assert_eq!(theirs.json().await.1["code"], "invalid_code");
    two.sign_in(&json!({ "recovery_code": two.codes[0] })).await;
}
