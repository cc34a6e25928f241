//! Messages: a tree in each conversation.

use domain::{ConversationId, MessageId, RunId, Timestamp, UserId, chat::Role};
use ports::{DatabaseError, Outcome, Row, Statement};

use super::users::bad_id;

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    /// The id.
    pub id: MessageId,
    /// The message that it answers.
    pub parent: Option<MessageId>,
    /// Order of arrival in its conversation, from 1.
    pub position: i64,
    /// `user` or `model`, as seed 004 has it.
    pub role: String,
    /// The text. Empty while a reply runs.
    pub content: String,
    /// `completed` for a user's; the run's status for a model's.
    pub status: String,
    /// The run that made it.
    pub run: Option<RunId>,
    /// The model that made it.
    pub model: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a path through the tree is read for.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// Its last message; the newest one of the conversation if none.
    pub end: Option<MessageId>,
    /// Begins at the message that the last one answers, if that is a model's: it is answered anew.
    pub again: bool,
    /// Estimated tokens that may be sent. The message that goes beyond them is the last that is read.
    pub budget: u64,
    /// How many of them are used before the path begins.
    pub used: u64,
}

/// A message of a path.
#[derive(Clone, Debug)]
pub struct Step {
    /// The id.
    pub id: MessageId,
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
    /// Whether it is a reply that failed, or that is over and has no text.
    pub is_void: bool,
}

/// The conversation's existence, then the path from its end towards its root, newest first: as far as the budget reaches. A void
/// reply and the question before it cost nothing, because they are not sent.
pub fn path(user: UserId, conversation: ConversationId, path: &Path) -> [Statement; 2] {
    let (user, conversation) = (user.to_string(), conversation.to_string());
    let tokens = |tokens: u64| i64::try_from(tokens).unwrap_or(1 << 53).min(1 << 53);
    [
        Statement::new(
            "SELECT id FROM conversations WHERE id = ?1 AND user_id = ?2",
            [conversation.clone().into(), user.clone().into()],
        ),
        // The cost is `domain::chat::estimate_tokens`.
        Statement::new(
            "WITH RECURSIVE path (id, parent_id, role, content, is_void, depth, used) AS (
               SELECT id, parent_id, role, content, is_void, 0,
                      ?5 + CASE WHEN is_void THEN 0 ELSE (length(CAST(content AS BLOB)) + 3) / 4 + 4 END FROM (
                 SELECT id, parent_id, role, content,
                        role = 'model' AND (status = 'failed' OR (content = '' AND status NOT IN ('queued', 'running')))
                        AS is_void
                 FROM messages
                 WHERE id = coalesce(
                     (SELECT parent_id FROM messages WHERE id = ?3 AND conversation_id = ?1 AND role = 'model' AND ?6), ?3,
                     (SELECT id FROM messages WHERE conversation_id = ?1 ORDER BY position DESC LIMIT 1))
                   AND conversation_id = ?1 AND EXISTS (SELECT 1 FROM conversations WHERE id = ?1 AND user_id = ?2))
               UNION ALL
               SELECT m.id, m.parent_id, m.role, m.content,
                      m.role = 'model' AND (m.status = 'failed' OR (m.content = '' AND m.status NOT IN ('queued', 'running'))),
                      p.depth + 1,
                      p.used + CASE
                        WHEN p.is_void OR (m.role = 'model' AND (m.status = 'failed'
                             OR (m.content = '' AND m.status NOT IN ('queued', 'running')))) THEN 0
                        ELSE (length(CAST(m.content AS BLOB)) + 3) / 4 + 4 END
               FROM path p JOIN messages m ON m.id = p.parent_id AND m.conversation_id = ?1
               WHERE p.depth < 499 AND p.used <= ?4)
             SELECT id, role, content, is_void FROM path ORDER BY depth",
            [
                conversation.into(),
                user.into(),
                path.end.map(|id| id.to_string()).into(),
                tokens(path.budget).into(),
                tokens(path.used).into(),
                i64::from(path.again).into(),
            ],
        ),
    ]
}

