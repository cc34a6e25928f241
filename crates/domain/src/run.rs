//! A run: one reply being generated, owned by the server and not by the socket that asked for it.

use std::{fmt, sync::Arc, time::Duration};

use crate::{RunId, UserId};

/// The number of an event in a run's log: 1, 2, 3 …; 0 stands before the first.
pub type Seq = u64;

/// A run and its owner. A run is only ever found under its owner's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunKey {
    /// Whose run.
    pub user: UserId,
    /// Which run.
    pub run: RunId,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// Accepted, its owner has not begun.
    Queued,
    /// Its owner works on it.
    Running,
    /// The model finished.
    Completed,
    /// The model ran into a limit of length.
    Length,
    /// A person stopped it.
    Stopped,
    /// It ended with an error.
    Failed,
    /// Its owner died; what was written is kept and nothing is sent again.
    Interrupted,
}

impl RunStatus {
    /// The word of the API and of the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Length => "length",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        const ALL: [RunStatus; 7] = [
            RunStatus::Queued,
            RunStatus::Running,
            RunStatus::Completed,
            RunStatus::Length,
            RunStatus::Stopped,
            RunStatus::Failed,
            RunStatus::Interrupted,
        ];
        ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether the run is over.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an event of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The run's ids and status.
    State,
    /// A piece of the visible reply.
    Delta,
    /// A piece of the model's reasoning.
    Reasoning,
    /// A fragment of a tool call.
    Tool,
    /// Tokens counted by the provider.
    Usage,
    /// What went wrong.
    Error,
    /// The reader must drop what it has of this reply: the text follows anew.
    Reset,
    /// The end. Only this event means the end; a plain close means "connect again".
    End,
}

impl EventKind {
    /// The word on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Delta => "delta",
            Self::Reasoning => "reasoning",
            Self::Tool => "tool",
            Self::Usage => "usage",
            Self::Error => "error",
            Self::Reset => "reset",
            Self::End => "end",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        const ALL: [EventKind; 8] = [
            EventKind::State,
            EventKind::Delta,
            EventKind::Reasoning,
            EventKind::Tool,
            EventKind::Usage,
            EventKind::Error,
            EventKind::Reset,
            EventKind::End,
        ];
        ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// One event of a run's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number.
    pub seq: Seq,
    /// What it is.
    pub kind: EventKind,
    /// Its payload: one JSON object on one line.
    pub data: Arc<str>,
}

/// How much of a stopped reply is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopPoint {
    /// Everything generated so far.
    Now,
    /// What the events up to this one hold: what the user saw.
    Seq(Seq),
    /// This many characters (Unicode scalar values) of the visible reply.
    Length(u64),
}

/// What becomes of a run when its last reader leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectPolicy {
    /// It goes on to its end.
    Finish,
    /// It goes on for this long; a reader that comes back in time saves it.
    Grace(Duration),
    /// It is stopped, and so is the provider.
    Cancel,
}

impl DisconnectPolicy {
    /// The longest grace, in seconds.
    pub const MAX_GRACE_SECONDS: u64 = 600;

    /// Reads `finish`, `cancel` or `grace:SECONDS`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "finish" => Some(Self::Finish),
            "cancel" => Some(Self::Cancel),
            _ => {
                let seconds = text.strip_prefix("grace:")?;
                let seconds = seconds.bytes().all(|c| c.is_ascii_digit()).then(|| seconds.parse().ok()).flatten()?;
                (seconds <= Self::MAX_GRACE_SECONDS).then(|| Self::Grace(Duration::from_secs(seconds)))
            }
        }
    }
}

impl fmt::Display for DisconnectPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finish => f.write_str("finish"),
            Self::Cancel => f.write_str("cancel"),
            Self::Grace(time) => write!(f, "grace:{}", time.as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for word in ["queued", "running", "completed", "length", "stopped", "failed", "interrupted"] {
            assert_eq!(RunStatus::parse(word).unwrap().as_str(), word);
        }
        for word in ["state", "delta", "reasoning", "tool", "usage", "error", "reset", "end"] {
            assert_eq!(EventKind::parse(word).unwrap().as_str(), word);
        }
        for word in ["finish", "cancel", "grace:30"] {
            assert_eq!(DisconnectPolicy::parse(word).unwrap().to_string(), word);
        }
        for word in ["", "grace:", "grace:-1", "grace:+1", "grace:601", "never"] {
            assert_eq!(DisconnectPolicy::parse(word), None, "{word}");
        }
    }
}
