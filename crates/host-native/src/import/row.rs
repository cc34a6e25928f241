//! What a row says of a user, by the names that the five systems' tables (and this one's API) give their columns. No problem
//! repeats a value.

use domain::{
    Secret, Timestamp,
    account::{Email, Standing},
    permission::Role,
    profile,
};
use gateway::service::{
    import::{Account, check_hash},
    profiles,
};
use serde_json::{Map, Value};

use super::{moment, rows::Row};

/// The account of a row, and the columns whose values do not fit and are left out.
pub fn account(row: &Row, now: Timestamp) -> Result<(Account, Vec<&'static str>), String> {
    let row = Named::of(row);
    let email = row.text(&["email"]).ok_or("email: missing")?;
    let email = Email::parse(&email).ok_or("email: no e-mail address")?;
    let hash = row.text(&["passwordhash", "hashedpassword", "encryptedpassword"]).ok_or("password_hash: missing")?;
    check_hash(&hash).map_err(|problem| format!("password_hash: {problem}"))?;
    let created_at = row.moment("created_at", &["createdat", "datejoined"])?.unwrap_or(now).min(now);
    let verified = row.flag("email_verified", &["emailverified", "isverified"])?.unwrap_or(false);
    let verified_at = row.moment("email_verified_at", &["emailverifiedat", "emailconfirmedat"])?;
    let suspended = is_suspended(&row, now)?;
    let mut left_out = Vec::new();
    let username = row.text(&["username"]);
    let folded = username.as_deref().and_then(profile::username);
    if username.is_some() && folded.is_none() {
        left_out.push("username");
    }
    let account = Account {
        email,
        password_hash: Secret::new(hash),
        role: role(&row)?,
        standing: if suspended { Standing::Suspended } else { Standing::Active },
        email_verified_at: verified_at.or(verified.then_some(created_at)),
        created_at,
        username: folded,
        details: details(&row, now, &mut left_out),
    };
    Ok((account, left_out))
}

/// Whether the other system keeps the row of a user that it counts as deleted (Supabase's `deleted_at`).
pub fn is_deleted(row: &Row) -> bool {
    Named::of(row).text(&["deletedat"]).is_some()
}

/// Whether a user may not sign in there: `is_active`, or Supabase's `banned_until`.
fn is_suspended(row: &Named, now: Timestamp) -> Result<bool, String> {
    let active = row.flag("is_active", &["isactive"])?.unwrap_or(true);
    let for_ever = row.text(&["banneduntil"]).is_some_and(|until| until.eq_ignore_ascii_case("infinity"));
    let banned = for_ever || row.moment("banned_until", &["banneduntil"])?.is_some_and(|until| until > now);
    Ok(!active || banned)
}

/// `authenticated` is what Supabase calls everybody. Who has a password is no guest.
fn role(row: &Named) -> Result<Role, String> {
    if row.flag("is_admin", &["isadmin", "issuperuser"])? == Some(true) {
        return Ok(Role::Admin);
    }
    match row.text(&["role"]).map(|role| role.to_ascii_lowercase()).as_deref() {
        None | Some("user" | "guest" | "authenticated") => Ok(Role::User),
        Some("admin") => Ok(Role::Admin),
        Some(_) => Err("role: expected admin or user".into()),
    }
}

type Check = fn(&str, Timestamp) -> bool;

fn details(row: &Named, now: Timestamp, left_out: &mut Vec<&'static str>) -> Map<String, Value> {
    let line: Check = |text, _| !text.chars().any(char::is_control);
    let text: Check = |text, _| !text.contains('\0');
    let picture: Check = |text, _| profile::is_picture_url(text);
    let language: Check = |text, _| profile::is_language(text);
    let zone: Check = |text, _| profile::is_time_zone(text);
    let columns: [(&'static str, &[&str], usize, Check); 10] = [
        ("display_name", &["displayname", "name", "fullname"], profiles::MAX_DISPLAY_NAME, line),
        ("first_name", &["firstname"], profiles::MAX_NAME, line),
        ("last_name", &["lastname"], profiles::MAX_NAME, line),
        ("avatar_url", &["avatarurl", "avatar"], profiles::MAX_PICTURE_URL, picture),
        ("bio", &["bio"], profiles::MAX_BIO, text),
        ("date_of_birth", &["dateofbirth"], 10, profile::is_birthday),
        ("profession", &["profession"], profiles::MAX_ANSWER, line),
        ("heard_from", &["heardfrom"], profiles::MAX_ANSWER, line),
        ("locale", &["locale", "language"], 35, language),
        ("time_zone", &["timezone"], 64, zone),
    ];
    let mut details = Map::new();
    for (name, columns, longest, is_right) in columns {
        let Some(text) = row.text(columns) else { continue };
        if text.chars().count() <= longest && is_right(&text, now) {
            details.insert(name.into(), text.into());
        } else {
            left_out.push(name);
        }
    }
    details
}

/// A row by folded names: `createdAt`, `created_at` and `Created At` are the same.
struct Named<'a>(Vec<(String, &'a Value)>);

impl<'a> Named<'a> {
    fn of(row: &'a Row) -> Self {
        let fold = |name: &str| {
            name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect::<String>()
        };
        Self(row.iter().map(|(name, value)| (fold(name), plain(value))).collect())
    }

