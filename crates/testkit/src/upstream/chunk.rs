//! The JSON of `OpenAI` chat completions as the upstream speaks it: one stream's `id`, `created` and `model` never change.
//! Nothing here knows scripts or sockets.

use serde_json::{Value, json};

/// Seconds; fixed, so that what is sent can be compared byte by byte.
const CREATED: u64 = 1_730_000_000;
const ID: &str = "chatcmpl-scripted";

/// The last event of every well-ended stream.
pub const DONE: &str = "data: [DONE]\n\n";

/// One server-sent event.
pub fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// The chunk for [`super::Step::Delta`].
pub fn delta(model: &str, delta: &Value) -> String {
    let delta = match delta {
        Value::String(text) => json!({ "content": text }),
        whole => whole.clone(),
    };
    let choice = json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": null }]);
    chunk(model, &choice, &Value::Null)
}

/// The chunk for [`super::Step::Finish`].
pub fn finish(model: &str, reason: &str) -> String {
    chunk(model, &json!([{ "index": 0, "delta": {}, "logprobs": null, "finish_reason": reason }]), &Value::Null)
}

/// The chunk for [`super::Step::Usage`].
pub fn usage(model: &str, usage: &Value) -> String {
    chunk(model, &json!([]), usage)
}

/// The body for [`super::Step::Completion`].
pub fn completion(model: &str, completion: &super::Completion) -> String {
    let message = json!({ "role": "assistant", "content": completion.text, "refusal": null });
    let mut body = json!({
        "id": ID, "object": "chat.completion", "created": CREATED, "model": model, "system_fingerprint": null,
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": completion.finish }],
    });
    if !completion.usage.is_null() {
        body["usage"] = completion.usage.clone();
    }
    body.to_string()
}

/// A usage object with nothing cached and no reasoning.
pub fn plain_usage(prompt: usize, output: usize) -> Value {
    json!({
        "prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output,
        "prompt_tokens_details": { "cached_tokens": 0 }, "completion_tokens_details": { "reasoning_tokens": 0 },
    })
}

/// `OpenAI`'s error envelope.
pub fn error(kind: &str, code: Option<&str>, message: &str) -> Value {
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}

fn chunk(model: &str, choices: &Value, usage: &Value) -> String {
    event(&json!({
        "id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": model, "system_fingerprint": null,
        "choices": choices, "usage": usage,
    }))
}
