//! Sessions of the web page, and keys over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Collector, Reply};

/// A collector that needs keys, and the first one.
async fn locked() -> (Collector, String) {
    let collector = Collector::start_with(|options| options.require_key(true)).await;
    let key = collector.handle.first_key().expect("the first key").to_owned();
    (collector, key)
}

fn host(collector: &Collector) -> String {
    collector.handle.local_addr().to_string()
}

/// Shows a key as a page of this server does.
async fn sign_in(collector: &Collector, key: &str) -> Reply {
    let origin = format!("http://{}", host(collector));
    let headers = [("origin", origin.as_str()), ("sec-fetch-site", "same-origin")];
    collector
        .send_any(Method::POST, "/api/session", json!({"key": key}).to_string(), &headers)
        .await
}

/// `name=value` of the cookie that an answer sets.
fn cookie(reply: &Reply) -> String {
    let set = reply.headers["set-cookie"].to_str().expect("text");
    set.split(';').next().expect("a cookie").to_owned()
}

async fn send(
    collector: &Collector,
    (method, path): (Method, &str),
    body: &Value,
    cookie: &str,
    more: &[(&str, &str)],
) -> Reply {
    let mut headers = vec![("cookie", cookie)];
    headers.extend(more);
    let body = if body.is_null() { String::new() } else { body.to_string() };
    collector.send_any(method, path, body, &headers).await
}

async fn make_key(collector: &Collector, admin: &str, body: Value) -> Value {
    let bearer = format!("Bearer {admin}");
    let headers = [("authorization", bearer.as_str())];
    let made = collector.send_with(Method::POST, "/v1/api_key", body.to_string(), &headers).await;
    assert_eq!(made.status.as_u16(), 200, "{}", made.text());
    made.body
}

#[tokio::test]
async fn a_key_becomes_a_cookie_that_no_script_reads() {
    let (collector, key) = locked().await;
    let stranger = collector.get("/api/session").await;
    assert_eq!((&stranger["signed_in"], &stranger["keys_needed"]), (&json!(false), &json!(true)));
    assert_eq!((&stranger["org"], &stranger["admin"]), (&Value::Null, &json!(false)));
    let reply = sign_in(&collector, &key).await;
    assert_eq!(reply.status.as_u16(), 200, "{}", reply.text());
    let set = reply.headers["set-cookie"].to_str().expect("text").to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(set.split("; ").any(|given| given == part), "{part} in {set}");
    }
    assert!(!set.contains("Secure"), "{set}");
    assert!(!set.contains(&key[3..]) && !reply.text().contains(&key[3..]), "the key itself");
    assert_eq!((&reply.body["signed_in"], &reply.body["admin"]), (&json!(true), &json!(true)));
    let expires: jiff::Timestamp =
        reply.body["expires"].as_str().expect("a time").parse().expect("a time");
    let left = expires.duration_since(jiff::Timestamp::now()).as_secs();
    assert!((43_000..=43_200).contains(&left), "{left}");

    let cookie = cookie(&reply);
    let read = send(&collector, (Method::GET, "/api/projects"), &Value::Null, &cookie, &[]).await;
    assert_eq!(read.status.as_u16(), 200);
    let who = send(&collector, (Method::GET, "/api/session"), &Value::Null, &cookie, &[]).await;
    assert_eq!(who.body, reply.body);
    // By TLS, as the browser or a proxy says.
    for header in [("origin", "https://tidegate.example"), ("x-forwarded-proto", "https")] {
        let headers = [header, ("sec-fetch-site", "same-origin")];
        let body = json!({"key": key}).to_string();
        let reply = collector.send_any(Method::POST, "/api/session", body, &headers).await;
        let set = reply.headers["set-cookie"].to_str().expect("text");
        assert!(set.ends_with("; Secure"), "{set}");
    }
    // A session outlives the process.
    let dir = collector.stop().await;
    let collector = Collector::start_in(dir, |options| options.require_key(true)).await;
    let read = send(&collector, (Method::GET, "/api/projects"), &Value::Null, &cookie, &[]).await;
    assert_eq!(read.status.as_u16(), 200);
}

