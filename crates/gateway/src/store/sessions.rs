//! Sessions: one row is one refresh family.

use domain::{
    SessionId, Timestamp, UserId,
    account::{Device, Session},
    permission::Role,
};
use ports::{DatabaseError, Outcome, Statement};

use super::users::bad_id;

/// A new session whose first token was given out.
pub fn insert(
    id: SessionId,
    user: UserId,
    device: &Device,
    authenticated_at: Timestamp,
    now: Timestamp,
    idle_at: Timestamp,
    expires_at: Timestamp,
) -> Statement {
    Statement::new(
        "INSERT INTO sessions (id, user_id, counter, rotated_at, user_agent, created_at, last_used_at, idle_at, expires_at,
                               authenticated_at, device_name, platform, address, country)
         VALUES (?1, ?2, 1, ?4, ?3, ?4, ?4, ?5, ?6, ?11, ?7, ?8, ?9, ?10)",
        [
            id.to_string().into(),
            user.to_string().into(),
            device.user_agent.as_deref().into(),
            now.millis().into(),
            idle_at.millis().into(),
            expires_at.millis().into(),
            device.name.as_deref().into(),
            device.platform.as_deref().into(),
            device.address.map(|address| address.to_string()).into(),
            device.country.as_deref().into(),
            authenticated_at.millis().into(),
        ],
    )
}

/// From where a user had sessions since then that call their device by this name and platform: different ones, the last used
/// first, a bounded number. Looks at those that are open and at the latest of those that are over.
pub fn places(user: UserId, device: &Device, since: Timestamp) -> Statement {
    Statement::new(
        "SELECT user_agent, address, country FROM (
           SELECT * FROM (
             SELECT user_agent, address, country, device_name, platform, last_used_at FROM sessions
             WHERE user_id = ?1 AND ended_at IS NULL ORDER BY last_used_at DESC LIMIT 1000)
           UNION ALL
           SELECT * FROM (
             SELECT user_agent, address, country, device_name, platform, last_used_at FROM sessions
             WHERE user_id = ?1 AND ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT 500))
         WHERE last_used_at >= ?2 AND device_name IS ?3 AND platform IS ?4
         GROUP BY user_agent, address, country ORDER BY max(last_used_at) DESC LIMIT 200",
        [
            user.to_string().into(),
            since.millis().into(),
            device.name.as_deref().into(),
            device.platform.as_deref().into(),
        ],
    )
}

/// The same of fewer sessions of whoever has an address, and of none that ended because somebody wanted the device out. For an address
/// that nobody has it is the same statement.
pub fn places_of(email: &str, device: &Device, since: Timestamp) -> Statement {
    Statement::new(
        "SELECT user_agent, address, country FROM (
           SELECT * FROM (
             SELECT user_agent, address, country, device_name, platform, last_used_at FROM sessions
             WHERE user_id = (SELECT id FROM users WHERE email = ?1) AND ended_at IS NULL
             ORDER BY last_used_at DESC LIMIT 50)
           UNION ALL
           SELECT * FROM (
             SELECT user_agent, address, country, device_name, platform, last_used_at FROM sessions
             WHERE user_id = (SELECT id FROM users WHERE email = ?1) AND ended_at IS NOT NULL
               AND ended_reason IN ('logout', 'expired', 'too_many_sessions')
             ORDER BY ended_at DESC LIMIT 50))
         WHERE last_used_at >= ?2 AND device_name IS ?3 AND platform IS ?4",
        [email.into(), since.millis().into(), device.name.as_deref().into(), device.platform.as_deref().into()],
    )
}

/// Decodes [`places`] and [`places_of`], of such a device.
pub fn decode_places(outcome: &Outcome, device: &Device) -> Result<Vec<Device>, DatabaseError> {
    let place = |row: &ports::Row| {
        Ok(Device {
            user_agent: row.maybe_text(0)?.map(str::to_owned),
            address: row.maybe_text(1)?.and_then(|address| address.parse().ok()),
            country: row.maybe_text(2)?.map(str::to_owned),
            ..device.clone()
        })
    };
    outcome.rows.iter().map(place).collect()
}

