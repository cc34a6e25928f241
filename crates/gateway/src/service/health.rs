//! Whether what we depend on answers.

use ports::{Database, Platform, Statement};

use crate::error::Result;

/// The state of each dependency.
#[derive(Clone, Copy, Debug)]
pub struct Readiness {
    /// Accounts and chats.
    pub database: bool,
    /// The key-value store.
    pub keys: bool,
}

/// Asks everything.
pub async fn readiness(platform: &Platform) -> Readiness {
    let chats = platform.chats.for_user(domain::UserId::new(platform.clock.now(), [0; 10]));
    let has_chats = chats.run(Statement::new("SELECT 1 FROM conversations LIMIT 1", [])).await.is_ok();
    let database = has_chats && ping(&*platform.accounts).await.is_ok();
    Readiness { database, keys: platform.keys.get("health").await.is_ok() }
}

/// Asks the accounts' database for the schema that we need.
pub async fn ping(database: &dyn Database) -> Result<()> {
    database.run(Statement::new("SELECT 1 FROM users LIMIT 1", [])).await?;
    Ok(())
}
