//! Sending a message and getting a reply; reading a conversation's history.

use std::time::Duration;

use domain::{
    ConversationId, MessageId, RunId, UserId,
    chat::{self, ChatRequest, Role, Turn},
    run::{DisconnectPolicy, RunKey},
};
use ports::{EventStream, Platform};
use serde_json::json;

use super::{charges, conversations, runs};
use crate::{
    Config,
    error::{Error, Result},
    run::job::Job,
    store::{self, runs::NewRun},
};

use store::messages::Step;

pub use store::messages::Message;

/// The longest message, in characters.
pub const MAX_CONTENT: usize = 32_000;

/// A reply to ask for.
pub struct Send {
    /// In which conversation.
    pub conversation: ConversationId,
    /// To what.
    pub question: Question,
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
    /// The caller's idempotency key.
    pub idempotency_key: Option<String>,
    /// What the request is, hashed.
    pub fingerprint: String,
}

/// What a reply is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// A new message.
    New {
        /// The text.
        content: String,
        /// The message that it answers.
        parent: Parent,
    },
    /// A message that is there already, or the one that this reply answers: it gets one more reply.
    Again(MessageId),
}

/// Where in the tree a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// Below the newest message.
    Newest,
    /// At the root, beside the first message.
    Root,
    /// Below this one.
    Message(MessageId),
}

/// A message under way.
pub struct Sent {
    /// The run that replies.
    pub run: RunId,
    /// The user's message.
    pub user_message: MessageId,
    /// The reply's message.
    pub message: MessageId,
    /// The run's events from the first one on.
    pub events: EventStream,
}

/// Stores the message if it is new, sets aside what the reply may cost, and starts the run that replies: two round trips to the
/// store.
/// The same request with the same idempotency key attaches to the run of the first one.
pub async fn send(platform: &Platform, config: &Config, user: UserId, send: Send) -> Result<Sent> {
    let chats = platform.chats.for_user(user);
    let path = path_to(&send.question, config.history_tokens);
    let outcomes = chats.batch(store::messages::path(user, send.conversation, &path).into()).await?;
    let [found, steps] = outcomes.as_slice() else { return Err(Error::internal("a batch of two lost an outcome")) };
    if found.rows.is_empty() {
        return Err(conversations::missing());
    }
    let mut steps = store::messages::decode_path(steps)?;
    let ids = || platform.entropy.id(platform.clock.now(), MessageId::new);
    let (id, below, content) = place(send.question, &mut steps, ids)?;
    let mut turns = turns(steps);
    turns.extend(content.clone().map(|content| Turn { role: Role::User, content }));

    let now = platform.clock.now();
    let mut request = ChatRequest {
        model: send.model.clone(),
        turns: chat::cut_to_budget(turns, config.history_tokens),
        max_tokens: send.max_tokens,
        temperature: send.temperature,
        stream: true,
    };
    let quote = charges::quote(config, &mut request, now)?;
    let (run_id, reply) = (platform.entropy.id(now, RunId::new), ids());
    let key = RunKey { user, run: run_id };
    let question = content.map(|content| Message {
        id,
        parent: below,
        position: 0,
        role: "user".into(),
        content,
        status: "completed".into(),
        run: None,
        model: None,
        created_at: now,
    });
    let answer = Message {
        id: reply,
        parent: Some(id),
        position: 0,
        role: "model".into(),
        content: String::new(),
        status: "running".into(),
        run: Some(run_id),
        model: Some(send.model.clone()),
        created_at: now,
    };
    let new_run = NewRun {
        key,
        conversation: Some(send.conversation),
        user_message: Some(id),
        message: Some(reply),
        model: &send.model,
        idempotency_key: send.idempotency_key.as_deref(),
        kept: false,
        fingerprint: &send.fingerprint,
        now,
        lease_expires_at: now.plus(config.lease),
    };
    // The gate goes first: whoever loses it writes nothing.
    let mut batch = vec![store::runs::insert(&new_run)];
    batch.extend(charges::reserve(config, &quote, key, &send.model, true));
    let count = if question.is_some() { 2 } else { 1 };
    batch.push(store::messages::make_room(user, send.conversation, count, now));
    batch.extend(question.map(|question| store::messages::insert(user, send.conversation, &question, 1)));
    batch.extend([store::messages::insert(user, send.conversation, &answer, 0)]);
    batch.extend(store::run_events::expire(user, now.minus(config.log_retention)));
    match chats.batch(batch).await {
        Ok(outcomes) if outcomes.first().is_some_and(|outcome| !outcome.rows.is_empty()) => {}
        // Deleted in between.
        Ok(_) => return Err(conversations::missing()),
        Err(error) if error.is_unique("runs.user_id, runs.idempotency_key") => {
            return attach(platform, user, send.idempotency_key.as_deref(), &send.fingerprint).await;
        }
        Err(error) => return Err(charges::refused(error, now)),
    }
    let state = json!({
        "status": "running", "run_id": run_id.to_string(), "conversation_id": send.conversation.to_string(),
        "user_message_id": id.to_string(), "message_id": reply.to_string(), "model": send.model,
    });
    let job = Job {
        durable: true,
        has_message: true,
        resumable: true,
        request_id: send.request_id,
        policy: send.policy,
        state: state.to_string(),
        created_at: now,
        reserved: quote.reserved,
        request,
    };
    let events = platform.runs.start(key, job.encode()).await?;
    Ok(Sent { run: run_id, user_message: id, message: reply, events })
}

