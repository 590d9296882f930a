//! What goes from a bucket when nothing needs it any more: with shorter times than a server has.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tidegate_server::{Options, start};
use tidegate_testkit::postgres::{self, Store, store};
use tidegate_testkit::s3;

use crate::harness::{Collector, DEADLINE};

/// How old what nobody names must be, and how often it is looked for. Names in the bucket are shared
/// for a second then, which is too short for a collector that sees an upload of another: here one
/// alone takes them.
const AGE: Duration = Duration::from_millis(1);
const PAUSE: Duration = Duration::from_millis(50);

/// A database and a bucket.
struct Place {
    database: String,
    bucket: String,
}

impl Place {
    /// `None` in the turn of PostgreSQL: these need it always, and so run in the other.
    async fn new() -> Option<Self> {
        if store() == Store::Postgres {
            return None;
        }
        let make = || {
            let server = postgres::shared();
            let database = server.url(&server.create_database());
            Self { database, bucket: s3::shared().create_bucket() }
        };
        Some(tokio::task::spawn_blocking(make).await.expect("a place"))
    }

    /// A collector with a directory of its own.
    async fn start(&self) -> Collector {
        let dir = tempfile::tempdir().expect("temporary directory");
        let settings = s3::shared().environment();
        let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value));
        let options = Options::new(dir.path())
            .listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .database(&self.database)
            .blobs(format!("s3://{}", self.bucket), settings)
            .unnamed_uploads(AGE, PAUSE);
        Collector::of(start(options).await.expect("start"), dir)
    }

    /// Lengths of all objects but the mark.
    async fn lengths(&self) -> Vec<u64> {
        let bucket = self.bucket.clone();
        let listed = tokio::task::spawn_blocking(move || s3::shared().objects(&bucket)).await;
        let objects = listed.expect("a list");
        let mut lengths: Vec<u64> =
            objects.iter().filter(|it| it.key != "tidegate-store").map(|it| it.bytes).collect();
        lengths.sort_unstable();
        lengths
    }

    async fn left(&self, lengths: &[u64]) {
        let left = async {
            while self.lengths().await != lengths {
                tokio::time::sleep(PAUSE).await;
            }
        };
        let in_time = tokio::time::timeout(DEADLINE, left).await;
        assert!(in_time.is_ok(), "{:?} are there, not {lengths:?}", self.lengths().await);
    }
}

async fn upload(collector: &Collector, key: &str, bytes: Vec<u8>) {
    let announced = json!({"key": key, "filename": "a", "org_id": "o"});
    let announced = collector.post("/attachment", &announced).await;
    let url = announced["signedUrl"].as_str().expect("URL");
    let put = collector.request(Method::PUT, url).body(bytes).send().await.expect("reply");
    assert_eq!(put.status(), StatusCode::OK, "{key}");
}

async fn content(collector: &Collector, key: &str) -> Vec<u8> {
    let found = collector.get(&format!("/attachment?key={key}")).await;
    let url = found["downloadUrl"].as_str().expect("URL");
    let reply = collector.request(Method::GET, url).send().await.expect("reply");
    assert_eq!(reply.status(), StatusCode::OK, "{key}");
    reply.bytes().await.expect("body").to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_row_names_goes_and_the_rest_stays() {
    let Some(place) = Place::new().await else { return };
    let one = place.start().await;
    let reference = |key: &str| {
        json!({"type": "braintrust_attachment", "filename": "a", "content_type": "text/plain",
            "key": key})
    };
    let row =
        json!({"id": "r", "experiment_id": "e", "input": [reference("kept"), reference("large")]});
    one.log(&json!([row])).await;
    let large = vec![7; 9 << 20];
    upload(&one, "kept", vec![1; 10]).await;
    upload(&one, "large", large.clone()).await;
    upload(&one, "nobodys", vec![2; 20]).await;
    upload(&one, "shared", vec![1; 10]).await;
    let two = place.start().await;
    // Two of the same bytes have two objects if a second has passed in between.
    place.left(&[10, 9 << 20]).await;
    assert_eq!(content(&two, "kept").await, vec![1; 10]);
    assert!(content(&one, "large").await == large);

    let changed = json!({"id": "r", "experiment_id": "e", "input": [reference("kept")]});
    two.log(&json!([changed])).await;
    place.left(&[10]).await;
    assert_eq!(content(&one, "kept").await, vec![1; 10]);
    one.log(&json!([{"id": "r", "experiment_id": "e", "_object_delete": true}])).await;
    place.left(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_profile_that_another_replaced_goes_later_and_the_last_with_its_experiment() {
    let Some(place) = Place::new().await else { return };
    let one = place.start().await;
    let made = one.experiment(&json!({"experiment_name": "run"})).await;
    let id = made["id"].as_str().expect("an id");
    let path = format!("/api/experiments/{id}/profile");
    let profile = |name: &str| {
        let header = json!({"header": {"format": "tidegate-profile", "version": 1, "name": name,
            "source": "sdk", "started_unix_us": 0}});
        format!("{header}\n")
    };
    let mut last = String::new();
    for name in ["a", "bb", "ccc"] {
        last = profile(name);
        let kept = one.send(Method::PUT, &path, last.clone()).await;
        assert_eq!(kept.status, StatusCode::OK, "{}", kept.body);
    }
    place.left(&[last.len() as u64]).await;
    let two = place.start().await;
    let read = two.send_any(Method::GET, &path, "", &[]).await;
    assert_eq!((read.status, read.text()), (StatusCode::OK, last));
    let gone = two.send(Method::DELETE, &format!("/v1/experiment/{id}"), "").await;
    assert_eq!(gone.status, StatusCode::OK, "{}", gone.body);
    place.left(&[]).await;
}
