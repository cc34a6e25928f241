//! The viewer: what the page loads is served, small, pinned, and from nowhere else.

use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::*;

/// All files, compressed as they are kept, in bytes: a page should not take long.
const MAX_BYTES: usize = 300_000;
/// SHA-256 of the gzipped viewer.
const VIEWER: &str = "675e900cfe5386e94efa39d0da16b96f28c2c9f77685762657f047007b0f557a";

const VIEWER_FILE: &[u8] = include_bytes!("../../../assets/static/openapi-explorer.min.js.gz");
const LICENCE_FILE: &str = include_str!("../../../assets/static/openapi-explorer.min.js.LICENSE.txt");

fn viewer() -> &'static Asset {
    &ASSETS[0]
}

fn accepting(values: &[&'static str]) -> HeaderMap {
    values.iter().map(|value| (header::ACCEPT_ENCODING, HeaderValue::from_static(value))).collect()
}

#[test]
fn the_page_names_only_files_that_are_served_and_no_other_host() {
    let served: Vec<_> = ASSETS.iter().map(|asset| asset.name).collect();
    let named = |before: &'static str| {
        PAGE.match_indices(before).map(move |(at, _)| {
            let rest = &PAGE[at + before.len()..];
            &rest[..rest.find(['"', ' ']).unwrap()]
        })
    };
    assert_eq!(named("/docs/").collect::<Vec<_>>(), served);
    assert!(!PAGE.contains("//"), "an address with a host, or an inline script with a comment");
    assert_eq!(named("src=\"").collect::<Vec<_>>(), [format!("/docs/{}", viewer().name)]);
    assert_eq!(PAGE.matches("<script").count(), 1);
    assert!(!POLICY.contains("//") && !POLICY.contains("unsafe-eval") && POLICY.contains("script-src 'self';"));
}

#[test]
fn the_viewer_is_the_version_that_package_json_names_and_has_not_changed() {
    let package: Value = serde_json::from_str(include_str!("../../../../../package.json")).unwrap();
    let version = package["devDependencies"]["openapi-explorer"].as_str().unwrap();
    for asset in &ASSETS {
        assert!(asset.name.starts_with(&format!("openapi-explorer-{version}.")), "{}: not {version}", asset.name);
    }
    let digest = Sha256::digest(VIEWER_FILE);
    let hex = digest.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    assert_eq!(hex, VIEWER, "a new viewer needs a new version in its name; see assets/README.md");
}

#[test]
fn the_files_are_small_and_their_licence_is_with_them() {
    assert!(VIEWER_FILE.len() + LICENCE_FILE.len() <= MAX_BYTES);
    assert!(viewer().gzipped && VIEWER_FILE.starts_with(&[0x1f, 0x8b, 8]));
    let licence = LICENCE_FILE;
    for part in ["Apache License", "Copyright Rhosys AG", "MIT License", "BSD 3-Clause License", "prismjs"] {
        assert!(licence.contains(part), "{part}");
    }
}

#[test]
fn the_page_carries_its_own_policy() {
    let response = page().now_or_never().unwrap();
    assert_eq!(response.headers()[header::CONTENT_SECURITY_POLICY], POLICY);
    let body = response.into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
    assert_eq!(body, PAGE);
}

#[test]
fn gzip_is_sent_to_whoever_does_not_refuse_it() {
    for taken in [
        &[][..],
        &["gzip"],
        &["br, gzip;q=0.5"],
        &["*"],
        &["GZIP"],
        &["x-gzip"],
        &["br", "gzip"],
        &["identity;q=0, *;q=0.1"],
        &["*;q=0, gzip"],
    ] {
        assert!(takes_gzip(&accepting(taken)), "{taken:?}");
    }
    for refused in [&[""][..], &["identity"], &["br"], &["gzip;q=0"], &["gzip; q=0.0, *"], &["*;q=0"]] {
        assert!(!takes_gzip(&accepting(refused)), "{refused:?}");
    }
}

#[test]
fn a_refusal_has_the_envelope_of_every_error() {
    let response = not_acceptable("abc");
    assert_eq!(response.status(), StatusCode::NOT_ACCEPTABLE);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    let body = response.into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&body["status"], &body["code"], &body["request_id"]),
        (&406.into(), &"not_acceptable".into(), &"abc".into())
    );
}
