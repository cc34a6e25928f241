-- Accounts ---------------------------------------------------------------------------------------------------------
-- What a sign-in looks at: sessions that are open, and the latest of those that are over.

CREATE INDEX sessions_open ON sessions (user_id, last_used_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_over ON sessions (user_id, ended_at) WHERE ended_at IS NOT NULL;

-- Chats ------------------------------------------------------------------------------------------------------------

-- Whether a run may have rows in `run_events`. Those of runs from before this column are found to have none when they are swept.
ALTER TABLE runs ADD COLUMN has_log INTEGER NOT NULL DEFAULT 1;

-- What can expire, in the order in which it does: logs, completions that were stored only for a reader who may come back, and
-- completions of an idempotency key.
CREATE INDEX runs_logged ON runs (user_id, ended_at) WHERE has_log = 1 AND ended_at IS NOT NULL;
CREATE INDEX runs_passing ON runs (user_id, ended_at)
  WHERE conversation_id IS NULL AND kept = 0 AND idempotency_key IS NULL AND ended_at IS NOT NULL;
CREATE INDEX runs_keyed ON runs (user_id, ended_at)
  WHERE conversation_id IS NULL AND kept = 0 AND idempotency_key IS NOT NULL AND ended_at IS NOT NULL;

-- For exports, which read conversations in the order of their ids.
CREATE INDEX conversations_by_user_id ON conversations (user_id, id);

-- Small stores -----------------------------------------------------------------------------------------------------

CREATE INDEX key_values_by_expiry ON key_values (expires_at) WHERE expires_at IS NOT NULL;
