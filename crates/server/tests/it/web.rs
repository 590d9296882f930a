//! The web page: who gets it, how it is sent, and what it may do.

use std::io::Read as _;

use reqwest::Method;
use serde_json::json;

use crate::harness::{Collector, Reply};

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

async fn get(collector: &Collector, path: &str, headers: &[(&str, &str)]) -> Reply {
    collector.send_any(Method::GET, path, "", headers).await
}

fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply.headers.get(name).map_or("", |value| value.to_str().expect("text"))
}

/// The path of a file that the page names.
fn named(page: &str, ending: &str) -> String {
    let named = |part: &&str| part.starts_with("/assets/") && part.ends_with(ending);
    page.split('"').find(named).expect("a file").to_owned()
}

#[tokio::test]
async fn a_browser_gets_the_page_at_every_link_without_a_key() {
    let collector = Collector::start_with(|options| options.require_key(true)).await;
    let page = get(&collector, "/", &[HTML]).await.text();
    assert!(page.contains("<div id=\"app\">"), "{page}");
    for path in [
        "/login",
        "/app/local/p/some project",
        "/app/local/p/nope/experiments/e?c=1",
        "/app/local/p/p/experiments/e/uploads",
        "/app/local/p/p/experiments/e/trace/t?s=1",
        "/app/local/p/p/logs",
        "/app/local/p/p/logs/trace/t",
        "/app/local/p/p/datasets",
        "/app/local/p/p/datasets/d",
        "/app/local/p/p/compare?e=a&e=b",
        "/app/local/object?object_type=experiment&object_id=x&id=y",
        "/app/local/settings/keys",
    ] {
        let reply = get(&collector, &path.replace(' ', "%20"), &[HTML]).await;
        assert_eq!((reply.status.as_u16(), reply.text()), (200, page.clone()), "{path}");
        assert_eq!(header(&reply, "cache-control"), "no-cache", "{path}");
        assert!(header(&reply, "content-type").starts_with("text/html"), "{path}");
        let vary: Vec<_> = reply.headers.get_all("vary").iter().collect();
        assert!(vary.iter().any(|value| *value == "accept"), "{path}: {vary:?}");
    }
    // Other clients get what the API has there.
    for (path, status) in [("/", 404), ("/login", 404), ("/app/local/x", 404), ("/app/o/p/p", 401)]
    {
        for accept in ["*/*", "application/json"] {
            let reply = get(&collector, path, &[("accept", accept)]).await;
            assert_eq!(reply.status.as_u16(), status, "{path}");
            assert!(reply.body["error"].is_string(), "{path}");
        }
        // Nor does a browser get a page for what it does not only look at.
        let posted = collector.send_any(Method::POST, path, "", &[HTML]).await;
        assert!([404, 405].contains(&posted.status.as_u16()), "{path}");
        assert!(posted.body["error"].is_string(), "{path}");
    }
}

