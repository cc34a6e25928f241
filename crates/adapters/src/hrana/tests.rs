//! What goes over the wire, and what each kind of answer means. Against a real server: `tests/hrana.rs`.

use async_trait::async_trait;
use ports::{BoxFuture, Busy, Value};
use serde_json::{Value as Json, json};
use testkit::FakeHttp;

use super::*;

/// An executor whose sleeps end at once, or never.
struct Sleeps {
    end: bool,
}

#[async_trait]
impl Tasks for Sleeps {
    fn spawn(&self, _task: BoxFuture<()>) {}

    async fn sleep(&self, _duration: Duration) {
        if !self.end {
            std::future::pending::<()>().await;
        }
    }

    async fn compute(&self, work: Box<dyn FnOnce() + Send>) -> Result<(), Busy> {
        work();
        Ok(())
    }
}

fn hrana(http: &Arc<FakeHttp>) -> Hrana {
    let tasks = Arc::new(Sleeps { end: false });
    Hrana::new("libsql://db.example", Some(Secret::from("t0ken")), http.clone(), tasks, Duration::from_secs(5)).unwrap()
}

fn answer(status: u16, body: impl Into<Bytes>) -> Response<Vec<Result<Bytes, HttpError>>> {
    Response::builder().status(status).body(vec![Ok(body.into())]).unwrap()
}

const WRITE: &str = "INSERT INTO t VALUES (?1)";

/// What a statement ends with when the server answers like this.
async fn ends(sql: &'static str, response: Response<Vec<Result<Bytes, HttpError>>>) -> DatabaseError {
    let http = Arc::new(FakeHttp::default());
    http.answer(response);
    hrana(&http).run(Statement::new(sql, [])).await.unwrap_err()
}

fn result(results: &Json, errors: &Json) -> String {
    let result = json!({ "step_results": results, "step_errors": errors });
    let batch = json!({ "type": "ok", "response": { "type": "batch", "result": result } });
    json!({ "baton": null, "results": [batch, { "type": "ok", "response": { "type": "close" } }] }).to_string()
}

#[tokio::test]
async fn a_writing_batch_is_one_transaction_in_one_request() {
    let http = Arc::new(FakeHttp::default());
    let empty = json!({ "cols": [], "rows": [] });
    let rows = json!({ "cols": [{ "name": "a" }], "rows": [[{ "type": "blob", "base64": "AP8" }]] });
    http.answer(answer(200, result(&json!([empty, empty, rows, empty, null]), &json!([null, null, null, null, null]))));
    let params = [1.into(), Value::Real(0.5), "ü".into(), vec![0, 255].into(), Value::Null];
    let batch = vec![Statement::new(WRITE, params), Statement::new("SELECT 1", [])];
    let outcomes = hrana(&http).batch(batch).await.unwrap();
    assert_eq!(outcomes[1].rows[0].blob(0).unwrap(), [0, 255]);
    assert!(outcomes[0].rows.is_empty() && outcomes.len() == 2);

    let request = &http.requests()[0];
    assert_eq!(request.uri(), "https://db.example/v2/pipeline");
    assert_eq!(request.headers()["authorization"], "Bearer t0ken");
    let args = json!([
        { "type": "integer", "value": "1" }, { "type": "float", "value": 0.5 }, { "type": "text", "value": "ü" },
        { "type": "blob", "base64": "AP8=" }, { "type": "null" },
    ]);
    let ok = |step: usize| json!({ "type": "ok", "step": step });
    let not_committed = json!({ "type": "and", "conds": [ok(0), { "type": "not", "cond": ok(3) }] });
    let steps = json!([
        { "stmt": { "sql": "BEGIN IMMEDIATE", "args": [], "want_rows": false } },
        { "condition": ok(0), "stmt": { "sql": WRITE, "args": args, "want_rows": true } },
        { "condition": ok(1), "stmt": { "sql": "SELECT 1", "args": [], "want_rows": true } },
        { "condition": ok(2), "stmt": { "sql": "COMMIT", "args": [], "want_rows": false } },
        { "condition": not_committed, "stmt": { "sql": "ROLLBACK", "args": [], "want_rows": false } },
    ]);
    let wanted = json!({ "requests": [{ "type": "batch", "batch": { "steps": steps } }, { "type": "close" }] });
    assert_eq!(serde_json::from_slice::<Json>(request.body()).unwrap(), wanted);
}

#[tokio::test]
async fn a_single_read_needs_no_transaction() {
    let http = Arc::new(FakeHttp::default());
    http.answer(answer(200, result(&json!([{ "rows": [[{ "type": "integer", "value": "7" }]] }]), &json!([null]))));
    let outcome = hrana(&http).run(Statement::new("SELECT 7", [])).await.unwrap();
    assert_eq!(outcome.rows[0].integer(0), Ok(7));
    assert!(!String::from_utf8_lossy(http.requests()[0].body()).contains("BEGIN"));
}

