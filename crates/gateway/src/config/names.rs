//! Names of settings that are given and mean nothing.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use ports::{Settings, SettingsError};

/// How many letters may differ between a name and the one that was meant.
const NEAR: usize = 3;

/// Settings that remember which names were asked for.
pub struct Noting<'a> {
    settings: &'a dyn Settings,
    asked: Mutex<BTreeSet<String>>,
}

impl<'a> Noting<'a> {
    /// These settings; nothing was asked for so far.
    pub fn new(settings: &'a dyn Settings) -> Self {
        Self { settings, asked: Mutex::default() }
    }

    /// What was asked for.
    pub fn asked(self) -> BTreeSet<String> {
        self.asked.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Settings for Noting<'_> {
    async fn get(&self, name: &str) -> Result<Option<String>, SettingsError> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        self.settings.get(name).await
    }
}

/// What to say of each name that is given and that nobody asked for: misspelt, or without effect beside the others.
pub fn unknown<'a>(given: impl IntoIterator<Item = &'a str>, asked: &BTreeSet<String>) -> Vec<String> {
    let mut unknown: Vec<&str> = given.into_iter().filter(|&name| !asked.contains(name)).collect();
    unknown.sort_unstable();
    let told = |name: &str| {
        let meant = nearest(name, asked.iter().map(String::as_str));
        let meant = meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
        format!("{name} is set, but it is no setting or has no effect beside the others{meant}")
    };
    unknown.into_iter().map(told).collect()
}

/// The name that a misspelt one was meant for, if one is near.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (letters, near) = known.map(|known| (distance(name, known), known)).min()?;
    (letters <= NEAR).then_some(near)
}

/// The fewest letters to change, add or take away (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, a) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for (at, b) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests;
