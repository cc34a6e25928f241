//! Runs. Every write of an owner carries its epoch, so that an owner whose run was taken over cannot write any more.

use domain::{
    ConversationId, MessageId, RunId, Timestamp, UserId,
    run::{RunKey, RunStatus, Seq, StopPoint},
};
use ports::{DatabaseError, Outcome, Statement};

use super::users::bad_id;

/// A run as stored.
#[derive(Clone, Debug)]
pub struct Run {
    /// The id.
    pub id: RunId,
    /// Its conversation; a plain completion has none.
    pub conversation: Option<ConversationId>,
    /// The message that it answers.
    pub user_message: Option<MessageId>,
    /// The message that it writes.
    pub message: Option<MessageId>,
    /// The model asked for.
    pub model: String,
    /// Where it stands.
    pub status: RunStatus,
    /// The owner's fencing number.
    pub epoch: i64,
    /// Until when the owner is believed alive.
    pub lease_expires_at: Timestamp,
    /// The last event in the log.
    pub last_seq: Seq,
    /// What the request was, hashed.
    pub fingerprint: String,
    /// What went wrong.
    pub error_code: Option<String>,
    /// Tokens counted, as JSON.
    pub usage: Option<String>,
    /// The reply of a run without a conversation.
    pub text: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Whether it is stored only so that a reader can come back for a while.
    pub is_passing: bool,
}

/// A run about to be made.
pub struct NewRun<'a> {
    /// Owner and id.
    pub key: RunKey,
    /// Its conversation.
    pub conversation: Option<ConversationId>,
    /// The message that it answers.
    pub user_message: Option<MessageId>,
    /// The message that it writes.
    pub message: Option<MessageId>,
    /// The model asked for.
    pub model: &'a str,
    /// The caller's key, if it gave one.
    pub idempotency_key: Option<&'a str>,
    /// Whether it stays until it is deleted, though it has no conversation.
    pub kept: bool,
    /// What the request is, hashed.
    pub fingerprint: &'a str,
    /// When.
    pub now: Timestamp,
    /// The first lease.
    pub lease_expires_at: Timestamp,
}

/// The dispatch gate: the run exists once for each idempotency key, and only who inserts it calls the provider. Nothing
/// happens when the conversation is not the user's. Returns the id.
pub fn insert(run: &NewRun<'_>) -> Statement {
    Statement::new(
        "INSERT INTO runs
           (id, user_id, conversation_id, user_message_id, message_id, model, status, epoch, lease_expires_at,
            idempotency_key, fingerprint, created_at, kept)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, 'queued', 1, ?7, ?8, ?9, ?10, ?11
         WHERE ?3 IS NULL OR EXISTS (SELECT 1 FROM conversations WHERE id = ?3 AND user_id = ?2)
         RETURNING id",
        [
            run.key.run.to_string().into(),
            run.key.user.to_string().into(),
            run.conversation.map(|id| id.to_string()).into(),
            run.user_message.map(|id| id.to_string()).into(),
            run.message.map(|id| id.to_string()).into(),
            run.model.into(),
            run.lease_expires_at.millis().into(),
            run.idempotency_key.into(),
            run.fingerprint.into(),
            run.now.millis().into(),
            i64::from(run.kept).into(),
        ],
    )
}

/// A run of a user.
pub fn by_id(key: RunKey) -> Statement {
    Statement::new(
        "SELECT id, conversation_id, user_message_id, message_id, model, status, epoch, lease_expires_at, last_seq,
                fingerprint, error_code, usage, text, created_at, ended_at,
                conversation_id IS NULL AND idempotency_key IS NULL AND kept = 0 AS is_passing
         FROM runs WHERE id = ?1 AND user_id = ?2",
        [key.run.to_string().into(), key.user.to_string().into()],
    )
}

/// The run that a user's idempotency key made.
pub fn by_idempotency_key(user: UserId, key: &str) -> Statement {
    Statement::new(
        "SELECT id, conversation_id, user_message_id, message_id, model, status, epoch, lease_expires_at, last_seq,
                fingerprint, error_code, usage, text, created_at, ended_at,
                conversation_id IS NULL AND idempotency_key IS NULL AND kept = 0 AS is_passing
         FROM runs WHERE user_id = ?1 AND idempotency_key = ?2",
        [user.to_string().into(), key.into()],
    )
}

