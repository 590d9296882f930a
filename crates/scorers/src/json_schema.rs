//! Validity under a JSON Schema.

use jsonschema::Validator;
use serde::Serialize;
use serde_json::Value;

/// Something that is no JSON Schema.
#[derive(Debug, thiserror::Error)]
#[error("invalid JSON Schema at {path:?}: {message}")]
pub struct SchemaError {
    path: String,
    message: String,
}

/// Scores whether outputs satisfy a JSON Schema.
///
/// This is autoevals' `ValidJSON` with a schema. The schema is compiled once; without `$schema` it
/// is of draft 2020-12. `format` is an annotation only, as in Python's validator by default.
///
/// # Differences
/// From Python's edition: it takes the schema as the second argument of the call (where an
/// evaluation passes the expected value) and ignores the one given to its constructor; here there
/// is one place. A faulty schema is an error of [`JsonSchema::new`], not of each call. References to
/// other documents are never fetched. `multipleOf` is exact: 0.3 is a multiple of 0.1. Text of JSON
/// is limited as for [`json_diff`](fn@crate::json_diff).
///
/// ```
/// use serde_json::json;
/// use tidegate_scorers::JsonSchema;
///
/// let schema = JsonSchema::new(&json!({"type": "object", "required": ["name"]}))?;
/// assert_eq!(schema.score(r#"{"name": "Ada"}"#), 1.0);
/// assert_eq!(schema.score(json!({"age": 36})), 0.0);
/// assert_eq!(schema.score("no JSON"), 0.0);
/// # Ok::<(), tidegate_scorers::SchemaError>(())
/// ```
#[derive(Debug)]
pub struct JsonSchema {
    validator: Validator,
}

impl JsonSchema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// If it is no valid schema, or refers to another document.
    pub fn new(schema: &Value) -> Result<Self, SchemaError> {
        let validator = jsonschema::options()
            .should_validate_formats(false)
            .build(schema)
            .map_err(|error| SchemaError {
                path: error.instance_path().to_string(),
                message: error.to_string(),
            })?;
        Ok(Self { validator })
    }

    /// Returns 1 if the output, or the value that it is the JSON text of, satisfies the schema, else
    /// 0. Other than for [`valid_json`](fn@crate::valid_json) a scalar may do. A text is always read
    /// as JSON: the text `5` is a number, and the text `abc` satisfies nothing.
    #[must_use]
    pub fn score(&self, output: impl Serialize) -> f64 {
        let value = match serde_json::to_value(output) {
            Ok(Value::String(text)) => serde_json::from_str(&text),
            other => other,
        };
        f64::from(u8::from(value.is_ok_and(|value| self.validator.is_valid(&value))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn score(schema: &Value, output: &Value) -> f64 {
        JsonSchema::new(schema).expect("a schema").score(output)
    }

    #[test]
    fn scalars_may_satisfy_a_schema() {
        assert_eq!(score(&json!({"type": "integer"}), &json!("5")), 1.0);
        assert_eq!(score(&json!({"type": "string"}), &json!("abc")), 0.0);
        assert_eq!(score(&json!({"type": "string"}), &json!("\"abc\"")), 1.0);
        assert_eq!(score(&json!(true), &json!(null)), 1.0);
        assert_eq!(score(&json!(false), &json!({})), 0.0);
    }

    #[test]
    fn a_faulty_schema_is_an_error() {
        let error =
            JsonSchema::new(&json!({"properties": {"a": {"type": 7}}})).expect_err("faulty");
        assert!(error.to_string().contains("/properties/a/type"), "{error}");
    }

    #[test]
    fn other_documents_are_not_fetched() {
        let schema = json!({"$ref": "http://127.0.0.1:9/schema.json"});
        assert!(JsonSchema::new(&schema).is_err());
    }

    #[test]
    fn formats_are_not_checked_in_any_draft() {
        for draft in [
            "http://json-schema.org/draft-07/schema#",
            "https://json-schema.org/draft/2020-12/schema",
        ] {
            let schema = json!({"$schema": draft, "format": "date"});
            assert_eq!(score(&schema, &json!("\"no date\"")), 1.0);
        }
    }
}
