//! Accounts as admins see and change them.
//!
//! That there is always an admin is kept by the statements: what would leave none violates the `CHECK` of `users.standing`, so
//! that nothing of its batch is kept, the event that would tell of it included.

use domain::{Timestamp, UserId, account::Standing, permission::Role};
use ports::{DatabaseError, Outcome, Statement};

use super::users::{NO_EMAIL, bad_id};

/// An account as admins see it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The id.
    pub id: UserId,
    /// The small integer that names it as well; later accounts have greater ones.
    pub number: i64,
    /// The address; a guest has none.
    pub email: Option<String>,
    /// When the address was proved to be theirs.
    pub email_verified_at: Option<Timestamp>,
    /// What the account is.
    pub role: Role,
    /// Whether it may be used.
    pub standing: Standing,
    /// Whether it has a password.
    pub has_password: bool,
    /// Whether the password no longer signs in until another one is set.
    pub must_change_password: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// The sessions that are open.
    pub sessions: i64,
    /// When a session was last opened.
    pub last_sign_in_at: Option<Timestamp>,
    /// When a session was last opened or refreshed.
    pub last_seen_at: Option<Timestamp>,
    /// The API keys.
    pub api_keys: i64,
    /// The providers whose identities are linked.
    pub identities: Vec<String>,
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// A part of the address, in lower case, or an id.
    pub text: Option<String>,
    /// Only this role.
    pub role: Option<Role>,
    /// Only this standing; those that are not deleted if there is none.
    pub standing: Option<Standing>,
    /// Only accounts whose number is less.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: i64,
}

/// What to change; what is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// What the account is.
    pub role: Option<Role>,
    /// Whether it may be used.
    pub standing: Option<Standing>,
    /// Whether the password no longer signs in until another one is set.
    pub must_change_password: Option<bool>,
    /// That the address is theirs.
    pub verify_email: bool,
}

/// One more than a page, the newest account first.
pub fn page(search: &Search, now: Timestamp) -> Statement {
    Statement::new(
        "SELECT id, number, email, email_verified_at, role, standing, password_hash <> '' AS has_password,
                must_change_password, created_at,
                (SELECT count(*) FROM sessions WHERE user_id = users.id AND ended_at IS NULL AND idle_at > ?1 AND expires_at > ?1)
                  AS open_sessions,
                (SELECT created_at FROM sessions WHERE user_id = users.id ORDER BY id DESC LIMIT 1) AS last_sign_in_at,
                (SELECT max(last_used_at) FROM sessions WHERE user_id = users.id) AS last_seen_at,
                (SELECT count(*) FROM api_keys WHERE user_id = users.id) AS keys,
                (SELECT group_concat(provider, ' ') FROM identities WHERE user_id = users.id) AS providers
         FROM users
         WHERE number < ?2
           AND (?3 IS NULL OR id = ?3 OR (instr(email, ?3) > 0 AND substr(email, 1, length(?4)) <> ?4))
           AND (?5 IS NULL OR role = ?5)
           AND standing IN (coalesce(?6, 'active'), coalesce(?6, 'suspended'))
         ORDER BY number DESC LIMIT ?7 + 1",
        [
            now.millis().into(),
            search.before.unwrap_or(1 << 53).into(),
            search.text.as_deref().into(),
            NO_EMAIL.into(),
            search.role.map(Role::as_str).into(),
            search.standing.map(Standing::as_str).into(),
            search.limit.into(),
        ],
    )
}

/// An account by id, a deleted one as well.
pub fn by_id(id: UserId, now: Timestamp) -> Statement {
    Statement::new(
        "SELECT id, number, email, email_verified_at, role, standing, password_hash <> '' AS has_password,
                must_change_password, created_at,
                (SELECT count(*) FROM sessions WHERE user_id = users.id AND ended_at IS NULL AND idle_at > ?1 AND expires_at > ?1)
                  AS open_sessions,
                (SELECT created_at FROM sessions WHERE user_id = users.id ORDER BY id DESC LIMIT 1) AS last_sign_in_at,
                (SELECT max(last_used_at) FROM sessions WHERE user_id = users.id) AS last_seen_at,
                (SELECT count(*) FROM api_keys WHERE user_id = users.id) AS keys,
                (SELECT group_concat(provider, ' ') FROM identities WHERE user_id = users.id) AS providers
         FROM users WHERE id = ?2",
        [now.millis().into(), id.to_string().into()],
    )
}

