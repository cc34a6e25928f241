//! Which passwords may be chosen, after NIST SP 800-63B: length counts, a mixture of characters is not asked for, and what
//! is easily guessed is refused. A strict policy asks for the mixture as well. Rules for new passwords only: an old one that breaks them still signs in.
//! How passwords are hashed and stored is no matter of this module.

mod commonest;
mod guessable;

/// The longest password, in characters, so that hashing stays bounded.
pub const MAX_CHARACTERS: usize = 128;
/// The least that a policy may ask for, in characters.
pub const LEAST_CHARACTERS: usize = 8;
/// The classes of characters that a strict policy asks for: lower case, upper case, digits, others.
const CLASSES: usize = 4;
/// How many equal, consecutive or neighbouring characters a strict policy refuses.
const STRICT_RUN: usize = 4;

/// Rows and columns of keys that are neighbours, on the usual keyboards.
const KEYS: [&str; 9] = [
    "1234567890",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "qsdfghjklm",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "!@#$%^&*()",
];

/// What a new password must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The fewest characters.
    pub min_length: usize,
    /// Whether it must have a character of each class, and no run anywhere.
    pub strict: bool,
}

/// A rule that a password breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It has fewer characters than this.
    Short(usize),
    /// It lacks a class of characters.
    Plain,
    /// It has a run.
    Sequence,
    /// It is one of the commonest, however decorated.
    Common,
    /// It consists mostly of runs and repetition.
    Guessable,
    /// It consists mostly of its owner's address or name.
    Personal,
}

impl Flaw {
    /// The rule, for people. Says nothing of the password.
    pub fn rule(self) -> String {
        match self {
            Self::Short(least) => format!("Must have at least {least} characters."),
            Self::Plain => {
                "Must contain a lower-case letter, an upper-case letter, a digit and another character.".into()
            }
            Self::Sequence => "Must not contain runs of four characters (aaaa, abcd, 4321, qwer).".into(),
            Self::Common => {
                "Must not be one of the commonest passwords, also not with digits or signs around it, nor a mere run or repetition.".into()
            }
            Self::Guessable => "Must not consist mostly of runs (abcd, 4321, qwer) or repetition.".into(),
            Self::Personal => "Must not consist mostly of your own e-mail address or name.".into(),
        }
    }
}

impl Policy {
    /// Every rule that a password breaks. Looks at [`MAX_CHARACTERS`] of it. `about` is what its owner is called: addresses and names.
    pub fn flaws(self, password: &str, about: &[&str]) -> Vec<Flaw> {
        let characters: Vec<char> = password.chars().take(MAX_CHARACTERS).collect();
        let mut flaws = Vec::new();
        if characters.len() < self.min_length {
            flaws.push(Flaw::Short(self.min_length));
        }
        if self.strict && classes(&characters) < CLASSES {
            flaws.push(Flaw::Plain);
        }
        let folded: Vec<char> = characters.iter().flat_map(|c| c.to_lowercase()).collect();
        if self.strict && guessable::has_run(&folded, STRICT_RUN) {
            flaws.push(Flaw::Sequence);
        }
        if commonest::is_common(&folded) {
            flaws.push(Flaw::Common);
        } else if folded.len() >= LEAST_CHARACTERS {
            // A shorter one is refused for its length.
            flaws.extend(guessable::flaw(&folded, about));
        }
        flaws
    }
}