    /// The first of these columns that is not empty.
    fn text(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| {
            let (_, value) = self.0.iter().find(|(column, _)| column == name)?;
            let text = match value {
                Value::String(text) => text.trim().to_owned(),
                Value::Number(number) => number.to_string(),
                Value::Bool(flag) => flag.to_string(),
                _ => return None,
            };
            (!text.is_empty() && !text.eq_ignore_ascii_case("null") && text != "\\N").then_some(text)
        })
    }

    fn flag(&self, name: &str, names: &[&str]) -> Result<Option<bool>, String> {
        let Some(text) = self.text(names) else { return Ok(None) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" | "yes" | "y" => Ok(Some(true)),
            "false" | "f" | "0" | "no" | "n" => Ok(Some(false)),
            _ => Err(format!("{name}: expected true or false")),
        }
    }

    fn moment(&self, name: &str, names: &[&str]) -> Result<Option<Timestamp>, String> {
        let Some(text) = self.text(names) else { return Ok(None) };
        moment::parse(&text).map(Some).ok_or_else(|| format!("{name}: expected a time, like 2025-01-31T12:00:00Z"))
    }
}

/// The value within `MongoDB`'s extended JSON: `{"$date": {"$numberLong": "…"}}`.
fn plain(value: &Value) -> &Value {
    let inner = value
        .as_object()
        .and_then(|object| ["$date", "$numberLong", "$numberInt"].iter().find_map(|name| object.get(*name)));
    inner.map_or(value, plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HASH: &str = "$2b$12$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";

    fn read(row: &Value) -> Result<(Account, Vec<&'static str>), String> {
        account(row.as_object().unwrap(), Timestamp::from_millis(1_800_000_000_000))
    }

    #[test]
    fn the_columns_of_five_systems_are_understood() {
        // As they come from MongoDB.
        let (account, left_out) = read(&json!({
            "_id": { "$oid": "65a1" }, "email": "Ada@Example.com", "name": "Ada", "password_hash": HASH, "is_admin": true,
            "avatar": "https://example.com/a.png", "createdAt": { "$date": { "$numberLong": "1735787045678" } },
        }))
        .unwrap();
        assert_eq!((account.email.as_str(), account.role, left_out), ("ada@example.com", Role::Admin, vec![]));
        assert_eq!(account.created_at.to_string(), "2025-01-02T03:04:05.678Z");
        assert_eq!(
            Value::Object(account.details),
            json!({ "display_name": "Ada", "avatar_url": "https://example.com/a.png" })
        );
        // From Supabase.
        let (account, _) = read(&json!({
            "email": "a@b.cd", "encrypted_password": HASH, "role": "authenticated", "full_name": "A B",
            "email_confirmed_at": "2025-01-02 03:04:05+00", "created_at": "2025-01-01 00:00:00+00",
        }))
        .unwrap();
        assert_eq!((account.role, account.standing), (Role::User, Standing::Active));
        assert_eq!(account.email_verified_at.unwrap().to_string(), "2025-01-02T03:04:05.000Z");
        // From tables as SQLAlchemy makes them, through CSV.
        let (account, left_out) = read(&json!({
            "email": "a@b.cd", "hashed_password": HASH, "first_name": "A", "last_name": "B", "username": "no good name",
            "is_active": "f", "is_verified": "t", "is_superuser": "0", "avatar_url": "http://example.com/a.png", "bio": "",
        }))
        .unwrap();
        assert_eq!((account.role, account.standing, account.username), (Role::User, Standing::Suspended, None));
        assert_eq!(account.email_verified_at, Some(account.created_at));
        assert_eq!(left_out, ["username", "avatar_url"]);
    }

    #[test]
    fn who_is_banned_is_suspended_until_an_admin_says_otherwise() {
        // The test's now is 2027-01-15.
        for (until, standing) in [
            (json!("2126-10-28 03:04:05.678901+00"), Standing::Suspended),
            (json!("infinity"), Standing::Suspended),
            (json!("2025-01-02 03:04:05+00"), Standing::Active),
            (json!(null), Standing::Active),
            (json!(""), Standing::Active),
        ] {
            let row = json!({ "email": "a@b.cd", "encrypted_password": HASH, "banned_until": until });
            assert_eq!(read(&row).unwrap().0.standing, standing, "{row}");
        }
        let deleted = |at: Value| is_deleted(json!({ "email": "a@b.cd", "deleted_at": at }).as_object().unwrap());
        assert!(deleted(json!("2025-01-02 03:04:05+00")));
        assert!(!deleted(json!(null)) && !deleted(json!("")));
    }

    #[test]
    fn problems_name_the_column_and_no_value() {
        let good = json!({ "email": "a@b.cd", "password_hash": HASH });
        assert!(read(&good).is_ok());
        for (column, value) in [
            ("email", json!("hunter2")),
            ("email", json!(null)),
            ("password_hash", json!("hunter2")),
            ("password_hash", json!("")),
            ("role", json!("hunter2")),
            ("is_active", json!("hunter2")),
            ("created_at", json!("hunter2")),
            ("banned_until", json!("hunter2")),
        ] {
            let mut row = good.clone();
            row[column] = value;
            let problem = read(&row).unwrap_err();
            assert!(problem.starts_with(&format!("{column}: ")) && !problem.contains("hunter2"), "{problem}");
        }
    }
}
