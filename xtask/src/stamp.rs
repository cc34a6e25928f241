//! What a result was made from, kept beside it, so that it is not made again from the same.

use std::{
    fs,
    hash::{DefaultHasher, Hasher as _},
    path::{Path, PathBuf},
};

use crate::{command::Result, workspace};

/// What a file is made from.
#[derive(Debug)]
pub struct Stamp {
    /// What is made.
    made: PathBuf,
    /// The hash of what it is made from.
    inputs: String,
}

impl Stamp {
    /// Of what is made from one file by the tools of this workspace.
    pub fn of(input: &Path, made: &Path) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        hasher.write(&read(input)?);
        // The versions of the tools, and how they are called.
        for file in ["Cargo.lock", "package-lock.json", "xtask/src/build.rs"] {
            hasher.write(&read(&workspace::root().join(file))?);
        }
        hasher.write(input.as_os_str().as_encoded_bytes());
        Ok(Self { made: made.to_owned(), inputs: format!("{:016x}\n", hasher.finish()) })
    }

    /// Whether the file is there and was made from the same.
    pub fn is_current(&self) -> bool {
        self.made.is_file() && fs::read_to_string(self.path()).is_ok_and(|kept| kept == self.inputs)
    }

    /// Notes what it was made from.
    pub fn write(&self) -> Result {
        let path = self.path();
        fs::write(&path, &self.inputs).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Beside the folder of the file, which its maker may empty.
    fn path(&self) -> PathBuf {
        self.made.parent().unwrap_or(Path::new("")).with_extension("inputs")
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Stamp;

    #[test]
    fn what_is_made_counts_until_its_input_changes_or_it_is_gone() {
        let folder = std::env::temp_dir().join(format!("littoral-stamp-{}", std::process::id()));
        let (input, made) = (folder.join("input"), folder.join("made/file"));
        fs::create_dir_all(folder.join("made")).unwrap();
        fs::write(&input, "a").unwrap();
        let stamp = || Stamp::of(&input, &made).unwrap();
        fs::write(&made, "1").unwrap();
        assert!(!stamp().is_current(), "nothing was noted");
        stamp().write().unwrap();
        assert!(stamp().is_current());
        fs::write(&input, "b").unwrap();
        assert!(!stamp().is_current(), "the input has changed");
        stamp().write().unwrap();
        fs::remove_file(&made).unwrap();
        assert!(!stamp().is_current(), "it is gone");
        fs::remove_dir_all(&folder).unwrap();
    }
}
