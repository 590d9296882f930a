//! Histograms, groups, filters by metadata and versions of datasets, against counting by hand.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Collector;

/// Cases with times, scores, tags and metadata that a small generator made up.
struct Made {
    rows: Vec<Value>,
}

/// A generator of numbers; the same ones every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % most
    }
}

impl Made {
    fn of(count: u64) -> Self {
        let mut numbers = Numbers(7);
        let rows = (0..count).map(|n| {
            let second = numbers.below(7_200);
            let (hour, minute) = (second / 3_600, second / 60 % 60);
            let created = format!("2026-11-25T{:02}:{minute:02}:{:02}.250Z", 9 + hour, second % 60);
            let score = if n % 7 == 0 { Value::Null } else { json!(numbers.below(101) as f64 / 100.0) };
            let tags: Vec<_> = (0..numbers.below(3)).map(|t| format!("t{}", (n + t) % 4)).collect();
            let model = ["a", "b", "a model with spaces"][numbers.below(3) as usize];
            json!({"id": format!("r{n}"), "span_id": format!("r{n}"), "root_span_id": format!("t{n}"),
                "created": created, "input": n % 10, "scores": {"exact": score},
                "metrics": {"tokens": n}, "tags": tags,
                "metadata": {"model": {"name": model}, "number": n % 3, "flag": n % 2 == 0},
                "error": if n % 11 == 0 { json!("no") } else { Value::Null }})
        });
        Self { rows: rows.collect() }
    }

    async fn write(&self, collector: &Collector, id: &str) {
        let of_it = |row: &Value| {
            let mut row = row.clone();
            row["experiment_id"] = id.into();
            row
        };
        collector.log(&self.rows.iter().map(of_it).collect()).await;
    }

    fn count(&self, holds: impl Fn(&Value) -> bool) -> u64 {
        self.rows.iter().filter(|row| holds(row)).count() as u64
    }
}

fn ms(row: &Value) -> f64 {
    let at: jiff::Timestamp = row["created"].as_str().expect("text").parse().expect("a time");
    at.as_millisecond() as f64
}

fn failed(row: &Value) -> bool {
    !row["error"].is_null()
}

async fn experiment(collector: &Collector) -> String {
    let made = collector.experiment(&json!({})).await;
    made["id"].as_str().expect("id").to_owned()
}

/// Checks every bucket against the rows, and that they join without gaps.
fn check(made: &Made, found: &Value, value: impl Fn(&Value) -> Option<f64>, what: &str) -> usize {
    let buckets = found["buckets"].as_array().expect("buckets");
    let number = |bucket: &Value, name: &str| bucket[name].as_f64().expect("a number");
    for (at, bucket) in buckets.iter().enumerate() {
        let (lower, upper) = (number(bucket, "lower"), number(bucket, "upper"));
        if let Some(next) = buckets.get(at + 1) {
            assert_eq!(upper, number(next, "lower"), "{what}");
        }
        let is_last = at + 1 == buckets.len();
        let within = |row: &Value| {
            value(row).is_some_and(|v| lower <= v && (v < upper || is_last && v <= upper))
        };
        assert_eq!(bucket["cases"], made.count(within), "{what}: {bucket}");
        let errors = made.count(|row| within(row) && failed(row));
        assert_eq!(bucket["errors"], errors, "{what}: {bucket}");
    }
    assert_eq!(found["cases"], made.count(|row| value(row).is_some()), "{what}");
    buckets.len()
}

