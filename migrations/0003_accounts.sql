-- What accounts and sessions hold beyond the first part.

-- An account without an address (a guest) has `guest:<id>` as its `email`, which no address can be; one without a password has
-- an empty `password_hash`, which no password has.
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('admin', 'user', 'guest'));
ALTER TABLE users ADD COLUMN standing TEXT NOT NULL DEFAULT 'active' CHECK (standing IN ('active', 'suspended', 'deleted'));
ALTER TABLE users ADD COLUMN email_verified_at INTEGER;

-- `generation`: access tokens of an older one are worth nothing. `authenticated_at`: when the user last proved to be there.
ALTER TABLE sessions ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN authenticated_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN device_name TEXT;
ALTER TABLE sessions ADD COLUMN platform TEXT;
ALTER TABLE sessions ADD COLUMN address TEXT;
ALTER TABLE sessions ADD COLUMN country TEXT;

-- Security events. `user_id` is whose account it is about; it may be nobody's (an unknown address). No reference: events outlive
-- accounts until their retention ends.
CREATE TABLE audit_events (
  id         TEXT PRIMARY KEY,
  user_id    TEXT,
  actor_id   TEXT,
  action     TEXT NOT NULL,
  outcome    TEXT NOT NULL CHECK (outcome IN ('success', 'failure')),
  detail     TEXT,
  session_id TEXT,
  device     TEXT,
  address    TEXT,
  country    TEXT,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_events_by_user ON audit_events (user_id, id);
