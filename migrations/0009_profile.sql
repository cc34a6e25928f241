-- What users say of themselves and how they want their app, and accounts on their way out.

-- `details` and `settings` are JSON objects whose members the service checks; a change is a merge patch (RFC 7396), applied in
-- one statement, so that two phones never undo each other's. `username` is in lower case.
CREATE TABLE profiles (
  user_id    TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  username   TEXT UNIQUE,
  details    TEXT NOT NULL DEFAULT '{}',
  settings   TEXT NOT NULL DEFAULT '{}',
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- When the user asked to be deleted, and from when on it may happen. Of a deleted account: since when it is.
ALTER TABLE users ADD COLUMN deletion_requested_at INTEGER;
ALTER TABLE users ADD COLUMN deletion_scheduled_at INTEGER;

CREATE INDEX users_leaving ON users (deletion_scheduled_at) WHERE deletion_scheduled_at IS NOT NULL;
CREATE INDEX users_deleted ON users (id) WHERE standing = 'deleted';

-- Erasing somebody makes what they did to others anonymous, too.
CREATE INDEX audit_events_by_actor ON audit_events (actor_id) WHERE actor_id IS NOT NULL;

-- What a user's runs cost, in the order in which they began.
CREATE INDEX ledger_by_user ON ledger (user_id, created_at);