/// How often the token before the newest may come again.
///
/// Both statements that ask compute the `degree` of what comes now: 0 takes the newest token, 1 repeats at once from the same
/// place, 2 repeats later, 3 repeats from another place. `…_now` are rotations in a row that were repeated, this one included.
#[derive(Clone, Copy, Debug)]
pub struct RepeatLimits<'a> {
    /// Not once the rotation lies before this.
    pub since: Timestamp,
    /// From the same place it does not count unless the rotation lies before this.
    pub counts_since: Timestamp,
    /// The rotation in a row whose token comes again that is too many.
    pub most: i64,
    /// The same of rotations whose token comes again from another place.
    pub most_apart: i64,
    /// The place that the token comes from now.
    pub from: &'a str,
}

/// Takes token `number`. The newest moves the counter on; the one before it leaves the counter where it is, within the
/// limits of repeats. One statement, so that two refreshes at once get the same answer. Who may not use the
/// account any more gets none. What the device tells anew is kept, what it does not tell stays.
pub fn advance(
    id: SessionId,
    number: i64,
    now: Timestamp,
    idle_at: Timestamp,
    repeats: RepeatLimits<'_>,
    device: &Device,
) -> Statement {
    Statement::new(
        "UPDATE sessions
         SET rotated_at = CASE degree WHEN 0 THEN ?5 ELSE rotated_at END,
             rotated_from = CASE degree WHEN 0 THEN ?3 ELSE rotated_from END,
             repeats = CASE degree WHEN 0 THEN repeats * (repeated > 0) ELSE repeats_now END,
             repeats_apart = CASE degree WHEN 0 THEN repeats_apart * (repeated > 0) ELSE repeats_apart_now END,
             repeated = CASE degree WHEN 0 THEN 0 ELSE max(repeated, degree) END,
             counter = max(counter, ?2 + 1), last_used_at = ?5, idle_at = ?6,
             user_agent = coalesce(?7, user_agent), device_name = coalesce(?8, device_name),
             platform = coalesce(platform, ?9),
             country = CASE WHEN ?10 IS NULL THEN country ELSE ?11 END, address = coalesce(?10, address)
         FROM (SELECT degree, repeats + (degree >= 2 AND repeated < 2) AS repeats_now,
                      repeats_apart + (degree = 3 AND repeated < 3) AS repeats_apart_now
               FROM (SELECT repeated, repeats, repeats_apart,
                            CASE WHEN counter = ?2 THEN 0 WHEN rotated_from <> ?3 THEN 3
                                 WHEN rotated_at < ?4 THEN 2 ELSE 1 END AS degree
                     FROM sessions WHERE id = ?1))
         WHERE id = ?1 AND ended_at IS NULL AND idle_at > ?5 AND expires_at > ?5
           AND (counter = ?2 OR (counter = ?2 + 1 AND rotated_at >= ?12 AND repeats_now < ?13 AND repeats_apart_now < ?14))
           AND EXISTS (SELECT 1 FROM users WHERE users.id = sessions.user_id AND users.standing = 'active')
         RETURNING id, user_id, counter, generation, authenticated_at,
                   (SELECT role FROM users WHERE users.id = sessions.user_id) AS role,
                   (SELECT email_verified_at IS NOT NULL FROM users WHERE users.id = sessions.user_id) AS email_verified",
        [
            id.to_string().into(),
            number.into(),
            repeats.from.into(),
            repeats.counts_since.millis().into(),
            now.millis().into(),
            idle_at.millis().into(),
            device.user_agent.as_deref().into(),
            device.name.as_deref().into(),
            device.platform.as_deref().into(),
            device.address.map(|address| address.to_string()).into(),
            device.country.as_deref().into(),
            repeats.since.millis().into(),
            repeats.most.into(),
            repeats.most_apart.into(),
        ],
    )
}

/// An open session of a user, as it stands.
pub fn open_one(id: SessionId, user: UserId) -> Statement {
    Statement::new(
        "SELECT id, user_id, counter, generation, authenticated_at,
                (SELECT role FROM users WHERE users.id = sessions.user_id) AS role,
                (SELECT email_verified_at IS NOT NULL FROM users WHERE users.id = sessions.user_id) AS email_verified
         FROM sessions WHERE id = ?1 AND user_id = ?2 AND ended_at IS NULL",
        [id.to_string().into(), user.to_string().into()],
    )
}

