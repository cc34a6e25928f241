//! The secrets file of a data folder: generated on first start, readable by its owner alone, rotated by a command.
//!
//! It holds settings in the form `NAME=value`, one a line; `#` begins a comment line. Any setting may stand in it.

use std::{
    collections::HashMap,
    fmt, fs,
    io::Write as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Secret;
use ports::Entropy;

/// The ring that signs access tokens.
const JWT: &str = "LITTORAL_JWT_KEYS";

/// The ring whose keys are never dropped: what is sealed with the oldest could not be read any more.
const DATA: &str = "LITTORAL_DATA_KEYS";

/// The rings of keys that every server needs.
const RINGS: [&str; 3] = [JWT, "LITTORAL_REFRESH_KEYS", DATA];

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// A shared secret.
    Hs256,
    /// A pair of keys on Ed25519.
    EdDsa,
    /// A pair of keys on P-256.
    Es256,
}

impl KeyKind {
    const ALL: [Self; 3] = [Self::Hs256, Self::EdDsa, Self::Es256];

    /// Reads its name on the command line.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "hs256" => Some(Self::Hs256),
            "eddsa" => Some(Self::EdDsa),
            "es256" => Some(Self::Es256),
            _ => None,
        }
    }

    /// What stands between the id and the key in a ring.
    const fn tag(self) -> &'static str {
        match self {
            Self::Hs256 => "",
            Self::EdDsa => "ed25519:",
            Self::Es256 => "es256:",
        }
    }

    /// The kind of the key that signs in a ring.
    fn of_head(ring: &str) -> Self {
        let key = ring.split(',').next().unwrap_or_default().split_once(':').map_or("", |(_, key)| key);
        let tagged = |kind: &Self| !kind.tag().is_empty() && key.starts_with(kind.tag());
        Self::ALL.into_iter().find(tagged).unwrap_or(Self::Hs256)
    }
}

/// Keys kept in another ring. What the oldest one made is refused once it is gone: access tokens live for minutes, sessions end.
const KEPT: usize = 3;

const PREAMBLE: &str = "# Littoral's secrets. Whoever has this file can sign in as anybody. Rotate the keys with `littoral keys rotate`.\n";

/// Why the file cannot be used, and what to do about it. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretsError(String);

impl fmt::Display for SecretsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SecretsError {}

/// An open secrets file.
pub struct Secrets {
    path: PathBuf,
    text: Secret<String>,
}

impl Secrets {
    /// Reads `secrets.env` in the folder, after generating what is missing of it.
    pub fn open(folder: &Path, entropy: &dyn Entropy) -> Result<Self, SecretsError> {
        let mut secrets = Self::read(folder)?;
        let fresh = secrets.missing(entropy);
        if !fresh.is_empty() {
            let lines = secrets.text.expose().lines().map(str::to_owned).chain(fresh).collect();
            secrets.write(lines)?;
        }
        Ok(secrets)
    }

    /// The same without writing: what is missing is there for this process alone.
    pub fn preview(folder: &Path, entropy: &dyn Entropy) -> Result<Self, SecretsError> {
        let secrets = Self::read(folder)?;
        let lines = std::iter::once(secrets.text.expose().clone()).chain(secrets.missing(entropy));
        Ok(Self { text: Secret::new(lines.collect::<Vec<_>>().join("\n")), path: secrets.path })
    }

    /// Lines for what every server needs and the file does not have.
    fn missing(&self, entropy: &dyn Entropy) -> Vec<String> {
        let present = self.settings();
        let missing = RINGS.into_iter().filter(|ring| !present.contains_key(*ring));
        missing.map(|ring| format!("{ring}={}", fresh_key(KeyKind::Hs256, entropy))).collect()
    }

    /// Puts a new key at the head of each ring and keeps the newest three, or all that open sealed data; the one that signs access tokens is of this kind, or
    /// of the kind of the last one. A server takes it up when it starts.
    pub fn rotate(folder: &Path, kind: Option<KeyKind>, entropy: &dyn Entropy) -> Result<(), SecretsError> {
        let mut secrets = Self::open(folder, entropy)?;
        let rotated = |line: &str| match setting(line) {
            Some((name, keys)) if RINGS.contains(&name) => {
                let kind = if name == JWT { kind.unwrap_or_else(|| KeyKind::of_head(keys)) } else { KeyKind::Hs256 };
                let kept = if name == DATA { usize::MAX } else { KEPT };
                let fresh = fresh_key(kind, entropy);
                let keys = keys.split(',').map(str::trim).filter(|key| !key.is_empty());
                let ring: Vec<_> = [fresh.as_str()].into_iter().chain(keys).take(kept).collect();
                format!("{name}={}", ring.join(","))
            }
            _ => line.to_owned(),
        };
        let lines = secrets.text.expose().lines().map(rotated).collect();
        secrets.write(lines)
    }

    /// The settings that it holds, by name.
    pub fn settings(&self) -> HashMap<String, Secret<String>> {
        let pairs = self.text.expose().lines().filter_map(setting);
        pairs.map(|(name, value)| (name.to_owned(), Secret::from(value))).collect()
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn read(folder: &Path) -> Result<Self, SecretsError> {
        let path = folder.join("secrets.env");
        let fail = |error: std::io::Error| SecretsError(format!("cannot read {}: {error}", path.display()));
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self { path, text: Secret::from(PREAMBLE) });
            }
            Err(error) => return Err(fail(error)),
        };
        let mode = metadata.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(SecretsError(format!(
                "{0} can be read by others (mode {mode:04o}): run `chmod 600 {0}`, and `littoral keys rotate` if somebody may have read it",
                path.display()
            )));
        }
        let text = fs::read_to_string(&path).map_err(fail)?;
        Ok(Self { text: Secret::new(text), path })
    }

    /// Under its name the file is always complete, also after a crash.
    fn write(&mut self, lines: Vec<String>) -> Result<(), SecretsError> {
        let lines = Secret::new(lines);
        let text = Secret::new(lines.expose().join("\n") + "\n");
        let unfinished = self.path.with_extension("env.new");
        let write = || {
            // A leftover of a crash may have any content and mode.
            if let Err(error) = fs::remove_file(&unfinished)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(error);
            }
            let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&unfinished)?;
            file.write_all(text.expose().as_bytes())?;
            file.sync_all()?;
            fs::rename(&unfinished, &self.path)?;
            self.path.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
        };
        write().map_err(|error| SecretsError(format!("cannot write {}: {error}", self.path.display())))?;
        self.text = text;
        Ok(())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("path", &self.path).finish_non_exhaustive()
    }
}

fn setting(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.trim().split_once('=')?;
    (!name.starts_with('#')).then(|| (name.trim(), value.trim()))
}

/// A key with a random id, as the gateway's config reads it.
fn fresh_key(kind: KeyKind, entropy: &dyn Entropy) -> String {
    let (mut id, mut secret) = ([0; 6], [0; 32]);
    entropy.fill(&mut id);
    entropy.fill(&mut secret);
    format!("k{}:{}{}", URL_SAFE_NO_PAD.encode(id), kind.tag(), URL_SAFE_NO_PAD.encode(secret))
}

#[cfg(test)]
mod tests;
