//! The ledger: what each run may cost and did cost, and what of a user's budget is used. An entry is reserved before the
//! provider is called and settled once; both move the budget in the same batch.

use domain::{
    RunId, Timestamp, UserId,
    chat::Usage,
    money::{NanoUsd, Rates},
    run::RunKey,
};
use ports::{DatabaseError, Outcome, Statement, Value};

/// An entry about to be made.
pub struct NewEntry<'a> {
    /// Owner and id of the run.
    pub key: RunKey,
    /// Whether the run has a row of its own, which is then inserted earlier in the batch.
    pub durable: bool,
    /// The model asked for.
    pub model: &'a str,
    /// The month that pays.
    pub period: Timestamp,
    /// What the model costs; none if it has no price.
    pub rates: Option<Rates>,
    /// The most that the run can cost.
    pub reserved: NanoUsd,
    /// Tokens of input, estimated.
    pub input_tokens: u64,
    /// What a user may use in a month; none if there is no budget.
    pub limit: Option<NanoUsd>,
    /// When.
    pub now: Timestamp,
    /// When an entry that nobody settled, and whose run has no row, is settled at its reservation.
    pub expires_at: Timestamp,
}

/// The column whose NOT NULL constraint refuses a reservation beyond the limit, and with it the whole batch.
pub const REFUSED: &str = "ledger.reserved";

/// Reserves. Beyond the limit the batch fails with a NOT NULL constraint of [`REFUSED`], so that nothing of it is kept. A
/// durable run that was not inserted gets no entry.
pub fn reserve(entry: &NewEntry<'_>) -> Statement {
    let [input, cache_read, cache_write, output, reasoning] = columns(entry.rates);
    Statement::new(
        "INSERT INTO ledger
           (run_id, user_id, model, period, input_rate, cache_read_rate, cache_write_rate, output_rate, reasoning_rate,
            reserved, input_tokens, created_at, expires_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,
                CASE WHEN ?14 IS NULL
                       OR ?10 + coalesce((SELECT used FROM budgets WHERE user_id = ?2 AND period = ?4), 0) <= ?14
                     THEN ?10 END,
                ?11, ?12, ?13
         WHERE ?15 = 0 OR EXISTS (SELECT 1 FROM runs WHERE id = ?1)",
        [
            entry.key.run.to_string().into(),
            entry.key.user.to_string().into(),
            entry.model.into(),
            entry.period.millis().into(),
            input,
            cache_read,
            cache_write,
            output,
            reasoning,
            entry.reserved.get().into(),
            tokens(entry.input_tokens),
            entry.now.millis().into(),
            entry.expires_at.millis().into(),
            entry.limit.map(NanoUsd::get).into(),
            i64::from(entry.durable).into(),
        ],
    )
}

/// Adds a reservation to what is used. Goes behind [`reserve`] in the batch.
pub fn book(run: RunId) -> Statement {
    Statement::new(
        "INSERT INTO budgets (user_id, period, used)
         SELECT user_id, period, reserved FROM ledger WHERE run_id = ?1
         ON CONFLICT (user_id, period) DO UPDATE SET used = budgets.used + excluded.used",
        [run.to_string().into()],
    )
}

/// What a run came to.
pub struct Settled<'a> {
    /// The model that answered.
    pub model: &'a str,
    /// What it costs; none if it has no price.
    pub rates: Option<Rates>,
    /// The tokens.
    pub usage: Usage,
    /// What they cost.
    pub cost: NanoUsd,
    /// Whether the tokens are an estimate of ours.
    pub estimated: bool,
    /// When.
    pub now: Timestamp,
}

