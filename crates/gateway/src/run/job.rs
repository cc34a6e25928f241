//! What a run has to do, in a form that can travel to its owner.

use bytes::Bytes;
use domain::{
    Timestamp,
    chat::{ChatRequest, Role, Turn},
    money::NanoUsd,
    run::DisconnectPolicy,
};
use serde::{Deserialize, Serialize};

/// The work of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Whether the run has a row and a log in the store.
    pub durable: bool,
    /// Whether a message of a conversation holds its reply.
    pub has_message: bool,
    /// Whether a reader may come back for it: if it has no log in the store, its events stay in memory for a while.
    pub resumable: bool,
    /// The request that began it, for the log and for errors.
    pub request_id: String,
    /// What becomes of it when its readers leave.
    pub policy: DisconnectPolicy,
    /// The payload of its first event, a JSON object.
    pub state: String,
    /// When it was made: the prices of that time count.
    pub created_at: Timestamp,
    /// What the ledger has reserved for it.
    pub reserved: NanoUsd,
    /// What the model is asked.
    pub request: ChatRequest,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    durable: bool,
    has_message: bool,
    resumable: bool,
    request_id: String,
    policy: String,
    state: String,
    created_at: i64,
    reserved: i64,
    model: String,
    turns: Vec<(char, String)>,
    max_tokens: Option<u32>,
    temperature: Option<f32>,
}

impl Job {
    /// Writes it down.
    pub fn encode(&self) -> Bytes {
        let turns = self.request.turns.iter().map(|turn| (letter(turn.role), turn.content.clone())).collect();
        let wire = Wire {
            durable: self.durable,
            has_message: self.has_message,
            resumable: self.resumable,
            request_id: self.request_id.clone(),
            policy: self.policy.to_string(),
            state: self.state.clone(),
            created_at: self.created_at.millis(),
            reserved: self.reserved.get(),
            model: self.request.model.clone(),
            turns,
            max_tokens: self.request.max_tokens,
            temperature: self.request.temperature,
        };
        serde_json::to_vec(&wire).unwrap_or_default().into()
    }

    /// Reads it.
    pub fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let wire: Wire = serde_json::from_slice(bytes)?;
        let turns = wire.turns.into_iter().map(|(letter, content)| Turn { role: role(letter), content }).collect();
        Ok(Self {
            durable: wire.durable,
            has_message: wire.has_message,
            resumable: wire.resumable,
            request_id: wire.request_id,
            policy: DisconnectPolicy::parse(&wire.policy).unwrap_or(DisconnectPolicy::Finish),
            state: wire.state,
            created_at: Timestamp::from_millis(wire.created_at),
            reserved: NanoUsd::stored(wire.reserved),
            request: ChatRequest {
                model: wire.model,
                turns,
                max_tokens: wire.max_tokens,
                temperature: wire.temperature,
                stream: true,
            },
        })
    }
}

const fn letter(role: Role) -> char {
    match role {
        Role::System => 's',
        Role::User => 'u',
        Role::Assistant => 'a',
    }
}

const fn role(letter: char) -> Role {
    match letter {
        's' => Role::System,
        'a' => Role::Assistant,
        _ => Role::User,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_survives_the_journey() {
        let job = Job {
            durable: true,
            has_message: true,
            resumable: true,
            request_id: "r-1".into(),
            policy: DisconnectPolicy::Grace(std::time::Duration::from_secs(30)),
            state: "{}".into(),
            created_at: Timestamp::from_millis(1_700_000_000_000),
            reserved: NanoUsd::new(7),
            request: ChatRequest {
                model: "m".into(),
                turns: [Role::System, Role::User, Role::Assistant]
                    .map(|role| Turn { role, content: "é".into() })
                    .into(),
                max_tokens: Some(5),
                temperature: Some(0.5),
                stream: true,
            },
        };
        assert_eq!(Job::decode(&job.encode()).unwrap(), job);
    }
}
