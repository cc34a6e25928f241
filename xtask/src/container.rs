//! The files of the container image: the program, linked statically, and an empty folder. They are laid out for the
//! `Containerfile`, and tried: the program is started with nothing but them in its root, and a part of the suite runs on it.

mod image;

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

pub use image::Image;

use crate::{
    command::{Result, cargo, run},
    conformance, servers,
    setup::musl,
    tally::Tally,
    workspace,
};

/// `cargo xtask container …`.
pub fn command(arguments: &[&str]) -> Result {
    match arguments {
        [] => {
            let mut tally = Tally::default();
            let result = try_out(&mut tally);
            println!("{tally}");
            result
        }
        ["--root", folder] => lay_out(Path::new(folder)),
        _ => Err("usage: cargo xtask container [--root FOLDER]".into()),
    }
}

/// Builds the program and puts the files of the image into a folder, which is emptied before.
fn lay_out(root: &Path) -> Result {
    musl::ready()?;
    let target = musl::target();
    run(cargo().args(["build", "--release", "--package", "host-native", "--target", &target]))?;
    let built = workspace::target().join(&target).join("release/littoral");
    let laid_out = || {
        if root.exists() {
            fs::remove_dir_all(root)?;
        }
        fs::create_dir_all(root)?;
        let program = root.join("littoral");
        fs::copy(&built, &program)?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        fs::DirBuilder::new().mode(0o700).create(root.join("data"))
    };
    laid_out().map_err(|error| format!("{}: {error}", root.display()))
}

/// Starts the program where there is nothing but these files, and runs on it what chats, signs in and asks the provider.
pub fn try_out(tally: &mut Tally) -> Result {
    let root = workspace::target().join("container");
    lay_out(&root)?;
    let upstream = servers::upstream()?;
    let server = servers::container(&root, upstream.url())?;
    conformance::part(&server, &upstream, &["base::", "chat::replies::", "resume::"], tally)
}
