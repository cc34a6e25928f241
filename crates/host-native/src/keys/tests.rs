use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::*;

/// A store that counts its reads and can hold one back between looking and answering.
#[derive(Default)]
struct Store {
    values: Mutex<HashMap<String, Vec<u8>>>,
    reads: AtomicUsize,
    hold: Mutex<Option<Arc<[Notify; 2]>>>,
}

#[async_trait]
impl KeyValue for Store {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let value = self.values.lock().unwrap().get(key).cloned();
        let hold = self.hold.lock().unwrap().take();
        if let Some(hold) = hold {
            hold[0].notify_one();
            hold[1].notified().await;
        }
        Ok(value)
    }

    async fn put(&self, key: &str, value: &[u8], _expires: Option<Duration>) -> Result<(), KeyValueError> {
        self.values.lock().unwrap().insert(key.into(), value.into());
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), KeyValueError> {
        self.values.lock().unwrap().remove(key);
        Ok(())
    }
}

struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

fn keys(believed: Option<Duration>) -> (Arc<Store>, Arc<Hands>, Arc<KnownAbsent>) {
    let (store, clock) = (Arc::new(Store::default()), Arc::new(Hands(AtomicI64::new(1_000_000))));
    let keys = KnownAbsent::new(store.clone(), clock.clone(), believed);
    (store, clock, Arc::new(keys))
}

#[tokio::test]
async fn an_absence_is_read_once_and_ends_with_a_put() {
    let (store, _, keys) = keys(None);
    for _ in 0..3 {
        assert_eq!(keys.get("a").await.unwrap(), None);
    }
    assert_eq!(store.reads.load(Ordering::SeqCst), 1);
    keys.put("a", b"1", None).await.unwrap();
    assert_eq!(keys.get("a").await.unwrap().as_deref(), Some(&b"1"[..]));
    keys.delete("a").await.unwrap();
    assert_eq!(keys.get("a").await.unwrap(), None);
}

#[tokio::test]
async fn an_absence_that_was_read_before_a_put_is_not_remembered_after_it() {
    let (store, _, keys) = keys(None);
    let hold = Arc::new([Notify::new(), Notify::new()]);
    *store.hold.lock().unwrap() = Some(hold.clone());
    let slow = tokio::spawn({
        let keys = keys.clone();
        async move { keys.get("a").await }
    });
    hold[0].notified().await;
    keys.put("a", b"1", None).await.unwrap();
    hold[1].notify_one();
    assert_eq!(slow.await.unwrap().unwrap(), None);
    assert_eq!(keys.get("a").await.unwrap().as_deref(), Some(&b"1"[..]));
}

#[tokio::test]
async fn an_absence_is_not_believed_for_longer_than_said() {
    let (store, clock, keys) = keys(Some(Duration::from_secs(30)));
    assert_eq!(keys.get("a").await.unwrap(), None);
    store.put("a", b"by another", None).await.unwrap();
    clock.0.fetch_add(30_000, Ordering::SeqCst);
    assert_eq!(keys.get("a").await.unwrap(), None);
    clock.0.fetch_add(1, Ordering::SeqCst);
    assert!(keys.get("a").await.unwrap().is_some());
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut memory = Memory::default();
    for n in 0..REMEMBERED * 3 {
        memory.remember(n.to_string(), Timestamp::default());
    }
    assert!(memory.young.len() + memory.old.len() <= 2 * REMEMBERED);
    assert!(memory.knows(&(REMEMBERED * 3 - 1).to_string(), None));
}
