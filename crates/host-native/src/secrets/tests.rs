use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::entropy::SystemEntropy;

fn ring(folder: &Path, name: &str) -> Vec<String> {
    let secrets = Secrets::open(folder, &SystemEntropy).unwrap();
    secrets.settings()[name].expose().split(',').map(str::to_owned).collect()
}

#[test]
fn the_first_start_generates_what_later_starts_read() {
    let folder = tempfile::tempdir().unwrap();
    let first = ring(folder.path(), "LITTORAL_JWT_KEYS");
    assert_eq!(ring(folder.path(), "LITTORAL_JWT_KEYS"), first);
    assert_ne!(ring(folder.path(), "LITTORAL_REFRESH_KEYS"), first);
    let mode = fs::metadata(folder.path().join("secrets.env")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_that_others_can_read_is_refused_without_showing_it() {
    let folder = tempfile::tempdir().unwrap();
    let key = ring(folder.path(), "LITTORAL_JWT_KEYS").remove(0);
    fs::set_permissions(folder.path().join("secrets.env"), fs::Permissions::from_mode(0o640)).unwrap();
    let error = Secrets::open(folder.path(), &SystemEntropy).unwrap_err().to_string();
    assert!(error.contains("chmod 600") && error.contains("0640") && !error.contains(&key), "{error}");
}

#[test]
fn rotation_prepends_keeps_three_and_leaves_other_lines_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets.env");
    let first = ring(folder.path(), "LITTORAL_JWT_KEYS");
    let text = fs::read_to_string(&path).unwrap() + "# mine\nLITTORAL_OPENAI_API_KEY=canary=\n";
    fs::write(&path, text).unwrap();

    Secrets::rotate(folder.path(), None, &SystemEntropy).unwrap();
    let second = ring(folder.path(), "LITTORAL_JWT_KEYS");
    assert_eq!((second.len(), &second[1]), (2, &first[0]));

    Secrets::rotate(folder.path(), None, &SystemEntropy).unwrap();
    Secrets::rotate(folder.path(), None, &SystemEntropy).unwrap();
    let last = ring(folder.path(), "LITTORAL_JWT_KEYS");
    assert_eq!((last.len(), &last[2]), (3, &second[0]));
    assert_eq!(ring(folder.path(), "LITTORAL_DATA_KEYS").len(), 4, "what the first one sealed can still be read");
    assert_eq!(ring(folder.path(), "LITTORAL_OPENAI_API_KEY"), ["canary="]);
    assert!(fs::read_to_string(&path).unwrap().contains("# mine\n"));
}

#[test]
fn rotation_keeps_the_kind_of_key_until_it_is_told_another() {
    let folder = tempfile::tempdir().unwrap();
    let first = ring(folder.path(), "LITTORAL_JWT_KEYS").remove(0);
    for (kind, tag) in [
        (None, 1),
        (Some(KeyKind::EdDsa), 2),
        (None, 2),
        (Some(KeyKind::Es256), 2),
        (None, 2),
        (Some(KeyKind::Hs256), 1),
        (None, 1),
    ] {
        Secrets::rotate(folder.path(), kind, &SystemEntropy).unwrap();
        let head = ring(folder.path(), "LITTORAL_JWT_KEYS").remove(0);
        assert_eq!(head.matches(':').count(), tag, "{kind:?}");
        assert_ne!(head, first);
        assert_eq!(ring(folder.path(), "LITTORAL_REFRESH_KEYS")[0].matches(':').count(), 1);
    }
}

#[test]
fn a_missing_ring_is_added_to_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets.env");
    fs::write(&path, "LITTORAL_JWT_KEYS=k1:mine").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(ring(folder.path(), "LITTORAL_JWT_KEYS"), ["k1:mine"]);
    assert_eq!(ring(folder.path(), "LITTORAL_REFRESH_KEYS").len(), 1);
    assert_eq!(ring(folder.path(), "LITTORAL_DATA_KEYS").len(), 1);
}
