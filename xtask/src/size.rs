//! The sizes of what is uploaded, compressed as the platforms count it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    build,
    command::{Result, line, run_quietly},
    servers, workspace,
};

/// The largest compressed size of either, in bytes: Workers' free plan takes 1 MiB, and what grows shall be seen before that.
const LIMIT: usize = 900_000;

/// Prints both sizes. An error if one is above the limit.
pub fn print() -> Result {
    println!("{:<16} {:>12} {:>12}", "", "raw bytes", "gzip -9");
    let sizes = [("Workers script", bundle()?), ("Spin component", vec![build::component()])];
    let mut problems = Vec::new();
    for (name, files) in sizes {
        let (mut raw, mut packed) = (0, 0);
        for file in &files {
            raw += fs::metadata(file).map_err(|error| format!("{}: {error}", file.display()))?.len();
            packed += gzipped(file)?;
        }
        println!("{name:<16} {raw:>12} {packed:>12}  {:.1} % of {LIMIT}", percent(packed));
        if packed > LIMIT {
            problems.push(format!("{name} is above {LIMIT} bytes"));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join(", ")) }
}

#[expect(clippy::cast_precision_loss, reason = "for people, one decimal")]
fn percent(size: usize) -> f64 {
    size as f64 * 100.0 / LIMIT as f64
}

/// The files that wrangler would upload.
fn bundle() -> Result<Vec<PathBuf>> {
    let folder = workspace::root().join("build/upload");
    let _ = fs::remove_dir_all(&folder);
    run_quietly(servers::wrangler("build")?.args(["deploy", "--dry-run", "--outdir"]).arg(&folder))?;
    let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let files = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    Ok(files.filter(|path| path.extension().is_some_and(|end| end == "js" || end == "wasm")).collect())
}

fn gzipped(file: &Path) -> Result<usize> {
    let mut gzip = Command::new("gzip");
    gzip.args(["-9", "--stdout"]).arg(file).stderr(Stdio::inherit());
    let output = gzip.output().map_err(|error| format!("{}: {error}", line(&gzip)))?;
    if output.status.success() { Ok(output.stdout.len()) } else { Err(format!("{} failed", line(&gzip))) }
}
