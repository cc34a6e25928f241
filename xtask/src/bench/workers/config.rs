//! The configuration of `workerd serve`: our script with its bindings, and what it is compared with. A benchmark's only; what a
//! deployment is bound to is in `wrangler.toml`.

use std::{fmt::Write as _, fs, net::SocketAddr, path::Path};

use crate::{
    bench::{
        native::littoral::{LIMITS, keys},
        scripts::{SHORT, base_url},
    },
    command::Result,
    workspace,
};

/// The name of the configuration in its folder.
pub const FILE: &str = "config.capnp";

/// Where everything listens.
pub struct Places {
    /// Our script.
    pub littoral: SocketAddr,
    /// The script that answers a constant.
    pub constant: SocketAddr,
    /// The script that asks the upstream.
    pub pass_through: SocketAddr,
    /// The upstream.
    pub upstream: SocketAddr,
}

const CONSTANT: &str = "\
export default {
  async fetch() {
    return new Response('{\"status\":\"ok\"}', { headers: { 'content-type': 'application/json' } });
  },
};
";

const PASS_THROUGH: &str = "\
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    return fetch(env.UPSTREAM + url.pathname + url.search, request);
  },
};
";

/// A namespace of Workers KV in which nothing is.
const EMPTY: &str = "export default { fetch: () => new Response('', { status: 404 }) };\n";

/// A database that takes every statement and keeps nothing: D1's answers, without a row.
const FORGETS: &str = "\
export default {
  async fetch(request) {
    const body = await request.json();
    const empty = () => ({ success: true, results: { columns: [], rows: [] }, meta: {} });
    return Response.json(Array.isArray(body) ? body.map(empty) : [empty()]);
  },
};
";

/// Writes the configuration and all that it names.
pub fn write(folder: &Path, places: &Places) -> Result {
    let built = workspace::root().join("build/workers");
    for name in ["index.js", "index_bg.wasm"] {
        let from = built.join(name);
        fs::copy(&from, folder.join(name)).map_err(|error| format!("{}: {error}", from.display()))?;
    }
    let texts = [
        ("constant.js", CONSTANT.to_owned()),
        ("pass-through.js", PASS_THROUGH.to_owned()),
        ("empty.js", EMPTY.to_owned()),
        ("forgets.js", FORGETS.to_owned()),
        (FILE, config(places)?),
    ];
    // Objects with SQL are kept on disk or not at all.
    let objects = folder.join("objects");
    fs::create_dir_all(&objects).map_err(|error| format!("{}: {error}", objects.display()))?;
    for (name, text) in texts {
        fs::write(folder.join(name), text).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

fn config(places: &Places) -> Result<String> {
    let (date, flags) = compatibility()?;
    let mut vars = vec![("LITTORAL_MODEL", SHORT.to_owned()), ("LITTORAL_OPENAI_BASE_URL", base_url(places.upstream))];
    vars.extend(LIMITS.map(|(name, value)| (name, value.to_owned())));
    vars.extend(keys());
    let mut bindings = String::new();
    for (name, value) in vars {
        // Writing to a string does not fail.
        let _ = writeln!(bindings, "    (name = \"{name}\", text = \"{value}\"),");
    }
    let Places { littoral, constant, pass_through, upstream } = places;
    Ok(format!(
        r#"using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "internet", network = (allow = ["local", "private", "public"])),
    (name = "littoral", worker = .littoral),
    (name = "constant", worker = (modules = [(name = "constant.js", esModule = embed "constant.js")], compatibilityDate = "{date}")),
    (name = "pass-through", worker = (
      modules = [(name = "pass-through.js", esModule = embed "pass-through.js")],
      compatibilityDate = "{date}",
      bindings = [(name = "UPSTREAM", text = "http://{upstream}")],
    )),
    (name = "empty", worker = (modules = [(name = "empty.js", esModule = embed "empty.js")], compatibilityDate = "{date}")),
    (name = "objects", disk = (path = "objects", writable = true)),
    (name = "forgets", worker = (modules = [(name = "forgets.js", esModule = embed "forgets.js")], compatibilityDate = "{date}")),
  ],
  sockets = [
    (name = "littoral", address = "{littoral}", http = (), service = "littoral"),
    (name = "constant", address = "{constant}", http = (), service = "constant"),
    (name = "pass-through", address = "{pass_through}", http = (), service = "pass-through"),
  ],
);

const littoral :Workerd.Worker = (
  modules = [
    (name = "index.js", esModule = embed "index.js"),
    (name = "index_bg.wasm", wasm = embed "index_bg.wasm"),
  ],
  compatibilityDate = "{date}",
  compatibilityFlags = [{flags}],
  bindings = [
{bindings}    (name = "DB", wrapped = (moduleName = "cloudflare-internal:d1-api", innerBindings = [(name = "fetcher", service = "forgets")])),
    (name = "KEYS", kvNamespace = "empty"),
    (name = "ASSETS", service = "empty"),
    (name = "RUNS", durableObjectNamespace = "Run"),
    (name = "LIMITER", durableObjectNamespace = "Limiter"),
  ],
  durableObjectNamespaces = [
    (className = "Run", uniqueKey = "littoral-Run", enableSql = true),
    (className = "Limiter", uniqueKey = "littoral-Limiter", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "objects"),
);
"#
    ))
}

/// The date, and the flags as a list, that the deployment has.
fn compatibility() -> Result<(String, String)> {
    let text = fs::read_to_string(workspace::root().join("wrangler.toml"))
        .map_err(|error| format!("wrangler.toml: {error}"))?;
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix("= "));
    let date = value("compatibility_date").ok_or("wrangler.toml: no compatibility_date")?.trim_matches('"');
    let flags = value("compatibility_flags").unwrap_or("[]").trim_matches(['[', ']']);
    Ok((date.to_owned(), flags.to_owned()))
}
