-- Accounts ---------------------------------------------------------------------------------------------------------

CREATE TABLE users (
  number        INTEGER PRIMARY KEY AUTOINCREMENT,
  id            TEXT NOT NULL UNIQUE,
  email         TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL
) STRICT;

-- One row is one refresh family. The tokens themselves are computed, never stored.
CREATE TABLE sessions (
  id           TEXT PRIMARY KEY,
  user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  counter      INTEGER NOT NULL,
  rotated_at   INTEGER NOT NULL,
  user_agent   TEXT,
  created_at   INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  idle_at      INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  ended_at     INTEGER,
  ended_reason TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_user ON sessions (user_id);

-- Chats ------------------------------------------------------------------------------------------------------------
-- No reference leads from here to accounts: the two stores may live in different databases.

CREATE TABLE conversations (
  id            TEXT PRIMARY KEY,
  user_id       TEXT NOT NULL,
  title         TEXT,
  message_count INTEGER NOT NULL DEFAULT 0,
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX conversations_by_user ON conversations (user_id, updated_at DESC, id DESC);

-- A tree: `parent_id` is the message that this one answers. `position` is the order of arrival, 1, 2, 3 …
CREATE TABLE messages (
  id              TEXT PRIMARY KEY,
  conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  parent_id       TEXT,
  position        INTEGER NOT NULL,
  role            TEXT NOT NULL CHECK (role IN ('user', 'model')),
  content         TEXT NOT NULL,
  status          TEXT NOT NULL,
  run_id          TEXT,
  model           TEXT,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL,
  UNIQUE (conversation_id, position)
) STRICT, WITHOUT ROWID;

-- A run without a conversation (a plain completion that asked to be kept) holds its reply in `text`; all others in their message.
-- `stop_point` is how a process that does not own the run asks its owner to stop.
CREATE TABLE runs (
  id               TEXT PRIMARY KEY,
  user_id          TEXT NOT NULL,
  conversation_id  TEXT REFERENCES conversations (id) ON DELETE CASCADE,
  user_message_id  TEXT,
  message_id       TEXT,
  model            TEXT NOT NULL,
  status           TEXT NOT NULL,
  epoch            INTEGER NOT NULL,
  lease_expires_at INTEGER NOT NULL,
  last_seq         INTEGER NOT NULL DEFAULT 0,
  idempotency_key  TEXT,
  fingerprint      TEXT NOT NULL,
  stop_point       TEXT,
  error_code       TEXT,
  usage            TEXT,
  text             TEXT,
  created_at       INTEGER NOT NULL,
  ended_at         INTEGER
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX runs_by_idempotency_key ON runs (user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX runs_by_conversation ON runs (conversation_id);
CREATE INDEX runs_open ON runs (lease_expires_at) WHERE ended_at IS NULL;
CREATE INDEX runs_by_user_end ON runs (user_id, ended_at);

-- A row holds the events `first_seq ..= last_seq` as a JSON array, exactly as readers saw them.
CREATE TABLE run_events (
  run_id    TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  first_seq INTEGER NOT NULL,
  last_seq  INTEGER NOT NULL,
  events    TEXT NOT NULL,
  PRIMARY KEY (run_id, first_seq)
) STRICT, WITHOUT ROWID;

-- Small stores -----------------------------------------------------------------------------------------------------

-- `tat`: the theoretical arrival time of the generic cell rate algorithm, in milliseconds.
CREATE TABLE rate_limits (
  bucket TEXT PRIMARY KEY,
  tat    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE key_values (
  key        TEXT PRIMARY KEY,
  value      BLOB NOT NULL,
  expires_at INTEGER
) STRICT, WITHOUT ROWID;
