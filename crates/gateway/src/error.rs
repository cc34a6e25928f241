//! What can go wrong, without HTTP. `detail` is for the client and holds no value it sent and no internals; `source` is
//! for the log only.

use std::{borrow::Cow, fmt, time::Duration};

use ports::{DatabaseError, KeyValueError, RateLimitError, RunsError};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Where: a JSON pointer into the body (`/email`), or `?name` for a query parameter, or `name:` for a header.
    pub pointer: String,
    /// What was expected.
    pub detail: String,
}

/// What a caller can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request cannot be read at all (malformed JSON, invalid UTF-8, nesting).
    Malformed,
    /// Fields are missing or wrong.
    Invalid(Vec<FieldError>),
    /// No credentials that are asked for, or wrong ones in the body.
    Unauthenticated,
    /// An access token or an API key that is not, or no longer, accepted.
    BadBearer,
    /// The credentials are good, but do not allow this.
    Forbidden,
    /// The request does not fit what there is now.
    Conflict,
    /// There is no such thing, or it is somebody else's.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The request conflicts with an earlier one of the same idempotency key.
    IdempotencyMismatch,
    /// The request is well formed, and refused for what it brings.
    Refused,
    /// A known address; kept as 400 for the clients of seed 004.
    AlreadyRegistered,
    /// The body is too large.
    TooLarge,
    /// The request asks for something of HTTP that this server does not do.
    NotImplemented,
    /// The headers are too large.
    HeadersTooLarge,
    /// The body's type is not JSON.
    UnsupportedMediaType,
    /// The body did not arrive in time.
    RequestTimeout,
    /// Too many requests.
    RateLimited {
        /// When to try again.
        retry_after: Duration,
    },
    /// The provider failed; the status that tells how.
    Provider {
        /// 400, 429, 502, 503 or 504.
        status: u16,
        /// When to try again, if the provider said so.
        retry_after: Option<Duration>,
    },
    /// Something that we depend on cannot be reached.
    Unavailable,
    /// A fault of ours.
    Internal,
}

/// A failed operation.
#[derive(Debug)]
pub struct Error {
    /// What a caller can act on.
    pub kind: ErrorKind,
    /// A stable machine-readable word.
    pub code: Cow<'static, str>,
    /// A sentence for people. `Unavailable` and `Internal` carry a fixed one.
    pub detail: Cow<'static, str>,
    /// The cause, for the log only.
    pub source: Option<Source>,
}

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of any kind.
    pub fn new(kind: ErrorKind, code: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, code: code.into(), detail: detail.into(), source: None }
    }

    /// A request that cannot be read.
    pub fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Malformed, "malformed_request", detail)
    }

    /// One wrong field.
    pub fn field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError { pointer: pointer.into(), detail: detail.into() }])
    }

    /// Several wrong fields.
    pub fn invalid(fields: Vec<FieldError>) -> Self {
        Self::new(
            ErrorKind::Invalid(fields),
            "validation_failed",
            "Some fields are missing or not valid; see `errors`.",
        )
    }

    /// Missing or bad credentials.
    pub fn unauthenticated(code: &'static str, detail: &'static str) -> Self {
        Self::new(ErrorKind::Unauthenticated, code, detail)
    }

    /// An access token or an API key that is not, or no longer, accepted.
    pub fn bad_bearer(code: &'static str, detail: &'static str) -> Self {
        Self::new(ErrorKind::BadBearer, code, detail)
    }

    /// `what` does not exist, or is somebody else's: the two look the same.
    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorKind::NotFound, "not_found", format!("{what} not found"))
    }

    /// A fault of ours; `source` goes to the log.
    pub fn internal(source: impl Into<Source>) -> Self {
        let detail = "Something went wrong on our side. Try again; if it stays, report the request id.";
        Self { source: Some(source.into()), ..Self::new(ErrorKind::Internal, "internal_error", detail) }
    }

    /// A dependency that cannot be reached; `source` goes to the log.
    pub fn unavailable(source: impl Into<Source>) -> Self {
        let detail = "A service this server depends on is not reachable. Try again in a moment.";
        Self { source: Some(source.into()), ..Self::new(ErrorKind::Unavailable, "unavailable", detail) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)?;
        self.source.as_ref().map_or(Ok(()), |source| write!(f, " ({source})"))
    }
}

impl std::error::Error for Error {}

impl From<DatabaseError> for Error {
    fn from(error: DatabaseError) -> Self {
        use ports::DatabaseErrorKind::{Busy, Unavailable};
        if matches!(error.kind, Busy | Unavailable) { Self::unavailable(error) } else { Self::internal(error) }
    }
}

impl From<KeyValueError> for Error {
    fn from(error: KeyValueError) -> Self {
        Self::unavailable(error)
    }
}

impl From<RateLimitError> for Error {
    fn from(error: RateLimitError) -> Self {
        Self::unavailable(error)
    }
}

impl From<RunsError> for Error {
    fn from(error: RunsError) -> Self {
        match error {
            RunsError::NotFound => Self::not_found("Run"),
            RunsError::Unavailable(_) => Self::unavailable(error),
        }
    }
}