#[tokio::test]
async fn histograms_count_what_is_there() {
    let collector = Collector::start().await;
    let id = experiment(&collector).await;
    let made = Made::of(500);
    made.write(&collector, &id).await;
    let path = format!("/api/objects/experiment/{id}/histogram");
    for (buckets, expected) in [(1, 1), (2, 2), (12, 12), (60, 60), (500, 240)] {
        let found = collector.get(&format!("{path}?by=created&buckets={buckets}")).await;
        let what = format!("{buckets}");
        let count = check(&made, &found, |row| Some(ms(row)), &what);
        assert!(count <= buckets && count + 1 >= expected, "{count} of {buckets}");
        assert_eq!((&found["exact"], &found["missing"]), (&json!(true), &json!(0)));
    }
    let score = |row: &Value| row["scores"]["exact"].as_f64();
    for buckets in [1, 3, 10, 100] {
        let found = collector.get(&format!("{path}?by=score:exact&buckets={buckets}")).await;
        assert_eq!(check(&made, &found, score, "scores"), buckets);
        assert_eq!(found["missing"], made.count(|row| score(row).is_none()));
        assert_eq!(found["buckets"][0]["lower"], 0.0);
    }
    let tokens = |row: &Value| row["metrics"]["tokens"].as_f64();
    let found = collector.get(&format!("{path}?by=metric:tokens&buckets=7")).await;
    assert_eq!(check(&made, &found, tokens, "tokens"), 7);
    assert_eq!(found["buckets"][6]["upper"], 499.0);
    let found = collector.get(&format!("{path}?by=score:none")).await;
    assert_eq!((&found["buckets"], &found["missing"]), (&json!([]), &json!(500)));

    // Conditions and bounds narrow it.
    let found = collector.get(&format!("{path}?failed=true")).await;
    assert_eq!(found["cases"], made.count(failed));
    let (from, to) = ("2026-11-25T09:30:00Z", "2026-11-25T10:00:00Z");
    let found = collector.get(&format!("{path}?from={from}&to={to}&buckets=30")).await;
    let bounds = [from, to].map(|text| ms(&json!({ "created": text })));
    let inside = made.count(|row| (bounds[0]..=bounds[1]).contains(&ms(row)));
    assert_eq!(found["cases"], inside);
    assert!(inside > 50 && inside < 300, "{inside}");
    let same = format!("{path}?from={}&to={}&buckets=30", bounds[0], bounds[1]);
    assert_eq!(collector.get(&same).await["buckets"], found["buckets"]);
    for bad in ["by=x", "by=score:", "buckets=0", "buckets=9999", "from=x", "from=2&to=1"] {
        let reply = collector.send(Method::GET, &format!("{path}?{bad}"), "").await;
        assert_eq!(reply.status.as_u16(), 400, "{bad}");
    }
    let empty = experiment(&collector).await;
    let found = collector.get(&format!("/api/objects/experiment/{empty}/histogram")).await;
    assert_eq!((&found["buckets"], &found["cases"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn groups_have_the_means_of_their_cases() {
    let collector = Collector::start().await;
    let id = experiment(&collector).await;
    let made = Made::of(400);
    made.write(&collector, &id).await;
    let path = format!("/api/objects/experiment/{id}/groups");
    let models = collector.get(&format!("{path}?by=metadata.model.name")).await;
    assert_eq!((&models["total"], &models["left_out"]), (&json!(3), &json!(0)));
    let groups = models["groups"].as_array().expect("groups");
    assert!(groups.is_sorted_by(|one, other| one["cases"].as_u64() >= other["cases"].as_u64()));
    for group in groups {
        let of_it = |row: &Value| row["metadata"]["model"]["name"] == group["key"];
        assert_eq!(group["cases"], made.count(of_it), "{group}");
        assert_eq!(group["errors"], made.count(|row| of_it(row) && failed(row)), "{group}");
        let scores = made.rows.iter().filter(|row| of_it(row));
        let scores: Vec<_> = scores.filter_map(|row| row["scores"]["exact"].as_f64()).collect();
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        let found = &group["scores"]["exact"];
        assert!((found["mean"].as_f64().expect("a mean") - mean).abs() < 1e-12, "{group}");
        assert_eq!(found["cases"], scores.len());
    }
    let tags = collector.get(&format!("{path}?by=tag&limit=2")).await;
    assert_eq!((&tags["total"], tags["groups"].as_array().map(Vec::len)), (&json!(5), Some(2)));
    for group in tags["groups"].as_array().expect("groups") {
        let of_it = |row: &Value| match group["key"].as_str() {
            Some(tag) => row["tags"].as_array().expect("tags").iter().any(|t| t == tag),
            None => row["tags"] == json!([]),
        };
        assert_eq!(group["cases"], made.count(of_it), "{group}");
    }
    let inputs = collector.get(&format!("{path}?by=input_hash&failed=false")).await;
    assert_eq!(inputs["total"], 10);
    let sum: u64 = inputs["groups"]
        .as_array()
        .expect("groups")
        .iter()
        .filter_map(|g| g["cases"].as_u64())
        .sum();
    assert_eq!(sum, made.count(|row| !failed(row)));
    let flags = collector.get(&format!("{path}?by=metadata.flag")).await;
    assert_eq!((&flags["groups"][0]["key"], &flags["total"]), (&json!("false"), &json!(2)));
    let none = collector.get(&format!("{path}?by=metadata.nothing.here")).await;
    assert_eq!(
        (&none["groups"][0]["key"], &none["groups"][0]["cases"]),
        (&Value::Null, &json!(400))
    );
    for bad in ["", "by=x", "by=metadata.", "by=metadata.a..b", "by=tag&limit=0"] {
        let reply = collector.send(Method::GET, &format!("{path}?{bad}"), "").await;
        assert_eq!(reply.status.as_u16(), 400, "{bad}");
    }
}

#[tokio::test]
async fn cases_are_filtered_by_members_of_their_metadata() {
    let collector = Collector::start().await;
    let id = experiment(&collector).await;
    let made = Made::of(100);
    made.write(&collector, &id).await;
    let path = format!("/api/objects/experiment/{id}/cases?limit=1000");
    let count = async |query: &str| {
        let page = collector.get(&format!("{path}&{query}")).await;
        page["cases"].as_array().expect("cases").len() as u64
    };
    let named = |name: &'static str| move |row: &Value| row["metadata"]["model"]["name"] == name;
    assert_eq!(count("metadata.model.name=a").await, made.count(named("a")));
    let spaces = "metadata.model.name=a+model+with+spaces";
    assert_eq!(count(spaces).await, made.count(named("a model with spaces")));
    assert_eq!(count("metadata.number=2").await, made.count(|row| row["metadata"]["number"] == 2));
    let both = "metadata.number=1&metadata.flag=true&sort=score:exact";
    let expected =
        made.count(|row| row["metadata"]["number"] == 1 && row["metadata"]["flag"] == true);
    assert_eq!(count(both).await, expected);
    assert!(expected > 0);
    assert_eq!(count("metadata.nothing=1").await, 0);
    let reply = collector.send(Method::GET, &format!("{path}&metadata.a..b=1"), "").await;
    assert_eq!(reply.status.as_u16(), 400);
}

#[tokio::test]
async fn versions_of_a_dataset_say_what_changed() {
    let collector = Collector::start().await;
    let body = json!({"project_name": "p", "dataset_name": "d"});
    let made = collector.post("/api/dataset/register", &body).await;
    let id = made["dataset"]["id"].as_str().expect("id").to_owned();
    let write = async |rows: Value| {
        let of_it = |row: &Value| {
            let mut row = row.clone();
            row["dataset_id"] = id.as_str().into();
            row
        };
        let rows: Vec<_> = rows.as_array().expect("rows").iter().map(of_it).collect();
        let written = collector.log(&json!(rows)).await;
        written["xact_id"].as_str().expect("an id").to_owned()
    };
    let first = write(json!([{"id": "a", "input": 1}, {"id": "b", "input": 2}])).await;
    let body = json!({"dataset_id": id, "dataset_snapshot_name": "one", "xact_id": first});
    collector.post("/api/dataset_snapshot/register", &body).await;
    let second = write(json!([{"id": "a", "input": 3}, {"id": "c", "input": 4}])).await;
    let third = write(json!([{"id": "b", "_object_delete": true}])).await;
    let path = format!("/environment-object/dataset/{id}/production");
    let body = json!({"object_version": third}).to_string();
    collector.send(Method::PUT, &path, body).await;
    let path = format!("/api/datasets/{id}/versions");
    let all = collector.get(&path).await;
    let version = |at: usize, member: &str| all["versions"][at][member].clone();
    let ids: Vec<_> = (0..3).map(|at| version(at, "_xact_id")).collect();
    assert_eq!(ids, [json!(third), json!(second), json!(first)]);
    let counts: Vec<_> =
        (0..3).map(|at| (version(at, "changed"), version(at, "deleted"))).collect();
    assert_eq!(counts, [(json!(0), json!(1)), (json!(2), json!(0)), (json!(2), json!(0))]);
    assert_eq!(version(2, "snapshots"), json!(["one"]));
    assert_eq!(version(0, "environments"), json!(["production"]));
    assert!(version(0, "created").as_str().is_some_and(|created| created.ends_with('Z')));
    assert_eq!(all["cursor"], Value::Null);
    let page = collector.get(&format!("{path}?limit=2")).await;
    assert_eq!(page["cursor"], second.as_str());
    let rest = collector.get(&format!("{path}?cursor={second}")).await;
    assert_eq!(rest["versions"].as_array().map(Vec::len), Some(1));
    assert_eq!(rest["versions"][0]["snapshots"], json!(["one"]));
    let reply = collector.send(Method::GET, &format!("{path}?cursor=x"), "").await;
    assert_eq!(reply.status.as_u16(), 400);
    let reply = collector.send(Method::GET, "/api/datasets/nope/versions", "").await;
    assert_eq!(reply.status.as_u16(), 404);
}
