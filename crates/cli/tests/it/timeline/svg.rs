//! The picture for documents.

use std::fs;

use roxmltree::Document;
use tempfile::TempDir;

use super::{fixture, of_fixture, timeline};

fn bars(svg: &Document<'_>) -> usize {
    let is_bar = |node: &roxmltree::Node<'_, '_>| {
        node.attribute("class").is_some_and(|class| class.starts_with("bar"))
    };
    svg.descendants().filter(is_bar).count()
}

#[test]
fn each_request_is_a_bar_with_a_note() {
    for (name, requests) in [("serial", 8), ("parallel", 8), ("busy", 44)] {
        let text = of_fixture(name, &["--format", "svg"]);
        let svg = Document::parse(&text).expect("XML");
        assert_eq!(bars(&svg), requests, "{name}");
        let notes: Vec<_> = svg
            .descendants()
            .filter_map(|node| node.text().filter(|_| node.has_tag_name("title")))
            .collect();
        // One for the picture itself.
        assert_eq!(notes.len(), requests + 1, "{notes:#?}");
        assert!(notes.iter().any(|note| note.starts_with("request 1, from ")), "{notes:#?}");
        let root = svg.root_element();
        assert_eq!(root.attribute("role"), Some("img"));
        assert!(text.contains("prefers-color-scheme: dark"));
        for word in ["<script", "href", "url(", "@import", "foreignObject"] {
            assert!(!text.contains(word), "{name} has {word}");
        }
        // Rows that lie beside the picture are cut off.
        let height: f64 =
            root.attribute("height").and_then(|px| px.parse().ok()).expect("a height");
        for node in svg.descendants() {
            let number = |name| node.attribute(name).and_then(|px| px.parse::<f64>().ok());
            assert!(number("y").is_none_or(|y| (0.0..height).contains(&y)), "{node:?}");
            assert!(number("x").is_none_or(|x| (0.0..960.0).contains(&x)), "{node:?}");
        }
    }
}

#[test]
fn names_cannot_break_out() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("hostile.jsonl");
    let name = "</title><script>alert(1)</script>&\"' \u{1b}[31m \u{0}\u{fffe}";
    let text = fs::read_to_string(fixture("serial")).expect("readable");
    let quoted = serde_json::to_string(name).expect("a string");
    let text = text.replacen("\"seed\"", &quoted, 1);
    // A span as well, though the picture does not show them.
    fs::write(&path, text.replace("\"task\",\"start", "\"<b>\",\"start")).expect("written");
    let path = path.to_str().expect("UTF-8");

    let text = timeline(&[path, "--format", "svg"]).success().stdout;
    let svg = Document::parse(&text).expect("XML");
    assert!(!svg.descendants().any(|node| node.has_tag_name("script")));
    let title = svg.descendants().find(|node| node.has_tag_name("title")).expect("a title");
    let shown = title.text().expect("text");
    assert!(shown.starts_with("</title><script>alert(1)</script>&\"' \u{fffd}[31m"), "{shown:?}");

    // Nor into the terminal.
    let drawn = timeline(&[path]).success().stdout;
    assert!(!drawn.contains(['\u{1b}', '\u{0}']), "{drawn}");
    for format in ["speedscope", "perfetto", "json"] {
        let json = timeline(&[path, "--format", format]).success().stdout;
        serde_json::from_str::<serde_json::Value>(&json).expect("JSON");
    }
}

/// A profile of `lanes` lanes with `each` requests.
fn large(lanes: u64, each: u64) -> String {
    let mut text = fs::read_to_string(fixture("serial")).expect("readable");
    text.truncate(text.find('\n').expect("a header") + 1);
    for number in 0..lanes * each {
        let (lane, start) = (number % lanes, number / lanes * 1_000 + number % lanes);
        text.push_str(&format!(
            "{{\"request\":{{\"number\":{number},\"lane\":{lane},\"rows\":1,\"bytes\":9,\
             \"sent_bytes\":9,\"queued_us\":{start},\"start_us\":{start},\"end_us\":{},\
             \"status\":200}}}}\n",
            start + 990
        ));
    }
    text
}

#[test]
fn many_requests_and_lanes_stay_a_picture() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("large.jsonl");
    for (lanes, each) in [(1, 20_000), (396, 50)] {
        fs::write(&path, large(lanes, each)).expect("written");
        let file = path.to_str().expect("UTF-8");
        let text = timeline(&[file, "--format", "svg"]).success().stdout;
        assert!(text.len() < 2_000_000, "{} bytes", text.len());
        let svg = Document::parse(&text).expect("XML");
        let height: f64 = svg
            .root_element()
            .attribute("height")
            .and_then(|px| px.parse().ok())
            .expect("a height");
        assert!(height < 900.0, "{height}");
        // What has no line of its own is said.
        let drawn = timeline(&[file]).success().stdout;
        assert!(drawn.lines().count() < 60, "{drawn}");
        if lanes > 100 {
            assert!(text.contains("+332 lanes") && drawn.contains("+372 lanes"), "{drawn}");
        }
    }
}
