-- Chats ------------------------------------------------------------------------------------------------------------

-- Whether a run without a conversation stays until it is deleted, and not only as long as its idempotency key.
ALTER TABLE runs ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;

-- What each run may cost and did cost. Amounts are nano-USD, rates nano-USD for a thousand tokens; a model without a price
-- has no rates and costs 0. `period` is the start of the month (UTC) that pays. Until `settled_at` is set, `model` is the one
-- that was asked for, `input_tokens` an estimate and `reserved` what the budget has set aside; from then on `model` is the one
-- that answered, and `cost` what the budget has paid. No reference leads to `runs`: a row outlives its run.
CREATE TABLE ledger (
  run_id             TEXT PRIMARY KEY,
  user_id            TEXT NOT NULL,
  model              TEXT NOT NULL,
  period             INTEGER NOT NULL,
  input_rate         INTEGER,
  cache_read_rate    INTEGER,
  cache_write_rate   INTEGER,
  output_rate        INTEGER,
  reasoning_rate     INTEGER,
  reserved           INTEGER NOT NULL,
  cost               INTEGER,
  input_tokens       INTEGER NOT NULL,
  cache_read_tokens  INTEGER,
  cache_write_tokens INTEGER,
  output_tokens      INTEGER,
  reasoning_tokens   INTEGER,
  estimated          INTEGER NOT NULL DEFAULT 0,
  created_at         INTEGER NOT NULL,
  expires_at         INTEGER NOT NULL,
  settled_at         INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX ledger_open ON ledger (user_id, expires_at) WHERE settled_at IS NULL;

-- `used`: the costs of the settled runs of a month, and the reservations of the others.
CREATE TABLE budgets (
  user_id TEXT NOT NULL,
  period  INTEGER NOT NULL,
  used    INTEGER NOT NULL,
  PRIMARY KEY (user_id, period)
) STRICT, WITHOUT ROWID;
