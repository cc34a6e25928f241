//! What the `Containerfile` says about the image beside its files.

use std::fs;

use crate::{command::Result, workspace};

/// How a container of the image is started.
#[derive(Debug, PartialEq, Eq)]
pub struct Image {
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// The user and the group, by number.
    pub user: (u32, u32),
    /// The program.
    pub program: String,
}

impl Image {
    /// Reads it.
    pub fn read() -> Result<Self> {
        let path = workspace::root().join("Containerfile");
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        parse(&text).ok_or_else(|| format!("{}: expected `ENV`, `USER uid:gid` and `ENTRYPOINT`", path.display()))
    }
}

fn parse(text: &str) -> Option<Image> {
    let of = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let pair = |word: &str| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let (user, group) = of("USER")?.split_once(':')?;
    Some(Image {
        environment: of("ENV")?.split_whitespace().map(pair).collect::<Option<_>>()?,
        user: (user.parse().ok()?, group.parse().ok()?),
        program: serde_json::from_str::<Vec<String>>(of("ENTRYPOINT")?).ok()?.pop()?,
    })
}

#[cfg(test)]
mod tests {
    use super::Image;

    #[test]
    fn the_image_is_no_roots_and_keeps_its_data_in_one_folder() {
        let image = Image::read().unwrap();
        assert!(image.user.0 > 0 && image.user.1 > 0, "{image:?}");
        assert!(image.environment.contains(&("LITTORAL_DATA_DIR".into(), "/data".into())), "{image:?}");
        assert_eq!(image.program, "/littoral");
    }
}
