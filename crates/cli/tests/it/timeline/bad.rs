//! What is no profile: one error line, one hint line, nothing on stdout.

use std::fs;

use tempfile::TempDir;

use super::{fixture, timeline};

const HEADER: &str = r#"{"header":{"format":"tidegate-profile","version":1,"name":"n","source":"sdk","started_unix_us":5}}"#;

/// Error and hint of a command that fails.
fn refused(code: i32, arguments: &[&str]) -> (String, String) {
    let finished = timeline(arguments);
    assert_eq!(finished.status.code(), Some(code), "{finished:#?}");
    assert_eq!(finished.stdout, "");
    let lines: Vec<&str> = finished.stderr.lines().collect();
    let [error, hint] = lines[..] else { panic!("two lines, not {lines:#?}") };
    assert!(error.starts_with("error: ") && hint.starts_with("hint: "), "{lines:#?}");
    (error.to_owned(), hint.to_owned())
}

#[test]
fn files_that_are_no_profile_name_the_place() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("run.jsonl");
    let file = path.to_str().expect("UTF-8");
    let newer = HEADER.replace("\"version\":1", "\"version\":9");
    let long = format!("{HEADER}\n\"{}\"\n", "x".repeat(70_000));
    for (content, error, hint) in [
        ("", "the profile is empty", "--profile"),
        ("PK\u{3}\u{4}\n", "this is no tidegate profile", "--profile"),
        ("{\"a\":1}\n", "this is no tidegate profile", "--profile"),
        (&format!("{newer}\n"), "version 9, newer than 1", "upgrade"),
        (
            &format!("{HEADER}\n\n{{\"queue\":{{\"at_us\":\"x\"}}}}\n"),
            "line 3: invalid type",
            "original",
        ),
        (&format!("{HEADER}\n{{\"queue\"\n"), "line 2: ", "original"),
        (&long, "line 2 is longer than 65536 bytes", "original"),
    ] {
        fs::write(&path, content).expect("written");
        for format in ["text", "json", "speedscope", "perfetto", "svg"] {
            let (said, advice) = refused(3, &[file, "--format", format]);
            assert!(said.contains(file) && said.contains(error), "{said}");
            assert!(advice.contains(hint), "{advice}");
        }
        if content.is_empty() {
            continue;
        }
        let (said, _) = refused(3, &[file, "--follow"]);
        assert!(said.contains(error), "{said}");
    }
    // Bytes that are no text at all.
    fs::write(&path, [b'{', 0xff, 0xfe, b'\n']).expect("written");
    assert!(refused(3, &[file]).0.contains("this is no tidegate profile"));
}

#[test]
fn a_header_alone_is_a_run_in_which_nothing_happened_yet() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("run.jsonl");
    fs::write(&path, format!("{HEADER}\n{{\"request\":{{\"num")).expect("written");
    let file = path.to_str().expect("UTF-8");
    let text = timeline(&[file]).success().stdout;
    assert!(text.starts_with("n\n0 s wall, 0 requests"), "{text}");
    assert!(text.contains("no request"), "{text}");
    for format in ["json", "speedscope", "perfetto", "svg"] {
        assert!(!timeline(&[file, "--format", format]).success().stdout.is_empty());
    }
}

#[test]
fn places_that_are_not_there_and_options_that_do_not_fit() {
    let directory = TempDir::new().expect("a directory");
    let root = directory.path().to_str().expect("UTF-8");
    let missing = format!("{root}/none.jsonl");
    let (error, hint) = refused(2, &[&missing]);
    assert_eq!(error, format!("error: there is no file {missing}"));
    assert!(hint.contains("tidegate cells list"), "{hint}");
    let (error, _) = refused(2, &["nightly", "--data-dir", root]);
    assert_eq!(error, "error: there is neither a file, a kept run nor an experiment nightly");
    let left = fs::read_dir(root).expect("readable").count();
    assert_eq!(left, 0, "looking for it has made something");
    let (error, hint) = refused(2, &[root]);
    assert!(error.contains("is a directory without a profile.jsonl"), "{error}");
    assert!(hint.contains("--profile"), "{hint}");

    let file = fixture("serial");
    let file = file.to_str().expect("UTF-8");
    let (error, _) = refused(3, &[file, "-o", &format!("{root}/none/x.txt")]);
    assert!(error.contains("cannot write"), "{error}");
    for more in [["--format", "json"], ["-o", &missing]] {
        let (error, hint) = refused(2, &[&[file, "--follow"], &more[..]].concat());
        assert!(error.contains("--follow draws on stdout"), "{error}");
        assert!(hint.contains("--format"), "{hint}");
    }
    let (error, hint) = refused(2, &["nightly", "--data-dir", root, "--follow"]);
    assert!(error.contains("--follow reads a file, which nightly is not"), "{error}");
    assert!(hint.contains("--profile"), "{hint}");
    // What clap refuses.
    for arguments in [&[][..], &[file, "--format", "pdf"], &[file, "--wait", "3s"]] {
        let finished = timeline(arguments);
        assert_eq!((finished.status.code(), finished.stdout.as_str()), (Some(2), ""));
    }
}
