//! `POST /api/v1/auth/refresh`: the chain of refresh tokens, lost responses and stolen tokens.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Api};

use super::{NOT_GENUINE, check_tokens, me, refused};

const INVALID: &str = "Invalid or expired refresh token";

pub async fn refresh(api: &Api, token: &str) -> Answer {
    api.post("/api/v1/auth/refresh", &json!({ "refresh_token": token })).await
}

async fn refreshed(api: &Api, tokens: &Value) -> Value {
    let (status, next) = refresh(api, of(tokens)).await.json().await;
    assert_eq!(status, 200, "{next}");
    check_tokens(&next);
    next
}

fn of(tokens: &Value) -> &str {
    tokens["refresh_token"].as_str().expect("a refresh token")
}

fn access(tokens: &Value) -> &str {
    tokens["access_token"].as_str().expect("an access token")
}

#[tokio::test]
async fn each_refresh_gives_a_new_token_and_the_chain_goes_on() {
    let api = Api::start().await;
    let mut tokens = api.user().await.tokens;
    let mut seen = BTreeSet::from([of(&tokens).to_owned()]);
    for _ in 0..5 {
        tokens = refreshed(&api, &tokens).await;
        assert!(seen.insert(of(&tokens).to_owned()), "a refresh token came twice");
        assert_eq!(me(&api, access(&tokens)).await.status, 200);
    }
}

#[tokio::test]
async fn a_lost_response_can_be_repeated_byte_for_byte() {
    let api = Api::start().await;
    let first = api.user().await.tokens;
    let lost = refreshed(&api, &first).await;
    for _ in 0..3 {
        let again = refreshed(&api, &first).await;
        assert_eq!(of(&again), of(&lost));
        assert_eq!(me(&api, access(&again)).await.status, 200);
    }
    // And the chain goes on from there.
    refreshed(&api, &lost).await;
}

#[tokio::test]
async fn refreshes_at_once_get_the_same_successor() {
    let api = Api::start().await;
    let first = api.user().await.tokens;
    let tokens = join_all((0..8).map(|_| refreshed(&api, &first))).await;
    let successors: BTreeSet<_> = tokens.iter().map(of).collect();
    assert_eq!(successors.len(), 1, "{successors:?}");
    for tokens in &tokens {
        assert_eq!(me(&api, access(tokens)).await.status, 200);
    }
    refreshed(&api, &tokens[7]).await;
}

