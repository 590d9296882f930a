//! A bucket in memory: names, sharing, removal. Real requests are tested with the real binary.

use std::io::Write as _;

use object_store::memory::InMemory;
use object_store::{PutPayload, path};

use super::object::{NARROW_BYTES, READ_BYTES};
use super::*;
use crate::blobs::{Blobs, BucketError, Claim, Upload};

/// In place of a day, so that none ends during a test.
const AGES: i64 = 1 << 39;

/// A data directory and a bucket; objects are shared and stay for the default times.
struct World {
    blobs: Blobs,
    bucket: Bucket,
    _dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self::with_age(Duration::from_secs(24 * 3_600))
    }

    fn with_age(age: Duration) -> Self {
        let dir = tempfile::tempdir().expect("directory");
        let mut bucket = Bucket::of(Arc::new(InMemory::new()), Path::from("some/prefix"), age);
        bucket.period = AGES;
        let blobs = Blobs::in_bucket(bucket.clone(), dir.path()).expect("open");
        Self { blobs, bucket, _dir: dir }
    }

    async fn upload(&self, bytes: &[u8], name: Option<String>) -> Claim {
        let mut upload = Upload::start(&self.blobs).expect("start");
        upload.write(bytes).expect("write");
        upload.finish(name).await.expect("finish")
    }

    async fn objects(&self) -> Vec<String> {
        let listed = self.bucket.store.list(None);
        let mut names: Vec<_> =
            listed.map_ok(|object| object.location.to_string()).try_collect().await.expect("list");
        names.sort();
        names
    }

    async fn remove(&self, name: &str) -> Removed {
        self.blobs.remove_all(self.blobs.condemn(vec![name.into()])).await.expect("removed")
    }

    async fn put(&self, name: &str) {
        let place = self.bucket.place(name).expect("a name");
        self.bucket.store.put(&place, PutPayload::from_static(b"old")).await.expect("put");
    }
}

#[tokio::test]
async fn the_same_bytes_share_an_object_that_is_there_under_their_hash() {
    let world = World::new();
    let (one, two) = (world.upload(b"abc", None).await, world.upload(b"abc", None).await);
    // The hash of "abc" in FIPS 180-2.
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let name = format!("{hash}-{AGES}");
    assert_eq!([one.name(), two.name()], [&name, &name]);
    assert_eq!(world.objects().await, [format!("some/prefix/ba/{}", one.name())]);
    let content = world.blobs.content(one.name()).await.expect("there");
    assert_eq!((content.length(), content.bytes(10).await.expect("read")), (3, b"abc".to_vec()));
}

#[tokio::test]
async fn large_uploads_go_in_parts_and_come_back_the_same() {
    let world = World::new();
    let bytes: Vec<u8> = (0..PART_BYTES * 2 + 5).map(|n| (n % 251) as u8).collect();
    for size in [PART_BYTES, PART_BYTES + 1, PART_BYTES * 2 + 5] {
        let part = &bytes[..usize::try_from(size).expect("small")];
        let claim = world.upload(part, None).await;
        let content = world.blobs.content(claim.name()).await.expect("there");
        assert_eq!(content.length(), size);
        assert!(content.bytes(u64::MAX).await.expect("read") == part, "{size}");
        let (start, count) = (READ_BYTES - 3, READ_BYTES * 3);
        let content = world.blobs.content(claim.name()).await.expect("there");
        let pieces: Vec<Bytes> = content.pieces(start, count).try_collect().await.expect("read");
        let range =
            usize::try_from(start).expect("small")..usize::try_from(start + count).expect("small");
        assert!(pieces.concat() == part[range], "{size}");
    }
    assert_eq!(world.bucket.large.available_permits(), LARGE_UPLOADS);
    assert_eq!(world.bucket.memory.available_permits(), MEMORY_UNITS);
    let empty = world.upload(b"", None).await;
    let content = world.blobs.content(empty.name()).await.expect("there");
    assert!(content.bytes(1).await.expect("read").is_empty());
}

#[tokio::test]
async fn many_readers_at_once_hold_little_each() {
    let world = World::new();
    let bytes: Vec<u8> = (0..READ_BYTES * 2).map(|n| (n % 251) as u8).collect();
    let claim = world.upload(&bytes, None).await;
    let first = async || {
        let content = world.blobs.content(claim.name()).await.expect("there");
        let mut pieces = content.pieces(0, READ_BYTES * 2);
        let piece = pieces.try_next().await.expect("read").expect("a piece");
        (piece, pieces)
    };
    let mut readers = Vec::new();
    for _ in 0..WIDE_READERS {
        let (piece, pieces) = first().await;
        assert_eq!(piece.len() as u64, READ_BYTES);
        readers.push(pieces);
    }
    let (piece, rest) = first().await;
    assert_eq!(piece.len() as u64, NARROW_BYTES);
    let rest: Vec<Bytes> = rest.try_collect().await.expect("read");
    assert!([piece, rest.concat().into()].concat() == bytes);
    readers.pop();
    let (piece, _rest) = first().await;
    assert_eq!(piece.len() as u64, READ_BYTES);
}