/// Whether a session is open, and its user active and of this role: a row says so.
pub fn stands(id: SessionId, user: UserId, role: Role) -> Statement {
    Statement::new(
        "SELECT sessions.id AS session_id FROM sessions JOIN users ON users.id = sessions.user_id
         WHERE sessions.id = ?1 AND users.id = ?2 AND sessions.ended_at IS NULL AND users.standing = 'active' AND users.role = ?3",
        [id.to_string().into(), user.to_string().into(), role.as_str().into()],
    )
}

/// The user of a session proved again to be there, at `proved_at`; what was proved later stays. Returns what [`advance`] does.
pub fn authenticate(id: SessionId, user: UserId, proved_at: Timestamp, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE sessions SET authenticated_at = max(authenticated_at, ?4), last_used_at = ?3
         WHERE id = ?1 AND user_id = ?2 AND ended_at IS NULL AND expires_at > ?3
           AND EXISTS (SELECT 1 FROM users WHERE users.id = sessions.user_id AND users.standing = 'active')
         RETURNING id, user_id, counter, generation, authenticated_at,
                   (SELECT role FROM users WHERE users.id = sessions.user_id) AS role,
                   (SELECT email_verified_at IS NOT NULL FROM users WHERE users.id = sessions.user_id) AS email_verified",
        [id.to_string().into(), user.to_string().into(), now.millis().into(), proved_at.millis().into()],
    )
}

/// Decodes [`advance`], [`open_one`] and [`authenticate`].
pub fn decode(outcome: &Outcome) -> Result<Option<Session>, DatabaseError> {
    let Some(row) = outcome.rows.first() else { return Ok(None) };
    Ok(Some(Session {
        id: SessionId::parse(row.text(0)?).ok_or_else(|| bad_id("sessions"))?,
        user: UserId::parse(row.text(1)?).ok_or_else(|| bad_id("sessions"))?,
        counter: row.integer(2)?,
        generation: row.integer(3)?,
        authenticated_at: Timestamp::from_millis(row.integer(4)?),
        role: Role::parse(row.text(5)?).ok_or_else(|| bad_id("users.role"))?,
        email_verified: row.integer(6)? != 0,
    }))
}

/// Ends an open session whose token `number` was used before: a later one was used since, or it comes again beyond the limits of
/// repeats. Returns the session; no row: it was not.
pub fn end_if_reused(id: SessionId, number: i64, now: Timestamp, repeats: RepeatLimits<'_>) -> Statement {
    Statement::new(
        "UPDATE sessions SET ended_at = ?5, ended_reason = 'refresh_token_reused'
         FROM (SELECT degree, repeats + (degree >= 2 AND repeated < 2) AS repeats_now,
                      repeats_apart + (degree = 3 AND repeated < 3) AS repeats_apart_now
               FROM (SELECT repeated, repeats, repeats_apart,
                            CASE WHEN counter = ?2 THEN 0 WHEN rotated_from <> ?3 THEN 3
                                 WHEN rotated_at < ?4 THEN 2 ELSE 1 END AS degree
                     FROM sessions WHERE id = ?1))
         WHERE id = ?1 AND ended_at IS NULL AND idle_at > ?5 AND expires_at > ?5
           AND (counter > ?2 + 1
                OR (counter = ?2 + 1 AND (rotated_at < ?6 OR repeats_now >= ?7 OR repeats_apart_now >= ?8)))
         RETURNING id, user_id, device_name, platform, user_agent, address, country, created_at, last_used_at, idle_at,
                   expires_at",
        [
            id.to_string().into(),
            number.into(),
            repeats.from.into(),
            repeats.counts_since.millis().into(),
            now.millis().into(),
            repeats.since.millis().into(),
            repeats.most.into(),
            repeats.most_apart.into(),
        ],
    )
}

/// A session as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSession {
    /// The id.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The device, as it was seen last.
    pub device: SeenDevice,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was refreshed last.
    pub last_used_at: Timestamp,
    /// When it ends unless it is used.
    pub idle_at: Timestamp,
    /// When it ends, used or not.
    pub expires_at: Timestamp,
}