/// Decodes the fourteen columns of [`page`] and [`by_id`].
pub fn decode(outcome: &Outcome) -> Result<Vec<Account>, DatabaseError> {
    let time = |millis: Option<i64>| millis.map(Timestamp::from_millis);
    let account = |row: &ports::Row| {
        Ok(Account {
            id: UserId::parse(row.text(0)?).ok_or_else(|| bad_id("users"))?,
            number: row.integer(1)?,
            email: Some(row.text(2)?.to_owned()).filter(|email| !email.starts_with(NO_EMAIL)),
            email_verified_at: time(row.maybe_integer(3)?),
            role: Role::parse(row.text(4)?).ok_or_else(|| bad_id("users.role"))?,
            standing: Standing::parse(row.text(5)?).ok_or_else(|| bad_id("users.standing"))?,
            has_password: row.integer(6)? != 0,
            must_change_password: row.integer(7)? != 0,
            created_at: Timestamp::from_millis(row.integer(8)?),
            sessions: row.integer(9)?,
            last_sign_in_at: time(row.maybe_integer(10)?),
            last_seen_at: time(row.maybe_integer(11)?),
            api_keys: row.integer(12)?,
            identities: {
                let mut providers: Vec<_> =
                    row.maybe_text(13)?.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
                providers.sort_unstable();
                providers
            },
        })
    };
    outcome.rows.iter().map(account).collect()
}

/// Changes an account that is not deleted; returns its id. What would leave no admin, or make one of an address that was never
/// proved, violates a `CHECK`.
pub fn change(id: UserId, change: Change, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users SET
           role = CASE WHEN ?2 = 'admin' AND role <> 'admin' AND email_verified_at IS NULL AND ?5 = 0 THEN 'unproved'
                       ELSE coalesce(?2, role) END,
           standing = CASE WHEN role <> 'admin' OR standing <> 'active'
                             OR (coalesce(?2, role) = 'admin' AND coalesce(?3, standing) = 'active')
                             OR EXISTS (SELECT 1 FROM users AS others
                                        WHERE others.role = 'admin' AND others.standing = 'active' AND others.id <> ?1)
                           THEN coalesce(?3, standing) ELSE 'no admin left' END,
           must_change_password = coalesce(?4, must_change_password),
           credential_generation = credential_generation + 1,
           email_verified_at = CASE WHEN ?5 = 0 THEN email_verified_at ELSE coalesce(email_verified_at, ?6) END,
           updated_at = ?6
         WHERE id = ?1 AND standing <> 'deleted' RETURNING id",
        [
            id.to_string().into(),
            change.role.map(Role::as_str).into(),
            change.standing.map(Standing::as_str).into(),
            change.must_change_password.map(i64::from).into(),
            i64::from(change.verify_email).into(),
            now.millis().into(),
        ],
    )
}

/// Deletes an account that is not deleted; returns its id. Its address is free from then on. What would leave no admin violates a
/// `CHECK`.
pub fn delete(id: UserId, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users SET
           standing = CASE WHEN role <> 'admin' OR standing <> 'active'
                             OR EXISTS (SELECT 1 FROM users AS others
                                        WHERE others.role = 'admin' AND others.standing = 'active' AND others.id <> ?1)
                           THEN 'deleted' ELSE 'no admin left' END,
           email = ?3 || id, email_verified_at = NULL, password_hash = '', updated_at = ?2
         WHERE id = ?1 AND standing <> 'deleted' RETURNING id",
        [id.to_string().into(), now.millis().into(), NO_EMAIL.into()],
    )
}

/// Makes a user with a proved address the admin where there is none. Where there is one it violates the `CHECK` of `users.role`.
pub fn promote_first(id: UserId, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE users SET updated_at = ?2,
           role = CASE WHEN standing = 'active' AND email_verified_at IS NOT NULL
                         AND NOT EXISTS (SELECT 1 FROM users AS others WHERE others.role = 'admin' AND others.standing = 'active')
                       THEN 'admin' ELSE 'there is one' END
         WHERE id = ?1 RETURNING id",
        [id.to_string().into(), now.millis().into()],
    )
}

/// Fails where there is an admin already, with the `CHECK` of `users.role`: what follows it in a batch happens only where there is
/// none. Changes nothing.
pub fn demand_no_admin() -> Statement {
    Statement::new(
        "UPDATE users SET role = 'there is one'
         WHERE id = (SELECT others.id FROM users AS others WHERE others.role = 'admin' AND others.standing = 'active' LIMIT 1)",
        [],
    )
}

/// Whether there is an admin: a row if so.
pub fn any_admin() -> Statement {
    Statement::new("SELECT id FROM users WHERE role = 'admin' AND standing = 'active' LIMIT 1", [])
}