/// Open runs of a conversation whose lease has expired: their owners may be dead. (`+` keeps SQLite from walking all runs that
/// the conversation ever had: it takes the index of its user's open runs.)
pub fn expired_of(user: UserId, conversation: ConversationId, now: Timestamp) -> Statement {
    Statement::new(
        "SELECT id FROM runs WHERE +conversation_id = ?1 AND user_id = ?2 AND ended_at IS NULL AND lease_expires_at <= ?3",
        [conversation.to_string().into(), user.to_string().into(), now.millis().into()],
    )
}

/// Open runs of everybody whose lease has expired, in the order of their ids after `after`, a bounded number: id and user.
/// Their owners may be dead. (`+` keeps SQLite from walking all runs that ever were: it takes the index of the leases.)
pub fn expired(now: Timestamp, after: &str) -> Statement {
    Statement::new(
        "SELECT id, user_id FROM runs WHERE ended_at IS NULL AND lease_expires_at <= ?1 AND +id > ?2 ORDER BY +id
         LIMIT 100",
        [now.millis().into(), after.into()],
    )
}

/// Decodes the first row of [`by_id`] and [`by_idempotency_key`].
pub fn decode(outcome: &Outcome) -> Result<Option<Run>, DatabaseError> {
    let Some(row) = outcome.rows.first() else { return Ok(None) };
    let id = |text: Option<&str>| text.map(str::to_owned);
    Ok(Some(Run {
        id: RunId::parse(row.text(0)?).ok_or_else(|| bad_id("runs"))?,
        conversation: row.maybe_text(1)?.and_then(ConversationId::parse),
        user_message: row.maybe_text(2)?.and_then(MessageId::parse),
        message: row.maybe_text(3)?.and_then(MessageId::parse),
        model: row.text(4)?.to_owned(),
        status: RunStatus::parse(row.text(5)?).ok_or_else(|| bad_id("runs.status"))?,
        epoch: row.integer(6)?,
        lease_expires_at: Timestamp::from_millis(row.integer(7)?),
        last_seq: u64::try_from(row.integer(8)?).unwrap_or(0),
        fingerprint: row.text(9)?.to_owned(),
        error_code: id(row.maybe_text(10)?),
        usage: id(row.maybe_text(11)?),
        text: id(row.maybe_text(12)?),
        created_at: Timestamp::from_millis(row.integer(13)?),
        ended_at: row.maybe_integer(14)?.map(Timestamp::from_millis),
        is_passing: row.integer(15)? != 0,
    }))
}

/// The owner shows that it lives and where its log stands. Returns what it is asked to stop at, if anything; no row means
/// that the run is no longer its own. Neither number goes back: a try whose answer got lost may arrive after later ones.
pub fn renew(run: RunId, epoch: i64, last_seq: Seq, lease_expires_at: Timestamp) -> Statement {
    Statement::new(
        "UPDATE runs SET status = 'running', last_seq = max(last_seq, ?3), lease_expires_at = max(lease_expires_at, ?4)
         WHERE id = ?1 AND epoch = ?2 AND ended_at IS NULL RETURNING stop_point",
        [run.to_string().into(), epoch.into(), seq(last_seq).into(), lease_expires_at.millis().into()],
    )
}

/// Takes over a run whose lease expired before `expired_by`, or, if its first owner is known to be `gone`, one that this
/// owner had begun: the next epoch is the taker's, until `lease_expires_at`. Returns it.
pub fn take_over(key: RunKey, expired_by: Timestamp, gone: bool, lease_expires_at: Timestamp) -> Statement {
    Statement::new(
        "UPDATE runs SET epoch = epoch + 1, lease_expires_at = ?5
         WHERE id = ?1 AND user_id = ?2 AND ended_at IS NULL
           AND (lease_expires_at <= ?3 OR (?4 = 1 AND epoch = 1 AND status = 'running')) RETURNING epoch",
        [
            key.run.to_string().into(),
            key.user.to_string().into(),
            expired_by.millis().into(),
            i64::from(gone).into(),
            lease_expires_at.millis().into(),
        ],
    )
}

