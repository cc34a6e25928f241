//! What users say of themselves and how they want their app: one row a user that has said anything.

use domain::{Timestamp, UserId, permission::Role};
use ports::{DatabaseError, DatabaseErrorKind, Outcome, Statement};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::users::{address, bad_id};

/// What a user says of themselves. What is not said is not there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// What others call the user.
    pub display_name: Option<String>,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
    /// Where a picture is.
    pub avatar_url: Option<String>,
    /// A few words.
    pub bio: Option<String>,
    /// The birthday, `YYYY-MM-DD`.
    pub date_of_birth: Option<String>,
    /// What the user does for a living.
    pub profession: Option<String>,
    /// How the user came to know of the app.
    pub heard_from: Option<String>,
    /// A language tag.
    pub locale: Option<String>,
    /// A time zone of the IANA database.
    pub time_zone: Option<String>,
}

/// How a user wants the app. The server keeps it; apps act on it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// `system`, `light` or `dark`.
    pub theme: Option<String>,
    /// A language tag.
    pub language: Option<String>,
    /// The model of a request that names none.
    pub default_model: Option<String>,
    /// Whatever an app wants to keep.
    pub preferences: Map<String, Value>,
}

/// A user with everything they said.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The id.
    pub id: UserId,
    /// The small integer.
    pub number: i64,
    /// The address; a guest has none.
    pub email: Option<String>,
    /// When it was proved to be the user's.
    pub email_verified_at: Option<Timestamp>,
    /// What the account is.
    pub role: Role,
    /// The user name, if one was chosen.
    pub username: Option<String>,
    /// What the user says.
    pub details: Details,
    /// How the user wants the app.
    pub settings: Settings,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When the profile or the settings changed last.
    pub updated_at: Timestamp,
    /// When the user asked to be deleted.
    pub deletion_requested_at: Option<Timestamp>,
    /// When that will happen.
    pub deletion_scheduled_at: Option<Timestamp>,
}

/// The profile of a user.
pub fn by_user(user: UserId) -> Statement {
    Statement::new(
        "SELECT u.id, u.number, u.email, u.email_verified_at, u.role, p.username, p.details, p.settings, u.created_at,
                coalesce(p.updated_at, u.updated_at) AS updated_at, u.deletion_requested_at, u.deletion_scheduled_at
         FROM users u LEFT JOIN profiles p ON p.user_id = u.id WHERE u.id = ?1 AND u.standing <> 'deleted'",
        [user.to_string().into()],
    )
}

/// Changes the details by a merge patch, and with `renames` the user name. One that is taken violates `profiles.username`.
pub fn update(
    user: UserId,
    details: &Map<String, Value>,
    renames: bool,
    username: Option<&str>,
    now: Timestamp,
) -> Statement {
    Statement::new(
        "INSERT INTO profiles (user_id, username, details, updated_at)
         SELECT id, ?4, json_patch('{}', ?2), ?5 FROM users WHERE id = ?1 AND standing <> 'deleted'
         ON CONFLICT (user_id) DO UPDATE SET
           username = CASE WHEN ?3 THEN excluded.username ELSE profiles.username END,
           details = json_patch(profiles.details, ?2), updated_at = excluded.updated_at",
        [
            user.to_string().into(),
            json(details).into(),
            i64::from(renames).into(),
            username.into(),
            now.millis().into(),
        ],
    )
}

/// Changes the settings by a merge patch, unless the preferences would have more than `most` bytes. Returns the id of the user.
pub fn update_settings(user: UserId, settings: &Map<String, Value>, most: i64, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO profiles (user_id, settings, updated_at)
         SELECT id, json_patch('{}', ?2), ?4 FROM users WHERE id = ?1 AND standing <> 'deleted'
         ON CONFLICT (user_id) DO UPDATE SET
           settings = json_patch(profiles.settings, ?2), updated_at = excluded.updated_at
         WHERE length(CAST(coalesce(json_extract(json_patch(profiles.settings, ?2), '$.preferences'), '') AS BLOB)) <= ?3
         RETURNING user_id",
        [user.to_string().into(), json(settings).into(), most.into(), now.millis().into()],
    )
}

/// The profile of an imported account. A user name that is taken is left out. Returns the one that was not.
pub fn import(user: UserId, username: Option<&str>, details: &Map<String, Value>, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO profiles (user_id, username, details, updated_at)
         SELECT id, CASE WHEN EXISTS (SELECT 1 FROM profiles WHERE username = ?2) THEN NULL ELSE ?2 END,
                json_patch('{}', ?3), ?4
         FROM users WHERE id = ?1 RETURNING username",
        [user.to_string().into(), username.into(), json(details).into(), now.millis().into()],
    )
}

/// Whose profile has a user name: a row if anybody's has.
pub fn by_username(name: Option<&str>) -> Statement {
    Statement::new("SELECT user_id FROM profiles WHERE username = ?1", [name.into()])
}

/// Forgets the profile of a deleted account; its user name is free.
pub fn forget(user: UserId) -> Statement {
    Statement::new(
        "DELETE FROM profiles WHERE user_id = (SELECT id FROM users WHERE id = ?1 AND standing = 'deleted')",
        [user.to_string().into()],
    )
}

fn json(object: &Map<String, Value>) -> String {
    serde_json::to_string(object).unwrap_or_default()
}

/// Decodes [`by_user`].
pub fn decode(outcome: &Outcome) -> Result<Option<Profile>, DatabaseError> {
    let Some(row) = outcome.rows.first() else { return Ok(None) };
    let time = |index| row.maybe_integer(index).map(|millis| millis.map(Timestamp::from_millis));
    let bad = |_| DatabaseError::new(DatabaseErrorKind::Other, "profiles holds JSON that is none of ours");
    Ok(Some(Profile {
        id: UserId::parse(row.text(0)?).ok_or_else(|| bad_id("users"))?,
        number: row.integer(1)?,
        email: address(row.text(2)?),
        email_verified_at: time(3)?,
        role: Role::parse(row.text(4)?).ok_or_else(|| bad_id("users.role"))?,
        username: row.maybe_text(5)?.map(str::to_owned),
        details: serde_json::from_str(row.maybe_text(6)?.unwrap_or("{}")).map_err(bad)?,
        settings: serde_json::from_str(row.maybe_text(7)?.unwrap_or("{}")).map_err(bad)?,
        created_at: Timestamp::from_millis(row.integer(8)?),
        updated_at: Timestamp::from_millis(row.integer(9)?),
        deletion_requested_at: time(10)?,
        deletion_scheduled_at: time(11)?,
    }))
}
