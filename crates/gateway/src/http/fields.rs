//! Reads the fields of a JSON object and collects one entry for each that is wrong. No value is ever echoed.

use std::{iter, ops::RangeInclusive};

use serde_json::{Map, Value};

use crate::error::{Error, FieldError, Result};

/// A body being read. A field that nobody asked for is refused: one that is misspelt would be left out without a word.
pub struct Fields {
    /// What nobody asked for yet.
    object: Map<String, Value>,
    /// The names that were asked for.
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

/// Unknown fields, or parameters, that get an entry each.
pub const MAX_UNKNOWN: usize = 8;

/// Whether an unknown field's name can be repeated to the client: what looks like a value in a name's place cannot.
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.'))
}

impl Fields {
    /// Begins.
    pub fn new(object: Map<String, Value>) -> Self {
        Self { object, known: Vec::new(), errors: Vec::new() }
    }

    /// Ends: `value` if every field was right, and every field that there is was asked for.
    pub fn finish<T>(mut self, value: T) -> Result<T> {
        if !self.object.is_empty() {
            self.refuse_unknown();
        }
        if self.errors.is_empty() { Ok(value) } else { Err(Error::invalid(self.errors)) }
    }

    fn refuse_unknown(&mut self) {
        let detail = match self.known.as_slice() {
            [] => "This field is not known. This operation has none.".to_owned(),
            known => format!("This field is not known. There are: `{}`.", known.join("`, `")),
        };
        let pointers = self
            .object
            .keys()
            .take(MAX_UNKNOWN)
            .map(|name| if is_name(name) { format!("/{name}") } else { String::new() });
        // What there is stands in the first entry alone.
        let details = iter::once(detail).chain(iter::repeat("This field is not known.".to_owned()));
        self.errors.extend(pointers.zip(details).map(|(pointer, detail)| FieldError { pointer, detail }));
    }

    /// Adds an entry for a field that is right in form and wrong in substance.
    pub fn refuse(&mut self, name: &str, detail: impl Into<String>) {
        self.errors.push(FieldError { pointer: format!("/{name}"), detail: detail.into() });
    }

    /// Whether the field is there, null or not. It has to be read then.
    pub fn has(&mut self, name: &'static str) -> bool {
        self.know(name);
        self.object.contains_key(name)
    }

    fn know(&mut self, name: &'static str) {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.know(name);
        self.object.remove(name).filter(|value| !value.is_null())
    }

    /// A required text of so many characters; an empty one when it is wrong.
    pub fn text(&mut self, name: &'static str, length: RangeInclusive<usize>) -> String {
        if let Some(value) = self.take(name) {
            return self.check_text(name, value, &length);
        }
        self.refuse(name, "This field is required.");
        String::new()
    }

    /// The same of a text that goes to a model: of control characters it may hold newlines and tabs.
    pub fn prose(&mut self, name: &'static str, length: RangeInclusive<usize>) -> String {
        let text = self.text(name, length);
        // U+0000 has an entry of its own.
        if text.chars().any(|c| c.is_ascii_control() && !matches!(c, '\n' | '\r' | '\t' | '\0')) {
            self.refuse(name, "Must not contain control characters other than newlines and tabs.");
        }
        text
    }

    /// A text of so many characters that may be missing or null.
    pub fn maybe_text(&mut self, name: &'static str, length: RangeInclusive<usize>) -> Option<String> {
        self.take(name).map(|value| self.check_text(name, value, &length))
    }

    fn check_text(&mut self, name: &str, value: Value, length: &RangeInclusive<usize>) -> String {
        let Value::String(text) = value else {
            self.refuse(name, "Must be a text.");
            return String::new();
        };
        if text.contains('\0') {
            self.refuse(name, "Must not contain NUL characters.");
        }
        // Bytes bound characters from above: the common case is not counted.
        let fits = text.len() <= *length.end() || text.chars().count() <= *length.end();
        if !fits || text.chars().take(*length.start()).count() < *length.start() {
            self.refuse(name, format!("Must have {} to {} characters.", length.start(), length.end()));
        }
        text
    }

