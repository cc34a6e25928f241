//! What the log may hold of a provider's error: its machine-readable words. Not its prose, which quotes what it was sent: keys, and
//! users' messages. The exception is a 404, which nobody understands without it: there, the beginning without keys.

use domain::Secret;
use serde_json::Value;

/// The longest word, in characters.
const MAX_CHARS: usize = 64;

/// The most that is kept of prose, in characters, and the longest word in it.
const MAX_PROSE: usize = 200;
const MAX_PROSE_WORD: usize = 48;

/// Takes notes of a provider's errors.
pub(in crate::openai) struct Note {
    key: Option<Secret<String>>,
}

impl Note {
    /// `key` is what must not appear, wherever the provider repeats it.
    pub(in crate::openai) const fn new(key: Option<Secret<String>>) -> Self {
        Self { key }
    }

    /// A text without a form: how much of it there was.
    pub(super) fn text(text: &str) -> String {
        let kind = if text.trim_start().starts_with('<') { "markup" } else { "text" };
        format!("{} bytes of {kind}", text.len())
    }

    /// An error object: its code, type, status and the parameter at fault, as far as they are words.
    pub(super) fn error(&self, error: &Value) -> String {
        let field = |name: &str| match &error[name] {
            Value::String(text) if self.is_word(text) => Some(format!("{name} {text}")),
            Value::Number(number) => Some(format!("{name} {number}")),
            _ => None,
        };
        let said: Vec<_> = ["code", "type", "status", "param"].into_iter().filter_map(field).collect();
        match error {
            Value::String(text) => Self::text(text),
            _ if said.is_empty() => "an error object without code or type".to_owned(),
            _ => said.join(", "),
        }
    }

    /// The beginning of a text, without what may be a key.
    pub(super) fn prose(&self, text: &str) -> Option<String> {
        if text.trim_start().starts_with('<') {
            return None;
        }
        let key = self.key.as_ref().map(Secret::expose).filter(|key| !key.is_empty());
        let is_key = |word: &str| word.contains("sk-") || key.is_some_and(|key| word.contains(key.as_str()));
        let harmless =
            |word: &str| !is_key(word) && word.len() <= MAX_PROSE_WORD && !word.chars().any(char::is_control);
        let words: Vec<_> =
            text.split_whitespace().take(MAX_PROSE).map(|word| if harmless(word) { word } else { "[…]" }).collect();
        Some(words.join(" ").chars().take(MAX_PROSE).collect()).filter(|text: &String| !text.is_empty())
    }

    fn is_word(&self, text: &str) -> bool {
        let key = self.key.as_ref().map(Secret::expose).filter(|key| !key.is_empty());
        (1..=MAX_CHARS).contains(&text.len())
            && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.' | b'[' | b']'))
            && !text.starts_with("sk-")
            && key.is_none_or(|key| !text.contains(key.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_noted_and_prose_is_not() {
        let note = Note::new(Some(Secret::from("canary-5e1f")));
        let error = json!({"message": "your message 'hello' was flagged", "type": "invalid_request_error", "code": 400, "param": "messages[0]"});
        assert_eq!(note.error(&error), "code 400, type invalid_request_error, param messages[0]");
        let error = json!({"type": "canary-5e1f", "code": "sk-proj-1", "param": "what the user said"});
        assert_eq!(note.error(&error), "an error object without code or type");
        assert_eq!(note.error(&json!("bad key canary-5e1f")), "19 bytes of text");
        assert_eq!(
            note.prose("Invalid URL\n(key canary-5e1f, sk-proj-1)").as_deref(),
            Some("Invalid URL (key […] […]")
        );
        assert_eq!(note.prose(&"word ".repeat(10_000)).map(|text| text.len()), Some(MAX_PROSE));
        assert_eq!((note.prose("<html>"), note.prose(" ")), (None, None));
        assert_eq!(Note::text("<html>"), "6 bytes of markup");
    }
}