/// How many of the four classes there are. Letters of scripts without case count as lower case.
fn classes(characters: &[char]) -> usize {
    let mut seen = [false; CLASSES];
    for c in characters {
        let class = if c.is_uppercase() {
            1
        } else if c.is_alphabetic() {
            0
        } else if c.is_numeric() {
            2
        } else {
            3
        };
        seen[class] = true;
    }
    seen.into_iter().filter(|seen| *seen).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: Policy = Policy { min_length: 10, strict: false };
    const STRICT: Policy = Policy { min_length: 12, strict: true };

    #[test]
    fn good_passwords_have_no_flaw() {
        for good in [
            "canary-Passw0rd-7",
            "Tr0ub4dor&Sons!",
            "correct Horse 42 battery",
            "  Pässwörter 🌊 42",
            "密码很长很长很长 Aa1!x",
            "Thirsty-Student-77!Z",
            "First-Harbour-2024!x",
            "SecurePass123!",
        ] {
            assert_eq!((DEFAULT.flaws(good, &[]), STRICT.flaws(good, &[])), (vec![], vec![]), "{good}");
        }
        for good in ["quiet amber lanterns", "kumquatjar", "4815162342", "Äé-ß9öüäÖÜ"] {
            assert_eq!(DEFAULT.flaws(good, &[]), [], "{good}");
        }
    }

    #[test]
    fn every_broken_rule_is_told() {
        assert_eq!(DEFAULT.flaws("", &[]), [Flaw::Short(10)]);
        // Characters count, not bytes.
        assert_eq!(DEFAULT.flaws("Äé-ß9öüäÖ", &[]), [Flaw::Short(10)]);
        assert_eq!(DEFAULT.flaws("abcdefgh", &[]), [Flaw::Short(10), Flaw::Common]);
        assert_eq!(STRICT.flaws("ab1234", &[]), [Flaw::Short(12), Flaw::Plain, Flaw::Sequence]);
        assert_eq!(STRICT.flaws("Passwort-Pa9", &[]), []);
        assert_eq!(STRICT.flaws("Passwort-P9", &[]), [Flaw::Short(12)]);
        assert_eq!(STRICT.flaws("passwort-pa9x", &[]), [Flaw::Plain]);
    }

    #[test]
    fn a_strict_policy_finds_runs_forwards_and_backwards_in_either_case() {
        for bad in [
            "aaaa", "AaAa", "1111", "----", "abcd", "WxYz", "dcba", "1234", "9876", "qwer", "REWQ", "asdf", "1qaz",
            "!@#$",
        ] {
            assert_eq!(STRICT.flaws(&format!("Mk7-dLo9+{bad}_hT2"), &[]), [Flaw::Sequence], "{bad}");
        }
        for good in ["aaa", "abc", "123", "qwe", "acbd", "9:;", "`ab", "21x", "aceg"] {
            assert_eq!(STRICT.flaws(&format!("Mk7-dLo9+{good}_hT2"), &[]), [], "{good}");
        }
        assert_eq!(DEFAULT.flaws("Mk7-dLo9+aaaa1234", &[]), []);
    }

    #[test]
    fn what_is_mostly_runs_or_repetition_is_refused() {
        for bad in
            ["abcde-x-87654", "abab-kkkk-1111-x", "uiop-7-asdf", "Mk7-Mk7-Mk7-x", "kumquatkumquat", "1234-x-1234-y"]
        {
            assert_eq!(DEFAULT.flaws(bad, &[]), [Flaw::Guessable], "{bad}");
        }
        for good in ["abc-mango-123", "kumquats-kumquat-jar", "2024-Harbour-2024"] {
            assert_eq!(DEFAULT.flaws(good, &[]), [], "{good}");
        }
    }

    #[test]
    fn what_is_mostly_the_owners_address_or_name_is_refused() {
        let about = ["ada.lovelace@example.com", "Ada Lovelace"];
        for bad in ["ada.lovelace@example.com", "AdaLovelace1815", "lovelace-2024", "Ada Lovelace!", "lovelace123"] {
            assert_eq!(DEFAULT.flaws(bad, &about), [Flaw::Personal], "{bad}");
        }
        for good in ["lovelace-likes-kumquats", "Analytical-Engine", "adamant-kumquat"] {
            assert_eq!(DEFAULT.flaws(good, &about), [], "{good}");
        }
    }

    #[test]
    fn the_commonest_are_refused_by_the_most_lenient_policy() {
        let lenient = Policy { min_length: LEAST_CHARACTERS, strict: false };
        for bad in ["12345678", "abcdefgh", "aaabbbab", "qwertyui", "1q2w3e4r", "password"] {
            assert_eq!(lenient.flaws(bad, &[]), [Flaw::Common], "{bad}");
        }
        assert_eq!(lenient.flaws("kumquats", &[]), []);
    }

    #[test]
    fn common_words_are_seen_through_their_decoration() {
        for bad in [
            "Password-2024!",
            "P@ssw0rd-2024!",
            "Welcome+Welcome-9",
            "I-love-you-47!",
            "Correct-Horse-Battery-Staple-9",
        ] {
            assert_eq!(STRICT.flaws(bad, &[]), [Flaw::Common], "{bad}");
        }
        for good in ["Password-Kumquat-9", "my-Passw0rd-is-9", "Pass-W-ordeal-90"] {
            assert_eq!(STRICT.flaws(good, &[]), [], "{good}");
        }
    }

    #[test]
    fn a_rule_says_nothing_of_the_password() {
        for flaw in [Flaw::Short(12), Flaw::Plain, Flaw::Sequence, Flaw::Common, Flaw::Guessable, Flaw::Personal] {
            assert!(flaw.rule().starts_with("Must ") && flaw.rule().ends_with('.'));
        }
    }
}
