//! Reading the rows of a trace for what the index keeps of it.

use rusqlite::{Connection, ToSql, params};
use tidegate_model::RowId;

use super::super::documents;
use super::super::row_tables::IdColumn;
use super::TraceKey;
use crate::store::StoreError;
use crate::store::index::extract::{Extract, Extraction, Facts};
use crate::store::index::skeleton::Skeleton;

/// Reads a trace: what is kept of it, `None` if it has no rows, and the `rows.number` of the row
/// that is part of it by its id. `each` sees every row: its number and its text.
pub(super) fn trace(
    main: &Connection,
    object: i64,
    key: &TraceKey,
    mut each: impl FnMut(i64, &str, &Skeleton<'_>) -> Result<(), StoreError>,
) -> Result<(Option<Extract>, Option<i64>), StoreError> {
    let (mut extraction, mut by_id) = (Extraction::default(), None);
    let id = RowId::from(key.to_text().as_str());
    let with_trace = "SELECT number, created_us, xact, is_root, document FROM rows
        WHERE object = ?1 AND root_span_id = ?2";
    let with_id = "SELECT number, created_us, xact, is_root, document FROM rows
        WHERE object = ?1 AND row_id = ?2 AND root_span_id IS NULL";
    let parts: [(&str, &dyn ToSql); 2] = [(with_trace, key), (with_id, &IdColumn(&id))];
    for (part, (sql, key)) in parts.into_iter().enumerate() {
        let mut statement = main.prepare_cached(sql)?;
        let mut rows = statement.query(params![object, key])?;
        while let Some(row) = rows.next()? {
            let facts = Facts {
                number: row.get(0)?,
                created_us: row.get(1)?,
                xact: row.get(2)?,
                is_root: row.get(3)?,
            };
            let text = documents::text(row.get_ref(4)?)?;
            let skeleton = Skeleton::of(&text)?;
            each(facts.number, &text, &skeleton)?;
            if part == 1 {
                by_id = Some(facts.number);
            }
            extraction.add(facts, skeleton)?;
        }
    }
    Ok((extraction.finish(), by_id))
}
