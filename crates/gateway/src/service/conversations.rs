//! Conversations of a user. Somebody else's look like none.

use domain::{ConversationId, Timestamp, UserId};
use ports::Platform;

use crate::{
    error::{Error, Result},
    store,
};

pub use store::conversations::{Conversation, Page};

/// The longest title, in characters.
pub const MAX_TITLE: usize = 200;

/// Creates one.
pub async fn create(platform: &Platform, user: UserId, title: Option<String>) -> Result<Conversation> {
    let now = platform.clock.now();
    let id = platform.entropy.id(now, ConversationId::new);
    one(platform.chats.for_user(user).run(store::conversations::insert(user, id, title, now)).await)
}

/// A page, latest update first, and whether more follow.
pub async fn list(platform: &Platform, user: UserId, page: Page) -> Result<(Vec<Conversation>, bool)> {
    let outcome = platform.chats.for_user(user).run(store::conversations::page(user, &page)).await?;
    let mut found = store::conversations::decode(&outcome)?;
    let limit = usize::try_from(page.limit).unwrap_or(0);
    let more = found.len() > limit;
    found.truncate(limit);
    Ok((found, more))
}

/// Reads one.
pub async fn find(platform: &Platform, user: UserId, id: ConversationId) -> Result<Conversation> {
    one(platform.chats.for_user(user).run(store::conversations::by_id(user, id)).await)
}

/// Renames one; `None` takes the title away.
pub async fn rename(
    platform: &Platform,
    user: UserId,
    id: ConversationId,
    title: Option<String>,
) -> Result<Conversation> {
    let now: Timestamp = platform.clock.now();
    one(platform.chats.for_user(user).run(store::conversations::rename(user, id, title, now)).await)
}

/// Deletes one with all its messages and runs.
pub async fn delete(platform: &Platform, user: UserId, id: ConversationId) -> Result<()> {
    let outcome = platform.chats.for_user(user).run(store::conversations::delete(user, id)).await?;
    if outcome.rows.is_empty() { Err(missing()) } else { Ok(()) }
}

fn one(outcome: Result<ports::Outcome, ports::DatabaseError>) -> Result<Conversation> {
    store::conversations::decode(&outcome?)?.pop().ok_or_else(missing)
}

/// What a caller hears of a conversation that is not theirs.
pub fn missing() -> Error {
    Error::not_found("Conversation")
}
