//! Where ours differs from Python's on purpose. The same is said at each function.

use super::cases::Case;

/// A case with both answers.
pub(super) struct Difference {
    pub(super) case: Case,
    /// Python's score as it writes it, or the exception's name.
    pub(super) python: &'static str,
    pub(super) ours: f64,
    pub(super) reason: &'static str,
}

pub(super) fn all() -> Vec<Difference> {
    let mut all = Vec::new();
    for (reason, cases) in TABLE {
        all.extend(cases.iter().map(|(scorer, output, expected, python, ours)| Difference {
            case: Case::new(scorer, output, expected),
            python,
            ours: *ours,
            reason,
        }));
    }
    all
}

/// Scorer, output, expected, Python's answer, ours.
type Row = (&'static str, &'static str, &'static str, &'static str, f64);

const TABLE: &[(&str, &[Row])] = &[
    (
        "the order of members does not matter, as autoevals documents",
        &[
            ("exact_match", r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, "0.0", 1.0),
            ("exact_match", r#"{"a":1,"b":2}"#, r#""{\"b\": 2, \"a\": 1}""#, "0.0", 1.0),
        ],
    ),
    (
        "numbers are compared by value, as in JavaScript",
        &[
            ("exact_match", "1", "1.0", "0.0", 1.0),
            ("exact_match", "0", "-0.0", "0.0", 1.0),
            ("exact_match", "[1]", "[1.0]", "0.0", 1.0),
            ("exact_match", r#"{"a": 100}"#, r#""{\"a\": 1e2}""#, "0.0", 1.0),
            ("exact_match", "10000000000000000", "1e16", "0.0", 1.0),
        ],
    ),
    (
        "the text of a boolean is JSON's, not Python's",
        &[
            ("exact_match", "true", r#""true""#, "0.0", 1.0),
            ("exact_match", "true", r#""True""#, "1.0", 0.0),
            ("exact_match", r#""False""#, "false", "1.0", 0.0),
        ],
    ),
    ("nothing equals nothing only", &[("exact_match", "null", r#""None""#, "1.0", 0.0)]),
    (
        "an object or array and a scalar differ; Python raises",
        &[
            ("exact_match", "{}", "null", "TypeError", 0.0),
            ("exact_match", "[1]", "1", "TypeError", 0.0),
            ("exact_match", "true", "[true]", "TypeError", 0.0),
        ],
    ),
    (
        "integers are exact up to 64 bits",
        &[
            ("exact_match", "[18446744073709551616]", "[18446744073709551617]", "0.0", 1.0),
            ("exact_match", "18446744073709551616", "18446744073709551617", "0.0", 1.0),
        ],
    ),
    (
        "sums beyond the range of floats do not overflow",
        &[
            ("numeric_diff", "1e308", "-1e308", "nan", 0.0),
            ("numeric_diff", "1.7e308", "1e308", "1.0", 1.0 - 0.7 / 2.7),
            ("json_diff", "[1.7e308]", "[1e308]", "1.0", 1.0 - 0.7 / 2.7),
        ],
    ),
    (
        "a text with a number beyond the range of floats stays a text",
        &[("json_diff", r#""[1e400]""#, r#""[1e400]""#, "nan", 1.0)],
    ),
    (
        "NaN and infinities are not JSON, as in JavaScript",
        &[
            ("valid_json", r#""[NaN]""#, "null", "1.0", 0.0),
            ("valid_json", r#""{\"a\": -Infinity}""#, "null", "1.0", 0.0),
            ("json_schema", r#""NaN""#, "true", "1.0", 0.0),
            ("json_diff", r#""[NaN]""#, r#""[ NaN]""#, "nan", 5.0 / 6.0),
        ],
    ),
    (
        "half a surrogate pair is no character: the text stays a text",
        &[
            ("json_diff", r#""[\"\\ud800\"]""#, r#""[ \"\\ud800\"]""#, "1.0", 10.0 / 11.0),
            ("json_schema", r#""[\"\\ud800\"]""#, "true", "1.0", 0.0),
        ],
    ),
    (
        "a number beyond the range of floats is no value under a schema",
        &[
            ("json_schema", r#""[1e400]""#, "true", "1.0", 0.0),
            ("json_schema", r#""[1e400]""#, r#"{"type": ["array", "null"]}"#, "1.0", 0.0),
        ],
    ),
    ("multiples are exact", &[("json_schema", "0.3", r#"{"multipleOf": 0.1}"#, "0.0", 1.0)]),
];
