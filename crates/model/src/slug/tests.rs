use proptest::prelude::*;
use serde_json::json;

use super::*;

const UUID: &str = "0198c5a2-0000-7000-8000-0000000000ab";
const ROW: &str = "0198c5a2-0000-7000-8000-0000000000cd";
const SPAN: &str = "0198c5a2-0000-7000-8000-0000000000ef";
const HEX_SPAN: &str = "00f067aa0ba902b7";
const HEX_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

fn ids(row_id: &str, span_id: &str, root_span_id: &str) -> Option<RowIds> {
    let [row_id, span_id, root_span_id] = [row_id, span_id, root_span_id].map(str::to_owned);
    Some(RowIds { row_id, span_id, root_span_id })
}

fn of(object_type: ObjectType, row: Option<RowIds>) -> SpanComponents {
    let object = ObjectRef::Id(UUID.to_owned());
    SpanComponents { object_type, object, row, propagated_event: None }
}

fn named(project: &Value, row: Option<RowIds>) -> SpanComponents {
    let object = ObjectRef::Lookup(map(project));
    SpanComponents { object, ..of(ObjectType::ProjectLogs, row) }
}

/// Slugs of the npm package 3.35.0 and what was put into them.
fn of_javascript() -> Vec<(&'static str, SpanComponents)> {
    let event = json!({"span_attributes": {"purpose": "scorer"}, "metadata": {"a": [1, null]}});
    vec![
        (
            "BAICAwDwZ6oLqQK3BEv5LzV3s02mo86SnQ4ORzZ7Im9iamVjdF9pZCI6IjAxOThjNWEyLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDBhYiIsInJvd19pZCI6IjAwZjA2N2FhMGJhOTAyYjcifQ==",
            of(ObjectType::ProjectLogs, ids(HEX_SPAN, HEX_SPAN, HEX_TRACE)),
        ),
        (
            "BAEAeyJvYmplY3RfaWQiOiIwMTk4YzVhMi0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwYWIifQ==",
            of(ObjectType::Experiment, None),
        ),
        (
            "BAICAwDwZ6oLqQK3BEv5LzV3s02mo86SnQ4ORzZ7ImNvbXB1dGVfb2JqZWN0X21ldGFkYXRhX2FyZ3MiOnsicHJvamVjdF9uYW1lIjoiZGVtbyDDqSJ9LCJyb3dfaWQiOiJyIDEifQ==",
            named(&json!({"project_name": "demo é"}), ids("r 1", HEX_SPAN, HEX_TRACE)),
        ),
        (
            "BAMAeyJwcm9wYWdhdGVkX2V2ZW50Ijp7InNwYW5fYXR0cmlidXRlcyI6eyJwdXJwb3NlIjoic2NvcmVyIn0sIm1ldGFkYXRhIjp7ImEiOlsxLG51bGxdfX0sIm9iamVjdF9pZCI6IjAxOThjNWEyLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDBhYiIsInJvd19pZCI6InJvdy8xIiwic3Bhbl9pZCI6Im5vdCBoZXgiLCJyb290X3NwYW5faWQiOiIwMTk4YzVhMi0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwY2QifQ==",
            SpanComponents {
                propagated_event: Some(map(&event)),
                ..of(ObjectType::PlaygroundLogs, ids("row/1", "not hex", ROW))
            },
        ),
    ]
}

