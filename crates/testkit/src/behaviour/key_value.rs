//! The suite of `ports::KeyValue`.

use std::time::Duration;

use ports::{Clock as _, KeyValue, KeyValueError};

use super::report::{Outcome, Report, equal, text};
use crate::FixedClock;

const MINUTE: Duration = Duration::from_mins(1);

/// Checks a store that is not replicated (a replicated one may be stale and would fail by chance).
pub async fn key_value(keys: &dyn KeyValue) -> Report {
    let mut report = Report::default();
    report.add("“`None` when there is none”", absent(keys).await);
    report.add("“the value last put under `key`”: bytes of every value, and none", round_trip(keys).await);
    report.add("“the value last put under `key`”: a second put replaces the first", replaced(keys).await);
    report.add("“`None` … when it was deleted”", deleted(keys).await);
    report.add("“deleting what is not there succeeds”", keys.delete("behaviour:none").await.map_err(text));
    report.add("“a value of at most 1 MiB”", large_value(keys).await);
    report.add("“a key of at most 512 bytes”", long_key(keys).await);
    report.add("“the value last put under `key`”: keys differ in every character", similar_keys(keys).await);
    report.add("“expires (at least 60 s)”: until then it is there", not_yet_expired(keys).await);
    report
}

/// Checks expiry, where the store's clock is the test's.
pub async fn key_value_expiry(keys: &dyn KeyValue, clock: &FixedClock) -> Report {
    let mut report = Report::default();
    report.add("“after `expires` it is gone for `get`”", expires(keys, clock).await);
    report.add("“after `expires` it is gone”: a later put counts, not the first", put_again(keys, clock).await);
    report.add("“after `expires` it is gone”: without `expires` it stays", stays(keys, clock).await);
    report
}

/// Checks that a sweep frees what has expired, and nothing else. `holds` looks for a key in the store itself.
pub async fn key_value_sweep(
    keys: &dyn KeyValue,
    clock: &FixedClock,
    holds: impl AsyncFn(String) -> Result<bool, KeyValueError>,
) -> Report {
    let mut report = Report::default();
    report.add("“frees the bytes of values that expired”", swept(keys, clock, &holds).await);
    report.add("“frees”: not what was put again, or never expires", spared(keys, clock).await);
    report
}

/// Longer than whatever a store waits after a value's end.
const LATER: Duration = Duration::from_hours(2);

async fn swept(
    keys: &dyn KeyValue,
    clock: &FixedClock,
    holds: &impl AsyncFn(String) -> Result<bool, KeyValueError>,
) -> Outcome {
    // More than one look-up of a sweep.
    let names: Vec<String> = (0..250).map(|number| format!("behaviour:swept:{number}")).collect();
    for name in &names {
        keys.put(name, b"x", Some(MINUTE)).await.map_err(text)?;
    }
    equal(&holds(names[0].clone()).await.map_err(text)?, &true)?;
    clock.advance(LATER);
    keys.sweep(clock.now()).await.map_err(text)?;
    for name in names {
        equal(&(name.clone(), holds(name.clone()).await.map_err(text)?), &(name, false))?;
    }
    Ok(())
}

async fn spared(keys: &dyn KeyValue, clock: &FixedClock) -> Outcome {
    let [again, longer, stays] = ["behaviour:spared:again", "behaviour:spared:longer", "behaviour:spared:stays"];
    for key in [again, longer, stays] {
        keys.put(key, b"1", Some(MINUTE)).await.map_err(text)?;
    }
    keys.put(longer, b"2", Some(2 * LATER)).await.map_err(text)?;
    keys.put(stays, b"2", None).await.map_err(text)?;
    clock.advance(LATER);
    // After its end, and before the sweep.
    keys.put(again, b"2", Some(MINUTE)).await.map_err(text)?;
    keys.sweep(clock.now()).await.map_err(text)?;
    let mut outcome = Ok(());
    for key in [again, longer, stays] {
        let found = get(keys, key).await?;
        outcome = outcome.and_then(|()| equal(&found, &Some(b"2".to_vec())));
        keys.delete(key).await.map_err(text)?;
    }
    outcome
}

async fn get(keys: &dyn KeyValue, key: &str) -> Result<Option<Vec<u8>>, String> {
    keys.get(key).await.map_err(text)
}