    /// A list of texts, at most `most`, that may be missing or null.
    pub fn maybe_words(&mut self, name: &'static str, most: usize) -> Option<Vec<String>> {
        let Value::Array(items) = self.take(name)? else {
            self.refuse(name, "Must be a list of texts.");
            return None;
        };
        if items.len() > most {
            self.refuse(name, format!("Must have at most {most} items."));
            return None;
        }
        let words: Option<Vec<String>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
        if words.is_none() {
            self.refuse(name, "Must be a list of texts.");
        }
        words
    }

    /// An object that may be missing or null.
    pub fn maybe_object(&mut self, name: &'static str) -> Option<Map<String, Value>> {
        if let Value::Object(object) = self.take(name)? {
            return Some(object);
        }
        self.refuse(name, "Must be an object.");
        None
    }

    /// A boolean that may be missing or null.
    pub fn maybe_bool(&mut self, name: &'static str) -> Option<bool> {
        let value = self.take(name)?.as_bool();
        if value.is_none() {
            self.refuse(name, "Must be true or false.");
        }
        value
    }

    /// A whole number of a range that may be missing or null.
    pub fn maybe_integer(&mut self, name: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let number = self.take(name)?.as_u64().filter(|number| range.contains(number));
        if number.is_none() {
            self.refuse(name, format!("Must be a whole number from {} to {}.", range.start(), range.end()));
        }
        number
    }

    /// A number of a range that may be missing or null.
    pub fn maybe_number(&mut self, name: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let number = self.take(name)?.as_f64().filter(|number| range.contains(number));
        if number.is_none() {
            self.refuse(name, format!("Must be a number from {} to {}.", range.start(), range.end()));
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::ErrorKind;

    fn fields(value: Value) -> Fields {
        let Value::Object(object) = value else { panic!("not an object") };
        Fields::new(object)
    }

    #[test]
    fn every_wrong_field_gets_an_entry_and_no_value_is_echoed() {
        let mut read = fields(json!({ "title": 5, "content": "hunter2\0", "stream": "yes", "seen": -1 }));
        read.text("email", 1..=10);
        read.maybe_text("title", 1..=10);
        read.text("content", 1..=10);
        read.maybe_bool("stream");
        read.maybe_integer("seen", 0..=10);
        let error = read.finish(()).unwrap_err();
        let ErrorKind::Invalid(entries) = &error.kind else { panic!("{error}") };
        let pointers: Vec<_> = entries.iter().map(|entry| entry.pointer.as_str()).collect();
        assert_eq!(pointers, ["/email", "/title", "/content", "/stream", "/seen"]);
        assert!(!format!("{entries:?}").contains("hunter2"));
    }

    #[test]
    fn what_nobody_asked_for_is_refused_by_its_name_and_bounded() {
        let mut read = fields(json!({ "title": "a", "is_pinned": "hunter2", "hunter2@x.test": null }));
        read.maybe_text("title", 1..=10);
        read.maybe_bool("stream");
        let error = read.finish(()).unwrap_err();
        let ErrorKind::Invalid(entries) = &error.kind else { panic!("{error}") };
        let pointers: Vec<_> = entries.iter().map(|entry| entry.pointer.as_str()).collect();
        assert_eq!(pointers, ["", "/is_pinned"]);
        assert_eq!(entries[0].detail, "This field is not known. There are: `title`, `stream`.");
        assert!(!format!("{entries:?}").contains("hunter2"));

        let many = (0..100).map(|number| (number.to_string(), Value::Null)).collect();
        let error = Fields::new(many).finish(()).unwrap_err();
        let ErrorKind::Invalid(entries) = &error.kind else { panic!("{error}") };
        assert_eq!(entries.len(), MAX_UNKNOWN);
        assert_eq!(entries[0].detail, "This field is not known. This operation has none.");
    }

    #[test]
    fn lengths_count_characters() {
        let mut read = fields(json!({ "a": "ééé", "b": "éééé" }));
        assert_eq!(read.text("a", 1..=3), "ééé");
        read.text("b", 1..=3);
        assert!(read.finish(()).is_err());
    }
}
