use std::fs;
use std::path::Path;
use std::time::SystemTime;

use super::*;

fn cache_in(directory: &Path, entries: usize, bytes: u64) -> Disk {
    Disk::new(directory.join("made/here"), entries, bytes)
}

fn files(directory: &Path) -> Vec<String> {
    let files = fs::read_dir(directory.join("made/here")).expect("a directory");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("text"));
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn the_disk_holds_so_many_files_and_the_latest_used() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = cache_in(directory.path(), 3, 1 << 20);
    let name = |n: u8| [n; 32];
    for n in 0..3 {
        disk.write(&name(n), b"an entry").expect("written");
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(n) * 100);
        let file = fs::File::options().write(true).open(disk.path(&name(n))).expect("a file");
        file.set_modified(old).expect("set");
    }
    // A read counts as a use.
    assert_eq!(disk.read(&name(0)).expect("read").as_deref(), Some(&b"an entry"[..]));
    fs::write(directory.path().join("made/here/notes.txt"), "mine").expect("written");
    disk.write(&name(3), b"an entry").expect("written");
    let kept: Vec<_> = (0..4).filter(|n| disk.read(&name(*n)).expect("read").is_some()).collect();
    assert_eq!(kept, [0, 2, 3]);
    assert!(files(directory.path()).contains(&"notes.txt".to_owned()), "not of the cache");
    assert_eq!(files(directory.path()).len(), 4, "nothing temporary is left");
}

#[test]
fn the_disk_holds_so_many_bytes() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = cache_in(directory.path(), 100, 2_000);
    let mut random = 1_u32;
    let mut noise = |length: usize| {
        let mut next = || {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            random.to_be_bytes()[0]
        };
        (0..length).map(|_| next()).collect::<Vec<_>>()
    };
    for n in 0..40 {
        disk.write(&[n; 32], &noise(400)).expect("written");
        let held: u64 = files(directory.path())
            .iter()
            .map(|name| fs::metadata(directory.path().join("made/here").join(name)))
            .map(|metadata| metadata.expect("a file").len())
            .sum();
        assert!(held <= 2_000, "{held} after {n}");
        assert!(disk.read(&[n; 32]).expect("read").is_some(), "what was just written stays");
    }
    disk.write(&[99; 32], &noise(5_000)).expect("left out");
    assert!(disk.read(&[99; 32]).expect("read").is_none());
}

#[test]
fn the_directory_is_counted_again_for_what_others_write() {
    let directory = tempfile::tempdir().expect("a directory");
    let (one, other) =
        (cache_in(directory.path(), 50, 1 << 20), cache_in(directory.path(), 500, 1 << 20));
    one.write(&[0; 32], b"x").expect("written");
    for n in 1..=100 {
        other.write(&[n; 32], b"x").expect("written");
    }
    // It knows of none of those yet; after so many writes of its own it does.
    for n in 0..70 {
        one.write(&[n; 32], b"y").expect("written");
    }
    assert!(files(directory.path()).len() <= 50, "{}", files(directory.path()).len());
}

#[test]
fn what_a_dead_process_left_goes_after_a_while() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = cache_in(directory.path(), 3, 1 << 20);
    disk.write(&[1; 32], b"x").expect("written");
    let left = disk.path(&[2; 32]).with_extension("1-0.tmp");
    let fresh = disk.path(&[3; 32]).with_extension("1-0.tmp");
    for path in [&left, &fresh] {
        fs::write(path, "half").expect("written");
    }
    let file = fs::File::options().write(true).open(&left).expect("a file");
    file.set_modified(SystemTime::UNIX_EPOCH).expect("set");
    let later = Disk::new(directory.path().join("made/here"), 3, 1 << 20);
    later.write(&[4; 32], b"x").expect("written");
    assert!(!left.exists() && fresh.exists());
}

#[test]
fn a_file_that_unpacks_beyond_the_limit_is_refused() {
    let packed = disk::pack(&vec![0; 10_000]).expect("packed");
    assert!(packed.len() < 1_000);
    assert_eq!(disk::unpack(&packed[..], 10_000).expect("within").len(), 10_000);
    let error = disk::unpack(&packed[..], 9_999).expect_err("too long").to_string();
    assert_eq!(error, "it holds more than 9999 bytes");
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_what_is_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().expect("a directory");
    let disk = cache_in(directory.path(), 3, 1 << 20);
    disk.write(&[1; 32], b"x").expect("written");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&directory.path().join("made/here")), 0o700);
    assert_eq!(mode(&disk.path(&[1; 32])), 0o600);
}

#[tokio::test]
async fn a_server_without_a_lasting_address_has_no_copies_on_the_disk() {
    let directory = tempfile::tempdir().expect("a directory");
    let options = CacheOptions::new().directory(directory.path().join("made"));
    let cache = Cache::new(&options, Duration::ZERO);
    let query = Query::named(Kind::Prompt, "shop".into(), "s".into());
    let row = Map::from_iter([("slug".to_owned(), json!("s"))]);
    let located = Space::new(None, None, None);
    cache.keep(&located, None, &query, &row, &CacheEntry::default()).await;
    assert!(!directory.path().join("made").exists());
    let found = cache.find(&located, None, &query).await.expect("a copy");
    assert_eq!(found, (row, LoadSource::Memory));
    let other = Space::new(Some("http://h"), None, None);
    assert!(cache.find(&other, None, &query).await.is_none());
}

#[test]
fn what_happens_again_and_again_is_said_once_a_period() {
    let hush = Hush::new(Duration::from_secs(60));
    let start = clock::now();
    let said =
        [0, 1, 59, 60, 61, 119, 120].map(|second| hush.is_due(start + Duration::from_secs(second)));
    assert_eq!(said, [true, false, false, true, false, false, true]);
}
