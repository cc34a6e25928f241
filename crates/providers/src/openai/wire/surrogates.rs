//! Escapes of JSON that are half a surrogate pair.

/// The same JSON with `\ufffd` in the place of every escape of a surrogate that has no partner; `None` if it has none. A
/// backslash is found in strings alone; what has one elsewhere is no JSON before and after.
pub(super) fn without_lone(json: &[u8]) -> Option<Vec<u8>> {
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        at += match (byte, unit(json, at)) {
            (b'\\', Some(0xd800..=0xdbff)) if matches!(unit(json, at + 6), Some(0xdc00..=0xdfff)) => 12,
            (b'\\', Some(0xd800..=0xdfff)) => {
                mended.get_or_insert_with(|| json.to_vec())[at..at + 6].copy_from_slice(b"\\ufffd");
                6
            }
            // An escaped backslash begins no escape.
            (b'\\', _) => 2,
            _ => 1,
        };
    }
    mended
}

/// The UTF-16 code unit of the escape that begins here, if one does.
fn unit(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let all_hex = digits.iter().all(u8::is_ascii_hexdigit);
    u16::from_str_radix(str::from_utf8(digits).ok().filter(|_| all_hex)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(json: &str) -> Option<String> {
        without_lone(json.as_bytes()).map(|json| String::from_utf8(json).unwrap())
    }

    #[test]
    fn halves_are_replaced_and_pairs_and_escaped_backslashes_stay() {
        for (json, expected) in [
            (r#"["\ud83d"]"#, r#"["\ufffd"]"#),
            (r#"["\uDE00 and more"]"#, r#"["\ufffd and more"]"#),
            (r#"["\ude00\ud83d"]"#, r#"["\ufffd\ufffd"]"#),
            (r#"["\ud83d\ud83d\ude00"]"#, r#"["\ufffd\ud83d\ude00"]"#),
            (r#"["\\\ud83d"]"#, r#"["\\\ufffd"]"#),
            (r#"["\ud83d\\ude00"]"#, r#"["\ufffd\\ude00"]"#),
            (r#"["\ud83d\n"]"#, r#"["\ufffd\n"]"#),
        ] {
            assert_eq!(mended(json).as_deref(), Some(expected), "{json}");
        }
        for json in
            [r#"["\ud83d\ude00"]"#, r#"["\\ud83d"]"#, r#"["\u00e4"]"#, r#"["\ud83"#, r#"["\"#, r#"["\u+fff"]"#, "", "é"]
        {
            assert_eq!(mended(json), None, "{json}");
        }
    }
}
