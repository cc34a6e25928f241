//! Security events.

use domain::{EventId, SessionId, Timestamp, UserId, account::Device};
use ports::Statement;

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
    let device = event.device.name.as_deref().or(event.device.user_agent.as_deref());
    Statement::new(
        "INSERT INTO audit_events
           (id, user_id, actor_id, action, outcome, detail, session_id, device, address, country, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        [
            event.id.to_string().into(),
            event.user.map(|user| user.to_string()).into(),
            event.actor.map(|user| user.to_string()).into(),
            event.action.into(),
            if event.succeeded { "success" } else { "failure" }.into(),
            event.detail.into(),
            event.session.map(|session| session.to_string()).into(),
            device.into(),
            event.device.address.map(|address| address.to_string()).into(),
            event.device.country.as_deref().into(),
            event.now.millis().into(),
        ],
    )
}
