//! What a `User-Agent` says in a word that its user knows. It is the device's own word: good for a list of devices, not for a
//! decision.

/// Names within a `User-Agent` and the programs they stand for. The order matters: Edge says Chrome, and everything says Safari.
const KNOWN: [(&str, &str); 12] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("okhttp/", "Android app"),
    ("Dart/", "Flutter app"),
    ("Expo/", "Expo app"),
    ("AppleWebKit/", "Web view"),
];

/// The longest name, in bytes.
const MAX_NAME: usize = 32;

/// The program that a `User-Agent` names: a browser, or else the first product (RFC 9110, 10.1.5).
pub fn program(user_agent: &str) -> Option<String> {
    if let Some((_, name)) = KNOWN.iter().find(|(word, _)| user_agent.contains(word)) {
        return Some((*name).to_owned());
    }
    let product = user_agent.split(['/', ' ', '(', ';']).next()?;
    let plain = product.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b'+'));
    (plain && (1..=MAX_NAME).contains(&product.len())).then(|| product.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_told_apart() {
        for (user_agent, name) in [
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
                "Chrome",
            ),
            ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Safari/604.1",
                "Safari",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox"),
            ("Littoral/7 CFNetwork/1568 Darwin/24.0", "Littoral"),
            ("curl/8.5.0", "curl"),
            ("Dart/3.5 (dart:io)", "Flutter app"),
        ] {
            assert_eq!(program(user_agent).as_deref(), Some(name), "{user_agent}");
        }
    }

    #[test]
    fn what_names_no_program_is_not_repeated() {
        for bad in ["", "/", "<script>alert(1)</script>", "ünknown/1", &"x".repeat(33)] {
            assert_eq!(program(bad), None, "{bad}");
        }
    }
}
