//! Everything about a user, for the user: read page by page, so that it takes no more memory for a long history than for a short
//! one. It is no snapshot: what changes while it is read may be there as it was or as it is. Runs under way and their logs are
//! left out; what they write is in their messages.

use std::{collections::VecDeque, mem, sync::Arc, time::Duration};

use domain::{ConversationId, Timestamp, account::Device, factor::Factor, gcra::Quota};
use ports::{Outcome, Platform};

use super::{
    api_keys::{self, ApiKey},
    audit::{self, Action, Event},
    identities,
    identity::Identity,
    limits,
    profiles::{self, Profile},
};
use crate::{Config, error::Result, store};

pub use store::{
    audit_events::AuditEvent as EventRecord, conversations::Conversation, identities::LinkedIdentity,
    ledger::Record as ChargeRecord, messages::Message, runs::Record as RunRecord, sessions::Record as SessionRecord,
    trusted_devices::TrustedDevice,
};

/// How often one user may have everything.
const QUOTA: Quota = Quota { burst: 5, period: Duration::from_hours(1) };
/// Messages that are read together.
const MESSAGES: i64 = 100;

/// One thing about the user.
#[derive(Clone, Debug)]
pub enum Item {
    /// The account, and what the user says of themselves.
    Profile(Box<Profile>),
    /// Who the user is at another provider.
    Identity(LinkedIdentity),
    /// An API key, without the key.
    ApiKey(ApiKey),
    /// A second factor, without its secret.
    Factor(Factor),
    /// A device that is trusted, without its token.
    TrustedDevice(TrustedDevice),
    /// A device that signed in.
    Session(SessionRecord),
    /// A security event.
    Event(EventRecord),
    /// A conversation; its messages follow before those of the next.
    Conversation(Conversation),
    /// A message.
    Message(ConversationId, Message),
    /// A reply that is over.
    Run(RunRecord),
    /// What a reply cost.
    Charge(ChargeRecord),
}

/// Where a reader stands.
#[derive(Debug)]
enum Place {
    Profile,
    Identities,
    ApiKeys,
    Factors,
    Sessions {
        after: String,
    },
    Events {
        after: String,
    },
    Conversations {
        after: String,
    },
    /// The messages of the conversations of a page; then the next page.
    Messages {
        groups: VecDeque<Vec<Conversation>>,
        after: (String, i64),
        page: String,
    },
    Runs {
        after: (i64, String),
    },
    Charges {
        after: (i64, String),
    },
    End,
}

/// A reader of everything about one user.
pub struct Export {
    platform: Arc<Platform>,
    caller: Identity,
    place: Place,
}

/// Begins, for somebody who has just proved to be there.
pub async fn begin(platform: &Arc<Platform>, config: &Config, caller: &Identity, device: &Device) -> Result<Export> {
    caller.require_recent_unless_guest(platform, config).await?;
    limits::take(platform, &format!("export:{}", caller.user), QUOTA).await?;
    profiles::find(platform, caller.user).await?;
    let event = Event { session: caller.session, ..Event::by_user(caller.user, Action::Exported, device) };
    audit::record(platform, &event).await;
    Ok(Export { platform: Arc::clone(platform), caller: *caller, place: Place::Profile })
}

impl Export {
    /// The next things, possibly none; `None` at the end.
    pub async fn read(&mut self) -> Result<Option<Vec<Item>>> {
        let user = self.caller.user;
        let (accounts, chats) = (&self.platform.accounts, self.platform.chats.for_user(user));
        let (items, place) = match mem::replace(&mut self.place, Place::End) {
            Place::Profile => {
                let profile = profiles::find(&self.platform, user).await?;
                (vec![Item::Profile(Box::new(profile))], Place::Identities)
            }
            Place::Identities => {
                let found = identities::list(&self.platform, user).await?;
                (found.into_iter().map(Item::Identity).collect(), Place::ApiKeys)
            }
            Place::ApiKeys => {
                let found = api_keys::list(&self.platform, &self.caller).await?;
                (found.into_iter().map(Item::ApiKey).collect(), Place::Factors)
            }
            Place::Factors => {
                let now = self.platform.clock.now();
                let batch = vec![store::factors::of_user(user), store::trusted_devices::of_user(user, now)];
                let outcomes = accounts.batch(batch).await?;
                let mut items = Vec::new();
                if let [factors, devices] = outcomes.as_slice() {
                    items.extend(store::factors::decode(factors)?.into_iter().map(Item::Factor));
                    items.extend(store::trusted_devices::decode(devices)?.into_iter().map(Item::TrustedDevice));
                }
                (items, Place::Sessions { after: String::new() })
            }
            Place::Sessions { after } => {
                let found = accounts.run(store::sessions::records(user, &after)).await?;
                let found = store::sessions::decode_records(&found)?;
                let next = match found.last() {
                    Some(last) => Place::Sessions { after: last.id.to_string() },
                    None => Place::Events { after: String::new() },
                };
                (found.into_iter().map(Item::Session).collect(), next)
            }
            Place::Events { after } => {
                let found = accounts.run(store::audit_events::page_oldest(user, &after)).await?;
                let found = store::audit_events::decode(&found)?;
                let next = match found.last() {
                    Some(last) => Place::Events { after: last.id.to_string() },
                    None => Place::Conversations { after: String::new() },
                };
                (found.into_iter().map(Item::Event).collect(), next)
            }
            Place::Conversations { after } => {
                let found = chats.run(store::conversations::page_by_id(user, &after)).await?;
                let found = store::conversations::decode(&found)?;
                let next = match found.last().map(|last| last.id.to_string()) {
                    Some(page) => Place::Messages { groups: group(found), after: beginning(), page },
                    None => Place::Runs { after: (0, String::new()) },
                };
                (Vec::new(), next)
            }
            Place::Messages { mut groups, after, page } => {
                let Some(group) = groups.front() else {
                    self.place = Place::Conversations { after: page };
                    return Ok(Some(Vec::new()));
                };
                let statement = match group.as_slice() {
                    [one] => store::messages::of_one(user, one.id, after.1),
                    several => {
                        let ids: Vec<_> = several.iter().map(|conversation| conversation.id).collect();
                        store::messages::of_several(user, &ids, &after)
                    }
                };
                let messages = messages(&chats.run(statement).await?)?;
                let items = interleave(group, &after.0, &messages);
                let last = messages.last().map(|(conversation, last)| (conversation.to_string(), last.position));
                let after = last.unwrap_or_else(|| {
                    groups.pop_front();
                    beginning()
                });
                (items, Place::Messages { groups, after, page })
            }
            Place::Runs { after } => {
                let found = store::runs::decode_records(&chats.run(store::runs::records(user, &after)).await?)?;
                let next = match found.last() {
                    Some(last) => Place::Runs { after: (last.ended_at.millis(), last.id.to_string()) },
                    None => Place::Charges { after: (0, String::new()) },
                };
                (found.into_iter().map(Item::Run).collect(), next)
            }
            Place::Charges { after } => {
                let found = store::ledger::decode_records(&chats.run(store::ledger::records(user, &after)).await?)?;
                let next = match found.last() {
                    Some(last) => Place::Charges { after: (last.created_at.millis(), last.run.clone()) },
                    None => Place::End,
                };
                (found.into_iter().map(Item::Charge).collect(), next)
            }
            Place::End => return Ok(None),
        };
        self.place = place;
        Ok(Some(items))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.platform.clock.now()
    }
}