#[tokio::test]
async fn what_may_still_be_put_stays_and_the_rest_goes() {
    let world = World::new();
    let claim = world.upload(b"new", None).await;
    let name = claim.name().to_owned();
    assert_eq!(world.remove(&name).await, Removed::default(), "it is claimed");
    drop(claim);
    assert_eq!(world.remove(&name).await, Removed::default(), "another may be putting it");
    let hash = "cd".repeat(32);
    let now = clock::now().as_second();
    let (old, young) = (format!("{hash}-{}", now - 3_700), format!("{hash}-{}", now - 3_500));
    for (name, files) in [(&old, 1), (&young, 0), (&hash, 1)] {
        world.put(name).await;
        assert_eq!(world.remove(name).await, Removed { files, bytes: files * 3 }, "{name}");
        let is_there = world.blobs.content(name).await.is_ok();
        assert_eq!(is_there, files == 0, "{name}");
    }
    assert_eq!(world.remove(&old).await, Removed::default(), "it is gone");
    world.blobs.remove(&young).await.expect("removed, as nobody shares it");
    world.blobs.remove(&young).await.expect("removed before");
    assert_eq!(world.objects().await.len(), 1);
}

#[tokio::test]
async fn objects_are_found_by_group_and_age() {
    let world = World::with_age(Duration::ZERO);
    let claim = world.upload(b"abc", None).await;
    for strange in
        ["some/prefix/ba/readme", "some/prefix/tidegate-store", "ba/x", "some/prefix/bad"]
    {
        let place = path::Path::from(strange);
        world.bucket.store.put(&place, PutPayload::from_static(b"x")).await.expect("put");
    }
    let older = async |group: &str, age| world.blobs.older(group, age).await.expect("listed");
    assert_eq!(older("ba", Duration::ZERO).await, [claim.name()]);
    assert!(older("ba", Duration::from_secs(60)).await.is_empty());
    assert!(older("bb", Duration::ZERO).await.is_empty());
    let groups = world.blobs.groups().await.expect("groups");
    assert_eq!((groups.len(), &*groups[0], &*groups[186]), (256, "00", "ba"));
}

#[tokio::test]
async fn an_overflow_has_its_object_for_itself() {
    let world = World::new();
    let name = "ef".repeat(32);
    for text in ["one", "two"] {
        let claim = world.upload(text.as_bytes(), Some(name.clone())).await;
        assert_eq!(claim.name(), name);
        let content = world.blobs.content(&name).await.expect("there");
        assert_eq!(content.bytes(9).await.expect("read"), text.as_bytes(), "a repeat replaces");
    }
    world.blobs.remove(&name).await.expect("removed at once");
    assert!(world.objects().await.is_empty());
}

#[tokio::test]
async fn a_prefix_is_one_stores() {
    let world = World::new();
    world.bucket.mark("one").await.expect("marked");
    world.bucket.mark("one").await.expect("marked before");
    let taken = world.bucket.mark("two").await;
    assert!(matches!(&taken, Err(BucketError::Taken(by)) if by == "one"), "{taken:?}");
    let elsewhere = Bucket { prefix: Path::from("other"), ..world.bucket.clone() };
    elsewhere.mark("two").await.expect("another prefix");
}

#[tokio::test]
async fn files_are_copied_once_and_only_as_they_were() {
    let world = World::new();
    let mut file = tempfile::NamedTempFile::new().expect("file");
    file.write_all(b"abc").expect("written");
    let path = file.path().to_owned();
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let copy = async |name: &str, is_hash| world.bucket.copy(name, path.clone(), is_hash).await;
    for _ in 0..2 {
        assert_eq!(copy(hash, true).await.expect("copied"), Copied::There(3));
    }
    let other = "ab".repeat(32);
    assert_eq!(copy(&other, true).await.expect("looked at"), Copied::Damaged);
    assert_eq!(copy(&other, false).await.expect("copied"), Copied::There(3));
    let none = world.bucket.copy(hash, "/nowhere/at all".into(), true).await;
    assert_eq!(none.expect("looked for"), Copied::Missing);
    assert_eq!(world.objects().await.len(), 2);
}

#[test]
fn urls() {
    let parsed = |url: &str| open::parse(url).map_err(|error| error.to_string());
    assert_eq!(parsed("s3://b"), Ok(("b".into(), String::new())));
    assert_eq!(parsed("s3://my.b-1/a/b/"), Ok(("my.b-1".into(), "a/b".into())));
    for bad in
        ["", "b", "https://b/p", "s3://", "s3:///p", "s3://user:pw@b/p", "s3://b/p?x=1", "s3://b#x"]
    {
        let message = parsed(bad).expect_err(bad);
        assert!(message.ends_with("write s3://BUCKET/PREFIX"), "{bad}: {message}");
    }
}
