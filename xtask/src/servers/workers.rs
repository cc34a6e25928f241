//! The Workers host, under `wrangler dev`: it needs no account and no network.

use std::{fs, process::Command};

use super::Place;
use crate::{
    build::BEHAVIOUR,
    command::{Result, run_quietly},
    host::Variant,
    settings, workspace,
};

/// `wrangler`, run by the Node that npm brought, asking nothing and telling nobody. It works on the script in
/// `<folder>/workers` as that is: it neither builds it nor watches the sources.
pub fn wrangler(folder: &str) -> Result<Command> {
    let mut wrangler = Command::new(workspace::npm_program("wrangler"));
    wrangler.current_dir(workspace::root()).env("PATH", workspace::search_path()?).env("CI", "1").env("NO_COLOR", "1");
    wrangler.env("WRANGLER_SEND_METRICS", "false").env("WRANGLER_SEND_ERROR_REPORTS", "false");
    wrangler.env("WRANGLER_HIDE_BANNER", "true").env("WRANGLER_LOG_PATH", workspace::target().join("logs/wrangler"));
    wrangler.env("CLOUDFLARE_CF_FETCH_ENABLED", "false");
    wrangler.args(["--config", &config(folder)?]);
    Ok(wrangler)
}

/// Applies the migrations, then serves the script.
pub fn command(variant: Variant, place: &Place<'_>) -> Result<Command> {
    let folder = match variant {
        Variant::Shipped => "build".to_owned(),
        Variant::Behaviour => format!("build/{BEHAVIOUR}"),
    };
    let mut migrate = wrangler(&folder)?;
    migrate.args(["d1", "migrations", "apply", "DB", "--local", "--persist-to"]).arg(&place.state);
    run_quietly(&mut migrate)?;
    let mut dev = wrangler(&folder)?;
    dev.args(["dev", "--local", "--ip", "127.0.0.1", "--port", &place.port.to_string(), "--inspector-port", "0"]);
    dev.arg("--show-interactive-dev-session=false").arg("--persist-to").arg(&place.state);
    for (name, value) in settings::for_tests(place.url, place.upstream, place.profile) {
        dev.args(["--var", &format!("{name}:{value}")]);
    }
    Ok(dev)
}

/// A copy of `wrangler.toml` for the script in `<folder>/workers`, without the command that builds it.
fn config(folder: &str) -> Result<String> {
    let root = workspace::root();
    let text = fs::read_to_string(root.join("wrangler.toml")).map_err(|error| format!("wrangler.toml: {error}"))?;
    let copy = format!("{folder}/wrangler.toml");
    fs::write(root.join(&copy), adapted(&text, &root.display().to_string()))
        .map_err(|error| format!("{copy}: {error}; build the Workers script first"))?;
    Ok(copy)
}

fn adapted(text: &str, root: &str) -> String {
    let mut building = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            building = line == "[build]";
        }
        match line.split_once(" = ") {
            _ if building => {}
            Some(("main", _)) => lines.push("main = \"workers/index.js\"".to_owned()),
            // Paths are relative to the file, which is another one now.
            Some((name @ ("migrations_dir" | "directory"), path)) => {
                lines.push(format!("{name} = '{root}/{}'", path.trim_matches('"')));
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::adapted;

    #[test]
    fn the_copy_builds_nothing_and_finds_the_files() {
        let text = "main = \"a\"\n[build]\ncommand = \"b\"\n[[d1_databases]]\nmigrations_dir = \"c\"\n[assets]\ndirectory = \"e/f\"\n";
        let copy =
            "main = \"workers/index.js\"\n[[d1_databases]]\nmigrations_dir = '/d/c'\n[assets]\ndirectory = '/d/e/f'\n";
        assert_eq!(adapted(text, "/d"), copy);
    }
}
