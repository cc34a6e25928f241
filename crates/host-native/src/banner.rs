//! What a person reads when the server has started: where it is, and two commands to paste.

use std::{
    fmt::{self, Write as _},
    net::{IpAddr, SocketAddr},
};

/// The start-up lines.
#[derive(Debug)]
pub struct Banner<'a> {
    /// Where the server listens.
    pub address: SocketAddr,
    /// Where the data is: a folder or a server's URL.
    pub data: &'a str,
    /// Where the secrets are.
    pub secrets: &'a str,
    /// The model for requests that name none.
    pub model: &'a str,
    /// Migrations applied just now.
    pub migrations: &'a [&'a str],
    /// Whether anybody has registered.
    pub has_users: bool,
}

const JSON: &str = "-H 'content-type: application/json'";
const BEARER: &str = r#"-H "authorization: Bearer $TOKEN""#;
/// The same example as in the description of the API: whoever registers with one of them signs in with the other.
const ADA: &str = r#"'{"email":"ada@example.com","password":"Analytical-Engine-1"}'"#;

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "littoral {}", env!("CARGO_PKG_VERSION"))?;
        writeln!(f, "data in {}, secrets in {}", self.data, self.secrets)?;
        if !self.migrations.is_empty() {
            writeln!(f, "migrations applied: {}", self.migrations.join(", "))?;
        }
        writeln!(f, "model {}", self.model)?;
        writeln!(f, "listening on http://{}", self.address)?;
        let api = format!("http://{}/api/v1", reachable(self.address));
        if !self.has_users {
            writeln!(f, "\nRegister:\n\ncurl -s {api}/auth/register {JSON} -d {ADA}")?;
        }
        let whose = if self.has_users { " (with your own address and password)" } else { "" };
        writeln!(f, "\nStream a reply{whose}:\n\n{}", stream(&api)?)
    }
}

fn stream(api: &str) -> Result<String, fmt::Error> {
    let pick = |field: &str| format!(r#"sed -n 's/.*"{field}":"\([^"]*\)".*/\1/p'"#);
    let mut line = String::new();
    write!(line, "TOKEN=$(curl -s {api}/auth/login {JSON} -d {ADA} | {}); ", pick("access_token"))?;
    write!(line, "CONVERSATION=$(curl -s {api}/chat/conversations {BEARER} {JSON} -d '{{}}' | {}); ", pick("id"))?;
    write!(
        line,
        r#"curl -gsN "{api}/chat/conversations/$CONVERSATION/messages" {BEARER} {JSON} -H 'accept: text/event-stream' -d '{{"content":"Hello"}}'"#
    )?;
    Ok(line)
}

/// An address that a client on this machine can connect to: a server on all addresses is on the loopback one, too.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner(address: SocketAddr, has_users: bool) -> String {
        Banner { address, data: "/d", secrets: "/d/s", model: "m", migrations: &[], has_users }.to_string()
    }

    #[test]
    fn says_how_to_register_while_nobody_has() {
        let address = "127.0.0.1:4321".parse().unwrap();
        assert!(banner(address, false).contains("/auth/register"));
        let text = banner(address, true);
        assert!(!text.contains("register") && text.contains("with your own address") && text.contains("/auth/login"));
    }

    #[test]
    fn the_description_of_the_api_has_the_same_example() {
        let described: serde_json::Value =
            serde_json::from_str(include_str!("../../gateway/assets/static/openapi.json")).unwrap();
        for path in ["/api/v1/auth/register", "/api/v1/auth/login", "/api/v1/auth/guest/upgrade"] {
            let example = &described["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"];
            assert_eq!(ADA, format!("'{example}'"), "{path}");
        }
    }

    #[test]
    fn names_the_real_port_and_an_address_to_connect_to() {
        let address = "0.0.0.0:4321".parse().unwrap();
        let text = banner(address, false);
        assert!(text.contains("\nlistening on http://0.0.0.0:4321\n"), "{text}");
        assert!(text.contains("\ncurl -s http://127.0.0.1:4321/api/v1/auth/register "), "{text}");
        assert!(text.lines().last().unwrap().starts_with("TOKEN=$(curl -s http://127.0.0.1:4321/api/v1/auth/login "));
    }
}
