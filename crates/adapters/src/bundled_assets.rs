//! Assets in the program itself, where size is no matter.

use async_trait::async_trait;
use bytes::Bytes;
use ports::{Assets, AssetsError};

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_bytes!(concat!("../../gateway/assets/static/", $name)).as_slice())),+]
    };
}

/// Every file of the folder.
static FILES: [(&str, &[u8]); 3] =
    files!["openapi-explorer.min.js.LICENSE.txt", "openapi-explorer.min.js.gz", "openapi.json"];

/// The files, compiled in.
pub struct BundledAssets;

#[async_trait]
impl Assets for BundledAssets {
    async fn read(&self, name: &'static str) -> Result<Bytes, AssetsError> {
        let found = FILES.iter().find(|(file, _)| *file == name);
        found
            .map(|(_, bytes)| Bytes::from_static(bytes))
            .ok_or_else(|| AssetsError(format!("{name} is not in the program")))
    }
}

#[cfg(test)]
mod tests {
    use super::FILES;

    #[test]
    fn every_file_of_the_folder_is_bundled() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../gateway/assets/static");
        let entries = std::fs::read_dir(folder).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        assert_eq!(files, FILES.map(|(name, _)| name));
    }
}
