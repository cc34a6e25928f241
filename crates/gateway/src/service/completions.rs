//! One-off completions: a run without a conversation.

use domain::{
    RunId, UserId,
    chat::{ChatRequest, Role, Turn},
    run::{DisconnectPolicy, RunKey},
};
use ports::{EventStream, Platform};
use serde_json::json;

use super::{charges, runs};
use crate::{
    Config,
    error::{Error, Result},
    run::{self, job::Job},
    store::{self, runs::NewRun},
};

/// A completion to make.
pub struct Complete {
    /// The prompt.
    pub prompt: String,
    /// The model, resolved.
    pub model: String,
    /// The most tokens of the reply.
    pub max_tokens: Option<u32>,
    /// Sampling temperature.
    pub temperature: Option<f32>,
    /// The id of the request.
    pub request_id: String,
    /// What becomes of the run when the client leaves.
    pub policy: DisconnectPolicy,
    /// Whether the caller streams, and may come back.
    pub stream: bool,
    /// The caller's idempotency key; with one, the run is stored.
    pub idempotency_key: Option<String>,
    /// Whether the run is stored until it is deleted.
    pub store: bool,
    /// What the request is, hashed.
    pub fingerprint: String,
}

/// A completion under way.
pub struct Begun {
    /// The run that makes it.
    pub run: RunId,
    /// The model that was asked for: of a repeated request, by the first one.
    pub model: String,
    /// The run's events from the first one on.
    pub events: EventStream,
}

/// The run of an earlier request with this key, if there was one and the request is the same.
pub async fn attach_earlier(platform: &Platform, user: UserId, key: &str, fingerprint: &str) -> Result<Option<Begun>> {
    let Some(run) = runs::find_same(platform, user, key, fingerprint).await? else { return Ok(None) };
    let events = runs::follow(platform, user, run.id, 0).await?;
    Ok(Some(Begun { run: run.id, model: run.model, events }))
}

/// Starts the run: one round trip to the store. Nothing but the ledger's entry is stored, unless the caller asks for it or
/// names an idempotency key; or, where a reader who comes back would not find the run otherwise, only for a while.
pub async fn start(platform: &Platform, config: &Config, user: UserId, complete: Complete) -> Result<Begun> {
    let now = platform.clock.now();
    let run = platform.entropy.id(now, RunId::new);
    let key = RunKey { user, run };
    let mut request = ChatRequest {
        model: complete.model.clone(),
        turns: vec![Turn { role: Role::User, content: complete.prompt }],
        max_tokens: complete.max_tokens,
        temperature: complete.temperature,
        stream: true,
    };
    let quote = charges::quote(config, &mut request, now)?;
    let passing = complete.stream && !platform.runs.finds_unstored();
    let durable = complete.store || complete.idempotency_key.is_some() || passing;
    let mut batch = Vec::new();
    if durable {
        let new_run = NewRun {
            key,
            conversation: None,
            user_message: None,
            message: None,
            model: &complete.model,
            idempotency_key: complete.idempotency_key.as_deref(),
            kept: complete.store,
            fingerprint: &complete.fingerprint,
            now,
            lease_expires_at: now.plus(config.lease),
        };
        batch.push(store::runs::insert(&new_run));
        batch.extend(store::run_events::expire(user, now.minus(config.log_retention)));
        batch.push(store::runs::expire(user, now.minus(config.log_retention), now.minus(run::KEY_LIFE)));
    }
    batch.extend(charges::reserve(config, &quote, key, &complete.model, durable));
    match (platform.chats.for_user(user).batch(batch).await, &complete.idempotency_key) {
        (Ok(_), _) => {}
        (Err(error), Some(idempotency_key)) if error.is_unique("runs.user_id, runs.idempotency_key") => {
            let earlier = attach_earlier(platform, user, idempotency_key, &complete.fingerprint).await?;
            return earlier.ok_or_else(|| Error::unavailable("a run that holds an idempotency key cannot be found"));
        }
        (Err(error), _) => return Err(charges::refused(error, now)),
    }
    let state = json!({ "status": "running", "run_id": run.to_string(), "model": complete.model });
    let job = Job {
        durable,
        has_message: false,
        resumable: complete.stream,
        request_id: complete.request_id,
        policy: complete.policy,
        state: state.to_string(),
        created_at: now,
        reserved: quote.reserved,
        request,
    };
    let events = platform.runs.start(key, job.encode()).await?;
    Ok(Begun { run, model: complete.model, events })
}
