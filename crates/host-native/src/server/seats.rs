//! How many connections are served at once, all together and from one network.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use gateway::service::limits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The seats of a server.
pub struct Seats {
    all: Arc<Semaphore>,
    /// How many one network may take.
    each: usize,
    taken: Mutex<HashMap<String, usize>>,
}

/// A connection's seat. Dropping it frees it.
pub struct Seat {
    seats: Arc<Seats>,
    network: String,
    _permit: OwnedSemaphorePermit,
}

impl Seats {
    /// So many seats, of which one network may take `each`.
    pub fn new(all: usize, each: usize) -> Arc<Self> {
        let all = Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { all, each, taken: Mutex::default() })
    }

    /// Waits until one is free.
    pub async fn free(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// Gives a free seat to a connection from this address; `None` if its network has taken as many as it may.
    pub fn take(self: &Arc<Self>, permit: OwnedSemaphorePermit, address: IpAddr) -> Option<Seat> {
        let network = limits::network(Some(address));
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(network.clone()).or_default();
        if *count >= self.each {
            return None;
        }
        *count += 1;
        Some(Seat { seats: Arc::clone(self), network, _permit: permit })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = taken.entry(std::mem::take(&mut self.network)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}
