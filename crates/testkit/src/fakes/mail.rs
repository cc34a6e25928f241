//! Mail that goes nowhere.

use std::{
    mem,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use ports::{Mail, MailError, Mailer};

/// Records what was sent, and fails on demand.
#[derive(Debug, Default)]
pub struct RecordedMail {
    sent: Mutex<Vec<Mail>>,
    refuses: AtomicBool,
}

impl RecordedMail {
    /// Takes out everything that was sent so far, oldest first.
    pub fn take(&self) -> Vec<Mail> {
        mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From here on, fails every message (`true`) or takes it (`false`).
    pub fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }
}

#[async_trait]
impl Mailer for RecordedMail {
    async fn send(&self, mail: Mail) -> Result<(), MailError> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err(MailError("the test refuses mail".into()));
        }
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
        Ok(())
    }
}
