//! Documents of rows that the index names.

use std::ops::ControlFlow;

use deadpool_postgres::Transaction;
use tidegate_model::RowId;

use super::statement::Statement;
use crate::store::StoreError;
use crate::store::postgres::columns;

/// Calls `each` with the number, id and text of rows, in the order of `numbers`; those that are not
/// there are left out. Memory holds about a megabyte of them.
pub(super) async fn each(
    on: &Transaction<'_>,
    object: i64,
    numbers: &[i64],
    mut each: impl FnMut(i64, RowId, &str) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    if numbers.is_empty() {
        return Ok(());
    }
    let mut sql = Statement::new("SELECT found.* FROM unnest(");
    sql.bind(numbers.to_vec());
    // OFFSET 0 keeps the order: one look at the index after the other.
    sql.push("::bigint[]) AS wanted (number), LATERAL (SELECT number, row_id, document FROM rows");
    sql.push(" WHERE object = ").bind(object);
    sql.push(" AND rows.number = wanted.number OFFSET 0) AS found");
    let mut parts = sql.parts(on).await?;
    loop {
        let rows = parts.next(on).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in &rows {
            let text = columns::text(row.get(2))?;
            if each(row.get(0), columns::read_row_id(row.get(1))?, &text)?.is_break() {
                return Ok(());
            }
        }
    }
}
