//! How users want their app.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::Api;

use super::SETTINGS;

#[tokio::test]
async fn settings_are_merged_and_null_takes_away() {
    let api = Api::start().await;
    let (user, other) = (api.user().await, api.user().await);
    let (status, fresh) = user.get(SETTINGS).await.json().await;
    assert_eq!((status, &fresh["theme"], &fresh["preferences"]), (200, &Value::Null, &json!({})));
    let first = json!({
        "theme": "dark", "language": "pt-BR", "default_model": "littoral-offline",
        "preferences": { "font": { "size": 17, "name": "serif" }, "beta": true, "list": [1, null, 2.5] },
    });
    let (status, settings) = user.patch(SETTINGS, &first).await.json().await;
    assert_eq!(status, 200, "{settings}");
    for field in ["theme", "language", "default_model", "preferences"] {
        assert_eq!(settings[field], first[field], "{field}");
    }
    let second = json!({ "theme": null, "preferences": { "font": { "size": 20 }, "beta": null } });
    let (_, settings) = user.patch(SETTINGS, &second).await.json().await;
    assert_eq!((&settings["theme"], &settings["language"]), (&Value::Null, &json!("pt-BR")));
    let kept = json!({ "font": { "size": 20, "name": "serif" }, "list": [1, null, 2.5] });
    assert_eq!(settings["preferences"], kept);
    assert_eq!(user.get(SETTINGS).await.json().await.1, settings);
    let (_, settings) = user.patch(SETTINGS, &json!({ "preferences": null })).await.json().await;
    assert_eq!((&settings["preferences"], &settings["language"]), (&json!({}), &json!("pt-BR")));
    assert_eq!(other.get(SETTINGS).await.json().await.1["language"], Value::Null);
}

#[tokio::test]
async fn two_devices_at_once_do_not_undo_each_other() {
    let api = Api::start().await;
    let user = api.user().await;
    let changes: Vec<Value> = (0..8).map(|n| json!({ "preferences": { format!("device-{n}"): n } })).collect();
    let answers = join_all(changes.iter().map(|change| user.patch(SETTINGS, change))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let (_, settings) = user.get(SETTINGS).await.json().await;
    assert_eq!(settings["preferences"].as_object().unwrap().len(), 8, "{settings}");
}

#[tokio::test]
async fn preferences_are_bounded_in_all() {
    let api = Api::start().await;
    let user = api.user().await;
    let large = |name: &str, bytes: usize| json!({ "preferences": { name: "é".repeat(bytes / 2) } });
    assert_eq!(user.patch(SETTINGS, &large("a", 5_000)).await.status, 200);
    let before = user.get(SETTINGS).await.json().await;
    let deep = (0..9).fold(json!(1), |inner, _| json!({ "a": inner }));
    for change in [
        large("b", 4_000),
        large("b", 9_000),
        json!({ "preferences": deep }),
        json!({ "preferences": [] }),
        json!({ "preferences": "x" }),
    ] {
        let (status, refused) = user.patch(SETTINGS, &change).await.json().await;
        assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &json!("/preferences")), "{refused}");
    }
    assert_eq!(user.get(SETTINGS).await.json().await, before);
    for (field, value) in [("theme", "pink"), ("language", "german, please"), ("default_model", "")] {
        let (status, refused) = user.patch(SETTINGS, &json!({ field: value })).await.json().await;
        assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &json!(format!("/{field}"))), "{refused}");
    }
}

#[tokio::test]
async fn names_of_preferences_have_no_control_characters() {
    let api = Api::start().await;
    let user = api.user().await;
    assert_eq!(user.patch(SETTINGS, &json!({ "preferences": { "": "kept" } })).await.status, 200);
    for name in ["\0", "\0font", "font\0", "a\nb", "\u{7f}"] {
        for preferences in [json!({ name: 1 }), json!({ "a": { name: null } }), json!({ "a": [[{ name: 1 }]] })] {
            let (status, refused) = user.patch(SETTINGS, &json!({ "preferences": preferences })).await.json().await;
            assert_eq!(
                (status, &refused["errors"][0]["pointer"]),
                (422, &json!("/preferences")),
                "{name:?}: {refused}"
            );
        }
    }
    let (_, settings) = user.get(SETTINGS).await.json().await;
    assert_eq!(settings["preferences"], json!({ "": "kept" }));
}
