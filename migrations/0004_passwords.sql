-- Passwords, what is mailed about them, and who guesses at them.

-- What a mail permits once. `hash` is the SHA-256 of the token; `email` is where it was sent; `password_hash` is what the account gets with
-- it, where a password was chosen before the address was proved.
CREATE TABLE one_time_tokens (
  hash          TEXT PRIMARY KEY,
  user_id       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  purpose       TEXT NOT NULL,
  email         TEXT NOT NULL,
  password_hash TEXT,
  created_at    INTEGER NOT NULL,
  expires_at    INTEGER NOT NULL,
  used_at       INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX one_time_tokens_by_user ON one_time_tokens (user_id, purpose);
CREATE INDEX one_time_tokens_by_expiry ON one_time_tokens (expires_at);

-- The passwords that an account had before, the newest ones of them.
CREATE TABLE password_history (
  user_id       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  password_hash TEXT NOT NULL,
  created_at    INTEGER NOT NULL,
  PRIMARY KEY (user_id, password_hash)
) STRICT, WITHOUT ROWID;

-- Wrong passwords in a row. `address` is the SHA-256 of an address, whether or not anybody has it.
CREATE TABLE login_failures (
  address      TEXT PRIMARY KEY,
  failures     INTEGER NOT NULL,
  last_at      INTEGER NOT NULL,
  locked_until INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX login_failures_by_time ON login_failures (last_at);
