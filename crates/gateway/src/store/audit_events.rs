//! Security events.

use domain::{EventId, SessionId, Timestamp, UserId, account::Device};
use ports::{DatabaseError, Outcome, Statement, Value};

use super::users::bad_id;

/// An event about to be written.
pub struct NewEvent<'a> {
    /// The id.
    pub id: EventId,
    /// Whose account it is about, if it is anybody's.
    pub user: Option<UserId>,
    /// Who did it, if not the user.
    pub actor: Option<UserId>,
    /// What was done.
    pub action: &'a str,
    /// Whether it was.
    pub succeeded: bool,
    /// A word more.
    pub detail: Option<&'a str>,
    /// In which session.
    pub session: Option<SessionId>,
    /// From where.
    pub device: &'a Device,
    /// When.
    pub now: Timestamp,
}

/// Writes one.
pub fn insert(event: &NewEvent<'_>) -> Statement {
    Statement::new(
        "INSERT INTO audit_events
           (id, user_id, actor_id, action, outcome, detail, session_id, device, address, country, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        columns(event),
    )
}

/// Writes one if the statement before it in the batch changed a row.
pub fn insert_if_changed(event: &NewEvent<'_>) -> Statement {
    Statement::new(
        "INSERT INTO audit_events
           (id, user_id, actor_id, action, outcome, detail, session_id, device, address, country, created_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 WHERE changes() > 0",
        columns(event),
    )
}

fn columns(event: &NewEvent<'_>) -> [Value; 11] {
    let device = event.device.name.as_deref().or(event.device.user_agent.as_deref());
    [
        event.id.to_string().into(),
        event.user.map(|user| user.to_string()).into(),
        event.actor.map(|user| user.to_string()).into(),
        event.action.into(),
        if event.succeeded { SUCCESS } else { FAILURE }.into(),
        event.detail.into(),
        event.session.map(|session| session.to_string()).into(),
        device.into(),
        event.device.address.map(|address| address.to_string()).into(),
        event.device.country.as_deref().into(),
        event.now.millis().into(),
    ]
}

/// An event as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// The id; later ones are greater.
    pub id: EventId,
    /// Whose account it is about, if it is anybody's.
    pub user: Option<UserId>,
    /// Who did it, if not the user.
    pub actor: Option<UserId>,
    /// What was done.
    pub action: String,
    /// Whether it was.
    pub succeeded: bool,
    /// A word more.
    pub detail: Option<String>,
    /// In which session.
    pub session: Option<SessionId>,
    /// The name of the device, or its `User-Agent`.
    pub device: Option<String>,
    /// The address.
    pub address: Option<String>,
    /// The country (ISO 3166-1 alpha-2).
    pub country: Option<String>,
    /// When.
    pub created_at: Timestamp,
}

/// One more than a page, latest first: of everybody or about one user's account, older than the event `before`, written since.
pub fn page(user: Option<UserId>, since: Timestamp, before: Option<EventId>, limit: i64) -> Statement {
    let before = before.map_or_else(|| AFTER_ALL.to_owned(), |event| event.to_string());
    let since = first_of(since).to_string();
    match user {
        None => Statement::new(
            "SELECT id, user_id, actor_id, action, outcome, detail, session_id, device, address, country, created_at
             FROM audit_events WHERE id < ?1 AND id >= ?2 ORDER BY id DESC LIMIT ?3 + 1",
            [before.into(), since.into(), limit.into()],
        ),
        Some(user) => Statement::new(
            "SELECT id, user_id, actor_id, action, outcome, detail, session_id, device, address, country, created_at
             FROM audit_events WHERE user_id = ?4 AND id < ?1 AND id >= ?2 ORDER BY id DESC LIMIT ?3 + 1",
            [before.into(), since.into(), limit.into(), user.to_string().into()],
        ),
    }
}

/// Like [`page`], of one kind only.
pub fn page_of(action: &str, user: Option<UserId>, since: Timestamp, before: Option<EventId>, limit: i64) -> Statement {
    let before = before.map_or_else(|| AFTER_ALL.to_owned(), |event| event.to_string());
    Statement::new(
        "SELECT id, user_id, actor_id, action, outcome, detail, session_id, device, address, country, created_at
         FROM audit_events WHERE action = ?4 AND (?5 IS NULL OR user_id = ?5) AND id < ?1 AND id >= ?2
         ORDER BY id DESC LIMIT ?3 + 1",
        [
            before.into(),
            first_of(since).to_string().into(),
            limit.into(),
            action.into(),
            user.map(|user| user.to_string()).into(),
        ],
    )
}

/// Decodes the eleven columns of [`page`], [`page_of`] and [`page_oldest`].
pub fn decode(outcome: &Outcome) -> Result<Vec<AuditEvent>, DatabaseError> {
    let user = |text: Option<&str>| text.map(|text| UserId::parse(text).ok_or_else(|| bad_id("audit_events")));
    let session = |text: Option<&str>| text.map(|text| SessionId::parse(text).ok_or_else(|| bad_id("audit_events")));
    let mut events = Vec::with_capacity(outcome.rows.len());
    for row in &outcome.rows {
        events.push(AuditEvent {
            id: EventId::parse(row.text(0)?).ok_or_else(|| bad_id("audit_events"))?,
            user: user(row.maybe_text(1)?).transpose()?,
            actor: user(row.maybe_text(2)?).transpose()?,
            action: row.text(3)?.to_owned(),
            succeeded: row.text(4)? == SUCCESS,
            detail: row.maybe_text(5)?.map(str::to_owned),
            session: session(row.maybe_text(6)?).transpose()?,
            device: row.maybe_text(7)?.map(str::to_owned),
            address: row.maybe_text(8)?.map(str::to_owned),
            country: row.maybe_text(9)?.map(str::to_owned),
            created_at: Timestamp::from_millis(row.integer(10)?),
        });
    }
    Ok(events)
}

/// Deletes some of what was written before `since`, the oldest first and at most `limit`: everybody's, so that the log of who
/// never comes back goes too.
pub fn expire(since: Timestamp, limit: i64) -> Statement {
    Statement::new(
        "DELETE FROM audit_events WHERE id IN (SELECT id FROM audit_events WHERE id < ?1 ORDER BY id LIMIT ?2)",
        [first_of(since).to_string().into(), limit.into()],
    )
}

/// A page of all events about a user, oldest first, after this one.
pub fn page_oldest(user: UserId, after: &str) -> Statement {
    Statement::new(
        "SELECT id, user_id, actor_id, action, outcome, detail, session_id, device, address, country, created_at
         FROM audit_events WHERE user_id = ?1 AND id > ?2 ORDER BY id LIMIT 100",
        [user.to_string().into(), after.into()],
    )
}

/// Leaves of a bounded number of events about an erased user only what happened, when, and which other user did it. Returns their
/// ids.
pub fn forget_user(user: UserId) -> Statement {
    Statement::new(
        "UPDATE audit_events SET user_id = NULL, actor_id = nullif(actor_id, user_id), detail = NULL, session_id = NULL,
                                 device = NULL, address = NULL, country = NULL
         WHERE id IN (SELECT id FROM audit_events WHERE user_id = ?1 LIMIT 500) RETURNING id",
        [user.to_string().into()],
    )
}

/// Leaves of a bounded number of events that an erased user brought about only what happened, to whom, and when. Returns their
/// ids.
pub fn forget_actor(user: UserId) -> Statement {
    Statement::new(
        "UPDATE audit_events SET actor_id = NULL, session_id = NULL, device = NULL, address = NULL, country = NULL
         WHERE id IN (SELECT id FROM audit_events WHERE actor_id = ?1 LIMIT 500) RETURNING id",
        [user.to_string().into()],
    )
}

/// No id that was made at this time or later is less: ids begin with their time.
fn first_of(time: Timestamp) -> EventId {
    EventId::new(time, [0; 10])
}

/// Greater than every id.
const AFTER_ALL: &str = "g";
/// The word of the store for what was done.
const SUCCESS: &str = "success";
/// The word of the store for what was not.
const FAILURE: &str = "failure";