/// Decodes [`path`]'s second outcome, newest first.
pub fn decode_path(outcome: &Outcome) -> Result<Vec<Step>, DatabaseError> {
    let step = |row: &Row| {
        Ok(Step {
            id: MessageId::parse(row.text(0)?).ok_or_else(|| bad_id("messages"))?,
            role: if row.text(1)? == "model" { Role::Assistant } else { Role::User },
            content: row.text(2)?.to_owned(),
            is_void: row.integer(3)? != 0,
        })
    };
    outcome.rows.iter().map(step).collect()
}

/// Makes room for so many messages; the statements after it take the last positions.
pub fn make_room(user: UserId, conversation: ConversationId, count: i64, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE conversations SET message_count = message_count + ?4,
           updated_at = max(?3, (SELECT max(updated_at) + 1 FROM conversations WHERE user_id = ?2))
         WHERE id = ?1 AND user_id = ?2
         RETURNING id",
        [conversation.to_string().into(), user.to_string().into(), now.millis().into(), count.into()],
    )
}

/// Inserts a message at the place `before_last` from the end. Nothing happens when the conversation is not the user's.
pub fn insert(user: UserId, conversation: ConversationId, message: &Message, before_last: i64) -> Statement {
    Statement::new(
        "INSERT INTO messages
           (id, conversation_id, parent_id, position, role, content, status, run_id, model, created_at, updated_at)
         SELECT ?3, id, ?4, message_count - ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11 FROM conversations
         WHERE id = ?1 AND user_id = ?2",
        [
            conversation.to_string().into(),
            user.to_string().into(),
            message.id.to_string().into(),
            message.parent.map(|id| id.to_string()).into(),
            before_last.into(),
            message.role.as_str().into(),
            message.content.as_str().into(),
            message.status.as_str().into(),
            message.run.map(|id| id.to_string()).into(),
            message.model.as_deref().into(),
            message.created_at.millis().into(),
        ],
    )
}

/// A page of a conversation's messages and one more, oldest first, after position `after`: fewer when they have more than a million
/// bytes. [`found`] tells how many there would have been.
pub fn page_oldest(conversation: ConversationId, after: i64, limit: i64, skip: i64) -> Statement {
    Statement::new(
        "SELECT id, parent_id, position, role, content, status, run_id, model, created_at, found FROM (
           SELECT *, count(*) OVER () AS found,
                  sum(length(CAST(content AS BLOB))) OVER (ORDER BY position) AS total FROM (
             SELECT id, parent_id, position, role, content, status, run_id, model, created_at FROM messages
             WHERE conversation_id = ?1 AND position > ?2 ORDER BY position LIMIT ?3 + 1 OFFSET ?4))
         WHERE total - length(CAST(content AS BLOB)) < 1000000 ORDER BY position",
        [conversation.to_string().into(), after.into(), limit.into(), skip.into()],
    )
}

/// The same newest first, before position `before`.
pub fn page_newest(conversation: ConversationId, before: i64, limit: i64, skip: i64) -> Statement {
    Statement::new(
        "SELECT id, parent_id, position, role, content, status, run_id, model, created_at, found FROM (
           SELECT *, count(*) OVER () AS found,
                  sum(length(CAST(content AS BLOB))) OVER (ORDER BY position DESC) AS total FROM (
             SELECT id, parent_id, position, role, content, status, run_id, model, created_at FROM messages
             WHERE conversation_id = ?1 AND position < ?2 ORDER BY position DESC LIMIT ?3 + 1 OFFSET ?4))
         WHERE total - length(CAST(content AS BLOB)) < 1000000 ORDER BY position DESC",
        [conversation.to_string().into(), before.into(), limit.into(), skip.into()],
    )
}

/// How many messages [`page_oldest`] or [`page_newest`] would have returned without their bound of bytes.
pub fn found(outcome: &Outcome) -> Result<usize, DatabaseError> {
    outcome.rows.first().map_or(Ok(0), |row| row.integer(9).map(|found| usize::try_from(found).unwrap_or(0)))
}

