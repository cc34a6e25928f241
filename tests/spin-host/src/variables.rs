//! Spin's variables: what the application is given, what the component sees of it, and the interface it asks.

use std::collections::{BTreeMap, HashMap};

use wasmtime::{Result, bail, component::Accessor, error::Context as _};

use crate::{
    bindings::spin::variables::variables::{Error, Host, HostWithStore},
    manifest::Variable,
    state::{Spin, State},
};

/// Values by name.
pub type Variables = HashMap<String, String>;

/// The application's variables: `given` first, then the environment (`SPIN_VARIABLE_NAME`), then the defaults.
#[expect(clippy::disallowed_methods, reason = "this is a host: the environment is its to read")]
pub fn of_application(
    declared: &BTreeMap<String, Variable>,
    given: impl Fn(&str) -> Option<String>,
) -> Result<Variables> {
    declared
        .iter()
        .map(|(name, variable)| {
            check_name(name).map_err(|reason| wasmtime::format_err!("variable {name}: {reason}"))?;
            if variable.required == variable.default.is_some() {
                bail!("variable {name} must either be required or have a default");
            }
            let environment = format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase());
            let value = given(name)
                .or_else(|| std::env::var(environment).ok())
                .or_else(|| variable.default.clone())
                .with_context(|| format!("variable {name} is required and has no value"))?;
            Ok((name.clone(), value))
        })
        .collect()
}

/// The component's variables, with the application's filled in.
pub fn of_component(id: &str, templates: &BTreeMap<String, String>, application: &Variables) -> Result<Variables> {
    templates
        .iter()
        .map(|(name, template)| {
            let value = check_name(name)
                .map_err(wasmtime::Error::msg)
                .and_then(|()| fill(template, application))
                .with_context(|| format!("variable {name} of component {id}"))?;
            Ok((name.clone(), value))
        })
        .collect()
}

/// Replaces each `{{ name }}` by its value.
pub fn fill(template: &str, variables: &Variables) -> Result<String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((literal, tail)) = rest.split_once("{{") {
        let (name, after) = tail.split_once("}}").with_context(|| format!("unmatched '{{{{' in {template:?}"))?;
        let name = name.trim();
        let value = variables.get(name).with_context(|| format!("{template:?} names the unknown variable {name}"))?;
        filled.push_str(literal);
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Names are words of lower-case letters and digits, joined by single underscores.
fn check_name(name: &str) -> Result<(), String> {
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if name.starts_with(|first: char| first.is_ascii_lowercase()) && name.split('_').all(word) {
        Ok(())
    } else {
        Err(format!("{name:?} is not a variable name"))
    }
}

impl Host for State {}

impl<T: Send + 'static> HostWithStore<T> for Spin {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> Result<Result<String, Error>> {
        if let Err(reason) = check_name(&name) {
            return Ok(Err(Error::InvalidName(reason)));
        }
        let value = accessor.with(|mut store| store.get().application.variables.get(&name).cloned());
        Ok(value.ok_or_else(|| Error::Undefined(format!("no variable {name:?}"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled() {
        let variables = Variables::from([("a".into(), "1".into()), ("b".into(), "{{ a }}".into())]);
        let filled = |template| fill(template, &variables).ok();
        assert_eq!(filled("plain").as_deref(), Some("plain"));
        assert_eq!(filled("x{{a}}y{{ b }}").as_deref(), Some("x1y{{ a }}"));
        assert_eq!(filled("{{ c }}"), None);
        assert_eq!(filled("{{ a"), None);
    }

    #[test]
    fn names_are_checked() {
        for name in ["a", "a1", "a_b", "a_1"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "A", "1a", "_a", "a_", "a__b", "a-b"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