/// Deletes a few runs without a conversation that nobody asked to keep: those that were stored only so that a reader could come
/// back and ended before `passing`, and those of an idempotency key that ended before `keyed`.
pub fn expire(user: UserId, passing: Timestamp, keyed: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM runs WHERE id IN (
           SELECT id FROM (
             SELECT id FROM runs
             WHERE user_id = ?1 AND ended_at <= ?2 AND conversation_id IS NULL AND kept = 0 AND idempotency_key IS NULL
             ORDER BY ended_at LIMIT 20)
           UNION ALL
           SELECT id FROM (
             SELECT id FROM runs
             WHERE user_id = ?1 AND ended_at <= ?3 AND conversation_id IS NULL AND kept = 0 AND idempotency_key IS NOT NULL
             ORDER BY ended_at LIMIT 20))",
        [user.to_string().into(), passing.millis().into(), keyed.millis().into()],
    )
}

/// The same for everybody, at most `limit` of each kind. Returns the ids.
pub fn expire_all(passing: Timestamp, keyed: Timestamp, limit: i64) -> Statement {
    Statement::new(
        "DELETE FROM runs WHERE id IN (
           SELECT id FROM (
             SELECT id FROM runs INDEXED BY runs_passing
             WHERE ended_at <= ?1 AND conversation_id IS NULL AND kept = 0 AND idempotency_key IS NULL
             ORDER BY user_id, ended_at LIMIT ?3)
           UNION ALL
           SELECT id FROM (
             SELECT id FROM runs INDEXED BY runs_keyed
             WHERE ended_at <= ?2 AND conversation_id IS NULL AND kept = 0 AND idempotency_key IS NOT NULL
             ORDER BY user_id, ended_at LIMIT ?3))
         RETURNING id",
        [passing.millis().into(), keyed.millis().into(), limit.into()],
    )
}

/// Whether [`expire_all`] has something to do: a row says so.
pub fn any_expired(passing: Timestamp, keyed: Timestamp) -> Statement {
    Statement::new(
        "SELECT id FROM (
           SELECT id FROM runs INDEXED BY runs_passing
           WHERE ended_at <= ?1 AND conversation_id IS NULL AND kept = 0 AND idempotency_key IS NULL LIMIT 1)
         UNION ALL
         SELECT id FROM (
           SELECT id FROM runs INDEXED BY runs_keyed
           WHERE ended_at <= ?2 AND conversation_id IS NULL AND kept = 0 AND idempotency_key IS NOT NULL LIMIT 1)",
        [passing.millis().into(), keyed.millis().into()],
    )
}

/// Deletes a run without a conversation that its user asked to store; one under way loses its owner with it. Returns the
/// id; a conversation's run goes with its conversation only.
pub fn delete(key: RunKey) -> Statement {
    Statement::new(
        "DELETE FROM runs
         WHERE id = ?1 AND user_id = ?2 AND conversation_id IS NULL AND (kept = 1 OR idempotency_key IS NOT NULL)
         RETURNING id",
        [key.run.to_string().into(), key.user.to_string().into()],
    )
}

/// A run that is over, as its user may see it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The id.
    pub id: RunId,
    /// Its conversation; a plain completion has none.
    pub conversation: Option<String>,
    /// The message that it answers.
    pub user_message: Option<String>,
    /// The message that it wrote.
    pub message: Option<String>,
    /// The model asked for.
    pub model: String,
    /// How it ended.
    pub status: String,
    /// What went wrong.
    pub error_code: Option<String>,
    /// Tokens counted, as JSON.
    pub usage: Option<String>,
    /// The reply of a run without a conversation.
    pub text: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// The next of a user's runs that are over, in the order in which they ended, after a place: at most 100, and fewer when they
/// have more than a million characters.
pub fn records(user: UserId, after: &(i64, String)) -> Statement {
    Statement::new(
        "SELECT id, conversation_id, user_message_id, message_id, model, status, error_code, usage, text, created_at, ended_at
         FROM (
           SELECT *, sum(coalesce(length(text), 0)) OVER (ORDER BY ended_at, id) AS total FROM (
             SELECT id, conversation_id, user_message_id, message_id, model, status, error_code, usage, text, created_at,
                    ended_at
             FROM runs WHERE user_id = ?1 AND ended_at IS NOT NULL AND (ended_at, id) > (?2, ?3)
             ORDER BY ended_at, id LIMIT 100))
         WHERE total - coalesce(length(text), 0) < 1000000 ORDER BY ended_at, id",
        [user.to_string().into(), after.0.into(), after.1.as_str().into()],
    )
}