/// Two messages of a run: the user's and the model's, in that order.
pub fn pair(user_message: MessageId, message: MessageId) -> Statement {
    Statement::new(
        "SELECT id, parent_id, position, role, content, status, run_id, model, created_at FROM messages
         WHERE id IN (?1, ?2) ORDER BY position",
        [user_message.to_string().into(), message.to_string().into()],
    )
}

/// The next messages of a few conversations of a user, conversation by conversation and in order, after a place: at most 100,
/// and fewer when they have more than a million characters. The tenth column is the conversation.
pub fn of_several(user: UserId, conversations: &[ConversationId], after: &(String, i64)) -> Statement {
    let ids: Vec<String> = conversations.iter().map(|id| format!("\"{id}\"")).collect();
    Statement::new(
        "SELECT id, parent_id, position, role, content, status, run_id, model, created_at, conversation_id FROM (
           SELECT *, sum(length(content)) OVER (ORDER BY conversation_id, position) AS total FROM (
             SELECT m.id, m.parent_id, m.position, m.role, m.content, m.status, m.run_id, m.model, m.created_at,
                    m.conversation_id
             FROM json_each(?2) AS wanted CROSS JOIN messages m ON m.conversation_id = wanted.value
             WHERE EXISTS (SELECT 1 FROM conversations WHERE id = wanted.value AND user_id = ?1)
               AND (m.conversation_id > ?3 OR (m.conversation_id = ?3 AND m.position > ?4))
             ORDER BY m.conversation_id, m.position LIMIT 100))
         WHERE total - length(content) < 1000000 ORDER BY conversation_id, position",
        [user.to_string().into(), format!("[{}]", ids.join(",")).into(), after.0.as_str().into(), after.1.into()],
    )
}

/// The same of one conversation, found by its index, however long it is.
pub fn of_one(user: UserId, conversation: ConversationId, after: i64) -> Statement {
    Statement::new(
        "SELECT id, parent_id, position, role, content, status, run_id, model, created_at, conversation_id FROM (
           SELECT *, sum(length(content)) OVER (ORDER BY position) AS total FROM (
             SELECT id, parent_id, position, role, content, status, run_id, model, created_at, conversation_id
             FROM messages WHERE conversation_id = ?2 AND position > ?3
               AND EXISTS (SELECT 1 FROM conversations WHERE id = ?2 AND user_id = ?1)
             ORDER BY position LIMIT 100))
         WHERE total - length(content) < 1000000 ORDER BY position",
        [user.to_string().into(), conversation.to_string().into(), after.into()],
    )
}

/// The conversations in the tenth column of [`of_several`] and [`of_one`].
pub fn conversations(outcome: &Outcome) -> Result<Vec<ConversationId>, DatabaseError> {
    let id = |row: &Row| ConversationId::parse(row.text(9)?).ok_or_else(|| bad_id("messages"));
    outcome.rows.iter().map(id).collect()
}

/// Deletes a bounded number of a deleted user's. Returns their ids.
pub fn erase(user: UserId) -> Statement {
    Statement::new(
        "DELETE FROM messages WHERE id IN (
           SELECT m.id FROM conversations c JOIN messages m ON m.conversation_id = c.id WHERE c.user_id = ?1 LIMIT 500)
         RETURNING id",
        [user.to_string().into()],
    )
}

/// Decodes rows of the nine columns above.
pub fn decode(outcome: &Outcome) -> Result<Vec<Message>, DatabaseError> {
    outcome.rows.iter().map(one).collect()
}

fn one(row: &Row) -> Result<Message, DatabaseError> {
    Ok(Message {
        id: MessageId::parse(row.text(0)?).ok_or_else(|| bad_id("messages"))?,
        parent: row.maybe_text(1)?.and_then(MessageId::parse),
        position: row.integer(2)?,
        role: row.text(3)?.to_owned(),
        content: row.text(4)?.to_owned(),
        status: row.text(5)?.to_owned(),
        run: row.maybe_text(6)?.and_then(RunId::parse),
        model: row.maybe_text(7)?.map(str::to_owned),
        created_at: Timestamp::from_millis(row.integer(8)?),
    })
}
