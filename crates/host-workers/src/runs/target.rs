//! What a run's object is asked to do, as the address of a request.

use domain::{
    RunId, UserId,
    run::{RunKey, Seq, StopPoint},
};

/// A run and what to do with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Which run.
    pub key: RunKey,
    /// What to do.
    pub verb: Verb,
}

/// The methods of `ports::Runs`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verb {
    /// Start it; the body is the job.
    Start,
    /// Follow it from here.
    Follow(Seq),
    /// Close it if nobody owns it any more.
    CloseIfDead,
    /// Stop it here.
    Stop(StopPoint),
}

impl Target {
    /// The object that owns the run.
    pub fn object_name(&self) -> String {
        format!("{}/{}", self.key.user, self.key.run)
    }

    /// The address.
    pub fn url(&self) -> String {
        let RunKey { user, run } = self.key;
        let verb = match self.verb {
            Verb::Start => "start".to_owned(),
            Verb::Follow(after) => format!("follow/{after}"),
            Verb::CloseIfDead => "close-if-dead".to_owned(),
            Verb::Stop(StopPoint::Now) => "stop/now".to_owned(),
            Verb::Stop(StopPoint::Seq(seq)) => format!("stop/seq/{seq}"),
            Verb::Stop(StopPoint::Length(length)) => format!("stop/length/{length}"),
        };
        format!("https://run/{user}/{run}/{verb}")
    }

    /// Reads the path of an address.
    pub fn parse(path: &str) -> Option<Self> {
        let mut parts = path.split('/').skip(1);
        let (user, run) = (parts.next()?, parts.next()?);
        let key = RunKey { user: UserId::parse(user)?, run: RunId::parse(run)? };
        let rest: Vec<_> = parts.collect();
        let verb = match rest.as_slice() {
            ["start"] => Verb::Start,
            ["follow", after] => Verb::Follow(after.parse().ok()?),
            ["close-if-dead"] => Verb::CloseIfDead,
            ["stop", "now"] => Verb::Stop(StopPoint::Now),
            ["stop", "seq", seq] => Verb::Stop(StopPoint::Seq(seq.parse().ok()?)),
            ["stop", "length", length] => Verb::Stop(StopPoint::Length(length.parse().ok()?)),
            _ => return None,
        };
        Some(Self { key, verb })
    }
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;

    #[test]
    fn every_target_survives_the_journey() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let key = RunKey { user: UserId::new(now, [1; 10]), run: RunId::new(now, [2; 10]) };
        let verbs = [
            Verb::Start,
            Verb::Follow(7),
            Verb::CloseIfDead,
            Verb::Stop(StopPoint::Now),
            Verb::Stop(StopPoint::Seq(7)),
            Verb::Stop(StopPoint::Length(7)),
        ];
        for verb in verbs {
            let target = Target { key, verb };
            let path = target.url().strip_prefix("https://run").unwrap().to_owned();
            assert_eq!(Target::parse(&path), Some(target), "{path}");
        }
        assert_eq!(Target::parse("/"), None);
    }
}
