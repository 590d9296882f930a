//! A case as lists show it.

use tidegate_analysis::comparison::Trial;
use tidegate_model::RowId;

use super::preview::{hex, preview, time_text};
use super::skeleton::Skeleton;
use crate::store::{Case, StoreError};

/// A case as the index has it.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) root_span_id: String,
    pub(crate) created_us: i64,
    pub(crate) spans: i64,
    pub(crate) failed: bool,
    pub(crate) input_hash: [u8; 16],
    /// Its scores and metrics; the case key is not needed.
    pub(crate) trial: Trial,
}

impl Kept {
    /// Adds what the root span says.
    pub(crate) fn with_root(self, id: &RowId, document: &str) -> Result<Case, StoreError> {
        let root = Skeleton::of(document)?;
        let mut truncated = Vec::new();
        let mut cut = |name, value| preview(value, name, &mut truncated);
        let (input, output) = (cut("input", root.input), cut("output", root.output));
        let (expected, error) = (cut("expected", root.expected), cut("error", root.error));
        Ok(Case {
            id: id.to_string(),
            root_span_id: self.root_span_id,
            created: time_text(self.created_us),
            name: root.name().map(str::to_owned),
            input,
            output,
            expected,
            error,
            truncated,
            tags: root.tags.map(ToOwned::to_owned),
            scores: self.trial.scores,
            metrics: self.trial.metrics.iter().map(|(name, m)| (name, m.value)).collect(),
            spans: self.spans.cast_unsigned(),
            failed: self.failed,
            input_hash: hex(&self.input_hash),
        })
    }
}
