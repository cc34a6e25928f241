//! A bounded queue between callers that must not block and threads that wait.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// Many push, many take.
pub struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    capacity: usize,
}

struct State<T> {
    items: VecDeque<T>,
    closed: bool,
}

/// Why an item was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The queue holds as much as it may.
    Full,
    /// Nobody works on it any more.
    Closed,
}

impl<T> Queue<T> {
    /// An empty queue of at most `capacity` items.
    pub const fn new(capacity: usize) -> Self {
        Self { state: Mutex::new(State { items: VecDeque::new(), closed: false }), filled: Condvar::new(), capacity }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // No code between a lock and its release leaves the state half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an item at the end. Never waits.
    pub fn push(&self, item: T) -> Result<(), Refused> {
        let mut state = self.state();
        if state.closed {
            return Err(Refused::Closed);
        }
        if state.items.len() >= self.capacity {
            return Err(Refused::Full);
        }
        state.items.push_back(item);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for an item and moves it, with others that wait behind it, to the end of `taken`: at most `limit`. `false`
    /// once the queue is closed and empty.
    pub fn take(&self, limit: usize, taken: &mut Vec<T>) -> bool {
        let mut state = self
            .filled
            .wait_while(self.state(), |state| state.items.is_empty() && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        let count = state.items.len().min(limit);
        taken.extend(state.items.drain(..count));
        count > 0
    }

    /// Takes in nothing more. What is queued is still handed out.
    pub fn close(&self) {
        self.state().closed = true;
        self.filled.notify_all();
    }

    /// Takes in nothing more and drops what is queued.
    pub fn abandon(&self) {
        self.close();
        let items = std::mem::take(&mut self.state().items);
        drop(items);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_beyond_its_capacity_and_hands_out_what_is_left_after_closing() {
        let queue = Queue::new(2);
        assert_eq!(queue.push(1), Ok(()));
        assert_eq!(queue.push(2), Ok(()));
        assert_eq!(queue.push(3), Err(Refused::Full));
        queue.close();
        assert_eq!(queue.push(4), Err(Refused::Closed));
        let mut taken = Vec::new();
        assert!(queue.take(1, &mut taken));
        assert!(queue.take(9, &mut taken));
        assert!(!queue.take(9, &mut taken));
        assert_eq!(taken, [1, 2]);
    }
}
