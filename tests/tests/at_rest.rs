//! What the database holds: whoever reads it cannot sign in with it.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ports::{Database as _, Statement, Value};
use serde_json::json;
use tests::{
    Api,
    authenticator::{Protected, answer, begin, codes, confirm, factors, post_nothing},
};

#[tokio::test]
async fn no_row_tells_what_proves_a_second_factor() {
    let (api, _, database) = Api::two(&[]).await;
    let protected = Protected::new(&api).await;
    assert_eq!(post_nothing(&protected.user, "/api/v1/auth/recovery-codes").await.status, 201);
    let app = begin(&protected.user).await;
    let (status, body) = confirm(&protected.user, &app.now()).await.json().await;
    assert_eq!((status, codes(&body).len()), (200, 0));
    assert_eq!(factors(&protected.user).await["factors"].as_array().unwrap().len(), 2);
    let proof = json!({ "code": app.next(), "trust_device": true });
    let (_, tokens) = answer(&api, &protected.challenge().await, &proof).await.json().await;
    let trusted = tokens["trusted_device_token"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
    protected.challenge().await;

    let mut held = String::new();
    for sql in [
        "SELECT id, user_id, kind, name, secret FROM factors",
        "SELECT user_id, hash FROM recovery_codes",
        "SELECT id, user_id, hash, device FROM trusted_devices",
        "SELECT id, user_id, method FROM challenges",
        "SELECT user_id, action, detail, device FROM audit_events",
    ] {
        let rows = database.run(Statement::new(sql, [])).await.unwrap().rows;
        assert!(!rows.is_empty(), "{sql}");
        for value in rows.into_iter().flat_map(|row| row.0) {
            match value {
                Value::Text(text) => held.push_str(&text.to_lowercase()),
                Value::Null => {}
                other => panic!("{sql}: {other:?}"),
            }
            held.push('\n');
        }
    }
    let mut secrets = vec![trusted];
    for app in [&protected.app, &app] {
        secrets.extend([URL_SAFE_NO_PAD.encode(app.secret()), STANDARD.encode(app.secret()), app.base32()]);
    }
    secrets.extend(protected.codes.iter().flat_map(|code| [code.clone(), code.replace('-', "")]));
    for secret in secrets {
        assert!(!held.contains(&secret.to_lowercase()), "{secret} is in the database");
    }
}