/// Settles an entry that is still open, and moves the budget by the difference: by the owner of this epoch, before
/// [`super::runs::end`] in its batch; without an epoch by whoever holds a run that has no row.
pub fn settle(key: RunKey, epoch: Option<i64>, settled: &Settled<'_>) -> [Statement; 2] {
    let [input, cache_read, cache_write, output, reasoning] = columns(settled.rates);
    let usage = &settled.usage;
    [
        Statement::new(
            "UPDATE budgets SET used = max(0, used + ?3 - (SELECT reserved FROM ledger WHERE run_id = ?1))
             WHERE user_id = ?2
               AND period = (SELECT period FROM ledger WHERE run_id = ?1 AND user_id = ?2 AND settled_at IS NULL)
               AND CASE WHEN ?4 IS NULL THEN NOT EXISTS (SELECT 1 FROM runs WHERE id = ?1)
                   ELSE EXISTS (SELECT 1 FROM runs WHERE id = ?1 AND epoch = ?4 AND ended_at IS NULL) END",
            [key.run.to_string().into(), key.user.to_string().into(), settled.cost.get().into(), epoch.into()],
        ),
        Statement::new(
            "UPDATE ledger
             SET model = ?4, input_rate = ?5, cache_read_rate = ?6, cache_write_rate = ?7, output_rate = ?8,
                 reasoning_rate = ?9, cost = ?10, input_tokens = ?11, cache_read_tokens = ?12, cache_write_tokens = ?13,
                 output_tokens = ?14, reasoning_tokens = ?15, estimated = ?16, settled_at = ?17
             WHERE run_id = ?1 AND user_id = ?2 AND settled_at IS NULL
               AND CASE WHEN ?3 IS NULL THEN NOT EXISTS (SELECT 1 FROM runs WHERE id = ?1)
                   ELSE EXISTS (SELECT 1 FROM runs WHERE id = ?1 AND epoch = ?3 AND ended_at IS NULL) END",
            [
                key.run.to_string().into(),
                key.user.to_string().into(),
                epoch.into(),
                settled.model.into(),
                input,
                cache_read,
                cache_write,
                output,
                reasoning,
                settled.cost.get().into(),
                tokens(usage.input),
                tokens(usage.cache_read),
                tokens(usage.cache_write),
                tokens(usage.output),
                tokens(usage.reasoning),
                i64::from(settled.estimated).into(),
                settled.now.millis().into(),
            ],
        ),
    ]
}

/// Settles a user's expired entries at their reservations: the process that should have done it is gone. The budget does
/// not move. Runs that have a row are left to whoever closes them.
pub fn expire(key: RunKey, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE ledger SET cost = reserved, estimated = 1, settled_at = ?2
         WHERE user_id = ?1 AND settled_at IS NULL AND expires_at <= ?2
           AND NOT EXISTS (SELECT 1 FROM runs WHERE id = run_id AND ended_at IS NULL)",
        [key.user.to_string().into(), now.millis().into()],
    )
}

/// The same for everybody.
pub fn expire_all(now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE ledger SET cost = reserved, estimated = 1, settled_at = ?1
         WHERE settled_at IS NULL AND expires_at <= ?1
           AND NOT EXISTS (SELECT 1 FROM runs WHERE id = run_id AND ended_at IS NULL)",
        [now.millis().into()],
    )
}

/// Whether [`expire_all`] has something to do: a row says so.
pub fn any_expired(now: Timestamp) -> Statement {
    Statement::new(
        "SELECT run_id FROM ledger WHERE settled_at IS NULL AND expires_at <= ?1
           AND NOT EXISTS (SELECT 1 FROM runs WHERE id = run_id AND ended_at IS NULL) LIMIT 1",
        [now.millis().into()],
    )
}

/// Makes every open entry look expired: right only where this process alone owns the database and has just started.
pub fn abandon_all() -> Statement {
    Statement::new("UPDATE ledger SET expires_at = 0 WHERE settled_at IS NULL", [])
}

/// What a run cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// How much.
    pub amount: NanoUsd,
    /// Whether the tokens are an estimate of ours.
    pub estimated: bool,
}

/// What a run cost, if that is known.
pub fn cost(key: RunKey) -> Statement {
    Statement::new(
        "SELECT cost, estimated FROM ledger WHERE run_id = ?1 AND user_id = ?2 AND settled_at IS NOT NULL",
        [key.run.to_string().into(), key.user.to_string().into()],
    )
}

/// Decodes [`cost`].
pub fn decode_cost(outcome: &Outcome) -> Result<Option<Cost>, DatabaseError> {
    let Some(row) = outcome.rows.first() else { return Ok(None) };
    Ok(Some(Cost { amount: NanoUsd::stored(row.integer(0)?), estimated: row.integer(1)? != 0 }))
}

/// What a run cost, as its user may see it. Amounts are nano-USD.
#[derive(Clone, Debug)]
pub struct Record {
    /// The run.
    pub run: String,
    /// The model that answered.
    pub model: String,
    /// Tokens: of the input, of it read from a cache and written to one, of the output, of reasoning.
    pub tokens: [Option<i64>; 5],
    /// The cost.
    pub cost: i64,
    /// Whether the tokens are an estimate of ours.
    pub estimated: bool,
    /// When the run began.
    pub created_at: Timestamp,
    /// When it was settled.
    pub settled_at: Timestamp,
}

