//! Scoring functions: each takes an output and what was expected and returns a score in 0..=1.
//!
//! Without features they are plain functions without I/O, so that they can be called from a scorer closure, a
//! test or a loop. The formulas are those of the autoevals library, so that scores compare with
//! those of evaluations written in other languages; every difference is stated at the function.
//! Where its Python and JavaScript editions differ, Python's is followed.
//!
//! | Feature | adds |
//! |---|---|
//! | `llm` | `llm`: scorers that ask a language model, and the only I/O of this crate |
//! | `schema` | `JsonSchema`: validity under a JSON Schema |

#![deny(missing_docs)]

mod assignment;
mod embedding;
mod exact_match;
mod json_diff;
#[cfg(feature = "schema")]
mod json_schema;
mod json_text;
mod levenshtein;
mod list_contains;
#[cfg(feature = "llm")]
pub mod llm;
mod numeric_diff;
mod valid_json;

pub use embedding::embedding_similarity;
pub use exact_match::exact_match;
pub use json_diff::{JsonDiff, json_diff};
#[cfg(feature = "schema")]
pub use json_schema::{JsonSchema, SchemaError};
pub use levenshtein::levenshtein;
pub use list_contains::{ListContains, list_contains};
pub use numeric_diff::numeric_diff;
pub use valid_json::valid_json;
