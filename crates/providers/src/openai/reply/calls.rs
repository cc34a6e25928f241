//! Which tool call a fragment belongs to. The protocol numbers them; its copies leave the number out or give all the same.

use domain::chat::ChatEvent;

use crate::{
    ProviderError,
    openai::{
        failure,
        wire::{MAX_CALLS, ToolCall},
    },
};

#[derive(Default)]
pub(super) struct Calls(Vec<Call>);

struct Call {
    /// The number on the wire, if it had one.
    index: Option<u32>,
    id: Option<String>,
    named: bool,
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Numbers the fragment's call densely and drops what an earlier fragment has said already.
    pub(super) fn fragment(&mut self, fragment: ToolCall) -> Result<ChatEvent, ProviderError> {
        let id = fragment.id.filter(|id| !id.is_empty());
        let function = fragment.function.unwrap_or_default();
        let name = function.name.filter(|name| !name.is_empty());
        let at = match self.find(fragment.index, id.as_deref(), name.is_some()) {
            Some(at) => at,
            None if self.0.len() == MAX_CALLS => return Err(failure::malformed().because("too many tool calls")),
            None => {
                self.0.push(Call { index: fragment.index, id: None, named: false });
                self.0.len() - 1
            }
        };
        let call = &mut self.0[at];
        let id = id.filter(|_| call.id.is_none());
        let name = name.filter(|_| !call.named);
        call.named |= name.is_some();
        if id.is_some() {
            call.id.clone_from(&id);
        }
        let index = u32::try_from(at).unwrap_or(u32::MAX);
        Ok(ChatEvent::ToolCall { index, id, name, arguments: function.arguments.unwrap_or_default() })
    }

    /// The call that a fragment continues. One that carries a name and an id of its own begins another, even under a
    /// number that is taken.
    fn find(&self, index: Option<u32>, id: Option<&str>, named: bool) -> Option<usize> {
        if let Some(id) = id
            && let Some(at) = self.0.iter().rposition(|call| call.id.as_deref() == Some(id))
        {
            return Some(at);
        }
        let at = match index {
            Some(_) => self.0.iter().rposition(|call| call.index == index)?,
            None => self.0.len().checked_sub(1)?,
        };
        let begins = named && self.0[at].named && (index.is_none() || (id.is_some() && self.0[at].id.is_some()));
        (!begins).then_some(at)
    }
}
