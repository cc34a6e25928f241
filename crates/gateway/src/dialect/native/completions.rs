//! `POST /api/v1/ai/complete`: as seed 004 has it, but never without a caller.

use axum::{body::Body, response::Response};
use domain::run::{DisconnectPolicy, RunKey};
use http::{HeaderMap, StatusCode};

use super::{
    options::{self, Options},
    wire::{self, json},
};
use crate::{
    error::Result,
    http::{
        body,
        context::{Caller, Context},
        fields::Fields,
        sse,
    },
    service::{
        completions::{self, Begun, Complete},
        limits,
        messages::{GRACE, MAX_CONTENT},
        models, runs,
    },
};

/// `POST /api/v1/ai/complete`
pub async fn create(context: Context, caller: Caller, headers: HeaderMap, body: Body) -> Result<Response> {
    let object = body::object(&context, &headers, body, false).await?;
    let fingerprint = options::fingerprint("complete", &object);
    let idempotency_key = options::idempotency_key(&headers)?;
    let mut fields = Fields::new(object);
    let prompt = fields.prose("prompt", 1..=MAX_CONTENT);
    let store = fields.maybe_bool("store").unwrap_or(false);
    let options = Options::read(&mut fields, &headers);
    let options = fields.finish(options)?;
    let (platform, config) = (&context.platform, &context.config);
    let stored = store || idempotency_key.is_some();
    let earlier = match &idempotency_key {
        Some(key) => completions::attach_earlier(platform, caller.user, key, &fingerprint).await?,
        None => None,
    };
    let Begun { run, model, events } = if let Some(earlier) = earlier {
        limits::take_read(platform, config, caller.user).await?;
        earlier
    } else {
        limits::take_message(platform, config, &caller).await?;
        let complete = Complete {
            prompt,
            model: models::resolve(platform, config, caller.user, options.model.as_deref()).await?,
            max_tokens: options.max_tokens,
            temperature: options.temperature,
            stream: options.stream,
            request_id: context.request_id.to_string(),
            policy: options.policy.unwrap_or(DisconnectPolicy::Grace(GRACE)),
            idempotency_key,
            store,
            fingerprint,
        };
        completions::start(platform, config, caller.user, complete).await?
    };
    let key = RunKey { user: caller.user, run };
    if options.stream {
        let hold = async {
            if stored {
                runs::hold_stored(platform, key, events, config.hold).await
            } else {
                runs::hold(platform, events, config.hold).await
            }
        };
        let (first, events) = context.presence.during(hold).await?;
        return Ok(sse::response(platform.clone(), run, &first, events, config.heartbeat));
    }
    let collect =
        async { if stored { runs::collect_stored(platform, key, events).await } else { runs::collect(events).await } };
    let reply = context.presence.during(collect).await?;
    let completion = wire::Completion {
        text: reply.text,
        model,
        run_id: run.to_string(),
        status: reply.end.status,
        finish_reason: reply.end.finish_reason,
        usage: reply.usage,
    };
    Ok(json(StatusCode::OK, &completion))
}
