//! The commonest passwords, which are refused whatever else a policy asks for: common words, however decorated; the patterns of
//! digits and keys that people choose; and whatever is nothing but a run or a repetition, however long.

use super::{KEYS, LEAST_CHARACTERS};

/// Words that stand for the commonest passwords, one a line: lower-case letters, at least four. Written by hand after what the
/// yearly rankings of leaked passwords (`SplashData`, `NordPass`, the list of the UK's NCSC) have in common; whole lists are
/// not bundled, because nearly all of their entries are too short or break another rule.
const WORDS: &str = include_str!("common.txt");
/// Patterns of the same rankings that neither a word nor a run gives away, one a line: lower-case letters and digits, at least eight.
const PATTERNS: &str = include_str!("patterns.txt");
/// What repeats itself after at most so many characters is a repetition.
const PERIOD: usize = 4;

/// Whether a password, in lower case, is one of them.
pub(super) fn is_common(folded: &[char]) -> bool {
    let plain: Vec<char> = folded.iter().copied().filter(|c| c.is_alphanumeric()).collect();
    let letters = letters(folded);
    is_word(&letters) || [folded, &plain, &letters].into_iter().any(is_pattern)
}

/// What is left without the decoration: digits and signs around it, signs within it, digits in the place of letters.
fn letters(folded: &[char]) -> Vec<char> {
    let Some(first) = folded.iter().position(|c| c.is_alphabetic()) else { return Vec::new() };
    let last = folded.iter().rposition(|c| c.is_alphabetic()).unwrap_or(first);
    folded[first..=last].iter().filter_map(|&c| letter(c)).collect()
}

/// The letter that a character stands for in disguise.
fn letter(c: char) -> Option<char> {
    match c {
        '0' => Some('o'),
        '1' => Some('i'),
        '3' => Some('e'),
        '4' | '@' => Some('a'),
        '5' | '$' => Some('s'),
        '7' => Some('t'),
        c => c.is_alphabetic().then_some(c),
    }
}

/// Whether letters are a common word, once or repeated.
fn is_word(letters: &[char]) -> bool {
    let text: String = letters.iter().collect();
    let is = |word: &str| text.len().is_multiple_of(word.len()) && text == word.repeat(text.len() / word.len());
    !text.is_empty() && WORDS.lines().any(is)
}

/// Whether characters are a run, or two of them, or a repetition, or a pattern of the list. What is shorter than any password
/// is left to other rules.
fn is_pattern(characters: &[char]) -> bool {
    characters.len() >= LEAST_CHARACTERS
        && (is_run(characters)
            || repeats(characters)
            || PATTERNS.lines().any(|one| one.chars().eq(characters.iter().copied())))
}

fn is_run(characters: &[char]) -> bool {
    characters.windows(2).filter(|pair| !follows(pair[0], pair[1])).count() <= 1
}

/// Whether a character is the one before it, its neighbour in the alphabet or among the digits, or a neighbouring key.
fn follows(before: char, c: char) -> bool {
    let both = |is: fn(&char) -> bool| is(&before) && is(&c);
    let in_order = both(char::is_ascii_digit) || both(char::is_ascii_lowercase);
    let keys = |keys: &str| {
        let is_pair = |pair| pair == (before, c) || pair == (c, before);
        keys.chars().zip(keys.chars().skip(1)).any(is_pair)
    };
    before == c || (in_order && u32::from(before).abs_diff(u32::from(c)) == 1) || KEYS.into_iter().any(keys)
}

fn repeats(characters: &[char]) -> bool {
    (1..=PERIOD).any(|period| characters[period..] == characters[..characters.len() - period])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(password: &str) -> bool {
        is_common(&password.to_lowercase().chars().collect::<Vec<_>>())
    }

    #[test]
    fn what_rankings_list_is_common_whatever_a_policy_allows() {
        for bad in [
            "12345678",
            "123456789",
            "1234567890",
            "0123456789",
            "0987654321",
            "87654321",
            "11111111",
            "00000000",
            "88888888",
            "11223344",
            "12344321",
            "123123123",
            "12341234",
            "10101010",
            "20202020",
            "147258369",
            "789456123",
            "01011990",
            "password",
            "Passw0rd!",
            "abcdefgh",
            "ABCD1234",
            "abc123456",
            "aaabbbab",
            "a1234567",
            "123456789a",
            "qwertyui",
            "qwer1234",
            "asdfghjkl",
            "zxcvbnm123",
            "1qaz2wsx",
            "zaq12wsx",
            "1q2w3e4r",
            "q1w2e3r4t5",
            "qweasdzxc",
            "1a2b3c4d",
            "!@#$%^&*",
            "--------",
        ] {
            assert!(is(bad), "{bad}");
        }
    }

    #[test]
    fn runs_and_repetitions_are_common_however_long_and_decorated() {
        for bad in [
            "abcdefghijklmnopqrstuvwxyz",
            "qwertyuiop47",
            "12345678!",
            "<1-2-3-4-5-6-7-8>",
            "98765432109876543210",
            "xyxyxyxyxyxy",
            "Mk7!Mk7!Mk7!Mk7",
            "🌊🌊🌊🌊🌊🌊🌊🌊",
            "密码密码密码密码",
        ] {
            assert!(is(bad), "{bad}");
        }
        assert!(is(&"a".repeat(128)));
    }

    #[test]
    fn what_has_two_breaks_and_no_period_is_left_to_the_policy() {
        for good in [
            "kumquats",
            "abc-mango-123",
            "19734682",
            "4815162342",
            "Mk7dLo9h",
            "correct horse",
            "tr0ub4dor",
            "Mk7!",
            "",
        ] {
            assert!(!is(good), "{good}");
        }
    }

    #[test]
    fn the_lists_are_in_the_form_they_are_compared_in() {
        for (list, fewest, least) in [(WORDS, 200, 4), (PATTERNS, 80, LEAST_CHARACTERS)] {
            let mut entries: Vec<_> = list.lines().collect();
            assert!(entries.len() >= fewest, "{}", entries.len());
            let is_plain = |c: u8| c.is_ascii_lowercase() || (list == PATTERNS && c.is_ascii_digit());
            assert!(entries.iter().all(|entry| entry.len() >= least && entry.bytes().all(is_plain)));
            let count = entries.len();
            entries.dedup();
            assert_eq!(entries.len(), count, "an entry twice");
            assert!(entries.is_sorted());
        }
    }

    #[test]
    fn no_pattern_is_listed_in_vain() {
        for pattern in PATTERNS.lines() {
            let characters: Vec<char> = pattern.chars().collect();
            let seen = is_run(&characters) || repeats(&characters) || is_word(&letters(&characters));
            assert!(!seen, "{pattern} is refused without being listed");
        }
    }
}
