//! Settings of signing in with another provider's ID token: Google and Apple by their client ids, any other provider
//! (OIDC) by a line. How tokens are checked is the service's.

use ports::SettingsError;

use super::reader::Reader;

/// A provider whose ID tokens sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcProvider {
    /// Its name in paths, and what identities are stored under: never to be given to another provider.
    pub name: String,
    /// What `iss` may say.
    pub issuers: Vec<String>,
    /// Where its keys are (RFC 7517).
    pub jwks_url: String,
    /// The client ids of the apps: what `aud` may say.
    pub audiences: Vec<String>,
}

/// Which others there are.
const OTHERS: &str = "LITTORAL_OIDC_PROVIDERS";
/// The longest name of a provider, in characters.
pub const MAX_PROVIDER_NAME: usize = 32;
/// The longest URL of keys, in bytes: it is a key of the key-value store.
const MAX_URL: usize = 400;

/// All providers.
pub(super) async fn read(read: &mut Reader<'_>) -> Result<Vec<OidcProvider>, SettingsError> {
    let mut providers = Vec::new();
    // developers.google.com, "OpenID Connect API reference": the issuer has a form without a scheme, too.
    let google =
        ("google", "https://accounts.google.com accounts.google.com", "https://www.googleapis.com/oauth2/v3/certs");
    // developer.apple.com, "Verifying a user".
    let apple = ("apple", "https://appleid.apple.com", "https://appleid.apple.com/auth/keys");
    for (setting, (name, issuers, keys)) in
        [("LITTORAL_GOOGLE_CLIENT_IDS", google), ("LITTORAL_APPLE_CLIENT_IDS", apple)]
    {
        let Some(text) = read.text(setting).await? else { continue };
        let audiences: Vec<String> = text.split(',').map(|id| id.trim().to_owned()).collect();
        if !audiences.iter().all(|id| is_client_id(id)) {
            read.refuse(setting, "expected the client ids of your apps, separated by commas");
        }
        let issuers = issuers.split(' ').map(str::to_owned).collect();
        providers.push(OidcProvider { name: name.into(), issuers, jwks_url: keys.into(), audiences });
    }
    for item in read.text(OTHERS).await?.unwrap_or_default().split(',').filter(|item| !item.trim().is_empty()) {
        match other(item) {
            Some(provider) if providers.iter().all(|one| one.name != provider.name) => providers.push(provider),
            _ => read.refuse(
                OTHERS,
                "expected `name|issuer|jwks_url|client_id`, several separated by commas, several client ids of one by spaces; the name of a-z, 0-9 and -, once, and not google or apple; the URL with https",
            ),
        }
    }
    Ok(providers)
}

fn other(item: &str) -> Option<OidcProvider> {
    let mut parts = item.split('|').map(str::trim);
    let (name, issuer, url, ids) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    let audiences: Vec<String> = ids.split_ascii_whitespace().map(str::to_owned).collect();
    (parts.next().is_none()
        && (1..=MAX_PROVIDER_NAME).contains(&name.len())
        && name.bytes().all(plain)
        && !matches!(name, "google" | "apple")
        && is_client_id(issuer)
        && is_safe(url)
        && !audiences.is_empty()
        && audiences.iter().all(|id| is_client_id(id)))
    .then(|| OidcProvider { name: name.into(), issuers: vec![issuer.into()], jwks_url: url.into(), audiences })
}

fn is_client_id(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic())
}

/// Whoever can change the keys on their way can sign in as everybody: only this machine may be asked without TLS.
fn is_safe(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return false };
    let named = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    let own = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    url.len() <= MAX_URL && !named && (scheme == "https" || (scheme == "http" && own))
}

#[cfg(test)]
mod tests {
    use crate::config::tests::load;

    #[test]
    fn providers_are_named_by_their_client_ids() {
        let config = load(&[
            ("LITTORAL_GOOGLE_CLIENT_IDS", "1.apps.example, 2.apps.example"),
            ("LITTORAL_OIDC_PROVIDERS", "corp|https://id.corp.example/|https://id.corp.example/keys?v=1|app-1 app-2,"),
        ])
        .unwrap();
        let names: Vec<_> = config.oidc.iter().map(|provider| provider.name.as_str()).collect();
        assert_eq!(names, ["google", "corp"]);
        assert_eq!(config.oidc[0].issuers, ["https://accounts.google.com", "accounts.google.com"]);
        assert_eq!(config.oidc[0].audiences, ["1.apps.example", "2.apps.example"]);
        assert_eq!(config.oidc[1].audiences, ["app-1", "app-2"]);
        assert!(load(&[]).unwrap().oidc.is_empty());
    }

    #[test]
    fn what_is_no_provider_is_refused_without_its_value() {
        for bad in [
            "canary",
            "canary|https://c.example|https://c.example/keys",
            "canary|https://c.example|https://c.example/keys|",
            "canary|https://c.example|https://c.example/keys|a|b",
            "canary|https://c.example|http://c.example/keys|a",
            "canary|https://c.example|https://user@c.example/keys|a",
            "canary|https://c.example|ftp://c.example/keys|a",
            "canary|https://c.example|/keys|a",
            "canary||https://c.example/keys|a",
            "Canary|https://c.example|https://c.example/keys|a",
            "google|https://c.example|https://c.example/keys|a",
            "c|i|https://c.example/keys|a,c|i|https://c.example/keys|a",
        ] {
            let error = load(&[("LITTORAL_OIDC_PROVIDERS", bad)]).unwrap_err();
            assert!(error.0[0].starts_with("LITTORAL_OIDC_PROVIDERS:") && error.0.len() == 1, "{bad}: {error}");
            assert!(!error.to_string().to_lowercase().contains("canary"), "{error}");
        }
        let error = load(&[("LITTORAL_APPLE_CLIENT_IDS", "a,,b")]).unwrap_err();
        assert!(error.0[0].starts_with("LITTORAL_APPLE_CLIENT_IDS:"), "{error}");
    }
}