/// Slugs of the PyPI package 0.46.0, which still has the code of the older versions.
fn of_python() -> Vec<(&'static str, SpanComponents)> {
    let with = |event: &Value, components| SpanComponents {
        propagated_event: Some(map(event)),
        ..components
    };
    vec![
        (
            "BAECAwDwZ6oLqQK3BEv5LzV3s02mo86SnQ4ORzZ7Im9iamVjdF9pZCI6IjAxOThjNWEyLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDBhYiIsInJvd19pZCI6IjAxOThjNWEyLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDBjZCJ9",
            of(ObjectType::Experiment, ids(ROW, HEX_SPAN, HEX_TRACE)),
        ),
        (
            "BAIAeyJjb21wdXRlX29iamVjdF9tZXRhZGF0YV9hcmdzIjp7InByb2plY3RfbmFtZSI6ImRlbW8gXHUwMGU5IiwicHJvamVjdF9pZCI6bnVsbH0sInByb3BhZ2F0ZWRfZXZlbnQiOnsibWV0YWRhdGEiOnsidXNlciI6Ilx1MDBmYyJ9fX0=",
            with(
                &json!({"metadata": {"user": "ü"}}),
                named(&json!({"project_name": "demo é", "project_id": null}), None),
            ),
        ),
        // Version 3.
        (
            "AwEEAQGYxaIAAHAAgAAAAAAAAKsCAZjFogAAcACAAAAAAAAAzQMBmMWiAABwAIAAAAAAAADvBAGYxaIAAHAAgAAAAAAAAM0=",
            of(ObjectType::Experiment, ids(ROW, SPAN, ROW)),
        ),
        (
            "AwIDAQGYxaIAAHAAgAAAAAAAAKsDAZjFogAAcACAAAAAAAAA7wQBmMWiAABwAIAAAAAAAADNeyJwcm9wYWdhdGVkX2V2ZW50Ijp7InRhZ3MiOlsieCJdfSwicm93X2lkIjoiY2FzZS0xIn0=",
            with(&json!({"tags": ["x"]}), of(ObjectType::ProjectLogs, ids("case-1", SPAN, ROW))),
        ),
        ("AwMBAQGYxaIAAHAAgAAAAAAAAKs=", of(ObjectType::PlaygroundLogs, None)),
        // Version 2.
        (
            "AgEBAAEBAZjFogAAcACAAAAAAAAAqwGYxaIAAHAAgAAAAAAAAO8BmMWiAABwAIAAAAAAAADNAZjFogAAcACAAAAAAAAAzQ==",
            of(ObjectType::Experiment, ids(ROW, SPAN, ROW)),
        ),
        (
            "AgIAAQEAAAAAGHsicHJvamVjdF9uYW1lIjogImRlbW8ifQGYxaIAAHAAgAAAAAAAAO8BmMWiAABwAIAAAAAAAADNY2FzZSAx",
            named(&json!({"project_name": "demo"}), ids("case 1", SPAN, ROW)),
        ),
        ("AgIBAAAAAZjFogAAcACAAAAAAAAAqw==", of(ObjectType::ProjectLogs, None)),
    ]
}

#[test]
fn slugs_of_javascript_are_read_and_written_byte_for_byte() {
    for (slug, components) in of_javascript() {
        assert_eq!(slug.parse(), Ok(components.clone()), "{slug}");
        assert_eq!(components.to_string(), slug);
    }
}

#[test]
fn slugs_of_python_of_every_version_are_read() {
    for (slug, components) in of_python() {
        assert_eq!(slug.parse(), Ok(components), "{slug}");
    }
}

#[test]
fn base64_may_be_url_safe_unpadded_or_surrounded_by_space() {
    for (slug, components) in of_javascript().into_iter().chain(of_python()) {
        let url_safe = slug.replace('+', "-").replace('/', "_");
        for form in [slug.trim_end_matches('=').to_owned(), url_safe, format!(" {slug}\r\n")] {
            assert_eq!(form.parse(), Ok(components.clone()), "{form}");
        }
    }
}

