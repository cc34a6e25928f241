//! What may be quoted from a provider in the log: little, on one line, without keys.

use domain::Secret;
use serde_json::Value;

/// The longest quotation, in characters.
const MAX_CHARS: usize = 300;

const BLOT: &str = "[secret]";

/// Quotes a provider.
pub(in crate::openai) struct Note {
    key: Option<Secret<String>>,
}

impl Note {
    /// `key` is what must not appear, wherever the provider repeats it.
    pub(in crate::openai) const fn new(key: Option<Secret<String>>) -> Self {
        Self { key }
    }

    /// The start of a text, on one line.
    pub(super) fn quote(&self, text: &str) -> String {
        let mut text = text.to_owned();
        if let Some(key) = self.key.as_ref().map(Secret::expose).filter(|key| !key.is_empty()) {
            text = text.replace(key.as_str(), BLOT);
        }
        // Whole words first, so that no cut leaves half a key; only then the bound.
        let words = text.split_whitespace().map(|word| if holds_key(word) { BLOT } else { word });
        let mut quoted = String::new();
        for word in words {
            if !quoted.is_empty() {
                quoted.push(' ');
            }
            quoted.push_str(word);
            if quoted.len() > MAX_CHARS * 4 {
                break;
            }
        }
        quoted.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect()
    }

    /// An error object: its code or type, and its message.
    pub(super) fn error(&self, error: &Value) -> String {
        let field = |name: &str| match &error[name] {
            Value::String(text) => Some(format!("{name} {text}")),
            Value::Number(number) => Some(format!("{name} {number}")),
            _ => None,
        };
        let said: Vec<_> = ["code", "type", "status", "param", "message"].into_iter().filter_map(field).collect();
        match error {
            Value::String(text) => self.quote(text),
            _ if said.is_empty() => "an error object without code, type or message".to_owned(),
            _ => self.quote(&said.join(", ")),
        }
    }
}

/// Whether a word holds something in the form of OpenAI's keys, which its errors quote in part.
fn holds_key(word: &str) -> bool {
    word.match_indices("sk-").any(|(at, _)| !word[..at].ends_with(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_never_get_into_the_log() {
        let note = Note::new(Some(Secret::from("canary-5e1f")));
        assert_eq!(note.quote("bad key canary-5e1f!"), "bad key [secret]!");
        assert_eq!(
            note.quote("Incorrect API key provided: sk-proj-ab*****yz."),
            "Incorrect API key provided: [secret]"
        );
        assert_eq!(note.quote("a risk-free key='sk-1'"), "a risk-free [secret]");
        let error = serde_json::json!({"message": "key 'canary-5e1f' is bad", "type": "canary-5e1f", "code": 401});
        assert_eq!(note.error(&error), "code 401, type [secret], message key '[secret]' is bad");
    }

    #[test]
    fn quotations_are_short_and_on_one_line() {
        let note = Note::new(None);
        assert_eq!(note.quote("<html>\r\n\t<body>\u{1b}[31m\0 ü"), "<html> <body>[31m ü");
        assert_eq!(note.quote(&"é ".repeat(1_000_000)).chars().count(), MAX_CHARS);
        assert_eq!(note.quote(&"é".repeat(1_000_000)).chars().count(), MAX_CHARS);
    }
}
