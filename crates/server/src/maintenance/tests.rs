//! Files of uploads in backups and checks.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::clock;
use crate::store::Store as _;
use crate::store::sqlite::{DATABASE_FILE, SqliteStore};

const NAMED: &str = "aa11111111111111111111111111111111111111111111111111111111111111";
const MISSING: &str = "bb22222222222222222222222222222222222222222222222222222222222222";
const TAKEN_IN: &str = "cc33333333333333333333333333333333333333333333333333333333333333";
const ORPHAN: &str = "aa44444444444444444444444444444444444444444444444444444444444444";

/// A data directory whose database names files of uploads.
async fn data_dir(names: &[(&str, Option<i64>)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let store = SqliteStore::open(dir.path()).expect("open");
    store.close(Box::new(())).await;
    let database = Connection::open(dir.path().join(DATABASE_FILE)).expect("a database");
    // Only what backups and checks read.
    database
        .execute_batch("DROP TABLE IF EXISTS blobs; CREATE TABLE blobs (file, status, xact)")
        .expect("a table");
    for (name, xact) in names {
        database.execute("INSERT INTO blobs VALUES (?1, 'done', ?2)", (name, xact)).expect("a row");
    }
    dir
}

fn put(data_dir: &Path, name: &str, text: &str) {
    let path = data_dir.join(blobs::place(name));
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(path, text).expect("written");
}

fn check(data_dir: &Path) -> (Verdict, String) {
    let checks = doctor(data_dir, Depth::Quick);
    let check = checks.into_iter().find(|check| check.name == "blobs").expect("a check");
    (check.verdict, check.found)
}

#[tokio::test]
async fn a_backup_has_the_files_that_its_database_names() {
    let names = [(NAMED, None), (NAMED, None), (MISSING, None), (TAKEN_IN, Some(1))];
    let data = data_dir(&names).await;
    put(data.path(), NAMED, "some bytes");
    put(data.path(), ORPHAN, "nobody's");
    let to = TempDir::new().expect("a directory");
    let copy = to.path().join("copy");
    let report = backup(data.path(), &copy).expect("a backup");
    assert_eq!((report.blobs, report.blob_bytes, report.missing_blobs), (1, 10, 1));
    assert_eq!(fs::read(copy.join(blobs::place(NAMED))).expect("copied"), b"some bytes");
    assert!(!copy.join(blobs::place(ORPHAN)).exists());
    assert_eq!(check(&copy).0, Verdict::Fail, "one is missing in the copy as well");
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_no_file_of_an_upload() {
    let data = data_dir(&[("../../etc/passwd", None), (&NAMED[1..], None)]).await;
    let to = TempDir::new().expect("a directory");
    let report = backup(data.path(), &to.path().join("copy")).expect("a backup");
    assert_eq!((report.blobs, report.missing_blobs), (0, 0));
}

#[tokio::test]
async fn the_doctor_tells_missing_files_from_files_of_nobody() {
    let data = data_dir(&[(NAMED, None)]).await;
    let (verdict, found) = check(data.path());
    assert_eq!((verdict, found.as_str()), (Verdict::Fail, "1 of 1 files of uploads are missing"));
    put(data.path(), NAMED, "some bytes");
    put(data.path(), ORPHAN, "being uploaded, maybe");
    assert_eq!(check(data.path()).0, Verdict::Ok);
    let orphan = File::options().write(true).open(data.path().join(blobs::place(ORPHAN)));
    let orphan = orphan.expect("there");
    let days_ago = |days: u64| {
        let seconds = u64::from(clock::unix_seconds()) - days * 86_400;
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    };
    orphan.set_modified(days_ago(2)).expect("older");
    assert_eq!(check(data.path()).0, Verdict::Ok, "a collector has time to remove it");
    orphan.set_modified(days_ago(4)).expect("older");
    let (verdict, found) = check(data.path());
    assert_eq!((verdict, found.as_str()), (Verdict::Warn, "1 files of uploads belong to nothing"));
}
