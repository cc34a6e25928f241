//! Users who come from elsewhere: their hashes are verified and replaced when they sign in. In process, where the store can be
//! written to.

use std::sync::Arc;

use ports::{Database as _, Statement};
use serde_json::json;
use testkit::Faulty;
use tests::{Answer, Api};

async fn login(api: &Api, email: &str, password: &str) -> Answer {
    api.post("/api/v1/auth/login", &json!({ "email": email, "password": password })).await
}

/// A user whose account came with this hash.
async fn with_hash(api: &Api, database: &Arc<Faulty>, hash: &str) -> String {
    let user = api.user().await;
    let sql = "UPDATE users SET password_hash = ?2 WHERE email = ?1";
    database.run(Statement::new(sql, [user.email.as_str().into(), hash.into()])).await.unwrap();
    user.email
}

async fn hash_of(database: &Arc<Faulty>, email: &str) -> String {
    let sql = "SELECT password_hash FROM users WHERE email = ?1";
    let outcome = database.run(Statement::new(sql, [email.into()])).await.unwrap();
    outcome.rows[0].text(0).unwrap().to_owned()
}

#[tokio::test]
async fn bcrypt_and_cheap_argon2_hashes_sign_in_once_and_are_replaced() {
    let (api, _, database) = Api::two(&[("LITTORAL_ARGON2_PASSES", "2")]).await;
    for (password, hash) in [
        // The test vectors of jBCrypt, under the three names that bcrypt has.
        ("abcdefghijklmnopqrstuvwxyz", "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC"),
        ("abcdefghijklmnopqrstuvwxyz", "$2b$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC"),
        ("a", "$2y$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
    ] {
        let email = with_hash(&api, &database, hash).await;
        assert_eq!(login(&api, &email, "canary-wrong").await.status, 401);
        assert_eq!(hash_of(&database, &email).await, hash, "a wrong password replaces nothing");
        assert_eq!(login(&api, &email, password).await.status, 200);
        while hash_of(&database, &email).await == hash {
            tokio::task::yield_now().await;
        }
        let new = hash_of(&database, &email).await;
        assert!(new.starts_with("$argon2id$v=19$m=64,t=2,p=1$"), "{new}");
        assert_eq!(login(&api, &email, password).await.status, 200);
        assert_eq!(hash_of(&database, &email).await, new, "what is as it should be stays");
    }
}

#[tokio::test]
async fn what_was_typed_takes_the_place_of_no_bcrypt_hash_that_knows_only_its_beginning() {
    let (api, _, database) = Api::two(&[]).await;
    let password = "correct horse battery staple, ".repeat(3);
    // By libxcrypt.
    let hash = "$2b$04$abcdefghijklmnopqrstuuF.CTsZXZxDKTOpMu0brRDDLr07GQf36";
    let email = with_hash(&api, &database, hash).await;
    let other = format!("{}another end of it", &password[..72]);
    // bcrypt reads 72 bytes: this cannot be told from the password, and must not become it.
    for typed in [&other, &password[..72].to_owned(), &password] {
        assert_eq!(login(&api, &email, typed).await.status, 200);
    }
    api.settle().await;
    assert_eq!(hash_of(&database, &email).await, hash);
    assert_eq!(login(&api, &email, &password[..71]).await.status, 401);
}

#[tokio::test]
async fn a_raised_cost_is_taken_up_by_who_signs_in() {
    let (cheap, _, database) = Api::two(&[("LITTORAL_ARGON2_PASSES", "1")]).await;
    let user = cheap.user().await;
    let old = hash_of(&database, &user.email).await;
    let raised = cheap.with_other_settings(&[("LITTORAL_ARGON2_PASSES", "3")], database.clone()).await;
    assert_eq!(login(&raised, &user.email, tests::PASSWORD).await.status, 200);
    while hash_of(&database, &user.email).await == old {
        tokio::task::yield_now().await;
    }
    assert!(hash_of(&database, &user.email).await.contains("t=3"));
    assert_eq!(login(&cheap, &user.email, tests::PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_hash_of_no_known_kind_or_beyond_all_cost_is_a_wrong_password() {
    let (api, _, database) = Api::two(&[]).await;
    for hash in [
        "$2b$20$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC",
        "$argon2id$v=19$m=4000000,t=9,p=1$c29tZXNhbHQ$aGFzaA",
        "plain",
    ] {
        let email = with_hash(&api, &database, hash).await;
        assert_eq!(login(&api, &email, "plain").await.status, 401, "{hash}");
    }
}