/// Decodes [`records`].
pub fn decode_records(outcome: &Outcome) -> Result<Vec<Record>, DatabaseError> {
    let one = |row: &ports::Row| {
        let text = |index| row.maybe_text(index).map(|text| text.map(str::to_owned));
        Ok(Record {
            id: RunId::parse(row.text(0)?).ok_or_else(|| bad_id("runs"))?,
            conversation: text(1)?,
            user_message: text(2)?,
            message: text(3)?,
            model: row.text(4)?.to_owned(),
            status: row.text(5)?.to_owned(),
            error_code: text(6)?,
            usage: text(7)?,
            text: text(8)?,
            created_at: Timestamp::from_millis(row.integer(9)?),
            ended_at: Timestamp::from_millis(row.integer(10)?),
        })
    };
    outcome.rows.iter().map(one).collect()
}

/// Deletes a bounded number of a deleted user's, with their logs: whoever owns one that is open is fenced. Returns their ids.
pub fn erase(user: UserId) -> Statement {
    Statement::new(
        "DELETE FROM runs WHERE id IN (SELECT id FROM runs WHERE user_id = ?1 LIMIT 100) RETURNING id",
        [user.to_string().into()],
    )
}

/// Makes every open run look abandoned: right only where this process alone owns the database and has just started.
pub fn abandon_all() -> Statement {
    Statement::new("UPDATE runs SET lease_expires_at = 0 WHERE ended_at IS NULL AND lease_expires_at > 0", [])
}

/// How a run ends.
pub struct Ending<'a> {
    /// The final status.
    pub status: RunStatus,
    /// The end event's number.
    pub last_seq: Seq,
    /// What went wrong.
    pub error_code: Option<&'a str>,
    /// Tokens counted, as JSON.
    pub usage: Option<&'a str>,
    /// The whole reply.
    pub text: &'a str,
    /// Whether the run's row may have to keep it, because no message does.
    pub keeps_text: bool,
    /// When.
    pub now: Timestamp,
}

/// The message of a run, complete. Goes before [`end`] in the batch.
pub fn settle_message(run: RunId, epoch: i64, ending: &Ending<'_>) -> Statement {
    Statement::new(
        "UPDATE messages SET content = ?3, status = ?4, updated_at = ?5
         WHERE id = (SELECT message_id FROM runs WHERE id = ?1 AND epoch = ?2 AND ended_at IS NULL)",
        [
            run.to_string().into(),
            epoch.into(),
            ending.text.into(),
            ending.status.as_str().into(),
            ending.now.millis().into(),
        ],
    )
}

/// Ends a run. No row means that it was not this owner's any more.
pub fn end(run: RunId, epoch: i64, ending: &Ending<'_>) -> Statement {
    Statement::new(
        "UPDATE runs SET status = ?3, last_seq = ?4, error_code = ?5, usage = ?6, ended_at = ?7, lease_expires_at = 0,
                text = CASE WHEN message_id IS NULL THEN ?8 END
         WHERE id = ?1 AND epoch = ?2 AND ended_at IS NULL RETURNING id",
        [
            run.to_string().into(),
            epoch.into(),
            ending.status.as_str().into(),
            seq(ending.last_seq).into(),
            ending.error_code.into(),
            ending.usage.into(),
            ending.now.millis().into(),
            ending.keeps_text.then_some(ending.text).into(),
        ],
    )
}

/// Asks the owner, wherever it is, to stop.
pub fn ask_to_stop(key: RunKey, point: StopPoint) -> Statement {
    let point = match point {
        StopPoint::Now => "now".to_owned(),
        StopPoint::Seq(seq) => format!("seq:{seq}"),
        StopPoint::Length(length) => format!("length:{length}"),
    };
    Statement::new(
        "UPDATE runs SET stop_point = ?3 WHERE id = ?1 AND user_id = ?2 AND ended_at IS NULL AND stop_point IS NULL",
        [key.run.to_string().into(), key.user.to_string().into(), point.into()],
    )
}

/// Reads what [`ask_to_stop`] wrote.
pub fn parse_stop_point(text: &str) -> Option<StopPoint> {
    match text.split_once(':') {
        None => (text == "now").then_some(StopPoint::Now),
        Some(("seq", n)) => n.parse().ok().map(StopPoint::Seq),
        Some(("length", n)) => n.parse().ok().map(StopPoint::Length),
        Some(_) => None,
    }
}

/// An event's number as the store has it.
pub fn seq(seq: Seq) -> i64 {
    i64::try_from(seq).unwrap_or(1 << 53)
}