/// Puts, reads back, compares and deletes.
async fn there_and_back(keys: &dyn KeyValue, key: &str, value: Vec<u8>) -> Outcome {
    keys.put(key, &value, None).await.map_err(text)?;
    let found = get(keys, key).await?;
    keys.delete(key).await.map_err(text)?;
    if found.as_ref() == Some(&value) {
        return Ok(());
    }
    Err(format!("put {} bytes, got {:?} bytes", value.len(), found.map(|found| found.len())))
}

async fn absent(keys: &dyn KeyValue) -> Outcome {
    equal(&get(keys, "behaviour:never").await?, &None)
}

async fn round_trip(keys: &dyn KeyValue) -> Outcome {
    there_and_back(keys, "behaviour:bytes", (0..=255).collect()).await?;
    there_and_back(keys, "behaviour:empty", Vec::new()).await
}

async fn replaced(keys: &dyn KeyValue) -> Outcome {
    let key = "behaviour:replaced";
    keys.put(key, b"first", None).await.map_err(text)?;
    keys.put(key, b"second", None).await.map_err(text)?;
    let found = get(keys, key).await?;
    keys.delete(key).await.map_err(text)?;
    equal(&found, &Some(b"second".to_vec()))
}

async fn deleted(keys: &dyn KeyValue) -> Outcome {
    let key = "behaviour:deleted";
    keys.put(key, b"x", None).await.map_err(text)?;
    keys.delete(key).await.map_err(text)?;
    equal(&get(keys, key).await?, &None)
}

async fn large_value(keys: &dyn KeyValue) -> Outcome {
    there_and_back(keys, "behaviour:large", vec![0xa5; 1 << 20]).await
}

async fn long_key(keys: &dyn KeyValue) -> Outcome {
    there_and_back(keys, &format!("behaviour:{}", "k".repeat(512 - 10)), b"x".to_vec()).await
}

async fn similar_keys(keys: &dyn KeyValue) -> Outcome {
    let names = ["behaviour:a/b", "behaviour:a:b", "behaviour:A/b", "behaviour:a%2Fb", "behaviour:ä b"];
    for name in names {
        keys.put(name, name.as_bytes(), None).await.map_err(text)?;
    }
    let mut outcome = Ok(());
    for name in names {
        let found = get(keys, name).await?;
        outcome = outcome.and_then(|()| equal(&found, &Some(name.as_bytes().to_vec())));
        keys.delete(name).await.map_err(text)?;
    }
    outcome
}

async fn not_yet_expired(keys: &dyn KeyValue) -> Outcome {
    let key = "behaviour:expires";
    keys.put(key, b"x", Some(MINUTE)).await.map_err(text)?;
    let found = get(keys, key).await?;
    keys.delete(key).await.map_err(text)?;
    equal(&found, &Some(b"x".to_vec()))
}

async fn expires(keys: &dyn KeyValue, clock: &FixedClock) -> Outcome {
    let key = "behaviour:expiry";
    keys.put(key, b"x", Some(MINUTE)).await.map_err(text)?;
    clock.advance(Duration::from_millis(59_999));
    equal(&get(keys, key).await?, &Some(b"x".to_vec()))?;
    clock.advance(Duration::from_millis(1));
    equal(&get(keys, key).await?, &None)
}

async fn put_again(keys: &dyn KeyValue, clock: &FixedClock) -> Outcome {
    let attempt: Result<_, KeyValueError> = async {
        keys.put("behaviour:again", b"1", Some(MINUTE)).await?;
        clock.advance(MINUTE);
        // The first value is gone: what comes now must not fall to whatever cleans up behind it.
        keys.get("behaviour:again").await?;
        keys.put("behaviour:again", b"2", Some(MINUTE)).await?;
        clock.advance(MINUTE / 2);
        let found = keys.get("behaviour:again").await?;
        keys.delete("behaviour:again").await?;
        Ok(found)
    }
    .await;
    equal(&attempt.map_err(text)?, &Some(b"2".to_vec()))
}

async fn stays(keys: &dyn KeyValue, clock: &FixedClock) -> Outcome {
    let key = "behaviour:stays";
    keys.put(key, b"1", Some(MINUTE)).await.map_err(text)?;
    keys.put(key, b"2", None).await.map_err(text)?;
    clock.advance(MINUTE * 1000);
    let found = get(keys, key).await?;
    keys.delete(key).await.map_err(text)?;
    equal(&found, &Some(b"2".to_vec()))
}
