//! The outline of a trace: its rows without their texts.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::skeleton::damaged;
use crate::store::StoreError;

/// What an outline leaves out.
const TEXTS: [&str; 5] = ["input", "output", "expected", "metadata", "context"];

/// Returns a row without its texts.
pub(crate) fn outline(document: &str) -> Result<String, StoreError> {
    let members: BTreeMap<Cow<'_, str>, &RawValue> =
        serde_json::from_str(document).map_err(|error| damaged(&error))?;
    let kept: BTreeMap<_, _> =
        members.into_iter().filter(|(name, _)| !TEXTS.contains(&&**name)).collect();
    serde_json::to_string(&kept).map_err(|error| damaged(&error))
}
