-- What admins do with accounts, and personal API keys.

-- Not 0: the password no longer signs in until another one is set.
ALTER TABLE users ADD COLUMN must_change_password INTEGER NOT NULL DEFAULT 0;

-- Whether there is an admin, and another one, is asked often.
CREATE INDEX users_admins ON users (id) WHERE role = 'admin';

-- `hash` is SHA-256 of the key in base64url; `prefix` is how its owner knows it again. A revoked key has no row.
CREATE TABLE api_keys (
  id           TEXT PRIMARY KEY,
  user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name         TEXT NOT NULL CHECK (name <> ''),
  prefix       TEXT NOT NULL,
  hash         TEXT NOT NULL UNIQUE,
  scopes       TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  expires_at   INTEGER,
  last_used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX api_keys_by_user ON api_keys (user_id, id);
