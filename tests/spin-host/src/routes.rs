//! Which requests go to the component, and the `spin-*` headers that tell it where it was found.

use std::net::SocketAddr;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use wasmtime::{Result, bail};

/// The public routes of the component.
pub struct Routes(Vec<Route>);

struct Route {
    raw: String,
    /// The part before `/...`, for routes that end so.
    prefix: Option<String>,
}

impl Routes {
    /// Takes exact routes and those that end in `/...`.
    pub fn parse(routes: Vec<&str>) -> Result<Self> {
        let parse = |raw: &str| {
            if !raw.starts_with('/') || raw.contains(['*', ':']) {
                bail!("route {raw:?} is neither exact nor ends in /...");
            }
            Ok(Route { raw: raw.to_owned(), prefix: raw.strip_suffix("/...").map(str::to_owned) })
        };
        routes.into_iter().map(parse).collect::<Result<_>>().map(Self)
    }

    /// The route of this path: the exact one first, then the longest.
    pub fn find<'a>(&'a self, path: &'a str) -> Option<Match<'a>> {
        self.0
            .iter()
            .filter_map(|route| {
                let rest = match &route.prefix {
                    None => (route.raw == path).then_some("")?,
                    Some(prefix) => {
                        path.strip_prefix(prefix.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'))?
                    }
                };
                Some(Match { route, rest })
            })
            .max_by_key(|found| (found.route.prefix.is_none(), found.route.raw.len()))
    }
}

/// A route that a path matched.
pub struct Match<'a> {
    route: &'a Route,
    rest: &'a str,
}

impl Match<'_> {
    /// Adds Spin's headers. As in Spin they follow those of the same name that a client may have sent.
    pub fn describe(&self, headers: &mut HeaderMap, uri: &Uri, host: &str, client: SocketAddr) -> Result<()> {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let raw = &self.route.raw;
        let described = [
            ("spin-path-info", self.rest.to_owned()),
            ("spin-full-url", format!("http://{host}{path}")),
            ("spin-matched-route", raw.clone()),
            ("spin-base-path", "/".to_owned()),
            ("spin-raw-component-route", raw.clone()),
            ("spin-component-route", self.route.prefix.as_ref().unwrap_or(raw).clone()),
            ("spin-client-addr", client.to_string()),
        ];
        for (name, value) in described {
            headers.append(HeaderName::from_static(name), HeaderValue::try_from(value)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_route_is_found() {
        let routes = Routes::parse(vec!["/...", "/api/...", "/api/health"]).expect("good routes");
        let found =
            |path| routes.find(path).map(|found| (found.route.raw.clone(), found.rest.to_owned())).expect("a route");
        assert_eq!(found("/"), ("/...".into(), "/".into()));
        assert_eq!(found("/apiary"), ("/...".into(), "/apiary".into()));
        assert_eq!(found("/api"), ("/api/...".into(), String::new()));
        assert_eq!(found("/api/x/"), ("/api/...".into(), "/x/".into()));
        assert_eq!(found("/api/health"), ("/api/health".into(), String::new()));
    }

    #[test]
    fn other_paths_are_not() {
        let routes = Routes::parse(vec!["/api/..."]).expect("good routes");
        assert!(routes.find("/").is_none());
        assert!(Routes::parse(vec!["/:id"]).is_err());
    }
}
