//! D1's limits, each with its number and where it bites. Sources: Cloudflare's page "D1 limits", and what `wrangler dev` refuses.

use ports::{Row, Statement, Value};

use super::tokens::{self, Token};

/// Bytes of a statement's text.
const STATEMENT: usize = 100_000;
/// Parameters bound to a statement.
const PARAMS: usize = 100;
/// Bytes of a text, a blob or a row.
const ROW: usize = 2_000_000;
/// Bytes of a `LIKE` or `GLOB` pattern.
const PATTERN: usize = 50;
/// JavaScript's largest safe integer, and one more: the first that D1 still returns exactly.
const INTEGER: i64 = 1 << 53;

/// Statements that a store runs itself, or not at all.
const FORBIDDEN: [&str; 10] =
    ["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA", "ATTACH", "DETACH", "VACUUM"];

/// What is wrong with a statement, in words that say what to change.
pub(super) fn check_statement(statement: &Statement) -> Result<(), String> {
    if statement.sql.len() > STATEMENT {
        return Err(format!("a statement has at most {STATEMENT} bytes, this one {}", statement.sql.len()));
    }
    if statement.params.len() > PARAMS {
        return Err(format!("a statement has at most {PARAMS} parameters, this one {}", statement.params.len()));
    }
    for (index, value) in statement.params.iter().enumerate() {
        check_value(value).map_err(|why| format!("parameter ?{}: {why}", index + 1))?;
    }
    let tokens = tokens::read(statement.sql);
    check_words(&tokens)?;
    check_params(&tokens, statement.params.len())?;
    check_patterns(&tokens, &statement.params)
}

/// What is wrong with a row that the database returned.
pub(super) fn check_row(row: &Row) -> Result<(), String> {
    for (index, value) in row.0.iter().enumerate() {
        check_value(value).map_err(|why| format!("column {index}: {why}"))?;
    }
    let bytes: usize = row.0.iter().map(size).sum();
    if bytes > ROW { Err(format!("a row has at most {ROW} bytes, this one {bytes}")) } else { Ok(()) }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Integer(_) | Value::Real(_) => 8,
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
    }
}

fn check_value(value: &Value) -> Result<(), String> {
    match value {
        Value::Integer(n) if !(-INTEGER..=INTEGER).contains(n) => {
            Err("an integer beyond 2^53 is rounded by some stores".into())
        }
        Value::Real(x) if !x.is_finite() => Err("a real must be finite".into()),
        Value::Text(text) if text.contains('\0') => Err("a text with NUL is cut by some stores".into()),
        other if size(other) > ROW => Err(format!("a value has at most {ROW} bytes, this one {}", size(other))),
        _ => Ok(()),
    }
}

fn check_words(tokens: &[Token<'_>]) -> Result<(), String> {
    if let Some(Token::Word(first)) = tokens.first()
        && let Some(word) = FORBIDDEN.iter().find(|word| word.eq_ignore_ascii_case(first))
    {
        return Err(format!("{word} is not allowed: a batch is the transaction, and the store sets itself up"));
    }
    if tokens.iter().any(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case("sqlite_version"))) {
        return Err("sqlite_version() is not authorized".into());
    }
    let mut parts = tokens.split(|token| *token == Token::Mark(';')).filter(|part| !part.is_empty());
    // The body of a trigger holds statements of its own.
    let trigger =
        tokens.iter().take(4).any(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case("TRIGGER")));
    if parts.next().is_none() {
        return Err("the text holds no statement".into());
    }
    if parts.next().is_some() && !trigger {
        return Err("a text holds one statement: give the others to the batch".into());
    }
    Ok(())
}

/// libSQL would bind NULL where D1 refuses.
fn check_params(tokens: &[Token<'_>], bound: usize) -> Result<(), String> {
    if tokens.contains(&Token::Unnumbered) {
        return Err("parameters are numbered: ?1, ?2 …".into());
    }
    let wanted =
        tokens.iter().filter_map(|token| if let Token::Param(n) = token { Some(*n) } else { None }).max().unwrap_or(0);
    if wanted == bound { Ok(()) } else { Err(format!("the text wants {wanted} parameters, {bound} are bound")) }
}

/// Adds up the pattern behind each `LIKE` and `GLOB`: literals and parameters, joined by `||`.
fn check_patterns(tokens: &[Token<'_>], params: &[Value]) -> Result<(), String> {
    let is_like = |token: &Token<'_>| matches!(token, Token::Word(word) if ["LIKE", "GLOB"].iter().any(|like| like.eq_ignore_ascii_case(word)));
    for (at, _) in tokens.iter().enumerate().filter(|(_, token)| is_like(token)) {
        let mut bytes = 0;
        let mut operands = tokens.iter().skip(at + 1);
        loop {
            bytes += match operands.next() {
                Some(Token::Literal(length)) => *length,
                Some(Token::Param(n)) => n.checked_sub(1).and_then(|index| params.get(index)).map_or(0, size),
                _ => return Err("a pattern is made of literals and parameters, so that its length is known".into()),
            };
            if operands.next() != Some(&Token::Concat) {
                break;
            }
        }
        if bytes > PATTERN {
            return Err(format!("a LIKE or GLOB pattern has at most {PATTERN} bytes, this one {bytes}"));
        }
    }
    Ok(())
}
