//! `--database`: what is said when it cannot be used, and TLS.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tidegate_testkit::postgres::{Cluster, shared};
use tidegate_testkit::{Finished, run};

use crate::support::{binary, tidegate};

/// Lists keys, trusting the authorities of a file.
fn keys(url: &str, trusted: &Path) -> Finished {
    let mut command = Command::new(binary());
    command.args(["key", "list"]).env("TIDEGATE_DATABASE", url).env("SSL_CERT_FILE", trusted);
    command.env_remove("SSL_CERT_DIR");
    run(&mut command, Duration::from_secs(60))
}

fn openssl(directory: &Path, arguments: &[&str]) {
    let mut command = Command::new("openssl");
    command.args(arguments).current_dir(directory);
    drop(run(&mut command, Duration::from_secs(60)).success());
}

/// An authority, and a certificate of it for `localhost`.
fn certificates(directory: &Path) {
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    let authority = ["req", "-x509", "-subj", "/CN=tests", "-keyout", "ca.key", "-out", "ca.crt"];
    openssl(directory, &[&authority[..], &key].concat());
    let server = [
        "req",
        "-x509",
        "-subj",
        "/CN=localhost",
        "-keyout",
        "server.key",
        "-out",
        "server.crt",
        "-CA",
        "ca.crt",
        "-CAkey",
        "ca.key",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ];
    openssl(directory, &[&server[..], &key].concat());
}

#[test]
fn a_server_is_verified_by_its_certificate_and_name() {
    let cluster = Cluster::quick();
    let made = TempDir::new().expect("a directory");
    certificates(made.path());
    // Its key must be the server's own.
    let data = cluster.query("postgres", "SHOW data_directory").remove(0);
    let owner = fs::metadata(&data).expect("a directory");
    for file in ["server.key", "server.crt"] {
        let to = Path::new(&data).join(file);
        fs::copy(made.path().join(file), &to).expect("copied");
        fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).expect("private");
        chown(&to, Some(owner.uid()), Some(owner.gid())).expect("the server's");
    }
    let trusted = made.path().join("ca.crt");
    let url = |host: &str| {
        format!("{}?sslmode=require", cluster.url("postgres").replace("127.0.0.1", host))
    };
    let plain = keys(&url("localhost"), &trusted);
    assert_eq!(plain.status.code(), Some(3), "{}", plain.stderr);
    assert!(plain.stderr.contains("does not support TLS"), "{}", plain.stderr);

    drop(cluster.query("postgres", "ALTER SYSTEM SET ssl = on"));
    drop(cluster.query("postgres", "SELECT pg_reload_conf()"));
    let mut known = keys(&url("localhost"), &trusted);
    for _ in 0..100 {
        if known.status.success() {
            break;
        }
        // The setting counts once the server has read it.
        assert!(known.stderr.contains("does not support TLS"), "{}", known.stderr);
        known = keys(&url("localhost"), &trusted);
    }
    assert_eq!(known.success().stdout, "there are no keys\n");

    let other = TempDir::new().expect("a directory");
    certificates(other.path());
    let unknown = keys(&url("localhost"), &other.path().join("ca.crt"));
    assert_eq!(unknown.status.code(), Some(3));
    assert!(unknown.stderr.contains("invalid peer certificate"), "{}", unknown.stderr);
    let misnamed = keys(&url("127.0.0.1"), &trusted);
    assert_eq!(misnamed.status.code(), Some(3));
    assert!(misnamed.stderr.contains("not valid for name"), "{}", misnamed.stderr);
}

#[test]
fn what_cannot_be_used_is_named_without_its_password() {
    for (url, said) in [
        ("postgres://u:secret@127.0.0.1:1/d", "postgres://127.0.0.1:1/d"),
        ("postgres://u:secret@h:port/d", "invalid value for option `port`"),
    ] {
        let refused = tidegate(&["key", "list", "--database", url]);
        assert_eq!(refused.status.code(), Some(3), "{}", refused.stderr);
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
        assert!(refused.stderr.contains("check the URL of --database"), "{}", refused.stderr);
        assert!(!refused.stderr.contains("secret"), "{}", refused.stderr);
    }
    let name = shared().create_database();
    drop(shared().query(&name, "CREATE TABLE theirs (a int)"));
    let refused = tidegate(&["key", "list", "--database", &shared().url(&name)]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(refused.stderr.contains("is not a tidegate database"), "{}", refused.stderr);
}
