-- Whom other providers (OpenID Connect) vouch for: who proves to be `subject` at `provider` is this user. `email` and `name` are
-- what was said of them there, to be shown; the address that counts is the user's own.
CREATE TABLE identities (
  provider     TEXT NOT NULL,
  subject      TEXT NOT NULL,
  user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  email        TEXT,
  name         TEXT,
  created_at   INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  PRIMARY KEY (provider, subject)
) STRICT, WITHOUT ROWID;

-- One of each provider, so that the provider's name says which one to unlink.
CREATE UNIQUE INDEX identities_by_user ON identities (user_id, provider);

-- Guests that nobody uses are looked for.
CREATE INDEX guests ON users (created_at) WHERE role = 'guest';
