//! `spin.toml` (manifest version 2), as far as an application of one HTTP component needs it.
//!
//! What this host cannot serve is refused here, so that no test passes on half an application.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::IgnoredAny};
use wasmtime::{Result, bail, error::Context as _};

/// The whole file.
#[derive(Debug, Deserialize)]
pub struct Manifest {
    spin_manifest_version: u32,
    /// Application variables by name.
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    #[serde(default)]
    trigger: Triggers,
    component: BTreeMap<String, Component>,
}

/// An application variable.
#[derive(Debug, Deserialize)]
pub struct Variable {
    /// Its value where none is given.
    pub default: Option<String>,
    /// Whether a value must be given.
    #[serde(default)]
    pub required: bool,
}

#[derive(Debug, Default, Deserialize)]
struct Triggers {
    #[serde(default)]
    http: Vec<HttpTrigger>,
}

#[derive(Debug, Deserialize)]
struct HttpTrigger {
    route: Route,
    component: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Route {
    Public(String),
    Private {
        #[serde(rename = "private")]
        _private: bool,
    },
}

/// A component and what it may reach.
#[derive(Debug, Deserialize)]
pub struct Component {
    source: Source,
    /// Patterns of hosts that it may call.
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    /// Labels of the databases that it may open.
    #[serde(default)]
    pub sqlite_databases: Vec<String>,
    /// Labels of the key-value stores that it may open.
    #[serde(default)]
    pub key_value_stores: Vec<String>,
    /// Its environment variables.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Its variables, templates over the application's.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    #[serde(default)]
    files: Vec<Files>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Files {
    Folder { source: PathBuf, destination: String },
    Pattern(IgnoredAny),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Source {
    Local(PathBuf),
    Remote { url: String },
}

impl Manifest {
    /// Reads and checks the file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let manifest: Self = toml::from_str(text)?;
        if manifest.spin_manifest_version != 2 {
            bail!("only spin_manifest_version = 2 is served");
        }
        Ok(manifest)
    }

    /// The one component that serves HTTP, with its id.
    pub fn component(&self) -> Result<(&str, &Component)> {
        let [first, others @ ..] = self.trigger.http.as_slice() else {
            bail!("the manifest has no [[trigger.http]]");
        };
        if let Some(other) = others.iter().find(|it| it.component != first.component) {
            bail!("one component is served, the manifest has {} and {}", first.component, other.component);
        }
        let (id, component) = self
            .component
            .get_key_value(&first.component)
            .with_context(|| format!("the manifest has no [component.{}]", first.component))?;
        if component.files.iter().any(|files| matches!(files, Files::Pattern(_))) {
            bail!("component {id}: of `files`, only folders with a destination are served by this host");
        }
        Ok((id, component))
    }

    /// The public routes, as written.
    pub fn routes(&self) -> Result<Vec<&str>> {
        let routes: Vec<_> = self
            .trigger
            .http
            .iter()
            .filter_map(|trigger| match &trigger.route {
                Route::Public(route) => Some(route.as_str()),
                Route::Private { .. } => None,
            })
            .collect();
        if routes.is_empty() {
            bail!("the manifest has no public route");
        }
        Ok(routes)
    }
}

impl Component {
    /// The folders that it may read: where they are, and where it sees them. As Spin does, this refuses a folder that does not
    /// lie within that of the manifest.
    pub fn folders(&self, manifest: &Path) -> Result<Vec<(PathBuf, String)>> {
        let parent = manifest.parent().unwrap_or(Path::new(""));
        let mut folders = Vec::new();
        for files in &self.files {
            let Files::Folder { source, destination } = files else { continue };
            let path = parent.join(source);
            if !path.starts_with(parent) {
                bail!("{} is outside the application directory", source.display());
            }
            folders.push((path, destination.clone()));
        }
        Ok(folders)
    }

    /// The file of the component, which the manifest names relative to itself.
    pub fn path(&self, manifest: &Path) -> Result<PathBuf> {
        match &self.source {
            Source::Local(path) => Ok(manifest.parent().unwrap_or(Path::new("")).join(path)),
            Source::Remote { url } => bail!("a source at {url} is not fetched by this host"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_lie_within_the_folder_of_the_manifest() {
        let folders = |source: &str| {
            let text = format!(
                "spin_manifest_version = 2\n[[trigger.http]]\nroute = \"/...\"\ncomponent = \"c\"\n[component.c]\n\
                 source = \"c.wasm\"\nfiles = [{{ source = \"{source}\", destination = \"/assets\" }}]\n"
            );
            let manifest = Manifest::parse(&text).expect("a good manifest");
            manifest.component().and_then(|(_, component)| component.folders(Path::new("/app/spin.toml")))
        };
        let within = vec![(PathBuf::from("/app/static"), "/assets".to_owned())];
        assert_eq!(folders("static").expect("within"), within);
        assert_eq!(folders("/app/static").expect("within"), within);
        for outside in ["/static", "/application/static"] {
            assert!(folders(outside).is_err(), "{outside}");
        }
    }
}
