//! Forms, as HTML has them.

use super::connection::decode;

/// The value of a field; nothing if there is none.
pub fn field(form: &[u8], name: &str) -> String {
    let form = String::from_utf8_lossy(form);
    let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.find_map(|(key, value)| (key == name).then_some(value));
    decode(&value.unwrap_or_default().replace('+', " "))
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_field_is_found_by_its_whole_name_and_decoded() {
        let form = b"prefix=x&fix=a%2Bb+c&fix=second";
        assert_eq!(field(form, "fix"), "a+b c");
        assert_eq!(field(form, "pre"), "");
    }
}