#[tokio::test]
async fn a_cookie_changes_nothing_for_another_page() {
    let (collector, key) = locked().await;
    let cookie = cookie(&sign_in(&collector, &key).await);
    let own = format!("http://{}", host(&collector));
    let make = |headers: Vec<(&'static str, String)>| {
        let (collector, cookie) = (&collector, &cookie);
        async move {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
            let body = json!({"name": "p"});
            send(collector, (Method::POST, "/v1/project"), &body, cookie, &headers).await
        }
    };
    for refused in [
        vec![],
        vec![("origin", "https://evil.example".to_owned())],
        vec![("origin", "null".to_owned())],
        vec![("origin", own.replace("http://127", "http://128"))],
        vec![("origin", own.clone()), ("sec-fetch-site", "cross-site".to_owned())],
        vec![("sec-fetch-site", "same-site".to_owned())],
        vec![("sec-fetch-site", "none".to_owned())],
    ] {
        let reply = make(refused.clone()).await;
        assert_eq!(reply.status.as_u16(), 403, "{refused:?}");
        assert_eq!(reply.body["code"], "foreign_origin", "{refused:?}");
    }
    for good in [
        vec![("origin", own.clone())],
        vec![("sec-fetch-site", "same-origin".to_owned())],
        // A proxy has changed the host.
        vec![
            ("origin", "https://tidegate.example".to_owned()),
            ("sec-fetch-site", "same-origin".to_owned()),
        ],
    ] {
        assert_eq!(make(good.clone()).await.status.as_u16(), 200, "{good:?}");
    }
    // With a key in its head a request is what it was, whatever cookies come along.
    let bearer = format!("Bearer {key}");
    let foreign = vec![("authorization", bearer), ("origin", "https://evil.example".to_owned())];
    assert_eq!(make(foreign).await.status.as_u16(), 200);
    let wrong = vec![("authorization", "Bearer no".to_owned()), ("origin", own)];
    assert_eq!(make(wrong).await.body["code"], "key_unknown");
    // Nor may another page sign somebody in or out.
    let headers = [("origin", "https://evil.example")];
    let body = json!({"key": key}).to_string();
    let reply = collector.send_any(Method::POST, "/api/session", body, &headers).await;
    assert_eq!(reply.body["code"], "foreign_origin");
    assert!(!reply.headers.contains_key("set-cookie"));
    let end = (Method::DELETE, "/api/session");
    let reply = send(&collector, end, &Value::Null, &cookie, &headers).await;
    assert_eq!(reply.body["code"], "foreign_origin");
    let who = send(&collector, (Method::GET, "/api/session"), &Value::Null, &cookie, &[]).await;
    assert_eq!(who.body["signed_in"], true);
}

#[tokio::test]
async fn a_session_ends_with_its_key_or_by_signing_out() {
    let (collector, admin) = locked().await;
    let made = make_key(&collector, &admin, json!({"name": "page"})).await;
    let (key, id) = (made["key"].as_str().expect("key"), made["id"].as_str().expect("id"));
    let (one, other) =
        (cookie(&sign_in(&collector, key).await), cookie(&sign_in(&collector, key).await));
    assert_ne!(one, other);
    let read = async |cookie: &str| {
        send(&collector, (Method::GET, "/api/projects"), &Value::Null, cookie, &[]).await
    };
    assert_eq!(read(&one).await.status.as_u16(), 200);
    let same = [("sec-fetch-site", "same-origin")];
    let out = send(&collector, (Method::DELETE, "/api/session"), &Value::Null, &one, &same).await;
    assert_eq!(out.body["signed_in"], false);
    let set = out.headers["set-cookie"].to_str().expect("text");
    assert!(set.starts_with("tidegate_session=;") && set.contains("Max-Age=0"), "{set}");
    // Also for whoever has a copy of it.
    let refused = read(&one).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (401, &json!("session_over")));
    assert_eq!(read(&other).await.status.as_u16(), 200);
    let bearer = format!("Bearer {admin}");
    let headers = [("authorization", bearer.as_str())];
    let path = format!("/v1/api_key/{id}");
    let revoked = collector.send_with(Method::DELETE, &path, "", &headers).await;
    assert!(revoked.body["revoked"].is_string(), "{}", revoked.text());
    let refused = read(&other).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (401, &json!("key_revoked")));
    let tried = sign_in(&collector, key).await;
    assert_eq!((tried.status.as_u16(), &tried.body["code"]), (401, &json!("key_revoked")));
    for bad in ["tidegate_session=x", "tidegate_session=a.b.c.d", &format!("{other}0")] {
        assert_eq!(read(bad).await.body["code"], "session_over", "{bad}");
    }
}

