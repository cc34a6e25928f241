//! Settings of models: which ones may be asked for.

use ports::SettingsError;

use super::{OFFLINE_MODEL, reader::Reader};

/// The longest name of a model, in characters.
pub const MAX_NAME: usize = 200;
/// The most entries of the list.
const MOST: usize = 100;

/// The models that may be asked for: the default one, and those of `LITTORAL_MODELS`. An entry that ends in `*` stands for all
/// names that begin so.
pub(super) async fn read(
    read: &mut Reader<'_>,
    default: &str,
    has_provider: bool,
) -> Result<Vec<String>, SettingsError> {
    let text = read.text("LITTORAL_MODELS").await?.unwrap_or_default();
    let mut models = vec![default.to_owned()];
    if default.len() > MAX_NAME {
        read.refuse("LITTORAL_MODEL", &format!("expected the name of a model, of up to {MAX_NAME} characters"));
    }
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let valid = entry.strip_suffix('*').map_or_else(|| is_name(entry), |begin| begin.bytes().all(is_plain));
        if !valid || entry.len() > MAX_NAME || models.len() > MOST {
            let expected = format!(
                "expected up to {MOST} names of models of up to {MAX_NAME} characters, separated by commas, like gpt-4o-mini,gpt-4o; one that ends in * stands for all that begin so"
            );
            read.refuse("LITTORAL_MODELS", &expected);
            break;
        }
        if !models.iter().any(|model| model == entry) {
            models.push(entry.to_owned());
        }
    }
    if !has_provider && models.iter().any(|model| model != OFFLINE_MODEL) {
        read.refuse(
            "LITTORAL_MODEL and LITTORAL_MODELS",
            "expected LITTORAL_OPENAI_BASE_URL to be set too: without a provider there is only the model littoral-offline",
        );
    }
    Ok(models)
}

/// Whether a text has the form of a model's name: no spaces, no control characters, nothing that walks through paths.
pub fn is_name(text: &str) -> bool {
    let begins = text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric() || first == b'@');
    begins && text.bytes().all(is_plain) && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

const fn is_plain(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_' | b':' | b'/' | b'@' | b'+')
}

#[cfg(test)]
mod tests {
    use super::{super::tests::load, *};

    const PROVIDER: (&str, &str) = ("LITTORAL_OPENAI_BASE_URL", "http://127.0.0.1:9/v1");

    #[test]
    fn without_a_list_only_the_default_model_is_allowed() {
        assert_eq!(load(&[]).unwrap().models, [OFFLINE_MODEL]);
        assert_eq!(load(&[PROVIDER]).unwrap().models, ["gpt-4o-mini"]);
    }

    #[test]
    fn the_list_adds_to_the_default_model() {
        let config = load(&[PROVIDER, ("LITTORAL_MODEL", "a"), ("LITTORAL_MODELS", "b, a,@cf/c-*,")]).unwrap();
        assert_eq!(config.models, ["a", "b", "@cf/c-*"]);
        for bad in ["a b", "../a", "a//b", "*a", "ä"] {
            let problems = load(&[PROVIDER, ("LITTORAL_MODELS", bad)]).unwrap_err().0;
            assert!(problems.len() == 1 && problems[0].starts_with("LITTORAL_MODELS: "), "{bad}: {problems:?}");
        }
    }

    #[test]
    fn a_name_is_no_longer_than_a_request_may_name() {
        let of = |name: &'static str, length| load(&[PROVIDER, (name, &*"m".repeat(length).leak())]);
        for name in ["LITTORAL_MODEL", "LITTORAL_MODELS"] {
            assert!(of(name, MAX_NAME).is_ok(), "{name}");
            let problems = of(name, MAX_NAME + 1).unwrap_err().0;
            assert!(problems.len() == 1 && problems[0].starts_with(&format!("{name}: ")), "{problems:?}");
        }
    }

    #[test]
    fn without_a_provider_there_is_only_the_offline_model() {
        assert!(load(&[("LITTORAL_MODELS", OFFLINE_MODEL)]).is_ok());
        for name in ["LITTORAL_MODEL", "LITTORAL_MODELS"] {
            assert!(load(&[(name, "gpt-4o")]).unwrap_err().0[0].contains("LITTORAL_OPENAI_BASE_URL"), "{name}");
        }
    }

    #[test]
    fn names_are_plain() {
        assert!(["gpt-4o", "@cf/meta/llama-3.1", "ft:gpt-4o:org::id", "a/b@c+d"].into_iter().all(is_name));
        assert!(!["", "m ", "m\n", "../m", "a/../b", "a//b", "/a", "a/", "-m", "m\0", "é"].into_iter().any(is_name));
    }
}
