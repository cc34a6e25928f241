//! The folder that holds everything this process keeps: created private, and locked so that no two processes own it.

use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

/// An open data folder. It stays locked until the last clone is dropped or the process ends, however it ends.
#[derive(Clone, Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: Arc<File>,
}

/// Why the folder cannot be used, and what to do about it.
#[derive(Debug)]
pub struct DataDirError {
    text: String,
    /// Whether another process has it.
    pub is_in_use: bool,
}

impl fmt::Display for DataDirError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for DataDirError {}

impl DataDir {
    /// Creates the folder where it is missing (mode 0700) and takes its lock.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let fail = |what: &str, error: &dyn fmt::Display| {
            let text = format!(
                "cannot {what} the data folder {}: {error}. Make it writable for the user that runs littoral (`chown`), or name another folder with LITTORAL_DATA_DIR",
                path.display()
            );
            DataDirError { text, is_in_use: false }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| fail("create", &error))?;
        let path = fs::canonicalize(path).map_err(|error| fail("find", &error))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("littoral.lock"))
            .map_err(|error| fail("write to", &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: Arc::new(lock) }),
            Err(TryLockError::WouldBlock) => {
                let text = format!(
                    "the data folder {} belongs to a littoral that is running: stop it first, or name another folder with LITTORAL_DATA_DIR",
                    path.display()
                );
                Err(DataDirError { text, is_in_use: true })
            }
            Err(TryLockError::Error(error)) => Err(fail("lock", &error)),
        }
    }

    /// The absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_one_owner_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let owner = DataDir::open(&path).unwrap();
        let error = DataDir::open(&path).unwrap_err().to_string();
        assert!(error.contains("stop it first"), "{error}");
        drop(owner);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_used_says_what_to_do() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("below")] {
            let error = DataDir::open(&path).unwrap_err().to_string();
            assert!(error.contains("writable") && error.contains("LITTORAL_DATA_DIR"), "{error}");
        }
    }
}
