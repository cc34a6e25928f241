//! The settings that the hosts are tested with.

use std::collections::BTreeMap;

#[path = "../../tests/src/settings.rs"]
mod table;

pub use table::{PROFILES, Profile, profile};

/// Names and values, for a server at `url` whose providers are the scripted upstream at `upstream`. The suite's own
/// table, so that a host in another process and the one in the suite's are alike.
pub fn for_tests(url: &str, upstream: &str, profile: Option<&Profile>) -> BTreeMap<&'static str, String> {
    let owned = |&(name, value): &(&'static str, &str)| (name, value.to_owned());
    let mut settings: BTreeMap<_, _> = table::SETTINGS.iter().map(owned).collect();
    settings.extend(table::at_upstream(upstream));
    settings.insert("LITTORAL_PUBLIC_URL", url.to_owned());
    settings.extend(profile.into_iter().flat_map(|profile| profile.settings).map(owned));
    settings
}

#[cfg(test)]
mod tests {
    use super::{PROFILES, for_tests, profile};

    #[test]
    fn a_profile_replaces_what_it_names_and_nothing_else() {
        let shared = for_tests("http://a", "http://b", None);
        assert_eq!(shared["LITTORAL_TURNSTILE_URL"], "http://b/play/captcha");
        for profile in PROFILES {
            let mut settings = for_tests("http://a", "http://b", Some(profile));
            for (name, value) in profile.settings {
                assert_eq!(settings.remove(name).as_deref(), Some(*value), "{name}");
            }
            assert!(settings.iter().all(|(name, value)| shared.get(name) == Some(value)), "{}", profile.name);
        }
    }

    #[test]
    fn a_profile_is_found_by_a_name_that_no_other_has() {
        for one in PROFILES {
            let found = profile(one.name).expect("itself");
            assert_eq!(found.settings, one.settings, "{} is there twice", one.name);
        }
        assert!(profile("canary").is_none());
    }
}