#[tokio::test]
async fn a_session_may_what_its_key_may() {
    let (collector, admin) = locked().await;
    let made = make_key(&collector, &admin, json!({"project": "mine", "scope": "read"})).await;
    let reply = sign_in(&collector, made["key"].as_str().expect("key")).await;
    assert_eq!((&reply.body["admin"], &reply.body["scope"]), (&json!(false), &json!("read")));
    assert_eq!(reply.body["project"]["name"], "mine");
    assert_eq!(reply.body["key"]["id"], made["id"]);
    let cookie = cookie(&reply);
    let same = [("sec-fetch-site", "same-origin")];
    let body = json!({"name": "mine"});
    let write = (Method::POST, "/v1/project");
    assert_eq!(send(&collector, write, &body, &cookie, &same).await.body["code"], "key_read_only");
    let list = (Method::GET, "/v1/api_key");
    let refused = send(&collector, list, &Value::Null, &cookie, &same).await;
    assert_eq!(refused.body["code"], "key_other_project");
}

#[tokio::test]
async fn where_no_key_is_needed_nobody_signs_in() {
    let collector = Collector::start().await;
    let who = collector.get("/api/session").await;
    assert_eq!((&who["signed_in"], &who["keys_needed"]), (&json!(true), &json!(false)));
    assert_eq!((&who["admin"], &who["key"]), (&json!(true), &Value::Null));
    assert!(who["version"].is_string());
    let headers = [("origin", "https://evil.example")];
    let who = collector.send_with(Method::GET, "/api/session", "", &headers).await;
    assert_eq!(who.body["signed_in"], false);
    // A cookie of another time is nothing.
    let stale = [("cookie", "tidegate_session=x")];
    let who = collector.send_with(Method::GET, "/api/session", "", &stale).await;
    assert_eq!(who.body["signed_in"], true);
}

#[tokio::test]
async fn keys_are_made_listed_and_revoked_by_who_may_do_everything() {
    let (collector, admin) = locked().await;
    let made = make_key(&collector, &admin, json!({"name": "ci", "project": "new one"})).await;
    assert!(made["key"].as_str().expect("key").starts_with("tg-"));
    assert_eq!((&made["scope"], &made["project"]), (&json!("write"), &json!("new one")));
    let bearer = format!("Bearer {admin}");
    let headers = [("authorization", bearer.as_str())];
    let id = made["id"].as_str().expect("id");
    let path = format!("/v1/api_key/{id}");
    let listed = collector.send_with(Method::GET, "/v1/api_key", "", &headers).await;
    let names: Vec<_> = listed.body["objects"].as_array().expect("keys").iter().collect();
    assert_eq!((names.len(), &names[1]["name"]), (2, &json!("ci")));
    assert!(!listed.text().contains("tg-"), "texts of keys are told once");
    let found = collector.send_with(Method::GET, &path, "", &headers).await;
    assert_eq!(found.body, *names[1]);
    for (body, status) in [
        (json!({"name": "x".repeat(300)}), 400),
        (json!({"scope": "all"}), 400),
        (json!({"project": " "}), 400),
        (json!({"project": "018f0000-0000-7000-8000-000000000000"}), 400),
    ] {
        let refused =
            collector.send_with(Method::POST, "/v1/api_key", body.to_string(), &headers).await;
        assert_eq!(refused.status.as_u16(), status, "{body}: {}", refused.text());
    }
    for method in [Method::GET, Method::DELETE] {
        let missing = collector.send_with(method, "/v1/api_key/nope", "", &headers).await;
        assert_eq!(missing.status.as_u16(), 404);
    }
    // A key that reads everything may still make none, nor see them.
    let reader = make_key(&collector, &admin, json!({"scope": "read"})).await;
    let bearer = format!("Bearer {}", reader["key"].as_str().expect("key"));
    let headers = [("authorization", bearer.as_str())];
    let refused = collector.send_with(Method::GET, "/v1/api_key", "", &headers).await;
    assert_eq!(refused.body["code"], "key_read_only");
}
