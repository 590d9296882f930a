use futures_util::future::join_all;

use super::super::testing::fresh;
use super::*;

fn new(n: u8) -> StoredKey {
    StoredKey {
        id: format!("k{n}"),
        sha256: [n; 32],
        name: Some("a key".into()),
        scope: if n == 0 { Scope::Read } else { Scope::Write },
        project: None,
        created: format!("2026-01-01T00:00:0{n}.000Z"),
        revoked: None,
        last_used: None,
    }
}

#[tokio::test]
async fn keys_are_revoked_once_and_the_latest_use_counts() {
    let (database, url) = fresh().await;
    let both = [database, Database::new(&url).expect("a URL")];
    for n in (0..4).rev() {
        assert!(add(&both[0], &new(n), false).await.expect("stored"));
    }
    let revoked = revoke(&both[1], "k2").await.expect("revoked").expect("a key").revoked;
    assert!(revoked.is_some());
    let again = revoke(&both[0], "k2").await.expect("revoked").expect("a key").revoked;
    assert_eq!(again, revoked);
    assert!(revoke(&both[0], "nobody").await.expect("looked").is_none());
    // In different orders, which must not be those of the locks.
    let touched = join_all((0..20).map(async |n: usize| {
        let time = format!("2026-01-02T00:00:{:02}.000Z", (n * 7) % 20);
        let mut used: Vec<_> = (0..4).map(|key| (format!("k{key}"), time.clone())).collect();
        used.rotate_left(n % 4);
        touch(&both[n % 2], &used).await
    }))
    .await;
    for one in touched {
        one.expect("noted");
    }
    let keys = all(&both[0]).await.expect("read");
    let ids: Vec<_> = keys.iter().map(|key| key.id.as_str()).collect();
    assert_eq!(ids, ["k0", "k1", "k2", "k3"]);
    assert_eq!((keys[0].scope, keys[1].scope), (Scope::Read, Scope::Write));
    assert_eq!(keys[3].sha256, [3; 32]);
    let latest = Some("2026-01-02T00:00:19.000Z");
    assert!(keys.iter().all(|key| key.last_used.as_deref() == latest), "{keys:?}");
}