#[tokio::test]
async fn every_page_says_what_it_may_do() {
    let collector = Collector::start().await;
    let page = get(&collector, "/", &[HTML]).await.text();
    let files =
        ["/", "/login", "/app/o/p/p", "/icon.svg", "/speedscope/", "/speedscope/release.txt"];
    let files = files.into_iter().map(str::to_owned).chain([named(&page, ".css")]);
    for path in files {
        let reply = get(&collector, &path, &[HTML]).await;
        assert_eq!(reply.status.as_u16(), 200, "{path}");
        let policy = header(&reply, "content-security-policy");
        let of = |directive: &str| {
            let found = policy.split("; ").find_map(|part| part.strip_prefix(directive));
            found.unwrap_or_else(|| panic!("{path}: no {directive} in {policy}")).trim().to_owned()
        };
        assert_eq!(of("default-src"), "'none'", "{path}");
        assert_eq!(of("frame-ancestors"), "'none'", "{path}");
        assert_eq!(of("base-uri"), "'none'", "{path}");
        assert_eq!(of("connect-src"), "'self'", "{path}");
        let is_viewer = path.starts_with("/speedscope");
        let scripts = if is_viewer { "'self' 'wasm-unsafe-eval'" } else { "'self'" };
        assert_eq!(of("script-src "), scripts, "{path}");
        assert_eq!(of("style-src "), "'self'", "{path}");
        assert_eq!(policy.contains("'unsafe-inline'"), is_viewer, "{path}: {policy}");
        assert!(!policy.contains("'unsafe-eval'"), "{path}: {policy}");
        assert_eq!(header(&reply, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header(&reply, "referrer-policy"), "same-origin", "{path}");
        assert_eq!(header(&reply, "cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(header(&reply, "cross-origin-resource-policy"), "same-origin", "{path}");
    }
}

#[tokio::test]
async fn files_are_kept_for_ever_and_packed_for_those_who_take_it() {
    let collector = Collector::start().await;
    let page = get(&collector, "/", &[HTML]).await.text();
    let path = named(&page, ".css");
    let plain = get(&collector, &path, &[]).await;
    assert_eq!(header(&plain, "cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(header(&plain, "content-type"), "text/css; charset=utf-8");
    assert_eq!(header(&plain, "content-encoding"), "");
    let tag = header(&plain, "etag").to_owned();
    let known = [("if-none-match", format!("\"other\", W/{tag}"))];
    let known: Vec<_> = known.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let again = get(&collector, &path, &known).await;
    assert_eq!((again.status.as_u16(), again.bytes.len()), (304, 0));
    assert_eq!(header(&again, "etag"), tag);
    let other = get(&collector, &path, &[("if-none-match", "\"other\"")]).await;
    assert_eq!(other.status.as_u16(), 200);

    // A file that is long enough to be packed.
    let path = "/speedscope/file-format-schema.json";
    let plain = get(&collector, path, &[]).await;
    let gzip = get(&collector, path, &[("accept-encoding", "deflate, gzip")]).await;
    assert_eq!(header(&gzip, "content-encoding"), "gzip");
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&*gzip.bytes).read_to_end(&mut unpacked).expect("gzip");
    assert_eq!(unpacked, plain.bytes);
    let brotli = get(&collector, path, &[("accept-encoding", "gzip, br")]).await;
    assert_eq!(header(&brotli, "content-encoding"), "br");
    let mut unpacked = Vec::new();
    brotli::Decompressor::new(&*brotli.bytes, 4_096).read_to_end(&mut unpacked).expect("brotli");
    assert_eq!(unpacked, plain.bytes);
    assert!(brotli.bytes.len() < gzip.bytes.len() && gzip.bytes.len() < plain.bytes.len());
    let tags = [&plain, &gzip, &brotli].map(|reply| header(reply, "etag").to_owned());
    assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2], "{tags:?}");
    assert_eq!(header(&brotli, "vary"), "accept-encoding");

    for missing in ["/assets/nope.js", "/assets/../index.html", "/speedscope/nope", "/assets/%ff"] {
        let reply = get(&collector, missing, &[]).await;
        assert!([400, 404].contains(&reply.status.as_u16()), "{missing}");
        assert!(reply.body["error"].is_string(), "{missing}: {}", reply.text());
    }
    let head = collector.send_any(Method::HEAD, path, "", &[]).await;
    assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));
}

#[tokio::test]
async fn a_link_by_ids_is_told_where_it_leads() {
    let collector = Collector::start().await;
    let made = collector.experiment(&json!({"experiment_name": "e"})).await;
    let id = made["id"].as_str().expect("id");
    let project = made["project_id"].as_str().expect("id");
    let root = "0af7651916cd43dd8448eb211c80319c";
    collector
        .log(&json!([
            {"id": "s", "span_id": "x", "root_span_id": root, "experiment_id": id},
            {"id": "alone", "project_id": project, "log_id": "g"},
        ]))
        .await;
    let of = |query: String| format!("/api/location?{query}");
    let found = collector.get(&of(format!("object_type=experiment&object_id={id}&id=s"))).await;
    assert_eq!(
        found,
        json!({"object_type": "experiment", "object_id": id, "name": "e",
            "project": {"id": project, "name": "p"},
            "row": {"id": "s", "root_span_id": root, "span_id": "x"}})
    );
    let logs = format!("object_type=project_logs&object_id={project}");
    let found = collector.get(&of(format!("{logs}&id=alone"))).await;
    assert_eq!((&found["name"], &found["project"]["name"]), (&json!(null), &json!("p")));
    assert_eq!(found["row"], json!({"id": "alone", "root_span_id": "alone", "span_id": null}));
    assert_eq!(collector.get(&of(logs.clone())).await["row"], json!(null));
    for (query, status) in [
        (format!("{logs}&id=nope"), 404),
        ("object_type=experiment&object_id=nope".into(), 404),
        ("object_type=prompt&object_id=x".into(), 400),
        ("object_type=experiment".into(), 400),
    ] {
        let reply = collector.send(Method::GET, &of(query.clone()), "").await;
        assert_eq!(reply.status.as_u16(), status, "{query}: {}", reply.body);
    }
}
