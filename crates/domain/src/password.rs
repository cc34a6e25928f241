//! Which passwords may be chosen. Rules for new passwords only: an old one that breaks them still signs in. How passwords are
//! hashed and stored is no matter of this module.

mod commonest;

/// The longest password, in characters, so that hashing stays bounded.
pub const MAX_CHARACTERS: usize = 128;
/// The least that a policy may ask for, in characters.
pub const LEAST_CHARACTERS: usize = 8;

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
/// How many neighbouring keys are a run.
const KEY_RUN: usize = 4;

/// What a new password must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The fewest characters.
    pub min_length: usize,
    /// Of how many of the four classes (lower case, upper case, digits, others) it must have a character.
    pub classes: usize,
    /// Whether runs like `aaa`, `abc`, `321` and `qwer` are refused.
    pub refuse_sequences: bool,
}

/// A rule that a password breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It has fewer characters than this.
    Short(usize),
    /// It has characters of fewer classes than this.
    Plain(usize),
    /// It has a run.
    Sequence,
    /// It is one of the commonest, however decorated, or nothing but a run or a repetition.
    Common,
}

impl Flaw {
    /// The rule, for people. Says nothing of the password.
    pub fn rule(self) -> String {
        match self {
            Self::Short(least) => format!("Must have at least {least} characters."),
            Self::Plain(4..) => "Must contain a lower-case letter, an upper-case letter, a digit and another character.".into(),
            Self::Plain(classes) => format!(
                "Must contain at least {classes} of these: lower-case letters, upper-case letters, digits, other characters."
            ),
            Self::Sequence => {
                "Must not contain runs: three equal or consecutive letters or digits (aaa, abc, 321) or four neighbouring keys (qwer)."
                    .into()
            }
            Self::Common => {
                "Must not be one of the commonest passwords, also not with digits or signs around it, nor a mere run or repetition.".into()
            }
        }
    }
}

impl Policy {
    /// Every rule that a password breaks. Looks at [`MAX_CHARACTERS`] of it.
    pub fn flaws(self, password: &str) -> Vec<Flaw> {
        let characters: Vec<char> = password.chars().take(MAX_CHARACTERS).collect();
        let mut flaws = Vec::new();
        if characters.len() < self.min_length {
            flaws.push(Flaw::Short(self.min_length));
        }
        if classes(&characters) < self.classes {
            flaws.push(Flaw::Plain(self.classes));
        }
        let folded: Vec<char> = characters.iter().flat_map(|c| c.to_lowercase()).collect();
        if self.refuse_sequences && has_run(&folded) {
            flaws.push(Flaw::Sequence);
        }
        if commonest::is_common(&folded) {
            flaws.push(Flaw::Common);
        }
        flaws
    }
}

/// How many of the four classes there are. Letters of scripts without case count as lower case.
fn classes(characters: &[char]) -> usize {
    let mut seen = [false; 4];
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

fn has_run(folded: &[char]) -> bool {
    let step = |a: char, b: char| i64::from(u32::from(b)) - i64::from(u32::from(a));
    let one_kind = |run: &[char]| run.iter().all(char::is_ascii_digit) || run.iter().all(char::is_ascii_lowercase);
    let in_order = folded.windows(3).any(|run| {
        let (first, second) = (step(run[0], run[1]), step(run[1], run[2]));
        first == second && (first == 0 || (first.abs() == 1 && one_kind(run)))
    });
    in_order
        || folded.windows(KEY_RUN).any(|run| {
            let (forth, back): (String, String) = (run.iter().collect(), run.iter().rev().collect());
            KEYS.iter().any(|keys| keys.contains(&forth) || keys.contains(&back))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: Policy = Policy { min_length: 12, classes: 4, refuse_sequences: true };

    #[test]
    fn good_passwords_have_no_flaw() {
        for good in [
            "canary-Passw0rd-7",
            "Tr0ub4dor&Sons!",
            "correct Horse 42 battery",
            "  Pässwörter 🌊 42",
            "密码很长很长很长 Aa1!x",
        ] {
            assert_eq!(DEFAULT.flaws(good), [], "{good}");
        }
    }

    #[test]
    fn every_broken_rule_is_told() {
        assert_eq!(DEFAULT.flaws("abc"), [Flaw::Short(12), Flaw::Plain(4), Flaw::Sequence]);
        assert_eq!(DEFAULT.flaws(""), [Flaw::Short(12), Flaw::Plain(4)]);
        assert_eq!(DEFAULT.flaws("Passwort-Pa9"), []);
        assert_eq!(DEFAULT.flaws("Passwort-P9"), [Flaw::Short(12)]);
        assert_eq!(DEFAULT.flaws("passwort-pa9x"), [Flaw::Plain(4)]);
        // Characters count, not bytes.
        assert_eq!(DEFAULT.flaws("Äé-ß9öüäÖÜÄ"), [Flaw::Short(12)]);
    }

    #[test]
    fn runs_are_found_forwards_and_backwards_in_either_case() {
        for bad in [
            "aaa",
            "AaA",
            "111",
            "---",
            "abc",
            "XyZ",
            "cba",
            "123",
            "987",
            "qwer",
            "REWQ",
            "asdf",
            "zxcv",
            "1qaz",
            "!@#$",
            "🌊🌊🌊",
        ] {
            assert_eq!(DEFAULT.flaws(&format!("Mk7-dLo9+{bad}_hT2")), [Flaw::Sequence], "{bad}");
        }
        for good in ["aa", "ab", "12", "qwe", "acb", "9:;", "`ab", "21x", "ace"] {
            assert_eq!(DEFAULT.flaws(&format!("Mk7-dLo9+{good}_hT2")), [], "{good}");
        }
        let lenient = Policy { refuse_sequences: false, ..DEFAULT };
        assert_eq!(lenient.flaws("Mk7-dLo9+aaa123"), []);
    }

    #[test]
    fn the_commonest_are_refused_by_the_most_lenient_policy() {
        let lenient = Policy { min_length: LEAST_CHARACTERS, classes: 1, refuse_sequences: false };
        for bad in ["12345678", "abcdefgh", "aaabbbab", "qwertyui", "1q2w3e4r", "password"] {
            assert_eq!(lenient.flaws(bad), [Flaw::Common], "{bad}");
        }
        assert_eq!(lenient.flaws("kumquats"), []);
    }

    #[test]
    fn common_words_are_seen_through_their_decoration() {
        for bad in [
            "Password-2024!",
            "P@ssw0rd-2024!",
            "Welcome+Welcome-9",
            "I-love-you-4ever!".replace("4ever", "47").as_str(),
            "Correct-Horse-Battery-Staple-9",
        ] {
            assert_eq!(DEFAULT.flaws(bad), [Flaw::Common], "{bad}");
        }
        for good in ["Password-Kumquat-9", "my-Passw0rd-is-9", "Pass-W-ordeal-90"] {
            assert_eq!(DEFAULT.flaws(good), [], "{good}");
        }
    }

    #[test]
    fn a_rule_says_nothing_of_the_password() {
        for flaw in [Flaw::Short(12), Flaw::Plain(4), Flaw::Plain(2), Flaw::Sequence, Flaw::Common] {
            assert!(flaw.rule().starts_with("Must ") && flaw.rule().ends_with('.'));
        }
    }
}
