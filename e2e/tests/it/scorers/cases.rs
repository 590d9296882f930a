//! The inputs: every value against every other of its list, as raw JSON.

use serde_json::{Value, json};

/// One call: output and expected as JSON text, which holds more than a [`Value`] does.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Case {
    pub(super) scorer: &'static str,
    pub(super) output: String,
    pub(super) expected: String,
}

impl Case {
    pub(super) fn new(scorer: &'static str, output: &str, expected: &str) -> Self {
        Self { scorer, output: output.to_owned(), expected: expected.to_owned() }
    }

    pub(super) fn line(&self) -> String {
        let Self { scorer, output, expected } = self;
        format!(r#"{{"scorer":"{scorer}","output":{output},"expected":{expected}}}"#)
    }
}

pub(super) fn all() -> Vec<Case> {
    let (texts, numbers, values, lists) = (texts(), numbers(), values(), lists());
    let mut cases = Vec::new();
    cases.extend(pairs("levenshtein", &texts));
    cases.extend(pairs("numeric_diff", &numbers));
    for scorer in ["exact_match", "json_diff", "json_diff/preserve_strings", "json_diff/equal"] {
        cases.extend(pairs(scorer, &values));
    }
    for scorer in ["list_contains", "list_contains/allow_extra_entities"] {
        cases.extend(pairs(scorer, &lists));
    }
    let number_lists = ["[]", "[0]", "[1, 2, 3]", "[3, 1, 2]", "[2, 2, 2, -1]", "[1e300, 0.5]"];
    cases.extend(pairs("list_contains/numbers", &number_lists.map(str::to_owned)));
    for minimum in ["0.7", "0", "-1", "0.999"] {
        for vector in VECTORS {
            let expected = format!("[{vector}, {minimum}]");
            let case = |output: &&str| Case::new("embedding_similarity", output, &expected);
            cases.extend(VECTORS.iter().map(case));
        }
    }
    let mut outputs = values;
    outputs.extend(json_texts());
    cases.extend(outputs.iter().map(|output| Case::new("valid_json", output, "null")));
    // What Python's parser takes and ours does not: in `differences`.
    outputs.retain(|output| !matches!(output.as_str(), r#""NaN""# | r#""[1e400]""#));
    for schema in SCHEMAS {
        cases.extend(outputs.iter().map(|output| Case::new("json_schema", output, schema)));
    }
    cases
}

fn pairs(scorer: &'static str, values: &[String]) -> Vec<Case> {
    let with = |output: &String| {
        let output = output.clone();
        values.iter().map(move |expected| Case::new(scorer, &output, expected))
    };
    values.iter().flat_map(with).collect()
}

/// Texts from a generator with a fixed seed.
fn long_text(seed: u32, length: usize) -> String {
    let alphabet: Vec<char> = "abcde é😀日\u{301}".chars().collect();
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as usize
    };
    (0..length).map(|_| alphabet[next() % alphabet.len()]).collect()
}

fn texts() -> Vec<String> {
    let long = long_text(1, 2000);
    let edited: String = long.chars().filter(|c| *c != '日').chain("tail".chars()).collect();
    let texts = [
        "",
        " ",
        "a",
        "A",
        "kitten",
        "sitting",
        "é",
        "e\u{301}",
        "naïve café",
        "naive cafe",
        "😀",
        "👨\u{200d}👩\u{200d}👧",
        "👩\u{200d}👧 👨",
        "🇩🇪🇫🇷",
        "日本語のテキスト",
        "日本のテキスト",
        "שלום \u{202e}abc",
        "a\u{0}b\n\t",
        "ﬁ ß İ",
        "null",
        &long,
        &edited,
        &long_text(2, 2000),
        &long_text(3, 70),
        &long_text(4, 63),
        &long_text(5, 64),
        &"a".repeat(2000),
        &"ab".repeat(1000),
    ];
    texts.iter().map(|text| json!(text).to_string()).collect()
}

fn numbers() -> Vec<String> {
    let numbers = [
        "0",
        "-0.0",
        "1",
        "-1",
        "1.0",
        "3",
        "0.1",
        "0.30000000000000004",
        "1e-9",
        "5e-324",
        "2.2250738585072014e-308",
        "1e16",
        "9007199254740993",
        "-9007199254740992",
        "18446744073709551615",
        "-9223372036854775808",
        "1e100",
        "-1e100",
        "1e307",
        "123456.789",
    ];
    numbers.map(str::to_owned).to_vec()
}

/// Values of every kind, many of them nearly the same as another.
fn values() -> Vec<String> {
    let deep = "[".repeat(60) + r#"{"a":"x"}"# + &"]".repeat(60);
    let values = [
        "null",
        "false",
        "true",
        "0",
        "1",
        "-7",
        "2.5",
        "1e-07",
        "1e+22",
        "18446744073709551615",
        r#""""#,
        r#""1""#,
        r#""1e-07""#,
        r#""null""#,
        r#""é😀""#,
        r#""e\u0301""#,
        r#""quote \" backslash \\ slash / \u007f \u0000""#,
        r#""NaN""#,
        r#""{\"a\": 1}""#,
        r#""{\"a\":1}""#,
        r#""{\"a\": 1,}""#,
        r#""{\"a\": \"[1, \\\"{}\\\"]\"}""#,
        r#"" [1, 2, 3] ""#,
        r#""[1, 2, 3""#,
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        "[null]",
        "[1, 2, 3]",
        "[3, 2, 1]",
        "[1, 1, 2, 2]",
        r#"["1", 2, null, true]"#,
        r#"["a", "b", "a"]"#,
        r#"{"a": 1}"#,
        r#"{"a": null}"#,
        r#"{"a": "1"}"#,
        r#"{"a": [1, {}], "b": {"c": "d"}}"#,
        r#"{"b": {"c": "e"}, "a": [1, [], 3]}"#,
        r#"{"é": "ü", "😀": [], "": {"": ""}}"#,
        r#"{"x": "[1, 2]", "y": "{\"z\": 2.5}"}"#,
        r#"{"x": [1, 2], "y": {"z": 2.5}}"#,
        r#"{"a": {"a": {"a": {"a": {"a": "deep"}}}}}"#,
        &deep,
    ];
    let mut values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
    values.push(json!(long_text(6, 300)).to_string());
    values.push(json!([long_text(7, 300), {"a": long_text(6, 290)}]).to_string());
    values.push(json!(deep).to_string());
    values
}

fn lists() -> Vec<String> {
    let mut many: Vec<String> = (0..12).map(|seed| long_text(seed + 10, 9)).collect();
    let other: Vec<String> = (0..15).map(|seed| long_text(seed + 16, 10)).collect();
    let reversed: Vec<String> = many.iter().rev().cloned().collect();
    let lists: Vec<Value> = vec![
        json!([]),
        json!([""]),
        json!(["", ""]),
        json!(["a"]),
        json!(["a", "a"]),
        json!(["a", "a", "b"]),
        json!(["b", "a", "a", "c"]),
        json!(["ab", "ac", "bc"]),
        json!(["abc", "abd", "acd", "bcd"]),
        json!(["Paris", "Berlin", "Köln"]),
        json!(["berlin", "Paris, France", "Koln", "Rome"]),
        json!(["😀", "👨\u{200d}👩\u{200d}👧", "e\u{301}", "é"]),
        json!(["é", "👩\u{200d}👧"]),
        json!([long_text(8, 500), "x"]),
        json!(reversed),
        json!(other),
    ];
    many.push("a".to_owned());
    lists.into_iter().chain([json!(many)]).map(|list| list.to_string()).collect()
}

/// What may or may not be JSON.
fn json_texts() -> Vec<String> {
    let texts = [
        "",
        " ",
        "\u{feff}{}",
        "\u{a0}[]",
        "\u{b}[]",
        "\r\n\t []\n",
        "[1,]",
        "[,]",
        "[1 2]",
        "{'a': 1}",
        "{\"a\": 1} x",
        "{} {}",
        "{a: 1}",
        "// comment\n{}",
        "[01]",
        "[-]",
        "[+1]",
        "[1.]",
        "[.5]",
        "[1e]",
        "[1E+2]",
        "[-0]",
        "[1e400]",
        "[123456789012345678901234567890]",
        "[\"\\x41\"]",
        "[\"\\u12\"]",
        "[\"\\ud83d\\ude00\"]",
        "[\"tab\tinside\"]",
        "[\"del\u{7f}\"]",
        "{\"a\":1,\"a\":\"last\"}",
        "{\"a\"}",
        "{1: 2}",
        "[true, True]",
        "[nul]",
        "\"text\"",
        "12",
        "-1.5e3",
        "true",
        "null",
        "```json\n{}\n```",
    ];
    texts.iter().map(|text| json!(text).to_string()).collect()
}

const VECTORS: [&str; 6] = [
    "[0, 0, 0]",
    "[1, 0, 0]",
    "[0.1, 0.2, 0.3]",
    "[0.10000001, 0.2, 0.3]",
    "[-1e5, 3.5, 1e-5]",
    "[-0.1, -0.2, -0.3]",
];

const SCHEMAS: [&str; 12] = [
    "true",
    "false",
    r#"{"type": "object"}"#,
    r#"{"type": ["array", "null"], "minItems": 1}"#,
    r#"{"type": "integer"}"#,
    r#"{"type": "string", "minLength": 2, "maxLength": 3}"#,
    r#"{"properties": {"a": {"type": "number", "exclusiveMinimum": 0}}, "required": ["a"]}"#,
    r#"{"items": {"enum": [1, 2, "1", null, true]}, "uniqueItems": true}"#,
    r#"{"prefixItems": [{"const": 1.0}], "contains": {"const": 2}}"#,
    r#"{"additionalProperties": false, "patternProperties": {"^[ab]$": {}}}"#,
    r##"{"$ref": "#/$defs/n", "$defs": {"n": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/n"}}, {"type": "object"}]}}}"##,
    r#"{"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "integer"}], "additionalItems": {"not": {"type": "string"}}}"#,
];