/// The part of the tree that a question continues.
fn path_to(question: &Question, budget: u64) -> store::messages::Path {
    let (end, again, used) = match question {
        Question::New { content, parent } => {
            let end = if let Parent::Message(id) = parent { Some(*id) } else { None };
            (end, false, chat::estimate_tokens(content))
        }
        Question::Again(id) => (Some(*id), true, 0),
    };
    store::messages::Path { end, again, budget, used }
}

/// The question's id, and for a new one its parent and its text.
fn place(
    question: Question,
    steps: &mut Vec<Step>,
    new_id: impl Fn() -> MessageId,
) -> Result<(MessageId, Option<MessageId>, Option<String>)> {
    match question {
        Question::New { content, parent } => {
            if parent == Parent::Root {
                steps.clear();
            }
            let below = steps.first().map(|step| step.id);
            if matches!(parent, Parent::Message(_)) && below.is_none() {
                return Err(Error::field("/parent_id", "Must be the id of a message of this conversation."));
            }
            // A model would read two questions in a row.
            if matches!(parent, Parent::Message(_)) && steps.first().is_some_and(|step| step.role == Role::User) {
                return Err(Error::field("/parent_id", "Must be a reply of this conversation."));
            }
            Ok((new_id(), below, Some(content)))
        }
        Question::Again(_) => {
            let question = steps.first().filter(|step| step.role == Role::User);
            Ok((question.ok_or_else(|| Error::not_found("Message"))?.id, None, None))
        }
    }
}

/// The turns of a path, oldest first. A void reply is left out with its question, so that a model never reads two questions in a
/// row; a reply that is still being written is left out alone.
fn turns(newest_first: Vec<Step>) -> Vec<Turn> {
    let mut turns = Vec::with_capacity(newest_first.len());
    for step in newest_first.into_iter().rev() {
        if step.is_void {
            turns.pop_if(|turn: &mut Turn| turn.role == Role::User);
        } else if step.role == Role::User || !step.content.is_empty() {
            turns.push(Turn { role: step.role, content: step.content });
        }
    }
    turns
}

/// The run of an earlier request with this key, if there was one and the request is the same.
pub async fn attach_earlier(platform: &Platform, user: UserId, key: &str, fingerprint: &str) -> Result<Option<Sent>> {
    let Some(run) = runs::find_same(platform, user, key, fingerprint).await? else { return Ok(None) };
    let (Some(user_message), Some(message)) = (run.user_message, run.message) else {
        return Err(Error::internal("a conversation's run lacks its messages"));
    };
    let events = runs::follow(platform, user, run.id, 0).await?;
    Ok(Some(Sent { run: run.id, user_message, message, events }))
}