/// The slug of these bytes.
fn slug(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

fn refused(bytes: &[u8]) -> SlugError {
    slug(bytes).parse::<SpanComponents>().expect_err("no slug")
}

#[test]
fn what_is_wrong_with_a_slug_is_named() {
    assert_eq!("".parse::<SpanComponents>(), Err(SlugError::CutOff("version")));
    assert_eq!("project_id:1".parse::<SpanComponents>(), Err(SlugError::NotBase64));
    assert_eq!(refused(&[1, 1]), SlugError::Version { version: 1 });
    assert_eq!(refused(&[5, 1]), SlugError::Version { version: 5 });
    assert_eq!(refused(&[4, 9, 0]), SlugError::ObjectType(9));
    assert_eq!(refused(&[4, 1, 1, 7]), SlugError::Byte { what: "name of an id", found: 7 });
    assert_eq!(refused(&[4, 1, 255, 3, 0]), SlugError::CutOff("ids"));
    assert_eq!(refused(&[3, 1, 1, 1, 0, 0]), SlugError::CutOff("ids"));
    assert_eq!(
        refused(&[2, 1, 2, 0, 0, 0]),
        SlugError::Byte { what: "mark of an object id", found: 2 }
    );
    assert_eq!(refused(b"\x02\x01\x00\x01\x00\x00\xff\xff\xff\xff{}"), SlugError::CutOff(LOOKUP));
    assert_eq!(refused(b"\x04\x01\x00[]"), SlugError::Unreadable("JSON"));
    assert_eq!(refused(b"\x04\x01\x00{\"object_id\":1}"), SlugError::Member("object_id"));
    assert_eq!(refused(b"\x04\x01\x00{}"), SlugError::Object);
    assert_eq!(
        refused(b"\x04\x01\x00{\"object_id\":\"o\",\"compute_object_metadata_args\":{}}"),
        SlugError::Object
    );
    assert_eq!(refused(b"\x04\x01\x00{\"object_id\":\"o\",\"row_id\":\"r\"}"), SlugError::RowIds);
    let long = "A".repeat(MAX_SLUG_BYTES + 1);
    assert_eq!(long.parse::<SpanComponents>(), Err(SlugError::TooLong { bytes: long.len() }));
    // Nested deeper than a parser should go.
    let deep = [b"\x04\x01\x00{\"propagated_event\":".as_slice(), &b"[".repeat(40_000)].concat();
    assert_eq!(refused(&deep), SlugError::Unreadable("JSON"));
}

#[test]
fn a_slug_cut_off_anywhere_is_no_other_slug() {
    for (slug, _) in of_javascript().into_iter().chain(of_python()) {
        let bytes = BASE64.decode(slug).expect("base64");
        for length in 0..bytes.len() {
            let cut = self::slug(&bytes[..length]).parse::<SpanComponents>();
            // A row id of version 2 that is plain text has no length.
            let is_shorter_text = bytes[0] == 2 && bytes[5] == 0 && bytes[4] == 1;
            assert!(cut.is_err() || is_shorter_text, "{length} bytes of {slug}: {cut:?}");
        }
    }
}

#[test]
fn a_destination_is_a_slug_unless_it_is_a_dataset() {
    let logs = Destination::ProjectLogs(UUID.into());
    let components = SpanComponents::of(&logs).expect("a slug");
    assert_eq!(components.to_string().parse(), Ok(components.clone()));
    assert_eq!(components.object_type.destination(UUID), logs);
    assert_eq!(SpanComponents::of(&Destination::Dataset(UUID.into())), None);
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9a-f]{16}",
        "[0-9a-f]{32}",
        "[0-9A-Fa-f]{16}",
        Just(UUID.to_owned()),
        "\\PC{1,20}"
    ]
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from)
    ];
    let value = value.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("\\PC{0,6}", value, 0..4).prop_map(|map| map.into_iter().collect())
}

prop_compose! {
    fn any_components()(
        object_type in prop_oneof![
            Just(ObjectType::Experiment),
            Just(ObjectType::ProjectLogs),
            Just(ObjectType::PlaygroundLogs)
        ],
        object in prop_oneof![id().prop_map(ObjectRef::Id), object().prop_map(ObjectRef::Lookup)],
        row in prop::option::of((id(), id(), id())),
        propagated_event in prop::option::of(object()),
    ) -> SpanComponents {
        let row = row.map(|(row_id, span_id, root_span_id)| RowIds { row_id, span_id, root_span_id });
        SpanComponents { object_type, object, row, propagated_event }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(components in any_components()) {
        prop_assert_eq!(components.to_string().parse(), Ok(components));
    }

    #[test]
    fn any_text_is_a_slug_or_an_error(text in "\\PC*") {
        drop(text.parse::<SpanComponents>());
    }

    #[test]
    fn any_bytes_are_a_slug_that_is_kept_or_an_error(
        version in 2u8..=4,
        bytes in prop::collection::vec(any::<u8>(), 0..96),
    ) {
        let bytes = [&[version], bytes.as_slice()].concat();
        if let Ok(components) = slug(&bytes).parse::<SpanComponents>() {
            prop_assert_eq!(components.to_string().parse(), Ok(components));
        }
    }

    #[test]
    fn a_changed_byte_is_a_slug_that_is_kept_or_an_error(
        which in 0usize..12,
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let known: Vec<_> = of_javascript().into_iter().chain(of_python()).collect();
        let mut bytes = BASE64.decode(known[which].0).expect("base64");
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(components) = slug(&bytes).parse::<SpanComponents>() {
            prop_assert_eq!(components.to_string().parse(), Ok(components));
        }
    }
}

#[test]
fn inputs_that_fuzzing_found_for_slugs_do_no_harm() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/slug");
    let mut count = 0;
    for input in std::fs::read_dir(&corpus).expect("a corpus") {
        let path = input.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("an input");
        if let Ok(components) = String::from_utf8_lossy(&bytes).parse::<SpanComponents>() {
            assert_eq!(components.to_string().parse(), Ok(components), "{}", path.display());
        }
        count += 1;
    }
    assert!(count >= 9, "only {count} inputs in {}", corpus.display());
}