/// The next of a user's settled entries, in the order in which their runs began, after a place.
pub fn records(user: UserId, after: &(i64, String)) -> Statement {
    Statement::new(
        "SELECT run_id, model, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost,
                estimated, created_at, settled_at
         FROM ledger WHERE user_id = ?1 AND (created_at, run_id) > (?2, ?3) AND settled_at IS NOT NULL
         ORDER BY created_at, run_id LIMIT 100",
        [user.to_string().into(), after.0.into(), after.1.as_str().into()],
    )
}

/// Decodes [`records`].
pub fn decode_records(outcome: &Outcome) -> Result<Vec<Record>, DatabaseError> {
    let one = |row: &ports::Row| {
        let tokens = |at| row.maybe_integer(at);
        Ok(Record {
            run: row.text(0)?.to_owned(),
            model: row.text(1)?.to_owned(),
            tokens: [tokens(2)?, tokens(3)?, tokens(4)?, tokens(5)?, tokens(6)?],
            cost: row.integer(7)?,
            estimated: row.integer(8)? != 0,
            created_at: Timestamp::from_millis(row.integer(9)?),
            settled_at: Timestamp::from_millis(row.integer(10)?),
        })
    };
    outcome.rows.iter().map(one).collect()
}

/// Makes a bounded number of a deleted user's settled entries nobody's: what the service spent stays true. Returns their ids.
pub fn forget(user: UserId) -> Statement {
    Statement::new(
        "UPDATE ledger SET user_id = '' WHERE run_id IN
           (SELECT run_id FROM ledger WHERE user_id = ?1 AND settled_at IS NOT NULL LIMIT 500)
         RETURNING run_id",
        [user.to_string().into()],
    )
}

/// Forgets what of a deleted user's budgets was used.
pub fn forget_budgets(user: UserId) -> Statement {
    Statement::new("DELETE FROM budgets WHERE user_id = ?1", [user.to_string().into()])
}

/// Makes all that is left of a deleted user's entries nobody's. Those that nobody settled in all that time are settled at their
/// reservations.
pub fn forget_rest(user: UserId, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE ledger
         SET user_id = '', cost = coalesce(cost, reserved), settled_at = coalesce(settled_at, ?2),
             estimated = CASE WHEN settled_at IS NULL THEN 1 ELSE estimated END
         WHERE user_id = ?1",
        [user.to_string().into(), now.millis().into()],
    )
}

/// An entry that is not settled yet.
#[derive(Clone, Debug)]
pub struct Open {
    /// The model asked for.
    pub model: String,
    /// What it costs.
    pub rates: Option<Rates>,
    /// What is reserved.
    pub reserved: NanoUsd,
    /// Tokens of input, estimated.
    pub input_tokens: u64,
}

/// A run's entry, if it is not settled.
pub fn open(key: RunKey) -> Statement {
    Statement::new(
        "SELECT model, reserved, input_tokens, input_rate, cache_read_rate, cache_write_rate, output_rate, reasoning_rate
         FROM ledger WHERE run_id = ?1 AND user_id = ?2 AND settled_at IS NULL",
        [key.run.to_string().into(), key.user.to_string().into()],
    )
}

/// Decodes [`open`].
pub fn decode_open(outcome: &Outcome) -> Result<Option<Open>, DatabaseError> {
    let Some(row) = outcome.rows.first() else { return Ok(None) };
    let number = |at| row.maybe_integer(at).map(|n| n.and_then(|n| u64::try_from(n).ok()));
    let rates = match (number(3)?, number(4)?, number(5)?, number(6)?, number(7)?) {
        (Some(input), Some(cache_read), Some(cache_write), Some(output), Some(reasoning)) => {
            Some(Rates { input, cache_read, cache_write, output, reasoning })
        }
        _ => None,
    };
    Ok(Some(Open {
        model: row.text(0)?.to_owned(),
        rates,
        reserved: NanoUsd::stored(row.integer(1)?),
        input_tokens: number(2)?.unwrap_or(0),
    }))
}

fn columns(rates: Option<Rates>) -> [Value; 5] {
    let column = |of: fn(&Rates) -> u64| rates.as_ref().map(|rates| integer(of(rates))).into();
    [
        column(|rates| rates.input),
        column(|rates| rates.cache_read),
        column(|rates| rates.cache_write),
        column(|rates| rates.output),
        column(|rates| rates.reasoning),
    ]
}

fn tokens(count: u64) -> Value {
    integer(count).into()
}

/// As every store keeps it exactly.
fn integer(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX).min(1 << 53)
}