async fn attach(platform: &Platform, user: UserId, key: Option<&str>, fingerprint: &str) -> Result<Sent> {
    let found = attach_earlier(platform, user, key.unwrap_or_default(), fingerprint).await?;
    found.ok_or_else(|| Error::unavailable("a run that holds an idempotency key cannot be found"))
}

/// The two messages of a run as they are stored now.
pub async fn pair(
    platform: &Platform,
    user: UserId,
    user_message: MessageId,
    message: MessageId,
) -> Result<(Message, Message)> {
    let outcome = platform.chats.for_user(user).run(store::messages::pair(user_message, message)).await?;
    let mut found = store::messages::decode(&outcome)?.into_iter();
    found.next().zip(found.next()).ok_or_else(conversations::missing)
}

/// A page of history. It ends early when its texts have more than a million bytes.
#[derive(Clone, Copy, Debug)]
pub struct History {
    /// At most so many.
    pub limit: i64,
    /// After skipping so many.
    pub skip: i64,
    /// From this position on, in the direction of reading.
    pub from: Option<i64>,
    /// Newest first instead of oldest first.
    pub newest_first: bool,
}

/// Messages of a conversation and whether more follow. Runs whose owner died are closed on the way.
pub async fn history(
    platform: &Platform,
    user: UserId,
    conversation: ConversationId,
    page: History,
) -> Result<(Vec<Message>, bool)> {
    let rows = if page.newest_first {
        store::messages::page_newest(conversation, page.from.unwrap_or(1 << 53), page.limit, page.skip)
    } else {
        store::messages::page_oldest(conversation, page.from.unwrap_or(0), page.limit, page.skip)
    };
    let chats = platform.chats.for_user(user);
    let batch = || {
        vec![
            store::conversations::by_id(user, conversation),
            store::runs::expired_of(user, conversation, platform.clock.now()),
            rows.clone(),
        ]
    };
    let mut outcomes = chats.batch(batch()).await?;
    if outcomes.first().is_none_or(|outcome| outcome.rows.is_empty()) {
        return Err(conversations::missing());
    }
    let dead = outcomes.get(1).map(|outcome| outcome.rows.clone()).unwrap_or_default();
    if !dead.is_empty() {
        for row in dead {
            let Some(run) = RunId::parse(row.text(0)?) else { continue };
            // A failure is in the log, and the next look tries again.
            let _ = platform.runs.close_if_dead(RunKey { user, run }).await;
        }
        outcomes = chats.batch(batch()).await?;
    }
    let outcome = outcomes.pop().unwrap_or_default();
    let mut found = store::messages::decode(&outcome)?;
    found.truncate(usize::try_from(page.limit).unwrap_or(0));
    let more = store::messages::found(&outcome)? > found.len();
    Ok((found, more))
}

/// How long a plain completion goes on without its client: enough for an SDK's own retry to come back.
pub const GRACE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn step(role: Role, content: &str, is_void: bool) -> Step {
        Step { id: MessageId::new(domain::Timestamp::default(), [0; 10]), role, content: content.into(), is_void }
    }

    #[test]
    fn a_void_reply_goes_with_its_question() {
        let newest_first = vec![
            step(Role::Assistant, "", false),
            step(Role::User, "three", false),
            step(Role::Assistant, "par", true),
            step(Role::User, "two", false),
            step(Role::Assistant, "eins", false),
            step(Role::User, "one", false),
        ];
        let said: Vec<_> = turns(newest_first).into_iter().map(|turn| turn.content).collect();
        assert_eq!(said, ["one", "eins", "three"]);
        // The question lies beyond the budget.
        let said = turns(vec![step(Role::User, "two", false), step(Role::Assistant, "", true)]);
        assert_eq!(said.len(), 1);
    }
}
