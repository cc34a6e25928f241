//! Second factors: authenticator apps.

use domain::{
    FactorId, Timestamp, UserId,
    factor::{Factor, FactorKind},
};
use ports::{DatabaseError, Outcome, Statement};

use super::users::bad_id;

/// An authenticator app as stored.
#[derive(Clone, Debug)]
pub struct App {
    /// The id.
    pub id: FactorId,
    /// The sealed secret.
    pub secret: String,
    /// The last step whose code was taken.
    pub step: i64,
}

/// An app about to be added. It does not count before it is confirmed.
pub struct NewApp<'a> {
    /// The id.
    pub id: FactorId,
    /// Whose.
    pub user: UserId,
    /// The name its owner gave it.
    pub name: Option<&'a str>,
    /// The sealed secret.
    pub secret: &'a str,
    /// When.
    pub now: Timestamp,
}

/// The factors of a user that count, oldest first.
pub fn of_user(user: UserId) -> Statement {
    Statement::new(
        "SELECT id, kind, name, created_at, last_used_at FROM factors
         WHERE user_id = ?1 AND confirmed_at IS NOT NULL ORDER BY id",
        [user.to_string().into()],
    )
}

/// Decodes [`of_user`].
pub fn decode(outcome: &Outcome) -> Result<Vec<Factor>, DatabaseError> {
    let factor = |row: &ports::Row| {
        Ok(Factor {
            id: FactorId::parse(row.text(0)?).ok_or_else(|| bad_id("factors"))?,
            kind: FactorKind::parse(row.text(1)?).ok_or_else(|| bad_id("factors.kind"))?,
            name: row.maybe_text(2)?.map(str::to_owned),
            created_at: Timestamp::from_millis(row.integer(3)?),
            last_used_at: row.maybe_integer(4)?.map(Timestamp::from_millis),
        })
    };
    outcome.rows.iter().map(factor).collect()
}

/// Takes away what a user began to add and did not confirm.
pub fn delete_unconfirmed(user: UserId) -> Statement {
    Statement::new(
        "DELETE FROM factors WHERE user_id = ?1 AND kind = 'totp' AND confirmed_at IS NULL",
        [user.to_string().into()],
    )
}

/// Adds an app, unless the user has `most` already. Returns the id.
pub fn insert_app(app: &NewApp<'_>, most: i64) -> Statement {
    Statement::new(
        "INSERT INTO factors (id, user_id, kind, name, secret, created_at)
         SELECT ?1, ?2, 'totp', ?3, ?4, ?5
         WHERE (SELECT count(*) FROM factors WHERE user_id = ?2 AND kind = 'totp') < ?6
         RETURNING id",
        [
            app.id.to_string().into(),
            app.user.to_string().into(),
            app.name.into(),
            app.secret.into(),
            app.now.millis().into(),
            most.into(),
        ],
    )
}

/// The app that a user began to add after `since`.
pub fn unconfirmed(user: UserId, since: Timestamp) -> Statement {
    Statement::new(
        "SELECT id, secret, counter FROM factors
         WHERE user_id = ?1 AND kind = 'totp' AND confirmed_at IS NULL AND created_at > ?2",
        [user.to_string().into(), since.millis().into()],
    )
}

/// The apps of a user that count.
pub fn apps(user: UserId) -> Statement {
    Statement::new(
        "SELECT id, secret, counter FROM factors
         WHERE user_id = ?1 AND kind = 'totp' AND confirmed_at IS NOT NULL ORDER BY id",
        [user.to_string().into()],
    )
}

/// Decodes [`unconfirmed`] and [`apps`].
pub fn decode_apps(outcome: &Outcome) -> Result<Vec<App>, DatabaseError> {
    let app = |row: &ports::Row| {
        Ok(App {
            id: FactorId::parse(row.text(0)?).ok_or_else(|| bad_id("factors"))?,
            secret: row.text(1)?.to_owned(),
            step: row.integer(2)?,
        })
    };
    outcome.rows.iter().map(app).collect()
}

/// Lets an app count, whose code of this step was shown. Returns the id; no row: it counts already.
pub fn confirm(id: FactorId, user: UserId, step: i64, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE factors SET confirmed_at = ?4, last_used_at = ?4, counter = ?3
         WHERE id = ?1 AND user_id = ?2 AND confirmed_at IS NULL RETURNING id",
        [id.to_string().into(), user.to_string().into(), step.into(), now.millis().into()],
    )
}

/// Takes the code of a step, and keeps the secret as it is sealed now, if that changed. Returns the id; no row: the step was taken
/// before.
pub fn take_step(id: FactorId, user: UserId, step: i64, resealed: Option<&str>, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE factors SET counter = ?3, last_used_at = ?5, secret = coalesce(?4, secret)
         WHERE id = ?1 AND user_id = ?2 AND counter < ?3 AND confirmed_at IS NOT NULL RETURNING id",
        [id.to_string().into(), user.to_string().into(), step.into(), resealed.into(), now.millis().into()],
    )
}

/// Takes a factor away. Returns its kind.
pub fn delete(id: FactorId, user: UserId) -> Statement {
    Statement::new(
        "DELETE FROM factors WHERE id = ?1 AND user_id = ?2 AND confirmed_at IS NOT NULL RETURNING kind",
        [id.to_string().into(), user.to_string().into()],
    )
}

/// Takes away the factors of a user that count. Returns their ids.
pub fn delete_confirmed(user: UserId) -> Statement {
    Statement::new(
        "DELETE FROM factors WHERE user_id = ?1 AND confirmed_at IS NOT NULL RETURNING id",
        [user.to_string().into()],
    )
}

/// Takes away all that has to do with a user's second factors.
pub fn delete_everything(user: UserId) -> [Statement; 5] {
    [
        "DELETE FROM factors WHERE user_id = ?1",
        "DELETE FROM recovery_codes WHERE user_id = ?1",
        "DELETE FROM trusted_devices WHERE user_id = ?1",
        "DELETE FROM challenges WHERE user_id = ?1",
        "DELETE FROM factor_guesses WHERE user_id = ?1",
    ]
    .map(|sql| Statement::new(sql, [user.to_string().into()]))
}