#[tokio::test]
async fn an_error_of_any_step_is_classified() {
    for (message, code, kind) in [
        ("SQLite error: FOREIGN KEY constraint failed", "SQLITE_CONSTRAINT", DatabaseErrorKind::ForeignKey),
        ("SQLite error: database is locked", "SQLITE_BUSY", DatabaseErrorKind::Busy),
        ("Transaction timed-out", "TRANSACTION_TIMEOUT", DatabaseErrorKind::Busy),
        ("SQL string could not be parsed", "SQL_PARSE_ERROR", DatabaseErrorKind::Other),
    ] {
        let error = json!({ "message": message, "code": code });
        let steps = result(&json!([{ "rows": [] }, null, null, null]), &json!([null, error, null, null]));
        assert_eq!(ends(WRITE, answer(200, steps)).await.kind, kind, "{message}");
        let stream = json!({ "results": [{ "type": "error", "error": error }] }).to_string();
        assert_eq!(ends(WRITE, answer(200, stream)).await.kind, kind, "{message}");
    }
}

#[tokio::test]
async fn a_write_whose_fate_is_unknown_is_unavailable() {
    let commit_missing = result(&json!([{ "rows": [] }, { "rows": [] }, null, null]), &json!([null, null, null, null]));
    for body in ["", "<html>", "{\"results\":[]}", &commit_missing] {
        let error = ends(WRITE, answer(200, body.to_owned())).await;
        assert_eq!(error.kind, DatabaseErrorKind::Unavailable, "{body}: {error}");
    }
    let too_large = Response::new(vec![Ok(Bytes::from(vec![b' '; 1 << 20])); 17]);
    assert_eq!(ends(WRITE, too_large).await.kind, DatabaseErrorKind::Unavailable);
    let cut = Response::new(vec![Ok(Bytes::from("{")), Err(HttpError::new(HttpErrorKind::Reset, "cut"))]);
    assert_eq!(ends(WRITE, cut).await.kind, DatabaseErrorKind::Unavailable);
    // A read has nothing to lose: the answer is a fault.
    assert_eq!(ends("SELECT 1", answer(200, "<html>")).await.kind, DatabaseErrorKind::Other);
}

#[tokio::test]
async fn other_statuses_say_what_to_do() {
    for (status, kind, words) in [
        (302, DatabaseErrorKind::Other, "final URL"),
        (401, DatabaseErrorKind::Other, "check the token"),
        (404, DatabaseErrorKind::Other, "check the URL"),
        (429, DatabaseErrorKind::Unavailable, "slow down"),
        (503, DatabaseErrorKind::Unavailable, "slow down"),
    ] {
        let error = ends(WRITE, answer(status, r#"{"error": "slow down"}"#)).await;
        assert_eq!(error.kind, kind, "{status}");
        assert!(error.detail.contains(words) && !error.detail.contains("t0ken"), "{error}");
    }
}

#[tokio::test]
async fn silence_and_broken_connections_are_unavailable() {
    let http = Arc::new(FakeHttp::default());
    http.fail(HttpError::new(HttpErrorKind::Connect, "refused"));
    http.stay_silent();
    http.fail(HttpError::new(HttpErrorKind::Denied, "not allowed"));
    let database = hrana(&http);
    let read = || Statement::new("SELECT 1", []);
    assert_eq!(database.run(read()).await.unwrap_err().kind, DatabaseErrorKind::Unavailable);
    let hasty = Hrana { tasks: Arc::new(Sleeps { end: true }), ..hrana(&http) };
    assert_eq!(hasty.run(read()).await.unwrap_err().kind, DatabaseErrorKind::Unavailable);
    assert_eq!(database.run(read()).await.unwrap_err().kind, DatabaseErrorKind::Other);
    assert_eq!(database.batch(Vec::new()).await, Ok(Vec::new()));
    assert_eq!(http.requests().len(), 3);
}

#[tokio::test]
async fn a_read_with_too_large_an_answer_is_not_to_be_tried_again() {
    let huge = answer(200, vec![b' '; ANSWER_BYTES + 1]);
    assert_eq!(ends("SELECT 1", huge).await.kind, DatabaseErrorKind::Other);
}

#[test]
fn a_token_is_not_sent_in_plain_text_to_another_machine() {
    let open = |url: &str, token: Option<&str>| {
        let (http, tasks) = (Arc::new(FakeHttp::default()), Arc::new(Sleeps { end: false }));
        Hrana::new(url, token.map(Secret::from), http, tasks, Duration::from_secs(5)).err()
    };
    assert_eq!(open("http://db.example:8080", Some("t0ken")), Some(HranaError::Plain));
    assert_eq!(open("http://db.example:8080", None), None);
    assert_eq!(open("http://127.0.0.1:8080", Some("t0ken")), None);
}