/// What is stored of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenDevice {
    /// The name that its owner knows it by.
    pub name: Option<String>,
    /// `ios`, `android`, …
    pub platform: Option<String>,
    /// The `User-Agent`.
    pub user_agent: Option<String>,
    /// The address.
    pub address: Option<String>,
    /// The country.
    pub country: Option<String>,
}

/// The open sessions of a user, the one that was used last first.
pub fn open_of(user: UserId, now: Timestamp) -> Statement {
    Statement::new(
        "SELECT id, user_id, device_name, platform, user_agent, address, country, created_at, last_used_at, idle_at,
                expires_at
         FROM sessions WHERE user_id = ?1 AND ended_at IS NULL AND idle_at > ?2 AND expires_at > ?2
         ORDER BY last_used_at DESC, id DESC LIMIT 1000",
        [user.to_string().into(), now.millis().into()],
    )
}

/// Decodes the eleven columns of [`open_of`] and [`end_if_reused`].
pub fn decode_open(outcome: &Outcome) -> Result<Vec<OpenSession>, DatabaseError> {
    let mut sessions = Vec::with_capacity(outcome.rows.len());
    for row in &outcome.rows {
        let text = |at| row.maybe_text(at).map(|text| text.map(str::to_owned));
        let time = |at| row.integer(at).map(Timestamp::from_millis);
        sessions.push(OpenSession {
            id: SessionId::parse(row.text(0)?).ok_or_else(|| bad_id("sessions"))?,
            user: UserId::parse(row.text(1)?).ok_or_else(|| bad_id("sessions"))?,
            device: SeenDevice {
                name: text(2)?,
                platform: text(3)?,
                user_agent: text(4)?,
                address: text(5)?,
                country: text(6)?,
            },
            created_at: time(7)?,
            last_used_at: time(8)?,
            idle_at: time(9)?,
            expires_at: time(10)?,
        });
    }
    Ok(sessions)
}

/// Ends the open sessions of a user beyond the `keep` that were used last. Returns the ids of the ended ones.
pub fn end_beyond(user: UserId, keep: u32, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE sessions SET ended_at = ?2, ended_reason = 'too_many_sessions'
         WHERE id IN (SELECT id FROM (SELECT id, idle_at, expires_at, last_used_at FROM sessions
                                      WHERE user_id = ?1 AND ended_at IS NULL ORDER BY last_used_at DESC, id DESC LIMIT 1000)
                      WHERE idle_at > ?2 AND expires_at > ?2
                      ORDER BY last_used_at DESC, id DESC LIMIT -1 OFFSET ?3)
         RETURNING id",
        [user.to_string().into(), now.millis().into(), i64::from(keep).into()],
    )
}

/// Notes of a user's sessions that ran out that they are over: at most `limit`, those that were used longest ago first.
pub fn end_expired(user: UserId, now: Timestamp, limit: i64) -> Statement {
    Statement::new(
        "UPDATE sessions SET ended_at = min(idle_at, expires_at), ended_reason = 'expired'
         WHERE id IN (SELECT id FROM sessions
                      WHERE user_id = ?1 AND ended_at IS NULL AND (idle_at <= ?2 OR expires_at <= ?2)
                      ORDER BY last_used_at LIMIT ?3)",
        [user.to_string().into(), now.millis().into(), limit.into()],
    )
}

/// Deletes some sessions of a user that are over, at most `limit`: since before `since`, or beyond the latest `keep`.
pub fn forget(user: UserId, since: Timestamp, keep: i64, limit: i64) -> Statement {
    Statement::new(
        "DELETE FROM sessions
         WHERE id IN (SELECT id FROM sessions
                      WHERE user_id = ?1
                        AND ended_at < max(?2, coalesce((SELECT ended_at FROM sessions
                                                         WHERE user_id = ?1 AND ended_at IS NOT NULL
                                                         ORDER BY ended_at DESC LIMIT 1 OFFSET ?3 - 1), 0))
                      ORDER BY ended_at LIMIT ?4)",
        [user.to_string().into(), since.millis().into(), keep.into(), limit.into()],
    )
}

/// Ends a session of a user. No row: there was none to end.
pub fn end(id: SessionId, user: UserId, reason: &'static str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE sessions SET ended_at = ?3, ended_reason = ?4
         WHERE id = ?1 AND user_id = ?2 AND ended_at IS NULL RETURNING id",
        [id.to_string().into(), user.to_string().into(), now.millis().into(), reason.into()],
    )
}