fn beginning() -> (String, i64) {
    (String::new(), 0)
}

/// Conversations whose messages fit into one read together; a long one stands alone.
fn group(conversations: Vec<Conversation>) -> VecDeque<Vec<Conversation>> {
    let (mut groups, mut room) = (VecDeque::<Vec<Conversation>>::new(), 0);
    for conversation in conversations {
        // An empty one counts as well: a group is bounded.
        let count = conversation.message_count.max(1);
        if let Some(group) = groups.back_mut().filter(|_| count <= room) {
            room -= count;
            group.push(conversation);
        } else {
            room = MESSAGES - count;
            groups.push_back(vec![conversation]);
        }
    }
    groups
}

fn messages(outcome: &Outcome) -> Result<Vec<(ConversationId, Message)>> {
    let conversations = store::messages::conversations(outcome)?;
    Ok(conversations.into_iter().zip(store::messages::decode(outcome)?).collect())
}

/// Puts each conversation in front of its messages. `before` is the conversation of the last message that was read; at the end
/// of a group, when no messages come, it is the last conversation that is there already.
fn interleave(group: &[Conversation], before: &str, messages: &[(ConversationId, Message)]) -> Vec<Item> {
    let last = messages.last().map(|(conversation, _)| *conversation);
    let mut items = Vec::with_capacity(messages.len() + 1);
    let mut rest = messages.iter().peekable();
    for conversation in group {
        let id = conversation.id.to_string();
        // Those after the last message may still get some in the next read, unless this was the last.
        if last.is_some_and(|last| conversation.id > last) {
            break;
        }
        if id.as_str() > before {
            items.push(Item::Conversation(conversation.clone()));
        }
        while let Some((id, message)) = rest.next_if(|(id, _)| *id == conversation.id) {
            items.push(Item::Message(*id, message.clone()));
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(number: u8, message_count: i64) -> Conversation {
        let at = Timestamp::from_millis(1_700_000_000_000);
        let id = ConversationId::new(at, [number; 10]);
        Conversation { id, title: None, message_count, created_at: at, updated_at: at }
    }

    #[test]
    fn conversations_are_grouped_by_what_one_read_can_hold() {
        let counts = [40, 60, 0, 500, 1, 99, 1];
        let groups = group(counts.into_iter().zip(1..).map(|(count, number)| conversation(number, count)).collect());
        let sizes: Vec<Vec<i64>> =
            groups.iter().map(|group| group.iter().map(|one| one.message_count).collect()).collect();
        assert_eq!(sizes, [vec![40, 60], vec![0], vec![500], vec![1, 99], vec![1]]);
    }

    #[test]
    fn each_conversation_stands_once_before_its_messages() {
        let group: Vec<_> = (1..=4).map(|number| conversation(number, 2)).collect();
        let message = |at: usize, position| {
            let message = Message {
                id: domain::MessageId::new(Timestamp::from_millis(1), [0; 10]),
                parent: None,
                position,
                role: "user".into(),
                content: String::new(),
                status: "completed".into(),
                run: None,
                model: None,
                created_at: Timestamp::from_millis(1),
            };
            (group[at].id, message)
        };
        let show = |items: &[Item]| {
            let one = |item: &Item| match item {
                Item::Conversation(conversation) => {
                    format!("c{}", group.iter().position(|c| c.id == conversation.id).unwrap())
                }
                Item::Message(_, message) => message.position.to_string(),
                other => panic!("{other:?}"),
            };
            items.iter().map(one).collect::<Vec<_>>().join(" ")
        };
        // The second has no messages; the read ended within the third.
        let first = interleave(&group, "", &[message(0, 1), message(0, 2), message(2, 1)]);
        assert_eq!(show(&first), "c0 1 2 c1 c2 1");
        let second = interleave(&group, &group[2].id.to_string(), &[message(2, 2)]);
        assert_eq!(show(&second), "2");
        let last = interleave(&group, &group[2].id.to_string(), &[]);
        assert_eq!(show(&last), "c3");
    }
}
