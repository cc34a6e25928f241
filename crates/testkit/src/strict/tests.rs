//! Each rule, at its limit and one beyond.

use super::*;

async fn refusal(sql: &'static str, params: Vec<Value>) -> Option<String> {
    let database = StrictDatabase::new().await.unwrap();
    database.run(Statement { sql, params }).await.err().map(|error| {
        assert_eq!(error.kind, DatabaseErrorKind::Other, "{error}");
        error.detail
    })
}

#[tokio::test]
async fn the_store_owns_transactions_and_settings() {
    for sql in ["BEGIN", "  commit", "-- x\nPRAGMA foreign_keys = OFF", "ATTACH 'x' AS y", "VACUUM", "SAVEPOINT a"] {
        let detail = refusal(sql, vec![]).await.unwrap();
        assert!(detail.contains("not allowed"), "{sql}: {detail}");
    }
    assert!(refusal("SELECT 1; SELECT 2", vec![]).await.unwrap().contains("one statement"));
    assert!(refusal("SELECT 1;\n-- the end", vec![]).await.is_none());
}

#[tokio::test]
async fn integers_stay_within_2_to_the_53() {
    assert!(refusal("SELECT ?1", vec![Value::Integer(1 << 53)]).await.is_none());
    assert!(refusal("SELECT ?1", vec![Value::Integer((1 << 53) + 1)]).await.unwrap().contains("?1"));
    assert!(refusal("SELECT -9007199254740993", vec![]).await.unwrap().contains("column 0"));
}

#[tokio::test]
async fn texts_values_and_rows_are_bounded() {
    assert!(refusal("SELECT ?1", vec!["a\0b".into()]).await.unwrap().contains("NUL"));
    let half = Value::Blob(vec![7; 1_000_000]);
    assert!(refusal("SELECT ?1, ?2", vec![half.clone(), half.clone()]).await.is_none());
    assert!(refusal("SELECT ?1, ?2, 1", vec![half.clone(), half]).await.unwrap().contains("a row"));
    assert!(refusal("SELECT length(?1)", vec![Value::Blob(vec![7; 2_000_001])]).await.unwrap().contains("a value"));
    let long = String::leak(format!("SELECT 1 -- {}", "x".repeat(100_000)));
    assert!(refusal(long, vec![]).await.unwrap().contains("100000 bytes"));
}

#[tokio::test]
async fn parameters_are_numbered_and_all_bound() {
    assert!(refusal("SELECT ?1, ?2", vec![1.into()]).await.unwrap().contains("wants 2"));
    assert!(refusal("SELECT ?1", vec![1.into(), 2.into()]).await.unwrap().contains("2 are bound"));
    assert!(refusal("SELECT ?", vec![1.into()]).await.unwrap().contains("numbered"));
    assert!(refusal("SELECT 1", vec![Value::Null; 101]).await.unwrap().contains("at most 100 parameters"));
}

#[tokio::test]
async fn patterns_have_50_bytes() {
    let sql = "SELECT 1 WHERE 'x' LIKE '%' || ?1 || '%'";
    assert!(refusal(sql, vec!["a".repeat(48).into()]).await.is_none());
    assert!(refusal(sql, vec!["a".repeat(49).into()]).await.unwrap().contains("pattern"));
    assert!(refusal("SELECT 1 WHERE 'x' GLOB lower('X')", vec![]).await.unwrap().contains("literals"));
}
