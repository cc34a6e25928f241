//! Access tokens: what they say, and where they count. What is done to forge them is in `jwt_attacks`.

use http::Method;
use serde_json::json;
use tests::Api;

use super::{
    me, refused,
    tokens::{key, part, sign, with},
};

#[tokio::test]
async fn a_token_says_what_rfc_9068_asks_and_nothing_secret() {
    let api = Api::start().await;
    let user = api.user().await;
    let (header, claims) = (part(user.access_token(), 0), part(user.access_token(), 1));
    assert_eq!(header, json!({ "typ": "at+jwt", "alg": "HS256", "kid": "test" }));
    let mut members: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["aud", "auth_time", "email_verified", "exp", "gen", "iat", "iss", "role", "sid", "sub"]);
    assert_eq!((&claims["role"], &claims["gen"]), (&json!("user"), &json!(0)));
    assert_eq!(claims["email_verified"], false);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    assert_eq!(claims["sub"], user.get("/api/v1/auth/me").await.json().await.1["user_id"]);
}

#[tokio::test]
async fn a_token_of_a_user_who_is_gone_is_refused() {
    let api = Api::start().await;
    let user = api.user().await;
    let claims = with(&part(user.access_token(), 1), &json!({ "sub": "01893f6e-1c2a-7b3c-8d4e-5f6a7b8c9d0e" }));
    let token = sign(&part(user.access_token(), 0), &claims, &key("test"));
    refused(me(&api, &token).await, "user_not_found", "User not found").await;
}

#[tokio::test]
async fn only_a_bearer_token_in_the_header_counts() {
    let api = Api::start().await;
    let user = api.user().await;
    let token = user.access_token();
    for authorization in [
        token.to_owned(),
        format!("Token {token}"),
        format!("Basic {token}"),
        "Bearer".into(),
        format!("Bearer: {token}"),
        format!("Bearer={token}"),
    ] {
        let headers = [("authorization", authorization.as_str())];
        let answer = api.send(Method::GET, "/api/v1/auth/me", &headers, Vec::new()).await;
        refused(answer, "not_authenticated", "Not authenticated").await;
    }
    for path in [format!("/api/v1/auth/me?access_token={token}"), format!("/api/v1/auth/me?token={token}")] {
        assert_eq!(api.get(&path).await.status, 401);
    }
    let cookie = format!("access_token={token}");
    assert_eq!(api.send(Method::GET, "/api/v1/auth/me", &[("cookie", &cookie)], Vec::new()).await.status, 401);
    // The scheme's name knows no case (RFC 9110, 11.1).
    for scheme in ["bearer", "BEARER"] {
        let authorization = format!("{scheme} {token}");
        let headers = [("authorization", authorization.as_str())];
        assert_eq!(api.send(Method::GET, "/api/v1/auth/me", &headers, Vec::new()).await.status, 200);
    }
}
