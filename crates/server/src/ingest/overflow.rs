//! A `/logs3` body that names uploaded rows instead of carrying them.

use serde::Deserialize;

/// Longer bodies carry rows.
const LONGEST_BYTES: usize = 64 << 10;

#[derive(Deserialize)]
struct Body {
    rows: Reference,
}

#[derive(Deserialize)]
struct Reference {
    r#type: String,
    key: String,
}

/// Returns the key of the upload that a body names; `None` for a body with rows, good or bad.
pub(crate) fn overflow_key(body: &[u8]) -> Option<String> {
    if body.len() > LONGEST_BYTES || !body.windows(14).any(|part| part == b"logs3_overflow") {
        return None;
    }
    let body: Body = serde_json::from_slice(body).ok()?;
    (body.rows.r#type == "logs3_overflow").then_some(body.rows.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_reference_is_one() {
        let key = |body: &str| overflow_key(body.as_bytes());
        let python =
            r#"{"rows":{"type":"logs3_overflow","key":"k","size_bytes":9},"api_version":2}"#;
        assert_eq!(key(python).as_deref(), Some("k"));
        for body in [
            r#"{"rows":[{"id":"a","experiment_id":"e","input":"logs3_overflow"}]}"#,
            r#"{"rows":{"type":"logs3_overflow"}}"#,
            r#"{"rows":{"type":"other","key":"logs3_overflow"}}"#,
            "logs3_overflow",
            "",
        ] {
            assert_eq!(key(body), None, "{body}");
        }
    }
}
