//! What goes wrong with a provider, in kinds that a caller can act on.

use std::fmt;

use crate::RetryAfter;

/// What a caller can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderErrorKind {
    /// Too many requests or tokens for now.
    RateLimited,
    /// The account behind our key has no money or allowance left: asking again is useless.
    Quota,
    /// The provider cannot answer now.
    Overloaded,
    /// The provider gave up waiting, or we did.
    Timeout,
    /// The request's fault: it will be refused again as it is.
    Rejected,
    /// There is nothing at this address: the fault of this server's settings, most likely.
    NotFound,
    /// The fault of this server's settings: the key is refused, or no request can be made from them.
    Unauthorized,
    /// The answer is not what the protocol says.
    Malformed,
    /// The reply ended before it was finished.
    Incomplete,
    /// The provider reported an error of a kind of its own in the reply.
    Reported,
}

impl ProviderErrorKind {
    /// What to tell a client when nothing more is known.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::RateLimited => "the model's provider takes no more requests for now; try again later",
            Self::Quota => "this server's account with the model's provider is used up; its operator must renew it",
            Self::Overloaded => "the model's provider cannot answer now; try again later",
            Self::Timeout => "the model's provider took too long; try again",
            Self::Rejected => "the model's provider refuses this request; change it before trying again",
            Self::NotFound => {
                "the model's provider knows neither the address nor the model asked for; this server's operator must check the provider's URL"
            }
            Self::Unauthorized => {
                "the model's provider does not take this server's key; this server's operator must check the key and the URL of the provider (`littoral config check --live` does)"
            }
            Self::Malformed => {
                "the model's provider sent something that is no reply; try again, or ask this server's operator to check it"
            }
            Self::Incomplete => "the reply broke off before it was finished; try again",
            Self::Reported => "the model's provider reported an error; try again",
        }
    }
}

/// A failed exchange with a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderError {
    /// What a caller can act on.
    pub kind: ProviderErrorKind,
    /// For the client. Always our own words: what a provider writes may hold keys, names of internals or another's text.
    pub detail: &'static str,
    /// The provider's machine-readable words, for the log only; never its prose.
    pub source: Option<String>,
    /// The provider's prose where nothing was found, for the log only: bounded and without keys. It may still quote the request.
    pub prose: Option<String>,
    /// When the provider wants to be asked again.
    pub retry_after: Option<RetryAfter>,
    /// The HTTP status of a refusal; none when the reply itself went wrong.
    pub status: Option<u16>,
    /// The provider's own word on whether asking again helps (`x-should-retry`).
    pub should_retry: Option<bool>,
}

impl ProviderError {
    /// An error of a known kind, in the kind's own words.
    pub const fn new(kind: ProviderErrorKind) -> Self {
        Self {
            kind,
            detail: kind.detail(),
            source: None,
            prose: None,
            retry_after: None,
            status: None,
            should_retry: None,
        }
    }

    /// The same with other words for the client.
    #[must_use]
    pub const fn telling(mut self, detail: &'static str) -> Self {
        self.detail = detail;
        self
    }

    /// The same with a note for the log, which must be bounded and free of secrets.
    #[must_use]
    pub fn because(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether the same request may succeed a little later. Only to be acted on before the first output.
    pub fn retryable(&self) -> bool {
        use ProviderErrorKind as Kind;
        match self.kind {
            // No word of the provider brings money or mends a reply that was sent wrong.
            Kind::Quota | Kind::Malformed => false,
            Kind::RateLimited | Kind::Overloaded | Kind::Timeout | Kind::Incomplete => {
                self.should_retry.unwrap_or(true)
            }
            Kind::Rejected | Kind::NotFound | Kind::Unauthorized | Kind::Reported => self.should_retry.unwrap_or(false),
        }
    }
}

/// Kind, detail and status; `source` is left to whoever writes the log.
impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "provider: {:?}: {}", self.kind, self.detail)?;
        self.status.map_or(Ok(()), |status| write!(f, " (status {status})"))
    }
}

impl std::error::Error for ProviderError {}
