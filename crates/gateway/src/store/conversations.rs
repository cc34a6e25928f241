//! Conversations. Every statement names the owner.

use domain::{ConversationId, Timestamp, UserId};
use ports::{DatabaseError, Outcome, Statement};

use super::users::bad_id;

/// A conversation, without its messages.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// The id.
    pub id: ConversationId,
    /// The title, if it has one.
    pub title: Option<String>,
    /// How many messages it has.
    pub message_count: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    /// At most so many.
    pub limit: i64,
    /// After skipping so many.
    pub skip: i64,
    /// After this place: the time (milliseconds) and id of the last one seen.
    pub after: Option<(i64, String)>,
}

/// A new one; returns the row. Times of change never repeat within a user, so that "latest first" is exact.
pub fn insert(user: UserId, id: ConversationId, title: Option<String>, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO conversations (id, user_id, title, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4,
                 max(?4, coalesce((SELECT max(updated_at) + 1 FROM conversations WHERE user_id = ?2), 0)))
         RETURNING id, title, message_count, created_at, updated_at",
        [id.to_string().into(), user.to_string().into(), title.into(), now.millis().into()],
    )
}

/// One more than a page, latest update first.
pub fn page(user: UserId, page: &Page) -> Statement {
    let (time, id) = page.after.clone().unwrap_or((1 << 53, String::new()));
    Statement::new(
        "SELECT id, title, message_count, created_at, updated_at FROM conversations
         WHERE user_id = ?1 AND (updated_at, id) < (?2, ?3)
         ORDER BY updated_at DESC, id DESC LIMIT ?4 + 1 OFFSET ?5",
        [user.to_string().into(), time.into(), id.into(), page.limit.into(), page.skip.into()],
    )
}

/// One.
pub fn by_id(user: UserId, id: ConversationId) -> Statement {
    Statement::new(
        "SELECT id, title, message_count, created_at, updated_at FROM conversations WHERE id = ?1 AND user_id = ?2",
        [id.to_string().into(), user.to_string().into()],
    )
}

/// A new title; returns the row.
pub fn rename(user: UserId, id: ConversationId, title: Option<String>, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE conversations SET title = ?3,
           updated_at = max(?4, (SELECT max(updated_at) + 1 FROM conversations WHERE user_id = ?2))
         WHERE id = ?1 AND user_id = ?2
         RETURNING id, title, message_count, created_at, updated_at",
        [id.to_string().into(), user.to_string().into(), title.into(), now.millis().into()],
    )
}

/// Gone, with its messages and runs (by cascade). Returns the id.
pub fn delete(user: UserId, id: ConversationId) -> Statement {
    Statement::new(
        "DELETE FROM conversations WHERE id = ?1 AND user_id = ?2 RETURNING id",
        [id.to_string().into(), user.to_string().into()],
    )
}

/// A page of all conversations of a user, in the order of their ids, after this one.
pub fn page_by_id(user: UserId, after: &str) -> Statement {
    Statement::new(
        "SELECT id, title, message_count, created_at, updated_at FROM conversations
         WHERE user_id = ?1 AND id > ?2 ORDER BY id LIMIT 100",
        [user.to_string().into(), after.into()],
    )
}

/// Deletes a bounded number of a deleted user's. Returns their ids.
pub fn erase(user: UserId) -> Statement {
    Statement::new(
        "DELETE FROM conversations WHERE id IN (SELECT id FROM conversations WHERE user_id = ?1 LIMIT 500) RETURNING id",
        [user.to_string().into()],
    )
}

/// Decodes rows of the five columns above.
pub fn decode(outcome: &Outcome) -> Result<Vec<Conversation>, DatabaseError> {
    outcome
        .rows
        .iter()
        .map(|row| {
            Ok(Conversation {
                id: ConversationId::parse(row.text(0)?).ok_or_else(|| bad_id("conversations"))?,
                title: row.maybe_text(1)?.map(str::to_owned),
                message_count: row.integer(2)?,
                created_at: Timestamp::from_millis(row.integer(3)?),
                updated_at: Timestamp::from_millis(row.integer(4)?),
            })
        })
        .collect()
}