#[tokio::test]
async fn a_token_used_after_its_successor_ends_the_session_for_everybody() {
    let api = Api::start().await;
    let user = api.user().await;
    let stolen = user.tokens.clone();
    let second = refreshed(&api, &stolen).await;
    let third = refreshed(&api, &second).await;
    assert_eq!(me(&api, access(&third)).await.status, 200);

    let (status, body) = refresh(&api, of(&stolen)).await.json().await;
    assert_eq!((status, &body["code"]), (401, &json!("refresh_token_reused")), "{body}");
    for tokens in [&stolen, &second, &third] {
        let (status, body) = refresh(&api, of(tokens)).await.json().await;
        assert_eq!((status, &body["code"]), (401, &json!("invalid_refresh_token")), "{body}");
        assert_eq!(me(&api, access(tokens)).await.status, 401, "an access token outlived its session");
    }
    // The account itself is not hurt.
    let (status, _) =
        api.post("/api/v1/auth/login", &json!({ "email": user.email, "password": super::PASSWORD })).await.json().await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn another_session_of_the_same_user_survives_a_stolen_token() {
    let api = Api::start().await;
    let user = api.user().await;
    let other = api.post("/api/v1/auth/login", &json!({ "email": user.email, "password": super::PASSWORD })).await;
    let other = other.json().await.1;
    let second = refreshed(&api, &user.tokens).await;
    refreshed(&api, &second).await;
    assert_eq!(refresh(&api, of(&user.tokens)).await.status, 401);
    assert_eq!(me(&api, access(&other)).await.status, 200);
    refreshed(&api, &other).await;
}

#[tokio::test]
async fn two_phones_refresh_side_by_side() {
    let api = Api::start().await;
    let user = api.user().await;
    let other = api.post("/api/v1/auth/login", &json!({ "email": user.email, "password": super::PASSWORD })).await;
    let (mut one, mut two) = (user.tokens.clone(), other.json().await.1);
    for _ in 0..4 {
        let (next, also) = tokio::join!(refreshed(&api, &one), refreshed(&api, &two));
        assert_ne!(of(&next), of(&also));
        (one, two) = (next, also);
        assert_eq!(me(&api, access(&one)).await.status, 200);
        assert_eq!(me(&api, access(&two)).await.status, 200);
    }
}

#[tokio::test]
async fn a_phone_that_loses_every_other_response_stays_signed_in() {
    let api = Api::start().await;
    let mut tokens = api.user().await.tokens;
    for _ in 0..4 {
        let lost = refreshed(&api, &tokens).await;
        let again = refreshed(&api, &tokens).await;
        assert_eq!(of(&again), of(&lost));
        tokens = again;
    }
    assert_eq!(me(&api, access(&tokens)).await.status, 200);
}

/// Refreshes with a program of this name.
async fn refresh_as(api: &Api, tokens: &Value, program: &str) -> Answer {
    let headers = [("content-type", "application/json"), ("user-agent", program)];
    let body = json!({ "refresh_token": of(tokens) }).to_string();
    api.send(Method::POST, "/api/v1/auth/refresh", &headers, body.into()).await
}

/// The owner refreshes and a thief does the same after a while, again and again: served until the session ends in this round.
async fn check_thief(api: &Api, owner: &str, thief: &str, after: Duration, ends_in: u32) {
    let user = api.user().await;
    let mut tokens = user.tokens.clone();
    for round in 1..=ends_in {
        let (status, next) = refresh_as(api, &tokens, owner).await.json().await;
        assert_eq!(status, 200, "{round}: {next}");
        api.pass(after);
        let (status, again) = refresh_as(api, &tokens, thief).await.json().await;
        if round < ends_in {
            assert_eq!((status, of(&again)), (200, of(&next)), "{round}: {again}");
            tokens = next;
            continue;
        }
        assert_eq!((status, &again["code"]), (401, &json!("refresh_token_reused")), "{round}: {again}");
        assert_eq!(me(api, access(&next)).await.status, 401);
        assert_eq!(refresh_as(api, &next, owner).await.status, 401);
    }
    // The account itself is not hurt.
    assert_eq!(super::login(api, &user.email, super::PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_thief_in_step_with_the_owner_is_found_out() {
    check_thief(&Api::start().await, "Owner/1.0", "Thief/1.0", Duration::ZERO, 4).await;
}

#[tokio::test]
async fn a_thief_in_step_who_looks_like_the_owner_is_found_out_later() {
    let api = Api::start().await;
    if !api.pass(Duration::ZERO) {
        return println!("not here: a running host has its own clock");
    }
    check_thief(&api, "Owner/1.0", "Owner/1.1", Duration::from_secs(11), 10).await;
}

#[tokio::test]
async fn an_app_that_refreshes_several_times_at_once_stays_signed_in() {
    let api = Api::start().await;
    let mut tokens = api.user().await.tokens;
    for round in 0..12 {
        let answers = join_all((0..3).map(|_| refreshed(&api, &tokens))).await;
        let next = answers.first().unwrap().clone();
        assert!(answers.iter().all(|answer| of(answer) == of(&next)), "{round}");
        tokens = next;
    }
}

#[tokio::test]
async fn a_phone_that_loses_answers_now_and_then_on_its_way_between_networks_stays_signed_in() {
    let api = Api::start().await;
    let mut tokens = api.user().await.tokens;
    for _ in 0..5 {
        // Three lost in a row, each asked for again from elsewhere, some of them several times; then one that arrives.
        for _ in 0..3 {
            let (status, next) = refresh_as(&api, &tokens, "Phone/1.0").await.json().await;
            assert_eq!(status, 200, "{next}");
            for program in ["Other/1.0", "Other/1.0", "Phone/1.0"] {
                assert_eq!(refresh_as(&api, &tokens, program).await.status, 200);
            }
            tokens = next;
        }
        let (status, next) = refresh_as(&api, &tokens, "Phone/1.0").await.json().await;
        assert_eq!(status, 200, "{next}");
        tokens = next;
    }
}

#[tokio::test]
async fn a_thief_who_refreshes_first_is_found_out_by_the_owner() {
    let api = Api::start().await;
    let owner = api.user().await.tokens;
    let second = refreshed(&api, &owner).await;
    let thief = refreshed(&api, &second).await;
    // The owner still holds the first token: the thief's session ends with the owner's.
    let (status, body) = refresh(&api, of(&owner)).await.json().await;
    assert_eq!((status, &body["code"]), (401, &json!("refresh_token_reused")), "{body}");
    assert_eq!(me(&api, access(&thief)).await.status, 401);
    refused(refresh(&api, of(&thief)).await, "invalid_refresh_token", INVALID).await;
}

#[tokio::test]
async fn a_stolen_token_that_comes_many_times_at_once_ends_the_session_once() {
    let api = Api::start().await;
    let user = api.user().await;
    let second = refreshed(&api, &user.tokens).await;
    refreshed(&api, &second).await;
    let answers = join_all((0..6).map(|_| refresh(&api, of(&user.tokens)))).await;
    let mut codes = Vec::new();
    for answer in answers {
        let (status, body) = answer.json().await;
        assert_eq!(status, 401);
        codes.push(body["code"].as_str().unwrap().to_owned());
    }
    assert_eq!(codes.iter().filter(|code| *code == "refresh_token_reused").count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| *code == "invalid_refresh_token").count(), 5, "{codes:?}");
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused_and_harms_nobody() {
    let api = Api::start().await;
    let (user, other) = (api.user().await, api.user().await);
    let (token, others) = (of(&user.tokens), of(&other.tokens));
    let parts: Vec<_> = token.split('.').collect();
    let mac = parts[3];
    let flipped = format!("{}{}", if mac.starts_with('A') { 'B' } else { 'A' }, &mac[1..]);
    let their_mac = others.rsplit('.').next().unwrap();
    for garbage in [
        "x".to_owned(),
        "lrt_".into(),
        "...".into(),
        token.replace("lrt_", ""),
        token.to_uppercase(),
        token[..token.len() - 1].into(),
        format!("{token}A"),
        format!("{token}.A"),
        // The next of the chain, made up.
        format!("{}.2.{}.{mac}", parts[0], parts[2]),
        format!("{}.1.{}.{flipped}", parts[0], parts[2]),
        format!("{}.1.{}.{their_mac}", parts[0], parts[2]),
        format!("{}.1.other.{mac}", parts[0]),
        format!("{}.1..{mac}", parts[0]),
        format!("{}.-1.{}.{mac}", parts[0], parts[2]),
        format!("{}.99999999999999999999.{}.{mac}", parts[0], parts[2]),
        format!("lrt_{}.1.{}.{mac}", "0".repeat(36), parts[2]),
        "é".repeat(500),
    ] {
        refused(refresh(&api, &garbage).await, "invalid_refresh_token", INVALID).await;
    }
    assert_eq!(me(&api, access(&user.tokens)).await.status, 200);
    refreshed(&api, &user.tokens).await;
}

#[tokio::test]
async fn neither_token_does_the_others_work() {
    let api = Api::start().await;
    let user = api.user().await;
    refused(refresh(&api, user.access_token()).await, "invalid_refresh_token", INVALID).await;
    refused(me(&api, of(&user.tokens)).await, "invalid_token", NOT_GENUINE).await;
    assert_eq!(user.get("/api/v1/auth/me").await.status, 200);
    refreshed(&api, &user.tokens).await;
}