/// Ends every session of a user, but for one that may stay. Returns the ids of the ended ones.
pub fn end_all(user: UserId, except: Option<SessionId>, reason: &'static str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE sessions SET ended_at = ?2, ended_reason = ?3
         WHERE user_id = ?1 AND ended_at IS NULL AND (?4 IS NULL OR id <> ?4) RETURNING id",
        [user.to_string().into(), now.millis().into(), reason.into(), except.map(|session| session.to_string()).into()],
    )
}

/// Makes the access tokens of a user's open sessions worthless; the next refresh brings new ones. Returns ids and the new
/// generations.
pub fn outdate_all(user: UserId) -> Statement {
    Statement::new(
        "UPDATE sessions SET generation = generation + 1 WHERE user_id = ?1 AND ended_at IS NULL RETURNING id, generation",
        [user.to_string().into()],
    )
}

/// The generation of an open session.
pub fn generation(id: SessionId) -> Statement {
    Statement::new("SELECT generation FROM sessions WHERE id = ?1 AND ended_at IS NULL", [id.to_string().into()])
}

/// Decodes [`generation`]. `None`: it has ended.
pub fn decode_generation(outcome: &Outcome) -> Result<Option<i64>, DatabaseError> {
    outcome.rows.first().map(|row| row.integer(0)).transpose()
}

/// Sessions of a user that have ended and were used since (so they ended since): their access tokens may not have expired. A
/// bounded number.
pub fn ended_since(user: UserId, since: Timestamp) -> Statement {
    Statement::new(
        "SELECT id FROM sessions WHERE user_id = ?1 AND ended_at >= ?2 AND last_used_at >= ?2
         ORDER BY ended_at DESC LIMIT 1000",
        [user.to_string().into(), since.millis().into()],
    )
}

/// A session as its user may see it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The id.
    pub id: SessionId,
    /// The device.
    pub device_name: Option<String>,
    /// What it runs.
    pub platform: Option<String>,
    /// The `User-Agent`.
    pub user_agent: Option<String>,
    /// Where it was.
    pub address: Option<String>,
    /// In which country.
    pub country: Option<String>,
    /// When it signed in.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// When it ended before that.
    pub ended_at: Option<Timestamp>,
    /// Why.
    pub ended_reason: Option<String>,
}

/// A page of all sessions of a user, in the order of their ids, after this one.
pub fn records(user: UserId, after: &str) -> Statement {
    Statement::new(
        "SELECT id, device_name, platform, user_agent, address, country, created_at, last_used_at, expires_at, ended_at,
                ended_reason
         FROM sessions WHERE user_id = ?1 AND id > ?2 ORDER BY id LIMIT 100",
        [user.to_string().into(), after.into()],
    )
}

/// Decodes [`records`].
pub fn decode_records(outcome: &Outcome) -> Result<Vec<Record>, DatabaseError> {
    let one = |row: &ports::Row| {
        let text = |index| row.maybe_text(index).map(|text| text.map(str::to_owned));
        Ok(Record {
            id: SessionId::parse(row.text(0)?).ok_or_else(|| bad_id("sessions"))?,
            device_name: text(1)?,
            platform: text(2)?,
            user_agent: text(3)?,
            address: text(4)?,
            country: text(5)?,
            created_at: Timestamp::from_millis(row.integer(6)?),
            last_used_at: Timestamp::from_millis(row.integer(7)?),
            expires_at: Timestamp::from_millis(row.integer(8)?),
            ended_at: row.maybe_integer(9)?.map(Timestamp::from_millis),
            ended_reason: text(10)?,
        })
    };
    outcome.rows.iter().map(one).collect()
}

/// Decodes the ids that [`end`], [`end_all`], [`end_beyond`], [`outdate_all`] and [`ended_since`] return.
pub fn ids(outcome: &Outcome) -> Result<Vec<SessionId>, DatabaseError> {
    let id = |row: &ports::Row| SessionId::parse(row.text(0)?).ok_or_else(|| bad_id("sessions"));
    outcome.rows.iter().map(id).collect()
}
